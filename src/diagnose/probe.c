/* probe - the questions, one table row each, by the server version that first understands their wording.
 *
 * Everything runs with search_path = pg_catalog, in a transaction of its own that reads only (db/pipeline). Knows no
 * verdict: what the answers mean is for rules.c. */
#include "diagnose/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/catalog_wanted.h"

/* Milliseconds since 1970 of an expression, or null. */
#define MS(moment) "(extract(epoch FROM " moment ") * 1000)::bigint"
#define WANTED_FROM CATALOG_OWN_TABLES " AND c.relkind IN ('r', 'p', 'm') AND" CATALOG_WANTED

static const char cluster_sql[] =
    "SELECT " MS("clock_timestamp()") ", " MS("pg_postmaster_start_time()") ", current_user, current_database(),"
    " d.oid, current_setting('track_commit_timestamp'),"
    " coalesce((SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'public'), 0)"
    " FROM pg_database d WHERE d.datname = current_database()";

static const char path_sql[] = "SELECT pg_catalog.current_schemas(true)::pg_catalog.text";

static const char birth_sql[] = "SELECT system_identifier, (system_identifier >> 32) * 1000 FROM pg_control_system()";

static const char timeline_sql[] = "SELECT timeline_id FROM pg_control_checkpoint()";

static const char resets_sql[] =
    "SELECT " MS("least((SELECT stats_reset FROM pg_stat_bgwriter), (SELECT stats_reset FROM pg_stat_archiver))") ","
    " " MS("(SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())");

/* Rows that went into tables which are no more; and what was dropped. In the life of a database that was only
 * migrated all of it is zero: temporary tables show in pg_class alone. */
static const char dropped_sql[] =
    "SELECT pg_stat_get_db_tuples_inserted(d.oid), pg_stat_get_db_tuples_inserted(d.oid) -"
    "  (SELECT sum(pg_stat_get_tuples_inserted(c.oid)) FROM pg_class c"
    "   WHERE c.relkind IN ('r', 't', 'm') AND NOT c.relisshared),"
    " pg_stat_get_tuples_deleted('pg_namespace'::regclass), pg_stat_get_tuples_deleted('pg_constraint'::regclass),"
    " pg_stat_get_tuples_deleted('pg_index'::regclass), pg_stat_get_tuples_deleted('pg_database'::regclass)"
    " FROM pg_database d WHERE d.datname = current_database()";

static const char standby_sql[] =
    "SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END,"
    " " MS("pg_last_xact_replay_timestamp()") ","
    " pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint,"
    " EXISTS (SELECT FROM pg_stat_get_wal_receiver() r WHERE r.pid IS NOT NULL)";

/* A policy USING (true) for us hides nothing, if no other restricts it. Read from its expression as it is stored, since
 * printing that would lock the table. */
#define SEES_ALL \
    "(EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')" \
    "  AND p.polqual::text LIKE '{CONST :consttype 16 %:constvalue 1 [ 1 %'" \
    "  AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE CASE WHEN r = 0 THEN true ELSE pg_has_role(r, 'USAGE') END))" \
    " AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive))"

static const char tables_sql[] =
    "SELECT c.oid, c.relfilenode, c.relkind, c.relpersistence, n.oid, n.nspname,"
    " quote_ident(pg_get_userbyid(c.relowner)),"
    " CASE WHEN c.reltuples = 0 AND c.relpages = 0 AND"
    "  current_setting('server_version_num')::int < 140000 THEN -1 ELSE c.reltuples END::bigint,"
    " age(c.relfrozenxid), age(c.xmin), c.relfrozenxid, c.xmin,"
    " pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid),"
    " pg_stat_get_live_tuples(c.oid), pg_stat_get_dead_tuples(c.oid),"
    " " MS("greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid))") ","
    " " MS("greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid))") ","
    " has_schema_privilege(n.oid, 'USAGE') AND"
    "  (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')),"
    " c.relrowsecurity AND row_security_active(c.oid) AND NOT " SEES_ALL ","
    " (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid),"
    " (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid),"
    " CASE WHEN current_setting('track_commit_timestamp') = 'on' AND c.xmin::text::bigint >= 3"
    "  THEN " MS("pg_xact_commit_timestamp(c.xmin)") " END, has_schema_privilege(n.oid, 'USAGE'),"
    " c.relrowsecurity AND row_security_active(c.oid)" WANTED_FROM;

/* A table under ACCESS EXCLUSIVE is left out, as in the catalogue's sizes. */
static const char forks_sql[] =
    "SELECT c.oid, pg_relation_size(c.oid, 'fsm')" WANTED_FROM " AND c.relkind <> 'p' AND c.oid NOT IN"
    " (SELECT l.relation FROM pg_lock_status() l WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation')";

static const char analysed_sql[] =
    "SELECT c.oid, (SELECT count(*) FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname)"
    WANTED_FROM;

static const char leaves_sql[] =
    "WITH RECURSIVE tree(root, oid) AS (SELECT c.oid, c.oid" WANTED_FROM " AND c.relkind = 'p'"
    "  UNION ALL SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid)"
    " SELECT t.root, count(*) FILTER (WHERE t.oid <> t.root),"
    " sum(pg_stat_get_tuples_inserted(t.oid)), sum(pg_stat_get_tuples_updated(t.oid)),"
    " sum(pg_stat_get_tuples_deleted(t.oid)), sum(pg_stat_get_live_tuples(t.oid)),"
    " sum(pg_stat_get_dead_tuples(t.oid)), sum(c.relpages) * current_setting('block_size')::bigint"
    " FROM tree t JOIN pg_class c ON c.oid = t.oid GROUP BY t.root";

static const char sequences_sql[] =
    "SELECT d.refobjid, max(CASE WHEN has_sequence_privilege(s.oid, 'SELECT, USAGE')"
    "  THEN pg_sequence_last_value(s.oid) END), bool_or(NOT has_sequence_privilege(s.oid, 'SELECT, USAGE'))"
    " FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
    " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
    " AND d.deptype IN ('a', 'i') AND d.refobjid = " CATALOG_WANTED_OIDS " GROUP BY d.refobjid";

/* Who else may be writing. A prepared transaction holds its locks without a process, the one on itself among them. */
static const char writers_sql[] =
    "SELECT l.relation, l.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), coalesce(a.usename, p.owner),"
    " coalesce(host(a.client_addr), 'the server''s own host'), a.backend_xid IS NOT NULL, p.gid,"
    " " MS("coalesce(a.xact_start, p.prepared)")
    " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
    " LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'"
    "  AND x.virtualtransaction = l.virtualtransaction"
    " LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid"
    " WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()"
    " AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
    " AND l.relation = " CATALOG_WANTED_OIDS " ORDER BY l.relation, l.pid NULLS FIRST";

/* A table of other name with the very same columns, and rows (or pages, where nobody counted). Partitions that are attached are their parent's. */
static const char renamed_sql[] =
    "WITH w AS (SELECT c.oid, c.relname, c.relnatts" WANTED_FROM "),"
    " o AS MATERIALIZED (SELECT c.oid, c.relname, format('%I.%I', n.nspname, c.relname) AS shown,"
    "   greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::bigint, -1) AS rows,"
    "   pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_deleted(c.oid) = 0 AS uncounted" CATALOG_OWN_TABLES
    "  AND c.relkind = 'r' AND NOT c.relispartition AND NOT" CATALOG_WANTED
    "  AND c.relnatts IN (SELECT w.relnatts FROM w) AND c.oid NOT IN (SELECT l.relation FROM pg_lock_status() l"
    "   WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation')),"
    " s AS MATERIALIZED (SELECT a.attrelid, string_agg(a.attname || ' ' || a.atttypid, ',' ORDER BY a.attname) AS sig"
    "  FROM pg_attribute a WHERE a.attrelid = ANY (ARRAY(SELECT w.oid FROM w UNION ALL SELECT o.oid FROM o))"
    "  AND a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid)"
    " SELECT w.oid, o.shown, o.rows, o.oid < w.oid FROM w JOIN s ws ON ws.attrelid = w.oid"
    " JOIN s os ON os.sig = ws.sig JOIN o ON o.oid = os.attrelid"
    " WHERE o.relname <> w.relname"
    " AND (o.rows > 0 OR (o.uncounted AND pg_relation_size(o.oid) > 0)) ORDER BY w.oid, o.rows DESC";

static const char databases_sql[] =
    "SELECT d.datname, d.oid, has_database_privilege(d.oid, 'CONNECT'), pg_stat_get_db_tuples_inserted(d.oid),"
    " pg_stat_get_db_numbackends(d.oid) FROM pg_database d"
    " WHERE d.datallowconn AND NOT d.datistemplate AND d.datname <> current_database() ORDER BY 4 DESC, 1 LIMIT 200";

/* Both tools' columns, whatever they are called; a local timestamp is taken for UTC. */
#define LEDGER_MOMENT "coalesce(to_jsonb(l) ->> 'finished_at', to_jsonb(l) ->> 'applied_at')"
static const char ledger_sql[] =
    "SELECT count(*), count(DISTINCT l.xmin::text), count(DISTINCT " LEDGER_MOMENT "),"
    " " MS("min((" LEDGER_MOMENT ")::timestamptz)") ", " MS("max((" LEDGER_MOMENT ")::timestamptz)") ","
    " min(age(l.xmin)) FROM %s l";

enum part {
    CLUSTER, PATH, BIRTH, TIMELINE, RESETS, DROPPED, STANDBY, TABLES, FORKS, ANALYSED, LEAVES, SEQUENCES, WRITERS,
    RENAMED, DATABASES, LEDGER, PARTS
};

/* One wording serves 12 to 18 so far; a newer one is a row with its min_version after the old. */
static const struct question {
    enum part part;
    int min_version;
    const char *what, *source, *sql;
    bool takes_names;
    const char *grant;               /* what would let a refused role ask; NULL: nothing simple */
} questions[] = {
    {CLUSTER, 120000, "the server's clock and the database", "pg_database", cluster_sql, false, NULL},
    {PATH, 120000, "the search path", "current_schemas", path_sql, false, NULL},
    {BIRTH, 120000, "the cluster's birth", "pg_control_system", birth_sql, false,
     "GRANT EXECUTE ON FUNCTION pg_control_system() TO %s"},
    {TIMELINE, 120000, "the timeline", "pg_control_checkpoint", timeline_sql, false,
     "GRANT EXECUTE ON FUNCTION pg_control_checkpoint() TO %s"},
    {RESETS, 120000, "when the counters began", "pg_stat_database, pg_stat_bgwriter", resets_sql, false, NULL},
    {DROPPED, 120000, "what was dropped", "pg_stat_database, pg_stat_all_tables", dropped_sql, false, NULL},
    {STANDBY, 120000, "the state of replay", "pg_last_wal_replay_lsn", standby_sql, false, NULL},
    {TABLES, 120000, "the tables' files and counters", "pg_class, pg_stat_user_tables", tables_sql, true, NULL},
    {FORKS, 120000, "the free space maps", "pg_relation_size", forks_sql, true, NULL},
    {ANALYSED, 120000, "analysed values", "pg_stats", analysed_sql, true, NULL},
    {LEAVES, 120000, "partitions", "pg_inherits", leaves_sql, true, NULL},
    {SEQUENCES, 120000, "sequences", "pg_sequences", sequences_sql, true, NULL},
    {WRITERS, 120000, "who is writing", "pg_locks, pg_stat_activity", writers_sql, true, NULL},
    {RENAMED, 120000, "tables with the same columns", "pg_attribute", renamed_sql, true, NULL},
    {DATABASES, 120000, "other databases", "pg_stat_database", databases_sql, false, NULL},
    {LEDGER, 120000, "the ledger's rows", "the ledger", ledger_sql, false, NULL},
};
_Static_assert((int)PARTS == (int)DIAGNOSE_PROBES, "a probe for each part");

static const struct question *question_for(enum part part, int version)
{
    const struct question *found = NULL;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (questions[i].part == part && (questions[i].min_version <= version || !found))
            found = &questions[i];
    return found;
}

size_t diagnose_probes(struct arena *arena, const struct diagnose_wanted *wanted, struct db_probe *probes)
{
    const char *const *params = db_catalog_params(arena, wanted->names, wanted->count, wanted->all);
    for (int part = 0; part < PARTS; part++) {
        const struct question *q = question_for((enum part)part, wanted->version);
        probes[part] = (struct db_probe){.name = q->what, .sql = q->sql,
            .count = q->takes_names ? CATALOG_PARAMS : 0, .params = q->takes_names ? params : NULL,
            .default_path = part == PATH};
    }
    if (wanted->ledger)
        probes[LEDGER].sql = arena_printf(arena, ledger_sql, wanted->ledger);
    return wanted->ledger ? PARTS : PARTS - 1;
}

/* ---- the answers ---- */


static const char *text_at(struct evidence *e, const struct db_result *r, size_t row, size_t column)
{
    return arena_strdup(&e->arena, db_value(r, row, column));
}

static struct table_evidence *table_at(struct evidence *e, const struct db_result *r, size_t row)
{
    int64_t oid = db_int(r, row, 0, 0);
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].oid == oid && oid)
            return &e->tables[i];
    return NULL;
}

static void take_cluster(struct evidence *e, const struct db_result *r)
{
    e->now_ms = db_int(r, 0, 0, 0);
    e->started_ms = db_int(r, 0, 1, 0);
    e->user = text_at(e, r, 0, 2);
    e->database = text_at(e, r, 0, 3);
    e->database_oid = db_int(r, 0, 4, 0);
    e->tracks_commits = strcmp(db_value(r, 0, 5), "on") == 0 ? DIAGNOSE_YES : DIAGNOSE_NO;
    e->public_oid = db_int(r, 0, 6, 0);
}

static void take_path(struct evidence *e, const struct db_result *r) { e->search_path = text_at(e, r, 0, 0); }

static void take_birth(struct evidence *e, const struct db_result *r)
{
    e->system_identifier = db_int(r, 0, 0, 0);
    e->born_ms = db_int(r, 0, 1, 0);
}

static void take_timeline(struct evidence *e, const struct db_result *r) { e->timeline = db_int(r, 0, 0, 0); }

static void take_resets(struct evidence *e, const struct db_result *r)
{
    e->statistics = true;
    e->cluster_reset_ms = db_int(r, 0, 0, 0);
    e->database_reset_ms = db_int(r, 0, 1, 0);
}

static void take_dropped(struct evidence *e, const struct db_result *r)
{
    e->inserted_here = db_int(r, 0, 0, -1);
    e->residual = db_int(r, 0, 1, -1);
    e->dropped_schemas = db_int(r, 0, 2, -1);
    e->dropped_constraints = db_int(r, 0, 3, -1);
    e->dropped_indexes = db_int(r, 0, 4, -1);
    e->dropped_databases = db_int(r, 0, 5, -1);
}

static void take_standby(struct evidence *e, const struct db_result *r)
{
    e->standby = db_bool(r, 0, 0);
    e->replay_paused = db_bool(r, 0, 1);
    e->replayed_ms = db_int(r, 0, 2, 0);
    e->replay_lag = db_int(r, 0, 3, -1);
    e->streaming = db_bool(r, 0, 4);
}

static void take_counters(struct table_evidence *t, const struct db_result *r, size_t row, size_t column)
{
    t->inserted = db_int(r, row, column, 0);
    t->updated = db_int(r, row, column + 1, 0);
    t->deleted = db_int(r, row, column + 2, 0);
    t->live = db_int(r, row, column + 3, 0);
    t->dead = db_int(r, row, column + 4, 0);
}

static void take_tables(struct evidence *e, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        struct table_evidence *t = table_at(e, r, i);
        if (!t)
            continue;
        t->filenode = db_int(r, i, 1, 0);
        t->kind = *db_value(r, i, 2);
        t->persistence = *db_value(r, i, 3);
        t->schema = db_int(r, i, 4, 0);
        t->schema_name = text_at(e, r, i, 5);
        t->owner = text_at(e, r, i, 6);
        t->reltuples = (double)db_int(r, i, 7, -1);
        t->reltuples_told = e->version >= 140000;
        t->file_age = db_int(r, i, 8, -1);
        t->row_age = db_int(r, i, 9, -1);
        t->file_xid = text_at(e, r, i, 10);
        t->row_xid = text_at(e, r, i, 11);
        t->counters = true;
        take_counters(t, r, i, 12);
        t->vacuumed_ms = db_int(r, i, 17, 0);
        t->analyzed_ms = db_int(r, i, 18, 0);
        t->can_select = db_bool(r, i, 19);
        t->rls = db_bool(r, i, 20);
        t->indexes = db_int(r, i, 21, 0);
        t->constraints = db_int(r, i, 22, 0);
        t->committed_ms = db_int(r, i, 23, 0);
        t->may_enter = db_bool(r, i, 24);
        t->values_hidden = !t->can_select || db_bool(r, i, 25);
    }
}

static void take_forks(struct evidence *e, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        struct table_evidence *t = table_at(e, r, i);
        if (t)
            t->free_space = db_int(r, i, 1, -1);
    }
}

/* Hidden rows of pg_stats are no absence: they need SELECT, and row security hides them. */
static void take_analysed(struct evidence *e, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        struct table_evidence *t = table_at(e, r, i);
        if (t)
            t->analysed_columns = db_int(r, i, 1, -1);
    }
}

static void take_leaves(struct evidence *e, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        struct table_evidence *t = table_at(e, r, i);
        if (!t)
            continue;
        t->leaves = db_int(r, i, 1, 0);
        take_counters(t, r, i, 2);
        t->heap = db_int(r, i, 7, -1);
    }
}

static void take_sequences(struct evidence *e, const struct db_result *r)
{
    bool hidden = false;
    for (size_t i = 0; i < db_rows(r); i++) {
        struct table_evidence *t = table_at(e, r, i);
        if (t)
            t->sequence = db_int(r, i, 1, -1);
        hidden |= db_bool(r, i, 2);
    }
    if (hidden)
        diagnose_unread(e, "some sequences", "pg_sequences", "not permitted",
                        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO %s");
}

static void take_writers(struct evidence *e, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        struct table_evidence *t = table_at(e, r, i);
        if (!t || t->writer)
            continue;
        const char *pid = db_value(r, i, 1), *gid = db_value(r, i, 6), *user = db_value(r, i, 3);
        t->prepared = !pid;
        t->gid = !pid && gid ? arena_strdup(&e->arena, gid) : NULL;
        t->writer_has_xid = db_bool(r, i, 5) || !pid;
        t->writer_since_ms = db_int(r, i, 7, 0);
        t->writer = pid ? arena_printf(&e->arena, "pid %s, %s, user %s, from %s", pid, db_value(r, i, 2),
                                       user ? user : "unknown", db_value(r, i, 4))
                        : arena_printf(&e->arena, "prepared transaction '%s' of %s", gid ? gid : "?", user ? user : "?");
    }
}

static void take_renamed(struct evidence *e, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        struct table_evidence *t = table_at(e, r, i);
        if (!t || t->renamed)
            continue;
        t->renamed = text_at(e, r, i, 1);
        t->renamed_rows = db_int(r, i, 2, -1);
        t->renamed_is_older = db_bool(r, i, 3);
    }
}

static void take_databases(struct evidence *e, const struct db_result *r)
{
    e->database_count = db_rows(r);
    e->databases = arena_alloc(&e->arena, (e->database_count + 1) * sizeof *e->databases);
    for (size_t i = 0; i < e->database_count; i++)
        e->databases[i] = (struct other_database){.name = text_at(e, r, i, 0), .oid = db_int(r, i, 1, 0),
            .can_connect = db_bool(r, i, 2), .inserted = db_int(r, i, 3, -1), .connections = db_int(r, i, 4, 0)};
}

static void take_ledger(struct evidence *e, const struct db_result *r)
{
    e->ledger = true;
    e->ledger_rows = db_int(r, 0, 0, 0);
    e->ledger_xids = db_int(r, 0, 1, 0);
    e->ledger_moments = db_int(r, 0, 2, 0);
    e->ledger_first_ms = db_int(r, 0, 3, 0);
    e->ledger_last_ms = db_int(r, 0, 4, 0);
    e->ledger_age = db_int(r, 0, 5, -1);
}

static void (*const takers[PARTS])(struct evidence *, const struct db_result *) = {
    [CLUSTER] = take_cluster, [PATH] = take_path, [BIRTH] = take_birth, [TIMELINE] = take_timeline,
    [RESETS] = take_resets, [DROPPED] = take_dropped, [STANDBY] = take_standby, [TABLES] = take_tables,
    [FORKS] = take_forks, [ANALYSED] = take_analysed, [LEAVES] = take_leaves, [SEQUENCES] = take_sequences,
    [WRITERS] = take_writers, [RENAMED] = take_renamed, [DATABASES] = take_databases, [LEDGER] = take_ledger,
};

void diagnose_unread(struct evidence *e, const char *what, const char *source, const char *word, const char *grant)
{
    if (e->unread_count % 16 == 0)
        e->unread = arena_grow(&e->arena, e->unread, e->unread_count, e->unread_count + 16, sizeof *e->unread);
    struct str open = {0};
    for (const char *c = grant; c && *c; c++) {
        if (strncmp(c, "%s", 2) == 0) {
            db_quote_identifier(&open, e->user ? e->user : "PUBLIC");
            c++;
        } else {
            str_add_char(&open, *c);
        }
    }
    e->unread[e->unread_count++] = (struct unread){.what = arena_strdup(&e->arena, what),
        .source = arena_strdup(&e->arena, source), .word = arena_strdup(&e->arena, word),
        .grant = arena_strdup(&e->arena, str_text(&open)), .privilege = strcmp(word, "not permitted") == 0};
    str_free(&open);
}

static void set_unknown(struct evidence *e)
{
    e->residual = e->dropped_schemas = e->dropped_constraints = e->dropped_indexes = e->dropped_databases = -1;
    e->inserted_here = e->replay_lag = e->ledger_age = -1;
    for (size_t i = 0; i < e->count; i++) {
        struct table_evidence *t = &e->tables[i];
        t->file_age = t->row_age = t->free_space = t->analysed_columns = t->sequence = -1;
        t->inserted = t->updated = t->deleted = t->live = t->dead = -1;
        t->file_xid = t->row_xid = "";
    }
}

/* One line for each schema, however many of its tables are closed to us. */
static void closed(struct evidence *e, const struct table_evidence *t, const char *what, const char *source,
                   const char *right)
{
    struct str grant = {0}, name = {0};
    db_quote_identifier(&name, t->schema_name ? t->schema_name : "public");
    str_printf(&grant, "GRANT %s %s TO ", right, str_text(&name));
    db_quote_identifier(&grant, e->user ? e->user : "PUBLIC");
    bool told = false;
    for (size_t i = 0; i < e->unread_count; i++)
        told |= strcmp(e->unread[i].grant, str_text(&grant)) == 0;
    if (!told) {
        diagnose_unread(e, what, source, "not permitted", NULL);
        e->unread[e->unread_count - 1].grant = arena_strdup(&e->arena, str_text(&grant));
    }
    str_free(&grant);
    str_free(&name);
}

/* Statistics of a table that we may not read are hidden, not absent; on a standby counters count nothing. */
static void settle(struct evidence *e)
{
    for (size_t i = 0; i < e->count; i++) {
        struct table_evidence *t = &e->tables[i];
        if (t->analysed_columns == 0 && t->values_hidden)
            t->analysed_columns = -1;
        if (t->kind && !t->may_enter)
            closed(e, t, "the tables' schema", "pg_namespace", "USAGE ON SCHEMA");
        if (t->kind && !t->can_select)
            closed(e, t, "analysed values, and the rows", "pg_stats", "SELECT ON ALL TABLES IN SCHEMA");
        if (e->standby) {
            t->counters = false;
            t->inserted = t->updated = t->deleted = t->live = t->dead = -1;
        }
    }
}

void diagnose_take(struct evidence *e, const struct db_probe *probes, size_t count)
{
    set_unknown(e);
    for (size_t i = 0; i < count; i++) {
        const struct question *q = question_for((enum part)i, e->version);
        if (probes[i].ok && (db_rows(probes[i].result) || q->takes_names || i == DATABASES))
            takers[i](e, probes[i].result);
        else
            diagnose_unread(e, q->what, q->source, probes[i].ok ? "nothing came" : db_probe_word(&probes[i]), q->grant);
    }
    settle(e);
}
