/* restore - puts back what a safepoint holds (SAFETY 5 "Restore").
 *
 *   the file ─▶ temporary tables ─▶ plan: what is missing, changed, in the way ─▶ nothing: done
 *                                      │ guard, question
 *                                      ▼
 *   one transaction: the plan again (another one: rolled back), rows, values, checks, sequences, COMMIT
 *
 * The temporary tables outlive the first look, so that rows travel once and no lock is held while a person thinks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "op/evidence.h"
#include "op/held.h"
#include "op/outcome.h"
#include "op/trail.h"
#include "plan/safepoint.h"
#include "restore/restoring.h"

enum { ATTEMPTS = 3, DIGEST_LEAST = 12 };

struct restoring {
    struct restore r;
    struct guard_answer guard;
    struct input *outcome;
    int64_t started_ms;
    char xid[24];
};

/* ---- the plan as an event ---- */

static void add_step(struct input *in, const char *action, const char *object, const char *detail, int64_t rows,
                     bool danger)
{
    in->steps = xrealloc(in->steps, (in->step_count + 1) * sizeof *in->steps);
    in->steps[in->step_count++] = (struct fact_step){.action = xstrdup(action), .object = xstrdup(object),
        .detail = xstrdup(detail ? detail : ""), .rows = rows, .danger = danger};
}

static void add_state(struct input *in, const struct restored *s, enum row_state state, const char *action,
                      const char *what, bool danger)
{
    struct str detail = {0};
    if (s->states[state] == 0)
        return;
    str_add(&detail, what);
    if (s->examples[state])
        str_printf(&detail, "%s%s%s", *what ? ": " : "", s->examples[state], s->states[state] > 3 ? " ..." : "");
    add_step(in, action, s->saved.name, str_text(&detail), s->states[state], danger);
    str_free(&detail);
}

static void add_section(struct input *in, const struct restore *r, const struct restored *s)
{
    const char *changed = r->options->changed;
    int64_t there = s->rows;
    struct str taken = {0};
    if (restore_hopeless(s))
        return;
    for (int i = 0; i < ROW_STATES; i++)
        there -= s->states[i];
    add_state(in, s, ROW_MISSING, "insert", "", false);
    add_state(in, s, ROW_SET_BACK, "set back", "", false);
    add_state(in, s, ROW_CHANGED, changed ? changed : "changed", "changed since", true);
    str_printf(&taken, "another row has its value of %s", s->taken ? s->taken : "a unique key");
    add_state(in, s, ROW_TAKEN, "conflict", str_text(&taken), true);
    str_free(&taken);
    add_state(in, s, ROW_ORPHAN, "conflict", "the row it refers to is gone", true);
    add_state(in, s, ROW_GONE, "leave", "deleted since", true);
    if (there > 0)
        add_step(in, "leave", s->saved.name, "as it was saved", there, false);
}

/* Which safepoint it is; "last" does not say. */
static void add_origin(struct input *in, const struct safepoint_info *info)
{
    struct str detail = {0};
    str_printf(&detail, "%lld rows, saved %.19sZ before %s", (long long)info->rows, info->created, info->action);
    add_step(in, "from", info->id, str_text(&detail), -1, false);
    str_free(&detail);
}

static void add_other(struct input *in, const struct safepoint_info *other, bool first)
{
    struct str detail = {0};
    str_add(&detail, first ? "ctrl-o: " : "");
    int64_t kib = other->file_bytes / 1024 + 1, hours = (clock_wall_ms() - other->created_ms) / 3600000;
    if (hours < 48)
        str_printf(&detail, "%lld h", (long long)hours);
    else
        str_printf(&detail, "%lld days", (long long)(hours / 24));
    str_printf(&detail, " old, %lld %s, %lld KiB, before %s", (long long)other->rows, other->rows == 1 ? "row" : "rows",
               (long long)kib, other->action);
    add_step(in, "also", other->id, str_text(&detail), -1, false);
    str_free(&detail);
}

static const struct safepoint_info *other_of(const struct restore *r, const struct safepoint_item *item)
{
    const struct safepoint_info *info = item->reader ? safepoint_info(item->reader) : NULL;
    return info && strcmp(info->environment, r->session->ctx->environment->name) == 0 &&
           strcmp(info->id, r->info->id) != 0 ? info : NULL;
}

/* What else the console can choose from: the next older one first, and round, so that all of them can be reached. */
static void add_others(struct input *in, const struct restore *r)
{
    enum { NAMED = 4 };
    struct safepoint_list list;
    struct err ignored = {0};
    size_t named = 0, more = 0, at = 0;
    if (r->session->ctx->face != GUARD_CONSOLE ||
        !safepoint_list(&list, NULL, r->session->ctx->environment->state_dir, &ignored))
        return;
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].reader && strcmp(safepoint_info(list.items[i].reader)->id, r->info->id) == 0)
            at = i;
    for (size_t i = 1; i <= list.count; i++) {
        const struct safepoint_info *other = other_of(r, &list.items[(at + i) % list.count]);
        if (other && named < NAMED)
            add_other(in, other, named == 0);
        more += other && named >= NAMED;
        named += other != NULL;
    }
    if (more) {
        char text[96];
        snprintf(text, sizeof text, "%zu more: seedops restore --list", more);
        add_step(in, "also", text, "", -1, false);
    }
    safepoint_list_free(&list);
}

static struct input *plan_event(const struct restoring *g)
{
    const struct restore *r = &g->r;
    struct input *in = input_new(IN_PLAN);
    in->name = xstrdup("restore");
    in->text = xstrdup(r->digest);
    in->number = restore_writes(r);
    add_origin(in, r->info);
    for (size_t n = 0; n < r->count; n++)
        add_section(in, r, &r->sections[n]);
    for (size_t i = 0; i < r->note_count; i++)
        add_step(in, r->notes[i].lost ? "lost" : "note", r->notes[i].object, r->notes[i].text, -1, r->notes[i].lost);
    add_others(in, r);
    in->guard.local = g->guard.local;
    in->guard.seed_allowed = g->guard.allowed;
    in->guard.reasons = xcalloc(g->guard.reason_count, sizeof *in->guard.reasons);
    for (; in->guard.reason_count < g->guard.reason_count; in->guard.reason_count++)
        in->guard.reasons[in->guard.reason_count].text = xstrdup(g->guard.reasons[in->guard.reason_count]);
    in->guard.allow_line = xstrdup(g->guard.allow_line);
    return in;
}

/* ---- transactions ---- */

#define WRITE_SETTINGS                                                                                                \
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres'; "                 \
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL lock_timeout = '10s'; "              \
    "SET LOCAL statement_timeout = 0; "

/* The transaction that writes is noted: what becomes of its COMMIT may have to be found out. */
static bool begin(struct restoring *g, bool writes, struct err *err)
{
    struct restore *r = &g->r;
    struct db_result *result = NULL;
    bool watched = db_facts(r->db)->server_version_num >= 140000;
    struct str sql = {0};
    str_printf(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ; " WRITE_SETTINGS "%sSELECT %s, "
               "pg_catalog.current_setting('search_path'), pg_catalog.set_config('search_path', 'pg_catalog', true)",
               watched ? "SET LOCAL client_connection_check_interval = '2s'; " : "",
               writes ? "pg_catalog.txid_current()::pg_catalog.text" : "''");
    bool ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    if (ok) {
        snprintf(g->xid, sizeof g->xid, "%s", db_value(result, 0, 0));
        r->path = r->path ? r->path : arena_strdup(&r->arena, db_value(result, 0, 1));
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool end(struct restore *r, bool ok, struct err *err)
{
    if (ok)
        ok = db_run(r->db, "COMMIT", 0, NULL, NULL, err);
    if (!ok && db_alive(r->db))
        db_rollback(r->db);
    return ok;
}

static bool first_look(struct restoring *g, struct err *err)
{
    struct restore *r = &g->r;
    return end(r, begin(g, false, err) && restore_compare(r, err) && restore_examples(r, err), err);
}

static bool first_of_table(const struct restore *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (r->sections[i].table == r->sections[n].table)
            return false;
    return r->sections[n].table != NULL;
}

static void start_outcome(struct restoring *g)
{
    const struct restore *r = &g->r;
    input_free(g->outcome);
    g->outcome = input_new(IN_OUTCOME);
    g->outcome->counts = xcalloc(r->count + 1, sizeof *g->outcome->counts);
    for (size_t n = 0; n < r->count; n++)
        if (first_of_table(r, n))
            g->outcome->counts[g->outcome->count_count++] = (struct fact_count){
                .table = xstrdup(r->sections[n].saved.name), .before = -1, .after = -1};
}

static bool count_rows(struct restoring *g, bool after, struct err *err)
{
    const struct restore *r = &g->r;
    struct str sql = {0};
    struct db_result *result = NULL;
    size_t count = 0;
    for (size_t n = 0; n < r->count; n++) {
        if (!first_of_table(r, n))
            continue;
        str_printf(&sql, "%sSELECT %zu, pg_catalog.count(*) FROM ", count ? " UNION ALL " : "", count);
        restore_live(&sql, &r->sections[n], "t");
        count++;
    }
    bool ok = count == 0 || db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    for (size_t i = 0; ok && result && i < db_rows(result); i++) {
        size_t at = (size_t)db_int(result, i, 0, 0);
        if (at < g->outcome->count_count)
            *(after ? &g->outcome->counts[at].after : &g->outcome->counts[at].before) = db_int(result, i, 1, -1);
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

/* What was written is what there is more: a trigger that adds or takes rows of these tables is found out. */
static bool check_counts(const struct restoring *g, struct err *err)
{
    const struct restore *r = &g->r;
    size_t at = 0;
    for (size_t n = 0; n < r->count; n++) {
        if (!first_of_table(r, n))
            continue;
        int64_t inserted = 0;
        for (size_t i = n; i < r->count; i++)
            if (r->sections[i].table == r->sections[n].table && r->sections[i].saved.kind == SAFEPOINT_DELETED)
                inserted += r->sections[i].states[ROW_MISSING];
        const struct fact_count *c = &g->outcome->counts[at++];
        if (c->after - c->before == inserted)
            continue;
        err_set(err, ERR_CONFLICT, "\"%s\" would have %lld rows, not %lld", c->table, (long long)c->after,
                (long long)(c->before + inserted));
        err_why(err, "a trigger or a rule wrote rows of its own");
        return err_hint(err, "nothing was written; restore_triggers: disable in seedops.yaml puts rows back without them");
    }
    return true;
}

static bool as_planned(struct restoring *g, const char *digest, struct err *err)
{
    if (strcmp(digest, g->r.digest) == 0)
        return true;
    err_set(err, ERR_CONFLICT, "the plan is not the one that was shown any more; nothing was written");
    err_why(err, "rows were written meanwhile");
    return err_hint(err, "look at the new plan and confirm that");
}

static bool commit(struct restoring *g, struct err *err)
{
    struct db *db = g->r.db;
    db_mark_committing(db, true);
    bool ok = db_run(db, "COMMIT", 0, NULL, NULL, err);
    if (db_alive(db))
        db_mark_committing(db, false);
    if (!ok && err->class == ERR_UNKNOWN_OUTCOME) {
        ok = outcome_find_out(g->r.session, g->xid, err);
        g->r.db = g->r.session->direct;
    }
    return ok && (failpoint(FAIL_RESTORE_DONE, err) || true);
}

/* With an outcome that nobody knows it stays. */
static void end_kept(struct restoring *g, struct safepoint *kept, bool written, const struct err *err)
{
    if (kept && written)
        g->outcome->text = xstrdup(safepoint_path(kept));
    if (written || err->class == ERR_UNKNOWN_OUTCOME)
        safepoint_free(kept);
    else
        safepoint_discard(kept);
}

static bool write_once(struct restoring *g, const char *digest, struct err *err)
{
    struct restore *r = &g->r;
    struct safepoint *kept = NULL;
    start_outcome(g);
    bool ok = begin(g, true, err) && failpoint(FAIL_RESTORE_BEGUN, err) && restore_compare(r, err) &&
              as_planned(g, digest, err) && count_rows(g, false, err) && restore_keep(r, &kept, err) &&
              restore_write(r, err) &&
              count_rows(g, true, err) && check_counts(g, err) && failpoint(FAIL_RESTORE_CHECKED, err) &&
              restore_sequences(r, err);
    struct trail_entry entry = {.action = "restore", .object = r->info->id, .plan_digest = digest,
                                .counts = g->outcome->counts, .count_count = g->outcome->count_count};
    ok = ok && trail_add(r->session, r->db, &entry, err) && failpoint(FAIL_RESTORE_COMMIT, err);
    bool written = ok && commit(g, err);
    if (written)
        trail_applied(r->session, &entry);
    end_kept(g, kept, written, err);
    if (!ok && db_alive(r->db))
        db_rollback(r->db);
    return written;
}

/* ---- the procedure ---- */

static void emit_outcome(struct restoring *g, int64_t written)
{
    struct input *in = g->outcome;
    in->name = xstrdup("restore");
    in->ok = true;
    in->number = clock_mono_ms() - g->started_ms;
    in->number2 = written;
    g->outcome = NULL;
    ctx_emit(g->r.session->ctx, in);
}

static bool ask(struct ctx *ctx, const char *title, const char *text, bool *yes, struct err *err)
{
    struct question q = {.kind = QUESTION_CHOICE, .title = title, .text = text,
                         .option = "--changed leave or --changed overwrite"};
    struct answer a = {0};
    bool ok = ctx_ask(ctx, &q, &a, err);
    *yes = ok && a.yes;
    return ok;
}

/* Never silently: what was changed since may be someone's work. Who says neither yes nor yes wants nothing. */
static bool ask_changed(struct restoring *g, struct err *err)
{
    bool leave = false;
    struct restore *r = &g->r;
    int64_t rows = restore_total(r, ROW_CHANGED);
    const char *mode = r->options->changed;
    r->overwrite = mode && strcmp(mode, "overwrite") == 0;
    if (mode || rows == 0)
        return true;
    char title[128];
    const char *word = rows == 1 ? "row was" : "rows were";
    snprintf(title, sizeof title, "%lld %s changed since: overwrite?", (long long)rows, word);
    if (!ask(r->session->ctx, title, "Yes puts the saved values over the newer ones.", &r->overwrite, err))
        return false;
    snprintf(title, sizeof title, "%lld %s changed since: leave, and restore the rest?", (long long)rows, word);
    if (r->overwrite || !ask(r->session->ctx, title, "Otherwise nothing is written.", &leave, err) || leave)
        return r->overwrite || leave;
    err_set(err, ERR_CANCELLED, "nothing was restored");
    return err_why(err, "rows that were changed since are neither to be overwritten nor left");
}

static bool may_leave_some(const struct restore *r, struct err *err)
{
    if (r->options->partial || !restore_stuck(r))
        return true;
    int64_t rows = restore_total(r, ROW_TAKEN) + restore_total(r, ROW_ORPHAN);
    if (rows)
        err_set(err, ERR_CONFLICT, "%lld %s cannot be put back; nothing was written", (long long)rows,
                rows == 1 ? "row" : "rows");
    else
        err_set(err, ERR_CONFLICT, "not everything can be put back; nothing was written");
    err_why(err, "%s", rows ? "other rows have taken their unique values, or rows they refer to are gone"
                            : "the tables are not what they were");
    if (restore_total(r, ROW_TAKEN) && !r->options->renumber)
        return err_hint(err, "are they the same rows under other numbers (after a reset)? --renumber takes them for that; "
                        "--partial puts back the rest");
    return err_hint(err, "the plan says what; --partial puts back the rest");
}

static bool as_asked(const struct restore *r, struct err *err)
{
    const char *digest = r->options->plan_digest;
    if (digest && strlen(digest) < DIGEST_LEAST) {
        err_set(err, ERR_USAGE, "\"%s\" is too short for a plan's digest", digest);
        return err_hint(err, "at least its first %d digits", DIGEST_LEAST);
    }
    if (!digest || strncmp(r->digest, digest, strlen(digest)) == 0)
        return true;
    err_set(err, ERR_REFUSED, "the plan is not the one that was confirmed; nothing was written");
    err_why(err, "its digest is %.12s now", r->digest);
    return err_hint(err, "look at the new plan (--dry-run) and confirm that");
}

/* Another writer: its lock was in the way, its row has our key now, its delete took a parent. Planning again shows how
 * things stand: another plan is not carried out, the same one fails again and says why. */
static bool worth_another_try(const struct err *err)
{
    return db_retryable(err) || strcmp(err->sqlstate, "23505") == 0 || strcmp(err->sqlstate, "23503") == 0;
}

static bool write_until_right(struct restoring *g, struct err *err)
{
    char digest[HASH_HEX];
    memcpy(digest, g->r.digest, sizeof digest);
    trail_announce(g->r.session);
    for (int attempt = 1;; attempt++) {
        if (write_once(g, digest, err))
            return true;
        if (attempt == ATTEMPTS || !worth_another_try(err) || !db_alive(g->r.db))
            return false;
        ctx_log(g->r.session->ctx, "info", "%s; trying again", err->message);
    }
}

/* Comparing scans the tables, which ends what could be read back of rows deleted from them (SAFETY 4): what the
 * catalogue knows is put on record first. */
static bool record_evidence(struct restore *r, struct err *err)
{
    const struct db_table **tables = xcalloc(r->count + 1, sizeof *tables);
    size_t count = 0;
    for (size_t n = 0; n < r->count; n++)
        if (first_of_table(r, n) && held_table(r->sections[n].table, -1, r->sections[n].rows))
            tables[count++] = r->sections[n].table;
    bool ok = count == 0 || evidence_record(r->session, tables, count, err);
    free(tables);
    return ok;
}

static bool restore_loaded(struct restoring *g, struct err *err)
{
    struct restore *r = &g->r;
    session_guard_shown(r->session, GUARD_DESTROY, &g->guard);
    const char *mode = r->options->changed;
    r->overwrite = mode && strcmp(mode, "overwrite") == 0;
    if (!record_evidence(r, err) || !first_look(g, err))
        return false;
    start_outcome(g);
    ctx_emit(r->session->ctx, plan_event(g));
    if (r->options->dry_run)
        return emit_outcome(g, 0), true;
    if (!may_leave_some(r, err) || !as_asked(r, err) || !ask_changed(g, err))
        return false;
    if (restore_writes(r) == 0)
        return emit_outcome(g, 0), true;
    if (!session_guard(r->session, GUARD_DESTROY, NULL, err) || !failpoint(FAIL_RESTORE_PLANNED, err) ||
        !write_until_right(g, err))
        return false;
    emit_outcome(g, restore_writes(r));
    return true;
}

/* Another database is fine, and worth a word. */
static void note_origin(struct restore *r)
{
    const struct db_identity *here = &r->session->direct_identity;
    const struct safepoint_info *i = r->info;
    if (i->system_identifier[0] && here->system_identifier[0] &&
        (strcmp(i->system_identifier, here->system_identifier) != 0 || i->database_oid != here->database_oid))
        restore_note(r, "", false, "the safepoint is of another database: %s of %s", i->database, i->environment);
}

static bool check_setting(const struct ctx *ctx, struct err *err)
{
    const char *mode = ctx->settings->restore_triggers;
    if (!mode || strcmp(mode, "fire") == 0 || strcmp(mode, "disable") == 0)
        return true;
    err_set(err, ERR_CONFIG, "restore_triggers does not know \"%s\"", mode);
    err_at(err, ctx->settings->file, 0, 0);
    return err_hint(err, "it takes fire or disable");
}

bool op_restore(struct session *s, const struct restore_options *options, struct err *err)
{
    struct restoring g = {.r = {.session = s, .options = options}, .started_ms = clock_mono_ms()};
    struct restore *r = &g.r;
    bool ok = check_setting(s->ctx, err) && safepoint_open(&r->reader, options->path, err) &&
              session_look(s, false, err) && session_direct(s, &r->db, err);
    if (ok) {
        r->info = safepoint_info(r->reader);
        note_origin(r);
        ok = restore_load(r, err) && (!options->renumber || restore_renumber(r, err)) &&
             failpoint(FAIL_RESTORE_LOADED, err) && restore_loaded(&g, err);
    }
    restore_unload(r);
    safepoint_close(r->reader);
    db_catalog_free(&r->catalog);
    arena_free(&r->arena);
    input_free(g.outcome);
    return ok;
}
