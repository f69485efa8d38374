/* migrate - apply what is pending, and the ledger's other procedures: status, resolve, baseline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "op/migrate.h"
#include "op/trail.h"

enum { LOCK_TIMEOUT_MS = 3000, WAIT_MS = 300000 };

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
    struct str sql = {0};
    if (!db_alive(run->db))
        return;
    str_add(&sql, migrate_as_at_first);
    ledger_sql_unlock(run->ledger, &sql);
    db_ignore_cancel(run->db, true);
    db_run(run->db, str_text(&sql), 0, NULL, NULL, &ignored);
    db_ignore_cancel(run->db, false);
    str_free(&sql);
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

/* ---- migrate ---- */

static bool apply_all(struct migrate_run *run, struct err *err)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct migrate_item *item = &run->items[i];
        if (ctx_cancelled(run->ctx)) {
            migrate_tell(run);
            err_set(err, ERR_CANCELLED, "cancelled before %s", item->migration->name);
            return err_hint(err, "%zu of %zu were applied; run migrate again for the rest", run->applied,
                            run->count);
        }
        run->started_ms = clock_mono_ms();
        run->begun = item;
        bool ok = migrate_run_one(run, item, err);
        migrate_tell(run);
        if (!ok) {
            migrate_emit_one(run, item, item->sql.transactional ? "pending" : "failed", err->message);
            return false;
        }
        run->applied++;
        run->done = item;
        run->done_ms = clock_mono_ms() - run->started_ms;
    }
    migrate_tell(run);
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

/* The lock, and the ledger as it is under it; `ground` rides along where it will be wanted. */
static bool lock_and_read(struct migrate_run *run, struct db_probe *ground, struct err *err)
{
    bool held, wanted = !run->state.exists;
    if (!ledger_lock_and_read(run->ledger, run->db, &run->state, ground, wanted, &held, err))
        return false;
    if (held)
        return true;
    db_probes_free(ground, 1);       /* it was asked before the lock was ours */
    err_clear(&ground->err);
    if (!lock(run, err))
        return false;
    if (ledger_refresh(run->ledger, run->db, &run->state, err))
        return true;
    unlock(run);
    return false;
}

/* Two runs at once: the second waits here, reads the ledger again, and has nothing left to do. */
static bool under_lock(struct migrate_run *run, const char *only, const char *seen, struct err *err)
{
    struct str sql = {0};
    struct db_probe ground;
    migrate_ground_probe(run, &sql, &ground);
    bool ok = lock_and_read(run, &ground, err);
    known_settle(run->s);
    if (ok) {
        ok = migrate_plan(run, only, err) && as_confirmed(run, seen, err) &&
             (run->count == 0 || (migrate_prepare(run, &ground, err) && apply_all(run, err)));
        unlock(run);
    }
    db_probes_free(&ground, 1);
    str_free(&sql);
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

static bool migrate(struct migrate_run *run, const struct migrate_options *options, struct err *err)
{
    struct session *s = run->s;
    if (!session_meet(s, &run->state, err) || !migrate_plan(run, options->only, err))
        return false;
    migrate_emit_plan(run);
    if (options->dry_run || (run->count == 0 && !someone_runs(&run->state)))
        return true;
    if (!session_direct(s, &run->db, err) || !session_guard(s, GUARD_MIGRATE, NULL, err))
        return false;
    run->backend_pid = migrate_identity(run)->backend_pid;
    if (run->count)
        trail_announce(s);
    return migrate_run_before(run, err) && under_lock(run, options->only, options->seen, err);
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
    if (!has_ledger(s, err) || !session_meet(s, &run->state, err) || !session_direct(s, &run->db, err) ||
        !session_guard(s, GUARD_KEEP, NULL, err) || !lock(run, err))
        return false;
    known_settle(s);
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
