/* prune - the operations of this room: prune, reset, converge, and reset --schema. */
#ifndef SEEDOPS_REMOVAL_PRUNE_H
#define SEEDOPS_REMOVAL_PRUNE_H

#include "op/session.h"

/* prune.c: rows that no fixture declares any more (prune), all rows of the context tables and then the fixtures' again
 * (reset), or both a prune and a seed (converge), as one plan and one transaction (SAFETY 5). Every row that goes or
 * changes is in a safepoint before the first delete. Emits IN_PLAN, IN_PROGRESS, IN_OUTCOME (text: the safepoint). */
enum removal_kind { REMOVAL_PRUNE, REMOVAL_RESET, REMOVAL_CONVERGE };
struct removal_change {        /* a column of a row that stays */
    const char *column;
    const char *was;           /* NULL: SQL NULL; redacted if it is secret */
    const char *becomes;       /* SQL: "NULL", "DEFAULT 7"; or, where rows differ in it, words */
};
struct removal_row {           /* a row that goes, or changes; texts borrow until the callback returns */
    const char *table, *why;   /* why: "not declared", or the foreign keys it goes or changes by */
    const char *key, *label;   /* secrets redacted */
    bool operational;          /* the application's */
    const struct removal_change *changes;   /* NULL: it goes */
    size_t change_count;
};
/* A row as cells, for lists and exports: one line for a row that goes, one for each column (`change`) of one that stays.
 * NULL: nothing, or SQL NULL. They borrow from the row. */
enum { REMOVAL_CELLS = 8 };
extern const char *const removal_titles[REMOVAL_CELLS];
extern const char removal_csv_head[];
size_t removal_lines(const struct removal_row *row);
void removal_cells(const struct removal_row *row, size_t change, const char *cells[REMOVAL_CELLS]);
struct prune_options {
    enum removal_kind kind;
    const char *const *tables; /* these only; count 0: every table whose fixture says prune: true (prune), or all */
    size_t table_count;
    bool dry_run, scan;
    const char *seen;          /* digest of the plan that was confirmed (or its first 8 digits or more); NULL: any */
    int64_t seen_operational;  /* operational rows as they were confirmed; -1: as planned now */
    const char *safepoint_dir; /* NULL: the environment's */
    /* Each row of a context table that goes, then those that change, and then the same of the application's tables, while
     * the plan is made; `row` NULL: that was all. NULL: nobody wants them. */
    bool (*row)(void *context, const struct removal_row *row, struct err *err);
    uint64_t operational_most; /* of each of the application's tables, and of each key that changes rows there;
                                * UINT64_MAX: all */
    void *context;
};
bool op_prune(struct session *s, const struct prune_options *options, struct err *err);
/* wipe.c: reset --schema (class wipe): drops the default schema, its rows saved first, and makes it again by migrations
 * and seed. Of the options: dry_run, seen, safepoint_dir. */
bool op_wipe(struct session *s, const struct prune_options *options, struct err *err);

#endif
