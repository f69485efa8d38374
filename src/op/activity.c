/* activity - what else runs on this database, who blocks whom, and the two ways to stop it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/masked.h"
#include "op/onrecord_values.h"
#include "op/ops.h"

enum { QUERY_MOST = 16 * 1024 };

/* `query` and `state` of other roles are hidden without pg_read_all_stats: said as such, not shown empty. */
static const char activity_sql[] =
    "SELECT pid, coalesce(usename, ''), coalesce(application_name, ''), "
    "coalesce(host(client_addr), CASE WHEN backend_type = 'client backend' THEN 'local' ELSE backend_type END), "
    "coalesce(state, CASE WHEN query = '<insufficient privilege>' THEN 'not permitted' ELSE '' END), "
    "coalesce(wait_event_type || ':' || wait_event, ''), coalesce(query, ''), "
    "coalesce((extract(epoch FROM clock_timestamp() - backend_start) * 1000)::bigint, -1), "
    "coalesce((extract(epoch FROM clock_timestamp() - coalesce(query_start, state_change)) * 1000)::bigint, -1), "
    "array_to_string(pg_blocking_pids(pid), ' ') "
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "ORDER BY cardinality(pg_blocking_pids(pid)) DESC, query_start NULLS LAST, pid";

static void take_blockers(struct fact_backend *fact, const char *pids)
{
    size_t most = strlen(pids) / 2 + 1;
    fact->blocked_by = xcalloc(most, sizeof *fact->blocked_by);
    for (const char *at = pids; *at;) {
        size_t length = strcspn(at, " ");
        fact->blocked_by[fact->blocked_by_count++].text = xstrndup(at, length);
        at += length + (at[length] == ' ');
    }
}

static bool is_ours(const struct session *s, int64_t pid)
{
    return (s->db && db_facts(s->db)->backend_pid == pid) || (s->direct && db_facts(s->direct)->backend_pid == pid);
}

static void take_backend(const struct session *s, const struct db_result *r, size_t row, struct fact_backend *fact)
{
    fact->pid = db_int(r, row, 0, 0);
    fact->user = xstrdup(db_value(r, row, 1));
    fact->application = xstrdup(db_value(r, row, 2));
    fact->client = xstrdup(db_value(r, row, 3));
    fact->state = xstrdup(db_value(r, row, 4));
    fact->wait = xstrdup(db_value(r, row, 5));
    fact->query = masked_copy(db_value(r, row, 6), QUERY_MOST);
    fact->age_ms = db_int(r, row, 7, -1);
    fact->query_age_ms = db_int(r, row, 8, -1);
    fact->ours = is_ours(s, fact->pid);
    take_blockers(fact, db_value(r, row, 9));
}

bool op_activity(struct session *s, struct err *err)
{
    struct db_probe probe = {.name = "activity", .sql = activity_sql};
    if (!db_pipeline(s->db, &probe, 1, err))
        return false;
    bool ok = probe.ok;
    if (ok) {
        struct input *in = input_new(IN_ACTIVITY);
        in->backend_count = db_rows(probe.result);
        in->backends = xcalloc(in->backend_count, sizeof *in->backends);
        for (size_t i = 0; i < in->backend_count; i++)
            take_backend(s, probe.result, i, &in->backends[i]);
        ctx_emit(s->ctx, in);
    } else if (err) {
        *err = probe.err;
    }
    db_probes_free(&probe, 1);
    return ok;
}

bool op_backend_signal(struct session *s, int64_t pid, bool terminate, struct err *err)
{
    if (!session_guard(s, GUARD_SESSION, NULL, err))
        return false;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)pid);
    const char *params[] = {text};
    struct db_result *r = NULL;
    onrecord_values_begin(s->ctx, 1, (const char *const[]){"$1 pid"});
    onrecord_values_row(s->ctx, params);
    const char *sql = terminate ? "SELECT pg_catalog.pg_terminate_backend($1::int)" : "SELECT pg_catalog.pg_cancel_backend($1::int)";
    if (!db_query(s->db, sql, 1, params, &r, err))
        return err_context(err, "pid %s", text);
    bool done = db_bool(r, 0, 0);
    db_result_free(r);
    if (!done) {
        err_set(err, ERR_GENERAL, "pid %s was not there any more", text);
        return err_hint(err, "look again: the list may be old");
    }
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup(terminate ? "terminate" : "cancel");
    in->ok = true;
    ctx_emit(s->ctx, in);
    return true;
}
