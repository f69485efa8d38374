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
    "SET LOCAL max_parallel_workers_per_gather = 0; ";

/* A page holds at most (block_size - header 24) / (line pointer 4 + smallest tuple 24) rows: 291 of 8 KiB. */
static void add_table(struct str *sql, const struct db_table *table, size_t number)
{
    str_printf(sql, "%sSELECT %zu, (SELECT pg_catalog.count(*) FROM ONLY ", number ? " UNION ALL " : "", number);
    db_quote_relation(sql, table->schema, table->name);
    str_printf(sql,
               " WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT pg_catalog.format('(%%s,%%s)', p, l)"
               "::pg_catalog.tid FROM pg_catalog.generate_series(0, CASE WHEN s.pages <= %d THEN s.pages - 1 ELSE -1 END)"
               " p, pg_catalog.generate_series(1, (s.block - 24) / 28) l))), s.pages <= %d"
               " FROM (SELECT pg_catalog.pg_relation_size(%lu::pg_catalog.oid) / b.block AS pages, b.block"
               " FROM (SELECT pg_catalog.current_setting('block_size')::pg_catalog.int8 AS block OFFSET 0) b OFFSET 0) s",
               MOST_PAGES, MOST_PAGES, (unsigned long)table->oid);
}

/* Every table by a Tid Scan and none by another. */
static bool only_tid_scans(const struct db_result *plan, size_t tables)
{
    size_t tid = 0;
    for (size_t i = 0; i < db_rows(plan); i++) {
        const char *line = db_value(plan, i, 0);
        tid += strstr(line, "Tid Scan on") != NULL;
        if (strstr(line, "Seq Scan") || strstr(line, "Index") || strstr(line, "Bitmap") ||
            strstr(line, "Tid Range Scan"))
            return false;
    }
    return tid == tables;
}

/* *promised: the plan was right, and so they were counted. */
static bool count_promised(struct db *db, const char *sql, size_t tables, int64_t *rows, bool *promised, struct err *err)
{
    struct str text = {0};
    struct db_result *plan = NULL, *result = NULL;
    str_printf(&text, "%sEXPLAIN (COSTS OFF) %s", settings, sql);
    bool ok = db_run(db, str_text(&text), 0, &plan, NULL, err);
    *promised = ok && only_tid_scans(plan, tables);
    str_reset(&text);
    str_printf(&text, "%s%sCOMMIT", *promised ? sql : "", *promised ? "; " : "");
    ok = ok && db_run(db, str_text(&text), 0, &result, NULL, err);
    for (size_t r = 0; ok && *promised && r < db_rows(result); r++) {
        uint64_t table = (uint64_t)db_int(result, r, 0, -1);
        if (table < tables && db_bool(result, r, 2))
            rows[table] = db_int(result, r, 1, -1);
    }
    if (!ok && db_alive(db))
        db_rollback(db);
    db_result_free(plan);
    db_result_free(result);
    str_free(&text);
    return ok;
}

static bool count_together(struct db *db, const struct db_table *const *tables, size_t count, int64_t *rows,
                           bool *promised, struct err *err)
{
    struct str sql = {0};
    for (size_t i = 0; i < count; i++)
        add_table(&sql, tables[i], i);
    bool ok = count_promised(db, str_text(&sql), count, rows, promised, err);
    str_free(&sql);
    return ok;
}

/* One that fails must not cost the others their count. */
static bool count_apart(struct db *db, const struct db_table *const *tables, size_t count, int64_t *rows, struct err *err)
{
    bool ok = true, promised;
    for (size_t i = 0; i < count && db_alive(db); i++) {
        if (count_together(db, &tables[i], 1, &rows[i], &promised, err))
            continue;
        ok = false;
        if (err->class == ERR_CANCELLED)
            break;
    }
    return ok && db_alive(db);
}

bool tid_counts(struct db *db, const struct db_table *const *tables, size_t count, int64_t *rows, struct err *err)
{
    const struct db_table **ordinary = xcalloc(count + 1, sizeof *ordinary);
    size_t *owner = xcalloc(count + 1, sizeof *owner), n = 0;
    int64_t *counted = xcalloc(count + 1, sizeof *counted);
    bool promised = true;
    for (size_t i = 0; i < count; i++) {
        rows[i] = counted[i] = -1;
        owner[n] = i;
        ordinary[n] = tables[i];
        n += tables[i]->kind == 'r' || tables[i]->kind == 'm';
    }
    bool ok = n == 0 || count_together(db, ordinary, n, counted, &promised, err);
    if (n > 1 && (!ok || !promised) && db_alive(db) && (ok || err->class != ERR_CANCELLED))
        ok = count_apart(db, ordinary, n, counted, err);
    for (size_t i = 0; i < n; i++)
        rows[owner[i]] = counted[i];
    free(ordinary);
    free(owner);
    free(counted);
    return ok;
}
