/* match - one table's comparison, in two steps.
 *
 *   live rows in key order ──▶ merge ──▶ equal by text or by a cheap normal form: done
 *   fixture rows, sorted   ──┘    ├────▶ missing or changed, where texts of these types leave no doubt: told at once
 *                                 ├────▶ suspects: fixture rows without a partner, or whose text differs
 *                                 └────▶ leftover: live rows without a partner
 *   suspects, in batches ──▶ the server compares by the column's types (typed.h) ──▶ missing, changed, or equal
 *   leftover without those found a partner after all ──▶ extra
 *
 * Both lists go to disk when they grow; nothing here holds a table. Sends no query itself. */
#ifndef SEEDOPS_DIFF_MATCH_H
#define SEEDOPS_DIFF_MATCH_H

#include "diff/diff.h"
#include "diff/layout.h"
#include "diff/sorter.h"
#include "diff/spool.h"

enum suspicion {
    SUSPECT_ALONE,                 /* no partner in the merge; the server may find one */
    SUSPECT_PAIRED,                /* its text differs from its partner's */
    SUSPECT_MISSING                /* nothing to ask any more: it waits behind others for its turn */
};

/* Settled rows, in the fixture's order, each in `arena`; *found false: the end. next NULL: all that the fixture has. */
struct match_rows {
    bool (*next)(void *context, struct arena *arena, struct fixture_row *row, bool *found, struct err *err);
    void *context;
};

struct match {
    const struct bound *bound;
    const struct diff_options *options;
    struct layout layout;
    struct diff_totals totals;
    struct spool suspects;         /* a byte (suspicion), then the packed row */
    struct sorter *leftover;       /* merge key → the live row's fields */
    struct sorter *found;          /* merge keys of live rows whose partner the server found */
    bool *secret;                  /* parallel to fixture->columns: redacted in every row */
    bool *ignored;                 /* likewise: never compared, never shown */
    struct arena told;             /* of the row that is being reported */
    /* the fixture's side of the merge */
    struct fixture_reader *reader; /* rows as they come, or */
    struct sorter *sorted;         /* by merge key */
    struct arena scratch;          /* of the current row */
    struct fixture_row row;
    bool begun, row_here;          /* its first row was read, after all were sorted; there is a current one */
    bool plain_key;                /* of columns whose values are no references */
    bool ascends;                  /* each fixture row had a greater key than the one before it */
    struct match_rows rows;        /* where they come from; or */
    struct str key, last_key, live_key, room[2], packed;
    struct str peeked;             /* a suspect that was read but did not fit its batch; empty: none */
    int64_t progress_ms;
    /* Told of every fixture row once it is compared: the live row that equals it, or NULL. NULL: nobody is. */
    void (*settled)(void *context, const struct fixture_row *row, char *const *fields);
    void *settled_context;
};

/* True if the fixture need not be sorted: its order is the live side's. */
bool match_sorted(const struct bound *bound);
/* Opens the fixture, which is sorted where it has to be once a live row comes. */
bool match_begin(struct match *m, const struct bound *bound, const struct diff_options *options,
                 struct err *err);
bool match_begin_rows(struct match *m, const struct bound *bound, const struct diff_options *options,
                      const struct match_rows *rows, struct err *err);
/* The next live row, layout.field_count texts (NULL: SQL NULL). */
bool match_live(struct match *m, char *const *fields, struct err *err);
/* No live row is left. */
bool match_live_end(struct match *m, struct err *err);
/* After the suspects were dealt with (typed.h): reports the extra rows. */
bool match_finish(struct match *m, struct err *err);
void match_free(struct match *m);

/* A suspect is found out: changed cells, or none of the live row (fields NULL: missing). `equal` says of each
 * fixture column whether the server finds it equal; only asked where both sides have a value to compare. */
bool match_decide(struct match *m, const struct fixture_row *row, bool paired, char *const *fields,
                  const bool *equal, struct err *err);

#endif
