/* sqlstate - what a failure means and what to do next (cases D2, B8, E6; SAFETY 7): three tables, looked at
 * from the most particular to the most general. */
#include "db/sqlstate.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "db/conn.h"
#include "db/internal.h"

struct row {
    const char *key;                 /* SQLSTATE, or its beginning; or a piece of text */
    enum err_class class;
    const char *why;                 /* NULL: the server's own words */
    const char *hint;
};

#define NO_PASSWORD "no password supplied"

/* Words of poolers and libpq, which send no code of their own (or 08P01 and XX000 for everything). */
static const struct row connect_texts[] = {
    {"Tenant or user not found", ERR_NEVER_READY,
     "the pooler does not know this project: it is paused or deleted, or the user name lacks its part",
     "open the provider's dashboard: resume the project, or copy the connection string again"},
    {"project is paused", ERR_NEVER_READY, NULL, "resume the project in the provider's dashboard"},
    {"endpoint is disabled", ERR_NEVER_READY, NULL, "enable the endpoint in the provider's dashboard"},
    {"endpoint has been disabled", ERR_NEVER_READY, NULL, "enable the endpoint in the provider's dashboard"},
    {"unsupported startup parameter", ERR_NEVER_READY, NULL,
     "a pooler refuses this start-up parameter: drop it from the URL, or use the direct URL"},
    {"no such database", ERR_NEVER_READY, NULL, "the pooler does not serve this database: correct the name"},
    {"no such user", ERR_NEVER_READY, NULL, "the pooler does not know this user: correct the name"},
    {"ax clients reached", ERR_NOT_READY, "the pooler has no connection left",
     "try again; if it lasts, close idle clients or raise the pool's size"},
    {"no more connections allowed", ERR_NOT_READY, "the pooler has no connection left",
     "try again; if it lasts, raise max_client_conn"},
    {"query_wait_timeout", ERR_NOT_READY, "the pooler found no free server connection in time",
     "try again; if it lasts, look for long transactions or raise the pool's size"},
    {"cannot connect to server", ERR_NOT_READY, "the pooler cannot reach its database server",
     "try again; if it lasts, look at the server behind the pooler"},
    {"server login has been failing", ERR_NOT_READY, "the pooler cannot log in to its database server",
     "try again; if it lasts, look at the pooler's log"},
    {"does not support SSL", ERR_NEVER_READY, "TLS was asked for and the server does not offer it",
     "turn TLS on in the server, or choose another sslmode if this network may be trusted"},
    {"certificate verify failed", ERR_NEVER_READY, "the server's TLS certificate is not trusted",
     "give its authority with sslrootcert=FILE, or use sslmode=require, which does not check who answers"},
    {"root certificate file", ERR_NEVER_READY, "sslmode asks for a check, and there is no root certificate",
     "put the authority's certificate into ~/.postgresql/root.crt or name it with sslrootcert=FILE"},
    {"server certificate for", ERR_NEVER_READY, NULL,
     "the certificate is for another host name: connect by that name, or renew the certificate"},
    {"SSL error", ERR_NEVER_READY, NULL, "TLS was refused: check sslmode and certificates on both sides"},
    {"certificate", ERR_NEVER_READY, NULL, "check sslcert, sslkey and sslrootcert"},
    {"invalid response to SSL negotiation", ERR_NEVER_READY, "what answers there is not PostgreSQL",
     "check host and port"},
    {"expected authentication request", ERR_NEVER_READY, "what answers there is not PostgreSQL",
     "check host and port"},
    {NO_PASSWORD, ERR_NEVER_READY, "the server wants a password and none was given",
     "put it into the URL's variable, ~/.pgpass or password_command"},
    {"password authentication failed", ERR_NEVER_READY, NULL,
     "check user and password: the URL, ~/.pgpass, PGPASSWORD or password_command"},
    {"authentication method", ERR_NEVER_READY, NULL, "this libpq cannot log in that way: see pg_hba.conf"},
    {"read-only", ERR_NOT_READY, "the session is read-only and target_session_attrs wants another",
     "list the primary's host too, or wait for the failover to end"},
    {"hot standby", ERR_NOT_READY, NULL, "target_session_attrs wants another kind of server"},
    {"server closed the connection", ERR_NOT_READY, "the server closed the connection without a word",
     "it may be starting, overloaded, or want TLS (sslmode=require); its log says more"},
};

static const struct row connect_codes[] = {
    {"28P01", ERR_NEVER_READY, NULL,
     "check user and password: the URL, ~/.pgpass, PGPASSWORD or password_command"},
    {"28000", ERR_NEVER_READY, NULL,
     "the server does not let this user in from here: check role, pg_hba.conf, and whether TLS is wanted"},
    {"3D000", ERR_NEVER_READY, NULL, "create it (createdb), or correct the database's name"},
    {"42501", ERR_NEVER_READY, NULL, "GRANT CONNECT ON DATABASE ... TO this role mends it"},
    {"55000", ERR_NEVER_READY, NULL,
     "the database takes no connections (ALTER DATABASE ... ALLOW_CONNECTIONS)"},
    {"57P04", ERR_NEVER_READY, NULL, "the database was dropped: check the name"},
    {"57P03", ERR_NOT_READY, NULL, "it will be ready by itself: try again (seedops wait does)"},
    {"57P0", ERR_NOT_READY, NULL, "the server is going down: try again when it is back"},
    {"53300", ERR_NOT_READY, NULL,
     "try again; if it lasts, close idle clients, raise max_connections or use a pooler"},
    {"53100", ERR_NOT_READY, "the server's disk is full", "free disk space on the server"},
    {"53200", ERR_NOT_READY, "the server is out of memory",
     "look at the server's memory and its biggest queries"},
    {"53", ERR_NOT_READY, NULL, "the server lacks a resource: see its log"},
    {"58", ERR_NOT_READY, NULL, "the server has trouble with its system: see its log"},
    {"08", ERR_NOT_READY, NULL, "the connection broke while it was made: try again"},
};

static const struct { int number; enum err_class class; const char *why, *hint; } connect_numbers[] = {
    {ECONNREFUSED, ERR_NOT_READY, "nothing listens there (connection refused)",
     "is the server running, and are host and port right?"},
    {ENOENT, ERR_NOT_READY, "there is no such socket",
     "is the server running, and is the socket's directory right?"},
    {ECONNRESET, ERR_NOT_READY, "the other end reset the connection", "it may be starting: try again"},
    {ECONNABORTED, ERR_NOT_READY, "the other end broke the connection off", "it may be starting: try again"},
    {EPIPE, ERR_NOT_READY, "the other end closed the connection", "it may be starting: try again"},
    {ETIMEDOUT, ERR_NOT_READY, "the host does not answer",
     "is it up, and does a firewall let this port through?"},
    {EHOSTUNREACH, ERR_NOT_READY, "no route to the host", "check the network or VPN"},
    {ENETUNREACH, ERR_NOT_READY, "the network cannot be reached", "check the network or VPN"},
    {EADDRNOTAVAIL, ERR_NOT_READY, "this machine has no address of that kind", "check the network (IPv6?)"},
    {EAGAIN, ERR_NOT_READY, "the socket's queue is full", "the server is overloaded: try again"},
    {EACCES, ERR_NEVER_READY, "the socket may not be opened by this user", "check the socket's permissions"},
    {EAI_AGAIN, ERR_NOT_READY, "the name cannot be resolved now",
     "the name server does not answer: try again"},
    {EAI_NONAME, ERR_NOT_READY, "the name is not known (yet)",
     "check its spelling; a container's name is only known inside its network"},
    {EAI_FAIL, ERR_NOT_READY, "the name server failed", "try again, or use a numeric address"},
};

static const struct row query_codes[] = {
    {"40001", ERR_CONFLICT, NULL, "another transaction was faster: try again"},
    {"40P01", ERR_CONFLICT, NULL, "two transactions waited for each other: try again"},
    {"55P03", ERR_QUERY, NULL, "someone else holds the lock: the Activity screen shows who"},
    {"57014", ERR_QUERY, NULL, "it took too long, or someone cancelled it on the server"},
    {"25006", ERR_QUERY, NULL, "the transaction is read-only: on a standby, connect to the primary instead"},
    {"25P03", ERR_LOST, NULL, "the transaction was idle for too long: begin again"},
    {"42P05", ERR_QUERY, NULL, "a transaction pooler is in between: use the direct URL"},
    {"26000", ERR_QUERY, NULL, "a transaction pooler is in between: use the direct URL"},
    {"42P01", ERR_QUERY, NULL, "is it migrated, and is the schema right?"},
    {"53100", ERR_QUERY, NULL, "the server's disk is full: free space on it"},
    {"53200", ERR_QUERY, NULL, "the server is out of memory: look at its biggest queries"},
    {"53300", ERR_QUERY, NULL, "too many connections: close idle clients or raise max_connections"},
    {"57P0", ERR_LOST, NULL, "the server ended the session: connect again when it is back"},
    {"08", ERR_LOST, NULL, "the connection broke: connect again"},
};

static const struct row *find_code(const struct row *rows, size_t count, const char *sqlstate)
{
    for (size_t i = 0; *sqlstate && i < count; i++)
        if (strncmp(sqlstate, rows[i].key, strlen(rows[i].key)) == 0)
            return &rows[i];
    return NULL;
}

static const struct row *find_text(const char *text)
{
    for (size_t i = 0; i < sizeof connect_texts / sizeof *connect_texts; i++)
        if (strstr(text, connect_texts[i].key))
            return &connect_texts[i];
    return NULL;
}

/* Codes that poolers use for anything at all, so that the words say more. */
static bool code_is_vague(const char *sqlstate)
{
    return !*sqlstate || strcmp(sqlstate, "08P01") == 0 || strcmp(sqlstate, "XX000") == 0;
}

void sqlstate_sort_connect(struct err *err, const char *sqlstate, const char *text, int errnum)
{
    if (!err)
        return;
    err_sqlstate(err, sqlstate);
    for (size_t i = 0; errnum && i < sizeof connect_numbers / sizeof *connect_numbers; i++) {
        if (connect_numbers[i].number != errnum)
            continue;
        err->class = connect_numbers[i].class;
        err_why(err, "%s", connect_numbers[i].why);
        err_hint(err, "%s", connect_numbers[i].hint);
        return;
    }
    const struct row *row = code_is_vague(sqlstate) ? find_text(text) : NULL;
    if (!*sqlstate && row && strcmp(row->key, NO_PASSWORD) == 0)
        err_sqlstate(err, "28P01");  /* libpq says it without a code */
    if (!row)
        row = find_code(connect_codes, sizeof connect_codes / sizeof *connect_codes, sqlstate);
    err->class = row ? row->class : ERR_NEVER_READY;
    err_why(err, "%s", row && row->why ? row->why : text);
    err_hint(err, "%s", row ? row->hint : "see the server's log");
}

/* Takes the name out of "permission denied for table Station"; NULL when the words are others. */
static const char *denied_object(const char *message, const char *kind)
{
    const char *at = strstr(message, kind);
    bool denied = strncmp(message, "permission denied for ", 22) == 0 && at == message + 22;
    return denied ? at + strlen(kind) : NULL;
}

static bool grant_hint(struct err *err, const char *role)
{
    static const struct { const char *kind, *grant; } kinds[] = {
        {"table ", "SELECT, INSERT, UPDATE, DELETE ON TABLE"}, {"view ", "SELECT ON TABLE"},
        {"materialized view ", "SELECT ON TABLE"},
        {"sequence ", "USAGE, SELECT, UPDATE ON SEQUENCE"},
        {"schema ", "USAGE, CREATE ON SCHEMA"},
        {"database ", "CONNECT, CREATE ON DATABASE"},
        {"function ", "EXECUTE ON FUNCTION"}, {"type ", "USAGE ON TYPE"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *name = denied_object(err->message, kinds[i].kind);
        if (!name)
            continue;
        struct str grant = {0};
        str_printf(&grant, "as its owner: GRANT %s ", kinds[i].grant);
        db_quote_identifier(&grant, name);
        str_add(&grant, " TO ");
        if (role)
            db_quote_identifier(&grant, role);
        else
            str_add(&grant, "this role");
        err_hint(err, "%s", str_text(&grant));
        str_free(&grant);
        return true;
    }
    return false;
}

void sqlstate_sort_query_as(struct err *err, const char *sqlstate, const char *role)
{
    if (!err)
        return;
    const struct row *row = find_code(query_codes, sizeof query_codes / sizeof *query_codes, sqlstate);
    err_sqlstate(err, sqlstate);
    err->class = row ? row->class : ERR_QUERY;
    if (strcmp(sqlstate, "42501") == 0) {
        if (!grant_hint(err, role) && !err->hint[0])
            err_hint(err, "the role lacks this right: its owner can GRANT it, or connect as the owner");
    } else if (row && !err->hint[0]) {
        err_hint(err, "%s", row->hint);
    }
}

void sqlstate_sort_query(struct err *err, const char *sqlstate)
{
    sqlstate_sort_query_as(err, sqlstate, NULL);
}
