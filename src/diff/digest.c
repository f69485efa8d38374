/* digest - sums, buckets, and what is in the buckets that differ. */
#include "diff/digest.h"

#include <stdlib.h>
#include <string.h>

#include "diff/row.h"
#include "diff/rowhash.h"
#include "diff/suspects.h"
#include "diff/typed.h"

enum {
    BUCKETS = 4096,
    ROWS_MOST = 100 * 1000,    /* of the fixture in buckets that differ: more of them, and rows are cheaper */
};

/* A sum of hashes without a limit: the server's is a numeric. */
__extension__ typedef __int128 hash_sum;

struct bucket {
    int64_t rows;
    hash_sum sum;
    bool differs;
};

struct digest {
    struct db *db;
    const struct bound *bound;
    const struct diff_options *options;
    struct layout layout;
    struct rowhash hash;
    struct arena scratch;
    struct bucket all, *buckets;
    int64_t live_rows;
    uint64_t *wanted;          /* hashes of the fixture's rows that the server has no row for, ascending */
    size_t wanted_count;
    const char *why;
};

/* ---- the fixture's side ---- */

typedef void digest_visit(struct digest *d, uint64_t key, uint64_t all, void *context);

/* Every row's hashes. False with d->why: it has none; with err: it cannot be read. */
static bool each_row(struct digest *d, digest_visit *visit, void *context, struct err *err)
{
    struct fixture_reader *reader;
    const struct fixture_row *raw;
    struct fixture_row row;
    uint64_t key, all;
    if (!fixture_open(&reader, d->bound->fixture, d->options->fixtures, err))
        return false;
    bool ok;
    while ((ok = fixture_next(reader, &raw, err)) && raw) {
        arena_reset(&d->scratch);
        if (!(ok = row_settle(d->bound, raw, &d->scratch, &row, err)))
            break;
        if (!rowhash_of(&d->hash, &row, &key, &all))
            d->why = "its rows have values that only the server makes";
        if (d->why)
            break;
        visit(d, key, all, context);
    }
    fixture_close(reader);
    return ok && !d->why;
}

static void add_row(struct bucket *b, uint64_t all)
{
    b->rows++;
    b->sum += (int64_t)all;    /* the server's hash is signed */
}

static void sum_up(struct digest *d, uint64_t key, uint64_t all, void *context)
{
    (void)context;
    add_row(&d->all, all);
    add_row(&d->buckets[key % BUCKETS], all);
}

/* ---- the server's side ---- */

static bool read_sum(const char *text, hash_sum *sum)
{
    bool negative = text && *text == '-';
    *sum = 0;
    if (!text)
        return true;           /* of no rows */
    for (text += negative; *text >= '0' && *text <= '9'; text++)
        *sum = *sum * 10 + (*text - '0');
    if (negative)
        *sum = -*sum;
    return *text == '\0';
}

static void bucket_sql(const struct layout *l, struct str *sql)
{
    str_add_char(sql, '(');
    rowhash_sql_key(l, sql);
    str_printf(sql, " & %d)::pg_catalog.int4", BUCKETS - 1);
}

/* One message: the transaction, its settings and the question. It is answered while we read the fixture. */
static bool ask_sum(struct digest *d, struct err *err)
{
    struct str sql = {0};
    str_printf(&sql, "%s%s; SELECT pg_catalog.count(*), pg_catalog.sum(", diff_begin, layout_settings);
    rowhash_sql_all(&d->layout, &sql);
    str_printf(&sql, ") FROM %s t", d->layout.relation);
    bool ok = db_start(d->db, str_text(&sql), err);
    str_free(&sql);
    return ok;
}

/* Waits for it also when it is of no use any more: the connection is wanted. */
static bool take_sum(struct digest *d, bool *same, struct err *err)
{
    struct db_result *result = NULL;
    struct bucket live;
    bool done = false, ok = true;
    while (ok && !done)
        ok = db_poll(d->db, 1000, &done, &result, NULL, err);
    if (ok && result) {
        live.rows = d->live_rows = db_int(result, 0, 0, 0);
        *same = read_sum(db_value(result, 0, 1), &live.sum) && live.rows == d->all.rows && live.sum == d->all.sum;
    }
    db_result_free(result);
    return ok;
}

/* A planner that takes every key for a bucket of its own would sort all rows. */
static bool ask_buckets(struct digest *d, struct db_result **result, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "SET LOCAL enable_sort = off; SELECT ");
    bucket_sql(&d->layout, &sql);
    str_add(&sql, ", pg_catalog.count(*), pg_catalog.sum(");
    rowhash_sql_all(&d->layout, &sql);
    str_printf(&sql, ") FROM %s t GROUP BY 1; SET LOCAL enable_sort TO DEFAULT", d->layout.relation);
    bool ok = db_run(d->db, str_text(&sql), 0, result, NULL, err);
    str_free(&sql);
    return ok;
}

/* Marks the buckets that differ; how many rows of the fixture they hold. */
static int64_t compare_buckets(struct digest *d, const struct db_result *result)
{
    int64_t rows = 0;
    for (int i = 0; i < BUCKETS; i++)
        d->buckets[i].differs = d->buckets[i].rows > 0;
    for (size_t r = 0; r < db_rows(result); r++) {
        int64_t i = db_int(result, r, 0, -1);
        hash_sum sum;
        if (i < 0 || i >= BUCKETS)
            continue;
        d->buckets[i].differs = !read_sum(db_value(result, r, 2), &sum) || sum != d->buckets[i].sum ||
                                db_int(result, r, 1, 0) != d->buckets[i].rows;
    }
    for (int i = 0; i < BUCKETS; i++)
        rows += d->buckets[i].differs ? d->buckets[i].rows + 1 : 0;
    return rows;
}

/* ---- what differs ---- */

static void list_hash(struct digest *d, uint64_t key, uint64_t all, void *context)
{
    struct str *list = context;
    if (d->buckets[key % BUCKETS].differs)
        str_printf(list, "%s%lld", list->length ? "," : "{", (long long)(int64_t)all);
}

static void list_buckets(const struct digest *d, struct str *list)
{
    str_add_char(list, '{');
    for (int i = 0; i < BUCKETS; i++)
        if (d->buckets[i].differs)
            str_printf(list, "%s%d", list->length > 1 ? "," : "", i);
    str_add_char(list, '}');
}

/* Live rows whose hash is none of the fixture's, in key order, and hashes of the fixture's that no live row has. */
static void exchange_sql(const struct digest *d, struct str *sql)
{
    const struct layout *l = &d->layout;
    str_add(sql, "SELECT f.h");
    for (size_t i = 0; i < l->field_count; i++)
        str_printf(sql, ", x.c%zu", i);
    str_printf(sql, " FROM (SELECT %s, ", l->fields);
    rowhash_sql_all(l, sql);
    str_printf(sql, ", pg_catalog.row_number() OVER (ORDER BY %s) FROM %s t WHERE ", l->order, l->relation);
    bucket_sql(l, sql);
    str_add(sql, " = ANY ($1::pg_catalog.int4[])) x (");
    for (size_t i = 0; i < l->field_count; i++)
        str_printf(sql, "c%zu, ", i);
    str_add(sql, "h, o) FULL JOIN pg_catalog.unnest($2::pg_catalog.int8[]) f (h) ON x.h = f.h "
                 "WHERE x.h IS NULL OR f.h IS NULL ORDER BY x.o");
}

static bool exchange(struct digest *d, struct db_result **result, struct err *err)
{
    struct str buckets = {0}, hashes = {0}, sql = {0};
    list_buckets(d, &buckets);
    bool ok = each_row(d, list_hash, &hashes, err);
    if (ok) {
        str_add(&hashes, hashes.length ? "}" : "{}");
        exchange_sql(d, &sql);
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

static bool is_wanted(void *context, const struct fixture_row *row)
{
    struct digest *d = context;
    uint64_t key, all;
    return rowhash_of(&d->hash, row, &key, &all) &&
           bsearch(&all, d->wanted, d->wanted_count, sizeof all, by_value) != NULL;
}

static bool meet(struct digest *d, struct match *m, const struct db_result *result, struct err *err)
{
    struct arena arena = {0};
    char **fields = arena_alloc(&arena, d->layout.field_count * sizeof *fields);
    bool ok = true;
    m->totals.live_rows = (uint64_t)d->live_rows;
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
    collect_wanted(d, result);
    if (!match_begin_some(&m, d->bound, d->options, is_wanted, d, err))
        return false;
    bool ok = meet(d, &m, result, err);
    *totals = m.totals;
    match_free(&m);
    totals->fixture_rows = (uint64_t)d->all.rows;
    totals->live_rows = (uint64_t)d->live_rows;
    return ok;
}

static enum digest_end compare_parts(struct digest *d, struct diff_totals *totals, struct err *err)
{
    struct db_result *result = NULL;
    bool ok = ask_buckets(d, &result, err);
    if (ok && compare_buckets(d, result) > ROWS_MOST)
        d->why = "too many rows differ";
    db_result_free(result);
    result = NULL;
    ok = ok && !d->why && exchange(d, &result, err) && compare_rest(d, result, totals, err);
    db_result_free(result);
    return ok ? DIGEST_DONE : d->why ? DIGEST_ROWS : DIGEST_FAILED;
}

static enum digest_end compare(struct digest *d, struct diff_totals *totals, struct err *err)
{
    bool same = false;
    if (!ask_sum(d, err))
        return DIGEST_FAILED;
    struct err own = {0};
    bool read = each_row(d, sum_up, NULL, &own);
    if (!take_sum(d, &same, err))
        return DIGEST_FAILED;
    if (!read && !d->why) {
        *err = own;
        return DIGEST_FAILED;
    }
    if (d->why)
        return DIGEST_ROWS;
    totals->fixture_rows = (uint64_t)d->all.rows;
    totals->live_rows = (uint64_t)d->live_rows;
    return same ? DIGEST_DONE : compare_parts(d, totals, err);
}

static const char *unsuited(const struct digest *d)
{
    if (d->options->secret_count)
        return "it has secret columns";
    return d->options->in_transaction ? "a transaction is open" : rowhash_unsuited(&d->layout);
}

enum digest_end digest_table(struct db *db, const struct bound *bound, const struct diff_options *options,
                             struct diff_totals *totals, const char **why, struct err *err)
{
    struct digest d = {.db = db, .bound = bound, .options = options};
    if (!layout_make(&d.layout, bound, options->fixtures, err))
        return DIGEST_FAILED;
    d.why = options->places ? "places of rows are wanted" : unsuited(&d);
    d.hash.layout = &d.layout;
    enum digest_end end = DIGEST_ROWS;
    if (!d.why) {
        d.buckets = xcalloc(BUCKETS, sizeof *d.buckets);
        end = compare(&d, totals, err);
        if (end == DIGEST_ROWS && !db_rollback(db)) {
            err_set(err, ERR_LOST, "the connection was lost");
            end = DIGEST_FAILED;
        }
    }
    *why = d.why;
    free(d.buckets);
    free(d.wanted);
    rowhash_free(&d.hash);
    arena_free(&d.scratch);
    layout_free(&d.layout);
    return end;
}
