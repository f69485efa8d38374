/* wipe - reset --schema: the default schema dropped, made again by the migrations, and seeded (case E8). Local only;
 * no variable changes that.
 *
 *   plan ─▶ guard ─▶ one transaction: lock every table, is it what was planned?, save every row, DROP SCHEMA, did it take
 *                    only that?, CREATE SCHEMA ─▶ migrate ─▶ seed
 *
 * CASCADE does not stop at the schema's border: columns of its types, partitions, what inherits, views, foreign keys of
 * other schemas would go as well, and rows with them that nobody saved. Then nothing is done.
 *
 * Owner, rights and extensions of the schema are made again as they were. Migrations run in their own transactions: if
 * one fails the schema stays as far as it came, `migrate` goes on from there, and the safepoint has the rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/hash.h"
#include "base/str.h"
#include "op/lineage.h"
#include "op/ops.h"
#include "op/outcome.h"
#include "op/trail.h"
#include "plan/safepoint.h"
#include "removal/prune.h"

enum { DIGEST_LEAST = 8 };

struct wiping {
    struct session *session;
    struct db_catalog catalog;       /* with details of every table */
    const char *schema;
    char *signature;                 /* of the schema as it was planned */
    char *parts;                     /* oids of partitions whose rows are those of a table that is saved: ",1,2," */
    struct safepoint *safepoint;
    char digest[HASH_HEX];
    int64_t rows;
    size_t tables;
    char xid[24];
    bool unknown;
};

static bool is_part(const struct wiping *w, const struct db_table *t)
{
    char oid[16];
    snprintf(oid, sizeof oid, ",%lu,", (unsigned long)t->oid);
    return strstr(w->parts, oid) != NULL;
}

/* Rows are in ordinary and partitioned tables; a partition's are its parent's. */
static bool stored(const struct wiping *w, const struct db_table *t)
{
    return strcmp(t->schema, w->schema) == 0 && (t->kind == 'r' || t->kind == 'p') && t->details && !is_part(w, t);
}

/* Tables, columns and types: what rows are saved as. */
static bool signature(const struct wiping *w, struct db *db, char **out, struct err *err)
{
    struct db_result *r = NULL;
    const char *params[] = {w->schema};
    bool ok = db_query(db, "SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.oid, c.relname, "
                       "c.relispartition, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated), e'\\n' "
                       "ORDER BY c.oid, a.attnum)) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                       "ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
                       "AND a.attnum > 0 AND NOT a.attisdropped WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')",
                       1, params, &r, err);
    *out = ok ? xstrdup(db_value(r, 0, 0) ? db_value(r, 0, 0) : "") : NULL;
    db_result_free(r);
    return ok;
}

static bool look(struct wiping *w, struct err *err)
{
    struct db *db = w->session->db;
    struct db_result *r = NULL;
    const char *params[] = {w->schema};
    bool ok = signature(w, db, &w->signature, err) && db_catalog_load(db, &w->catalog, NULL, 0, true, err) &&
              db_query(db, "SELECT ',' || pg_catalog.string_agg(c.oid::pg_catalog.text || ',', '') FROM pg_catalog.pg_class c "
                       "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_class t "
                       "ON t.oid = pg_catalog.pg_partition_root(c.oid) WHERE n.nspname = $1 AND c.relispartition "
                       "AND c.relkind IN ('r', 'p') AND t.relnamespace = n.oid", 1, params, &r, err);
    w->parts = xstrdup(ok && db_value(r, 0, 0) ? db_value(r, 0, 0) : "");
    db_result_free(r);
    return ok;
}

static void add_step(struct input *in, const char *action, const char *object, const char *detail, int64_t rows,
                     bool danger)
{
    in->steps = xrealloc(in->steps, (in->step_count + 1) * sizeof *in->steps);
    in->steps[in->step_count++] = (struct fact_step){.action = xstrdup(action), .object = xstrdup(object),
        .detail = xstrdup(detail), .rows = rows, .danger = danger};
}

static struct input *plan_of(struct wiping *w, const struct guard_answer *guard)
{
    struct input *in = input_new(IN_PLAN);
    struct session *s = w->session;
    struct str sentence = {0};
    in->name = xstrdup("reset --schema");
    in->text = xstrdup(w->digest);
    in->expect = xstrdup(lineage_name(lineage_of(s, &sentence)));
    in->title = str_take(&sentence);
    in->ok = true;
    for (size_t i = 0; i < w->catalog.count; i++)
        if (stored(w, &w->catalog.tables[i]))
            add_step(in, "drop", w->catalog.tables[i].name, "with all its rows, which are saved first",
                     w->catalog.tables[i].reltuples < 0 ? 0 : (int64_t)w->catalog.tables[i].reltuples, true);
    add_step(in, "recreate", w->schema, "schema, with its owner, rights and extensions", -1, false);
    for (size_t i = 0; i < s->ledger_state.count; i++)
        add_step(in, "migrate", s->ledger_state.migrations[i].name, "", -1, false);
    for (size_t i = 0; i < s->fixtures.count; i++)
        add_step(in, "insert", s->fixtures.items[i].table, s->fixtures.items[i].file,
                 (int64_t)s->fixtures.items[i].row_count, false);
    in->number = w->rows;
    in->guard.local = guard->local;
    return in;
}

static void make_digest(struct wiping *w)
{
    struct hash h;
    hash_init(&h);
    hash_add_field(&h, "reset --schema");
    hash_add_field(&h, w->session->ctx->environment->name);
    hash_add_field(&h, w->session->identity.system_identifier);
    hash_add_field(&h, w->schema);
    hash_add_field(&h, w->session->fixtures.digest);
    for (size_t i = 0; i < w->catalog.count; i++)
        if (stored(w, &w->catalog.tables[i]))
            hash_add_field(&h, w->catalog.tables[i].name);
    hash_add_field(&h, w->signature);
    for (size_t i = 0; i < w->session->ledger_state.count; i++)
        hash_add_field(&h, w->session->ledger_state.migrations[i].name);
    hash_hex(&h, w->digest);
}

/* ---- the transaction ---- */

static bool lock_all(struct wiping *w, struct db *db, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = 0; "
                  "SET LOCAL row_security = off");   /* a policy that hides rows is an error now */
    for (size_t i = 0; i < w->catalog.count; i++) {
        if (!stored(w, &w->catalog.tables[i]))
            continue;
        str_add(&sql, w->tables++ ? ", " : "; LOCK TABLE ");
        db_quote_relation(&sql, w->schema, w->catalog.tables[i].name);
    }
    str_add(&sql, w->tables ? " IN SHARE ROW EXCLUSIVE MODE" : "");
    bool ok = db_run(db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    return ok;
}

/* What is locked can be neither written nor altered. */
static bool as_planned(struct wiping *w, struct db *db, struct err *err)
{
    char *now;
    if (!signature(w, db, &now, err))
        return false;
    bool same = strcmp(now, w->signature) == 0;
    free(now);
    if (same)
        return true;
    err_set(err, ERR_CONFLICT, "the schema is not as it was planned; nothing was dropped");
    err_why(err, "someone else made, altered or dropped a table meanwhile");
    return err_hint(err, "look at the new plan and confirm that");
}

static bool save_all(struct wiping *w, struct db *db, const char *dir, struct err *err)
{
    struct session *s = w->session;
    const struct environment *env = s->ctx->environment;
    struct safepoint_options options = {
        .facts = {.action = "reset --schema", .environment = env->name, .role = role_name(env->role),
                  .target = url_redacted(&env->url, &s->ctx->settings->arena),
                  .system_identifier = s->direct_identity.system_identifier, .database = db_facts(db)->database,
                  .database_oid = s->direct_identity.database_oid, .server_version = db_facts(db)->server_version,
                  .journal = s->ctx->journal, .plan_digest = w->digest},
        .dir = dir, .state_dir = env->state_dir, .lasting = true};
    if (!safepoint_create(&w->safepoint, &options, err))
        return false;
    for (size_t i = 0; i < w->catalog.count; i++) {
        struct safepoint_section section = {.table = &w->catalog.tables[i], .kind = SAFEPOINT_DELETED};
        if (!stored(w, section.table))
            continue;
        ctx_progress(s->ctx, "saving", safepoint_saved(w->safepoint), -1, false);
        if (!safepoint_copy(w->safepoint, db, &section, NULL, NULL, err))
            return false;
    }
    w->rows = safepoint_saved(w->safepoint);
    return safepoint_finish(w->safepoint, err);
}

/* What CREATE SCHEMA does not know: rights, and the extensions that lived there. */
static bool schema_again(struct wiping *w, struct db *db, struct str *again, struct err *err)
{
    struct db_result *r = NULL;
    const char *params[] = {w->schema};
    bool ok = db_query(db,
        "SELECT pg_catalog.format('CREATE SCHEMA %I AUTHORIZATION %I', n.nspname, pg_catalog.pg_get_userbyid(n.nspowner)) "
        "FROM pg_catalog.pg_namespace n WHERE n.nspname = $1 UNION ALL "
        "SELECT pg_catalog.format('GRANT %s ON SCHEMA %I TO %s', a.privilege_type, n.nspname, CASE WHEN a.grantee = 0 "
        "THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) "
        "FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a WHERE n.nspname = $1 UNION ALL "
        "SELECT pg_catalog.format('CREATE EXTENSION %I SCHEMA %I VERSION %L', e.extname, n.nspname, e.extversion) "
        "FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = $1",
        1, params, &r, err);
    for (size_t i = 0; ok && i < db_rows(r); i++)
        str_printf(again, "; %s", db_value(r, i, 0));
    db_result_free(r);
    return ok;
}

/* Everything that has columns or rows outside of the schema: oid, name, columns, foreign keys. */
static const char outside_sql[] =
    "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), (SELECT pg_catalog.count(*) "
    "FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f') FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') "
    "AND n.nspname <> $1 AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY c.oid";

static bool goes_too(struct err *err, const char *what, const char *name)
{
    err_set(err, ERR_CONFLICT, "%s %s outside of the schema would go with it", what, name);
    err_why(err, "it is made of what lies in the schema, and is not saved");
    return err_hint(err, "nothing was dropped; move it, or drop it yourself if it may go");
}

/* True if all that was outside is there, as it was. */
static bool border_held(const struct db_result *before, const struct db_result *after, struct err *err)
{
    for (size_t i = 0, j = 0; i < db_rows(before); i++, j++) {
        const char *name = db_value(before, i, 1);
        if (j == db_rows(after) || db_int(after, j, 0, 0) != db_int(before, i, 0, 0))
            return goes_too(err, "the relation", name);
        if (db_int(after, j, 2, 0) != db_int(before, i, 2, 0))
            return goes_too(err, "a column of", name);
        if (db_int(after, j, 3, 0) != db_int(before, i, 3, 0))
            return goes_too(err, "a foreign key of", name);
    }
    return true;
}

/* The snapshot does not show what came into being after it, DROP takes it all the same; but not without its lock. */
static bool nothing_new(struct db *db, const char *known, struct err *err)
{
    struct db_result *r = NULL;
    const char *params[] = {known};
    bool ok = db_query(db, "SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' "
                       "AND l.pid = pg_catalog.pg_backend_pid() AND l.mode = 'AccessExclusiveLock' "
                       "AND l.database <> 0 AND l.relation <> ALL ($1::pg_catalog.oid[])", 1, params, &r, err);
    int64_t more = ok ? db_int(r, 0, 0, 0) : 0;
    db_result_free(r);
    if (more == 0)
        return ok;
    err_set(err, ERR_CONFLICT, "a table came into being while the others were saved");
    return err_hint(err, "nothing was dropped; try again");
}

static bool drop_schema(struct wiping *w, struct db *db, struct err *err)
{
    struct db_result *before = NULL, *after = NULL, *known = NULL;
    struct str sql = {0};
    const char *params[] = {w->schema};
    str_add(&sql, "DROP SCHEMA ");
    db_quote_identifier(&sql, w->schema);
    str_add(&sql, " CASCADE");
    bool ok = db_query(db, outside_sql, 1, params, &before, err) &&
              db_run(db, "SELECT pg_catalog.array_agg(c.oid)::pg_catalog.text FROM pg_catalog.pg_class c", 0, &known, NULL, err) &&
              db_run(db, str_text(&sql), 0, NULL, NULL, err) && nothing_new(db, db_value(known, 0, 0), err) &&
              db_query(db, outside_sql, 1, params, &after, err) && border_held(before, after, err);
    db_result_free(before);
    db_result_free(after);
    db_result_free(known);
    str_free(&sql);
    return ok;
}

static bool recreate(struct wiping *w, struct db *db, struct err *err)
{
    struct str sql = {0}, again = {0};
    struct db_result *r = NULL;
    bool ok = schema_again(w, db, &again, err) && drop_schema(w, db, err);
    str_printf(&sql, "SELECT 1%s; SELECT pg_catalog.txid_current()::pg_catalog.text", str_text(&again));
    ok = ok && db_run(db, str_text(&sql), 0, &r, NULL, err);
    if (ok)
        snprintf(w->xid, sizeof w->xid, "%s", db_value(r, 0, 0));
    db_result_free(r);
    str_free(&sql);
    str_free(&again);
    return ok;
}

static bool commit(struct wiping *w, struct db *db, struct err *err)
{
    struct trail_entry entry = {.action = "reset --schema", .object = w->schema, .plan_digest = w->digest};
    if (!trail_add(w->session, db, &entry, err) || !failpoint(FAIL_PRUNE_COMMIT, err))
        return false;
    db_mark_committing(db, true);
    bool ok = db_run(db, "COMMIT", 0, NULL, NULL, err);
    if (db_alive(db))
        db_mark_committing(db, false);
    if (!ok && err->class == ERR_UNKNOWN_OUTCOME) {
        ok = outcome_find_out(w->session, w->xid, err);
        w->unknown = !ok && err->class == ERR_UNKNOWN_OUTCOME;
    }
    return ok;
}

static bool drop(struct wiping *w, const char *dir, struct err *err)
{
    struct db *db;
    if (!session_direct(w->session, &db, err))
        return false;
    trail_announce(w->session);
    bool ok = lock_all(w, db, err) && as_planned(w, db, err) && save_all(w, db, dir, err) && recreate(w, db, err) && commit(w, db, err);
    if (!ok && !w->unknown && db_alive(db))
        db_rollback(db);
    if (!ok && !w->unknown) {
        safepoint_discard(w->safepoint);
        w->safepoint = NULL;
    }
    return ok;
}

/* ---- the whole ---- */

static bool build_up(struct wiping *w, struct err *err)
{
    struct session *s = w->session;
    session_reread(s);
    if (!op_migrate(s, &(struct migrate_options){0}, err))
        return false;
    session_reread(s);
    return op_seed(s, &(struct seed_options){0}, err);
}

static void emit_outcome(struct wiping *w, int64_t since_ms, bool applied)
{
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup("reset --schema");
    in->ok = true;
    in->number = clock_mono_ms() - since_ms;
    in->number2 = applied ? (w->rows ? w->rows : 1) : 0;
    in->text = xstrdup(applied && w->rows ? safepoint_path(w->safepoint) : NULL);
    ctx_emit(w->session->ctx, in);
}

static bool run(struct wiping *w, const struct prune_options *options, struct err *err)
{
    struct session *s = w->session;
    struct guard_answer guard = {0};
    int64_t since_ms = clock_mono_ms();
    if (!s->ledger) {
        err_set(err, ERR_USAGE, "reset --schema needs migrations to make the schema again from");
        return err_hint(err, "--migrations DIR, or migrations.dir in seedops.yaml");
    }
    session_guard_shown(s, GUARD_WIPE, &guard);
    w->schema = s->catalog.default_schema;
    if (!w->schema)
        return err_set(err, ERR_GENERAL, "this role has no schema to make tables in");
    if (!look(w, err))
        return false;
    make_digest(w);
    ctx_emit(s->ctx, plan_of(w, &guard));
    if (options->dry_run) {
        emit_outcome(w, since_ms, false);
        return true;
    }
    if (options->seen && (strlen(options->seen) < DIGEST_LEAST ||
                          strncmp(options->seen, w->digest, strlen(options->seen)) != 0)) {
        err_set(err, ERR_REFUSED, "the plan is not the one that was confirmed; nothing was dropped");
        return err_hint(err, "look at the new plan and confirm that");
    }
    if (!session_guard(s, GUARD_WIPE, NULL, err) || !drop(w, options->safepoint_dir, err))
        return false;
    ctx_log(s->ctx, "info", "schema %s is made anew; its %lld rows are in %s", w->schema, (long long)w->rows,
            safepoint_path(w->safepoint));
    if (!build_up(w, err))
        return false;
    emit_outcome(w, since_ms, true);
    return true;
}

bool op_wipe(struct session *s, const struct prune_options *options, struct err *err)
{
    struct wiping w = {.session = s};
    if (!session_fixtures(s)) {
        *err = s->fixture_problems.items[0];
        return false;
    }
    bool ok = session_look(s, false, err) && run(&w, options, err);
    db_catalog_free(&w.catalog);
    free(w.signature);
    free(w.parts);
    safepoint_free(w.safepoint);
    return ok;
}
