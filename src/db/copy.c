/* copy - COPY in both directions, a row or a buffer at a time, with the same waiting and cancelling as any
 * other statement. */
#include "db/copy.h"

#include <string.h>

#include "db/internal.h"

enum {
    LOOK_EVERY = 256,                /* rows between two looks at the cancel descriptor */
    FLUSH_BYTES = 64 * 1024          /* how much may be queued in libpq */
};

static bool copy_begin(struct db *db, const char *sql, ExecStatusType wanted, struct err *err)
{
    bool done;
    if (!db_start(db, sql, err))
        return false;
    db->copy_rows = 0;
    db->copy_unflushed = 0;
    db_collect(db, -1, true, &done);
    if (db->pg && !db->command.error && PQresultStatus(db->command.last) == wanted)
        return true;
    ExecStatusType status = db->pg ? PQresultStatus(db->command.last) : PGRES_FATAL_ERROR;
    bool other_way = status == PGRES_COPY_OUT || status == PGRES_COPY_IN;
    if (other_way)
        db_give_up(db);              /* nobody will serve it */
    if (db_conclude(db, NULL, NULL, err) || other_way)
        err_set(err, ERR_GENERAL, "not a COPY statement of the direction that was asked for");
    return false;
}

/* The COPY has ended, well or badly: collects what comes after it. */
static bool copy_finish(struct db *db, struct db_result **out, struct err *err)
{
    bool done;
    PQfreemem(db->copy_row);
    db->copy_row = NULL;
    db_collect(db, -1, false, &done);
    return db_conclude(db, out, NULL, err);
}

bool db_copy_out_begin(struct db *db, const char *sql, struct err *err)
{
    return copy_begin(db, sql, PGRES_COPY_OUT, err);
}

bool db_copy_out_row(struct db *db, const char **row, size_t *length, struct err *err)
{
    *row = NULL;
    *length = 0;
    PQfreemem(db->copy_row);
    db->copy_row = NULL;
    if (++db->copy_rows % LOOK_EVERY == 0 && db->command.stop == DB_STOP_NONE && db_cancel_asked(db))
        db_stop(db, DB_STOP_CANCEL);
    bool dropped = false;
    while (db->pg) {
        int n = PQgetCopyData(db->pg, &db->copy_row, 1);
        if (n > 0 && db->command.stop == DB_STOP_NONE) {
            *row = db->copy_row;
            *length = (size_t)n;
            return true;
        }
        PQfreemem(db->copy_row);     /* a row that came after the cancel */
        db->copy_row = NULL;
        dropped |= n > 0;
        if (n < 0)
            break;
        if (n == 0 && db_turn(db, -1) == DB_TURN_GONE)
            break;
    }
    /* the cancel may have come too late for the server: what we dropped is missing all the same */
    return copy_finish(db, NULL, err) && (!dropped || err_set(err, ERR_CANCELLED, "cancelled"));
}

bool db_copy_out_abandon(struct db *db, struct err *err)
{
    const char *row;
    size_t length;
    struct err ended = {0};
    if (!db->command.active)
        return true;
    db_stop(db, DB_STOP_CANCEL);
    if (db_copy_out_row(db, &row, &length, &ended) || ended.class == ERR_CANCELLED)
        return db_alive(db) || err_set(err, ERR_LOST, "the connection was closed to end a COPY");
    if (err)
        *err = ended;
    return false;
}

bool db_copy_in_begin(struct db *db, const char *sql, struct err *err)
{
    return copy_begin(db, sql, PGRES_COPY_IN, err);
}

/* Sends what is queued. False once the COPY cannot go on. */
static bool copy_flush(struct db *db)
{
    db->copy_unflushed = 0;
    if (db_cancel_asked(db))
        db_stop(db, DB_STOP_CANCEL);
    while (db->pg && db->command.stop == DB_STOP_NONE) {
        int unsent = PQflush(db->pg);
        if (unsent == 0)
            return true;
        db->command.sending = true;
        enum db_turn turn = unsent < 0 ? DB_TURN_GONE : db_turn(db, -1);
        db->command.sending = false;
        if (turn == DB_TURN_GONE)
            return false;
    }
    return false;
}

bool db_copy_in_put(struct db *db, const char *bytes, size_t length, struct err *err)
{
    if (!db->command.active)
        return err_set(err, ERR_GENERAL, "no COPY is under way");
    bool ok = db->pg && PQputCopyData(db->pg, bytes, (int)length) == 1;
    db->copy_unflushed += length;
    if (ok && (db->copy_unflushed < FLUSH_BYTES || copy_flush(db)))
        return true;
    if (db->pg)
        PQputCopyEnd(db->pg, "stopped by the client");
    copy_finish(db, NULL, err);
    return false;
}

bool db_copy_in_end(struct db *db, const char *failure, int64_t *rows, struct err *err)
{
    struct db_result *result = NULL;
    if (rows)
        *rows = 0;
    if (!db->command.active)
        return err_set(err, ERR_GENERAL, "no COPY is under way");
    if (db->pg)
        PQputCopyEnd(db->pg, failure);
    if (!copy_finish(db, &result, err))
        return failure && err && strcmp(err->sqlstate, "57014") == 0 ? err_hint(err, "%s", "") : false;
    if (rows && result)
        *rows = db_affected(result);
    db_result_free(result);
    return true;
}
