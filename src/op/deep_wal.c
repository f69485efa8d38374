/* deep_wal - the transaction that deleted the rows, from WAL (pg_walinspect, from 15 on).
 *
 * The server reads about 40 MB a second, so it is asked for pieces of 16 MB: progress shows, and a cancel is heard.
 * A piece gives the rows deleted by transaction and file, files made (TRUNCATE makes new ones), and commits; what a
 * transaction did is summed up here, because it may span pieces. */
#include "op/deep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"

enum { PIECE_MS = 60000, TABLES_TOLD = 12 };
#define PIECE_BYTES (INT64_C(16) << 20)
#define MOST_BYTES (INT64_C(2) << 30)

struct action { int64_t file, rows; bool made; };

struct transaction {
    int64_t xid;
    char committed[40];                  /* ISO 8601; "" not seen */
    struct action *actions;
    size_t count;
};

struct wal {
    struct deep *deep;
    char *schema;                        /* of pg_walinspect, quoted */
    int64_t start, end;
    struct transaction *items;
    size_t count;
};

/* Segments that are still there, oldest first; those named beyond the current one wait to be used again. */
static const char range_sql[] =
    "SELECT (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    "  WHERE e.extname = 'pg_walinspect'),"
    " (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::bigint,"
    " (c.redo_lsn - '0/0'::pg_lsn)::bigint, (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),"
    " has_function_privilege('pg_ls_waldir()', 'EXECUTE'), current_setting('server_version_num')::int"
    " FROM pg_control_checkpoint() c";
static const char oldest_sql[] = "SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'";

static int64_t lsn_of_segment(const char *name, int64_t segment_bytes)
{
    unsigned high, low;
    if (!name || strlen(name) != 24 || sscanf(name + 8, "%8x%8x", &high, &low) != 2)
        return -1;
    return ((int64_t)high << 32) + (int64_t)low * segment_bytes;
}

/* False: there is nothing to read, which has been said. */
static bool find_range(struct wal *w, bool *readable, struct err *err)
{
    struct db_probe probes[2] = {{.name = "WAL", .sql = range_sql}, {.name = "segments", .sql = oldest_sql}};
    *readable = false;
    if (!db_pipeline(w->deep->s->db, probes, 2, err))
        return false;
    const struct db_result *r = probes[0].ok ? probes[0].result : NULL;
    if (!r || db_rows(r) == 0) {
        deep_denied(w->deep, "WAL", db_probe_word(&probes[0]), NULL);
    } else if (!db_value(r, 0, 0)) {
        bool old = db_int(r, 0, 5, 0) < 150000;
        deep_denied(w->deep, "WAL", old ? "before PostgreSQL 15 only pg_waldump on the server reads it"
                    : "pg_walinspect is not installed here", old ? NULL : "CREATE EXTENSION pg_walinspect");
    } else {
        int64_t oldest = probes[1].ok && db_rows(probes[1].result)
            ? lsn_of_segment(db_value(probes[1].result, 0, 0), db_int(r, 0, 3, 16 << 20)) : -1;
        w->schema = xstrdup(db_value(r, 0, 0));
        w->end = db_int(r, 0, 1, 0);
        w->start = oldest > 0 && oldest < w->end ? oldest : db_int(r, 0, 2, 0);
        if (w->end - w->start > MOST_BYTES)
            w->start = w->end - MOST_BYTES;
        *readable = w->start > 0 && w->start < w->end;
    }
    db_probes_free(probes, 2);
    return true;
}

static struct transaction *transaction_of(struct wal *w, int64_t xid)
{
    for (size_t i = w->count; i-- > 0;)
        if (w->items[i].xid == xid)
            return &w->items[i];
    if (w->count % 64 == 0)
        w->items = xrealloc(w->items, (w->count + 64) * sizeof *w->items);
    w->items[w->count] = (struct transaction){.xid = xid};
    return &w->items[w->count++];
}

static void add_action(struct transaction *t, int64_t file, int64_t rows, bool made)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->actions[i].file == file && t->actions[i].made == made) {
            t->actions[i].rows += rows;
            return;
        }
    if (t->count % 16 == 0)
        t->actions = xrealloc(t->actions, (t->count + 16) * sizeof *t->actions);
    t->actions[t->count++] = (struct action){file, rows, made};
}

/* Deletes and new files of the tables asked about; then the commits of whoever did any, and of who began before. */
static char *piece_sql(const struct wal *w, int64_t from, int64_t to)
{
    struct str sql = {0};
    str_printf(&sql, "WITH rec AS MATERIALIZED (SELECT xid::text::bigint AS xid, resource_manager AS rm, record_type AS rt,"
               " description AS d, block_ref AS b FROM %s.pg_get_wal_records_info('0/0'::pg_lsn + %" PRId64
               "::numeric, '0/0'::pg_lsn + %" PRId64 "::numeric)"
               " WHERE (resource_manager = 'Heap' AND record_type LIKE 'DELETE%%')"
               " OR (resource_manager = 'Storage' AND record_type = 'CREATE')"
               " OR (resource_manager = 'Transaction' AND record_type LIKE 'COMMIT%%')),"
               " acts AS (SELECT xid, rm <> 'Heap' AS made, CASE WHEN rm = 'Heap'"
               " THEN substring(b from 'rel [0-9]+/[0-9]+/([0-9]+)') ELSE substring(d from 'base/[0-9]+/([0-9]+)') END::bigint"
               " AS file, CASE WHEN rm = 'Heap' THEN substring(b from 'rel [0-9]+/([0-9]+)/')"
               " ELSE substring(d from 'base/([0-9]+)/') END::bigint AS db FROM rec WHERE rm <> 'Transaction')"
               " SELECT xid, made, file, count(*), NULL FROM acts WHERE file = ANY ($1::bigint[])"
               " AND db = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 1, 2, 3"
               " UNION ALL SELECT xid, NULL, NULL, NULL, replace(substring(d from '^[0-9-]+ [0-9:.]+'), ' ', 'T') || 'Z'"
               " FROM rec WHERE rm = 'Transaction' AND (xid = ANY ($2::bigint[]) OR xid IN"
               " (SELECT xid FROM acts WHERE file = ANY ($1::bigint[])))", w->schema, from, to);
    return str_take(&sql);
}

static void open_transactions(const struct wal *w, struct str *list)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        if (!w->items[i].committed[0])
            str_printf(list, "%s%" PRId64, count++ ? "," : "{", w->items[i].xid);
    str_add(list, count ? "}" : "{}");
}

static void take_piece(struct wal *w, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        struct transaction *t = transaction_of(w, db_int(r, i, 0, 0));
        if (db_value(r, i, 4))
            snprintf(t->committed, sizeof t->committed, "%s", db_value(r, i, 4));
        else if (db_value(r, i, 2))
            add_action(t, db_int(r, i, 2, 0), db_int(r, i, 3, 0), db_bool(r, i, 1));
    }
}

/* *more: false once the server would not go on, which has been said. */
static bool read_piece(struct wal *w, int64_t from, int64_t to, const char *files, bool *more, struct err *err)
{
    struct str open = {0};
    char *sql = piece_sql(w, from, to);
    open_transactions(w, &open);
    const char *params[] = {files, str_text(&open)};
    struct db_probe probe = {.name = "WAL", .sql = sql, .count = 2, .params = params, .statement_timeout_ms = PIECE_MS};
    bool ok = db_pipeline(w->deep->s->db, &probe, 1, err);
    *more = ok && probe.ok;
    if (*more) {
        take_piece(w, probe.result);
    } else if (ok && strcmp(probe.err.sqlstate, "42501") == 0) {
        deep_denied_grant(w->deep, "WAL", "not permitted", "GRANT pg_read_server_files");
    } else if (ok) {
        deep_denied(w->deep, "WAL", probe.err.message, NULL);
    }
    db_probes_free(&probe, 1);
    str_free(&open);
    free(sql);
    return ok;
}

static bool read_all(struct wal *w, struct err *err)
{
    struct str files = {0};
    bool ok = true, more = true;
    deep_list(w->deep, true, &files);
    for (int64_t at = w->start; ok && more && at < w->end; at += PIECE_BYTES) {
        int64_t to = at + PIECE_BYTES < w->end ? at + PIECE_BYTES : w->end;
        ok = read_piece(w, at, to, str_text(&files), &more, err);
        ctx_progress(w->deep->s->ctx, "reading WAL", to - w->start, w->end - w->start, to == w->end);
        if (ok && ctx_cancelled(w->deep->s->ctx))
            ok = err_set(err, ERR_CANCELLED, "cancelled while reading WAL");
    }
    str_free(&files);
    return ok;
}

static int64_t weight(const struct transaction *t)
{
    int64_t rows = 0;
    for (size_t i = 0; i < t->count; i++)
        rows += t->actions[i].made ? 0 : t->actions[i].rows;
    return rows;
}

static void say_transaction(struct wal *w, const struct transaction *t)
{
    struct str what = {0};
    bool truncated = strcmp(w->deep->d->verdict, "truncated") == 0;
    for (size_t i = 0; i < t->count && i < TABLES_TOLD; i++) {
        const struct table_evidence *table = deep_table(w->deep, t->actions[i].file, true);
        if (!table || (t->actions[i].made && !truncated))
            continue;
        if (t->actions[i].made)
            str_printf(&what, "%s%s new", what.length ? ", " : "", table->name);
        else
            str_printf(&what, "%s%lld %s", what.length ? ", " : "", (long long)t->actions[i].rows, table->name);
    }
    if (what.length)
        deep_say(w->deep, "pg_walinspect", NULL, truncated ? "truncated" : "deleted", "transaction %" PRId64 ", committed %s: %s",
                 t->xid, t->committed, str_text(&what));
    str_free(&what);
}

/* The newest of those that took the most: after it the tables were as empty as they are. */
static const struct transaction *culprit(const struct wal *w, bool truncated)
{
    const struct transaction *best = NULL;
    for (size_t i = 0; i < w->count; i++) {
        const struct transaction *t = &w->items[i];
        if (!t->committed[0] || t->count == 0 || (!truncated && weight(t) == 0))
            continue;
        if (!best || (truncated ? t->count >= best->count : weight(t) >= weight(best)))
            best = t;
    }
    return best;
}

static void conclude(struct wal *w)
{
    bool truncated = strcmp(w->deep->d->verdict, "truncated") == 0;
    const struct transaction *t = culprit(w, truncated);
    size_t told = 0;
    for (size_t i = w->count; i-- > 0 && told < TABLES_TOLD;)
        if (w->items[i].committed[0] && w->items[i].count && (truncated || weight(&w->items[i]))) {
            say_transaction(w, &w->items[i]);
            told++;
        }
    if (!told)
        deep_say(w->deep, "pg_walinspect", NULL, NULL, "the WAL that is left (%lld MB) holds no delete from these tables",
                 (long long)((w->end - w->start) >> 20));
    bool fits = truncated || strcmp(w->deep->d->verdict, "deleted") == 0;
    if (!t || !fits)
        return;
    char by[512];
    const char *known = w->deep->d->by ? w->deep->d->by : "";
    snprintf(by, sizeof by, "%.400s%stransaction %" PRId64, known, *known ? ", " : "", t->xid);
    deep_name(w->deep, by);
    deep_date(w->deep, t->committed, "the transaction's commit in WAL");
}

bool deep_wal(struct deep *deep, struct err *err)
{
    struct wal w = {.deep = deep};
    bool readable, ok = find_range(&w, &readable, err);
    size_t denied = deep->d->denied_count;
    if (ok && readable)
        ok = read_all(&w, err);
    if (ok && readable && deep->d->denied_count == denied)
        conclude(&w);
    for (size_t i = 0; i < w.count; i++)
        free(w.items[i].actions);
    free(w.items);
    free(w.schema);
    return ok;
}
