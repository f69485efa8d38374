/* safepoint_read - a safepoint's file, read back: what it holds at once, its rows as a stream.
 *
 * A file may be damaged, cut short or made up. Every block is bounded and checked before it is unpacked, the whole by
 * the check over all checks; whatever is wrong is one ERR_GENERAL with the place in the file. */
#ifndef SEEDOPS_PLAN_SAFEPOINT_READ_H
#define SEEDOPS_PLAN_SAFEPOINT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/safepoint.h"

struct safepoint_held {              /* a section, as the file's end sums it up */
    const char *schema, *table;
    enum safepoint_kind kind;
    int64_t rows, bytes;             /* bytes: of COPY text */
};

struct safepoint_step { const char *action, *object, *detail; int64_t rows; };

/* Texts are the file's own: whoever shows them makes them visible first. "" where the file does not say. */
struct safepoint_info {
    const char *path, *id, *version; /* version: of the seedops that wrote it */
    const char *action, *environment, *role, *target, *system_identifier, *database, *server_version;
    const char *user, *host, *journal, *plan_digest;
    const char *created;             /* "2026-04-21T12:31:02.000Z" */
    int64_t created_ms;
    uint32_t database_oid;
    struct safepoint_step *steps;
    size_t step_count;
    const char *schema, *check;      /* digests: of the tables' columns, of everything */
    struct safepoint_held *held;
    size_t held_count;
    int64_t rows, file_bytes;
};

struct safepoint_column { const char *name, *type; bool not_null, identity, sequence; };
struct safepoint_changed { const char *column; bool known; const char *after; };

struct safepoint_table {             /* the section that is being read */
    const char *schema, *name;
    enum safepoint_kind kind;
    struct safepoint_column *columns;     /* fields of a row, in order */
    size_t column_count;
    const char **generated;          /* names of columns that the rows do not carry */
    size_t generated_count;
    const char **key;                /* rows are recognised by these; none: by all they have */
    size_t key_count;
    struct safepoint_changed *changes;
    size_t change_count;
    bool after_fields;               /* each row carries the new value of every change behind its columns */
};

struct safepoint_reader;

/* Opens a file and reads its head and its end (a few KiB, whatever the size). */
bool safepoint_open(struct safepoint_reader **reader, const char *path, struct err *err);
void safepoint_close(struct safepoint_reader *reader);       /* NULL is fine */
/* Closes the file and keeps what safepoint_info tells. */
void safepoint_let_go(struct safepoint_reader *reader);
const struct safepoint_info *safepoint_info(const struct safepoint_reader *reader);
/* The next section, rows of the present one that were not read are passed over (and checked). *table borrows until the
 * next call; NULL at the end, when the whole file was found right. */
bool safepoint_next(struct safepoint_reader *reader, const struct safepoint_table **table, struct err *err);
/* A copy that lives in the arena. */
void safepoint_table_copy(struct arena *arena, struct safepoint_table *to, const struct safepoint_table *from);
/* COPY text of the present section, cut anywhere; *bytes borrows until the next call. NULL at its end. */
bool safepoint_text(struct safepoint_reader *reader, const char **bytes, size_t *length, struct err *err);
/* Back to before the first section. */
bool safepoint_rewind(struct safepoint_reader *reader, struct err *err);
/* Reads everything once, then rewinds. */
bool safepoint_verify(struct safepoint_reader *reader, struct err *err);

/* The file that `name` means: a path, an ID (its beginning will do, if there is only one such), or "last" (of
 * `environment`, unless NULL). dir and state_dir as in safepoint_options. Gives a path to free(), or NULL. */
char *safepoint_find(const char *name, const char *environment, const char *dir, const char *state_dir,
                     struct err *err);

/* What lies in the directory, newest first; the files themselves are let go. One that cannot be read is an item with its
 * error. */
struct safepoint_item { struct safepoint_reader *reader; char *path; struct err err; };
struct safepoint_list { struct safepoint_item *items; size_t count; char *dir; };
/* An absent directory is an empty list. */
bool safepoint_list(struct safepoint_list *list, const char *dir, const char *state_dir, struct err *err);
void safepoint_list_free(struct safepoint_list *list);

#endif
