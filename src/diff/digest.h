/* digest - a table compared without sending its rows: the server adds up hashes of them, we those of the fixture's, or
 * know them from an earlier run (sums.h).
 *
 *   near, and nobody said how: are 512 rows from all over it as they were? ── too many are not ──▶ row by row
 *      │ they are
 *   sums in buckets by the key's hash; known ones go with the question ── equal ──▶ one line back: identical
 *      │ differs
 *      ├─ too many buckets ──▶ row by row is cheaper
 *   the hashes of the fixture's rows in those ──▶ the server sends its rows that are not among them, and which of
 *                                                 them it has no row for: these meet as in any comparison
 *
 * Equal sums of 64-bit hashes are taken for equal rows. Few round trips, each a scan of the table; memory is the
 * buckets and what differs. Locally it pays because aggregates run in parallel, and sending rows does not. */
#ifndef SEEDOPS_DIFF_DIGEST_H
#define SEEDOPS_DIFF_DIGEST_H

#include "diff/match.h"
#include "diff/rowhash.h"
#include "diff/sums.h"

/* True if a round trip is no matter: the server is near. */
bool digest_is_near(struct db *db);

/* What is asked first of a far table whose fixture's sums are not known. Gives: free(); NULL: it has none. */
char *digest_first_statement(const struct layout *layout, const struct diff_options *options);

enum digest_end {
    DIGEST_FAILED,             /* err says why */
    DIGEST_DONE,               /* totals are made, every difference was reported */
    DIGEST_ROWS                /* no answer, nothing was reported: compare row by row; totals->why_rows says why */
};

/* In a transaction of its own, which stays open unless the answer is DIGEST_ROWS. *worth: comparing the rows would tell
 * sums that make the next time cheaper (digest_learn). */
enum digest_end digest_table(struct db *db, const struct bound *bound, const struct diff_options *options,
                             struct diff_totals *totals, bool *worth, struct err *err);

/* Sums that are made while rows are compared, of the server's own texts where it has them. */
struct learning {
    struct rowhash hash;
    struct sums sums;
    const struct bound *bound;
    const char *cache;
    char key[HASH_HEX];
    bool unfit;                /* a row has no hash */
};
/* Makes the match tell us; until digest_learned, which keeps the sums if all went well. */
void digest_learn(struct learning *learning, struct match *m, const struct db *db);
void digest_learned(struct learning *learning, bool ok);

#endif
