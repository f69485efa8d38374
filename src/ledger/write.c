/* write - the tool's advisory lock, its relation, and rows in it. On a direct connection only. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/tool.h"

enum { LOCK_POLL_MS = 200, WAITING_MS = 1000 };

static bool one_bool(struct db *db, const char *sql, bool *yes, struct err *err)
{
    struct db_result *result = NULL;
    if (!db_run(db, sql, 0, &result, NULL, err))
        return false;
    *yes = db_rows(result) > 0 && db_bool(result, 0, 0);
    db_result_free(result);
    return true;
}

static bool find_holder(const struct ledger *l, struct db *db, struct ledger_lock_holder *holder,
                        struct err *err)
{
    struct db_result *result = NULL;
    if (!db_run(db, l->probe_sql[LEDGER_PROBE_HOLDER], 0, &result, NULL, err))
        return false;
    ledger_take_holder(result, holder);
    db_result_free(result);
    return true;
}

static bool gave_up(const struct ledger *l, const struct ledger_lock_holder *holder, int timeout_ms,
                    struct err *err)
{
    err_set(err, ERR_MIGRATION, "another run holds the migration lock of %s; gave up after %d s", l->shown,
            timeout_ms / 1000);
    if (holder->pid)
        err_why(err, "pid %d, user %s, application \"%s\"", holder->pid, holder->user, holder->application);
    return err_hint(err,
                    "wait for that run and try again; if it hangs, end it: select pg_terminate_backend(%d)",
                    holder->pid);
}

/* Twice, for ledger_sql_lock_check: whoever has it once gets it again. */
static void lock_sql(const struct ledger *l, struct str *out)
{
    str_printf(out, "select pg_catalog.pg_try_advisory_lock(%s) and pg_catalog.pg_try_advisory_lock(%s)", l->lock_key,
               l->lock_key);
}

bool ledger_lock(const struct ledger *l, struct db *db, int timeout_ms,
                 void (*waiting)(void *, const struct ledger_lock_holder *), void *context, struct err *err)
{
    struct str sql = {0};
    lock_sql(l, &sql);
    int64_t start = clock_mono_ms(), told = INT64_MIN / 2;
    struct ledger_lock_holder holder = {0};
    bool ok = true, held = false;
    while (ok && (ok = one_bool(db, str_text(&sql), &held, err)) && !held) {
        int64_t now = clock_mono_ms();
        if (now - told >= WAITING_MS && (ok = find_holder(l, db, &holder, err))) {
            told = now;
            if (waiting)
                waiting(context, &holder);
        }
        if (ok && timeout_ms > 0 && now - start >= timeout_ms)
            ok = gave_up(l, &holder, timeout_ms, err);
        /* Never pg_advisory_lock: a waiting statement's snapshot and a CREATE INDEX CONCURRENTLY of the
         * holder would wait for each other. The pause is on our side, where it holds nothing. */
        if (ok)
            poll(NULL, 0, LOCK_POLL_MS);
    }
    str_free(&sql);
    return ok;
}

/* What came of a pipeline that broke off, or was cancelled, is not known. */
static void let_go(const struct ledger *l, struct db *db)
{
    struct err ignored = {0};
    db_ignore_cancel(db, true);
    while (db_alive(db) && ledger_lock_held(l, db, &ignored) &&
           db_runf(db, &ignored, "select pg_catalog.pg_advisory_unlock(%s)", l->lock_key))
        ;
    db_ignore_cancel(db, false);
}

bool ledger_lock_and_read(const struct ledger *l, struct db *db, struct ledger_state *state, struct db_probe *more,
                          size_t count, bool *held, struct err *err)
{
    /* all of the ledger's but the last: who else holds the lock */
    enum { LOCK, READ, MORE = READ + LEDGER_PROBE_HOLDER };
    struct db_probe read[LEDGER_PROBES], *probes = xcalloc(MORE + count, sizeof *probes);
    struct str sql = {0};
    lock_sql(l, &sql);
    probes[LOCK] = (struct db_probe){.name = "migration lock", .sql = str_text(&sql)};
    ledger_probes(l, read);
    memcpy(probes + READ, read, LEDGER_PROBE_HOLDER * sizeof *read);
    if (count)
        memcpy(probes + MORE, more, count * sizeof *more);
    ledger_state_free(state);
    bool ok = db_pipeline(db, probes, MORE + count, err);
    if (ok && !probes[LOCK].ok) {
        *err = probes[LOCK].err;
        ok = false;
    }
    *held = ok && db_bool(probes[LOCK].result, 0, 0);
    memcpy(read, probes + READ, LEDGER_PROBE_HOLDER * sizeof *read);
    ok = ok && (!*held || ledger_read(l, read, state, err));
    if (!ok)
        let_go(l, db);
    db_probes_free(probes, MORE);
    if (count)
        memcpy(more, probes + MORE, count * sizeof *more);
    str_free(&sql);
    free(probes);
    return ok;
}

void ledger_sql_unlock(const struct ledger *l, struct str *out)
{
    str_printf(out, "select pg_catalog.pg_advisory_unlock(%s) and pg_catalog.pg_advisory_unlock(%s);", l->lock_key,
               l->lock_key);
}

void ledger_sql_lock_check(const struct ledger *l, struct str *out)
{
    str_printf(out, "select 1 / (pg_catalog.pg_advisory_unlock(%s) and pg_catalog.pg_try_advisory_lock(%s))"
                    "::pg_catalog.int4;", l->lock_key, l->lock_key);
}

bool ledger_lock_held(const struct ledger *l, struct db *db, struct err *err)
{
    struct str sql = {0};
    bool held = false;
    str_add(&sql, "select pg_catalog.count(*) > 0 from pg_catalog.pg_locks l where l.pid = pg_catalog.pg_backend_pid()"
                  " and ");
    ledger_lock_where(l, &sql);
    bool ok = one_bool(db, str_text(&sql), &held, err);
    str_free(&sql);
    if (ok && !held) {
        err_set(err, ERR_MIGRATION, "this connection does not hold the migration lock of %s", l->shown);
        err_why(err,
                "a pooler between us and the server gave the lock to another connection, or it was ended");
        return err_hint(err, "use a direct connection: direct_url in seedops.yaml, or --direct-url");
    }
    return ok;
}

/* ---- writing ---- */

static bool schema_exists(const struct ledger *l, struct db *db, bool *there, struct err *err)
{
    struct str sql = {0}, literal = {0};
    db_quote_literal(&literal, l->schema);
    str_printf(&sql, "select exists (select from pg_catalog.pg_namespace where nspname = %s)", str_text(&literal));
    bool ok = one_bool(db, str_text(&sql), there, err);
    str_free(&literal);
    str_free(&sql);
    return ok;
}

/* CREATE SCHEMA IF NOT EXISTS wants the right to make one even where it is there. */
bool ledger_create_in(const struct ledger *l, struct db *db, bool there, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "begin; set local client_min_messages = warning; ");
    if (!there) {
        str_add(&sql, "create schema if not exists ");
        db_quote_identifier(&sql, l->schema);
        str_add(&sql, "; ");
    }
    l->tool->create_sql(l, &sql);
    str_add(&sql, " commit");
    bool ok = db_run(db, str_text(&sql), 0, NULL, NULL, err);
    if (!ok) {
        if (db_alive(db))
            db_rollback(db);
        err_context(err, "cannot make the ledger %s", l->shown);
    }
    str_free(&sql);
    return ok;
}

bool ledger_create(const struct ledger *l, struct db *db, struct err *err)
{
    bool there;
    return schema_exists(l, db, &there, err) && ledger_create_in(l, db, there, err);
}

void ledger_sql_started(const struct ledger *l, const struct migration *m, struct ledger_mark *mark,
                        struct str *out)
{
    l->tool->sql_started(l, m, mark, out);
}

void ledger_sql_finished(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                         struct str *out)
{
    l->tool->sql_finished(l, m, mark, out);
}

void ledger_sql_failed(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                       const char *log, struct str *out)
{
    l->tool->sql_failed(l, m, mark, log, out);
}

void ledger_sql_applied(const struct ledger *l, const struct migration *m, struct str *out)
{
    l->tool->sql_applied(l, m, out);
}

bool ledger_resolve(const struct ledger *l, struct db *db, const struct ledger_state *state, const char *name,
                    bool applied, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "begin; ");
    ledger_sql_lock_check(l, &sql);
    const struct migration *m = ledger_find(state, name);
    bool ok = applied ? l->tool->resolve_applied(l, m, name, &sql, err)
                      : l->tool->resolve_rolled_back(l, m, name, &sql, err);
    str_add(&sql, " commit");
    if (ok && !state->exists && applied)
        ok = ledger_create(l, db, err);
    if (ok && !(ok = db_run(db, str_text(&sql), 0, NULL, NULL, err)) && db_alive(db)) {
        db_rollback(db);
        err_context(err, "cannot record %s in %s", name, l->shown);
    }
    str_free(&sql);
    return ok;
}
