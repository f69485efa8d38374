/* beside - the second connection, and how it comes to see the same. */
#include "removal/beside.h"

#include <stdio.h>
#include <stdlib.h>

static bool worth_it(const struct removal *r)
{
    for (size_t i = 0; i < r->graph.relation_count; i++)
        if (removal_bulk((void *)r, i) && r->planned[i] >= BESIDE_ROWS)
            return true;
    return false;
}

struct db *beside_open(const struct removal *r)
{
    struct db *db;
    struct err err = {0};
    if (r->attempt > 1 || !worth_it(r))
        return NULL;
    return session_second(r->session, &db, &err) ? db : NULL;
}

/* "LOCK TABLE ONLY ..." of each table that is read later. */
static void lock_sql(const struct removal *r, const char *mode, struct str *sql)
{
    for (size_t i = 0; i < r->graph.relation_count; i++) {
        if (!r->cascade.later[i])
            continue;
        str_add(sql, "LOCK TABLE ONLY ");
        db_quote_relation(sql, r->graph.relations[i].schema, r->graph.relations[i].name);
        str_printf(sql, " IN %s MODE; ", mode);
    }
}

/* What the deletes need anyway, now: nobody alters a table between its rows' being read and their end. */
static bool hand_out_snapshot(const struct removal *r, struct db *db, struct db_result **snapshot, struct err *err)
{
    struct str sql = {0};
    lock_sql(r, "ROW EXCLUSIVE", &sql);
    str_add(&sql, "SELECT pg_catalog.pg_export_snapshot()");
    bool ok = db_run(db, str_text(&sql), 0, snapshot, NULL, err);
    str_free(&sql);
    return ok;
}

/* The name of a snapshot may mean another one on another server: only where the transaction is known is it ours. */
static bool same_server(struct db *beside, struct db *db, const char *xid)
{
    struct db_result *result = NULL;
    struct str sql = {0};
    str_printf(&sql, "SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l WHERE l.locktype OPERATOR(pg_catalog.=) "
               "'transactionid' AND l.granted AND l.pid OPERATOR(pg_catalog.=) %d AND l.transactionid::pg_catalog.text "
               "OPERATOR(pg_catalog.=) '%lu'", db_facts(db)->backend_pid, (unsigned long)(strtoull(xid, NULL, 10) & UINT32_MAX));
    bool same = db_run(beside, str_text(&sql), 0, &result, NULL, NULL) && db_rows(result) && db_int(result, 0, 0, 0) == 1;
    db_result_free(result);
    str_free(&sql);
    return same;
}

/* Its locks are waited for a moment only: someone may stand between it and the transaction that waits for it. */
static bool take_over(const struct removal *r, struct db *beside, const char *snapshot)
{
    struct str sql = {0};
    str_add(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ");
    db_quote_literal(&sql, snapshot);
    str_add(&sql, "; SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = 0; "
                  "SET LOCAL idle_in_transaction_session_timeout = 0; ");
    if (db_facts(beside)->server_version_num >= 140000)
        str_add(&sql, "SET LOCAL client_connection_check_interval = '2s'; ");
    str_add(&sql, cascade_texts);
    lock_sql(r, "ACCESS SHARE", &sql);
    bool ok = db_run(beside, str_text(&sql), 0, NULL, NULL, NULL);
    str_free(&sql);
    return ok;
}

bool beside_join(const struct removal *r, struct db *beside, struct db *db, const char *xid, struct err *err)
{
    struct db_result *snapshot = NULL;
    bool ok = hand_out_snapshot(r, db, &snapshot, err) && take_over(r, beside, db_value(snapshot, 0, 0)) &&
              same_server(beside, db, xid);
    db_result_free(snapshot);
    return ok;
}
