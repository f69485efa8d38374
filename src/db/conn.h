/* conn - one connection to one database: connect, ask, wait, cancel. libpq lives in this room only.
 *
 * No call blocks in libpq: wait_for polls {socket, cancel descriptor} against a deadline and serves
 * connect, query and COPY alike. SQLSTATEs are in every error. Notices go to the options' sink, never to
 * stderr. A connection belongs to one thread at a time. */
#ifndef SEEDOPS_DB_CONN_H
#define SEEDOPS_DB_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

struct db;
struct str;

struct db_statement {                /* borrowed during the call */
    const char *sql;
    size_t parameter_count;
    int64_t rows;                    /* written by the last of several */
    int64_t duration_ms;
    const struct err *error;         /* NULL: it succeeded */
};

/* Where to connect instead of the keywords' host and port, which still say whose certificate and whose line of the
 * password file it is: the near end of a tunnel. */
struct db_way {
    const char *hostaddr, *port;     /* loopback; or */
    const char *socket_dir;          /* with `port` in the socket's name */
    const char *through;             /* as messages call it: "ops@vps" */
};

struct db_options {
    /* libpq keywords and values, `count` of them; borrowed during db_open. host names are resolved here once
     * on a detached thread (cancellable) and handed to libpq as hostaddr with host kept for TLS. */
    const char *const *keywords, *const *values;
    size_t count;
    const struct secret *password;   /* NULL: .pgpass, PGPASSWORD, or none */
    /* NULL: none. Through one the connection is refused when sslmode asks for TLS and there is none: over a Unix socket
     * libpq leaves it out without a word. */
    const struct db_way *way;
    int cancel_fd;                   /* readable: cancel; -1: none */
    int connect_timeout_ms;          /* of the whole set-up; <= 0: 10 000 */
    int patience_ms;                 /* how long a probe without a time-out of its own may take; 0: 2 000 */
    bool session_settings;           /* an unpooled connection: UTC, ISO dates and so on are set in it */
    bool read_only;                  /* with session_settings: default_transaction_read_only = on */
    void (*notice)(void *sink, const char *severity, const char *text);   /* NULL: dropped */
    void *notice_sink;
    /* Told of every statement once it is over (not of pipelines), with its first 128 KiB; NULL: nobody is. */
    void (*statement)(void *sink, const struct db_statement *statement);
    void *statement_sink;
    /* One is over: "tcp" (of an address of its own), "tls", "start-up"; NULL: nobody is told. */
    void (*phase)(void *sink, const char *phase, int64_t ms);
    void *phase_sink;
    /* Why a connection broke, where something beneath it knows more than libpq does: true, with class, why and hint of
     * `err`. NULL: nothing does. */
    bool (*broken)(void *sink, struct err *err);
    void *broken_sink;
};

/* What the connection turned out to be; texts live as long as the connection. */
struct db_facts {
    const char *host, *port, *database, *user;
    const char *address;             /* the one connected to, "" for a socket */
    const char *server_version;      /* "15.8" */
    int server_version_num;          /* 150008 */
    const char *server_encoding;     /* "UTF8"; "" where it is not told */
    bool unix_socket, tls;
    int backend_pid;                 /* PQbackendPID */
    int socket;                      /* for getsockname and SO_PEERCRED; borrowed */
};

/* Error classes: ERR_NOT_READY and ERR_NEVER_READY as case D2 sorts them (sqlstate.h), ERR_CANCELLED. */
bool db_open(struct db **db, const struct db_options *options, struct err *err);
void db_close(struct db *db);        /* NULL is fine; a running statement is not waited for */
const struct db_facts *db_facts(const struct db *db);
/* False once the connection is known to be dead. */
bool db_alive(const struct db *db);
/* While no statement runs and its socket is readable: takes what came (notices). False: the connection is lost, and why. */
bool db_listen(struct db *db, struct err *err);
/* How long the soonest answer took so far, from that to the start-up message on: a round trip at least. (The address
 * does not tell how far the server is: a tunnel may begin there.) Where that is neither near nor far, a SELECT is
 * asked once, to know. */
int db_reaction_ms(struct db *db);
/* Round trips so far (each Sync or simple query sent and answered is one; set-up is not counted). */
uint64_t db_round_trips(const struct db *db);

struct db_result;                    /* a result's rows; free with db_result_free */
size_t db_rows(const struct db_result *r);
size_t db_columns(const struct db_result *r);
const char *db_column_name(const struct db_result *r, size_t column);
const char *db_value(const struct db_result *r, size_t row, size_t column);   /* NULL is SQL NULL; borrows */
size_t db_value_length(const struct db_result *r, size_t row, size_t column);
bool db_bool(const struct db_result *r, size_t row, size_t column);           /* 't' */
int64_t db_int(const struct db_result *r, size_t row, size_t column, int64_t if_null);
int64_t db_affected(const struct db_result *r);   /* rows of INSERT, UPDATE, DELETE; 0 otherwise */
void db_result_free(struct db_result *r);

/* Simple protocol, several statements allowed, in *out (may be NULL) the last result that has rows, or without any the
 * last. On failure err has the
 * server's message, detail and hint; *position (may be NULL) is the 1-based character of the error in
 * `sql`, 0 if the server gave none. timeout_ms <= 0 waits for ever (cancel still works). A cancel sends
 * PQcancel from a helper thread, waits 2 s, then closes the socket: ERR_CANCELLED, or ERR_UNKNOWN_OUTCOME
 * if `sql` may have committed by then (db_mark_committing). */
bool db_run(struct db *db, const char *sql, int timeout_ms, struct db_result **out, unsigned *position,
            struct err *err);
/* Extended protocol with text parameters (NULL is SQL NULL), all types left to the server. */
bool db_query(struct db *db, const char *sql, size_t count, const char *const *params,
              struct db_result **out, struct err *err);
/* Formats, then db_run with no time-out and no result. Not for values: identifiers and literals go
 * through db_quote_*. */
bool db_runf(struct db *db, struct err *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* ROLLBACK that a pending cancel does not stop (2 s at most); false: the connection is of no more use. */
bool db_rollback(struct db *db);
/* From here on a lost connection means ERR_UNKNOWN_OUTCOME; false: it means ERR_LOST again. */
void db_mark_committing(struct db *db, bool committing);

/* db_run in the background of other work: start, then poll. db_poll waits at most timeout_ms and gives
 * *done; used while blockers are looked up on another connection. */
bool db_start(struct db *db, const char *sql, struct err *err);
bool db_poll(struct db *db, int timeout_ms, bool *done, struct db_result **out, unsigned *position,
             struct err *err);

/* COMMIT of a transaction that has only read, without waiting for the answer: whoever sends next takes it first, and who
 * closes the connection need not. */
bool db_end_reading(struct db *db, struct err *err);
/* Sends what will probably be started next. Whoever then starts the very same text finds it under way; anything else that
 * is sent ends it first, and rolls back. False: nothing was sent. */
bool db_send_ahead(struct db *db, const char *sql);

/* How many statements of the newest db_run or db_start were completed: after a failure, the one that failed
 * is the next (servers give no position for what fails while running). */
size_t db_statements_done(const struct db *db);
/* For work between two statements: false, and ERR_CANCELLED, once a cancel was asked for. */
bool db_go_on(const struct db *db, struct err *err);
/* While set, the cancel descriptor is not looked at: for the few statements that tidy up after a cancel. */
void db_ignore_cancel(struct db *db, bool ignore);

/* Quoting by the library, appended to `out`. */
struct str;
void db_quote_identifier(struct str *out, const char *name);
void db_quote_literal(struct str *out, const char *text);      /* NULL gives NULL */
void db_quote_relation(struct str *out, const char *schema, const char *name);   /* "schema"."name" */

/* True if `err` says that trying the whole transaction again may help (40001, 40P01, 55P03). */
bool db_retryable(const struct err *err);

#endif
