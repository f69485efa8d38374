/* learn - sums of a fixture that are made while its rows are compared one by one: of texts that only the server can
 * make from what the fixture says, they cannot be made otherwise. */
#include <string.h>

#include "diff/digest.h"

/* The live row's, if it may stand for the fixture's, in the bucket where that one is looked for. */
static bool hash(struct learning *l, const struct fixture_row *row, char *const *fields, uint64_t *key, uint64_t *all)
{
    if (!fields || !rowhash_same_key(&l->hash, row, fields) || !rowhash_may_stand(&l->hash, row, fields))
        return rowhash_of(&l->hash, row, key, all);
    rowhash_of_live(&l->hash, fields, key, all);
    return true;
}

static void note(void *context, const struct fixture_row *row, char *const *fields)
{
    struct learning *l = context;
    uint64_t key, all;
    l->unfit = l->unfit || !hash(l, row, fields, &key, &all);
    if (!l->unfit)
        sums_add_row(&l->sums, l->bound, row, key, all);
}

void digest_learn(struct learning *l, struct match *m, const struct db *db)
{
    *l = (struct learning){.bound = m->bound, .cache = m->options->fixtures->cache};
    sums_key(&m->layout, db_facts(db), l->key);
    sums_begin(&l->sums, m->bound->fixture->row_count, m->bound->key_count);
    rowhash_begin(&l->hash, &m->layout);
    m->settled = note;
    m->settled_context = l;
}

void digest_learned(struct learning *l, bool ok)
{
    if (ok && !l->unfit && l->sums.rows == l->bound->fixture->row_count)
        sums_keep(&l->sums, l->cache, l->key);
    sums_free(&l->sums);
    rowhash_free(&l->hash);
}
