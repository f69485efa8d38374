/* mark - one probe for three tables that may not be there.
 *
 * SQL names its tables when it is planned, so a table that may be absent is read by query_to_xml, which plans its text
 * only where it is called: after the catalogue said that table, columns and right are there. What it gives is JSON
 * in hexadecimal, of which XML changes nothing. */
#include "op/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define P "pg_catalog."
/* The text of a query that gives one value, a JSON text; NULL where `when` does not hold. */
#define READ(when, query) \
    "CASE WHEN " when " THEN " P "convert_from(" P "decode(" P "\"substring\"(" P "query_to_xml(" \
    "'SELECT " P "encode(" P "convert_to((" query ")::" P "text, ''UTF8''), ''hex'') AS x', false, true, '')::" P "text," \
    " '<x>([0-9a-f]*)</x>'), 'hex'), 'UTF8') END"
/* A table that may be there: its oid, whether it has `columns` (of a list of literals), whether it may be read. */
#define TABLE(alias, where, columns, count) \
    " LEFT JOIN LATERAL (SELECT c.oid, (SELECT " P "count(*) FROM " P "pg_attribute a WHERE a.attrelid = c.oid AND" \
    " NOT a.attisdropped AND a.attname IN (" columns ")) = " count " AND " P "has_schema_privilege(n.oid, 'USAGE') AND " P \
    "has_table_privilege(c.oid, 'SELECT') AS readable, " P "has_schema_privilege(n.oid, 'USAGE') AND " P \
    "has_table_privilege(c.oid, 'INSERT') AS writable FROM " P "pg_class c JOIN " P "pg_namespace n ON" \
    " n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND " where ") " alias " ON true"

enum { MARK_THERE, MARK_MAY_READ, MARK_READ, RAILS_READ, ACTIONS_THERE, ACTIONS_OPEN, ACTIONS_READ };

#define SETS \
    "SELECT coalesce(" P "json_agg(h), ''[]'') FROM (SELECT l.* FROM (SELECT DISTINCT ON (fixture_digest) id," \
    " fixture_digest, fixture_commit, (EXTRACT(epoch FROM fixtures_dated) * 1000)::" P "int8 AS dated_ms," \
    " (EXTRACT(epoch FROM at) * 1000)::" P "int8 AS applied_ms, " P "concat(who, ''@'', host) AS by FROM seedops.actions WHERE fixtures_applied" \
    " ORDER BY fixture_digest, id DESC) l ORDER BY l.id DESC LIMIT 16) h"

static const char probe_sql[] =
    "SELECT m.oid IS NOT NULL, m.readable, "
    READ("m.readable", "SELECT " P "to_jsonb(m) FROM seedops.mark m LIMIT 1") ", "
    READ("r.readable", "SELECT " P "to_jsonb(r.value) FROM ar_internal_metadata r WHERE r.key = ''environment'' LIMIT 1")
    ", a.oid IS NOT NULL, a.writable, " READ("a.readable", SETS)
    " FROM (SELECT) one"
    TABLE("m", "n.nspname = 'seedops' AND c.relname = 'mark'", "'environment', 'role'", "2")
    TABLE("r", "c.relname = 'ar_internal_metadata' AND " P "pg_table_is_visible(c.oid)", "'key', 'value'", "2")
    TABLE("a", "n.nspname = 'seedops' AND c.relname = 'actions'",
          "'id', 'at', 'who', 'host', 'fixture_digest', 'fixture_commit', 'fixtures_dated', 'fixtures_applied'", "8");

/* ar_internal_metadata lies where the application's search_path leads. */
void mark_probes(struct db_probe probes[MARK_PROBES])
{
    probes[0] = (struct db_probe){.name = "mark", .sql = probe_sql, .settings = "SET LOCAL search_path TO DEFAULT"};
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static void take_mark(const char *text, struct mark *mark)
{
    struct json *root = NULL;
    if (!text || !json_parse(&root, text, strlen(text), NULL))
        return;
    copy(mark->environment, sizeof mark->environment, json_text_of(json_get(root, "environment")));
    copy(mark->role, sizeof mark->role, json_text_of(json_get(root, "role")));
    copy(mark->identity.system_identifier, sizeof mark->identity.system_identifier,
         json_text_of(json_get(root, "system_identifier")));
    copy(mark->identity.database, sizeof mark->identity.database, json_text_of(json_get(root, "database")));
    mark->identity.database_oid = (uint32_t)json_int_of(json_get(root, "database_oid"), 0);
    json_free(root);
}

static void take_rails(const char *text, struct mark *mark)
{
    struct json *root = NULL;
    struct str wrapped = {0};
    if (!text)
        return;
    str_printf(&wrapped, "[%s]", text);      /* a document is an object or an array */
    if (json_parse(&root, str_text(&wrapped), wrapped.length, NULL))
        copy(mark->rails, sizeof mark->rails, json_text_of(json_at(root, 0)));
    json_free(root);
    str_free(&wrapped);
}

static void take_sets(const char *text, struct mark *mark)
{
    struct json *root = NULL;
    if (!text || !json_parse(&root, text, strlen(text), NULL))
        return;
    for (size_t i = 0; i < json_count(root) && mark->set_count < APPLIED_SETS; i++) {
        const struct json *item = json_at(root, i);
        struct applied_set *set = &mark->sets[mark->set_count++];
        copy(set->digest, sizeof set->digest, json_text_of(json_get(item, "fixture_digest")));
        copy(set->commit, sizeof set->commit, json_text_of(json_get(item, "fixture_commit")));
        copy(set->by, sizeof set->by, json_text_of(json_get(item, "by")));
        set->dated_ms = json_int_of(json_get(item, "dated_ms"), 0);
        set->applied_ms = json_int_of(json_get(item, "applied_ms"), 0);
    }
    json_free(root);
}

void mark_take(const struct db_probe probes[MARK_PROBES], struct mark *mark)
{
    const struct db_result *r = probes[0].result;
    *mark = (struct mark){0};
    if (!probes[0].ok || db_rows(r) != 1) {
        copy(mark->problem, sizeof mark->problem, db_probe_word(&probes[0]));
        return;
    }
    mark->read = true;
    take_mark(db_value(r, 0, MARK_READ), mark);
    mark->there = db_bool(r, 0, MARK_THERE);
    mark->unreadable = mark->there && !db_bool(r, 0, MARK_MAY_READ);
    take_rails(db_value(r, 0, RAILS_READ), mark);
    take_sets(db_value(r, 0, ACTIONS_READ), mark);
    mark->trail = !db_bool(r, 0, ACTIONS_THERE) ? TRAIL_NONE : db_bool(r, 0, ACTIONS_OPEN) ? TRAIL_OPEN : TRAIL_CLOSED;
}

const char *mark_create_sql(void)
{
    return "CREATE SCHEMA IF NOT EXISTS seedops;"
           "CREATE TABLE IF NOT EXISTS seedops.mark ("
           " one boolean PRIMARY KEY DEFAULT true CHECK (one),"
           " environment text NOT NULL, role text NOT NULL CHECK (role IN ('local', 'staging', 'production')),"
           " system_identifier text, database_oid bigint NOT NULL, database text NOT NULL,"
           " marked_at timestamptz NOT NULL DEFAULT pg_catalog.now(), marked_by text NOT NULL, version text NOT NULL);"
           "CREATE TABLE IF NOT EXISTS seedops.actions ("
           " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
           " at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),"
           " who text NOT NULL, role text NOT NULL DEFAULT current_user, host text NOT NULL,"
           " client text DEFAULT pg_catalog.host(pg_catalog.inet_client_addr()),"
           " environment text NOT NULL, action text NOT NULL, object text, plan_digest text,"
           " fixture_digest text, fixture_commit text, fixtures_dated timestamptz,"
           " fixtures_applied boolean NOT NULL DEFAULT false,"
           " before jsonb, after jsonb, version text NOT NULL, journal text, journal_hash text);"
           "CREATE INDEX IF NOT EXISTS actions_fixtures ON seedops.actions (fixture_digest, id DESC)"
           " WHERE fixtures_applied;"
           "GRANT USAGE ON SCHEMA seedops TO PUBLIC;"
           "GRANT SELECT ON seedops.mark TO PUBLIC;";
}
