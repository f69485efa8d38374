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
#define EQ " OPERATOR(pg_catalog.=) "
/* A query that gives one value, a JSON text. */
#define READ(query) \
    P "convert_from(" P "decode(" P "\"substring\"(" P "query_to_xml(" \
    "'SELECT " P "encode(" P "convert_to((" query ")::" P "text, ''UTF8''), ''hex'') AS x', false, true, '')::" P "text," \
    " '<x>([0-9a-f]*)</x>'), 'hex'), 'UTF8')"

enum { FOUND_NAME, FOUND_READABLE, FOUND_WRITABLE, FOUND_TEXT };

#define SETS \
    "SELECT coalesce(" P "json_agg(h), ''[]'') FROM (SELECT l.* FROM (SELECT DISTINCT ON (fixture_digest) id," \
    " fixture_digest, fixture_commit, (EXTRACT(epoch FROM fixtures_dated) * 1000)::" P "int8 AS dated_ms," \
    " (EXTRACT(epoch FROM at) * 1000)::" P "int8 AS applied_ms, " P "concat(who, ''@'', host) AS by FROM seedops.actions WHERE fixtures_applied" \
    " ORDER BY fixture_digest, id DESC) l ORDER BY l.id DESC LIMIT 16) h"

/* A row for each of the three that is there: whether all that is read of it is there and may be read, whether a row may
 * be added, and what it holds. In most databases none is, which one look at an index tells. */
static const char probe_sql[] =
    "SELECT f.relname, f.readable, f.writable, CASE WHEN NOT f.readable THEN NULL"
    " WHEN f.relname" EQ "'mark' THEN " READ("SELECT " P "to_jsonb(m) FROM seedops.mark m LIMIT 1")
    " WHEN f.relname" EQ "'actions' THEN " READ(SETS)
    " ELSE " READ("SELECT " P "to_jsonb(r.value) FROM ar_internal_metadata r WHERE r.key = ''environment'' LIMIT 1") " END"
    " FROM (SELECT c.relname, " P "has_schema_privilege(n.oid, 'USAGE') AND " P "has_table_privilege(c.oid, 'SELECT') AND"
    "  NOT EXISTS (SELECT FROM " P "unnest(CASE WHEN c.relname" EQ "'mark' THEN '{environment,role}'"
    "   WHEN c.relname" EQ "'actions' THEN"
    "    '{id,at,who,host,fixture_digest,fixture_commit,fixtures_dated,fixtures_applied}'"
    "   ELSE '{key,value}' END::" P "name[]) AS wanted(attname) WHERE NOT EXISTS (SELECT FROM " P "pg_attribute a"
    "   WHERE a.attrelid" EQ "c.oid AND a.attname" EQ "wanted.attname AND NOT a.attisdropped)) AS readable, "
    P "has_schema_privilege(n.oid, 'USAGE') AND " P "has_table_privilege(c.oid, 'INSERT') AS writable"
    " FROM " P "pg_class c JOIN " P "pg_namespace n ON n.oid" EQ "c.relnamespace"
    " WHERE c.relname" " OPERATOR(pg_catalog.=) ANY ('{mark,actions,ar_internal_metadata}'::" P "name[])"
    " AND (c.relkind" EQ "'r' OR c.relkind" EQ "'p') AND CASE WHEN c.relname" EQ "'ar_internal_metadata'"
    "  THEN " P "pg_table_is_visible(c.oid) ELSE n.nspname" EQ "'seedops' END OFFSET 0) f";

/* ar_internal_metadata lies where the application's search_path leads. */
void mark_probes(struct db_probe probes[MARK_PROBES])
{
    probes[0] = (struct db_probe){.name = "mark", .sql = probe_sql, .default_path = true};
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
    if (!probes[0].ok) {
        copy(mark->problem, sizeof mark->problem, db_probe_word(&probes[0]));
        return;
    }
    mark->read = true;
    mark->trail = TRAIL_NONE;
    for (size_t i = 0; i < db_rows(r); i++) {
        const char *name = db_value(r, i, FOUND_NAME), *text = db_value(r, i, FOUND_TEXT);
        if (strcmp(name, "mark") == 0) {
            mark->there = true;
            mark->unreadable = !db_bool(r, i, FOUND_READABLE);
            take_mark(text, mark);
        } else if (strcmp(name, "actions") == 0) {
            mark->trail = db_bool(r, i, FOUND_WRITABLE) ? TRAIL_OPEN : TRAIL_CLOSED;
            take_sets(text, mark);
        } else {
            take_rails(text, mark);
        }
    }
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
