/* watch_look - the glance, what makes it doubtful, and settling. */
#include "op/watch_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "db/catalog_wanted.h"
#include "db/pipeline.h"
#include "op/held.h"
#include "op/remember.h"
#include "op/watch_decide.h"

enum { WHO, SYSTEM, TABLES, LEDGER, GLANCE_PROBES };
enum {
    SLOW_MS = 4000,                  /* a connection that is lost after such a silence is not tried again at once */
    FULL_MS = 10000, FULL_PAUSE_MS = 200,   /* how long one that has no place left is asked again */
    SETTLE_MS = 5 * 60 * 1000,
    SETTLE_STANDBY_MS = 60 * 1000    /* a standby counts nothing that happens on its primary */
};

#define MS(moment) "(extract(epoch FROM " moment ") * 1000)::int8"

static const char who_sql[] =
    "SELECT d.oid, d.datname, pg_is_in_recovery(), " MS("pg_postmaster_start_time()")
    " FROM pg_database d WHERE d.datname = current_database()";

static const char system_sql[] = "SELECT system_identifier FROM pg_control_system()";

/* Every table of a wanted name; of a partitioned one the sum of its leaves. pg_inherits rather than pg_partition_tree(),
 * which would wait for locks. */
static const char tables_sql[] =
    "WITH RECURSIVE named AS MATERIALIZED (SELECT c.oid, c.relfilenode, c.relkind, c.reltuples" CATALOG_OWN_TABLES
    " AND" CATALOG_WANTED "), leaf(root, oid) AS (SELECT oid, oid FROM named UNION ALL"
    " SELECT l.root, i.inhrelid FROM leaf l JOIN pg_inherits i ON i.inhparent = l.oid"
    " WHERE EXISTS (SELECT FROM named p WHERE p.oid = l.root AND p.relkind = 'p'))"
    " SELECT n.oid, n.relfilenode, n.relkind, n.reltuples, sum(pg_stat_get_live_tuples(l.oid)),"
    " sum(pg_stat_get_tuples_inserted(l.oid)), sum(pg_stat_get_tuples_deleted(l.oid))"
    " FROM named n JOIN leaf l ON l.root = n.oid GROUP BY 1, 2, 3, 4 ORDER BY 1";

/* ---- the glance ---- */

static size_t glance_probes(struct watch_eye *eye, struct arena *arena, struct db_probe *probes)
{
    const char **names;
    size_t count = session_tables_wanted(&eye->session, arena, &names);
    probes[WHO] = (struct db_probe){.name = "identity", .sql = who_sql};
    probes[SYSTEM] = (struct db_probe){.name = "system identifier", .sql = system_sql};
    probes[TABLES] = (struct db_probe){.name = "tables", .sql = tables_sql, .count = CATALOG_PARAMS,
        .params = db_catalog_params(arena, names, count, false)};
    if (!eye->session.ledger)
        return LEDGER;
    ledger_pulse_probe(eye->session.ledger, &probes[LEDGER]);
    return GLANCE_PROBES;
}

/* What a glance says of a table, as the catalogue's own struct, so that the same rules judge it. Whether its file has
 * pages was not asked: it may wait for a lock. */
static bool take_counters(const struct db_probe *tables, uint32_t oid, struct db_table *t)
{
    for (size_t r = 0; r < db_rows(tables->result); r++) {
        if ((uint32_t)db_int(tables->result, r, 0, 0) != oid)
            continue;
        *t = (struct db_table){.oid = oid, .filenode = (uint32_t)db_int(tables->result, r, 1, 0),
            .kind = *db_value(tables->result, r, 2), .reltuples = strtod(db_value(tables->result, r, 3), NULL),
            .live = db_int(tables->result, r, 4, 0), .inserted = db_int(tables->result, r, 5, 0),
            .deleted = db_int(tables->result, r, 6, 0), .heap_bytes = 1};
        return true;
    }
    return false;
}

static struct watch_print print_of(const struct db_table *t)
{
    return (struct watch_print){t->oid, t->filenode, t->live, t->inserted, t->deleted, t->reltuples};
}

static bool same_print(const struct watch_print *a, const struct watch_print *b)
{
    return a->oid == b->oid && a->filenode == b->filenode && a->live == b->live && a->inserted == b->inserted &&
           a->deleted == b->deleted && !(a->reltuples < b->reltuples) && !(a->reltuples > b->reltuples);
}

static uint64_t crowd_of(const struct db_probe *tables)
{
    uint64_t crowd = db_rows(tables->result);
    for (size_t r = 0; r < db_rows(tables->result); r++)
        crowd = crowd * 1099511628211u ^ (uint64_t)db_int(tables->result, r, 0, 0);
    return crowd;
}

static bool is_partitioned(const struct db_table *t) { return t->kind == 'p'; }

/* A table that changed since it was settled: is it still what it was? */
static bool doubtful(const struct watch_table *table, const struct db_table *t)
{
    int64_t left = is_partitioned(t) ? t->live : held_estimate(t);
    return watch_lacks(table, NULL) || held_unknown(t) || held_table(t, table->floor, -1) ||
           (table->floor >= 0 ? left < table->floor : left == 0);
}

/* False: somebody has to look closer. Otherwise the tables' rows are as the glance has them. */
static bool tables_hold(struct watch_eye *eye, const struct db_probe *tables)
{
    if (!tables->ok || crowd_of(tables) != eye->crowd)
        return !tables->ok;          /* not permitted or timed out: nothing to compare, and no reason to look closer */
    for (size_t i = 0; i < eye->count; i++) {
        struct watch_table *table = &eye->tables[i];
        struct db_table t;
        if (!table->there || !take_counters(tables, eye->prints[i].oid, &t))
            continue;                /* crowd would have told of one that came or went */
        struct watch_print print = print_of(&t);
        if (same_print(&print, &eye->prints[i]))
            continue;
        if (print.oid != eye->prints[i].oid || print.filenode != eye->prints[i].filenode || doubtful(table, &t))
            return false;
        eye->prints[i] = print;
        table->rows = is_partitioned(&t) ? t.live : held_estimate(&t);
        table->estimated = true;
    }
    return true;
}

static bool migrations_run(const struct watch_eye *eye)
{
    for (size_t i = 0; i < eye->session.ledger_state.count; i++)
        if (eye->session.ledger_state.migrations[i].state == MIGRATION_RUNNING)
            return true;
    return false;
}

static bool identity_holds(const struct watch_eye *eye, const struct db_probe *probes)
{
    const struct db_identity *known = &eye->session.identity;
    const struct db_result *who = probes[WHO].result;
    const char *system = probes[SYSTEM].ok ? db_value(probes[SYSTEM].result, 0, 0) : "";
    return (uint32_t)db_int(who, 0, 0, 0) == known->database_oid && strcmp(db_value(who, 0, 1), known->database) == 0 &&
           db_bool(who, 0, 2) == known->in_recovery && strcmp(system ? system : "", known->system_identifier) == 0;
}

static bool is_due(const struct watch_eye *eye)
{
    int64_t age = clock_mono_ms() - eye->settled_ms;
    return age >= (eye->session.identity.in_recovery ? SETTLE_STANDBY_MS : SETTLE_MS);
}

/* A ledger that is locked or slow right now says nothing. */
static bool is_passing(const char *sqlstate)
{
    return strcmp(sqlstate, "55P03") == 0 || strcmp(sqlstate, "57014") == 0;
}

static bool ledger_holds(const struct watch_eye *eye, const struct db_probe *probe)
{
    char pulse[sizeof eye->pulse];
    if (!eye->session.ledger || is_passing(probe->err.sqlstate))
        return true;
    if (!ledger_pulse_take(probe, pulse, sizeof pulse))
        snprintf(pulse, sizeof pulse, "%s", probe->err.sqlstate);
    return strcmp(pulse, eye->pulse) == 0 && !migrations_run(eye);
}

/* ---- settling ---- */

static int64_t rows_of(const struct db_table *t, const struct db_probe *tables, bool standby)
{
    struct db_table leaves;
    if (t->kind == 'p')
        return !standby && tables->ok && take_counters(tables, t->oid, &leaves) ? leaves.live : -1;
    if (t->kind != 'r' && t->kind != 'm')
        return -1;                   /* a view or a foreign table: only a scan would tell */
    if (t->heap_bytes == 0)
        return 0;
    return !t->counted && held_unknown(t) ? -1 : held_estimate(t);
}

static void settle_table(struct watch_eye *eye, const struct table_entry *entry, const struct db_probe *tables)
{
    int64_t declared = entry->fixture ? (int64_t)entry->fixture->row_count : -1;
    struct watch_table *out = &eye->tables[eye->count];
    struct db_table counters;
    *out = (struct watch_table){.name = arena_strdup(&eye->arena, entry->name), .rows = -1,
                                .floor = entry->min_rows >= 0 ? entry->min_rows : declared};
    if (entry->table) {
        const struct db_table *t = entry->table;
        out->there = true;
        out->held = entry->class == TABLE_CONTEXT && held_table(t, entry->min_rows, declared);
        out->rows = rows_of(t, tables, eye->session.identity.in_recovery);
        out->estimated = !t->counted && out->rows > 0;
        eye->prints[eye->count] = (struct watch_print){.oid = t->oid};
        if (tables->ok && take_counters(tables, t->oid, &counters))
            eye->prints[eye->count] = print_of(&counters);
    }
    eye->count++;
}

/* A healthy look is remembered as a healthy visit is: a diagnosis is the surer for it. */
static void remember(struct watch_eye *eye, const struct table_list *list)
{
    struct input *status = input_new(IN_STATUS);
    status->tables = xcalloc(list->count + 1, sizeof *status->tables);
    for (size_t i = 0; i < list->count; i++) {
        const struct table_entry *entry = &list->items[i];
        struct fact_table *fact = &status->tables[status->table_count];
        if (entry->class != TABLE_CONTEXT)
            continue;
        tables_fact(entry, false, fact);
        for (size_t k = 0; k < eye->count; k++)
            if (strcmp(eye->tables[k].name, entry->name) == 0)
                fact->rows = eye->tables[k].rows;
        status->table_count++;
    }
    remember_visit(&eye->session, status);
    input_free(status);
}

static bool settle_tables(struct watch_eye *eye, const struct db_probe *tables, struct err *err)
{
    struct table_list list;
    if (!tables_list(&eye->session, &list, err))
        return false;
    arena_reset(&eye->arena);
    eye->tables = arena_alloc(&eye->arena, (list.count + 1) * sizeof *eye->tables);
    eye->prints = arena_alloc(&eye->arena, (list.count + 1) * sizeof *eye->prints);
    eye->count = 0;
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].class == TABLE_CONTEXT || list.items[i].min_rows >= 0)
            settle_table(eye, &list.items[i], tables);
    eye->crowd = tables->ok ? crowd_of(tables) : 0;
    if (eye->session.known.state != KNOWN_CHANGED)
        remember(eye, &list);
    tables_free(&list);
    return true;
}

static void settle_pulse(struct watch_eye *eye, const struct db_probe *probe)
{
    eye->pulse[0] = '\0';
    if (eye->session.ledger && !ledger_pulse_take(probe, eye->pulse, sizeof eye->pulse))
        snprintf(eye->pulse, sizeof eye->pulse, "%s", probe->err.sqlstate);
}

/* The glance's own probes ride along, so that what is settled and what it is compared with are of one moment. */
static bool settle(struct watch_eye *eye, struct db_probe *probes, struct err *err)
{
    struct arena arena = {0};
    size_t count = glance_probes(eye, &arena, probes);
    bool ok = session_look_deeper(&eye->session, probes, count, err);
    if (ok && !probes[WHO].ok)
        ok = err_set(err, ERR_LOST, "%s", probes[WHO].err.message);
    ok = ok && settle_tables(eye, &probes[TABLES], err);
    if (ok)
        settle_pulse(eye, &probes[LEDGER]);
    eye->settled = ok;
    eye->settled_ms = clock_mono_ms();
    eye->settlings++;
    arena_free(&arena);
    return ok;
}

/* ---- what was found ---- */

static void found_migrations(const struct watch_eye *eye, struct watch_state *now)
{
    const struct session *s = &eye->session;
    const struct ledger_state *ledger = &s->ledger_state;
    const struct err *problem = s->ledger_error.class != ERR_NONE ? &s->ledger_error : &s->ledger_problem;
    if (is_passing(problem->sqlstate))
        return;
    if (problem->class != ERR_NONE)
        now->ledger_problem = arena_printf(&now->arena, "%s", problem->message);
    else if (ledger->foreign_tool && !ledger->exists)
        now->ledger_problem = arena_printf(&now->arena, "%s holds the ledger of another tool: %s", ledger->foreign_relation,
                                           ledger->foreign_tool);
    now->migrations_known = !now->ledger_problem;
    now->migrations = arena_alloc(&now->arena, (ledger->count + 1) * sizeof *now->migrations);
    for (size_t i = 0; i < ledger->count; i++)
        now->migrations[now->migration_count++] = (struct watch_migration){
            arena_strdup(&now->arena, ledger->migrations[i].name), ledger->migrations[i].state};
}

static void found(const struct watch_eye *eye, const struct db_probe *probes, struct watch_state *now)
{
    const struct session *s = &eye->session;
    struct str sentence = {0};
    now->stranger = s->known.state == KNOWN_CHANGED;
    known_sentence(&s->known, eye->ctx->environment, &sentence);
    now->stranger_why = now->stranger ? arena_strdup(&now->arena, str_text(&sentence)) : NULL;
    str_free(&sentence);
    now->identity = s->known.now;
    now->started_ms = db_int(probes[WHO].result, 0, 3, 0);
    now->standby = s->identity.in_recovery;
    now->tables_known = true;
    now->tables = arena_alloc(&now->arena, (eye->count + 1) * sizeof *now->tables);
    for (size_t i = 0; i < eye->count; i++) {
        now->tables[i] = eye->tables[i];
        now->tables[i].name = arena_strdup(&now->arena, eye->tables[i].name);
    }
    now->table_count = eye->count;
    found_migrations(eye, now);
}

static void found_away(struct watch_state *now, const struct err *err)
{
    now->away = true;
    now->away_why = arena_printf(&now->arena, "%s%s%s", err->message, err->why[0] ? ": " : "", err->why);
}

/* ---- one look ---- */

void watch_eye_close(struct watch_eye *eye)
{
    if (eye->open) {
        eye->trips_before += db_round_trips(eye->session.db);
        session_close(&eye->session);
    }
    eye->open = eye->settled = false;
    arena_free(&eye->arena);
}

/* A server that has no place left answers; others who look at its databases go and come, so one is waited for. */
static bool open_when_not_full(struct watch_eye *eye, struct err *err)
{
    int64_t end = clock_mono_ms() + FULL_MS;
    for (;;) {
        if (session_open(&eye->session, eye->ctx, err))
            return true;
        if (strcmp(err->sqlstate, "53300") != 0 || clock_mono_ms() >= end)
            return false;
        err_clear(err);
        if (!ctx_sleep(eye->ctx, FULL_PAUSE_MS, err))
            return false;
    }
}

static bool open_and_settle(struct watch_eye *eye, struct db_probe *probes, struct err *err)
{
    eye->open = open_when_not_full(eye, err);
    return eye->open && settle(eye, probes, err);
}

static bool glance(struct watch_eye *eye, struct db_probe *probes, struct err *err)
{
    struct arena arena = {0};
    size_t count = glance_probes(eye, &arena, probes);
    bool ok = db_pipeline(eye->session.db, probes, count, err);
    arena_free(&arena);
    if (ok && !probes[WHO].ok) {
        *err = probes[WHO].err;
        ok = false;
    }
    return ok && (db_rows(probes[WHO].result) == 1 || err_set(err, ERR_LOST, "the server does not say who it is"));
}

static bool enough(struct watch_eye *eye, const struct db_probe *probes)
{
    return eye->settled && !is_due(eye) && eye->session.known.state != KNOWN_CHANGED && identity_holds(eye, probes) &&
           ledger_holds(eye, &probes[LEDGER]) && tables_hold(eye, &probes[TABLES]);
}

/* With a connection that is there already. *again: it was lost, and is worth another try at once. */
static bool look_on(struct watch_eye *eye, struct db_probe *probes, bool *again, struct err *err)
{
    int64_t began = clock_mono_ms();
    bool ok = glance(eye, probes, err);
    if (ok && !enough(eye, probes)) {
        db_probes_free(probes, GLANCE_PROBES);
        ok = settle(eye, probes, err);
    }
    *again = !ok && err->class != ERR_CANCELLED && clock_mono_ms() - began < SLOW_MS;
    return ok;
}

static int64_t boot_ms(void)
{
#ifdef CLOCK_BOOTTIME
    struct timespec t;
    if (clock_gettime(CLOCK_BOOTTIME, &t) == 0)
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
#endif
    return clock_mono_ms();
}

bool watch_look(struct watch_eye *eye, struct watch_state *now, struct err *err)
{
    struct db_probe probes[GLANCE_PROBES] = {0};
    bool again = !eye->open, ok = false;
    *now = (struct watch_state){.wall_ms = clock_wall_ms(), .mono_ms = clock_mono_ms(), .boot_ms = boot_ms()};
    if (eye->open)
        ok = look_on(eye, probes, &again, err);
    if (!ok && again) {
        now->relinked = eye->open;
        db_probes_free(probes, GLANCE_PROBES);
        watch_eye_close(eye);
        ok = open_and_settle(eye, probes, err);
    }
    eye->looks++;
    if (ok)
        found(eye, probes, now);
    else
        found_away(now, err);
    db_probes_free(probes, GLANCE_PROBES);
    if (!ok)
        watch_eye_close(eye);
    eye->round_trips = eye->trips_before + (eye->open ? db_round_trips(eye->session.db) : 0);
    return ok || err->class != ERR_CANCELLED;
}
