/* sums - a fixture's rows as sums of hashes (rowhash.h), in buckets by the key's hash, and a few rows from all over it.
 *
 * Kept between runs (base/cache.h) by the fixture's digest and everything that the server's texts of its rows depend
 * on: columns, their types, the server's version. A kept sum is of texts in the server's own form: where a row was
 * found equal to a live one whose text is another (a time in another zone, JSON in another order), that one counts. */
#ifndef SEEDOPS_DIFF_SUMS_H
#define SEEDOPS_DIFF_SUMS_H

#include "base/cache.h"
#include "db/conn.h"
#include "diff/layout.h"

enum {
    SUMS_BUCKETS_LEAST = 512, SUMS_BUCKETS_MOST = 8192,
    SUMS_SAMPLE = 512                  /* rows */
};

/* Of row hashes, modulo 2^64: equal for the same rows in any order. */
struct sums_bucket {
    uint64_t sum;
    uint32_t rows;
};

struct sums_sample {
    uint64_t hash;
    size_t key;                        /* where its key's texts are in `keys`, each with its NUL */
};

struct sums {
    uint64_t rows, sum;
    uint32_t count;                    /* of buckets: a power of two */
    struct sums_bucket *buckets;
    struct sums_sample sample[SUMS_SAMPLE];
    size_t sampled, key_count;
    struct str keys;
};

/* For about that many rows. */
void sums_begin(struct sums *s, uint64_t rows, size_t key_count);
void sums_add(struct sums *s, uint64_t key, uint64_t all);
/* A row of that key gets another hash. */
void sums_move(struct sums *s, uint64_t key, uint64_t from, uint64_t to);
/* Adds a settled row to the sample. */
void sums_sample_row(struct sums *s, const struct bound *b, const struct fixture_row *row, uint64_t all);
/* The sums of a settled row, and every so many rows the sample. */
void sums_add_row(struct sums *s, const struct bound *b, const struct fixture_row *row, uint64_t key, uint64_t all);
/* What the buckets are with fewer of them, a power of two; into `out`. */
void sums_fold(const struct sums *s, uint32_t count, struct sums_bucket *out);
void sums_free(struct sums *s);

void sums_key(const struct layout *l, const struct db_facts *facts, char key[HASH_HEX]);
bool sums_find(struct sums *s, const char *dir, const char key[HASH_HEX], size_t key_count);
void sums_keep(const struct sums *s, const char *dir, const char key[HASH_HEX]);
/* What an entry holds, as bytes. False: it is no such thing. Pure; sums_free in either case. */
bool sums_parse(struct sums *s, const char *bytes, size_t length, size_t key_count);
void sums_format(const struct sums *s, struct str *out);

#endif
