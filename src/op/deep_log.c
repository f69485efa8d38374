/* deep_log - what the server's log says of the tables: statements that empty, and crashes. Its records are parted here
 * and not on the server: only one that begins with a statement is told, and its literals are not. */
#include "op/deep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"
#include "op/masked.h"

enum { LOG_TAIL = 1 << 20, LOG_SHOWN = 600 };

/* A record's further lines begin with a tab, so they are joined to it; the first record of a tail may lack its
 * beginning. A statement follows a colon, in every language and form of log. Rows: what stands before it, and it. */
static const char log_sql[] =
    "SELECT m.parts[1], m.parts[2] FROM (SELECT x.n, x.line, (pg_stat_file($1::text)).size > $2::bigint AS cut"
    "  FROM regexp_split_to_table(replace(convert_from(pg_read_binary_file($1::text,"
    "   greatest((pg_stat_file($1::text)).size - $2::bigint, 0), $2::bigint), 'LATIN1'), E'\\n\\t', ' '), E'\\n')"
    "  WITH ORDINALITY AS x(line, n)) l, LATERAL (SELECT CASE"
    "   WHEN l.line ~* '(not properly shut down|was interrupted)' THEN ARRAY[left(l.line, 600), '']"
    "   ELSE regexp_match(l.line, '^(.*?:\\s*\"?)((?:with|delete|truncate|drop)\\s.*)$', 'i') END AS parts) m"
    " WHERE m.parts IS NOT NULL AND (l.n > 1 OR NOT l.cut) AND (m.parts[2] = '' OR"
    " (m.parts[2] ~* '^(with\\M.*\\mdelete\\s+from|delete\\s+from|truncate|drop\\s+(table|schema|database))\\M'"
    "  AND m.parts[1] !~ '(DETAIL|CONTEXT|HINT):'"
    "  AND EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY ($3::oid[]) AND strpos(m.parts[2], c.relname) > 0)))"
    " ORDER BY l.n DESC LIMIT 6";

/* Before the statement stands what the server says of itself: time, process, role. Kept, but for what is quoted. */
static void say_record(struct deep *deep, const char *log, const char *before, const char *statement)
{
    char *masked = masked_copy(statement, LOG_SHOWN);
    size_t plain = strcspn(before, "'");
    deep_say(deep, log, NULL, deep->d->verdict, "%.*s%s%s", (int)(plain < LOG_SHOWN ? plain : LOG_SHOWN), before,
             before[plain] && *statement ? "... " : "", masked);
    free(masked);
}

bool deep_log(struct deep *deep, const char *log, const char *why, const char *oids, struct err *err)
{
    static const char what[] = "the server's log";
    static const char files[] = "pg_stat_file(text), pg_read_binary_file(text, bigint, bigint)";
    char tail[24], grant[160];
    if (!log && strcmp(why, "not permitted") == 0) {
        snprintf(grant, sizeof grant, "GRANT EXECUTE ON FUNCTION pg_current_logfile(), %s", files);
        deep_denied_grant(deep, what, why, grant);
    } else if (!log) {
        deep_denied(deep, what, why, NULL);
    }
    if (!log)
        return true;
    snprintf(tail, sizeof tail, "%d", LOG_TAIL);
    const char *params[] = {log, tail, oids};
    struct db_probe probe = {.name = "the log", .sql = log_sql, .count = 3, .params = params,
                             .statement_timeout_ms = 5000};
    if (!db_pipeline(deep->s->db, &probe, 1, err))
        return false;
    if (!probe.ok) {
        snprintf(grant, sizeof grant, "GRANT EXECUTE ON FUNCTION %s", files);
        deep_denied_grant(deep, what, db_probe_word(&probe), grant);
    }
    for (size_t i = probe.ok ? db_rows(probe.result) : 0; i-- > 0;)
        say_record(deep, log, db_value(probe.result, i, 0), db_value(probe.result, i, 1));
    if (probe.ok && db_rows(probe.result) == 0)
        deep_say(deep, log, NULL, NULL, "its last megabyte holds no statement that empties one of these tables");
    db_probes_free(&probe, 1);
    return true;
}
