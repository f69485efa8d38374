/* digest - a table compared without sending its rows: the server adds up hashes of them, we those of the fixture's.
 *
 *   one sum over all rows ── equal ──▶ identical: one round trip, some hundred bytes
 *      │ differs
 *   the same in 4 096 buckets by the key's hash ── too many differ ──▶ row by row is cheaper
 *      │ a few differ
 *   the hashes of the fixture's rows in those ──▶ the server sends its rows that are not among them, and which of them
 *                                                 it has no row for: these meet as in any comparison (match.h)
 *
 * Equal sums of 64-bit hashes are taken for equal rows. Three round trips at most, each a scan of the table; memory is
 * the buckets and what differs. */
#ifndef SEEDOPS_DIFF_DIGEST_H
#define SEEDOPS_DIFF_DIGEST_H

#include "diff/match.h"

enum digest_end {
    DIGEST_FAILED,             /* err says why */
    DIGEST_DONE,               /* totals are made, every difference was reported */
    DIGEST_ROWS                /* no answer, nothing was reported: compare row by row; *why says why */
};

/* In a transaction of its own, which stays open unless the answer is DIGEST_ROWS. */
enum digest_end digest_table(struct db *db, const struct bound *bound, const struct diff_options *options,
                             struct diff_totals *totals, const char **why, struct err *err);

#endif
