/* pipeline - many reads in one round trip, each in a transaction and with a Sync of its own.
 *
 *   settings, query, Sync,  settings, query, Sync ...
 *
 * Without BEGIN, what comes up to a Sync is one transaction, which ends with it: committed, or rolled back where the
 * query failed. A probe that joins the one before it has no settings, and no Sync before it. Everything is queued in
 * libpq and sent while answers are read, so neither side can wait for the other. */
#include "db/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "db/internal.h"

enum {
    LOCK_TIMEOUT_MS = 300,
    STATEMENT_TIMEOUT_MS = 2000,
    CANCEL_AGAIN_MS = 5,
    SILENCE_MS = 10000               /* on top of a probe's own time: then the server is taken for dead */
};

struct run {
    struct db *db;
    struct db_probe *probes;
    size_t count;
    size_t at;                       /* the probe whose answers come now */
    enum {SETTINGS, QUERY, SYNC} next;   /* which of its answers */
    bool silent;                     /* the server stopped answering */
};

static bool put(struct db *db, const char *sql, size_t count, const char *const *params)
{
    return PQsendQueryParams(db->pg, sql, (int)count, NULL, params, NULL, NULL, 0);
}

static int timeout_of(const struct db *db, const struct db_probe *p)
{
    int patience = db->patience_ms > 0 ? db->patience_ms : STATEMENT_TIMEOUT_MS;
    return p->statement_timeout_ms > 0 ? p->statement_timeout_ms : patience;
}

static bool put_settings(struct db *db, const struct db_probe *p)
{
    char settings[1024];
    snprintf(settings, sizeof settings,
             "SELECT pg_catalog.set_config('transaction_read_only', 'on', true),"
             " pg_catalog.set_config('search_path', %s, true),"
             " pg_catalog.set_config('statement_timeout', '%d', true),"
             " pg_catalog.set_config('lock_timeout', '%d', true),"
             " pg_catalog.set_config('TimeZone', 'UTC', true),"
             " pg_catalog.set_config('DateStyle', 'ISO', true),"
             " pg_catalog.set_config('IntervalStyle', 'postgres', true),"
             " pg_catalog.set_config('bytea_output', 'hex', true),"
             " pg_catalog.set_config('extra_float_digits', '1', true),"
             " pg_catalog.set_config('jit', 'off', true)",   /* compiling costs more than a short query */
             p->default_path ? "NULL" : "'pg_catalog, pg_temp'", timeout_of(db, p), LOCK_TIMEOUT_MS);
    return put(db, settings, 0, NULL);
}

/* Of its transaction. */
static bool is_last(const struct db_probe *probes, size_t count, size_t at)
{
    return at + 1 == count || !probes[at + 1].joins;
}

static bool put_probe(struct db *db, const struct db_probe *probes, size_t count, size_t at)
{
    const struct db_probe *p = &probes[at];
    return (p->joins || put_settings(db, p)) && put(db, p->sql, p->count, p->params) &&
           (!is_last(probes, count, at) || PQpipelineSync(db->pg));
}

/* A probe only reads. */
static void timed_out(const struct db *db, struct db_probe *p)
{
    err_why(&p->err, "timed out");
    err_hint(&p->err, "it was given %.1f s, and nothing was changed: the server is busy, try again",
             timeout_of(db, p) / 1000.0);
}

static void name_failure(const struct db *db, struct db_probe *p)
{
    const char *code = p->err.sqlstate;
    if (strcmp(code, "55P03") == 0)
        err_why(&p->err, "locked");
    else if (strcmp(code, "57014") == 0 && p->err.class != ERR_CANCELLED)
        timed_out(db, p);
    else if (strcmp(code, "42501") == 0)
        err_why(&p->err, "not permitted");
}

/* The result that came was that of settings, or of a query. */
static void step(struct run *run)
{
    if (run->next == SETTINGS) {
        run->next = QUERY;
    } else if (is_last(run->probes, run->count, run->at)) {
        run->next = SYNC;
    } else {
        run->at++;
    }
}

/* One result of the pipeline. Takes `result`. What the server skipped after a failure has no error of its own. */
static void take(struct run *run, PGresult *result)
{
    struct db_probe *p = &run->probes[run->at];
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        run->at++;
        run->next = SETTINGS;
        PQclear(result);
        return;
    }
    if (status == PGRES_FATAL_ERROR && p->err.class == ERR_NONE) {
        p->ok = false;
        db_result_free(p->result);
        p->result = NULL;
        db_error_of_result(run->db, result, NULL, &p->err);
        name_failure(run->db, p);
    } else if (run->next == QUERY && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)) {
        p->result = db_result_new(result);
        p->ok = true;
        result = NULL;
    }
    PQclear(result);
    if (run->next != SYNC)
        step(run);
}

/* Reads what is there; false when everything has been read, or nothing more will come. Before each
 * PQgetResult libpq is asked whether it has one: otherwise it would wait by itself, for sending only. */
static bool drain(struct run *run, bool gone)
{
    int ends = 0;                    /* NULLs in a row: one closes a statement's results, two the pipeline */
    while (run->at < run->count && ends < 2 && (gone || !PQisBusy(run->db->pg))) {
        PGresult *result = PQgetResult(run->db->pg);
        ends = result ? 0 : ends + 1;
        if (result)
            take(run, result);
    }
    return run->at < run->count && ends < 2;
}

/* A PQcancel stops the one statement that runs when it arrives; the next probe then begins. So while the
 * pipeline is being stopped another is sent as soon as the last one is through. */
static void cancel_again(struct db *db)
{
    struct db_command *c = &db->command;
    if (c->cancel && !helper_finished(c->cancel))
        return;
    int64_t give_up = c->give_up;
    enum db_stop stop = c->stop;
    helper_release(c->cancel);
    c->cancel = NULL;
    c->stop = DB_STOP_NONE;
    db_stop(db, stop);
    c->give_up = give_up;
}

static bool receive(struct run *run)
{
    struct db *db = run->db;
    bool gone = false;
    while (db->pg && drain(run, gone)) {
        if (gone)
            return false;
        bool stopping = db->command.stop != DB_STOP_NONE;
        if (stopping)
            cancel_again(db);
        int64_t silence = timeout_of(run->db, &run->probes[run->at]) + SILENCE_MS;
        switch (db_turn(db, clock_mono_ms() + (stopping ? CANCEL_AGAIN_MS : silence))) {
        case DB_TURN_IO: break;
        case DB_TURN_DEADLINE:
            if (stopping)
                break;
            run->silent = true;
            db_give_up(db);
            return false;
        case DB_TURN_GONE: gone = true; break;
        }
    }
    return db->pg && run->at == run->count;
}

static bool pipeline_lost(struct run *run, struct err *err)
{
    db_error_lost(run->db, err);
    if (run->silent)
        err_why(err, "the server stopped answering (at \"%s\")", run->probes[run->at].name);
    for (size_t i = 0; i < run->count; i++)
        if (run->probes[i].err.class == ERR_LOST)
            err_why(err, "%s", run->probes[i].err.message);
    db_command_end(run->db);
    return false;
}

/* One pipeline, without asking who locks. */
static bool run_once(struct db *db, struct db_probe *probes, size_t count, struct err *err)
{
    struct run run = {.db = db, .probes = probes, .count = count, .next = SETTINGS};
    for (size_t i = 0; i < count; i++) {
        probes[i].ok = false;
        probes[i].result = NULL;
        err_clear(&probes[i].err);
    }
    if (!db_command_begin(db, err))
        return false;
    db->round_trips++;
    bool ok = PQenterPipelineMode(db->pg);
    for (size_t i = 0; ok && i < count; i++)
        ok = put_probe(db, probes, count, i);
    if (!ok || !receive(&run))
        return pipeline_lost(&run, err);
    enum db_stop stop = db->command.stop;
    db_command_settle(db);
    db_command_end(db);
    if (!db->pg || !PQexitPipelineMode(db->pg))
        return err_set(err, ERR_LOST, "the connection could not be brought back into order");
    if (stop == DB_STOP_CANCEL)
        return err_set(err, ERR_CANCELLED, "cancelled");
    return true;
}

/* Reads conflict with ACCESS EXCLUSIVE only, held or waited for, so its owners are who to name. */
static const char WHO_LOCKS[] =
    "SELECT DISTINCT l.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, '')"
    " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ($1::text IS NULL OR l.relation = to_regclass($1)"
    "  OR l.relation IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass($1)))"
    " ORDER BY 1 LIMIT 3";

static void name_locker(struct db_probe *locked, const struct db_probe *who)
{
    if (!who->ok || db_rows(who->result) == 0)
        return;
    struct str pids = {0}, more = {0};
    for (size_t i = 0; i < db_rows(who->result); i++) {
        str_printf(&pids, "%s%s", i ? " or " : "", db_value(who->result, i, 0));
        str_printf(&more, "%spid %s is %s, user %s", i ? "; " : "", db_value(who->result, i, 0),
                   *db_value(who->result, i, 1) ? db_value(who->result, i, 1) : "unnamed",
                   db_value(who->result, i, 2));
    }
    err_why(&locked->err, "locked by pid %s", str_text(&pids));
    err_hint(&locked->err, "%s", str_text(&more));
    str_free(&pids);
    str_free(&more);
}

static bool find_lockers(struct db *db, struct db_probe *probes, size_t count, size_t locked, struct err *err)
{
    struct db_probe *who = xcalloc(locked, sizeof *who);
    const char **relations = xcalloc(locked, sizeof *relations);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(probes[i].err.sqlstate, "55P03") != 0)
            continue;
        relations[n] = probes[i].relation;
        who[n] = (struct db_probe){.name = "locks", .sql = WHO_LOCKS, .count = 1, .params = &relations[n]};
        n++;
    }
    bool ok = run_once(db, who, n, err);
    n = 0;
    for (size_t i = 0; ok && i < count; i++)
        if (strcmp(probes[i].err.sqlstate, "55P03") == 0)
            name_locker(&probes[i], &who[n++]);
    db_probes_free(who, locked);
    free(relations);
    free(who);
    return ok;
}

static bool was_skipped(const struct db_probe *p) { return !p->ok && p->err.class == ERR_NONE; }

/* What failed with another one of its transaction is asked again, each by itself. */
static bool ask_apart(struct db *db, struct db_probe *probes, size_t count, size_t skipped, struct err *err)
{
    struct db_probe *again = xcalloc(skipped, sizeof *again);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (was_skipped(&probes[i])) {
            again[n] = probes[i];
            again[n++].joins = false;
        }
    bool ok = run_once(db, again, n, err);
    if (!ok)
        db_probes_free(again, n);
    n = 0;
    for (size_t i = 0; ok && i < count; i++)
        if (was_skipped(&probes[i])) {
            probes[i].ok = again[n].ok;
            probes[i].result = again[n].result;
            probes[i].err = again[n++].err;
        }
    free(again);
    return ok;
}

bool db_pipeline(struct db *db, struct db_probe *probes, size_t count, struct err *err)
{
    size_t skipped = 0, locked = 0;
    bool ok = run_once(db, probes, count, err);
    for (size_t i = 0; ok && i < count; i++)
        skipped += was_skipped(&probes[i]);
    ok = ok && (skipped == 0 || ask_apart(db, probes, count, skipped, err));
    for (size_t i = 0; ok && i < count; i++)
        locked += strcmp(probes[i].err.sqlstate, "55P03") == 0;
    ok = ok && (locked == 0 || find_lockers(db, probes, count, locked, err));
    if (!ok)
        db_probes_free(probes, count);
    return ok;
}

void db_probes_free(struct db_probe *probes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        db_result_free(probes[i].result);
        probes[i].result = NULL;
        probes[i].ok = false;
    }
}

const char *db_probe_word(const struct db_probe *probe)
{
    if (probe->ok)
        return "";
    static const char *const own_words[] = {"55P03", "57014", "42501"};
    for (size_t i = 0; i < sizeof own_words / sizeof *own_words; i++)
        if (strcmp(probe->err.sqlstate, own_words[i]) == 0 && *probe->err.why)
            return probe->err.why;
    return probe->err.message;
}
