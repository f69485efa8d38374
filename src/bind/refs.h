/* refs - what refs.c (which keys are declared) and refs_ask.c (which are live) share. Not for others. */
#ifndef SEEDOPS_BIND_REFS_H
#define SEEDOPS_BIND_REFS_H

#include "bind/parts.h"

enum { REFS_FOUND = 1024 };         /* keys remembered as live, an index */

/* The keys of one target by one combination of columns. */
struct index {
    struct index *next;
    const struct db_table *target;
    const char **names;
    size_t count;
    const struct bound *fixture;    /* the target's, or NULL */
    uint64_t *hashes;               /* of the declared keys, sorted */
    size_t hash_count;
    bool usable;                    /* the columns exist and identify a row */
    bool optional;                  /* where the server cannot be asked, it will judge the write */
    uint64_t *found;                /* REFS_FOUND hashes by their lowest bits: most rows repeat a few keys */
    /* references that are no declared row, waiting for the server */
    struct pending *pending;
    size_t pending_count;
    struct arena texts;
};

struct pending {
    const struct bound *from;
    const struct db_foreign_key *foreign;   /* a plain value of it; NULL: a !ref */
    const char **values;
    uint64_t hash;
    struct fixture_value place;
    bool secret;
    unsigned row_line, row_column;
    bool missing;                   /* the database has no such row */
    bool said;                      /* it is reported */
};

struct refs {
    const struct checking *c;
    struct index *indexes;
    struct arena arena;
};

/* The texts of a fixture row's columns (-1: none of the fixture's); false if one has none that is known before it is
 * written. */
bool refs_key_of_row(const struct index *index, const int *columns, const struct fixture_row *row, const char **texts);
uint64_t refs_hash(const char *const *texts, size_t count);
/* Asks the server about everything that waits, in one pipeline, and reports who is nobody. */
bool refs_ask(struct refs *refs, struct err *err);

#endif
