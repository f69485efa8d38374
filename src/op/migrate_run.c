/* migrate_run - one migration in one transaction and one message: its lock check, its script, its ledger row
 * and COMMIT go to the server together, so a slow link costs one round trip and a failure leaves nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "op/masked.h"
#include "op/migrate.h"
#include "op/trail.h"

enum { LOOK_MS = 500, RETRY_FIRST_MS = 500, RETRY_MOST_MS = 8000, RECONNECT_MS = 60000, QUERY_SHOWN = 100 };

/* ---- watching ---- */

static bool open_onlooker(struct migrate_run *run)
{
    struct err err = {0};
    if (run->onlooker && db_alive(run->onlooker))
        return true;
    if (run->no_onlooker)
        return false;
    db_close(run->onlooker);
    run->onlooker = NULL;
    if (session_onlooker(run->s, &run->onlooker, &err))
        return true;
    run->no_onlooker = true;
    ctx_log(run->ctx, "warning", "who blocks this migration cannot be shown: %s", err.message);
    return false;
}

/* "waiting for a lock held by pid 4711 api@10.0.3.7 "api" idle in transaction 00:03:40: SELECT ..." */
static void describe_blocker(const struct db_result *r, size_t row, struct str *out)
{
    int64_t seconds = db_int(r, row, 5, 0) / 1000;
    str_printf(out, "%swaiting for a lock held by pid %s %s@%s \"", row ? "; " : "", db_value(r, row, 0),
               db_value(r, row, 1), db_value(r, row, 3));
    text_visible(out, db_value(r, row, 2), db_value_length(r, row, 2));
    str_printf(out, "\" %s %02d:%02d:%02d: ", db_value(r, row, 4), (int)(seconds / 3600),
               (int)(seconds / 60 % 60), (int)(seconds % 60));
    char *query = masked_copy(db_value(r, row, 6), QUERY_SHOWN);
    text_visible(out, query, strlen(query));
    free(query);
}

static void find_blockers(struct migrate_run *run, struct str *out)
{
    if (!open_onlooker(run))
        return;
    struct str sql = {0};
    str_printf(
        &sql,
        "select a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''),"
        " coalesce(pg_catalog.host(a.client_addr), 'local'), coalesce(a.state, a.backend_type, ''),"
        " coalesce((extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.query_start)) * 1000)"
        "::bigint, 0), coalesce(pg_catalog.left(a.query, 1000), '')"
        " from pg_catalog.pg_stat_activity a where a.pid = any (pg_catalog.pg_blocking_pids(%d))"
        " order by a.xact_start limit 3",
        run->backend_pid);
    struct db_result *result = NULL;
    struct err ignored = {0};
    if (db_run(run->onlooker, str_text(&sql), 2000, &result, NULL, &ignored))
        for (size_t i = 0; i < db_rows(result); i++)
            describe_blocker(result, i, out);
    db_result_free(result);
    str_free(&sql);
}

static void look(struct migrate_run *run, const struct migrate_item *item)
{
    struct str note = {0};
    find_blockers(run, &note);
    /* the ages in it change all the time: a new blocker is one with another beginning */
    size_t head = strcspn(str_text(&note), "@");
    if (note.length && strncmp(run->blockers, str_text(&note), head + 1) != 0)
        ctx_log(run->ctx, "info", "%s: %s", item->migration->name, str_text(&note));
    snprintf(run->blockers, sizeof run->blockers, "%s", str_text(&note));
    migrate_emit_one(run, item, "running", str_text(&note));
    str_free(&note);
}

bool migrate_watched(struct migrate_run *run, const struct migrate_item *item, const char *sql,
                     unsigned *position, struct err *err)
{
    bool done = false;
    run->blockers[0] = '\0';
    bool sent = db_start(run->db, sql, err);
    migrate_tell(run);
    if (!sent)
        return false;
    while (!done) {
        if (!db_poll(run->db, LOOK_MS, &done, NULL, position, err))
            return false;
        if (!done)
            look(run, item);
    }
    return true;
}

/* ---- what a failure means ---- */

static void add_excerpt(struct str *out, const struct statement *s)
{
    enum { MOST = 200 };
    size_t length = s->length < MOST ? s->length : MOST;
    bool space = false;
    for (size_t i = 0; i < length; i++) {
        char c = s->text[i];
        bool blank = c == ' ' || (c >= '\t' && c <= '\r');
        if (!blank || !space)
            str_add_char(out, blank ? ' ' : c);
        space = blank;
    }
    if (s->length > MOST)
        str_add(out, " ...");
}

/* Next steps for what a migration typically runs into; the server's own hint comes first. */
static const char *advice(const struct migrate_run *run, const struct migrate_item *item,
                          const struct err *err)
{
    static const struct { const char *sqlstate, *advice; } table[] = {
        {"25001", "mark the file with a line -- seedops:no-transaction at its top"},
        {"2D000", "mark the file with a line -- seedops:no-transaction at its top"},
        {"55P04", "a new enum label can be used only after COMMIT: put its use into a migration of its own"},
        {"55P03",
         "someone else kept the lock all the time: end that transaction, or try again at a quieter time"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].sqlstate, err->sqlstate) == 0)
            return table[i].advice;
    bool exists = strcmp(err->sqlstate, "42P07") == 0 || strcmp(err->sqlstate, "42710") == 0 ||
                  strcmp(err->sqlstate, "42P06") == 0;
    bool fresh = run->applied == 0;
    for (size_t i = 0; i < run->state.count; i++)
        fresh = fresh && run->state.migrations[i].state != MIGRATION_APPLIED;
    if (exists && fresh)
        return "if this database was made without the ledger, note what is there: seedops migrate baseline";
    /* what the server's refusal advises elsewhere ("is it migrated?") is no advice inside a migration */
    if (err->hint[0] && strcmp(err->sqlstate, "42P01") != 0)
        return err->hint;
    return item->sql.transactional ? "mend the file and run migrate again" : "mend what it ran into";
}

bool migrate_explain(const struct migrate_run *run, const struct migrate_item *item,
                     const struct statement *statement, unsigned line, unsigned column, const char *kept,
                     struct err *err)
{
    struct err server = *err;
    bool cancelled = server.class == ERR_CANCELLED;
    struct str why = {0};
    err_set(err, cancelled ? ERR_CANCELLED : ERR_MIGRATION,
            cancelled ? "%s was cancelled%s" : "%s failed: %s", item->migration->name,
            cancelled ? "" : server.message);
    err_sqlstate(err, server.sqlstate);
    str_add(&why, server.why);
    if (statement) {
        str_add(&why, why.length ? "; in: " : "in: ");
        add_excerpt(&why, statement);
    }
    err_why(err, "%s", str_text(&why));
    str_free(&why);
    err_hint(err, "%s; %s", cancelled ? "run migrate again when it suits" : advice(run, item, &server), kept);
    unsigned statement_line = statement ? statement->line : 0;
    return err_at(err, item->migration->path, line ? line : statement_line,
                  line ? column : 0);
}

bool migrate_may_retry(struct migrate_run *run, const struct migrate_item *item, int attempt, struct err *err)
{
    if (!db_retryable(err) || !db_alive(run->db))
        return false;
    int64_t left = run->started_ms + run->wait_ms - clock_mono_ms();
    int pause = RETRY_FIRST_MS << (attempt < 5 ? attempt : 4);
    pause = pause < RETRY_MOST_MS ? pause : RETRY_MOST_MS;
    pause += (int)clock_jitter((uint32_t)pause / 3);
    if (left < pause)
        return false;
    ctx_log(run->ctx, "warning", "%s: %s%s%s; trying again in %d.%d s", item->migration->name, err->message,
            run->blockers[0] ? ", " : "", run->blockers, pause / 1000, pause % 1000 / 100);
    migrate_emit_one(run, item, "running", run->blockers[0] ? run->blockers : err->message);
    struct err stop = {0};
    if (ctx_sleep(run->ctx, pause, &stop))
        return true;
    *err = stop;
    return false;
}

/* ---- outcome unknown ---- */

/* A connection to read the ledger on: the direct one again, or, when we are being cancelled, one that is not.
 */
static bool after_loss(struct migrate_run *run, struct db **db, struct err *err)
{
    if (!ctx_cancelled(run->ctx)) {
        if (!session_reopen_direct(run->s, db, err))
            return false;
        run->db = *db;
        return true;
    }
    db_close(run->onlooker);
    run->onlooker = NULL;
    bool ok = session_onlooker(run->s, &run->onlooker, err);
    *db = run->onlooker;
    return ok;
}

static bool read_pid(struct migrate_run *run, struct db *db, struct err *err)
{
    struct db_result *result = NULL;
    if (!db_run(db, "select pg_catalog.pg_backend_pid()", 0, &result, NULL, err))
        return false;
    run->backend_pid = (int)db_int(result, 0, 0, 0);
    db_result_free(result);
    return true;
}

/* The lock is free only when the lost backend is gone: then the ledger says what became of its COMMIT. */
static bool read_outcome(struct migrate_run *run, const char *name, bool *applied, struct err *err)
{
    struct db *db;
    struct ledger_state state = {0};
    bool ok = after_loss(run, &db, err) && ledger_lock(run->ledger, db, RECONNECT_MS, NULL, NULL, err) &&
              ledger_refresh(run->ledger, db, &state, err) && read_pid(run, db, err);
    const struct migration *m = ok ? ledger_find(&state, name) : NULL;
    *applied = m && m->state == MIGRATION_APPLIED;
    ledger_state_free(&state);
    return ok;
}

/* A server that crashed takes connections and drops them again before it is back for good. */
static bool keep_asking(struct migrate_run *run, const char *name, bool *applied, struct err *err)
{
    int64_t end = clock_mono_ms() + RECONNECT_MS;
    while (!read_outcome(run, name, applied, err)) {
        bool passing = err->class == ERR_NOT_READY || err->class == ERR_LOST || err->class == ERR_CANCELLED;
        if (!passing || clock_mono_ms() >= end)
            return false;
        struct timespec pause = {.tv_nsec = RETRY_FIRST_MS * 1000000L};
        nanosleep(&pause, NULL);     /* also when we are being cancelled: the answer matters more */
    }
    return true;
}

static bool settle(struct migrate_run *run, const struct migrate_item *item, struct err *err)
{
    const char *name = item->migration->name;
    struct err lost = *err, trouble = {0};
    bool applied = false;
    ctx_log(run->ctx, "warning", "%s: %s; finding out from the ledger", name, lost.message);
    if (!keep_asking(run, name, &applied, &trouble)) {
        err_set(err, ERR_UNKNOWN_OUTCOME, "whether %s was committed cannot be found out", name);
        err_why(err, "%s; then: %s", lost.why[0] ? lost.why : lost.message, trouble.message);
        return err_hint(err,
                        "look at seedops migrate status when the database is back, before anything else");
    }
    if (!applied) {
        err_set(err, ERR_MIGRATION, "the connection was lost; %s was not applied", name);
        err_why(err, "%s; the ledger was read on a new connection, under its lock", lost.why);
        err_hint(err, "run migrate again");
        return err_at(err, item->migration->path, 0, 0);
    }
    ctx_log(run->ctx, "warning", "%s was committed before the connection was lost", name);
    if (!ctx_cancelled(run->ctx))
        return true;
    err_set(err, ERR_CANCELLED, "cancelled; %s had been committed by then", name);
    return err_hint(err, "run migrate again for the rest");
}

/* ---- one transaction ---- */

const char migrate_as_at_first[] = "reset all;reset session authorization;reset role;";
enum { RESETS = 3 };

/* How many statements it added. */
static size_t settings_sql(const struct migrate_run *run, bool local, struct str *out)
{
    const char *set = local ? "set local " : "set ";
    size_t count = 1;
    if (migrate_identity(run)->may_watch) {
        str_printf(out, "%sclient_connection_check_interval = '2s';", set);
        count++;
    }
    str_printf(out, "%slock_timeout = '%dms';", set, run->lock_timeout_ms);
    if (ledger_own_search_path(run->ledger)) {
        str_printf(out, "%ssearch_path = ", set);
        db_quote_identifier(out, ledger_schema(run->ledger));
        str_add_char(out, ';');
        count++;
    }
    return count;
}

void migrate_sql_session(const struct migrate_run *run, struct str *out)
{
    str_add(out, migrate_as_at_first);
    settings_sql(run, false, out);
}

struct message { struct str text; size_t head_statements, check, script_at; };

/* Statements of the head are counted, so that a failure can be told from the script's. */
static void compose(const struct migrate_run *run, const struct migrate_item *item, struct message *m)
{
    str_printf(&m->text, "begin;%s", migrate_as_at_first);
    m->check = 1 + RESETS + settings_sql(run, true, &m->text);
    ledger_sql_lock_check(run->ledger, &m->text);
    m->head_statements = m->check + 1;
    m->script_at = text_length(str_text(&m->text));
    str_add_bytes(&m->text, item->bytes, item->length);
    /* its last line may be a comment, its last statement open; a role it took on may not write the ledger */
    str_add(&m->text, "\n;reset session authorization;reset role;");
    ledger_sql_applied(run->ledger, item->migration, &m->text);
    migrate_sql_trail(run, "migrate", item->migration->name, &m->text);
    str_add(&m->text, "commit");
}

static const struct statement *statement_at_line(const struct sql_file *sql, unsigned line)
{
    const struct statement *found = NULL;
    for (size_t i = 0; i < sql->count && sql->statements[i].line <= line; i++)
        found = &sql->statements[i];
    return found;
}

/* After ROLLBACK. `done`: statements that were completed, `position`: the server's, 0 for none. */
static bool explain_message(struct migrate_run *run, const struct migrate_item *item, const struct message *m,
                            size_t done, unsigned position, struct err *err)
{
    static const char kept[] = "nothing of it was kept, it is still pending";
    struct err lock = {0};
    if (done == m->check && strcmp(err->sqlstate, "22012") == 0 &&
        !ledger_lock_held(run->ledger, run->db, &lock)) {
        *err = lock;
        return false;
    }
    if (position > m->script_at && position <= m->script_at + text_length(item->bytes)) {
        unsigned line, column;
        split_place(item->bytes, item->length, position - (unsigned)m->script_at, &line, &column);
        return migrate_explain(run, item, statement_at_line(&item->sql, line), line, column, kept, err);
    }
    const struct statement *s = NULL;
    if (done >= m->head_statements && done - m->head_statements < item->sql.count)
        s = &item->sql.statements[done - m->head_statements];
    return migrate_explain(run, item, s, 0, 0, kept, err);
}

static bool run_message(struct migrate_run *run, const struct migrate_item *item, const struct message *m,
                        struct err *err)
{
    for (int attempt = 0;; attempt++) {
        unsigned position = 0;
        db_mark_committing(run->db, true);
        bool ok = migrate_watched(run, item, str_text(&m->text), &position, err);
        db_mark_committing(run->db, false);
        if (ok)
            return true;
        if (err->class == ERR_UNKNOWN_OUTCOME)
            return settle(run, item, err);
        size_t done = db_statements_done(run->db);
        if (db_alive(run->db))
            db_rollback(run->db);
        if (!migrate_may_retry(run, item, attempt, err))
            return explain_message(run, item, m, done, position, err);
    }
}

bool migrate_run_one(struct migrate_run *run, const struct migrate_item *item, struct err *err)
{
    if (!item->sql.transactional)
        return migrate_run_alone(run, item, err);
    struct message m = {0};
    compose(run, item, &m);
    bool ok = run_message(run, item, &m, err);
    if (ok)
        trail_left(run->s);
    str_free(&m.text);
    return ok;
}
