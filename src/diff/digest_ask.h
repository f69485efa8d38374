/* digest_ask - the questions of a comparison by digests, and their answers. Knows nothing of how the choice is made. */
#ifndef SEEDOPS_DIFF_DIGEST_ASK_H
#define SEEDOPS_DIFF_DIGEST_ASK_H

#include "diff/rowhash.h"
#include "diff/sums.h"

/* What the server says of its rows. */
struct live_sums {
    bool whole;                    /* the whole was asked for, and is here */
    uint64_t rows, sum;
    uint32_t count;                /* of buckets that were asked for; a power of two */
    bool parted;                   /* they are here */
    struct sums_bucket *buckets;   /* of `count`; ours to free */
};
void live_sums_free(struct live_sums *live);

/* Appends the statements: the sums in `count` buckets, and of all; with `known` the buckets only where the whole is
 * another. count 0: only the whole. */
void ask_sums_sql(const struct rowhash *h, uint32_t count, const struct sums *known, struct str *sql);
/* False: the answer is none. */
bool ask_sums_take(const struct db_result *result, uint32_t count, struct live_sums *live);

/* Sums in so many buckets that they are read one by one. Of each bucket `own` has ask_finer_sum of what the fixture has
 * in it; `differs` tells which are others here. In a transaction in which ask_sums_sql was. */
bool ask_finer(struct db *db, const struct rowhash *h, uint32_t count, const uint64_t *own, bool *differs,
               struct err *err);
/* Rows and the sum of their hashes as one number. */
uint64_t ask_finer_sum(uint64_t rows, uint64_t sum);

/* How many of the sample's rows are there with the very hash they have. */
bool ask_sample(struct db *db, const struct rowhash *h, const struct sums *s, size_t *same, struct err *err);

/* Live rows of the buckets in $1 (int4[]) whose hash is none of $2 (int8[]), in key order, and hashes of $2 that no
 * live row has. A row of the answer is a hash, or the layout's fields behind it. */
void ask_exchange_sql(const struct rowhash *h, uint32_t count, int server_version_num, struct str *sql);

#endif
