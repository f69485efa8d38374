/* diff - a bound fixture against live rows: missing, changed (column by column), extra.
 *
 * Streams both sides in key order and merges; memory does not grow with the table (unsorted fixtures go
 * through an external sort). Equal text of the server's own output is equality; what differs as text goes back to
 * the server in batches, to be compared as its type, unless its type has one writing only of each value. Reads only:
 * every statement is in a READ ONLY transaction with its settings local. */
#ifndef SEEDOPS_DIFF_DIFF_H
#define SEEDOPS_DIFF_DIFF_H

#include "bind/bind.h"

enum diff_kind { DIFF_MISSING, DIFF_CHANGED, DIFF_EXTRA };
const char *diff_kind_name(enum diff_kind kind);

struct diff_cell {
    const char *column;
    const char *fixture;      /* text; NULL is SQL NULL; "[REDACTED]" when secret */
    const char *live;
    bool allowed;             /* keep columns: shown, counts for nothing */
    bool secret;
    /* for whoever writes (never shown when secret): */
    const struct fixture_value *value;
    int bound_column;         /* index into fixture->columns */
    const char *live_raw;     /* what was read, for "only where the row still has the values that were read" */
};

struct diff_row {
    enum diff_kind kind;
    bool allowed;
    const char *const *key;   /* key_count texts as shown, the live form where there is one */
    const char *const *live_key;     /* key_count texts as read, for whoever writes; NULL for missing */
    struct diff_cell *cells;  /* changed: the columns that differ; missing: all; extra: label columns */
    size_t cell_count;
    const char *table, *place;       /* extra, with `places`: tableoid and ctid of the live row, as texts */
    const struct fixture_row *row;   /* NULL for extra */
    const char *file;         /* where the fixture row stands */
    unsigned line;
};

struct diff_totals {
    uint64_t fixture_rows, live_rows;
    uint64_t missing, changed, extra;       /* all */
    uint64_t allowed_changed, allowed_extra;/* of those */
    bool by_digests;                        /* no rows were read but those that differ */
    bool kept;                              /* the fixture's sums were those of an earlier run */
    const char *why_rows;                   /* why rows were compared, where digests might have been; or NULL */
    int64_t reaction_ms;                    /* what the server's distance was taken for; -1: it was no question */
};

enum diff_way {
    DIFF_AS_IT_PAYS,           /* by digests where that is worth it (digest.h), which shows as it goes */
    DIFF_BY_ROWS,              /* every live row is read */
    DIFF_BY_DIGESTS            /* sums of hashes first, where the table has them and few rows differ */
};

struct diff_options {
    const struct fixture_options *fixtures;
    enum diff_way way;
    const char *const *secret_columns; size_t secret_count;   /* tables.X.secret: redacted */
    bool places;              /* extra rows say where they are: it holds in the same snapshot only */
    bool no_extra;            /* extra rows are of no interest: neither told nor counted */
    bool bare;                /* a missing row comes without cells: its fixture row says it all */
    bool in_transaction;      /* the caller's transaction is open: no BEGIN of our own (seed) */
    /* Asked once where the table has no row at all: true, and no missing row is told, since all of the fixture's are.
     * NULL: no. */
    bool (*all_missing)(void *context);
    /* called per difference; texts borrow until it returns; false stops with err set. NULL: totals only */
    bool (*row)(void *context, const struct diff_row *row, struct err *err);
    void (*progress)(void *context, uint64_t done, int64_t total);   /* may be NULL; at most ten a second */
    void *context;
};

/* What diff_table asks first where rows are compared: for db_send_ahead. Gives: free(); NULL: it is not known. */
char *diff_first_statement(const struct bound *bound, const struct diff_options *options);
bool diff_table(struct db *db, const struct bound *bound, const struct diff_options *options,
                struct diff_totals *totals, struct err *err);

#endif
