/* digest_parts - buckets compared, and rows exchanged for hashes. */
#include "diff/digest_parts.h"

#include <stdlib.h>
#include <string.h>

#include "diff/row.h"
#include "diff/suspects.h"

enum {
    ROWS_MOST = 100 * 1000,    /* of either side in buckets that differ: more of them, and rows are cheaper */
    LOOK_EVERY = 1024          /* rows, between two looks at the connection while we read */
};

/* ---- the fixture's side ---- */

/* Once buckets were compared, rows of those that are equal need no second look. */
static bool passes(struct digest *d, const struct fixture_row *raw)
{
    uint64_t key;
    return !d->differs || !rowhash_of_raw_key(&d->hash, raw, &key) || d->differs[key & (d->buckets - 1)];
}

bool digest_look(struct digest *d, int wait_ms, struct err *err)
{
    return d->answered ? db_go_on(d->db, err) : db_poll(d->db, wait_ms, &d->answered, &d->answer, NULL, err);
}

static bool look_now_and_then(struct digest *d, uint64_t number, struct err *err)
{
    return number % LOOK_EVERY != LOOK_EVERY - 1 || digest_look(d, 0, err);
}

bool digest_each_row(struct digest *d, uint64_t most, digest_visit *visit, struct err *err)
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

/* ---- buckets ---- */

/* Marks the buckets that differ; how many rows they hold, of the side that has more. */
static uint64_t compare_buckets(struct digest *d)
{
    struct sums_bucket *own = xcalloc(d->live.count, sizeof *own);
    uint64_t rows = 0, live = 0;
    sums_fold(&d->own, d->live.count, own);
    d->buckets = d->live.count;
    d->differs = xcalloc(d->buckets, sizeof *d->differs);
    for (uint32_t i = 0; i < d->live.count; i++) {
        d->differs[i] = own[i].rows != d->live.buckets[i].rows || own[i].sum != d->live.buckets[i].sum;
        rows += d->differs[i] ? own[i].rows : 0;
        live += d->differs[i] ? d->live.buckets[i].rows : 0;
    }
    free(own);
    return rows > live ? rows : live;
}

/* How many rows make so many of all buckets differ, as a rule. */
static double rows_behind(uint32_t differ, uint32_t buckets)
{
    double none = buckets, rows = 0;
    for (; none > buckets - differ; rows++)
        none -= none / buckets;        /* the next one falls anywhere */
    return rows;
}

/* How many buckets make it worth to ask again, so many that few of the fixture's rows are in one that differs; 0: none
 * do. Near the server rows are sent in no time. */
static uint32_t finer_buckets(const struct digest *d)
{
    enum { FINEST = 1 << 18, BUCKET_BYTES = 34, HASH_BYTES = 21 };
    const struct fixture *f = d->bound->fixture;
    uint32_t differ = 0, count = d->buckets;
    for (uint32_t i = 0; i < d->buckets; i++)
        differ += d->differs[i];
    if (d->near || differ == d->buckets)
        return 0;
    double k = rows_behind(differ, d->buckets), rows = (double)(d->own.rows > d->live.rows ? d->own.rows : d->live.rows);
    while (count < FINEST && count < 16 * k)
        count *= 2;
    double looked_at = rows * k / count, all = (double)f->stamp.size;
    double bytes = (double)count * BUCKET_BYTES + looked_at * HASH_BYTES + k * all / (double)d->own.rows;
    return looked_at < ROWS_MOST && bytes < all / 2 ? count : 0;
}

static bool add_finer(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err)
{
    (void)row;
    (void)err;
    d->finer[hash[0] & (d->buckets - 1)] += ask_finer_sum(1, hash[1]);
    return true;
}

static bool compare_finer(struct digest *d, uint32_t count, struct err *err)
{
    free(d->live.buckets);
    d->live.buckets = NULL;
    free(d->differs);
    d->differs = NULL;
    d->buckets = count;
    d->finer = xcalloc(count, sizeof *d->finer);
    bool ok = digest_each_row(d, UINT64_MAX, add_finer, err);
    d->differs = xcalloc(count, sizeof *d->differs);
    ok = ok && ask_finer(d->db, &d->hash, count, d->finer, d->differs, err);
    free(d->finer);
    d->finer = NULL;
    return ok;
}

/* ---- what differs ---- */

static bool set_aside(struct digest *d, const struct fixture_row *row, const uint64_t hash[2], struct err *err)
{
    struct str packed = {0};
    if (!d->differs[hash[0] & (d->buckets - 1)])
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
    for (uint32_t i = 0; i < d->buckets; i++)
        if (d->differs[i])
            str_printf(list, "%s%u", list->length > 1 ? "," : "", (unsigned)i);
    str_add_char(list, '}');
}

static bool exchange(struct digest *d, struct db_result **result, struct err *err)
{
    struct str buckets = {0}, hashes = {0}, sql = {0};
    list_buckets(d, &buckets);
    bool ok = digest_each_row(d, UINT64_MAX, set_aside, err) && list_hashes(d, &hashes, err);
    if (ok) {
        ask_exchange_sql(&d->hash, d->buckets, db_facts(d->db)->server_version_num, &sql);
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
    totals->missing = m.totals.missing;
    totals->changed = m.totals.changed;
    totals->extra = m.totals.extra;
    totals->allowed_changed = m.totals.allowed_changed;
    totals->allowed_extra = m.totals.allowed_extra;
    match_free(&m);
    return ok;
}

enum digest_end digest_compare_parts(struct digest *d, struct diff_totals *totals, struct err *err)
{
    struct db_result *result = NULL;
    bool many = compare_buckets(d) > ROWS_MOST;
    uint32_t finer = many ? finer_buckets(d) : 0;
    if (many && finer == 0) {
        d->why = "too many rows differ";
        d->worth = true;
        return DIGEST_ROWS;
    }
    bool ok = (!finer || compare_finer(d, finer, err)) && exchange(d, &result, err) &&
              compare_rest(d, result, totals, err);
    db_result_free(result);
    return ok ? DIGEST_DONE : d->why ? DIGEST_ROWS : DIGEST_FAILED;
}
