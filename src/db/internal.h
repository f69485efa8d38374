/* internal - what the files of this room share: the connection's inside, and how a statement waits.
 * Not for other rooms; this header and its users are the only ones to see libpq. */
#ifndef SEEDOPS_DB_INTERNAL_H
#define SEEDOPS_DB_INTERNAL_H

#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/helper.h"
#include "base/wait.h"
#include "db/conn.h"

enum { DB_CANCEL_GRACE_MS = 2000 };   /* how long a cancelled statement may take to end */

/* ---- names (resolve.c) ---- */

struct db_candidate {                /* one address to try */
    const char *host;                /* as written, for TLS and .pgpass; NULL: libpq's default socket */
    const char *hostaddr;            /* numeric; NULL for a socket */
    const char *port;                /* NULL: libpq's default */
};
struct db_candidates {
    struct db_candidate *items;
    size_t count;
    bool all_loopback;               /* sockets count as loopback */
};
/* `host`, `hostaddr` and `port` are libpq's comma lists (NULL: not given), their counts checked by libpq. */
bool db_resolve(struct db_candidates *candidates, struct arena *arena, const char *host, const char *hostaddr,
                const char *port, int cancel_fd, int64_t deadline, struct err *err);

/* ---- waiting (wait.c) ---- */

enum db_stop { DB_STOP_NONE, DB_STOP_CANCEL, DB_STOP_TIMEOUT };

struct db_command {                  /* the statement under way */
    bool active;
    int64_t since_ms;
    bool sending;                    /* COPY IN: a turn ends as soon as everything is sent */
    bool copy_refused;               /* COPY FROM STDIN or TO STDOUT where nobody would serve it */
    PGresult *last, *error;          /* newest good result, first failed one */
    enum db_stop stop;               /* we asked the server to stop it */
    int64_t give_up;                 /* when the socket is closed, < 0: never */
    struct helper *cancel;        /* PQcancel, on its way */
};

struct db {
    PGconn *pg;                      /* NULL once the connection was given up */
    struct arena texts;              /* what facts point to */
    struct db_facts facts;
    int cancel_fd, patience_ms;
    bool ignore_cancel, committing, all_loopback;
    uint64_t round_trips;
    int reaction_ms;                 /* the least so far */
    bool reaction_asked;
    size_t statements_done;          /* of the newest command */
    void (*notice)(void *sink, const char *severity, const char *text);
    void *notice_sink;
    void (*statement)(void *sink, const struct db_statement *statement);
    void *statement_sink;
    bool (*broken)(void *sink, struct err *err);
    void *broken_sink;
    char *statement_sql;             /* of the newest command, while somebody wants to be told */
    int64_t statement_at_ms;
    size_t statement_parameters;
    struct db_command command;
    char *ahead;                     /* what was sent though nobody has started it yet; NULL: nothing */
    bool ending;                     /* a COMMIT is under way that nobody waits for */
    char *copy_row;                  /* PQgetCopyData's buffer, the row last handed out */
    unsigned copy_rows;              /* rows since the cancel descriptor was looked at */
    size_t copy_unflushed;
};

enum db_turn { DB_TURN_IO, DB_TURN_DEADLINE, DB_TURN_GONE };
/* One wait of a statement: sends what is queued, reads what came, starts the cancel when asked to. GONE: the
 * connection is lost or was given up; results that came before are still in libpq unless pg is NULL. */
enum db_turn db_turn(struct db *db, int64_t deadline);
/* True if the cancel descriptor is readable now, for loops that seldom wait. */
bool db_cancel_asked(const struct db *db);
/* Asks the server to stop the statement; the socket is closed DB_CANCEL_GRACE_MS later. */
void db_stop(struct db *db, enum db_stop why);
/* Before a statement: false when the connection is dead or busy. */
bool db_command_begin(struct db *db, struct err *err);
/* Afterwards: waits for a PQcancel still on its way, so that it cannot hit the next statement. */
void db_command_settle(struct db *db);
void db_command_end(struct db *db);
/* Takes the answer to db_end_reading, if it is still to come. */
void db_take_ending(struct db *db);
/* Ends what was sent ahead, if anything was. */
void db_drop_ahead(struct db *db);
/* Closes the socket at once. */
void db_give_up(struct db *db);

/* ---- results and errors (exec.c) ---- */

struct db_result *db_result_new(PGresult *result);        /* takes */
/* From a failed result: class, SQLSTATE, the server's message, detail, hint. */
void db_error_of_result(struct db *db, const PGresult *result, unsigned *position, struct err *err);
/* The connection is gone: ERR_LOST, ERR_CANCELLED or ERR_UNKNOWN_OUTCOME as the command stood. */
bool db_error_lost(struct db *db, struct err *err);
/* Reads results until the command is over (or, with `until_copy`, a COPY begins). */
bool db_collect(struct db *db, int64_t deadline, bool until_copy, bool *done);
/* After db_collect's end: true with *out (may be NULL), or the error. Ends the command. */
bool db_conclude(struct db *db, struct db_result **out, unsigned *position, struct err *err);

/* ---- sorting (sqlstate.c) ---- */

/* sqlstate_sort_query, with the role that a GRANT would be for (NULL: not known). */
void sqlstate_sort_query_as(struct err *err, const char *sqlstate, const char *role);

#endif
