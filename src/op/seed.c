/* seed - makes missing and changed rows right, and nothing else (SAFETY 5 "Seed").
 *
 *   evidence ─▶ plan (read only) ─▶ nothing differs: done, no transaction was opened
 *               ▲      │ validate, guard
 *               │      ▼
 *               └── one transaction: write, compare counts, sequences, COMMIT
 *               another writer was faster: rolled back, planned again, three times
 *
 * A COMMIT whose answer is lost is looked up by its transaction id on a new connection, never guessed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "db/pipeline.h"
#include "op/declared.h"
#include "op/early.h"
#include "op/keep.h"
#include "op/lineage.h"
#include "op/evidence.h"
#include "op/ops.h"
#include "op/orphans.h"
#include "op/outcome.h"
#include "op/plan.h"
#include "op/precheck.h"
#include "op/trail.h"
#include "op/write.h"

enum { ATTEMPTS = 3 };

struct seeding {
    struct session *session;
    const struct seed_options *options;
    struct declared declared;
    struct plan plan;
    struct guard_answer guard;
    struct input *outcome;
    int64_t started_ms;
    char xid[24];                  /* of the transaction, noted before anything is written */
    bool recorded;                 /* the evidence of held tables */
    struct early early;            /* values being checked and rows asked for while fixtures are read */
    struct plan_first first;       /* values being checked beside the first comparison */
    bool validated;
    bool refused;                  /* a try ended at a foreign key, */
    bool waited;                   /* and one more that let values wait */
};

/* ---- evidence (SAFETY 4) ---- */

/* Comparing scans the table and an INSERT prunes it, so what the catalogue knows is put on record first. */
static bool record_evidence(struct seeding *g, struct err *err)
{
    struct declared *d = &g->declared;
    if (g->recorded)
        return true;
    g->recorded = true;
    const struct db_table **tables = xcalloc(d->set.count, sizeof *tables);
    size_t count = 0;
    for (size_t i = 0; i < d->set.count; i++)
        if (d->evidence[i])
            tables[count++] = d->set.items[i].table;
    if (count)
        ctx_log(g->session->ctx, "warning", "%zu %s deleted rows that may still be readable; the catalogue's evidence "
                "is recorded, the rows themselves will be lost", count, count == 1 ? "table has" : "tables have");
    bool ok = evidence_record(g->session, tables, count, err);
    free(tables);
    return ok;
}

static bool any(const struct seeding *g, const bool *flags)
{
    for (size_t i = 0; i < g->declared.set.count; i++)
        if (flags[i])
            return true;
    return false;
}

/* ---- events ---- */

static void emit_outcome(struct seeding *g, uint64_t written)
{
    struct input *in = g->outcome;
    in->name = xstrdup("seed");
    in->ok = true;
    in->number = clock_mono_ms() - g->started_ms;
    in->number2 = (int64_t)written;
    g->outcome = NULL;
    ctx_emit(g->session->ctx, in);
}

static void start_outcome(struct seeding *g)
{
    input_free(g->outcome);
    g->outcome = input_new(IN_OUTCOME);
    g->outcome->counts = xcalloc(g->plan.count, sizeof *g->outcome->counts);
    g->outcome->count_count = g->plan.count;
    for (size_t i = 0; i < g->plan.count; i++) {
        const struct table_plan *t = &g->plan.tables[i];
        g->outcome->counts[i] = (struct fact_count){.table = xstrdup(t->bound->fixture->table),
            .before = (int64_t)t->totals.live_rows, .after = (int64_t)t->totals.live_rows};
    }
}

/* ---- the transaction ---- */

static bool begin(struct seeding *g, struct db *db, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    str_add(&sql, "BEGIN; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; "
                  "SET LOCAL IntervalStyle = 'postgres'; SET LOCAL lock_timeout = '10s'; "
                  "SET LOCAL statement_timeout = 0; ");
    if (db_facts(db)->server_version_num >= 140000)
        str_add(&sql, "SET LOCAL client_connection_check_interval = '2s'; ");
    if (g->declared.set.deferred)
        str_add(&sql, "SET CONSTRAINTS ALL DEFERRED; ");
    str_add(&sql, "SELECT pg_catalog.txid_current()::pg_catalog.text");
    bool ok = db_run(db, str_text(&sql), 0, &result, NULL, err);
    if (ok)
        snprintf(g->xid, sizeof g->xid, "%s", db_value(result, 0, 0));
    db_result_free(result);
    str_free(&sql);
    return ok;
}

/* The rows that are there now, of the tables that were written. */
static bool count_after(struct seeding *g, struct db *db, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    for (size_t i = 0; i < g->plan.count; i++) {
        const struct table_plan *t = &g->plan.tables[i];
        if (t->insert_rows == 0)
            continue;
        str_printf(&sql, "%s%zu, pg_catalog.count(*) FROM ", sql.length ? " UNION ALL SELECT " : "SELECT ", i);
        db_quote_relation(&sql, t->bound->table->schema, t->bound->table->name);
    }
    bool ok = sql.length == 0 || db_run(db, str_text(&sql), 0, &result, NULL, err);
    for (size_t r = 0; ok && result && r < db_rows(result); r++) {
        uint64_t table = (uint64_t)db_int(result, r, 0, -1);
        if (table < g->outcome->count_count)
            g->outcome->counts[table].after = db_int(result, r, 1, -1);
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

enum { COUNTS_PAUSE_MS = 550, COUNTS_TRIES = 5 };

/* How many tables of the plan the server has not yet counted all our rows of. */
static int64_t uncounted(struct seeding *g, struct db *db)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    for (size_t i = 0; i < g->plan.count; i++) {
        const struct db_table *table = g->plan.tables[i].bound->table;
        if (g->plan.tables[i].insert_rows && g->declared.evidence[i])
            str_printf(&sql, "%s(pg_catalog.pg_stat_get_tuples_inserted(%lu) < %lld)::pg_catalog.int4",
                       sql.length ? " + " : "SELECT ", (unsigned long)table->oid,
                       (long long)(table->inserted + (int64_t)g->plan.tables[i].insert_rows));
    }
    bool ok = sql.length && db_run(db, str_text(&sql), 0, &result, NULL, NULL);
    int64_t left = ok ? db_int(result, 0, 0, 0) : 0;
    db_result_free(result);
    str_free(&sql);
    return left;
}

/* The server counts rows up to ten seconds late; until then a table that was just filled looks like one that
 * lost its rows, and would be held. PostgreSQL 15 counts when asked; a refusal changes nothing. Older ones report at
 * the end of a statement, if half a second has passed since they last did. */
static void count_now(struct seeding *g, struct db *db)
{
    if (db_facts(db)->server_version_num >= 150000) {
        db_run(db, "SELECT pg_catalog.pg_stat_force_next_flush()", 0, NULL, NULL, NULL);
        return;
    }
    for (int i = 0; i < COUNTS_TRIES && uncounted(g, db) > 0; i++)
        if (!ctx_sleep(g->session->ctx, COUNTS_PAUSE_MS, NULL))
            return;
}

static bool commit(struct seeding *g, struct db *db, struct err *err)
{
    db_mark_committing(db, true);
    bool ok = db_run(db, "COMMIT", 0, NULL, NULL, err);
    if (db_alive(db))
        db_mark_committing(db, false);
    if (ok)
        count_now(g, db);
    if (!ok && err->class == ERR_UNKNOWN_OUTCOME)
        ok = outcome_find_out(g->session, g->xid, err);
    return ok;
}

static struct trail_entry trail_of(const struct seeding *g)
{
    return (struct trail_entry){.action = "seed", .plan_digest = g->plan.digest, .fixtures = true,
                                .counts = g->outcome->counts, .count_count = g->outcome->count_count};
}

/* Rows that are where they were want no safepoint; with an outcome that nobody knows it stays. */
static void end_safepoint(struct seeding *g, struct safepoint *safepoint, bool written, const struct err *err)
{
    if (safepoint && written)
        g->outcome->text = xstrdup(safepoint_path(safepoint));
    if (written || err->class == ERR_UNKNOWN_OUTCOME)
        safepoint_free(safepoint);
    else
        safepoint_discard(safepoint);
}

static bool write_once(struct seeding *g, struct db *db, struct err *err)
{
    struct safepoint *safepoint = NULL;
    start_outcome(g);
    bool ok = begin(g, db, err) && keep_changed(g->session, db, &g->plan, g->options->safepoint_dir, &safepoint, err) &&
              write_plan(g->session, db, &g->plan, err) && count_after(g, db, err) &&
              write_sequences(db, &g->plan, err);
    struct trail_entry entry = trail_of(g);
    ok = ok && trail_add(g->session, db, &entry, err);
    bool written = ok && commit(g, db, err);
    end_safepoint(g, safepoint, written, err);
    if (!ok && db_alive(db))
        db_rollback(db);
    return written;
}

/* Another writer: its row is there already, its lock was in the way, its delete took a parent. Reading again
 * shows how things stand now. */
static bool worth_another_try(const struct err *err)
{
    return err->class == ERR_CONFLICT || db_retryable(err) || strcmp(err->sqlstate, "23505") == 0 ||
           strcmp(err->sqlstate, "23503") == 0;
}

/* ---- the procedure ---- */

/* SAFETY 5 "Whose fixtures?": what a plan says before anything else. */
static struct input *with_lineage(const struct session *s, struct input *plan)
{
    struct str sentence = {0};
    plan->expect = xstrdup(lineage_name(lineage_of(s, &sentence)));
    plan->title = str_take(&sentence);
    return plan;
}

/* Where nothing differs there is nothing to validate: the rows are there. */
static bool validate_once(struct seeding *g, struct err *err)
{
    if (g->validated || g->plan.rows == 0)
        return true;
    g->validated = true;
    bool fine = early_checked(&g->early, &g->session->fixtures) || precheck_take(g->first.precheck);
    g->first.precheck = NULL;
    return fine || declared_validate(g->session, &g->declared, err);
}

static bool plan_again(struct seeding *g, struct err *err)
{
    plan_free(&g->plan);
    if (!plan_make(g->session, &g->declared, &g->plan, g->validated ? NULL : &g->first, err))
        return declared_place(g->session, &g->declared, err);
    if (!validate_once(g, err) || !orphans_check(g->session, &g->declared, &g->plan, g->refused, err))
        return false;
    ctx_emit(g->session->ctx, with_lineage(g->session, plan_event(&g->plan, &g->guard)));
    start_outcome(g);
    g->plan.values_late = g->refused && write_can_wait(&g->plan);
    return true;
}

/* A broken constraint and the same plan again: nobody came between, so nothing would change, unless it can be written
 * in another order. */
static bool pointless(const struct seeding *g, const struct err *before, const char *digest)
{
    return strncmp(before->sqlstate, "23", 2) == 0 && strcmp(digest, g->plan.digest) == 0 &&
           (!g->plan.values_late || g->waited);
}

/* SAFETY 5.4: what was confirmed, or nothing. A plan that left held tables unread went by the fixtures alone. */
static bool as_confirmed(const struct seeding *g, struct err *err)
{
    const char *seen = g->options->seen;
    if (!seen || strcmp(seen, g->plan.digest) == 0 || strcmp(seen, g->session->fixtures.digest) == 0)
        return true;
    err_set(err, ERR_CONFLICT, "the plan is not the one that was confirmed any more; nothing was written");
    err_why(err, "the rows or the fixtures changed meanwhile");
    return err_hint(err, "look at the new plan and confirm that");
}

static bool seed_until_right(struct seeding *g, struct err *err)
{
    struct db *direct;
    struct err before = {0};
    char digest[HASH_HEX] = "";
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        if (!plan_again(g, err))
            return false;
        if (pointless(g, &before, digest)) {
            *err = before;
            return false;
        }
        if (g->plan.rows == 0 || g->options->dry_run) {
            emit_outcome(g, 0);
            return true;
        }
        if (!as_confirmed(g, err))
            return false;
        if (!session_guard(g->session, GUARD_SEED, NULL, err) || !record_evidence(g, err) ||
            !session_direct(g->session, &direct, err))
            return false;
        if (attempt == 1)
            trail_announce(g->session);
        uint64_t rows = g->plan.rows;
        if (write_once(g, direct, err)) {
            emit_outcome(g, rows);
            trail_applied(g->session, &(struct trail_entry){.fixtures = true});   /* both wait for the disk at once */
            return true;
        }
        if (!worth_another_try(err))
            return false;
        before = *err;
        g->waited |= g->plan.values_late;
        g->refused |= strcmp(err->sqlstate, "23503") == 0;
        memcpy(digest, g->plan.digest, sizeof digest);
        declared_forget_counts(&g->declared);
        if (attempt < ATTEMPTS)
            ctx_log(g->session->ctx, "info", "%s; planning again", err->message);
    }
    if (err->class == ERR_QUERY)
        err->class = ERR_CONFLICT;
    return false;
}

/* The console's question before a seed: a dry run that leaves held tables unread until the answer is yes. */
static bool only_asks(const struct seeding *g)
{
    return g->options->dry_run && !g->options->scan && g->session->ctx->face == GUARD_CONSOLE &&
           any(g, g->declared.held);
}

/* An emptied table is planned without being read. One with rows left would have to be scanned: only when the
 * seed may go on, and after the evidence is recorded; a dry run never costs any unasked. */
static bool spare_evidence(struct seeding *g, struct err *err)
{
    if (!any(g, g->declared.evidence) && !any(g, g->declared.held))
        return true;
    if (!declared_count_held(g->session, &g->declared, err))
        return false;
    if (!any(g, g->declared.held) || g->options->scan || only_asks(g))
        return true;
    if (g->options->dry_run) {
        err_set(err, ERR_DIFFERENT, "a table is held, so a dry run does not compare it");
        err_why(err, "rows were deleted from it, and a scan would destroy what can be read back");
        return err_hint(err, "--scan compares anyway; seedops count shows which tables are held");
    }
    return session_guard(g->session, GUARD_SEED, NULL, err) && record_evidence(g, err);
}

static bool ask_unread(struct seeding *g)
{
    struct session *s = g->session;
    ctx_emit(s->ctx, with_lineage(s, plan_unread_event(&g->declared, s->fixtures.digest, &g->guard)));
    start_outcome(g);
    emit_outcome(g, 0);
    return true;
}

bool op_seed(struct session *s, const struct seed_options *options, struct err *err)
{
    struct seeding g = {.session = s, .options = options, .started_ms = clock_mono_ms()};
    if (!early_begin(&g.early, s, NULL, DIFF_AS_IT_PAYS, true, err))
        return false;
    early_settle(&g.early, s);
    g.first.check = !g.early.precheck;
    if (!declared_load(s, &g.declared, err)) {
        early_end(&g.early);
        return false;
    }
    session_guard_shown(s, GUARD_SEED, &g.guard);
    bool ok = spare_evidence(&g, err);
    if (ok && only_asks(&g)) {
        ok = ask_unread(&g);
    } else if (ok) {
        ok = seed_until_right(&g, err);
        precheck_stop(g.first.precheck);
    }
    early_end(&g.early);
    plan_free(&g.plan);
    input_free(g.outcome);
    declared_free(&g.declared);
    return ok;
}
