/* digest_ask - the SQL. Every scan of the table may run in parallel: nothing in it is unsafe for that. */
#include "diff/digest_ask.h"

#include <stdlib.h>
#include <string.h>

#include "db/copy.h"
#include "diff/typed.h"

void live_sums_free(struct live_sums *live)
{
    free(live->buckets);
    *live = (struct live_sums){0};
}

static void bucket_sql(const struct rowhash *h, uint32_t count, struct str *sql)
{
    str_add_char(sql, '(');
    rowhash_sql_key(h, sql);
    str_printf(sql, " & %u)::pg_catalog.int4", (unsigned)count - 1);
}

/* ---- sums ---- */

/* A planner that takes every key for a bucket of its own would sort all rows, or send them all to one process. What
 * sorts because it must is not compiled for what that seems to cost. */
static void buckets_sql(const struct rowhash *h, uint32_t count, struct str *sql)
{
    str_add(sql, "SET LOCAL jit = off; SET LOCAL enable_sort = off; SET LOCAL parallel_tuple_cost = 0; "
                 "WITH b AS MATERIALIZED (SELECT ");
    bucket_sql(h, count, sql);
    str_add(sql, " b, pg_catalog.count(*) n, pg_catalog.sum(");
    rowhash_sql_all(h, sql);
    str_printf(sql, ") s FROM %s t GROUP BY 1), "
               "a AS MATERIALIZED (SELECT pg_catalog.sum(n) n, pg_catalog.sum(s) s FROM b) ", h->layout->relation);
}

void ask_sums_sql(const struct rowhash *h, uint32_t count, const struct sums *known, struct str *sql)
{
    if (count == 0) {
        str_add(sql, "SELECT -1, pg_catalog.count(*), pg_catalog.sum(");
        rowhash_sql_all(h, sql);
        str_printf(sql, ") FROM %s t", h->layout->relation);
        return;
    }
    buckets_sql(h, count, sql);
    str_add(sql, "SELECT -1, n, s FROM a UNION ALL SELECT b.* FROM b");
    if (known)   /* the server's sum is a number of any size, ours its rest; a negative one's rest is negative */
        str_printf(sql, ", a WHERE a.n <> %llu OR (a.s - %llu) %% 18446744073709551616 <> 0",
                   (unsigned long long)known->rows, (unsigned long long)known->sum);
}

/* A whole number of any size, modulo 2^64. */
static bool read_sum(const char *text, uint64_t *sum)
{
    bool negative = text && *text == '-';
    *sum = 0;
    if (!text)
        return true;               /* of no rows */
    for (text += negative; *text >= '0' && *text <= '9'; text++)
        *sum = *sum * 10 + (uint64_t)(*text - '0');
    *sum = negative ? -*sum : *sum;
    return *text == '\0';
}

bool ask_sums_take(const struct db_result *result, uint32_t count, struct live_sums *live)
{
    size_t rows = result ? db_rows(result) : 0;
    *live = (struct live_sums){.count = count};
    if (count)
        live->buckets = xcalloc(count, sizeof *live->buckets);
    for (size_t r = 0; r < rows; r++) {
        int64_t bucket = db_int(result, r, 0, -2), n = db_int(result, r, 1, 0);
        uint64_t sum;
        if (n < 0 || bucket < -1 || bucket >= (int64_t)count || !read_sum(db_value(result, r, 2), &sum))
            return false;
        if (bucket < 0) {
            live->whole = true;
            live->rows = (uint64_t)n;
            live->sum = sum;
        } else {
            live->parted = true;
            live->buckets[bucket] = (struct sums_bucket){.sum = sum, .rows = (uint32_t)n};
        }
    }
    live->parted = live->parted || (count && live->rows == 0);
    return live->whole;
}

uint64_t ask_finer_sum(uint64_t rows, uint64_t sum) { return sum + rows * UINT64_C(0x9e3779b97f4a7c15); }

static bool take_bucket(char *row, size_t length, uint32_t count, const uint64_t *own, bool *differs)
{
    char *fields[3], *end;
    uint64_t sum;
    if (db_copy_split(row, length, fields, 3) != 3 || !fields[0] || !fields[1] || !read_sum(fields[2], &sum))
        return false;
    unsigned long long bucket = strtoull(fields[0], &end, 10);
    if (*end || bucket >= count)
        return false;
    differs[bucket] = own[bucket] != ask_finer_sum(strtoull(fields[1], NULL, 10), sum);
    return true;
}

static bool take_buckets(struct db *db, uint32_t count, const uint64_t *own, bool *differs, struct err *err)
{
    struct str line = {0};
    const char *row;
    size_t length;
    bool ok, fits = true;
    while ((ok = db_copy_out_row(db, &row, &length, err)) && row) {
        str_reset(&line);
        str_add_bytes(&line, row, length);
        fits = fits && take_bucket(line.text, line.length, count, own, differs);
    }
    str_free(&line);
    return ok && (fits || err_set(err, ERR_GENERAL, "the server's sums cannot be read"));
}

bool ask_finer(struct db *db, const struct rowhash *h, uint32_t count, const uint64_t *own, bool *differs,
               struct err *err)
{
    struct str sql = {0};
    for (uint32_t i = 0; i < count; i++)
        differs[i] = own[i] != 0;      /* nothing is sent of a bucket without rows */
    str_add(&sql, "COPY (SELECT ");
    bucket_sql(h, count, &sql);
    str_add(&sql, ", pg_catalog.count(*), pg_catalog.sum(");
    rowhash_sql_all(h, &sql);
    str_printf(&sql, ") FROM %s t GROUP BY 1) TO STDOUT", h->layout->relation);
    bool ok = db_copy_out_begin(db, str_text(&sql), err) && take_buckets(db, count, own, differs, err);
    str_free(&sql);
    return ok;
}

/* ---- the sample ---- */

static void sample_sql(const struct rowhash *h, struct str *sql)
{
    const struct layout *l = h->layout;
    str_add(sql, "SELECT pg_catalog.count(*) FROM ROWS FROM (");
    for (size_t k = 0; k < l->bound->key_count; k++)
        str_printf(sql, "pg_catalog.unnest($%zu::pg_catalog.text[]), ", k + 1);
    str_printf(sql, "pg_catalog.unnest($%zu::pg_catalog.int8[])) f(", l->bound->key_count + 1);
    for (size_t k = 0; k < l->bound->key_count; k++)
        str_printf(sql, "k%zu, ", k);
    str_printf(sql, "h) JOIN %s t ON ", l->relation);
    for (size_t k = 0; k < l->bound->key_count; k++) {
        const struct db_column *live = l->columns[l->bound->key[k]].live;
        str_add(sql, k ? " AND " : "");
        layout_column_name(sql, "t", live->name);
        layout_equals(sql, &live->type);
        str_printf(sql, "f.k%zu", k);
        layout_cast(sql, &live->type);
    }
    str_add(sql, " WHERE ");
    rowhash_sql_all(h, sql);
    str_add(sql, " = f.h");
}

bool ask_sample(struct db *db, const struct rowhash *h, const struct sums *s, size_t *same, struct err *err)
{
    size_t count = s->key_count + 1;
    struct str sql = {0}, *arrays = xcalloc(count, sizeof *arrays);
    const char **params = xcalloc(count, sizeof *params);
    struct db_result *result = NULL;
    for (size_t i = 0; i < s->sampled; i++) {
        const char *text = str_text(&s->keys) + s->sample[i].key;
        for (size_t k = 0; k < s->key_count; k++, text += strlen(text) + 1)
            typed_array_add(&arrays[k], text);
        str_printf(&arrays[s->key_count], "%s%lld", i ? "," : "{", (long long)(int64_t)s->sample[i].hash);
    }
    for (size_t i = 0; i < count; i++) {
        str_add(&arrays[i], arrays[i].length ? "}" : "{}");
        params[i] = str_text(&arrays[i]);
    }
    sample_sql(h, &sql);
    bool ok = db_query(db, str_text(&sql), count, params, &result, err);
    if (ok)
        *same = (size_t)db_int(result, 0, 0, 0);
    db_result_free(result);
    for (size_t i = 0; i < count; i++)
        str_free(&arrays[i]);
    free(arrays);
    free(params);
    str_free(&sql);
    return ok;
}

/* ---- what differs ---- */

/* From 14 a long list is hashed; before, each row would be held against all of it. */
static void listed_sql(int server_version_num, struct str *sql)
{
    str_add(sql, server_version_num >= 140000 ? " = ANY ($1::pg_catalog.int4[])"
                                              : " IN (SELECT pg_catalog.unnest($1::pg_catalog.int4[]))");
}

void ask_exchange_sql(const struct rowhash *h, uint32_t count, int server_version_num, struct str *sql)
{
    const struct layout *l = h->layout;
    str_add(sql, "SELECT f.h");
    for (size_t i = 0; i < l->field_count; i++)
        str_printf(sql, ", x.c%zu", i);
    str_printf(sql, " FROM (SELECT %s, ", l->fields);
    rowhash_sql_all(h, sql);
    str_printf(sql, ", pg_catalog.row_number() OVER (ORDER BY %s) FROM %s t WHERE ", l->order, l->relation);
    bucket_sql(h, count, sql);
    listed_sql(server_version_num, sql);
    str_add(sql, ") x (");
    for (size_t i = 0; i < l->field_count; i++)
        str_printf(sql, "c%zu, ", i);
    str_add(sql, "h, o) FULL JOIN pg_catalog.unnest($2::pg_catalog.int8[]) f (h) ON x.h = f.h "
                 "WHERE x.h IS NULL OR f.h IS NULL ORDER BY x.o");
}
