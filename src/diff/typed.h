/* typed - suspects go to the server in batches and come back compared by the columns' own types.
 *
 * One statement a batch: the fixture rows as text arrays, cast to the column types, joined to the live table
 * on its key. It finds partners that the text did not (a citext key, an upper-case uuid) and says of each
 * column whether it is equal. */
#ifndef SEEDOPS_DIFF_TYPED_H
#define SEEDOPS_DIFF_TYPED_H

#include "diff/match.h"

struct typed_slot;                 /* how a column's values are sent in this batch */
struct typed_batch {
    struct arena arena;
    struct fixture_row *rows;
    enum suspicion *why;
    size_t count, asked, bytes;    /* rows; those that are asked about */
    struct typed_slot *slots;      /* parallel to fixture->columns */
    /* made by typed_ask: */
    char *sql;
    const char **params;
    size_t param_count;
};

/* The next suspects that can be asked about in one statement; count 0: there are none left. */
bool typed_fill(struct match *m, struct typed_batch *batch, struct err *err);
void typed_ask(struct match *m, struct typed_batch *batch);
/* Decides every row of the batch; result NULL: the table has no rows to compare with. */
bool typed_take(struct match *m, struct typed_batch *batch, const struct db_result *result, struct err *err);
void typed_free(struct typed_batch *batch);
/* Appends an element of an array literal, '{' or ',' included. */
void typed_array_add(struct str *array, const char *text);

#endif
