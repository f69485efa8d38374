/* wipe - reset --schema: the default schema dropped, made again by the migrations, and seeded (case E8). Local only;
 * no variable changes that.
 *
 *   plan ─▶ guard ─▶ one transaction: lock every table, save every row, DROP SCHEMA, CREATE SCHEMA ─▶ migrate ─▶ seed
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

struct wiping {
    struct session *session;
    struct db_catalog catalog;       /* with details of every table */
    const char *schema;
    struct safepoint *safepoint;
    char digest[HASH_HEX];
    int64_t rows;
    size_t tables;
    char xid[24];
    bool unknown;
};

/* Rows are in ordinary and partitioned tables; a partition's are its parent's. */
static bool stored(const struct wiping *w, const struct db_table *t)
{
    return strcmp(t->schema, w->schema) == 0 && (t->kind == 'r' || t->kind == 'p') && t->details;
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
    for (size_t i = 0; i < w->session->ledger_state.count; i++)
        hash_add_field(&h, w->session->ledger_state.migrations[i].name);
    hash_hex(&h, w->digest);
}

/* ---- the transaction ---- */

static bool lock_all(struct wiping *w, struct db *db, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = 0");
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

static bool recreate(struct wiping *w, struct db *db, struct err *err)
{
    struct str sql = {0}, again = {0};
    struct db_result *r = NULL;
    bool ok = schema_again(w, db, &again, err);
    str_add(&sql, "DROP SCHEMA ");
    db_quote_identifier(&sql, w->schema);
    str_printf(&sql, " CASCADE%s; SELECT pg_catalog.txid_current()::pg_catalog.text", str_text(&again));
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
    bool ok = lock_all(w, db, err) && save_all(w, db, dir, err) && recreate(w, db, err) && commit(w, db, err);
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
    if (!w->schema || !db_catalog_load(s->db, &w->catalog, NULL, 0, true, err))
        return w->schema ? false : err_set(err, ERR_GENERAL, "this role has no schema to make tables in");
    make_digest(w);
    ctx_emit(s->ctx, plan_of(w, &guard));
    if (options->dry_run) {
        emit_outcome(w, since_ms, false);
        return true;
    }
    if (options->seen && strncmp(options->seen, w->digest, strlen(options->seen)) != 0) {
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
    safepoint_free(w.safepoint);
    return ok;
}
