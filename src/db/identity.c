/* identity - who is at the other end, asked of the server; and whether a transaction pooler is in between. */
#include "db/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/internal.h"

enum { WHO, CREATE, SYSTEM, BACKENDS };   /* BACKENDS to the end ask for the backend once more */
enum { SECOND_CONNECT_MS = 2000, SECOND_ANSWER_MS = 1000, AGAIN_MS = 200, OURS_MS = 10000 };
enum { TURNS = 4 };

#define CHANGES "the server process changes between transactions (%d, then %d)"

static const char backend_sql[] = "SELECT pg_backend_pid()";

size_t db_identity_probes(struct db_probe probes[IDENTITY_PROBES])
{
    probes[WHO] = (struct db_probe){
        .name = "identity",
        .sql = "SELECT pg_backend_pid(), d.oid, d.datname, current_user, pg_is_in_recovery(),"
               " r.rolsuper, r.rolcreaterole, host(inet_client_addr()), inet_client_port(),"
               " host(inet_server_addr()), inet_server_port(),"
               " (SELECT slot_name FROM pg_get_replication_slots() WHERE slot_name = 'seedops_keep_' || d.oid),"
               " current_setting('client_connection_check_interval', true) = '0' AND version() ~~ '%linux%'"
               " FROM pg_database d, pg_roles r"
               " WHERE d.datname = current_database() AND r.rolname = current_user"};
    probes[CREATE] = (struct db_probe){
        .name = "right to create",
        .sql = "SELECT coalesce(pg_catalog.has_schema_privilege("
               "pg_catalog.current_schema(), 'CREATE'), false)",
        .default_path = true};
    probes[SYSTEM] = (struct db_probe){.name = "system identifier",
                                       .sql = "SELECT system_identifier FROM pg_control_system()"};
    for (size_t i = BACKENDS; i < IDENTITY_PROBES; i++)
        probes[i] = (struct db_probe){.name = "backend", .sql = backend_sql};
    return IDENTITY_PROBES;
}

static void copy(char *out, size_t size, const struct db_result *r, size_t column)
{
    const char *text = db_value(r, 0, column);
    snprintf(out, size, "%s", text ? text : "");
}

/* Another connection like this one: everything libpq knows of it, the password included. */
static bool open_second(struct db *db, struct db **second)
{
    const char *keywords[64], *values[64];
    struct db_options options = {.keywords = keywords, .values = values, .cancel_fd = db->cancel_fd,
                                 .connect_timeout_ms = SECOND_CONNECT_MS};
    struct err err;
    PQconninfoOption *info = PQconninfo(db->pg);
    for (PQconninfoOption *o = info; o && o->keyword && options.count < 64; o++) {
        if (!o->val || !*o->val)
            continue;
        keywords[options.count] = o->keyword;
        values[options.count++] = o->val;
    }
    bool ok = db_open(second, &options, &err);
    PQconninfoFree(info);
    return ok;
}

/* ---- two connections, asked in turn ---- */

struct turns {
    struct db *db, *second;
    int ours, theirs;              /* the backend that each was given last; 0: none yet */
    bool waiting;                  /* the second one's question is not answered yet */
    char *reason;
    size_t size;
};

static int backend_of(const struct db_result *r) { return r && db_rows(r) ? (int)db_int(r, 0, 0, 0) : 0; }

/* True if this answer shows that backends are shared. */
static bool shows_sharing(struct turns *t, int now, int *before, int other)
{
    if (*before && now != *before)
        snprintf(t->reason, t->size, CHANGES, *before, now);
    else if (now == other)
        snprintf(t->reason, t->size, "a second connection was given the same server process (%d)", now);
    else if (now == 0)
        snprintf(t->reason, t->size, "something is between us and the server, and it answers for it");
    bool shared = (*before && now != *before) || now == other || now == 0;
    *before = now;
    return shared;
}

static bool ask_second(struct turns *t, int timeout_ms, bool *shared)
{
    struct db_result *r = NULL;
    bool done = false;
    if (!t->waiting && !db_start(t->second, backend_sql, NULL))
        return false;
    t->waiting = true;
    if (!db_poll(t->second, timeout_ms, &done, &r, NULL, NULL))
        return false;
    t->waiting = !done;
    *shared = done && shows_sharing(t, backend_of(r), &t->theirs, t->ours);
    db_result_free(r);
    return true;
}

static bool ask_ours(struct turns *t, bool *shared)
{
    struct db_result *r = NULL;
    if (!db_run(t->db, backend_sql, OURS_MS, &r, NULL, NULL))
        return false;
    *shared = shows_sharing(t, backend_of(r), &t->ours, t->theirs);
    db_result_free(r);
    return true;
}

/* The second one waits while ours is answered again and again: ours has a backend to itself, and the pooler none left.
 * In a transaction pooler each answer of ours would free the backend that the second one waits for. */
static bool take_turns(struct turns *t, bool *shared)
{
    *shared = false;
    for (int turn = 0; turn < TURNS; turn++) {
        if (!ask_second(t, turn ? AGAIN_MS : SECOND_ANSWER_MS, shared))
            return false;
        if (!*shared && !t->waiting && turn == 0 && !ask_second(t, SECOND_ANSWER_MS, shared))
            return false;
        if (!*shared && !ask_ours(t, shared))
            return false;
        if (*shared)
            return true;
    }
    return true;
}

/* Between transactions a transaction pooler lends our backend to others. In a quiet pool nobody takes it, so
 * we ask for it ourselves, on a second connection. A session pooler gives each of the two a backend of its
 * own, or makes the second wait. One that takes turns shows when the same connection asks twice in a row.
 * What cannot be found out counts as shared. */
static bool shares_backend(struct db *db, int first, char *reason, size_t size)
{
    struct turns t = {.db = db, .ours = first, .reason = reason, .size = size};
    bool shared;
    if (!open_second(db, &t.second)) {
        snprintf(reason, size, "something is between us and the server, and it allows no second connection"
                               " to see whether it pools transactions");
        return true;
    }
    if (!take_turns(&t, &shared)) {
        snprintf(reason, size, "something is between us and the server, and it did not answer when asked"
                               " whether it pools transactions");
        shared = true;
    }
    db_close(t.second);
    return shared;
}

static void judge_pooler(struct db *db, bool hint_pooled, const struct db_probe *probes, size_t count,
                         struct db_identity *identity)
{
    int first = (int)db_int(probes[WHO].result, 0, 0, 0);
    char *reason = identity->pooler_reason;
    size_t size = sizeof identity->pooler_reason;
    if (first == db->facts.backend_pid)
        return;
    identity->transaction_pooler = true;
    for (size_t i = BACKENDS; i < count; i++) {
        int next = probes[i].ok ? (int)db_int(probes[i].result, 0, 0, 0) : first;
        if (next != first) {
            snprintf(reason, size, CHANGES, first, next);
            return;
        }
    }
    if (hint_pooled)
        snprintf(reason, size, "the URL says so (pgbouncer=true or port 6543), and the server process is"
                               " not the one that let us in");
    else
        identity->transaction_pooler = shares_backend(db, first, reason, size);
}

bool db_identity_take(struct db *db, bool hint_pooled, const struct db_probe *probes, size_t count,
                      struct db_identity *identity, struct err *err)
{
    *identity = (struct db_identity){0};
    if (count != IDENTITY_PROBES)
        return err_set(err, ERR_GENERAL, "the identity was asked with other probes than it is read with");
    if (!probes[WHO].ok || db_rows(probes[WHO].result) != 1) {
        if (!probes[WHO].ok && err)
            *err = probes[WHO].err;
        else
            err_set(err, ERR_QUERY, "the server does not say which database and role this is");
        return err_context(err, "cannot find out who the server is");
    }
    const struct db_result *who = probes[WHO].result;
    identity->backend_pid = (int)db_int(who, 0, 0, 0);
    identity->database_oid = (uint32_t)db_int(who, 0, 1, 0);
    copy(identity->database, sizeof identity->database, who, 2);
    copy(identity->user, sizeof identity->user, who, 3);
    identity->in_recovery = db_bool(who, 0, 4);
    identity->superuser = db_bool(who, 0, 5);
    identity->create_role = db_bool(who, 0, 6);
    identity->client_seen = db->facts.unix_socket || db_value(who, 0, 7);
    copy(identity->client_address, sizeof identity->client_address, who, 7);
    identity->client_port = (int)db_int(who, 0, 8, 0);
    copy(identity->server_address, sizeof identity->server_address, who, 9);
    identity->server_port = (int)db_int(who, 0, 10, 0);
    copy(identity->keep_slot, sizeof identity->keep_slot, who, 11);
    identity->may_watch = db_bool(who, 0, 12);
    identity->can_create = probes[CREATE].ok && db_bool(probes[CREATE].result, 0, 0);
    if (probes[SYSTEM].ok && db_rows(probes[SYSTEM].result) == 1)
        copy(identity->system_identifier, sizeof identity->system_identifier, probes[SYSTEM].result, 0);
    judge_pooler(db, hint_pooled, probes, count, identity);
    return true;
}

bool db_identity_read(struct db *db, bool hint_pooled, struct db_identity *identity, struct err *err)
{
    struct db_probe probes[IDENTITY_PROBES];
    size_t count = db_identity_probes(probes);
    if (!db_pipeline(db, probes, count, err))
        return false;
    bool ok = db_identity_take(db, hint_pooled, probes, count, identity, err);
    db_probes_free(probes, count);
    return ok;
}
