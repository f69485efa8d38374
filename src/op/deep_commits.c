/* deep_commits - when the transactions that the evidence names were committed, where the server keeps that
 * (track_commit_timestamp). Any role may ask. */
#include "op/deep.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"
#include "diagnose/rules.h"

/* A server that does not keep them answers with an error: asked one by one, and only where it does. */
static const char commits_sql[] =
    "SELECT x.xid, to_char(pg_xact_commit_timestamp(x.xid::xid) AT TIME ZONE 'UTC',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    " FROM unnest($1::text[]) WITH ORDINALITY AS x(xid, n) WHERE current_setting('track_commit_timestamp')::bool"
    " AND x.xid::bigint > 2 ORDER BY x.n";
static const char kept_sql[] = "SELECT current_setting('track_commit_timestamp')::bool";

/* ---- which transactions ---- */

/* The transaction that wrote the table's catalogue row last. TRUNCATE writes it with the file's; an ALTER, a GRANT or
 * a VACUUM since tears the two apart, and then it dates only that. */
static bool made_the_file(const struct table_evidence *t)
{
    return t->file_xid && strcmp(t->row_xid, t->file_xid) == 0;
}

static bool is_dated(const struct table_evidence *t)
{
    return deep_is_asked(t) && t->row_xid && t->row_xid[0] && t->kind == 'r';
}

static bool listed(const struct deep *deep, size_t before, const char *xid)
{
    for (size_t i = 0; i < before; i++)
        if (is_dated(&deep->e->tables[i]) && strcmp(deep->e->tables[i].row_xid, xid) == 0)
            return true;
    return false;
}

static void list_transactions(const struct deep *deep, struct str *list)
{
    size_t count = 0;
    str_add(list, "{");
    if (deep->xid[0])
        str_printf(list, "%s%s", count++ ? "," : "", deep->xid);
    for (size_t i = 0; i < deep->e->count; i++) {
        const struct table_evidence *t = &deep->e->tables[i];
        if (is_dated(t) && !listed(deep, i, t->row_xid))
            str_printf(list, "%s%s", count++ ? "," : "", t->row_xid);
    }
    str_add(list, "}");
}

/* ---- what they say ---- */

static const char source[] = "pg_xact_commit_timestamp";

static void names_of(const struct deep *deep, const char *xid, struct str *names, bool *file)
{
    size_t count = 0, more = 0;
    *file = true;
    for (size_t i = 0; i < deep->e->count; i++) {
        const struct table_evidence *t = &deep->e->tables[i];
        if (!is_dated(t) || strcmp(t->row_xid, xid) != 0)
            continue;
        *file = *file && made_the_file(t) && table_was_emptied_whole(t);
        if (count++ < 4)
            str_printf(names, "%s%s", names->length ? ", " : "", t->name);
        else
            more++;
    }
    if (more)
        str_printf(names, " and %zu more", more);
}

static void take_commit(struct deep *deep, const char *xid, const char *at)
{
    struct str names = {0};
    bool file;
    names_of(deep, xid, &names, &file);
    if (strcmp(xid, deep->xid) == 0) {
        deep_say(deep, source, NULL, "deleted", "transaction %s, which the dead rows name, committed %s", xid, at);
        if (strcmp(deep->d->verdict, "deleted") == 0)
            deep_date(deep, at, "the commit timestamp of the dead rows' transaction");
    } else if (names.length && file) {
        deep_say(deep, source, NULL, "truncated", "transaction %s, which gave %s a new file, committed %s", xid,
                 str_text(&names), at);
        if (strcmp(deep->d->verdict, "truncated") == 0)
            deep_date(deep, at, "the commit timestamp of the new file's transaction");
    } else if (names.length) {
        deep_say(deep, source, NULL, NULL, "the catalogue row of %s was last written by transaction %s, committed %s",
                 str_text(&names), xid, at);
    }
    str_free(&names);
}

bool deep_commits(struct deep *deep, struct err *err)
{
    struct str list = {0};
    list_transactions(deep, &list);
    const char *params[] = {str_text(&list)};
    struct db_probe probes[] = {{.name = "commit timestamps", .sql = kept_sql},
                                {.name = "commit timestamps", .sql = commits_sql, .count = 1, .params = params}};
    bool ok = list.length == 2 || db_pipeline(deep->s->db, probes, 2, err);
    bool asked = ok && list.length > 2, kept = asked && probes[0].ok && db_bool(probes[0].result, 0, 0);
    if (asked && probes[0].ok && !kept)
        deep_denied(deep, "commit timestamps", "the server does not keep them (track_commit_timestamp is off)", NULL);
    else if (asked && !(probes[0].ok && probes[1].ok))
        deep_denied(deep, "commit timestamps", db_probe_word(&probes[probes[0].ok]), NULL);
    for (size_t i = 0; kept && probes[1].ok && i < db_rows(probes[1].result); i++)
        if (db_value(probes[1].result, i, 1))
            take_commit(deep, db_value(probes[1].result, i, 0), db_value(probes[1].result, i, 1));
    db_probes_free(probes, 2);
    str_free(&list);
    return ok;
}
