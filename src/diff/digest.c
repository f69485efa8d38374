/* digest - the choice, the sample and the sums. */
#include "diff/digest.h"

#include <stdlib.h>
#include <string.h>

#include "diff/digest_parts.h"
#include "diff/row.h"
#include "diff/suspects.h"

enum {
    FAR_BUCKETS = 4096,        /* sent one by one over a slow link */
    NEAR_MS = 20,              /* a server that answered sooner than this when it was connected to */
    NEAR_ROWS = 20 * 1000,     /* fewer are merged before anything else would be worth it */
    FAR_BYTES = 256 * 1024,    /* of the fixture: likewise over a link */
    DIRTY_MOST = 2             /* of the sample: more, and about one row in a hundred differs */
};

/* ---- the fixture's side ---- */

static bool take_head(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err)
{
    (void)err;
    sums_sample_row(&d->own, d->bound, row, hash[1]);
    return true;
}

static bool sum_up(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err)
{
    (void)err;
    sums_add_row(&d->own, d->bound, row, hash[0], hash[1]);
    return true;
}

/* ---- near: a sample first ---- */

/* Rows from all over the fixture, where they are known; else its first ones. */
static bool try_sample(struct digest *d, struct err *err)
{
    size_t same = 0;
    d->answered = true;        /* no question is under way */
    if (!d->known) {
        sums_begin(&d->own, 0, d->bound->key_count);
        if (!digest_each_row(d, SUMS_SAMPLE, take_head, err))
            return d->why != NULL;
    }
    struct str begin = {0};
    d->begun = true;
    str_printf(&begin, "%s%s", diff_begin, layout_settings);
    bool ok = db_run(d->db, str_text(&begin), 0, NULL, NULL, err) && ask_sample(d->db, &d->hash, &d->own, &same, err);
    str_free(&begin);
    if (!ok)
        return false;
    size_t dirty = d->own.sampled - same;
    if (dirty > DIRTY_MOST)
        d->why = "a sample of its rows differs";
    d->worth = dirty > d->own.sampled / 2;   /* so many that it is how they are written */
    if (!d->known)
        sums_free(&d->own);
    return true;
}

/* ---- sums ---- */

static void begin_sql(struct str *sql) { str_printf(sql, "%s%s; ", diff_begin, layout_settings); }

static bool ask_sums(struct digest *d, uint32_t count, struct err *err)
{
    struct str sql = {0};
    if (!d->begun)
        begin_sql(&sql);
    d->begun = true;
    ask_sums_sql(&d->hash, count, d->known ? &d->own : NULL, &sql);
    d->answered = false;
    bool ok = db_start(d->db, str_text(&sql), err);
    str_free(&sql);
    return ok;
}

static bool take_sums(struct digest *d, uint32_t count, struct err *err)
{
    while (!d->answered)
        if (!digest_look(d, 1000, err))
            return false;
    bool ok = ask_sums_take(d->answer, count, &d->live);
    db_result_free(d->answer);
    d->answer = NULL;
    return ok || err_set(err, ERR_GENERAL, "the server's sums cannot be read");
}

/* Asks, and reads the fixture while the server works, where that is still to be done. */
static bool get_sums(struct digest *d, uint32_t count, struct err *err)
{
    struct err own = {0};
    bool read = true;
    if (!ask_sums(d, count, err))
        return false;
    if (!d->known) {
        sums_begin(&d->own, d->bound->fixture->row_count, d->bound->key_count);
        read = digest_each_row(d, UINT64_MAX, sum_up, &own);
        d->better = read;
    }
    if (!take_sums(d, count, err))     /* also when it is of no use any more: the connection is wanted */
        return false;
    if (!read && !d->why)
        *err = own;
    return read || d->why;
}

static bool same(const struct digest *d) { return d->live.rows == d->own.rows && d->live.sum == d->own.sum; }

/* ---- the choice ---- */

/* Over a link, sums in buckets that turn out not to be wanted would be most of what is sent: only sums that are known
 * can be asked for with the condition that they differ. */
static uint32_t buckets_wanted(const struct digest *d)
{
    uint32_t count = d->known ? d->own.count : SUMS_BUCKETS_LEAST;
    while (!d->known && count < SUMS_BUCKETS_MOST && count < d->bound->fixture->row_count / 64)
        count *= 2;
    return d->near ? count : !d->known ? 0 : count < FAR_BUCKETS ? count : FAR_BUCKETS;
}

/* The planner's estimate may be from before the last rows, and of the counters each may have counted some twice. */
static double rows_at_least(const struct db_table *t)
{
    int64_t left = t->inserted - t->deleted, counted = left < t->live ? left : t->live;
    return (double)counted > t->reltuples ? (double)counted : t->reltuples;
}

/* Near, reading rows costs no more than adding them up, unless the fixture's sums are known or it would have to be
 * sorted: then a sample says whether there is much to find. */
static bool choose(struct digest *d, struct err *err)
{
    if (d->options->way == DIFF_BY_DIGESTS || !d->near)
        return true;
    if (rows_at_least(d->bound->table) > 1.02 * (double)d->bound->fixture->row_count) {   /* hardly an equal bucket */
        d->why = "the table has many more rows than the fixture";
        return true;
    }
    if (d->known || !match_sorted(d->bound))
        return try_sample(d, err);
    d->why = d->key[0] ? "the fixture's digests are not known yet" : "the fixture's digests are not kept";
    return d->worth = true;
}

static enum digest_end compare(struct digest *d, struct diff_totals *totals, struct err *err)
{
    if (!choose(d, err))
        return DIGEST_FAILED;
    if (d->why)
        return DIGEST_ROWS;
    if (!get_sums(d, buckets_wanted(d), err))
        return DIGEST_FAILED;
    if (d->why)
        return DIGEST_ROWS;
    totals->fixture_rows = d->own.rows;
    totals->live_rows = d->live.rows;
    totals->kept = d->known;
    if (same(d))
        return DIGEST_DONE;
    if (!d->live.parted) {
        live_sums_free(&d->live);
        d->known = true;
        if (!get_sums(d, d->own.count < FAR_BUCKETS ? d->own.count : FAR_BUCKETS, err))
            return DIGEST_FAILED;
    }
    return digest_compare_parts(d, totals, err);
}

/* Finds out how far the server is only where that matters. */
static bool too_small(struct digest *d)
{
    const struct fixture *f = d->bound->fixture;
    bool few = f->row_count < NEAR_ROWS, little = f->stamp.size < FAR_BYTES;
    bool empty = d->bound->table->kind == 'r' && d->bound->table->heap_bytes == 0;
    if (d->options->way != DIFF_BY_DIGESTS && (empty || (few && little)))
        return true;
    d->near = digest_is_near(d->db);
    return d->options->way != DIFF_BY_DIGESTS && (d->near ? few : little);
}

static const char *unsuited(const struct layout *l, const struct diff_options *options)
{
    if (options->places)
        return "places of rows are wanted";
    if (options->secret_count)
        return "it has secret columns";
    return options->in_transaction ? "a transaction is open" : rowhash_unsuited(l);
}

char *digest_first_statement(const struct layout *l, const struct diff_options *options)
{
    struct rowhash hash;
    struct str sql = {0};
    if (unsuited(l, options))
        return NULL;
    rowhash_begin(&hash, l);
    begin_sql(&sql);
    ask_sums_sql(&hash, 0, NULL, &sql);
    rowhash_free(&hash);
    return str_take(&sql);
}

/* A scalar in a column of JSON is a text or not by its quotes, of which a fixture's digest says nothing. */
static bool digest_says_all(const struct layout *l)
{
    const struct fixture *f = l->bound->fixture;
    for (size_t i = 0; i < f->column_count; i++) {
        const char *base = l->columns[i].live->type.base;
        bool json = strstr(base, "json") != NULL;
        if (json && !(f->csv && f->defaults[i].kind == VALUE_ABSENT))
            return false;
    }
    return true;
}

static void find_known(struct digest *d)
{
    const char *dir = d->options->fixtures->cache;
    if (!dir || !digest_says_all(&d->layout))
        return;
    sums_key(&d->layout, db_facts(d->db), d->key);
    d->known = sums_find(&d->own, dir, d->key, d->bound->key_count) && d->own.rows == d->bound->fixture->row_count;
    if (!d->known)
        sums_free(&d->own);
}

bool digest_is_near(struct db *db) { return db_reaction_ms(db) < NEAR_MS; }

static enum digest_end begin(struct digest *d, struct diff_totals *totals, struct err *err)
{
    const char *why = unsuited(&d->layout, d->options);
    if (d->options->way == DIFF_BY_DIGESTS)
        d->why = why;
    if (why || too_small(d))
        return DIGEST_ROWS;
    totals->reaction_ms = db_reaction_ms(d->db);
    rowhash_begin(&d->hash, &d->layout);
    find_known(d);
    return compare(d, totals, err);
}

static void end(struct digest *d)
{
    db_result_free(d->answer);
    live_sums_free(&d->live);
    sums_free(&d->own);
    spool_free(&d->parts);
    free(d->differs);
    free(d->wanted);
    rowhash_free(&d->hash);
    arena_free(&d->scratch);
    layout_free(&d->layout);
}

enum digest_end digest_table(struct db *db, const struct bound *bound, const struct diff_options *options,
                             struct diff_totals *totals, bool *worth, struct err *err)
{
    struct digest d = {.db = db, .bound = bound, .options = options};
    *worth = false;
    if (!layout_make(&d.layout, bound, options->fixtures, err))
        return DIGEST_FAILED;
    enum digest_end how = begin(&d, totals, err);
    if (how == DIGEST_ROWS && d.begun && !db_rollback(db)) {
        err_set(err, ERR_LOST, "the connection was lost");
        how = DIGEST_FAILED;
    }
    if (how == DIGEST_DONE && d.better && d.key[0])
        sums_keep(&d.own, options->fixtures->cache, d.key);
    totals->why_rows = how == DIGEST_ROWS ? d.why : NULL;
    *worth = d.worth && d.key[0];
    end(&d);
    return how;
}
