/* tidcount - asks for every line pointer of every page by its place. A Tid Scan fetches single tuples and never
 * prunes a page; any other scan would (facts: empty_database 0). So all others are switched off, and the plan
 * is looked at in the same transaction before it runs: below about ten pages the planner prefers a Seq Scan. */
#include "op/tidcount.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { MOST_PAGES = 2000 };

static const char settings[] =
    "BEGIN READ ONLY; SET LOCAL lock_timeout = '300ms'; SET LOCAL statement_timeout = '10s'; "
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; "
    "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_tidscan = on; SET LOCAL jit = off; "
    "SET LOCAL max_parallel_workers_per_gather = 0";

/* A page holds at most (block_size - header 24) / (line pointer 4 + smallest tuple 24) rows: 291 of 8 KiB. */
static char *count_sql(const struct db_table *table, int64_t pages, int64_t pointers)
{
    struct str sql = {0};
    str_add(&sql, "SELECT pg_catalog.count(*) FROM ONLY ");
    db_quote_relation(&sql, table->schema, table->name);
    str_printf(&sql,
               " WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT pg_catalog.format('(%%s,%%s)', p, l)::pg_catalog.tid"
               " FROM pg_catalog.generate_series(0, %lld) p, pg_catalog.generate_series(1, %lld) l))",
               (long long)pages - 1, (long long)pointers);
    return str_take(&sql);
}

static bool measure(struct db *db, const struct db_table *table, int64_t *pages, int64_t *pointers, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    str_printf(&sql,
               "%s; SELECT pg_catalog.pg_relation_size(%lu::pg_catalog.oid), "
               "pg_catalog.current_setting('block_size')",
               settings, (unsigned long)table->oid);
    bool ok = db_run(db, str_text(&sql), 0, &result, NULL, err);
    if (ok) {
        int64_t block = db_int(result, 0, 1, 8192);
        block = block >= 1024 ? block : 8192;
        *pages = db_int(result, 0, 0, 0) / block;
        *pointers = (block - 24) / 28;
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool promises_tid_scan(struct db *db, const char *sql, bool *promised, struct err *err)
{
    struct str explain = {0};
    struct db_result *plan = NULL;
    str_printf(&explain, "EXPLAIN (COSTS OFF) %s", sql);
    bool ok = db_run(db, str_text(&explain), 0, &plan, NULL, err), tid = false, other = false;
    for (size_t i = 0; ok && i < db_rows(plan); i++) {
        const char *line = db_value(plan, i, 0);
        tid |= strstr(line, "Tid Scan on") != NULL;
        other |= strstr(line, "Seq Scan") || strstr(line, "Index") || strstr(line, "Bitmap") ||
                 strstr(line, "Tid Range Scan");
    }
    *promised = tid && !other;
    db_result_free(plan);
    str_free(&explain);
    return ok;
}

static bool count_pages(struct db *db, const struct db_table *table, int64_t *rows, struct err *err)
{
    int64_t pages = 0, pointers = 0;
    if (!measure(db, table, &pages, &pointers, err))
        return false;
    if (pages == 0)
        *rows = 0;
    if (pages == 0 || pages > MOST_PAGES)
        return true;
    char *sql = count_sql(table, pages, pointers);
    struct db_result *result = NULL;
    bool promised = false;
    bool ok = promises_tid_scan(db, sql, &promised, err);
    if (ok && promised) {
        ok = db_run(db, sql, 0, &result, NULL, err);
        if (ok)
            *rows = db_int(result, 0, 0, -1);
    }
    db_result_free(result);
    free(sql);
    return ok;
}

bool tid_count(struct db *db, const struct db_table *table, int64_t *rows, struct err *err)
{
    *rows = -1;
    if (table->kind != 'r' && table->kind != 'm')
        return true;
    bool ok = count_pages(db, table, rows, err);
    if (db_alive(db))
        ok = ok ? db_run(db, "COMMIT", 0, NULL, NULL, err) : (db_rollback(db), false);
    return ok;
}
