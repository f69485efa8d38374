/* exec - statements: sending, collecting results, and what a failure or a lost connection means. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "db/internal.h"
#include "db/sqlstate.h"

enum { STATEMENT_MAX = 128 * 1024 };

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text ? text : "";
}

/* libpq's own words, without what follows their first line. */
static void first_line(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

static bool means_lost(const char *sqlstate)
{
    return strncmp(sqlstate, "08", 2) == 0 || (strncmp(sqlstate, "57P0", 4) == 0 && sqlstate[4] != '0');
}

void db_error_of_result(struct db *db, const PGresult *result, unsigned *position, struct err *err)
{
    const char *sqlstate = field(result, PG_DIAG_SQLSTATE);
    const char *message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    if (position)
        *position = (unsigned)strtoul(field(result, PG_DIAG_STATEMENT_POSITION), NULL, 10);
    if (!err)
        return;
    char line[sizeof err->message];
    first_line(line, sizeof line, *message ? message : PQresultErrorMessage(result));
    err_set(err, ERR_QUERY, "%s", line);
    err_why(err, "%s", field(result, PG_DIAG_MESSAGE_DETAIL));
    err_hint(err, "%s", field(result, PG_DIAG_MESSAGE_HINT));
    err_sqlstate(err, sqlstate);
    sqlstate_sort_query_as(err, sqlstate, db->facts.user);
    if (db->command.stop == DB_STOP_CANCEL && strcmp(sqlstate, "57014") == 0) {
        err->class = ERR_CANCELLED;
        snprintf(err->message, sizeof err->message, "cancelled");
        err->hint[0] = '\0';
    } else if (db->command.stop == DB_STOP_TIMEOUT && strcmp(sqlstate, "57014") == 0) {
        snprintf(err->message, sizeof err->message, "the statement timed out");
    }
    if (means_lost(sqlstate) || PQstatus(db->pg) == CONNECTION_BAD)
        err->class = db->committing ? ERR_UNKNOWN_OUTCOME : ERR_LOST;
}

bool db_error_lost(struct db *db, struct err *err)
{
    char reason[256] = "";
    if (db->pg)
        first_line(reason, sizeof reason, PQerrorMessage(db->pg));
    enum db_stop stop = db->command.stop;
    struct err beneath = {0};
    if (stop == DB_STOP_NONE && db->broken && db->broken(db->broken_sink, &beneath))
        first_line(reason, sizeof reason, beneath.why);
    if (db->committing) {
        err_set(err, ERR_UNKNOWN_OUTCOME, "the connection was lost while committing");
        err_hint(err, "whether it was committed must be found out before anything is repeated");
    } else if (stop == DB_STOP_CANCEL) {
        err_set(err, ERR_CANCELLED,
                "cancelled; the server did not confirm it in time, the connection was closed");
    } else if (stop == DB_STOP_TIMEOUT) {
        err_set(err, ERR_LOST, "the statement timed out and could not be stopped; the connection was closed");
        err_hint(err, "it may go on running on the server: see the Activity screen");
    } else {
        err_set(err, ERR_LOST, "the connection to the database was lost");
        err_hint(err, "nothing was being committed; connect again");
    }
    return err_why(err, "%s", reason);
}

bool db_listen(struct db *db, struct err *err)
{
    db_take_ending(db);
    if (db->pg && !db->command.active && PQconsumeInput(db->pg)) {
        PQisBusy(db->pg);            /* hands notices on; a FATAL one is the last before the end */
        for (PGnotify *n; (n = PQnotifies(db->pg));)
            PQfreemem(n);
        if (PQstatus(db->pg) == CONNECTION_OK)
            return true;
    }
    return db->command.active || db_error_lost(db, err);
}

struct db_result { PGresult *pg; };

struct db_result *db_result_new(PGresult *result)
{
    struct db_result *r = xmalloc(sizeof *r);
    r->pg = result;
    return r;
}

/* COPY where nobody serves it: refused from our side, so that the server ends the statement. */
static void refuse_copy(struct db *db, ExecStatusType status)
{
    db->command.copy_refused = true;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH)
        PQputCopyEnd(db->pg, "COPY FROM STDIN has no data here");
    else
        db_stop(db, DB_STOP_TIMEOUT);
}

enum taken { TAKEN_MORE, TAKEN_WAIT, TAKEN_END };

/* Throws the rows of a refused COPY away. */
static enum taken drop_rows(struct db *db)
{
    char *row;
    int n;
    while ((n = PQgetCopyData(db->pg, &row, 1)) > 0)
        PQfreemem(row);
    return n == 0 ? TAKEN_WAIT : TAKEN_MORE;
}

/* Takes one result; the end is the command's, or the COPY's that was asked for. */
static enum taken take_result(struct db *db, bool until_copy)
{
    struct db_command *c = &db->command;
    if (PQresultStatus(c->last) == PGRES_COPY_OUT && c->copy_refused && drop_rows(db) == TAKEN_WAIT)
        return TAKEN_WAIT;
    PGresult *result = PQgetResult(db->pg);
    if (!result)
        return TAKEN_END;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        if (c->error)
            PQclear(result);
        else
            c->error = result;
        return TAKEN_MORE;
    }
    db->statements_done++;
    if (status == PGRES_COMMAND_OK && PQresultStatus(c->last) == PGRES_TUPLES_OK) {
        PQclear(result);     /* rows are not lost to the COMMIT after them */
        return TAKEN_MORE;
    }
    PQclear(c->last);
    c->last = result;
    if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH)
        return TAKEN_MORE;
    if (until_copy)
        return TAKEN_END;
    refuse_copy(db, status);
    return TAKEN_MORE;
}

bool db_collect(struct db *db, int64_t deadline, bool until_copy, bool *done)
{
    *done = false;
    bool gone = false;
    while (db->pg) {
        enum taken taken = TAKEN_MORE;
        while (taken == TAKEN_MORE && (gone || !PQisBusy(db->pg)))
            taken = take_result(db, until_copy);
        if (taken == TAKEN_END || gone) {
            *done = true;
            return true;
        }
        switch (db_turn(db, deadline)) {
        case DB_TURN_IO: break;
        case DB_TURN_DEADLINE: return true;
        case DB_TURN_GONE: gone = true; break;
        }
    }
    return false;
}

/* Keeps the statement for who is told of it. */
static void note_statement(struct db *db, const char *sql, size_t parameters)
{
    if (!db->statement)
        return;
    free(db->statement_sql);
    db->statement_sql = xstrndup(sql, strnlen(sql, STATEMENT_MAX));
    db->statement_at_ms = clock_mono_ms();
    db->statement_parameters = parameters;
}

static void tell_statement(struct db *db, bool ok, int64_t rows, const struct err *err)
{
    if (!db->statement || !db->statement_sql)
        return;
    struct db_statement told = {.sql = db->statement_sql, .parameter_count = db->statement_parameters, .rows = rows,
                                .error = ok ? NULL : err, .duration_ms = clock_mono_ms() - db->statement_at_ms};
    db->statement(db->statement_sink, &told);
    free(db->statement_sql);
    db->statement_sql = NULL;
}

/* Every answer takes a round trip: the soonest says most of how far the server is. */
static void note_reaction(struct db *db)
{
    int64_t took = clock_mono_ms() - db->command.since_ms;
    if (took < db->reaction_ms)
        db->reaction_ms = (int)took;
}

int db_reaction_ms(struct db *db)
{
    enum { SURELY_NEAR = 20, SURELY_FAR = 80 };   /* a busy machine takes its time to start a process */
    if (!db->reaction_asked && db->reaction_ms >= SURELY_NEAR && db->reaction_ms < SURELY_FAR && !db->command.active)
        db_run(db, "SELECT 1", 0, NULL, NULL, NULL);
    db->reaction_asked = true;
    return db->reaction_ms;
}

bool db_conclude(struct db *db, struct db_result **out, unsigned *position, struct err *err)
{
    struct db_command *c = &db->command;
    struct err unheard = {0};
    if (!err)
        err = &unheard;
    int64_t rows = c->last ? strtoll(PQcmdTuples(c->last), NULL, 10) : 0;
    bool ok = false;
    if (!db->pg) {
        db_error_lost(db, err);
    } else if (c->copy_refused) {
        err_set(err, ERR_QUERY, "COPY from or to the client cannot be used here");
        err_hint(err, "use INSERT, or COPY with a file or PROGRAM on the server");
    } else if (c->error && *field(c->error, PG_DIAG_SQLSTATE)) {
        db_error_of_result(db, c->error, position, err);
    } else if (c->error || PQstatus(db->pg) == CONNECTION_BAD) {
        db_error_lost(db, err);
    } else {
        ok = true;
        note_reaction(db);
        if (out && c->last) {
            *out = db_result_new(c->last);
            c->last = NULL;
        }
    }
    db_command_settle(db);
    db_command_end(db);
    tell_statement(db, ok, rows, err);
    return ok;
}

static bool send_failed(struct db *db, struct err *err)
{
    db_error_lost(db, err);
    db_command_end(db);
    return false;
}

static bool is_under_way(struct db *db, const char *sql)
{
    if (!db->ahead || strcmp(db->ahead, sql) != 0)
        return false;
    free(db->ahead);
    db->ahead = NULL;
    return true;
}

bool db_start(struct db *db, const char *sql, struct err *err)
{
    if (is_under_way(db, sql))
        return true;
    if (!db_command_begin(db, err))
        return false;
    db->round_trips++;
    note_statement(db, sql, 0);
    return PQsendQuery(db->pg, sql) ? true : send_failed(db, err);
}

bool db_end_reading(struct db *db, struct err *err)
{
    if (!db_start(db, "COMMIT", err))
        return false;
    db->round_trips--;         /* it costs nobody one */
    return db->ending = true;
}

void db_take_ending(struct db *db)
{
    bool done;
    if (!db->ending)
        return;
    bool ignored = db->ignore_cancel;
    db->ending = false;
    db->ignore_cancel = true;  /* that is for the next statement */
    db_collect(db, -1, false, &done);
    db_conclude(db, NULL, NULL, NULL);
    db->ignore_cancel = ignored;
}

bool db_send_ahead(struct db *db, const char *sql)
{
    if (!db_start(db, sql, NULL))
        return false;
    db->ahead = xstrdup(sql);
    return true;
}

void db_drop_ahead(struct db *db)
{
    bool done;
    if (!db->ahead)
        return;
    free(db->ahead);
    db->ahead = NULL;
    db_stop(db, DB_STOP_TIMEOUT);
    db_collect(db, -1, false, &done);
    db_conclude(db, NULL, NULL, NULL);
    if (db_alive(db))
        db_rollback(db);
}

bool db_poll(struct db *db, int timeout_ms, bool *done, struct db_result **out, unsigned *position,
             struct err *err)
{
    if (out)
        *out = NULL;
    if (position)
        *position = 0;
    int64_t deadline = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    if (db_collect(db, deadline, false, done) && !*done)
        return true;
    *done = true;
    return db_conclude(db, out, position, err);
}

/* Waits for the end of what was sent; asks the server to stop it after timeout_ms. */
static bool finish(struct db *db, int timeout_ms, struct db_result **out, unsigned *position, struct err *err)
{
    bool done;
    if (!db_poll(db, timeout_ms > 0 ? timeout_ms : -1, &done, out, position, err))
        return false;
    if (done)
        return true;
    db_stop(db, DB_STOP_TIMEOUT);
    if (db_poll(db, -1, &done, out, position, err))
        return true;
    if (err && strcmp(err->sqlstate, "57014") == 0)
        err_why(err, "it took longer than %d ms", timeout_ms);
    return false;
}

bool db_run(struct db *db, const char *sql, int timeout_ms, struct db_result **out, unsigned *position,
            struct err *err)
{
    if (out)
        *out = NULL;
    if (position)
        *position = 0;
    return db_start(db, sql, err) && finish(db, timeout_ms, out, position, err);
}

bool db_query(struct db *db, const char *sql, size_t count, const char *const *params,
              struct db_result **out, struct err *err)
{
    if (out)
        *out = NULL;
    if (!db_command_begin(db, err))
        return false;
    db->round_trips++;
    note_statement(db, sql, count);
    if (!PQsendQueryParams(db->pg, sql, (int)count, NULL, params, NULL, NULL, 0))
        return send_failed(db, err);
    return finish(db, 0, out, NULL, err);
}

bool db_runf(struct db *db, struct err *err, const char *format, ...)
{
    char *sql;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&sql, format, args);
    va_end(args);
    if (length < 0)
        err_abort("db_runf: out of memory");
    bool ok = db_run(db, sql, 0, NULL, NULL, err);
    free(sql);
    return ok;
}

bool db_rollback(struct db *db)
{
    bool ignored = db->ignore_cancel;
    db->ignore_cancel = true;
    bool ok = db_run(db, "ROLLBACK", DB_CANCEL_GRACE_MS, NULL, NULL, NULL);
    db->ignore_cancel = ignored;
    return ok;
}

bool db_go_on(const struct db *db, struct err *err)
{
    return db->ignore_cancel || !db_cancel_asked(db) || err_set(err, ERR_CANCELLED, "cancelled");
}

void db_mark_committing(struct db *db, bool committing) { db->committing = committing; }
void db_ignore_cancel(struct db *db, bool ignore) { db->ignore_cancel = ignore; }
size_t db_statements_done(const struct db *db) { return db->statements_done; }

bool db_retryable(const struct err *err)
{
    static const char *const codes[] = {"40001", "40P01", "55P03"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(err->sqlstate, codes[i]) == 0)
            return true;
    return false;
}

size_t db_rows(const struct db_result *r) { return (size_t)PQntuples(r->pg); }
size_t db_columns(const struct db_result *r) { return (size_t)PQnfields(r->pg); }
const char *db_column_name(const struct db_result *r, size_t column) { return PQfname(r->pg, (int)column); }

const char *db_value(const struct db_result *r, size_t row, size_t column)
{
    if (PQgetisnull(r->pg, (int)row, (int)column))
        return NULL;
    return PQgetvalue(r->pg, (int)row, (int)column);
}

size_t db_value_length(const struct db_result *r, size_t row, size_t column)
{
    return (size_t)PQgetlength(r->pg, (int)row, (int)column);
}

bool db_bool(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_value(r, row, column);
    return text && text[0] == 't';
}

int64_t db_int(const struct db_result *r, size_t row, size_t column, int64_t if_null)
{
    const char *text = db_value(r, row, column);
    return text ? strtoll(text, NULL, 10) : if_null;
}

int64_t db_affected(const struct db_result *r) { return strtoll(PQcmdTuples(r->pg), NULL, 10); }

void db_result_free(struct db_result *r)
{
    if (!r)
        return;
    PQclear(r->pg);
    free(r);
}
