/* deep_databases - connects to the server's other databases as this role may, and asks their catalogue whether tables of
 * the same names have rows. Estimates and counters only: nothing is scanned there either. */
#include "op/deep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"

enum { DATABASES_MOST = 20 };

/* Of those asked about: how many of the names exist, how many have rows, how many rows in all. */
static const char rows_sql[] =
    "SELECT count(*), count(*) FILTER (WHERE x.rows > 0), coalesce(sum(x.rows), 0)::bigint FROM (SELECT c.relname,"
    " max(greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::bigint, 0)) AS rows FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND c.relname = ANY ($1::text[])"
    " AND n.nspname !~ '^pg_' GROUP BY c.relname) x";

static char *names_of(const struct deep *deep, size_t *count)
{
    struct str out = {0};
    *count = 0;
    for (size_t i = 0; i < deep->e->count; i++) {
        const struct table_evidence *t = &deep->e->tables[i];
        if (!t->context)
            continue;
        const char *dot = strrchr(t->name, '.');
        str_add(&out, (*count)++ ? ",\"" : "{\"");
        for (const char *c = dot ? dot + 1 : t->name; *c; c++) {
            if (*c == '"' || *c == '\\')
                str_add_char(&out, '\\');
            str_add_char(&out, *c);
        }
        str_add_char(&out, '"');
    }
    str_add(&out, *count ? "}" : "{}");
    return str_take(&out);
}

static void found(struct deep *deep, const char *database, const struct db_result *r, size_t wanted)
{
    long long there = (long long)db_int(r, 0, 0, 0), filled = (long long)db_int(r, 0, 1, 0), rows = (long long)db_int(r, 0, 2, 0);
    if (there == 0)
        return;
    bool same = filled == (long long)wanted;
    deep_say(deep, "its catalogue", NULL, filled ? "wrong-database" : NULL,
             "database %s has %lld of the %zu tables, %lld with rows (about %lld in all)", database, there, wanted, filled,
             rows);
    if (same && strcmp(deep->d->verdict, "wrong-database") == 0) {
        free(deep->d->confidence);
        deep->d->confidence = xstrdup("high");
    }
}

static bool ask(struct deep *deep, const char *database, struct secret **password, const char *names, size_t wanted,
                struct err *err)
{
    struct db *db;
    struct err refused = {0};
    if (!session_neighbour(deep->s, database, password, &db, &refused)) {
        char what[160];
        snprintf(what, sizeof what, "database %.120s", database);
        deep_denied(deep, what, refused.message, NULL);
        return !ctx_cancelled(deep->s->ctx) || err_set(err, ERR_CANCELLED, "cancelled");
    }
    const char *params[] = {names};
    struct db_probe probe = {.name = database, .sql = rows_sql, .count = 1, .params = params};
    if (db_pipeline(db, &probe, 1, &refused) && probe.ok && db_rows(probe.result))
        found(deep, database, probe.result, wanted);
    db_probes_free(&probe, 1);
    db_close(db);
    return true;
}

/* The busiest first, as the evidence has them. */
bool deep_databases(struct deep *deep, struct err *err)
{
    size_t wanted, asked = 0;
    struct secret *password = NULL;
    char *names = names_of(deep, &wanted);
    bool ok = true;
    for (size_t i = 0; ok && wanted && i < deep->e->database_count && asked < DATABASES_MOST; i++) {
        const struct other_database *other = &deep->e->databases[i];
        if (!other->can_connect)
            continue;
        asked++;
        ctx_progress(deep->s->ctx, "asking other databases", (int64_t)asked, (int64_t)deep->e->database_count, false);
        ok = ask(deep, other->name, &password, names, wanted, err);
    }
    secret_free(password);
    free(names);
    return ok;
}
