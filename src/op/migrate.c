/* migrate - apply what is pending, and the ledger's other procedures: status, resolve, baseline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "op/migrate.h"
#include "op/trail.h"

enum { LOCK_TIMEOUT_MS = 3000, WAIT_MS = 300000, BEFORE_OUTPUT = 1 << 20 };

/* ---- beginning and end ---- */

static bool has_ledger(const struct session *s, struct err *err)
{
    if (s->ledger)
        return true;
    if (s->ledger_error.class != ERR_NONE) {
        *err = s->ledger_error;
        return false;
    }
    err_set(err, ERR_CONFIG, "there is no migrations directory");
    return err_hint(err, "name it with --migrations DIR, or migrations.dir in seedops.yaml");
}

static void begin(struct migrate_run *run, struct session *s)
{
    *run = (struct migrate_run){
        .s = s, .ctx = s->ctx, .ledger = s->ledger, .lock_timeout_ms = LOCK_TIMEOUT_MS, .wait_ms = WAIT_MS};
}

static void end(struct migrate_run *run)
{
    db_close(run->onlooker);
    ledger_state_free(&run->state);
    arena_free(&run->arena);
}

static void waiting(void *context, const struct ledger_lock_holder *holder)
{
    struct migrate_run *run = context;
    char text[256];
    snprintf(text, sizeof text, "another run holds the migration lock: pid %d %s \"%s\", for %d s",
             holder->pid, holder->user, holder->application, (int)(holder->age_ms / 1000));
    ctx_log(run->ctx, "info", "%s", text);
}

static bool lock(struct migrate_run *run, struct err *err)
{
    return ledger_lock(run->ledger, run->db, run->wait_ms, waiting, run, err);
}

/* Whatever happened: the lock goes even when we are being cancelled. */
static void unlock(struct migrate_run *run)
{
    struct err ignored = {0};
    if (!db_alive(run->db))
        return;
    db_ignore_cancel(run->db, true);
    db_run(run->db, "reset all; reset session authorization; reset role", 0, NULL, NULL, &ignored);
    ledger_unlock(run->ledger, run->db, &ignored);
    db_ignore_cancel(run->db, false);
}

static int64_t count_applied(const struct ledger_state *state)
{
    int64_t n = 0;
    for (size_t i = 0; i < state->count; i++)
        n += state->migrations[i].state == MIGRATION_APPLIED ||
             state->migrations[i].state == MIGRATION_MISSING;
    return n;
}

/* `before`: applied ones at first. */
static void emit_outcome(struct migrate_run *run, const char *name, bool ok, int64_t began_ms, int64_t before,
                         const struct err *err)
{
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup(name);
    in->ok = ok;
    if (!ok)
        input_set_error(in, err);
    in->counts = xcalloc(1, sizeof *in->counts);
    in->count_count = 1;
    in->counts[0] = (struct fact_count){.table = xstrdup(run->ledger ? ledger_relation(run->ledger) : ""),
                                        .before = before, .after = before + (int64_t)run->applied};
    in->number = clock_mono_ms() - began_ms;
    in->number2 = (int64_t)run->applied;
    ctx_emit(run->ctx, in);
}

/* ---- before the first migration ---- */

static bool run_before(struct migrate_run *run, struct err *err)
{
    const struct settings *settings = run->ctx->settings;
    const char *command = settings->migrations_before;
    if (!command)
        return true;
    if (!session_allow_command(run->ctx, "take migrations.before out of the file", err))
        return false;
    ctx_log(run->ctx, "info", "running migrations.before: %s", command);
    struct spawn_options options = {.shell = command,
                                    .directory = settings->base_dir,
                                    .cancel_fd = run->ctx->cancel_fd,
                                    .output_limit = BEFORE_OUTPUT};
    struct str out = {0};
    int status = 0;
    bool ok = spawn_run(&options, &out, &status, err);
    str_free(&out);
    if (ok && status != 0) {
        err_set(err, ERR_MIGRATION, "migrations.before ended with status %d: nothing was migrated", status);
        err_why(err, "%s", command);
        ok = err_hint(err, "mend that command (it is the way back), then run migrate again");
    } else if (!ok && err->class != ERR_CANCELLED) {
        err->class = ERR_MIGRATION;
        err_context(err, "migrations.before");
    }
    return ok;
}

/* What the first run needs to know of the server: who we are, whether the schema takes a ledger, and whether
 * it has been in use without one. */
struct ground { bool schema_exists, can_create, in_use; char user[64]; };

static bool survey(struct migrate_run *run, struct ground *ground, struct err *err)
{
    struct str schema = {0}, sql = {0};
    db_quote_literal(&schema, ledger_schema(run->ledger));
    str_printf(
        &sql,
        "select pg_catalog.pg_backend_pid(), n.oid is not null,"
        " case when n.oid is null then pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
        " else pg_catalog.has_schema_privilege(n.oid, 'CREATE') end,"
        " exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and"
        " c.relkind in ('r', 'p', 'v', 'm', 'f') and not exists (select from pg_catalog.pg_depend d where"
        " d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e')),"
        " current_user from (select 1) one left join pg_catalog.pg_namespace n on n.nspname = %s",
        str_text(&schema));
    struct db_result *r = NULL;
    bool ok = db_run(run->db, str_text(&sql), 0, &r, NULL, err);
    if (ok) {
        run->backend_pid = (int)db_int(r, 0, 0, 0);
        *ground = (struct ground){.schema_exists = db_bool(r, 0, 1), .can_create = db_bool(r, 0, 2),
                                  .in_use = db_bool(r, 0, 3)};
        snprintf(ground->user, sizeof ground->user, "%s", db_value(r, 0, 4));
    }
    db_result_free(r);
    str_free(&schema);
    str_free(&sql);
    return ok;
}

static bool check_rights(const struct migrate_run *run, const struct ground *ground, struct err *err)
{
    if (ground->can_create)
        return true;
    struct str grant = {0};
    if (ground->schema_exists) {
        str_add(&grant, "GRANT USAGE, CREATE ON SCHEMA ");
        db_quote_identifier(&grant, ledger_schema(run->ledger));
    } else {
        str_add(&grant, "GRANT CREATE ON DATABASE ");
        db_quote_identifier(&grant, db_facts(run->db)->database);
    }
    str_add(&grant, " TO ");
    db_quote_identifier(&grant, ground->user);
    err_set(err, ERR_MIGRATION, "the role %s may not create anything in the schema %s", ground->user,
            ledger_schema(run->ledger));
    err_sqlstate(err, "42501");
    err_hint(err, "as the owner: %s;", str_text(&grant));
    str_free(&grant);
    return false;
}

static void mention_power(struct migrate_run *run, const struct ground *ground)
{
    const struct db_identity *identity =
        run->s->direct == run->s->db ? &run->s->identity : &run->s->direct_identity;
    if (!identity->superuser && !identity->create_role)
        return;
    const char *level = run->ctx->environment->role == ROLE_PRODUCTION ? "warning" : "info";
    ctx_log(run->ctx, level,
            "the role %s is %s: migrations need no more than GRANT USAGE, CREATE ON SCHEMA %s", ground->user,
            identity->superuser ? "a superuser" : "allowed to make roles", ledger_schema(run->ledger));
}

/* Under the lock, with the ledger absent: is this database ours to begin with? */
static bool prepare(struct migrate_run *run, struct err *err)
{
    struct ground ground;
    if (!survey(run, &ground, err))
        return false;
    mention_power(run, &ground);
    if (run->state.exists)
        return true;
    if (!check_rights(run, &ground, err))
        return false;
    if (ground.in_use && strcmp(ledger_tool(run->ledger), "prisma") == 0) {
        err_set(err, ERR_MIGRATION, "the schema %s is not empty and has no ledger (Prisma's P3005)",
                ledger_schema(run->ledger));
        err_why(err,
                "which migrations its tables come from is not known; applying them all may fail or destroy");
        return err_hint(
            err, "note those that are there without running them: seedops migrate baseline [NAME of the "
                 "last one]");
    }
    return ledger_create(run->ledger, run->db, err);
}

/* ---- migrate ---- */

static bool apply_all(struct migrate_run *run, struct err *err)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct migrate_item *item = &run->items[i];
        if (ctx_cancelled(run->ctx)) {
            err_set(err, ERR_CANCELLED, "cancelled before %s", item->migration->name);
            return err_hint(err, "%zu of %zu were applied; run migrate again for the rest", run->applied,
                            run->count);
        }
        run->started_ms = clock_mono_ms();
        migrate_emit_one(run, item, "running", "");
        bool ok = migrate_run_one(run, item, err);
        migrate_emit_one(run, item, ok ? "applied" : item->sql.transactional ? "pending" : "failed",
                         ok ? "" : err->message);
        if (!ok)
            return false;
        run->applied++;
        ctx_progress(run->ctx, "migrations", (int64_t)run->applied, (int64_t)run->count,
                     run->applied == run->count);
    }
    return true;
}

/* What was confirmed, or nothing: fewer may be left to do (another run was faster), but no other text. */
static bool as_confirmed(const struct migrate_run *run, const char *seen, struct err *err)
{
    for (size_t i = 0; seen && i < run->count; i++) {
        const struct migration *m = run->items[i].migration;
        if (m->disk_checksum && strstr(seen, m->disk_checksum))
            continue;
        err_set(err, ERR_CONFLICT, "%s is not the file that was confirmed; nothing was run", m->name);
        err_why(err, "it was changed or added on disk meanwhile");
        return err_hint(err, "look at it again and confirm that");
    }
    return true;
}

/* Two runs at once: the second waits here, reads the ledger again, and has nothing left to do. */
static bool under_lock(struct migrate_run *run, const char *only, const char *seen, struct err *err)
{
    if (!lock(run, err))
        return false;
    bool ok = migrate_plan(run, run->db, only, err) && as_confirmed(run, seen, err) &&
              (run->count == 0 || (prepare(run, err) && apply_all(run, err)));
    unlock(run);
    return ok;
}

/* Another run is at it: how that ends is worth waiting for. */
static bool someone_runs(const struct ledger_state *state)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->migrations[i].state == MIGRATION_RUNNING)
            return true;
    return false;
}

/* In a chain of conditions; true. */
static bool announce(struct migrate_run *run)
{
    if (run->count)
        trail_announce(run->s);
    return true;
}

static bool migrate(struct migrate_run *run, const struct migrate_options *options, struct err *err)
{
    struct session *s = run->s;
    if (!migrate_plan(run, s->db, options->only, err))
        return false;
    migrate_emit_plan(run);
    if (options->dry_run || (run->count == 0 && !someone_runs(&run->state)))
        return true;
    return session_direct(s, &run->db, err) && session_guard(s, GUARD_MIGRATE, NULL, err) &&
           announce(run) && db_watch_client(run->db, err) && run_before(run, err) && under_lock(run, options->only, options->seen, err);
}

bool op_migrate(struct session *s, const struct migrate_options *options, struct err *err)
{
    struct migrate_run run;
    int64_t began = clock_mono_ms();
    begin(&run, s);
    if (options->lock_timeout_ms > 0)
        run.lock_timeout_ms = options->lock_timeout_ms;
    if (options->wait_ms > 0)
        run.wait_ms = options->wait_ms;
    bool ok = has_ledger(s, err) && migrate(&run, options, err);
    int64_t before = count_applied(&run.state);
    emit_outcome(&run, "migrate", ok, began, before, err);
    end(&run);
    return ok;
}

/* ---- status, and one migration's text ---- */

/* Applied ones that are missing on disk are named in the list and fail nothing: an older release may look at
 * a newer database (Prisma's status agrees). */
static bool all_applied(const struct ledger_state *state, struct err *err)
{
    size_t count[MIGRATION_STATE_COUNT] = {0}, short_of = 0;
    for (size_t i = 0; i < state->count; i++)
        count[state->migrations[i].state]++;
    struct str text = {0};
    for (int i = 0; i < MIGRATION_STATE_COUNT; i++)
        if (i != MIGRATION_APPLIED && i != MIGRATION_MISSING && count[i]) {
            str_printf(&text, "%s%zu %s", text.length ? ", " : "", count[i],
                       migration_state_name((enum migration_state)i));
            short_of += count[i];
        }
    if (short_of) {
        err_set(err, ERR_DIFFERENT, "not all migrations are applied as they are on disk: %s",
                str_text(&text));
        err_hint(err, "%s", count[MIGRATION_FAILED] || count[MIGRATION_MODIFIED]
                                ? "seedops migrate says what stands in the way, and the way out"
                                : "apply them: seedops migrate");
    }
    str_free(&text);
    return short_of == 0;
}

bool op_migrate_status(struct session *s, struct err *err)
{
    struct ledger_state state = {0};
    if (!has_ledger(s, err) || !ledger_refresh(s->ledger, s->db, &state, err)) {
        ledger_state_free(&state);
        return false;
    }
    migrate_emit_list(s, &state);
    bool ok;
    if (!state.exists && state.foreign_tool) {
        ok = err_set(err, ERR_MIGRATION, "%s is the ledger of another tool: %s", state.foreign_relation,
                     state.foreign_tool);
        err_hint(err, "migrate with %s; or change over for good: seedops migrate baseline",
                 state.foreign_tool);
    } else {
        ok = all_applied(&state, err);
    }
    ledger_state_free(&state);
    return ok;
}

bool op_migration_sql(struct session *s, const char *name, char **sql, struct err *err)
{
    *sql = NULL;
    if (!has_ledger(s, err))
        return false;
    const struct migration_file *file = ledger_file(s->ledger, name);
    if (!file) {
        err_set(err, ERR_GENERAL, "there is no file of the migration %s", name);
        return err_hint(err, "it is in the ledger only: an older or newer checkout may have it");
    }
    *sql = xstrndup(file->bytes, file->length);
    return true;
}

/* ---- resolve, baseline ---- */

/* Guard, direct connection, lock, and the ledger as it is under the lock. */
static bool open_for_marks(struct migrate_run *run, struct session *s, struct err *err)
{
    begin(run, s);
    if (!has_ledger(s, err) || !session_direct(s, &run->db, err) ||
        !session_guard(s, GUARD_KEEP, NULL, err) || !lock(run, err))
        return false;
    if (ledger_refresh(run->ledger, run->db, &run->state, err))
        return true;
    unlock(run);
    return false;
}

/* Right after: the ledger's own statements are transactions of their own. What was noted is noted all the same. */
static void leave_trail(struct migrate_run *run, const char *action, const char *object)
{
    struct err err = {0};
    struct trail_entry entry = {.action = action, .object = object};
    trail_announce(run->s);
    if (trail_add(run->s, run->db, &entry, &err))
        trail_left(run->s);
    else
        ctx_log(run->ctx, "warning", "%s: %s", err.message, err.why);
}

bool op_migrate_resolve(struct session *s, const char *name, bool applied, struct err *err)
{
    struct migrate_run run;
    int64_t began = clock_mono_ms();
    bool ok = open_for_marks(&run, s, err);
    int64_t before = count_applied(&run.state);
    if (ok) {
        ok = ledger_resolve(run.ledger, run.db, &run.state, name, applied, err);
        run.applied = ok && applied;
        if (ok)
            leave_trail(&run, applied ? "migrate resolve --applied" : "migrate resolve --rolled-back", name);
        if (ok && ledger_refresh(run.ledger, run.db, &run.state, err))
            migrate_emit_list(s, &run.state);
        unlock(&run);
    }
    emit_outcome(&run, "migrate resolve", ok, began, before, err);
    end(&run);
    return ok;
}

static bool check_baseline(const struct migrate_run *run, const char *up_to, struct err *err)
{
    const struct migration *last = up_to ? ledger_find(&run->state, up_to) : NULL;
    if (up_to && (!last || !last->path)) {
        err_set(err, ERR_MIGRATION, "the migration %s could not be found", up_to);
        return err_hint(err, "seedops migrate status lists the names");
    }
    for (size_t i = 0; i < run->state.count; i++) {
        const struct migration *m = &run->state.migrations[i];
        if (m->state == MIGRATION_FAILED) {
            err_set(err, ERR_MIGRATION, "the migration %s failed: it needs a decision of its own", m->name);
            return err_hint(err, "seedops migrate resolve %s --applied or --rolled-back", m->name);
        }
        if (m == last)
            break;
    }
    return true;
}

/* Each as resolve --applied writes it: nothing is run. */
static bool mark_all(struct migrate_run *run, const char *up_to, bool dry_run, struct err *err)
{
    for (size_t i = 0; i < run->state.count; i++) {
        const struct migration *m = &run->state.migrations[i];
        if (migrate_is_pending(m->state)) {
            if (!dry_run && !ledger_resolve(run->ledger, run->db, &run->state, m->name, true, err))
                return false;
            run->applied += !dry_run;
            ctx_log(run->ctx, "info", dry_run ? "would be noted as applied: %s" : "noted as applied: %s",
                    m->name);
        }
        if (up_to && strcmp(m->name, up_to) == 0)
            break;
    }
    return true;
}

static bool plan_baseline(struct migrate_run *run, struct session *s, const char *up_to, struct err *err)
{
    begin(run, s);
    return has_ledger(s, err) && ledger_refresh(run->ledger, s->db, &run->state, err) &&
           check_baseline(run, up_to, err) && mark_all(run, up_to, true, err);
}

static bool write_baseline(struct migrate_run *run, struct session *s, const char *up_to, struct err *err)
{
    if (!open_for_marks(run, s, err))
        return false;
    bool ok =
        check_baseline(run, up_to, err) && (run->state.exists || ledger_create(run->ledger, run->db, err));
    run->state.exists |= ok;
    ok = ok && mark_all(run, up_to, false, err);
    if (run->applied)
        leave_trail(run, "migrate baseline", up_to);
    ok = ok && ledger_refresh(run->ledger, run->db, &run->state, err);
    unlock(run);
    return ok;
}

bool op_migrate_baseline(struct session *s, const char *up_to, bool dry_run, struct err *err)
{
    struct migrate_run run;
    int64_t began = clock_mono_ms();
    bool ok = dry_run ? plan_baseline(&run, s, up_to, err) : write_baseline(&run, s, up_to, err);
    if (ok)
        migrate_emit_list(s, &run.state);
    emit_outcome(&run, "migrate baseline", ok, began, count_applied(&run.state) - (int64_t)run.applied, err);
    end(&run);
    return ok;
}
