/* digest - the choice, sums and buckets, and what is in the buckets that differ. */
#include "diff/digest.h"

#include <stdlib.h>
#include <string.h>

#include "diff/digest_ask.h"
#include "diff/row.h"
#include "diff/suspects.h"

enum {
    FAR_BUCKETS = 4096,        /* sent one by one over a slow link */
    ROWS_MOST = 100 * 1000,    /* of the fixture in buckets that differ: more of them, and rows are cheaper */
    NEAR_MS = 20,              /* a server that answered sooner than this when it was connected to */
    NEAR_ROWS = 20 * 1000,     /* fewer are merged before anything else would be worth it */
    FAR_BYTES = 256 * 1024,    /* of the fixture: likewise over a link */
    DIRTY_MOST = 2,            /* of the sample: more, and about one row in a hundred differs */
    LOOK_EVERY = 1024          /* rows, between two looks at the connection while we read */
};

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
    bool *differs;             /* of live.count buckets */
    struct spool parts;        /* the fixture's rows in those: the hash, then the packed row */
    uint64_t *wanted;          /* hashes of the fixture's rows that the server has no row for, ascending */
    size_t wanted_count;
    struct db_result *answer;  /* of the question under way */
    bool answered;
    const char *why;
    bool begun;                /* a transaction */
    bool worth;
};

/* ---- the fixture's side ---- */

typedef bool digest_visit(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err);

/* Once buckets were compared, rows of those that are equal need no second look. */
static bool passes(struct digest *d, const struct fixture_row *raw)
{
    uint64_t key;
    return !d->differs || !rowhash_of_raw_key(&d->hash, raw, &key) || d->differs[key & (d->live.count - 1)];
}

/* Takes what has come of the answer; a cancel is noticed here. */
static bool look(struct digest *d, int wait_ms, struct err *err)
{
    return d->answered || db_poll(d->db, wait_ms, &d->answered, &d->answer, NULL, err);
}

static bool look_now_and_then(struct digest *d, uint64_t number, struct err *err)
{
    return number % LOOK_EVERY != LOOK_EVERY - 1 || look(d, 0, err);
}

/* The first `most` rows' hashes. False with d->why: one has none; with err: it cannot be read. */
static bool each_row(struct digest *d, uint64_t most, digest_visit *visit, struct err *err)
{
    struct fixture_reader *reader;
    const struct fixture_row *raw;
    struct fixture_row row;
    uint64_t hash[2];
    if (!fixture_open(&reader, d->bound->fixture, d->options->fixtures, err))
        return false;
    bool ok = true;
    for (uint64_t n = 0; n < most && (ok = fixture_next(reader, &raw, err)) && raw; n++) {
        arena_reset(&d->scratch);
        if (!passes(d, raw))
            continue;
        if (!(ok = look_now_and_then(d, n, err) && row_settle(d->bound, raw, &d->scratch, &row, err)))
            break;
        if (!rowhash_of(&d->hash, &row, &hash[0], &hash[1]))
            d->why = "its rows have values that only the server makes";
        if (d->why || !(ok = visit(d, &row, hash, err)))
            break;
    }
    fixture_close(reader);
    return ok && !d->why;
}

static void add_to_sample(struct sums *s, const struct bound *b, const struct fixture_row *row, uint64_t all)
{
    const char *keys[32];
    if (b->key_count > sizeof keys / sizeof *keys)
        return;
    for (size_t k = 0; k < b->key_count; k++)
        keys[k] = row->values[b->key[k]].text;
    sums_add_sample(s, all, keys);
}

static bool take_head(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err)
{
    (void)err;
    add_to_sample(&d->own, d->bound, row, hash[1]);
    return true;
}

static uint64_t stride_of(const struct bound *b) { return b->fixture->row_count / SUMS_SAMPLE + 1; }

static bool sum_up(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err)
{
    (void)err;
    sums_add(&d->own, hash[0], hash[1]);
    if (row->number % stride_of(d->bound) == 0)
        add_to_sample(&d->own, d->bound, row, hash[1]);
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
        if (!each_row(d, SUMS_SAMPLE, take_head, err))
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

static bool ask_sums(struct digest *d, uint32_t count, struct err *err)
{
    struct str sql = {0};
    if (!d->begun)
        str_printf(&sql, "%s%s; ", diff_begin, layout_settings);
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
        if (!look(d, 1000, err))
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
        read = each_row(d, UINT64_MAX, sum_up, &own);
        d->better = read;
    }
    if (!take_sums(d, count, err))     /* also when it is of no use any more: the connection is wanted */
        return false;
    if (!read && !d->why)
        *err = own;
    return read || d->why;
}

static bool same(const struct digest *d) { return d->live.rows == d->own.rows && d->live.sum == d->own.sum; }

/* Marks the buckets that differ; how many rows of the fixture they hold. */
static uint64_t compare_buckets(struct digest *d)
{
    struct sums_bucket *own = xcalloc(d->live.count, sizeof *own);
    uint64_t rows = 0;
    sums_fold(&d->own, d->live.count, own);
    d->differs = xcalloc(d->live.count, sizeof *d->differs);
    for (uint32_t i = 0; i < d->live.count; i++) {
        d->differs[i] = own[i].rows != d->live.buckets[i].rows || own[i].sum != d->live.buckets[i].sum;
        rows += d->differs[i] ? own[i].rows : 0;
    }
    free(own);
    return rows;
}

/* ---- what differs ---- */

static bool set_aside(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err)
{
    struct str packed = {0};
    if (!d->differs[hash[0] & (d->live.count - 1)])
        return true;
    str_add_bytes(&packed, &hash[1], sizeof hash[1]);
    row_pack(d->bound, row, &packed);
    bool ok = spool_add(&d->parts, packed.text, packed.length, err);
    str_free(&packed);
    return ok;
}

static bool list_hashes(struct digest *d, struct str *list, struct err *err)
{
    const char *bytes;
    size_t length;
    uint64_t hash;
    bool ok;
    spool_rewind(&d->parts);
    while ((ok = spool_next(&d->parts, &bytes, &length, err)) && bytes) {
        memcpy(&hash, bytes, sizeof hash);
        str_printf(list, "%s%lld", list->length ? "," : "{", (long long)(int64_t)hash);
    }
    str_add(list, list->length ? "}" : "{}");
    return ok;
}

static void list_buckets(const struct digest *d, struct str *list)
{
    str_add_char(list, '{');
    for (uint32_t i = 0; i < d->live.count; i++)
        if (d->differs[i])
            str_printf(list, "%s%u", list->length > 1 ? "," : "", (unsigned)i);
    str_add_char(list, '}');
}

static bool exchange(struct digest *d, struct db_result **result, struct err *err)
{
    struct str buckets = {0}, hashes = {0}, sql = {0};
    list_buckets(d, &buckets);
    bool ok = each_row(d, UINT64_MAX, set_aside, err) && list_hashes(d, &hashes, err);
    if (ok) {
        ask_exchange_sql(&d->hash, d->live.count, &sql);
        const char *params[] = {str_text(&buckets), str_text(&hashes)};
        ok = db_query(d->db, str_text(&sql), 2, params, result, err);
    }
    str_free(&buckets);
    str_free(&hashes);
    str_free(&sql);
    return ok;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void collect_wanted(struct digest *d, const struct db_result *result)
{
    d->wanted = xcalloc(db_rows(result) + 1, sizeof *d->wanted);
    for (size_t r = 0; r < db_rows(result); r++)
        if (db_value(result, r, 0))
            d->wanted[d->wanted_count++] = (uint64_t)db_int(result, r, 0, 0);
    if (d->wanted_count)
        qsort(d->wanted, d->wanted_count, sizeof *d->wanted, by_value);
}

static bool next_wanted(void *context, struct arena *arena, struct fixture_row *row, bool *found, struct err *err)
{
    struct digest *d = context;
    const char *bytes;
    size_t length;
    uint64_t hash;
    *found = false;
    do {
        if (!spool_next(&d->parts, &bytes, &length, err))
            return false;
        if (!bytes)
            return true;
        memcpy(&hash, bytes, sizeof hash);
    } while (!bsearch(&hash, d->wanted, d->wanted_count, sizeof hash, by_value));
    bytes += sizeof hash;
    row_unpack(d->bound, &bytes, arena, row);
    return *found = true;
}

/* A row that was taken for another is equal after all: from now on the live text stands for it. With another key it
 * would be in another bucket than the one where the fixture's row is looked for. */
static void note_settled(void *context, const struct fixture_row *row, char *const *fields)
{
    struct digest *d = context;
    uint64_t from[2], to[2];
    if (!fields || !rowhash_same_key(&d->hash, row, fields) || !rowhash_may_stand(&d->hash, row, fields) ||
        !rowhash_of(&d->hash, row, &from[0], &from[1]))
        return;
    rowhash_of_live(&d->hash, fields, &to[0], &to[1]);
    sums_move(&d->own, to[0], from[1], to[1]);
    d->better = true;
}

static bool meet(struct digest *d, struct match *m, const struct db_result *result, struct err *err)
{
    struct arena arena = {0};
    char **fields = arena_alloc(&arena, d->layout.field_count * sizeof *fields);
    bool ok = true;
    m->totals.live_rows = d->live.rows;
    for (size_t r = 0; ok && r < db_rows(result); r++) {
        if (db_value(result, r, 0))
            continue;
        for (size_t i = 0; i < d->layout.field_count; i++)
            fields[i] = (char *)db_value(result, r, 1 + i);
        ok = match_live(m, fields, err);
    }
    arena_free(&arena);
    return ok && match_live_end(m, err) && suspects_decide(d->db, m, err) && match_finish(m, err);
}

/* The rows of both sides that are left, as in any comparison. */
static bool compare_rest(struct digest *d, const struct db_result *result, struct diff_totals *totals, struct err *err)
{
    struct match m;
    const struct match_rows rows = {next_wanted, d};
    collect_wanted(d, result);
    spool_rewind(&d->parts);
    if (!match_begin_rows(&m, d->bound, d->options, &rows, err))
        return false;
    m.settled = note_settled;
    m.settled_context = d;
    bool ok = meet(d, &m, result, err);
    uint64_t missing = m.totals.missing, changed = m.totals.changed, extra = m.totals.extra;
    totals->missing = missing;
    totals->changed = changed;
    totals->extra = extra;
    totals->allowed_changed = m.totals.allowed_changed;
    totals->allowed_extra = m.totals.allowed_extra;
    match_free(&m);
    return ok;
}

static enum digest_end compare_parts(struct digest *d, struct diff_totals *totals, struct err *err)
{
    struct db_result *result = NULL;
    if (compare_buckets(d) > ROWS_MOST) {
        d->why = "too many rows differ";
        d->worth = true;
        return DIGEST_ROWS;
    }
    bool ok = exchange(d, &result, err) && compare_rest(d, result, totals, err);
    db_result_free(result);
    return ok ? DIGEST_DONE : d->why ? DIGEST_ROWS : DIGEST_FAILED;
}

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
    return compare_parts(d, totals, err);
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

static const char *unsuited(const struct digest *d)
{
    if (d->options->places)
        return "places of rows are wanted";
    if (d->options->secret_count)
        return "it has secret columns";
    return d->options->in_transaction ? "a transaction is open" : rowhash_unsuited(&d->layout);
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
    d->known = sums_find(&d->own, dir, d->key, d->bound->key_count);
}

bool digest_is_near(struct db *db) { return db_reaction_ms(db) < NEAR_MS; }

static enum digest_end begin(struct digest *d, struct diff_totals *totals, struct err *err)
{
    const char *why = unsuited(d);
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
