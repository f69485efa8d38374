/* do - the transaction:
 *
 *   BEGIN ─▶ lock the rows that go, parents first, and what goes with them
 *         ─▶ save all of it in the same snapshot ─▶ is it what was confirmed? ─▶ safepoint whole, on disk, named
 *         ─▶ delete, children first ─▶ is it what was planned? ─▶ (seed) ─▶ COMMIT
 *
 * Many rows that nobody reads one by one are saved while they are deleted, where a second connection can be had
 * (beside.h): the safepoint is then whole after the deletes, and what was confirmed is asked once more. COMMIT comes
 * after all of it.
 *
 * REPEATABLE READ: a child that someone inserts after the snapshot makes the delete fail instead of going unsaved. Any
 * failure before COMMIT rolls back and removes the safepoint; where the outcome stays unknown the safepoint stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "op/keep.h"
#include "op/outcome.h"
#include "op/trail.h"
#include "op/write.h"
#include "removal/beside.h"

enum { TELL_EVERY = 4096 };          /* rows between two words on progress */

struct doing {
    struct removal *removal;
    struct db *db;
    struct safepoint *safepoint;
    struct db *beside;               /* reads what is saved while it is deleted; NULL: nothing is */
    bool follows;                    /* `beside` sees the transaction's snapshot */
    struct cascade_tally tally;
    char xid[24];
    uint64_t deleted;
    bool unknown;                    /* whether it was committed */
    size_t open_family;              /* whose section the safepoint has open; SIZE_MAX: none that is streamed to */
    char *settings;                  /* SQL that puts the session's own settings back */
    bool saving, deleting;           /* the fail points between two statements have been passed */
};

/* ---- lock ---- */

static void walked(void *context, uint64_t rows)
{
    struct doing *d = context;
    ctx_progress(d->removal->session->ctx, d->open_family == SIZE_MAX ? "locking" : "saving", (int64_t)rows,
                 (int64_t)d->removal->rows, false);
}

/* Exact texts are for reading only: triggers and constraints run under the session's own settings again. Asked before
 * the transaction, whose first statement is the lock. */
static bool note_settings(struct doing *d, struct err *err)
{
    struct db_result *result = NULL;
    bool ok = db_run(d->db, "SELECT 'SELECT ' || pg_catalog.string_agg(pg_catalog.format('pg_catalog.set_config(%L, %L, "
                            "true)', s.name, s.setting), ', ') FROM pg_catalog.pg_settings s WHERE s.name IN "
                            "('search_path', 'DateStyle', 'IntervalStyle', 'TimeZone', 'extra_float_digits', "
                            "'bytea_output', 'xmloption')", 0, &result, NULL, err);
    if (ok)
        d->settings = xstrdup(db_value(result, 0, 0));
    db_result_free(result);
    return ok;
}

static bool bulk(void *context, size_t family)
{
    struct doing *d = context;
    return removal_bulk(d->removal, family);
}

static bool first_time(bool *passed, enum failpoint point, struct err *err)
{
    bool before = *passed;
    *passed = true;
    return before || failpoint(point, err);
}

static bool begin_bulk(void *context, size_t family, struct err *err)
{
    struct doing *d = context;
    struct safepoint_section section = {.table = d->removal->graph.relations[family].table, .kind = SAFEPOINT_DELETED};
    if (d->open_family == family)
        return true;
    d->open_family = family;
    return safepoint_section(d->safepoint, &section, err);
}

static bool take_bulk(void *context, const char *line, size_t length, struct err *err)
{
    struct doing *d = context;
    return safepoint_rows(d->safepoint, line, length, err) && first_time(&d->saving, FAIL_PRUNE_SAVING, err);
}

static uint64_t later(void *context, size_t family)
{
    struct doing *d = context;
    uint64_t rows = d->removal->planned[family];
    return d->beside && rows >= BESIDE_ROWS ? rows : 0;
}

static bool reads_later(const struct doing *d)
{
    bool any = false;
    for (size_t i = 0; i < d->removal->graph.relation_count; i++)
        any |= d->removal->cascade.later[i];
    return any;
}

static struct cascade_options walk_of(struct doing *d)
{
    return (struct cascade_options){.lock = true, .lock_bulk = d->removal->attempt > 1, .progress = walked, .bulk = bulk,
                                    .begin = begin_bulk, .row = take_bulk, .later = later, .context = d};
}

static bool begin(struct doing *d, struct err *err)
{
    struct removal *r = d->removal;
    struct str sql = {0};
    str_add(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '10s'; "
                  "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; ");
    if (db_facts(d->db)->server_version_num >= 140000)
        str_add(&sql, "SET LOCAL client_connection_check_interval = '2s'; ");
    str_add(&sql, cascade_texts);
    bool ok = note_settings(d, err) && db_run(d->db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    cascade_free(&r->cascade);
    cascade_init(&r->cascade, &r->graph);
    cascade_roots_of(&r->cascade, r->roots);
    memset(r->doomed, 0, (r->graph.relation_count + 1) * sizeof *r->doomed);
    memset(r->changed, 0, (r->graph.edge_count + 1) * sizeof *r->changed);
    d->open_family = SIZE_MAX;
    struct cascade_options walk = walk_of(d);
    return ok && cascade_walk(&r->cascade, d->db, &walk, err) && cascade_tally_read(&d->tally, d->db, err);
}

/* The id under which the outcome can be asked for, noted before anything is written. */
static bool note_xid(struct doing *d, struct err *err)
{
    struct db_result *result = NULL;
    bool ok = db_run(d->db, "SELECT pg_catalog.txid_current()::pg_catalog.text", 0, &result, NULL, err);
    if (ok)
        snprintf(d->xid, sizeof d->xid, "%s", db_value(result, 0, 0));
    db_result_free(result);
    return ok;
}

/* ---- save ---- */

static bool open_safepoint(struct doing *d, struct err *err)
{
    struct removal *r = d->removal;
    struct session *s = r->session;
    const struct environment *env = s->ctx->environment;
    struct input *plan = removal_event(r);
    struct safepoint_options options = {
        .facts = {.action = removal_word(r), .environment = env->name, .role = role_name(env->role),
                  .target = url_redacted(&env->url, &s->ctx->settings->arena),
                  .system_identifier = s->direct_identity.system_identifier,
                  .database = db_facts(d->db)->database, .database_oid = s->direct_identity.database_oid,
                  .server_version = db_facts(d->db)->server_version, .journal = s->ctx->journal, .plan_digest = r->digest,
                  .steps = plan->steps, .step_count = plan->step_count},
        .dir = r->options->safepoint_dir, .state_dir = env->state_dir, .lasting = true,
        .estimated_bytes = plan->rate,
    };
    bool ok = safepoint_create(&d->safepoint, &options, err);
    input_free(plan);
    return ok;
}

static void saving(struct doing *d)
{
    ctx_progress(d->removal->session->ctx, "saving", safepoint_saved(d->safepoint), (int64_t)d->removal->rows, false);
}

static bool save_family(struct doing *d, size_t family, struct err *err)
{
    struct removal *r = d->removal;
    struct safepoint_section section = {.table = r->graph.relations[family].table, .kind = SAFEPOINT_DELETED};
    if (r->cascade.doomed[family].count == 0 || r->cascade.streamed[family])
        return true;
    saving(d);
    return safepoint_section(d->safepoint, &section, err) &&
           removal_read_family(r, d->db, family, false, d->safepoint, err) && first_time(&d->saving, FAIL_PRUNE_SAVING, err);
}

/* The text of a default that is a constant: without it a restore could not tell what we set from what others did. */
static bool evaluate(struct doing *d, const char *constant, char **text, struct err *err)
{
    struct db_result *result = NULL;
    struct str sql = {0};
    str_printf(&sql, "SELECT (%s)::pg_catalog.text", constant);
    bool ok = db_run(d->db, str_text(&sql), 0, &result, NULL, err);
    const char *value = ok ? db_value(result, 0, 0) : NULL;
    *text = value ? xstrdup(value) : NULL;
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool note_change(struct doing *d, size_t e, bool update, size_t i, struct safepoint_section *section,
                        struct safepoint_change *changes, struct err *err)
{
    const struct db_column *column = removal_edge_column(d->removal, e, i);
    if (!column || !removal_changes_column(d->removal, e, update, i))
        return true;
    struct removal_value value = removal_becomes(d->removal, e, update, i);
    struct safepoint_change *change = &changes[section->change_count++];
    char *text = NULL;
    change->column = (size_t)(column - section->table->columns);
    change->known = value.sql && (value.constant || strcmp(value.sql, "NULL") == 0);
    bool ok = !value.constant || evaluate(d, value.constant, &text, err);
    change->after = text;
    return ok;
}

/* Rows that stay with other values: saved whole, with which columns are overwritten. Rows in the way are only read. */
static bool save_edge(struct doing *d, size_t e, bool update, struct err *err)
{
    struct removal *r = d->removal;
    const struct graph_edge *edge = &r->graph.edges[e];
    const struct cascade_set *set = update ? &r->cascade.updated[e] : &r->cascade.met[e];
    const struct db_table *table = r->graph.relations[r->graph.relations[edge->child].family].table;
    if (cascade_others(&r->cascade, set) == 0)
        return true;
    if (!removal_edge_changes(r, e, update))
        return removal_read_edge(r, d->db, e, update, false, NULL, err);
    struct safepoint_change *changes = xcalloc(edge->count, sizeof *changes);
    struct safepoint_section section = {.table = table, .kind = SAFEPOINT_CHANGED, .changes = changes};
    bool ok = true;
    for (size_t i = 0; ok && i < edge->count; i++)
        ok = note_change(d, e, update, i, &section, changes, err);
    ok = ok && safepoint_section(d->safepoint, &section, err) &&
         removal_read_edge(r, d->db, e, update, false, d->safepoint, err);
    for (size_t i = 0; i < section.change_count; i++)
        free((char *)changes[i].after);
    free(changes);
    return ok;
}

static bool save_all(struct doing *d, struct err *err)
{
    struct removal *r = d->removal;
    size_t n = r->graph.relation_count + 1, *order = xcalloc(n, sizeof *order), *group = xcalloc(n, sizeof *group);
    bool *in = xcalloc(n, sizeof *in), ok = true;
    for (size_t i = 0; i < r->graph.relation_count; i++)
        in[i] = r->graph.relations[i].family == i;
    size_t count = graph_order(&r->graph, in, order, group);
    for (size_t i = 0; ok && i < count; i++)
        ok = save_family(d, order[i], err);
    for (size_t e = 0; ok && e < r->graph.edge_count; e++)
        ok = save_edge(d, e, false, err) && save_edge(d, e, true, err);
    free(in);
    free(order);
    free(group);
    return ok;
}

/* What was left for later: now, unless the second connection can read it while it is deleted. */
static bool save_later(struct doing *d, struct err *err)
{
    struct err why = {0};
    if (!reads_later(d))
        return true;
    d->follows = beside_join(d->removal, d->beside, d->db, d->xid, &why);
    if (d->follows)
        return true;
    if (why.class != ERR_NONE) {
        *err = why;
        return false;
    }
    struct cascade_options walk = walk_of(d);
    return cascade_read_later(&d->removal->cascade, d->db, &walk, err);
}

static bool save(struct doing *d, struct err *err)
{
    return save_all(d, err) && save_later(d, err) && db_run(d->db, d->settings, 0, NULL, NULL, err) && failpoint(FAIL_PRUNE_SAVED, err);
}

/* ---- is it what was confirmed? ---- */

static bool grown(struct removal *r, const char *name, uint64_t now, uint64_t then, struct err *err)
{
    r->another = true;
    err_set(err, ERR_CONFLICT, "%s has %llu rows that would go or change, %llu were confirmed", name,
            (unsigned long long)now, (unsigned long long)then);
    err_why(err, "it grew by more than 10 %% or 1 000 rows meanwhile");
    return err_hint(err, "nothing was deleted; look at the new plan and confirm that");
}

static bool much_more(uint64_t now, uint64_t then) { return now > then && (now - then > 1000 || (now - then) * 10 > then); }

/* What a converge would write is part of what was confirmed: planned again in this snapshot, before anything of it is
 * deleted. (What is written in the end also makes good what goes with others.) */
static bool plan_seed_again(struct doing *d, struct err *err)
{
    struct removal *r = d->removal;
    struct session inside = *r->session;
    if (r->options->kind != REMOVAL_CONVERGE)
        return true;
    inside.db = d->db;
    plan_free(&r->seed);
    r->declared.in_transaction = true;
    r->seeds = plan_make(&inside, &r->declared, &r->seed, NULL, err);
    r->declared.in_transaction = false;
    return r->seeds;
}

static bool as_planned(struct removal *r, struct err *err)
{
    char now[HASH_HEX];
    uint64_t operational = 0;
    for (size_t i = 0; i < r->graph.relation_count; i++) {
        uint64_t rows = cascade_going(&r->cascade, i);
        if (r->graph.relations[i].context)
            continue;
        operational += rows;
        if (much_more(rows, r->planned[i]))
            return grown(r, removal_name(r, i), rows, r->planned[i], err);
    }
    for (size_t e = 0; e < r->graph.edge_count; e++) {
        size_t child = r->graph.relations[r->graph.edges[e].child].family;
        uint64_t rows = removal_changed(r, e);
        if (r->graph.relations[child].context)
            continue;
        operational += rows;
        if (much_more(rows, r->planned_changed[e]))
            return grown(r, removal_name(r, child), rows, r->planned_changed[e], err);
    }
    if (r->options->seen_operational >= 0 && much_more(operational, (uint64_t)r->options->seen_operational))
        return grown(r, "the application", operational, (uint64_t)r->options->seen_operational, err);
    removal_digest(r, now);
    if (strcmp(now, r->digest) == 0)
        return true;
    r->another = true;
    err_set(err, ERR_CONFLICT, "the rows that would %s are not the ones that were planned",
            r->options->kind == REMOVAL_CONVERGE ? "go or be written" : "go");
    err_why(err, "someone else wrote meanwhile");
    return err_hint(err, "nothing was deleted; look at the new plan and confirm that");
}

/* ---- delete, check, seed ---- */

static bool deleted(void *context, uint64_t rows, struct err *err)
{
    struct doing *d = context;
    d->deleted += rows;
    if (!reads_later(d))
        ctx_progress(d->removal->session->ctx, "deleting", (int64_t)d->deleted, (int64_t)d->removal->rows, false);
    return first_time(&d->deleting, FAIL_PRUNE_DELETING, err);
}

/* A row that is deleted meanwhile. */
static bool take_later(void *context, const char *line, size_t length, struct err *err)
{
    struct doing *d = context;
    if (safepoint_saved(d->safepoint) % TELL_EVERY == 0)
        saving(d);
    return take_bulk(d, line, length, err);
}

static bool delete_all(struct doing *d, struct err *err)
{
    struct cascade_delete options = {.step = deleted, .beside = d->follows ? d->beside : NULL, .begin = begin_bulk,
                                     .row = take_later, .context = d};
    return cascade_delete(&d->removal->cascade, d->db, &options, err) && failpoint(FAIL_PRUNE_DELETED, err) &&
           db_run(d->db, "SET CONSTRAINTS ALL IMMEDIATE", 0, NULL, NULL, err) &&
           cascade_check(&d->removal->cascade, d->db, &d->tally, err) && failpoint(FAIL_PRUNE_CHECKED, err);
}

static bool make_safe(struct doing *d, struct err *err)
{
    return safepoint_finish(d->safepoint, err) && failpoint(FAIL_PRUNE_SAFE, err);
}

/* The fixtures' rows, compared and written inside this transaction. What they overwrite is saved as well, so the
 * safepoint ends here. */
static bool seed(struct doing *d, struct err *err)
{
    struct removal *r = d->removal;
    struct session inside = *r->session;
    if (r->options->kind == REMOVAL_PRUNE)
        return true;
    inside.db = d->db;
    if (r->seeds)
        plan_free(&r->seed);
    r->seeds = true;
    r->declared.in_transaction = true;
    bool ok = (!r->declared.set.deferred || db_run(d->db, "SET CONSTRAINTS ALL DEFERRED", 0, NULL, NULL, err)) &&
              plan_make(&inside, &r->declared, &r->seed, NULL, err) &&
              keep_rows(&inside, d->db, &r->seed, d->safepoint, err) && make_safe(d, err) &&
              write_plan(&inside, d->db, &r->seed, err) && write_sequences(d->db, &r->seed, err);
    r->declared.in_transaction = false;
    r->session->ctx = inside.ctx;
    return ok && failpoint(FAIL_RESET_SEEDED, err);
}

/* ---- before and after ---- */

enum { COUNT_PAGES = 20000 };        /* a table of more pages is not counted for a report */

static bool touched(const struct removal *r, size_t family)
{
    if (cascade_going(&r->cascade, family))
        return true;
    const struct bound *b = removal_bound(r, family);
    for (size_t i = 0; r->seeds && i < r->seed.count; i++)
        if (r->seed.tables[i].bound == b && b)
            return true;
    return false;
}

static int64_t inserted(const struct removal *r, size_t family)
{
    const struct bound *b = removal_bound(r, family);
    for (size_t i = 0; r->seeds && b && i < r->seed.count; i++)
        if (r->seed.tables[i].bound == b)
            return (int64_t)r->seed.tables[i].insert_rows;
    return 0;
}

static bool count_after(struct doing *d, struct err *err)
{
    struct removal *r = d->removal;
    struct str sql = {0};
    struct db_result *result = NULL;
    struct input *out = r->outcome = input_new(IN_OUTCOME);
    out->counts = xcalloc(r->graph.relation_count + 1, sizeof *out->counts);
    for (size_t i = 0; i < r->graph.relation_count; i++) {
        const struct graph_relation *rel = &r->graph.relations[i];
        if (rel->family != i || !touched(r, i))
            continue;
        int64_t change = inserted(r, i) - (int64_t)cascade_going(&r->cascade, i);
        out->counts[out->count_count] = (struct fact_count){.table = xstrdup(removal_name(r, i)), .before = -change,
                                                           .after = -1};
        str_printf(&sql, "%s%zu, ", sql.length ? " UNION ALL SELECT " : "SELECT ", out->count_count++);
        if (rel->kind == 'r' && rel->table->pages > COUNT_PAGES) {
            str_add(&sql, "-1");
        } else {
            str_add(&sql, "pg_catalog.count(*) FROM ");
            db_quote_relation(&sql, rel->schema, rel->name);
        }
    }
    bool ok = sql.length == 0 || db_run(d->db, str_text(&sql), 0, &result, NULL, err);
    for (size_t i = 0; ok && result && i < db_rows(result); i++) {
        struct fact_count *count = &out->counts[db_int(result, i, 0, 0)];
        count->after = db_int(result, i, 1, -1);
        count->before = count->after < 0 ? -1 : count->after + count->before;
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

/* ---- the whole ---- */

static struct trail_entry trail_of(const struct removal *r)
{
    return (struct trail_entry){.action = removal_word(r), .plan_digest = r->digest, .fixtures = true,
                                .counts = r->outcome->counts, .count_count = r->outcome->count_count};
}

static bool leave_trail(struct doing *d, struct err *err)
{
    struct trail_entry entry = trail_of(d->removal);
    return trail_add(d->removal->session, d->db, &entry, err);
}

static bool commit(struct doing *d, struct err *err)
{
    if (!failpoint(FAIL_PRUNE_COMMIT, err))
        return false;
    db_mark_committing(d->db, true);
    bool ok = db_run(d->db, "COMMIT", 0, NULL, NULL, err);
    if (db_alive(d->db))
        db_mark_committing(d->db, false);
    if (!ok && err->class == ERR_UNKNOWN_OUTCOME) {
        ok = outcome_find_out(d->removal->session, d->xid, err);
        d->unknown = !ok && err->class == ERR_UNKNOWN_OUTCOME;
        d->db = d->removal->session->direct;
    }
    return ok && (failpoint(FAIL_PRUNE_DONE, err) || true);
}

/* Saved first; many rows while they go, and then it is asked again whether they are what was confirmed. */
static bool delete_saved(struct doing *d, struct err *err)
{
    bool prune = d->removal->options->kind == REMOVAL_PRUNE;
    if (!d->follows)
        return (!prune || make_safe(d, err)) && delete_all(d, err);
    return delete_all(d, err) && as_planned(d->removal, err) && (!prune || make_safe(d, err));
}

static bool steps(struct doing *d, struct err *err)
{
    d->beside = beside_open(d->removal);
    return failpoint(FAIL_PRUNE_PLANNED, err) && open_safepoint(d, err) && begin(d, err) && note_xid(d, err) &&
           failpoint(FAIL_PRUNE_LOCKED, err) && save(d, err) && plan_seed_again(d, err) && as_planned(d->removal, err) &&
           delete_saved(d, err) && seed(d, err) && count_after(d, err) && leave_trail(d, err) && commit(d, err);
}

/* A lock that was waited for in vain: whoever has the tables open for writing the longest is the likely holder. */
static void name_holder(struct doing *d, struct err *err)
{
    struct removal *r = d->removal;
    struct str sql = {0};
    struct db_result *result = NULL;
    str_add(&sql, "SELECT a.pid, a.application_name, a.state, pg_catalog.date_trunc('second', pg_catalog.now() - "
                  "a.xact_start), l.relation::pg_catalog.regclass FROM pg_catalog.pg_locks l "
                  "JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE l.granted AND l.mode <> 'AccessShareLock' "
                  "AND l.pid <> pg_catalog.pg_backend_pid() AND l.relation IN (0");
    for (size_t i = 0; i < r->graph.relation_count; i++)
        if (r->planned[i])
            str_printf(&sql, ", %lu", (unsigned long)r->graph.relations[i].oid);
    str_add(&sql, ") ORDER BY a.xact_start LIMIT 1");
    if (db_run(d->db, str_text(&sql), 2000, &result, NULL, NULL) && db_rows(result)) {
        const char *application = db_value(result, 0, 1), *state = db_value(result, 0, 2), *age = db_value(result, 0, 3);
        err_why(err, "pid %s \"%s\", %s for %s, works on %s", db_value(result, 0, 0), application ? application : "",
                state ? state : "busy", age ? age : "some time", db_value(result, 0, 4));
    }
    err_hint(err, "nothing was deleted; wait for it, or end it: the Activity screen shows who blocks whom");
    db_result_free(result);
    str_free(&sql);
}

bool removal_do(struct removal *r, struct db *db, struct err *err)
{
    struct doing d = {.removal = r, .db = db};
    trail_announce(r->session);
    bool ok = steps(&d, err);
    if (!ok && !d.unknown && db_alive(d.db)) {
        db_rollback(d.db);
        if (strcmp(err->sqlstate, "55P03") == 0)
            name_holder(&d, err);
    }
    if (ok) {
        struct input *out = r->outcome;
        struct trail_entry entry = trail_of(r);
        trail_applied(r->session, &entry);
        out->name = xstrdup(removal_word(r));
        out->ok = true;
        out->text = xstrdup(safepoint_saved(d.safepoint) ? safepoint_path(d.safepoint) : NULL);
        out->number = clock_mono_ms() - r->started_ms;
        out->number2 = (int64_t)(d.deleted + (r->seeds ? r->seed.rows : 0));
    } else {
        input_free(r->outcome);
        r->outcome = NULL;
        if (d.unknown)
            ctx_log(r->session->ctx, "warning", "the safepoint is kept: %s", safepoint_path(d.safepoint));
    }
    bool holds = d.safepoint && safepoint_saved(d.safepoint) > 0;   /* rows that were only missing need none */
    if ((ok && holds) || d.unknown)
        safepoint_free(d.safepoint);
    else
        safepoint_discard(d.safepoint);
    db_close(d.beside);
    free(d.settings);
    cascade_tally_free(&d.tally);
    return ok;
}
