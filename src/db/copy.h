/* copy - COPY out and in, streaming; memory is one row. */
#ifndef SEEDOPS_DB_COPY_H
#define SEEDOPS_DB_COPY_H

#include "db/conn.h"

/* COPY ... TO STDOUT. `sql` is the whole statement. */
bool db_copy_out_begin(struct db *db, const char *sql, struct err *err);
/* One row: *row borrows until the next call, *length without the newline kept as the server sent it.
 * *row == NULL at the end (the command has completed). */
bool db_copy_out_row(struct db *db, const char **row, size_t *length, struct err *err);
/* Leaves early: cancels the statement and drains what comes. */
bool db_copy_out_abandon(struct db *db, struct err *err);

/* COPY ... FROM STDIN. */
bool db_copy_in_begin(struct db *db, const char *sql, struct err *err);
bool db_copy_in_put(struct db *db, const char *bytes, size_t length, struct err *err);
/* Ends; *rows (may be NULL) gets the number copied. With `failure` the COPY is made to fail. */
bool db_copy_in_end(struct db *db, const char *failure, int64_t *rows, struct err *err);

/* COPY text format. Splits a row in place into fields: fields[i] is NULL for \N, else unescaped and
 * NUL-terminated. Returns the number of fields found (may exceed `capacity`; only that many are filled). */
size_t db_copy_split(char *row, size_t length, char **fields, size_t capacity);
/* Appends one field with COPY's escapes (NULL gives \N), without separator. */
struct str;
void db_copy_field(struct str *out, const char *value);

#endif
