/* diff - one table of any size: a COPY in key order merged with the fixture, then the suspects in batches. */
#include "diff/diff.h"

#include <stdlib.h>
#include <string.h>

#include "db/copy.h"
#include "diff/digest.h"
#include "diff/layout.h"
#include "diff/match.h"
#include "diff/report.h"
#include "diff/suspects.h"

/* One message: the transaction, its settings and the COPY. */
static char *copy_statement(const struct layout *layout, bool in_transaction)
{
    struct str sql = {0};
    char *select = layout_select(layout);
    if (!in_transaction)
        str_add(&sql, diff_begin);
    str_printf(&sql, "%s; COPY (%s) TO STDOUT", layout_settings, select);
    free(select);
    return str_take(&sql);
}

char *diff_first_statement(const struct bound *bound, const struct diff_options *options)
{
    struct layout layout;
    struct err ignored = {0};
    if (options->way == DIFF_AS_IT_PAYS || options->in_transaction || options->places || bound->table->known_empty ||
        !layout_make(&layout, bound, options->fixtures, &ignored))
        return NULL;
    char *sql = options->way == DIFF_BY_ROWS ? copy_statement(&layout, false) : digest_first_statement(&layout, options);
    layout_free(&layout);
    return sql;
}

static bool take_row(struct match *m, struct str *line, char **fields, const char *row, size_t length,
                     struct err *err)
{
    str_reset(line);
    str_add_bytes(line, row, length);
    size_t count = db_copy_split(line->text, line->length, fields, m->layout.field_count);
    if (count != m->layout.field_count)
        return err_set(err, ERR_GENERAL, "the server sent %zu columns where %zu were asked for", count,
                       m->layout.field_count);
    return match_live(m, fields, err);
}

static bool merge_copy(struct db *db, struct match *m, struct err *err)
{
    struct str line = {0};
    char **fields = xcalloc(m->layout.field_count, sizeof *fields);
    const char *row;
    size_t length;
    bool ok;
    while ((ok = db_copy_out_row(db, &row, &length, err)) && row)
        if (!take_row(m, &line, fields, row, length, err)) {
            db_copy_out_abandon(db, NULL);
            ok = false;
            break;
        }
    str_free(&line);
    free(fields);
    return ok && match_live_end(m, err);
}

/* A read waits for nothing but an exclusive lock on the table: who holds it is the whole story. */
static bool name_blocker(struct db *db, const struct db_table *table, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    if (strcmp(err->sqlstate, "55P03") != 0 || !db_alive(db))
        return false;
    str_printf(&sql,
               "SELECT a.pid, a.application_name, a.state, pg_catalog.date_trunc('second', "
               "pg_catalog.now() - a.xact_start) FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a "
               "ON a.pid = l.pid WHERE l.relation = %lu AND l.granted AND l.mode = 'AccessExclusiveLock' LIMIT 1",
               (unsigned long)table->oid);
    if (db_run(db, str_text(&sql), 2000, &result, NULL, NULL) && db_rows(result)) {
        const char *application = db_value(result, 0, 1), *state = db_value(result, 0, 2), *age = db_value(result, 0, 3);
        err_why(err, "pid %s \"%s\", %s for %s, holds it exclusively", db_value(result, 0, 0),
                application ? application : "", state ? state : "busy", age ? age : "some time");
        err_hint(err, "wait for it, or end it: the Activity screen shows who blocks whom");
    }
    db_result_free(result);
    str_free(&sql);
    return false;
}

/* Nothing is asked of a table that is known to be empty: every declared row is missing. */
static bool all_missing(struct db *db, struct match *m, struct err *err)
{
    return match_live_end(m, err) && suspects_decide(db, m, err) && match_finish(m, err);
}

static bool merge(struct db *db, struct match *m, const struct diff_options *options, struct err *err)
{
    if (m->bound->table->known_empty)
        return all_missing(db, m, err);
    char *sql = copy_statement(&m->layout, options->in_transaction);
    bool ok = db_copy_out_begin(db, sql, err) && merge_copy(db, m, err) && suspects_decide(db, m, err) &&
              match_finish(m, err);
    free(sql);
    return ok;
}

/* learn: what the server's texts of the fixture's rows are is worth keeping. */
static bool compare_rows(struct db *db, const struct bound *bound, const struct diff_options *options, bool learn,
                         struct diff_totals *totals, struct err *err)
{
    struct match m;
    struct learning learning;
    if (!match_begin(&m, bound, options, err))
        return false;
    if (learn)
        digest_learn(&learning, &m, db);
    bool ok = merge(db, &m, options, err);
    if (learn)
        digest_learned(&learning, ok);
    m.totals.why_rows = totals->why_rows;
    m.totals.reaction_ms = totals->reaction_ms;
    *totals = m.totals;
    match_free(&m);
    return ok;
}

static bool compare(struct db *db, const struct bound *bound, const struct diff_options *options,
                    struct diff_totals *totals, struct err *err)
{
    enum digest_end end = DIGEST_ROWS;
    bool learn = false;
    if (options->way != DIFF_BY_ROWS && !bound->table->known_empty)
        end = digest_table(db, bound, options, totals, &learn, err);
    totals->by_digests = end == DIGEST_DONE;
    if (end != DIGEST_ROWS)
        return end == DIGEST_DONE;
    return compare_rows(db, bound, options, learn, totals, err);
}

bool diff_table(struct db *db, const struct bound *bound, const struct diff_options *options,
                struct diff_totals *totals, struct err *err)
{
    *totals = (struct diff_totals){.reaction_ms = -1};
    bool ok = compare(db, bound, options, totals, err);
    if (!options->in_transaction && !bound->table->known_empty && db_alive(db))
        ok = ok ? db_end_reading(db, err) : (db_rollback(db), false);
    if (!ok && !options->in_transaction)
        name_blocker(db, bound->table, err);
    if (!ok)
        report_hide_secrets(bound, options, err);
    if (!ok)
        err_context(err, "comparing \"%s\"", bound->fixture->table);
    return ok;
}
