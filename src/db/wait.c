/* wait - how a statement waits, and how it is stopped: PQcancel from a helper thread, two
 * seconds' patience, then the socket is closed. */
#include <stdlib.h>

#include "base/clock.h"
#include "db/internal.h"

bool db_cancel_asked(const struct db *db)
{
    if (db->cancel_fd < 0 || db->ignore_cancel)
        return false;
    struct pollfd fd = {.fd = db->cancel_fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

static void cancel_run(void *job)
{
    char text[256];                  /* nobody reads it: what counts is how the statement ends */
    PQcancel(job, text, sizeof text);
}

static void cancel_drop(void *job) { PQfreeCancel(job); }

void db_stop(struct db *db, enum db_stop why)
{
    struct db_command *c = &db->command;
    if (c->stop != DB_STOP_NONE)
        return;
    c->stop = why;
    c->give_up = clock_mono_ms() + DB_CANCEL_GRACE_MS;
    PGcancel *cancel = PQgetCancel(db->pg);
    if (cancel)
        helper_start(&c->cancel, cancel_run, cancel_drop, cancel);
}

enum db_turn db_turn(struct db *db, int64_t deadline)
{
    struct db_command *c = &db->command;
    for (;;) {
        if (!db->pg)
            return DB_TURN_GONE;
        int unsent = PQflush(db->pg);
        if (unsent == 0 && c->sending && c->stop == DB_STOP_NONE)
            return DB_TURN_IO;           /* the server waits for more: no answer would come */
        short events = unsent == 1 ? POLLIN | POLLOUT : POLLIN;
        int64_t limit = deadline;
        if (c->give_up >= 0 && (limit < 0 || c->give_up < limit))
            limit = c->give_up;
        int cancel_fd = c->stop != DB_STOP_NONE || db->ignore_cancel ? -1 : db->cancel_fd;
        switch (wait_for(PQsocket(db->pg), events, cancel_fd, limit)) {
        case WAIT_CANCEL:
            db_stop(db, DB_STOP_CANCEL);
            break;
        case WAIT_TIMEOUT:
            if (c->give_up < 0 || clock_mono_ms() < c->give_up)
                return DB_TURN_DEADLINE;
            db_give_up(db);
            return DB_TURN_GONE;
        case WAIT_IO:
            return PQconsumeInput(db->pg) && PQstatus(db->pg) == CONNECTION_OK ? DB_TURN_IO : DB_TURN_GONE;
        }
    }
}

bool db_command_begin(struct db *db, struct err *err)
{
    db_take_ending(db);
    db_drop_ahead(db);
    if (!db_alive(db)) {
        err_set(err, ERR_LOST, "the connection to the database is closed");
        return err_hint(err, "connect again; nothing was sent");
    }
    if (db->command.active)
        return err_set(err, ERR_GENERAL, "another statement is still under way on this connection");
    db->command = (struct db_command){.active = true, .give_up = -1, .since_ms = clock_mono_ms()};
    db->statements_done = 0;
    return true;
}

void db_command_settle(struct db *db)
{
    struct db_command *c = &db->command;
    if (c->cancel && db->pg) {
        if (wait_for(helper_fd(c->cancel), POLLIN, -1, c->give_up) == WAIT_TIMEOUT)
            db_give_up(db);          /* it might still arrive and stop something else */
    }
}

void db_command_end(struct db *db)
{
    struct db_command *c = &db->command;
    PQclear(c->last);
    PQclear(c->error);
    helper_release(c->cancel);
    *c = (struct db_command){.give_up = -1};
}

void db_give_up(struct db *db)
{
    PQfinish(db->pg);
    db->pg = NULL;
}
