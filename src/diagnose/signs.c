/* signs - evidence as sentences. Decides nothing: rules.c does. */
#include "diagnose/signs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "diagnose/judge.h"
#include "diagnose/rules.h"

void signs_time(int64_t ms, char *out, size_t size)
{
    out[0] = '\0';
    if (ms <= 0)
        return;
    clock_format_utc(ms, out, size);
    char *fraction = strchr(out, '.');
    if (fraction)
        snprintf(fraction, size - (size_t)(fraction - out), "Z");
}

/* ---- signs of tables: how many of those that lack rows show them ---- */

static bool all_deleted(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->inserted > 0 && t->deleted > 0 && t->deleted + (t->rows > 0 ? t->rows : 0) >= t->inserted;
}
static bool some_deleted(const struct evidence *e, const struct table_evidence *t)
{
    return t->deleted > 0 && !all_deleted(e, t);
}
static bool all_dead(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->inserted > 0 && t->deleted == 0 && t->dead >= t->inserted;
}
static bool not_deleted(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->inserted > 0 && t->deleted < t->inserted && t->dead == 0 && t->rows == 0;
}
static bool never_counted(const struct evidence *e, const struct table_evidence *t)
{
    return t->inserted == 0 && t->deleted == 0 && counters_cover(e, t);
}
static bool counters_lost(const struct evidence *e, const struct table_evidence *t)
{
    return t->counters && t->inserted == 0 && t->deleted == 0 && !counters_cover(e, t);
}
static bool analysed(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->analysed_columns > 0;
}
static bool not_analysed(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->analysed_columns == 0;
}
static bool own_file(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->filenode > 0 && t->filenode == t->oid;
}
static bool new_file(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return table_was_emptied_whole(t);
}
static bool by_hand(const struct evidence *e, const struct table_evidence *t)
{
    return table_has_new_file(t) && table_newer_than_ledger(e, t);
}
static bool dead_pages(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->heap > 0 && t->rows == 0;
}
static bool index_pages(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->index_excess > 0 && t->rows == 0;
}
static bool no_pages(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->heap == 0 && t->index_excess == 0 && t->filenode == t->oid;
}
static bool estimate_stays(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->reltuples > 0 && t->rows == 0;
}
static bool row_security(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->rls;
}
static bool no_right(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->present && !t->can_select;
}

static const struct table_sign {
    const char *fact;                /* after "3 of 7 tables: " */
    const char *source, *supports, *excludes;
    bool (*test)(const struct evidence *e, const struct table_evidence *t);
} table_signs[] = {
    {"rows deleted = rows inserted", "pg_stat_user_tables", "deleted", "never-seeded, seed-rolled-back", all_deleted},
    {"some rows were deleted", "pg_stat_user_tables", "deleted", "never-seeded", some_deleted},
    {"every row inserted is dead, none was deleted", "pg_stat_user_tables", "seed-rolled-back", "deleted", all_dead},
    {"more rows inserted than deleted, and none is left", "pg_stat_user_tables", "truncated, seed-rolled-back",
     "never-seeded", not_deleted},
    {"nothing was inserted or deleted since the table was made", "pg_stat_user_tables",
     "never-seeded, recreated, reinitialised", "deleted, truncated, seed-rolled-back", never_counted},
    {"the counters are zero, but began anew during the table's life", "pg_stat_user_tables", "", "", counters_lost},
    {"statistics of values show that committed rows were there", "pg_stats", "deleted, truncated, unlogged-crash",
     "never-seeded, seed-rolled-back, recreated", analysed},
    {"no row was ever analysed (small tables often are not)", "pg_stats", "never-seeded, seed-rolled-back", "",
     not_analysed},
    {"the planner's estimate still counts rows", "pg_class.reltuples", "deleted, unlogged-crash, hidden-by-rls",
     "never-seeded", estimate_stays},
    {"the files are the ones the tables were created with", "pg_class.relfilenode = oid", "", "truncated", own_file},
    {"a new file, empty with its indexes", "pg_class.relfilenode <> oid", "truncated", "", new_file},
    {"the file is younger than the last migration", "pg_class.relfrozenxid, the ledger's xmin", "truncated", "",
     by_hand},
    {"pages of deleted or rolled-back rows are still there", "pg_relation_size",
     "deleted, seed-rolled-back, load-in-progress", "never-seeded, truncated", dead_pages},
    {"indexes keep pages that rows once filled", "pg_relation_size of indexes", "deleted, seed-rolled-back",
     "never-seeded, truncated", index_pages},
    {"neither heap nor indexes ever had a page", "pg_relation_size", "never-seeded, recreated, reinitialised",
     "deleted, seed-rolled-back", no_pages},
    {"row security is active for this role", "row_security_active", "hidden-by-rls", "", row_security},
    {"this role may not read them", "has_table_privilege", "no-privilege", "", no_right},
};

static bool judged(const struct table_evidence *t, bool lacking_only)
{
    return t->context && t->present && (!lacking_only || table_lacks_rows(t) || t->rls || !t->can_select);
}

static void add_table_signs(const struct evidence *e, struct fact_diagnosis *d)
{
    size_t all = 0;
    for (size_t i = 0; i < e->count; i++)
        all += judged(&e->tables[i], true);
    for (size_t s = 0; all && s < sizeof table_signs / sizeof *table_signs; s++) {
        const struct table_sign *sign = &table_signs[s];
        size_t n = 0;
        const char *one = "";
        for (size_t i = 0; i < e->count; i++)
            if (judged(&e->tables[i], true) && sign->test(e, &e->tables[i])) {
                one = e->tables[i].name;
                n++;
            }
        if (n == 0)
            continue;
        struct str fact = {0};
        if (n == 1 && all > 1)
            str_printf(&fact, "%s: %s", one, sign->fact);
        else
            str_printf(&fact, "%zu of %zu tables: %s", n, all, sign->fact);
        diagnose_add_evidence(d, &(struct fact_evidence){.fact = fact.text, .source = (char *)sign->source,
            .table = n == 1 ? (char *)one : NULL, .supports = (char *)sign->supports,
            .excludes = (char *)sign->excludes});
        str_free(&fact);
    }
}

/* ---- signs of the whole ---- */

static void add(struct fact_diagnosis *d, const char *source, const char *supports, const char *excludes,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
static void add(struct fact_diagnosis *d, const char *source, const char *supports, const char *excludes,
                const char *format, ...)
{
    char fact[512];
    va_list args;
    va_start(args, format);
    vsnprintf(fact, sizeof fact, format, args);
    va_end(args);
    diagnose_add_evidence(d, &(struct fact_evidence){.fact = fact, .source = (char *)source,
        .supports = (char *)supports, .excludes = (char *)excludes});
}

static void add_cluster(const struct evidence *e, struct fact_diagnosis *d)
{
    enum { SECOND = 1000, HOUR = 3600 * SECOND };
    char born[32], first[32];
    if (!e->born_ms)
        return;
    signs_time(e->born_ms, born, sizeof born);
    signs_time(e->ledger_first_ms, first, sizeof first);
    if (e->ledger_first_ms && e->ledger_first_ms < e->born_ms - 60 * SECOND)
        add(d, "pg_control_system, the ledger", "restored-empty", "never-seeded",
            "the cluster dates from %s; its ledger begins before that, at %s", born, first);
    else if (e->ledger_first_ms && e->ledger_first_ms - e->born_ms < HOUR)
        add(d, "pg_control_system, the ledger", "reinitialised, never-seeded", "",
            "the cluster dates from %s and was migrated soon after, at %s", born, first);
    else
        add(d, "pg_control_system", "", e->ledger_first_ms ? "reinitialised" : "", "the cluster dates from %s", born);
}

static void add_counters(const struct evidence *e, struct fact_diagnosis *d)
{
    char since[32];
    signs_time(counters_since(e), since, sizeof since);
    if (e->standby)
        add(d, "pg_is_in_recovery", "", "", "this is a standby: its counters of rows say nothing");
    else if (e->database_reset_ms && e->database_reset_ms >= e->cluster_reset_ms)
        add(d, "pg_stat_database.stats_reset", "", "", "the counters were reset at %s", since);
    else if (cluster_crashed(e))
        add(d, "pg_stat_bgwriter.stats_reset", "", "",
            "the counters began anew at %s: the server crashed, or they were reset", since);
    else if (*since)
        add(d, "pg_stat_bgwriter.stats_reset", "", "", "the counters go back to the cluster's beginning");
}

static void add_dropped(const struct evidence *e, struct fact_diagnosis *d)
{
    if (e->public_oid >= 16384)
        add(d, "pg_namespace.oid", "recreated", "", "schema public is not the one that initdb made (oid %lld, not 2200)",
            (long long)e->public_oid);
    else if (e->public_oid > 0)
        add(d, "pg_namespace.oid", "", "", "schema public is the one that initdb made");
    if (e->residual > 0)
        add(d, "pg_stat_database.tup_inserted", "recreated", "",
            "%lld rows went into tables that are no more", (long long)e->residual);
    if (e->dropped_schemas > 0 || e->dropped_constraints > 0)
        add(d, "pg_stat_all_tables of pg_constraint, pg_index, pg_namespace", "recreated", "",
            "%lld constraints, %lld indexes and %lld schemas were dropped", (long long)e->dropped_constraints,
            (long long)e->dropped_indexes, (long long)e->dropped_schemas);
    if (e->dropped_databases > 0 && e->database_oid >= 16384)
        add(d, "pg_stat_all_tables of pg_database", "recreated", "", "%lld database%s of this cluster %s dropped",
            (long long)e->dropped_databases, e->dropped_databases == 1 ? "" : "s",
            e->dropped_databases == 1 ? "was" : "were");
}

static void add_ledger(const struct evidence *e, struct fact_diagnosis *d)
{
    char first[32], last[32];
    if (!e->ledger || !e->ledger_rows)
        return;
    signs_time(e->ledger_first_ms, first, sizeof first);
    signs_time(e->ledger_last_ms, last, sizeof last);
    if (e->ledger_rows > 1 && e->ledger_xids == 1 && e->ledger_moments > 1)
        add(d, "the ledger's xmin", "restored-empty", "",
            "all %lld rows of the ledger were written at once, though they tell of %lld times: a dump was loaded",
            (long long)e->ledger_rows, (long long)e->ledger_moments);
    else
        add(d, "the ledger", "", "", "%lld migrations were applied, the first at %s, the last at %s",
            (long long)e->ledger_rows, first, last);
}

static void add_standby(const struct evidence *e, struct fact_diagnosis *d)
{
    char replayed[32];
    if (!e->standby)
        return;
    signs_time(e->replayed_ms, replayed, sizeof replayed);
    add(d, "pg_last_xact_replay_timestamp", e->replay_paused || !e->streaming ? "stale-replica" : "",
        e->replay_paused || !e->streaming ? "" : "stale-replica", "replay %s%s%s; %s",
        e->replay_paused ? "is paused" : "goes on", *replayed ? ", last commit of " : "", replayed,
        e->streaming ? "it receives from its primary" : "it receives nothing");
}

static void add_places(const struct evidence *e, struct fact_diagnosis *d)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct table_evidence *t = &e->tables[i];
        if (!t->context)
            continue;
        struct fact_evidence line = {.table = (char *)t->name};
        struct str fact = {0};
        if (t->twin) {
            str_printf(&fact, "%s has about %lld rows; the search path is %s", t->twin, (long long)t->twin_rows,
                       e->search_path ? e->search_path : "unknown");
            line.source = (char *)"pg_class, current_schemas";
            line.supports = (char *)"wrong-schema";
        } else if (t->renamed) {
            str_printf(&fact, "%s has the columns of %s and ", t->renamed, t->name);
            if (t->renamed_rows > 0)
                str_printf(&fact, "about %lld rows", (long long)t->renamed_rows);
            else
                str_add(&fact, "pages whose rows nobody counted");
            line.source = (char *)"pg_attribute, pg_stat_user_tables";
            line.supports = (char *)(t->kind == 'p' ? "detached-partitions" : "renamed-away");
        } else if (t->writer && table_lacks_rows(t)) {
            str_printf(&fact, "%s may be writing to %s", t->writer, t->name);
            line.source = (char *)"pg_locks, pg_stat_activity";
            line.supports = (char *)(t->prepared ? "prepared-transaction" : "load-in-progress");
        }
        line.fact = fact.text;
        if (fact.length)
            diagnose_add_evidence(d, &line);
        str_free(&fact);
    }
}

static void add_databases(const struct evidence *e, struct fact_diagnosis *d)
{
    int shown = 0;
    for (size_t i = 0; i < e->database_count && shown < 3; i++) {
        const struct other_database *o = &e->databases[i];
        if (o->inserted <= 10 * (e->inserted_here > 0 ? e->inserted_here : 1))
            continue;
        add(d, "pg_stat_database.tup_inserted", "wrong-database", "",
            "database %s of this server had %lld rows inserted, this one %lld%s", o->name, (long long)o->inserted,
            (long long)e->inserted_here, o->can_connect ? "" : " (this role may not connect there)");
        shown++;
    }
}

static void add_memory(const struct evidence *e, struct fact_diagnosis *d)
{
    char when[32];
    signs_time(e->seen.healthy_ms, when, sizeof when);
    if (!e->seen.healthy_ms)
        return;
    bool cluster = e->seen.system_identifier == e->system_identifier, database = e->seen.database == e->database_oid;
    if (!e->seen.system_identifier || !e->system_identifier)
        add(d, "this machine's memory of healthy visits", "", "", "healthy at %s; which cluster that was is unknown", when);
    else if (!cluster)
        add(d, "this machine's memory of healthy visits", "reinitialised, restored-empty, wrong-database",
            "never-seeded", "healthy at %s, in another cluster (%lld, now %lld)", when,
            (long long)e->seen.system_identifier, (long long)e->system_identifier);
    else if (!database)
        add(d, "this machine's memory of healthy visits", "recreated, wrong-database", "reinitialised, never-seeded",
            "healthy at %s, in this cluster, in another database (oid %lld, now %lld)", when,
            (long long)e->seen.database, (long long)e->database_oid);
    else
        add(d, "this machine's memory of healthy visits", "", "reinitialised, never-seeded",
            "healthy at %s, in this very database", when);
}

void signs_add(const struct evidence *e, struct fact_diagnosis *d)
{
    add_memory(e, d);
    add_table_signs(e, d);
    add_places(e, d);
    add_standby(e, d);
    add_counters(e, d);
    add_dropped(e, d);
    add_ledger(e, d);
    add_cluster(e, d);
    add_databases(e, d);
    for (size_t i = 0; i < e->unread_count; i++)
        diagnose_add_evidence(d, &(struct fact_evidence){.fact = (char *)e->unread[i].what,
            .source = (char *)e->unread[i].source, .problem = (char *)e->unread[i].word});
}
