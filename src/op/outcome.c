/* outcome - reconnects for a while, makes sure it is the same server, and asks txid_status, which every version has. */
#include "op/outcome.h"

#include <stdio.h>
#include <string.h>

enum { TRIES = 20, PAUSE_MS = 500 };

static bool unknown(struct err *err, const char *xid, const char *why)
{
    err_set(err, ERR_UNKNOWN_OUTCOME, "whether transaction %s was committed could not be found out", xid);
    err_why(err, "%s", why);
    return err_hint(err, "ask the server: SELECT txid_status(%s); nothing is repeated before that", xid);
}

/* "committed", "aborted", "in progress", or "" when the server did not say. */
static bool ask(struct session *s, const char *xid, char *status, size_t size, struct err *err)
{
    struct db_result *result = NULL;
    bool ok = db_query(s->direct, "SELECT pg_catalog.txid_status($1::pg_catalog.int8)", 1, &xid, &result, err);
    const char *text = ok && db_rows(result) ? db_value(result, 0, 0) : NULL;
    snprintf(status, size, "%s", text ? text : "");
    db_result_free(result);
    return ok;
}

/* After a failover another server may answer, which knows nothing of our transaction. Without a system identifier
 * on both sides nothing is assumed. */
enum server { SERVER_SAME, SERVER_OTHER, SERVER_NOT_TOLD };

static enum server which_server(const struct db_identity *then, const struct db_identity *now)
{
    if (!now->system_identifier[0] || !then->system_identifier[0])
        return SERVER_NOT_TOLD;
    bool same = strcmp(now->system_identifier, then->system_identifier) == 0 &&
                now->database_oid == then->database_oid;
    return same ? SERVER_SAME : SERVER_OTHER;
}

bool outcome_find_out(struct session *s, const char *xid, struct err *err)
{
    char status[32] = "";
    struct err last = *err;
    const struct environment *env = s->ctx->environment;
    struct db *db;
    bool connected = false;
    ctx_log(s->ctx, "warning", "the connection was lost while committing transaction %s; finding out", xid);
    for (int i = 0; i < TRIES; i++) {
        if (i && !ctx_sleep(s->ctx, PAUSE_MS, err))
            return unknown(err, xid, "cancelled while finding out");
        /* where it was written: what is read from elsewhere knows nothing of it */
        connected = connected || session_reopen_direct(s, &db, &last);
        if (!connected)
            continue;
        struct db_identity now;
        if (!db_identity_read(db, env->direct.pooled_hint, &now, &last)) {
            connected = false;   /* still restarting */
            continue;
        }
        enum server server = which_server(&s->direct_identity, &now);
        if (server != SERVER_SAME)
            return unknown(err, xid, server == SERVER_OTHER ? "another server answers now"
                                                            : "the server does not say whether it is the same one");
        if (!ask(s, xid, status, sizeof status, &last)) {
            connected = false;
            continue;
        }
        if (strcmp(status, "in progress") != 0)
            break;
    }
    if (strcmp(status, "committed") == 0) {
        ctx_log(s->ctx, "info", "transaction %s was committed", xid);
        return true;
    }
    if (strcmp(status, "aborted") == 0) {
        err_set(err, ERR_LOST, "the connection was lost while committing; transaction %s was rolled back", xid);
        return err_hint(err, "nothing was written; run it again");
    }
    return unknown(err, xid, status[0] ? status : last.message);
}
