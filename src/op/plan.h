/* plan - what a seed would write: the differences of every declared table, and their digest.
 *
 * Rows wait in spools (memory first, then an unlinked file), so a plan of a million inserts holds none of them. As far as
 * a fixture's rows are missing from its first one on, it is its own spool.
 * Records:  insert: packed row;  update: packed row, live key texts, count, then (column, text that was read). */
#ifndef SEEDOPS_OP_PLAN_H
#define SEEDOPS_OP_PLAN_H

#include "base/hash.h"
#include "diff/spool.h"
#include "op/declared.h"
#include "op/precheck.h"

enum { PLAN_COPY_ROWS = 500 };     /* so many plain rows go by COPY */

struct table_plan {
    const struct bound *bound;
    struct diff_totals totals;
    uint64_t insert_rows;
    uint64_t head;                 /* so many of them are the fixture's first ones, read there; the others are spooled */
    bool plain_fixture;            /* it may have a head: its rows are alike, nobody looks at them one by one */
    struct spool inserts, updates;
    bool plain;                    /* all rows to insert give texts for the same columns: no reference, no SQL */
    bool *given;                   /* which; parallel to fixture->columns */
};

struct plan {
    struct table_plan *tables;     /* parallel to the declared set, in writing order */
    size_t count;
    uint64_t rows;                 /* to write, in all */
    char digest[HASH_HEX];
    bool values_late;              /* plain values of foreign keys wait like references: without that the server
                                    * refused them before the rows they point at were there */
};

/* What a first try does beside; NULL for another one, or in a transaction. */
struct plan_first {
    bool check;                    /* begin the precheck as soon as it is worth it */
    struct precheck *precheck;     /* given, also after a failure: take or stop it; NULL: it was not worth it */
};
/* Reads only; progress goes to the session's sink. */
bool plan_make(struct session *s, const struct declared *d, struct plan *plan, struct plan_first *first,
               struct err *err);
void plan_free(struct plan *plan);
/* The rows to insert, in their order. */
struct plan_inserts {
    struct table_plan *table;
    struct fixture_reader *reader; /* of the head; NULL: it has been read */
    uint64_t left;                 /* of it */
};
bool plan_inserts_begin(struct plan_inserts *i, struct table_plan *table, const struct fixture_options *options,
                        struct err *err);
/* *found false: the end. What is not in the arena borrows until the next call. */
bool plan_inserts_next(struct plan_inserts *i, struct arena *arena, struct fixture_row *row, bool *found,
                       struct err *err);
void plan_inserts_end(struct plan_inserts *i);

/* Reads a record of `updates`. Everything in *update is in the arena: the live key's texts, and parallel to the
 * fixture's columns whether each differs and what was read there. */
struct plan_update {
    struct fixture_row row;
    const char **key, **old;
    bool *changed;
};
void plan_unpack_update(const struct bound *bound, const char *bytes, struct arena *arena, struct plan_update *update);
/* IN_PLAN: a step for each table and action, the digest, the guard's word. */
struct input *plan_event(const struct plan *plan, const struct guard_answer *guard);
/* IN_PLAN while a table is held: nothing was read, so it says what there can be at most. */
struct input *plan_unread_event(const struct declared *d, const char *digest, const struct guard_answer *guard);

#endif
