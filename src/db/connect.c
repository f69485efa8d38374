/* connect - from options to an open connection, never blocking.
 *
 *   libpq reads options, service file and environment (without connecting)
 *     -> names are resolved on a thread -> each address is tried in order, with its share of the time
 *     -> session settings, where the connection is known to be unpooled
 *
 * libpq 15 has no SQLSTATE for a failed connection; with verbose errors its text carries the code, and the
 * server's own words beside it. Its texts are untranslated because the process never sets LC_MESSAGES. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "db/internal.h"
#include "db/sqlstate.h"

enum { CONNECT_TIMEOUT_MS = 10000, PARAMETERS_MAX = 96 };

/* Not a value of sslmode: makes libpq stop after it has read everything and before it connects. */
static const char STOP_WORD[] = "seedops-only-reads";
/* A password file that is never there, in place of one that libpq would complain about on stderr. */
static const char NO_PASSFILE[] = "/dev/null/none";

struct parameters {
    const char *keywords[PARAMETERS_MAX + 1], *values[PARAMETERS_MAX + 1];
    size_t count;
};

struct attempt {                     /* what all addresses have in common */
    const struct db_options *options;
    const struct secret *password;
    const PQconninfoOption *info;    /* as libpq understands the options */
    const char *passfile;            /* NULL: libpq's own choice */
    const char *session_attrs;       /* NULL: as given */
    int64_t deadline;
};

struct failure {                     /* what libpq says of a failed connection, taken apart */
    char sqlstate[6];
    char text[512], detail[256];
    int errnum;
};

static bool put(struct parameters *p, const char *keyword, const char *value)
{
    if (!value || p->count == PARAMETERS_MAX)
        return !value;
    p->keywords[p->count] = keyword;
    p->values[p->count++] = value;
    return true;
}

static bool put_options(struct parameters *p, const struct db_options *options, bool with_place)
{
    for (size_t i = 0; i < options->count; i++) {
        const char *k = options->keywords[i];
        bool place = strcmp(k, "host") == 0 || strcmp(k, "hostaddr") == 0 || strcmp(k, "port") == 0;
        if ((with_place || !place) && !put(p, k, options->values[i]))
            return false;
    }
    return true;
}

static const char *info_value(const PQconninfoOption *info, const char *keyword)
{
    for (; info && info->keyword; info++)
        if (strcmp(info->keyword, keyword) == 0)
            return info->val && *info->val ? info->val : NULL;
    return NULL;
}

/* libpq prints to stderr about a password file that others can read, and ignores it. We see to that first. */
static const char *safe_passfile(const struct db_options *options, char *reason, size_t size)
{
    const char *file = getenv("PGPASSFILE"), *home = getenv("HOME");
    char path[4096], names[1024];
    struct stat st;
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->keywords[i], "passfile") == 0)
            file = options->values[i];
    if (!home || !*home) {
        struct passwd pw, *found = NULL;
        home = getpwuid_r(geteuid(), &pw, names, sizeof names, &found) == 0 && found ? pw.pw_dir : "";
    }
    if (file && *file)
        snprintf(path, sizeof path, "%s", file);
    else
        snprintf(path, sizeof path, "%s/.pgpass", home);
    if (stat(path, &st) != 0)
        return NULL;
    if (S_ISREG(st.st_mode) && !(st.st_mode & (S_IRWXG | S_IRWXO)))
        return NULL;
    snprintf(reason, size, "%s is not used: others may read it; chmod 600 mends that", path);
    return NO_PASSFILE;
}

static void clean_line(char *out, size_t size, const char *from)
{
    snprintf(out, size, "%.*s", (int)strcspn(from, "\n"), from);
}

/* "severity:  CODE: text\nDETAIL:  ...\nLOCATION: ..." after libpq's "connection to ... failed: ". */
static void take_apart(const char *raw, struct failure *f)
{
    *f = (struct failure){.errnum = 0};
    const char *start = strstr(raw, " failed: ");
    start = start ? start + strlen(" failed: ") : raw;
    const char *text = start, *line_end = start + strcspn(start, "\n");
    const char *gap = strstr(start, ":  ");
    if (gap && gap < line_end) {
        text = gap + 3;
        if (strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= 5 && strncmp(text + 5, ": ", 2) == 0) {
            memcpy(f->sqlstate, text, 5);
            text += 7;
        }
    }
    clean_line(f->text, sizeof f->text, text);
    const char *detail = strstr(line_end, "\nDETAIL:  ");
    if (detail)
        clean_line(f->detail, sizeof f->detail, detail + strlen("\nDETAIL:  "));
    static const int known[] = {ECONNREFUSED, ENOENT, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH,
                                EACCES, ECONNABORTED, EPIPE, EADDRNOTAVAIL, EAGAIN};
    for (size_t i = 0; !f->sqlstate[0] && i < sizeof known / sizeof *known; i++)
        if (strncmp(f->text, strerror(known[i]), strlen(strerror(known[i]))) == 0)
            f->errnum = known[i];
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

static void name_target(struct err *err, const struct attempt *a, const struct db_candidate *c)
{
    const char *port = text_or(c->port, "5432"), *database = text_or(info_value(a->info, "dbname"), "");
    if (a->options->way) {
        err_set(err, ERR_NOT_READY, "cannot connect to \"%s\" through %s", database, a->options->way->through);
        return;
    }
    if (!c->hostaddr) {
        err_set(err, ERR_NOT_READY, "cannot connect to \"%s\" on the socket in %s (port %s)", database,
                text_or(c->host, "the default directory"), port);
        return;
    }
    bool named = c->host && strcmp(c->host, c->hostaddr) != 0;
    err_set(err, ERR_NOT_READY, "cannot connect to \"%s\" at %s%s%s%s, port %s", database,
            text_or(c->host, c->hostaddr), named ? " (" : "", named ? c->hostaddr : "", named ? ")" : "",
            port);
}

static bool connect_failed(const struct attempt *a, const struct db_candidate *c, PGconn *pg, struct err *err)
{
    struct failure f;
    take_apart(PQerrorMessage(pg), &f);
    name_target(err, a, c);
    if (!f.sqlstate[0] && a->options->broken && a->options->broken(a->options->broken_sink, err))
        return false;
    sqlstate_sort_connect(err, f.sqlstate, f.text, f.errnum);
    if (err && f.detail[0]) {
        size_t used = strlen(err->why);
        snprintf(err->why + used, sizeof err->why - used, " (%s)", f.detail);
    }
    return false;
}

/* Where a connection that ran out of time was standing says what to look at. */
static bool connect_timed_out(const struct attempt *a, const struct db_candidate *c, PGconn *pg,
                              struct err *err)
{
    ConnStatusType status = PQstatus(pg);
    name_target(err, a, c);
    if (a->options->broken && a->options->broken(a->options->broken_sink, err))
        return false;
    if (a->options->way) {
        err_why(err, "nothing came back through the tunnel");
        return err_hint(err, "is the database's host up over there, and does a firewall let the port through?");
    }
    if (status == CONNECTION_STARTED || status == CONNECTION_NEEDED) {
        err_why(err, "the host does not answer");
        return err_hint(err, "is the machine up, and does a firewall let this port through?");
    }
    err_why(err, "the server accepted the connection and then said nothing");
    return err_hint(err, "it may hang, be overloaded or paused, or what listens there is not PostgreSQL");
}

static void on_notice(void *argument, const PGresult *result)
{
    const struct db *db = argument;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (db->notice && text)
        db->notice(db->notice_sink, severity ? severity : "NOTICE", text);
}

static bool build(struct parameters *p, const struct attempt *a, const struct db_candidate *c)
{
    const char *gss = info_value(a->info, "gssencmode");
    *p = (struct parameters){.count = 0};
    bool ok = put(p, "fallback_application_name", "seedops");
    /* a peer that vanished is noticed within a minute */
    ok = ok && put(p, "keepalives_idle", "20") && put(p, "keepalives_interval", "10") &&
         put(p, "keepalives_count", "3");
    ok = ok && put_options(p, a->options, false);
    ok = ok && put(p, "host", c->host) && put(p, "hostaddr", c->hostaddr) && put(p, "port", c->port);
    if (a->password)
        ok = ok && put(p, "password", secret_text(a->password));
    /* "prefer" would talk to a key server, blocking; whoever needs it says "require" */
    if (!gss || strcmp(gss, "prefer") == 0)
        ok = ok && put(p, "gssencmode", "disable");
    return ok && put(p, "passfile", a->passfile) && put(p, "target_session_attrs", a->session_attrs) &&
           put(p, "client_encoding", "UTF8");
}

struct phase { const char *name; int64_t since_ms; };

/* Tells of the phase that libpq has left, when it comes to another one. */
static void follow(struct db *db, const struct db_options *options, PGconn *pg, struct phase *phase)
{
    ConnStatusType status = PQstatus(pg);
    int64_t now = clock_mono_ms();
    const char *name = status == CONNECTION_STARTED       ? phase->name
                       : status == CONNECTION_SSL_STARTUP ? "tls"
                       : status == CONNECTION_OK          ? NULL
                       : phase->name && strcmp(phase->name, "tls") == 0 && status == CONNECTION_MADE ? phase->name
                                                                                                       : "start-up";
    if (name == phase->name || status == CONNECTION_BAD)
        return;
    if (!name)
        db->reaction_ms = (int)(now - phase->since_ms);
    if (phase->name && options->phase && !(options->way && strcmp(phase->name, "tcp") == 0))
        options->phase(options->phase_sink, phase->name, now - phase->since_ms);
    *phase = (struct phase){name, now};
}

/* One address. Leaves db->pg open on success. */
static bool try_address(struct db *db, const struct attempt *a, const struct db_candidate *c,
                        int64_t deadline, struct err *err)
{
    struct parameters p;
    if (!build(&p, a, c))
        return err_set(err, ERR_CONFIG, "too many connection parameters");
    PGconn *pg = PQconnectStartParams(p.keywords, p.values, 0);
    if (!pg)
        err_abort("out of memory");
    PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(pg, on_notice, db);
    PostgresPollingStatusType next = PQstatus(pg) == CONNECTION_BAD ? PGRES_POLLING_FAILED
                                                                    : PGRES_POLLING_WRITING;
    bool waiting = true;
    struct phase phase = {"tcp", clock_mono_ms()};
    while (waiting && (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING)) {
        short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        switch (wait_for(PQsocket(pg), events, db->cancel_fd, deadline)) {
        case WAIT_IO:
            next = PQconnectPoll(pg);
            follow(db, a->options, pg, &phase);
            break;
        case WAIT_CANCEL:
            waiting = err_set(err, ERR_CANCELLED, "cancelled while connecting");
            break;
        case WAIT_TIMEOUT:
            waiting = connect_timed_out(a, c, pg, err);
            break;
        }
    }
    if (waiting && next == PGRES_POLLING_OK) {
        db->pg = pg;
        return true;
    }
    if (waiting)
        connect_failed(a, c, pg, err);
    PQfinish(pg);
    return false;
}

static bool try_all(struct db *db, const struct attempt *a, const struct db_candidates *candidates,
                    struct err *err)
{
    for (size_t i = 0; i < candidates->count; i++) {
        int64_t now = clock_mono_ms(), left = a->deadline - now;
        int64_t share = left / (int64_t)(candidates->count - i);
        if (try_address(db, a, &candidates->items[i], now + share, err))
            return true;
        if (err->class != ERR_NOT_READY)
            return false;
    }
    return false;
}

static char *keep(struct db *db, const char *text) { return arena_strdup(&db->texts, text ? text : ""); }

static void fill_facts(struct db *db)
{
    struct db_facts *f = &db->facts;
    char *version = keep(db, PQparameterStatus(db->pg, "server_version"));
    version[strcspn(version, " ")] = '\0';
    *f = (struct db_facts){.server_version = version, .server_version_num = PQserverVersion(db->pg)};
    f->server_encoding = keep(db, PQparameterStatus(db->pg, "server_encoding"));
    f->host = keep(db, PQhost(db->pg));
    f->address = keep(db, PQhostaddr(db->pg));
    f->port = keep(db, PQport(db->pg));
    f->database = keep(db, PQdb(db->pg));
    f->user = keep(db, PQuser(db->pg));
    f->unix_socket = f->host[0] == '/' || f->host[0] == '@';
    f->tls = PQsslInUse(db->pg);
    f->backend_pid = PQbackendPID(db->pg);
    f->socket = PQsocket(db->pg);
}

/* From 14 a server can notice in mid-statement that its client is gone, on some systems. */
#define WATCH_CLIENT \
    "(SELECT pg_catalog.set_config('client_connection_check_interval', '2s', false)" \
    " WHERE pg_catalog.current_setting('client_connection_check_interval', true) OPERATOR(pg_catalog.=) '0'" \
    " AND pg_catalog.version() OPERATOR(pg_catalog.~~) '%linux%')"

/* A statement of the set-up: not counted as a round trip. */
static bool set_up(struct db *db, const char *sql, struct err *err)
{
    uint64_t before = db->round_trips;
    bool ok = db_run(db, sql, CONNECT_TIMEOUT_MS, NULL, NULL, err);
    db->round_trips = before;
    return ok;
}

/* Only ever on a connection known to be unpooled: elsewhere these would reach other clients. */
static bool apply_session_settings(struct db *db, bool read_only, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "SELECT pg_catalog.set_config('TimeZone', 'UTC', false),"
                  " pg_catalog.set_config('DateStyle', 'ISO', false), ");
    if (read_only)
        str_add(&sql, "pg_catalog.set_config('default_transaction_read_only', 'on', false), ");
    str_add(&sql, WATCH_CLIENT);
    bool ok = set_up(db, str_text(&sql), err);
    str_free(&sql);
    return ok || err_context(err, "cannot set up the session");
}

/* Lets libpq read everything, and stop there. Gives the conninfo array, or the error that it found; and, where one is
 * wanted, the password that the file has for this host and port: by the time it connects they are a tunnel's. */
static PQconninfoOption *read_options(const struct db_options *options, const char *passfile, struct secret **password,
                                      struct err *err)
{
    struct parameters p = {.count = 0};
    PQconninfoOption *info = NULL;
    if (!put_options(&p, options, true) || !put(&p, "passfile", password ? passfile : NO_PASSFILE) ||
        !put(&p, "sslmode", STOP_WORD)) {
        err_set(err, ERR_CONFIG, "too many connection parameters");
        return NULL;
    }
    PGconn *pg = PQconnectStartParams(p.keywords, p.values, 0);
    if (!pg)
        err_abort("out of memory");
    if (strstr(PQerrorMessage(pg), STOP_WORD)) {
        info = PQconninfo(pg);
        if (password && PQpass(pg) && *PQpass(pg))
            *password = secret_new(PQpass(pg), strlen(PQpass(pg)));
    } else {
        char line[512];
        clean_line(line, sizeof line, PQerrorMessage(pg));
        err_set(err, ERR_NEVER_READY, "the connection parameters cannot be used");
        err_why(err, "%s", line);
        err_hint(err, "correct the URL, the service file or the PG... variables");
    }
    PQfinish(pg);
    return info;
}

static bool asks_for_tls(PGconn *pg)
{
    PQconninfoOption *info = PQconninfo(pg);
    const char *mode = info_value(info, "sslmode");
    bool asks = mode && (strcmp(mode, "require") == 0 || strncmp(mode, "verify-", 7) == 0);
    PQconninfoFree(info);
    return asks;
}

/* libpq drops TLS over a Unix socket, whatever sslmode says. */
static bool tls_as_asked(const struct db *db, const struct db_way *way, struct err *err)
{
    if (!way || PQsslInUse(db->pg) || !asks_for_tls(db->pg))
        return true;
    err_set(err, ERR_NEVER_READY, "sslmode asks for TLS, and there is none through %s", way->through);
    err_why(err, "the tunnel ends at a Unix socket, over which PostgreSQL has no TLS; SSH alone protects it");
    return err_hint(err, "use tunnel.forward for TLS up to the database, or leave sslmode out of the URL");
}

static bool find_addresses(struct db_candidates *c, struct arena *arena, const struct db *db, const struct attempt *a,
                           struct err *err)
{
    const struct db_way *way = a->options->way;
    const char *host = info_value(a->info, "host");
    if (!way)
        return db_resolve(c, arena, host, info_value(a->info, "hostaddr"), info_value(a->info, "port"), db->cancel_fd,
                          a->deadline, err);
    /* never called loopback: what is at the other end is elsewhere */
    *c = (struct db_candidates){.items = arena_alloc(arena, sizeof *c->items), .count = 1};
    host = host ? arena_strndup(arena, host, strcspn(host, ",")) : NULL;
    c->items[0] = (struct db_candidate){.host = way->socket_dir ? way->socket_dir : host, .hostaddr = way->hostaddr,
                                        .port = way->port};
    return true;
}

static bool connect_anywhere(struct db *db, struct attempt *a, struct err *err)
{
    struct arena arena = {0};
    struct db_candidates candidates;
    bool ok = find_addresses(&candidates, &arena, db, a, err);
    if (ok) {
        db->all_loopback = candidates.all_loopback;
        const char *attrs = info_value(a->info, "target_session_attrs");
        bool prefer_standby = attrs && strcmp(attrs, "prefer-standby") == 0;
        a->session_attrs = prefer_standby ? "standby" : NULL;
        ok = try_all(db, a, &candidates, err);
        if (!ok && prefer_standby && err->class == ERR_NOT_READY) {
            a->session_attrs = "any";
            ok = try_all(db, a, &candidates, err);
        }
        if (!ok && candidates.count > 1 && err->class == ERR_NOT_READY)
            err_context(err, "tried %zu addresses, the last", candidates.count);
    }
    arena_free(&arena);
    return ok;
}

bool db_open(struct db **out, const struct db_options *options, struct err *err)
{
    struct err unasked, *e = err ? err : &unasked;
    char reason[4200] = "";
    const char *passfile = secret_length(options->password) ? NULL : safe_passfile(options, reason, sizeof reason);
    bool by_file = options->way && !secret_length(options->password);
    struct secret *found = NULL;
    *out = NULL;
    PQconninfoOption *info = read_options(options, passfile, by_file ? &found : NULL, e);
    if (!info)
        return false;
    struct db *db = xcalloc(1, sizeof *db);
    db->cancel_fd = options->cancel_fd;
    db->patience_ms = options->patience_ms;
    db->notice = options->notice;
    db->notice_sink = options->notice_sink;
    db->statement = options->statement;
    db->statement_sink = options->statement_sink;
    db->broken = options->broken;
    db->broken_sink = options->broken_sink;
    db->command.give_up = -1;
    const char *own = info_value(info, "connect_timeout");
    int own_ms = own ? atoi(own) * 1000 : 0;
    int timeout = options->connect_timeout_ms > 0 ? options->connect_timeout_ms : own_ms > 0 ? own_ms
                  : CONNECT_TIMEOUT_MS;
    struct attempt a = {.options = options, .info = info, .deadline = clock_mono_ms() + timeout,
                        .password = found ? found : options->password, .passfile = by_file ? NO_PASSFILE : passfile};
    if (reason[0] && db->notice)
        db->notice(db->notice_sink, "WARNING", reason);
    bool ok = connect_anywhere(db, &a, e) && tls_as_asked(db, options->way, e);
    secret_free(found);
    if (ok) {
        PQsetErrorVerbosity(db->pg, PQERRORS_DEFAULT);
        PQsetnonblocking(db->pg, 1);
        fill_facts(db);
        ok = !options->session_settings || apply_session_settings(db, options->read_only, e);
    }
    PQconninfoFree(info);
    if (!ok) {
        db_close(db);
        return false;
    }
    *out = db;
    return true;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_drop_ahead(db);
    PQfreemem(db->copy_row);
    db_command_end(db);
    free(db->statement_sql);
    db_give_up(db);
    arena_free(&db->texts);
    free(db);
}

const struct db_facts *db_facts(const struct db *db) { return &db->facts; }
bool db_alive(const struct db *db) { return db->pg && PQstatus(db->pg) == CONNECTION_OK; }
uint64_t db_round_trips(const struct db *db) { return db->round_trips; }
