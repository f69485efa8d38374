/* deep - statements, dead rows' transactions and analysed values; then the log, commits, WAL, other databases. */
#include "op/deep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"
#include "diagnose/judge.h"
#include "diagnose/rules.h"
#include "op/declared.h"
#include "op/masked.h"

enum { STATEMENTS = 8, STATEMENT_SHOWN = 250, VALUES_SHOWN = 400 };

/* ---- shared ---- */

bool deep_is_asked(const struct table_evidence *t)
{
    return t->context && t->present && table_lacks_rows(t);
}

void deep_list(const struct deep *deep, bool files, struct str *out)
{
    size_t count = 0;
    for (size_t i = 0; i < deep->e->count; i++) {
        const struct table_evidence *t = &deep->e->tables[i];
        if (deep_is_asked(t))
            str_printf(out, "%s%lld", count++ ? "," : "{", (long long)(files ? t->filenode : t->oid));
    }
    str_add(out, count ? "}" : "{}");
}

const struct table_evidence *deep_table(const struct deep *deep, int64_t number, bool file)
{
    for (size_t i = 0; i < deep->e->count; i++)
        if ((file ? deep->e->tables[i].filenode : deep->e->tables[i].oid) == number)
            return &deep->e->tables[i];
    return NULL;
}

void deep_say(struct deep *deep, const char *source, const char *table, const char *supports, const char *format, ...)
{
    char fact[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(fact, sizeof fact, format, args);
    va_end(args);
    diagnose_add_evidence(deep->d, &(struct fact_evidence){.fact = fact, .source = (char *)source,
        .table = (char *)table, .supports = (char *)supports});
}

void deep_denied(struct deep *deep, const char *what, const char *why, const char *grant)
{
    diagnose_add_denied(deep->d, &(struct fact_denied){.what = (char *)what, .why = (char *)why,
        .grant = (char *)(grant ? grant : "")});
}

static void put(char **place, const char *text)
{
    free(*place);
    *place = xstrdup(text);
}

void deep_name(struct deep *deep, const char *by) { put(&deep->d->by, by); }

void deep_date(struct deep *deep, const char *iso, const char *why)
{
    put(&deep->d->since, iso);
    put(&deep->d->until, iso);
    put(&deep->d->since_why, why);
    put(&deep->d->until_why, why);
}

/* The role's name is the server's word. */
void deep_denied_grant(struct deep *deep, const char *what, const char *why, const char *right)
{
    struct str text = {0};
    str_printf(&text, "%s TO ", right);
    db_quote_identifier(&text, deep->e->user ? deep->e->user : "");
    deep_denied(deep, what, why, str_text(&text));
    str_free(&text);
}

/* ---- what stands where: extensions, the log's name; one round trip ---- */

struct places { char *statements, *pageinspect, *log, *log_why; };

enum { PLACE_EXTENSIONS, PLACE_LOG, PLACE_PROBES };

static bool find_places(struct deep *deep, struct places *p, struct err *err)
{
    struct db_probe probes[PLACE_PROBES] = {
        [PLACE_EXTENSIONS] = {.name = "extensions", .sql =
            "SELECT e.extname, quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
            " WHERE e.extname IN ('pg_stat_statements', 'pageinspect')"},
        [PLACE_LOG] = {.name = "the log's name", .sql = "SELECT pg_current_logfile()"},
    };
    if (!db_pipeline(deep->s->db, probes, PLACE_PROBES, err))
        return false;
    const struct db_probe *extensions = &probes[PLACE_EXTENSIONS], *log = &probes[PLACE_LOG];
    for (size_t i = 0; extensions->ok && i < db_rows(extensions->result); i++)
        *(strcmp(db_value(extensions->result, i, 0), "pageinspect") == 0 ? &p->pageinspect : &p->statements) =
            xstrdup(db_value(extensions->result, i, 1));
    if (log->ok && db_rows(log->result) && db_value(log->result, 0, 0))
        p->log = xstrdup(db_value(log->result, 0, 0));
    else
        p->log_why = xstrdup(log->ok ? "the server writes no log file (logging_collector is off)" : db_probe_word(log));
    db_probes_free(probes, PLACE_PROBES);
    return true;
}

static void free_places(struct places *p)
{
    free(p->statements);
    free(p->pageinspect);
    free(p->log);
    free(p->log_why);
}

/* ---- statements: which role deleted, by what ---- */

/* A statement that empties: and names one of the tables, whose names are a parameter. */
static char *statements_sql(const char *schema)
{
    struct str sql = {0};
    str_printf(&sql, "SELECT pg_get_userbyid(s.userid), s.calls, s.rows, left(s.query, 4000),"
               " s.query = '<insufficient privilege>' FROM %s.pg_stat_statements s"
               " WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
               " AND (s.query = '<insufficient privilege>' OR (s.query ~* '^\\s*(with|delete|truncate|drop|alter|update)'"
               " AND s.query ~* '(delete|truncate|drop)' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY ($1::oid[])"
               " AND strpos(s.query, c.relname) > 0))) ORDER BY 5, s.rows DESC LIMIT %d", schema, STATEMENTS);
    return str_take(&sql);
}

static bool look_at_statements(struct deep *deep, const struct places *p, const char *oids, struct err *err)
{
    if (!p->statements) {
        deep_denied(deep, "statements", "pg_stat_statements is not installed here", NULL);
        return true;
    }
    char *sql = statements_sql(p->statements);
    const char *params[] = {oids};
    struct db_probe probe = {.name = "statements", .sql = sql, .count = 1, .params = params};
    bool ok = db_pipeline(deep->s->db, &probe, 1, err), hidden = false;
    const struct db_result *r = ok && probe.ok ? probe.result : NULL;
    size_t seen = 0;
    if (ok && !r)
        deep_denied(deep, "statements", probe.err.message, NULL);
    for (size_t i = 0; r && i < db_rows(r); i++) {
        if (db_bool(r, i, 4)) {
            hidden = true;
            continue;
        }
        const char *role = db_value(r, i, 0);
        char *query = masked_copy(db_value(r, i, 3), STATEMENT_SHOWN);
        long long calls = (long long)db_int(r, i, 1, 0), rows = (long long)db_int(r, i, 2, 0);
        deep_say(deep, "pg_stat_statements", NULL, deep->d->verdict, "%s   %lld call%s, %lld row%s, role %s", query, calls,
                 calls == 1 ? "" : "s", rows, rows == 1 ? "" : "s", role);
        if (seen++ == 0) {               /* the one with the most rows */
            char by[400];
            snprintf(by, sizeof by, "role %s (%s)", role, query);
            deep_name(deep, by);
        }
        free(query);
    }
    if (r && seen == 0 && !hidden)
        deep_say(deep, "pg_stat_statements", NULL, NULL, "no statement that empties one of these tables is remembered");
    if (hidden)
        deep_denied_grant(deep, "other roles' statements", "not permitted", "GRANT pg_read_all_stats");
    db_probes_free(&probe, 1);
    free(sql);
    return ok;
}

/* ---- dead rows: t_xmax is the transaction that deleted them ---- */

static char *dead_sql(const struct places *p, const struct table_evidence *t)
{
    struct str sql = {0}, relation = {0};
    db_quote_relation(&relation, t->schema_name, strrchr(t->name, '.') ? strrchr(t->name, '.') + 1 : t->name);
    str_printf(&sql, "SELECT i.t_xmax, count(*), current_setting('track_commit_timestamp')::bool FROM"
               " generate_series(0, least(pg_relation_size(%lld) / current_setting('block_size')::bigint, 8) - 1) p,"
               " %s.heap_page_items(%s.get_raw_page(", (long long)t->oid, p->pageinspect, p->pageinspect);
    db_quote_literal(&sql, str_text(&relation));
    str_add(&sql, ", 'main', p::int)) i WHERE i.t_xmax <> '0' AND (i.t_infomask & (128 + 2048 + 4096)) = 0"
            /* neither a lock, nor a delete that was rolled back, nor several transactions */
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 1");
    str_free(&relation);
    return str_take(&sql);
}

static void take_dead_rows(struct deep *deep, const struct db_probe *probe)
{
    int64_t rows = db_int(probe->result, 0, 1, 0);
    const char *xid = db_value(probe->result, 0, 0);
    deep_say(deep, "heap_page_items (t_xmax)", probe->name, "deleted",
             "%lld dead rows on its first pages were deleted by transaction %s", (long long)rows, xid);
    if (rows <= deep->xid_rows)
        return;
    deep->xid_rows = rows;
    snprintf(deep->xid, sizeof deep->xid, "%s", xid);
}

/* WAL names its transaction with a commit; without it the dead rows do, if nothing else is known. */
static void name_transaction(struct deep *deep)
{
    char by[400];
    const char *known = deep->d->by ? deep->d->by : "";
    if (!deep->xid[0] || strstr(known, "transaction") || strcmp(deep->d->verdict, "deleted") != 0)
        return;
    snprintf(by, sizeof by, "%.340s%stransaction %s", known, *known ? ", " : "", deep->xid);
    deep_name(deep, by);
}

static bool look_at_dead_rows(struct deep *deep, const struct places *p, struct err *err)
{
    size_t count = 0;
    if (!p->pageinspect)
        return true;
    struct db_probe *probes = xcalloc(deep->e->count + 1, sizeof *probes);
    for (size_t i = 0; i < deep->e->count; i++)
        if (deep_is_asked(&deep->e->tables[i]) && deep->e->tables[i].heap > 0 && deep->e->tables[i].kind == 'r')
            probes[count++] = (struct db_probe){.name = deep->e->tables[i].name,
                                                .sql = dead_sql(p, &deep->e->tables[i])};
    bool ok = count == 0 || db_pipeline(deep->s->db, probes, count, err);
    for (size_t i = 0; i < count; i++) {
        if (ok && probes[i].ok && db_rows(probes[i].result))
            take_dead_rows(deep, &probes[i]);
        free((char *)probes[i].sql);
    }
    if (ok && count && !probes[0].ok)
        deep_denied(deep, "the transaction of dead rows", db_probe_word(&probes[0]), NULL);
    db_probes_free(probes, count);
    free(probes);
    return ok;
}

/* ---- analysed values: a part of what was there ---- */

static const char values_sql[] =
    "SELECT s.schemaname, s.tablename, s.attname, left(array_to_string(coalesce(s.histogram_bounds::text::text[], '{}')"
    " || coalesce(s.most_common_vals::text::text[], '{}'), ', '), 401),"
    " coalesce(cardinality(s.histogram_bounds::text::text[]), 0) + coalesce(cardinality(s.most_common_vals::text::text[]), 0)"
    " FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename JOIN pg_namespace n ON n.oid = c.relnamespace"
    " AND n.nspname = s.schemaname WHERE c.oid = ANY ($1::oid[]) AND (s.histogram_bounds IS NOT NULL"
    " OR s.most_common_vals IS NOT NULL) ORDER BY 1, 2, 5 DESC, 3";

/* Configured so, or a fixture has !env or !argon2id in it. */
static bool is_secret(const struct deep *deep, const struct table_evidence *t, const char *column)
{
    if (settings_is_secret(settings_table(deep->s->ctx->settings, t->name), column))
        return true;
    const char *dot = strrchr(t->name, '.');
    for (size_t i = 0; i < deep->s->fixtures.count; i++) {
        const struct fixture *f = &deep->s->fixtures.items[i];
        const char *of = strrchr(f->table, '.');
        for (size_t k = 0; strcmp(of ? of + 1 : f->table, dot ? dot + 1 : t->name) == 0 && k < f->column_count; k++)
            if (f->column_secrets[k] && strcmp(f->columns[k], column) == 0)
                return true;
    }
    return false;
}

/* Names and keys are what a person knows a row by: the column with the most values of each table. */
static bool look_at_values(struct deep *deep, const char *oids, struct err *err)
{
    if (!session_fixtures(deep->s)) {
        deep_denied(deep, "analysed values", "which columns are secret is not known while the fixtures cannot be read", NULL);
        return true;
    }
    const char *params[] = {oids};
    struct db_probe probe = {.name = "analysed values", .sql = values_sql, .count = 1, .params = params};
    if (!db_pipeline(deep->s->db, &probe, 1, err))
        return false;
    const struct table_evidence *told = NULL;
    for (size_t i = 0; probe.ok && i < db_rows(probe.result); i++) {
        const char *column = db_value(probe.result, i, 2), *values = db_value(probe.result, i, 3);
        const struct table_evidence *t = NULL;
        for (size_t k = 0; k < deep->e->count && !t; k++) {
            const char *dot = strrchr(deep->e->tables[k].name, '.');
            if (strcmp(dot ? dot + 1 : deep->e->tables[k].name, db_value(probe.result, i, 1)) == 0)
                t = &deep->e->tables[k];
        }
        if (!t || t == told || is_secret(deep, t, column))
            continue;
        told = t;
        deep_say(deep, "pg_stats", t->name, NULL, "%lld analysed values of %s are remembered: %.*s%s",
                 (long long)db_int(probe.result, i, 4, 0), column, VALUES_SHOWN, values,
                 strlen(values) > VALUES_SHOWN ? " ..." : "");
    }
    if (!probe.ok)
        deep_denied(deep, "analysed values", db_probe_word(&probe), NULL);
    db_probes_free(&probe, 1);
    return true;
}

/* ---- all of it ---- */

bool deep_look(struct session *s, const struct evidence *e, struct fact_diagnosis *d, struct err *err)
{
    struct deep deep = {.s = s, .e = e, .d = d};
    struct places places = {0};
    struct str oids = {0};
    d->deep = true;
    deep_list(&deep, false, &oids);
    bool ok = find_places(&deep, &places, err) && look_at_statements(&deep, &places, str_text(&oids), err) &&
              look_at_dead_rows(&deep, &places, err) && look_at_values(&deep, str_text(&oids), err) &&
              deep_log(&deep, places.log, places.log_why, str_text(&oids), err) &&
              deep_commits(&deep, err) && deep_wal(&deep, err) && deep_databases(&deep, err);
    if (ok)
        name_transaction(&deep);
    free_places(&places);
    str_free(&oids);
    return ok;
}
