/* small - many small tables compared at once: one pipeline that reads them all, and at most one more for
 * what has to be compared by the server's types. */
#ifndef SEEDOPS_DIFF_SMALL_H
#define SEEDOPS_DIFF_SMALL_H

#include "db/pipeline.h"
#include "diff/diff.h"

struct small_diff {
    const struct bound *bound;
    struct diff_options options;   /* in_transaction is ignored: each probe is a transaction of its own */
    /* given: */
    bool ok;
    struct diff_totals totals;
    struct err err;                /* why not, when !ok: a table that fails spoils no other */
};

/* At most two round trips, however many tables. For tables of under about 10 000 rows: all of them are held
 * in memory. False only when the pipeline itself failed; each table then says for itself. Riders are probes of
 * the caller's that go with the first round trip (counts); they are the caller's to read and free. */
bool diff_small(struct db *db, struct small_diff *tables, size_t count, struct db_probe *riders,
                size_t rider_count, struct err *err);

#endif
