/* migrate_alone - a migration that cannot run in one transaction: its own BEGIN and COMMIT, CREATE INDEX
 * CONCURRENTLY, VACUUM, or the mark.
 *
 * Its row is written first ("started"), then it runs statement by statement. When one fails, the row stays as
 * failed with its log: what the statements before did is there, and only a person can say what to do. An
 * index that CONCURRENTLY left invalid gets a comment with the migration's name: a retry drops that one, no
 * other. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "op/migrate.h"
#include "op/trail.h"

static const char not_under_way[] =
    "not exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = c.oid)";
#define OUR_COMMENT "seedops: left invalid by "

/* A ledger text in a transaction that holds the lock; before it, in the same message, what sets the session up. */
static bool record(struct migrate_run *run, const char *setting_up, const char *sql, struct err *err)
{
    struct str text = {0};
    str_add(&text, setting_up);
    str_add(&text, "begin;");
    ledger_sql_lock_check(run->ledger, &text);
    str_add(&text, sql);
    str_add(&text, "commit");
    bool ok = db_run(run->db, str_text(&text), 0, NULL, NULL, err);
    str_free(&text);
    struct err lock = {0};
    if (!ok && db_alive(run->db) && db_rollback(run->db) && !ledger_lock_held(run->ledger, run->db, &lock))
        *err = lock;
    return ok;
}

/* ---- invalid indexes ---- */

static void comment_of(const struct migrate_item *item, struct str *literal)
{
    struct str text = {0};
    str_printf(&text, OUR_COMMENT "%s", item->migration->name);
    db_quote_literal(literal, str_text(&text));
    str_free(&text);
}

/* oid, schema and name of indexes that are not valid and fulfil `condition` (on i, c, n); and whether the last try of
 * this very migration left them. */
static bool find_invalid(struct migrate_run *run, const struct migrate_item *item, const char *condition,
                         struct db_result **result, struct err *err)
{
    struct str sql = {0};
    str_printf(&sql, "select c.oid, n.nspname, c.relname, %s and pg_catalog.obj_description(c.oid, 'pg_class') = ",
               not_under_way);
    comment_of(item, &sql);
    str_printf(&sql,
               " from pg_catalog.pg_index i join pg_catalog.pg_class c"
               " on c.oid = i.indexrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
               " where not i.indisvalid and c.relkind = 'i' and %s order by c.oid",
               condition);
    bool ok = db_run(run->db, str_text(&sql), 0, result, NULL, err);
    str_free(&sql);
    return ok;
}

/* What the last try of this very migration left behind. */
static bool drop_our_own(struct migrate_run *run, const struct migrate_item *item, const struct db_result *found,
                         bool *dropped, struct err *err)
{
    bool ok = true;
    *dropped = false;
    for (size_t i = 0; ok && i < db_rows(found); i++) {
        struct str drop = {0};
        if (!db_bool(found, i, 3))
            continue;
        str_add(&drop, "drop index concurrently ");
        db_quote_relation(&drop, db_value(found, i, 1), db_value(found, i, 2));
        ctx_log(run->ctx, "info", "%s: dropping the invalid index %s.%s that its last try left",
                item->migration->name, db_value(found, i, 1), db_value(found, i, 2));
        ok = *dropped = migrate_watched(run, item, str_text(&drop), NULL, err);
        str_free(&drop);
    }
    return ok;
}

/* The name as the catalogue has it. */
static void catalogue_name(const char *written, struct str *out)
{
    bool quoted = *written == '"';
    for (const char *p = written + quoted; *p && !(quoted && p[0] == '"' && p[1] != '"'); p++) {
        str_add_char(out, quoted ? *p : (char)tolower((unsigned char)*p));
        p += quoted && *p == '"';
    }
}

/* What a new one that is ours looks like: not among those that are invalid now, of the statement's name if it gives
 * one, and not being built by somebody else, whose index is invalid until it is done. */
static void remember_invalid(const struct db_result *found, const struct statement *s, struct str *condition)
{
    str_add(condition, "c.oid not in (0");
    for (size_t i = 0; i < db_rows(found); i++)
        str_printf(condition, ", %s", db_value(found, i, 0));
    str_add_char(condition, ')');
    str_printf(condition, " and %s", not_under_way);
    if (s->index_name) {
        struct str name = {0};
        catalogue_name(s->index_name, &name);
        str_add(condition, " and c.relname = ");
        db_quote_literal(condition, str_text(&name));
        str_free(&name);
    }
}

/* Our own from the last try are dropped, and the others remembered. */
static bool clear_ground(struct migrate_run *run, const struct migrate_item *item, const struct statement *s,
                         struct str *condition, struct err *err)
{
    bool ok = true;
    for (bool dropped = true; ok && dropped;) {
        struct db_result *found = NULL;
        ok = find_invalid(run, item, "true", &found, err) && drop_our_own(run, item, found, &dropped, err);
        if (ok && !dropped)
            remember_invalid(found, s, condition);
        db_result_free(found);
    }
    return ok;
}

/* Names what a failed statement left, with its DROP, and marks it as ours. */
static void mark_invalid(struct migrate_run *run, const struct migrate_item *item, const char *condition,
                         struct str *left)
{
    struct db_result *found = NULL;
    struct err ignored = {0};
    if (!find_invalid(run, item, condition, &found, &ignored))
        return;
    for (size_t i = 0; i < db_rows(found); i++) {
        struct str name = {0}, sql = {0};
        db_quote_relation(&name, db_value(found, i, 1), db_value(found, i, 2));
        str_printf(&sql, "comment on index %s is ", str_text(&name));
        comment_of(item, &sql);
        db_run(run->db, str_text(&sql), 0, NULL, NULL, &ignored);
        str_printf(left, "%sDROP INDEX CONCURRENTLY %s", left->length ? "; " : "", str_text(&name));
        str_free(&sql);
        str_free(&name);
    }
    db_result_free(found);
}

/* IF NOT EXISTS is content with an invalid index of that name; we are not. */
static bool check_valid(struct migrate_run *run, const struct migrate_item *item, const struct statement *s,
                        struct err *err)
{
    if (!s->index_name)
        return true;
    struct str name = {0}, condition = {0};
    catalogue_name(s->index_name, &name);
    str_add(&condition, "c.relname = ");
    db_quote_literal(&condition, str_text(&name));
    struct db_result *found = NULL;
    bool ok = find_invalid(run, item, str_text(&condition), &found, err);
    if (ok && db_rows(found) > 0) {
        struct str relation = {0};
        db_quote_relation(&relation, db_value(found, 0, 1), db_value(found, 0, 2));
        err_set(err, ERR_QUERY, "the index %s exists but is invalid", str_text(&relation));
        err_hint(err, "it was not made here: DROP INDEX CONCURRENTLY %s if nobody builds it now",
                 str_text(&relation));
        str_free(&relation);
        ok = false;
    }
    db_result_free(found);
    str_free(&condition);
    str_free(&name);
    return ok;
}

/* ---- statements ---- */

static bool run_statement(struct migrate_run *run, const struct migrate_item *item, const struct statement *s,
                          bool in_block, unsigned *position, struct err *err)
{
    char *text = xstrndup(s->text, s->length);
    bool free_to_wait = s->no_transaction, ok = false;
    int64_t began = run->started_ms;
    for (int attempt = 0; !ok; attempt++) {
        /* One that builds concurrently waits as long as it must: being stopped leaves an invalid index. */
        ok = db_runf(run->db, err, "set lock_timeout = '%dms'", free_to_wait ? 0 : run->lock_timeout_ms) &&
             migrate_watched(run, item, text, position, err);
        if (ok || in_block || free_to_wait || !migrate_may_retry(run, item, attempt, err))
            break;
    }
    run->started_ms = began;
    free(text);
    return ok;
}

static bool try_concurrently(struct migrate_run *run, const struct migrate_item *item,
                             const struct statement *s, unsigned *position, struct str *left, struct err *err)
{
    struct str condition = {0};
    bool ok = clear_ground(run, item, s, &condition, err);
    str_reset(left);
    if (ok && !(ok = run_statement(run, item, s, false, position, err))) {
        db_ignore_cancel(run->db, true);
        if (db_alive(run->db))
            mark_invalid(run, item, str_text(&condition), left);
        db_ignore_cancel(run->db, false);
    }
    str_free(&condition);
    return ok;
}

/* A tool that waits for the lock inside a statement (Prisma's does) and a concurrent build wait for each other
 * until the server ends one of them: if it was ours, what it left is dropped and it is tried again. */
static bool run_concurrently(struct migrate_run *run, const struct migrate_item *item,
                             const struct statement *s, unsigned *position, struct str *left, struct err *err)
{
    for (int attempt = 0; !try_concurrently(run, item, s, position, left, err); attempt++)
        if (!migrate_may_retry(run, item, attempt, err))
            return false;
    return check_valid(run, item, s, err);
}

/* The failed row with its log; what cannot be written any more stays "started", which reads as failed too. */
static void record_failure(struct migrate_run *run, const struct migrate_item *item,
                           const struct ledger_mark *mark, const struct err *err)
{
    struct str log = {0}, sql = {0};
    struct err trouble = {0};
    str_printf(&log, "%s\n%s%s%s", err->message, err->why, err->at[0] ? "\nat " : "", err->at);
    ledger_sql_failed(run->ledger, item->migration, mark, str_text(&log), &sql);
    migrate_sql_trail(run, "migrate (failed)", item->migration->name, &sql);   /* what ran before is kept */
    db_ignore_cancel(run->db, true);
    if (db_alive(run->db) && !record(run, migrate_as_at_first, str_text(&sql), &trouble))
        ctx_log(run->ctx, "warning", "the log of %s could not be written: %s", item->migration->name,
                trouble.message);
    else if (trouble.class == ERR_NONE)
        trail_left(run->s);
    db_ignore_cancel(run->db, false);
    str_free(&sql);
    str_free(&log);
}

static bool failed_at(struct migrate_run *run, const struct migrate_item *item, const struct statement *s,
                      unsigned position, const struct str *left, struct err *err)
{
    unsigned line = 0, column = 0;
    if (s && position) {
        split_place(s->text, s->length, position, &line, &column);
        if (line == 1) {             /* the column counts from the statement's own beginning */
            const char *start = s->text;
            while (start > item->bytes && start[-1] != '\n')
                start--;
            for (; start < s->text; start++)
                column += ((unsigned char)*start & 0xc0) != 0x80;
        }
        line += s->line - 1;
    }
    struct str kept = {0};
    if (left->length)
        str_printf(&kept, "an invalid index stayed: %s; ", str_text(left));
    str_printf(&kept,
               "what ran before it is kept and it stays failed: seedops migrate resolve %s --rolled-back"
               " (to apply it again) or --applied",
               item->migration->name);
    migrate_explain(run, item, s, line, column, str_text(&kept), err);
    str_free(&kept);
    return false;
}

static bool run_statements(struct migrate_run *run, const struct migrate_item *item, struct err *err)
{
    bool in_block = false;
    struct str left = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < item->sql.count; i++) {
        const struct statement *s = &item->sql.statements[i];
        unsigned position = 0;
        ok = s->concurrently ? run_concurrently(run, item, s, &position, &left, err)
                             : run_statement(run, item, s, in_block, &position, err);
        if (!ok && db_alive(run->db) && in_block)
            db_rollback(run->db);
        if (!ok)
            failed_at(run, item, s, position, &left, err);
        in_block = (in_block || s->begins_block) && !s->ends_block;
    }
    if (ok && in_block) {
        db_rollback(run->db);
        err_set(err, ERR_QUERY, "the file begins a transaction that it never ends");
        ok = failed_at(run, item, NULL, 0, &left, err);
    }
    str_free(&left);
    return ok;
}

bool migrate_run_alone(struct migrate_run *run, const struct migrate_item *item, struct err *err)
{
    struct ledger_mark mark;
    struct str sql = {0}, session = {0};
    migrate_tell(run);
    migrate_sql_session(run, &session);
    ledger_sql_started(run->ledger, item->migration, &mark, &sql);
    bool ok = record(run, str_text(&session), str_text(&sql), err);
    str_free(&session);
    if (!ok) {
        str_free(&sql);
        return migrate_explain(run, item, NULL, 0, 0, "nothing of it was run", err);
    }
    ok = run_statements(run, item, err);
    if (!ok) {
        record_failure(run, item, &mark, err);
    } else {
        str_reset(&sql);
        ledger_sql_finished(run->ledger, item->migration, &mark, &sql);
        migrate_sql_trail(run, "migrate", item->migration->name, &sql);   /* with the row that says it is applied */
        ok = record(run, migrate_as_at_first, str_text(&sql), err);
        if (ok)
            trail_left(run->s);
        else
            migrate_explain(run, item, NULL, 0, 0,
                            "all of it ran, but its row in the ledger could not be finished", err);
    }
    str_free(&sql);
    return ok;
}
