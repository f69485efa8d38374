/* digest_parts - what is in the buckets whose sums differ. For digest.c, which chooses and adds up. */
#ifndef SEEDOPS_DIFF_DIGEST_PARTS_H
#define SEEDOPS_DIFF_DIGEST_PARTS_H

#include "diff/digest.h"
#include "diff/digest_ask.h"

struct digest {
    struct db *db;
    const struct bound *bound;
    const struct diff_options *options;
    struct layout layout;
    struct rowhash hash;
    struct arena scratch;
    struct sums own;           /* the fixture's */
    bool known;                /* from an earlier run */
    bool better;               /* they are, or have become, better than those that are kept */
    bool near;
    char key[HASH_HEX];        /* they are kept by it; "": they are not */
    struct live_sums live;
    bool *differs;             /* of `buckets` of them */
    uint32_t buckets;
    uint64_t *finer;           /* the fixture's sums in as many, while they are made */
    struct spool parts;        /* the fixture's rows in those: the hash, then the packed row */
    uint64_t *wanted;          /* hashes of the fixture's rows that the server has no row for, ascending */
    size_t wanted_count;
    struct db_result *answer;  /* of the question under way */
    bool answered;
    const char *why;
    bool begun;                /* a transaction */
    bool worth;
};

typedef bool digest_visit(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err);

/* The first `most` rows of the fixture with their hashes, the key's and all's; of buckets that were found equal none.
 * False with d->why: a row has no hash; with err: it cannot be read. */
bool digest_each_row(struct digest *d, uint64_t most, digest_visit *visit, struct err *err);
/* Takes what has come of the answer under way, waiting wait_ms for it; a cancel is noticed here. */
bool digest_look(struct digest *d, int wait_ms, struct err *err);
/* Once sums in buckets are here, and differ. */
enum digest_end digest_compare_parts(struct digest *d, struct diff_totals *totals, struct err *err);

#endif
