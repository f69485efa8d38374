/* migrate_plan - what is pending, what stands in the way of it, and how both are shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "op/ledger_fact.h"
#include "op/migrate.h"
#include "op/trail.h"

bool migrate_is_pending(enum migration_state state)
{
    return state == MIGRATION_PENDING || state == MIGRATION_ROLLED_BACK || state == MIGRATION_OUT_OF_ORDER;
}

/* A tool's log has lines; a reason and a note are one. */
static char *one_line(const char *log)
{
    struct str out = {0};
    for (const char *p = log; *p;) {
        size_t length = strcspn(p, "\r\n");
        str_add_bytes(&out, p, length);
        p += length;
        p += strspn(p, "\r\n");
        if (length && *p)
            str_add(&out, "; ");
    }
    return str_take(&out);
}

/* ---- what stands in the way ---- */

static bool refuse_foreign(const struct ledger_state *state, struct err *err)
{
    err_set(err, ERR_MIGRATION, "%s is the ledger of another tool: %s", state->foreign_relation,
            state->foreign_tool);
    err_why(err, "applying migrations beside it would run them a second time, unknown to %s",
            state->foreign_tool);
    return err_hint(
        err, "migrate with %s; or, to change over for good, note what is applied: seedops migrate baseline",
        state->foreign_tool);
}

static bool refuse_failed(const struct migration *m, struct err *err)
{
    err_set(err, ERR_MIGRATION, "the migration %s failed%s%s; nothing is applied until that is resolved",
            m->name, m->applied_at ? ", started at " : "", m->applied_at ? m->applied_at : "");
    char *log =
        one_line(m->log ? m->log : "the ledger has no log of it: it may have been killed while running");
    err_why(err, "%s", log);
    free(log);
    err_hint(
        err,
        "look at what it left behind, then: seedops migrate resolve %s --rolled-back (to apply it again) "
        "or --applied (all of it is there)",
        m->name);
    return m->path ? err_at(err, m->path, 0, 0) : false;
}

static bool refuse_modified(const struct migrate_run *run, const struct migration *m, struct err *err)
{
    bool prisma = strcmp(ledger_tool(run->ledger), "prisma") == 0;
    err_set(err, ERR_MIGRATION, "the migration %s was modified after it was applied", m->name);
    err_why(err, "checksum in the ledger %s, of the file %s", m->checksum, m->disk_checksum);
    if (prisma)
        err_hint(err,
                 "put the file back as it was applied (git log -p %s), and the change into a new migration",
                 m->name);
    else
        err_hint(
            err,
            "put the file back as it was applied and the change into a new migration; or accept the file "
            "as it is: seedops migrate resolve %s --applied",
            m->name);
    return err_at(err, m->path, 0, 0);
}

static bool check(struct migrate_run *run, struct err *err)
{
    const struct ledger_state *state = &run->state;
    if (!state->exists && state->foreign_tool)
        return refuse_foreign(state, err);
    for (size_t i = 0; i < state->count; i++)
        if (state->migrations[i].state == MIGRATION_FAILED)
            return refuse_failed(&state->migrations[i], err);
    for (size_t i = 0; i < state->count; i++)
        if (state->migrations[i].state == MIGRATION_MODIFIED)
            return refuse_modified(run, &state->migrations[i], err);
    return true;
}

static void mention(struct migrate_run *run)
{
    for (size_t i = 0; i < run->state.count; i++) {
        const struct migration *m = &run->state.migrations[i];
        if (m->state == MIGRATION_MISSING)
            ctx_log(run->ctx, "warning", "%s is applied but missing on disk (an older checkout?)", m->name);
        else if (m->state == MIGRATION_OUT_OF_ORDER)
            ctx_log(run->ctx, "warning", "%s is out of order: migrations after it are applied already",
                    m->name);
    }
}

/* ---- the plan ---- */

struct earlier { const struct migrate_item *items; size_t count, at; };

/* The same file in the plan before: what was split once is not split again under the lock. */
static const struct migrate_item *planned(struct earlier *e, const struct migration_file *file)
{
    for (size_t i = e->at; i < e->count; i++)
        if (e->items[i].file == file) {
            e->at = i + 1;
            return &e->items[i];
        }
    return NULL;
}

static bool add_item(struct migrate_run *run, const struct migration *m, struct earlier *earlier, struct err *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct migrate_item *item = &run->items[run->count];
    *item = (struct migrate_item){.migration = m, .file = ledger_file(run->ledger, m->name)};
    size_t skip = item->file->length >= 3 && memcmp(item->file->bytes, mark, 3) == 0 ? 3 : 0;
    item->bytes = item->file->bytes + skip;
    item->length = item->file->length - skip;
    const struct migrate_item *before = planned(earlier, item->file);
    if (before)
        item->sql = before->sql;
    else if (!split_sql(&item->sql, &run->arena, item->file->path, item->bytes, item->length, err))
        return false;
    run->count++;
    return true;
}

static bool only_one(struct migrate_run *run, const char *only, struct err *err)
{
    if (!only)
        return true;
    if (run->count && strcmp(run->items[0].migration->name, only) == 0) {
        run->count = 1;
        return true;
    }
    const struct migration *m = ledger_find(&run->state, only);
    if (m && m->state == MIGRATION_APPLIED) {
        run->count = 0;
        return true;
    }
    err_set(err, ERR_MIGRATION, "%s is not the next migration to apply", only);
    return err_hint(err, run->count ? "the next one is %s" : "nothing is pending%s",
                    run->count ? run->items[0].migration->name : "");
}

bool migrate_plan(struct migrate_run *run, const char *only, struct err *err)
{
    if (!check(run, err))
        return false;
    struct earlier earlier = {.items = run->items, .count = run->count};
    run->count = 0;
    run->items = arena_alloc(&run->arena, (run->state.count + 1) * sizeof *run->items);
    for (size_t i = 0; i < run->state.count; i++)
        if (migrate_is_pending(run->state.migrations[i].state) &&
            !add_item(run, &run->state.migrations[i], &earlier, err))
            return false;
    mention(run);
    return only_one(run, only, err);
}

/* ---- showing ---- */

static void plan_step(const struct migrate_item *item, struct fact_step *step)
{
    unsigned risks = 0;
    for (size_t i = 0; i < item->sql.count; i++)
        risks |= item->sql.statements[i].risks;
    char names[64];
    split_risk_names(risks, names, sizeof names);
    struct str detail = {0};
    str_printf(&detail, "%zu statement%s, ", item->sql.count, item->sql.count == 1 ? "" : "s");
    if (item->sql.transactional)
        str_add(&detail, "in one transaction");
    else
        str_printf(&detail, "not in a transaction (%s)", item->sql.why_not);
    if (risks)
        str_printf(&detail, "; cannot be undone: %s", names);
    if (item->migration->state == MIGRATION_OUT_OF_ORDER)
        str_add(&detail, "; out of order");
    *step = (struct fact_step){.action = xstrdup("apply"), .object = xstrdup(item->migration->name),
                               .detail = str_take(&detail), .rows = -1, .danger = risks != 0};
}

void migrate_emit_plan(struct migrate_run *run)
{
    struct input *in = input_new(IN_PLAN);
    struct hash hash;
    char hex[HASH_HEX];
    hash_init(&hash);
    in->name = xstrdup("migrate");
    in->number = (int64_t)run->count;
    in->step_count = run->count;
    in->steps = run->count ? xcalloc(run->count, sizeof *in->steps) : NULL;
    for (size_t i = 0; i < run->count; i++) {
        plan_step(&run->items[i], &in->steps[i]);
        hash_add_field(&hash, run->items[i].migration->name);
        hash_add_field(&hash, run->items[i].migration->disk_checksum);
    }
    hash_hex(&hash, hex);
    in->text = xstrdup(hex);
    ctx_emit(run->ctx, in);
}

static void take_risks(const struct sql_file *sql, struct fact_migration *fact)
{
    fact->transactional = sql->transactional;
    fact->risks = sql->count ? xcalloc(sql->count, sizeof *fact->risks) : NULL;
    for (size_t i = 0; i < sql->count; i++) {
        const struct statement *s = &sql->statements[i];
        if (!s->risks)
            continue;
        char names[64];
        struct str text = {0};
        str_printf(&text, "line %u: %s", s->line, split_risk_names(s->risks, names, sizeof names));
        fact->risks[fact->risk_count++].text = str_take(&text);
    }
}

static const char *words_of(const struct migration *m)
{
    switch (m->state) {
    case MIGRATION_FAILED: return m->log ? m->log : "no log: it may have been killed while running";
    case MIGRATION_MODIFIED: return "the file is not as it was applied";
    case MIGRATION_MISSING: return "applied, but the file is not there";
    case MIGRATION_OUT_OF_ORDER: return "migrations after it are applied already";
    default: return "";
    }
}

static void fact_of(const struct session *s, const struct migration *m, struct fact_migration *fact)
{
    *fact = (struct fact_migration){
        .name = xstrdup(m->name), .state = xstrdup(migration_state_name(m->state)),
        .applied_at = xstrdup(m->applied_at ? m->applied_at : ""), .duration_ms = m->duration_ms,
        .checksum = xstrdup(m->checksum ? m->checksum : ""), .path = xstrdup(m->path ? m->path : ""),
        .note = one_line(words_of(m)), .transactional = true};
    const struct migration_file *file = migrate_is_pending(m->state) ? ledger_file(s->ledger, m->name) : NULL;
    if (!file)
        return;
    struct arena arena = {0};
    struct sql_file sql;
    struct err err = {0};
    if (split_sql(&sql, &arena, file->path, file->bytes, file->length, &err)) {
        take_risks(&sql, fact);
    } else {
        free(fact->note);
        fact->note = xstrdup(err.message);
    }
    arena_free(&arena);
}

void migrate_sql_trail(const struct migrate_run *run, const char *action, const char *name, struct str *out)
{
    const struct migration *m = ledger_find(&run->state, name);
    struct trail_entry entry = {.action = action, .object = name, .plan_digest = m ? m->disk_checksum : NULL};
    trail_sql(run->s, &entry, out);
}

void migrate_emit_list(struct session *s, const struct ledger_state *state)
{
    struct input *in = input_new(IN_MIGRATIONS);
    ledger_fact_of(s, state, &in->ledger);
    in->migration_count = state->count;
    in->migrations = state->count ? xcalloc(state->count, sizeof *in->migrations) : NULL;
    for (size_t i = 0; i < state->count; i++)
        fact_of(s, &state->migrations[i], &in->migrations[i]);
    ctx_emit(s->ctx, in);
}

static void emit_state(struct migrate_run *run, const struct migrate_item *item, const char *state, const char *note,
                       int64_t ms)
{
    struct input *in = input_new(IN_MIGRATION);
    in->migration_count = 1;
    in->migrations = xcalloc(1, sizeof *in->migrations);
    in->migrations[0] = (struct fact_migration){.name = xstrdup(item->migration->name),
                                                .state = xstrdup(state),
                                                .applied_at = xstrdup(""),
                                                .duration_ms = ms,
                                                .checksum = xstrdup(item->migration->disk_checksum),
                                                .path = xstrdup(item->migration->path),
                                                .note = xstrdup(note),
                                                .transactional = item->sql.transactional};
    ctx_emit(run->ctx, in);
}

void migrate_emit_one(struct migrate_run *run, const struct migrate_item *item, const char *state,
                      const char *note)
{
    emit_state(run, item, state, note, clock_mono_ms() - run->started_ms);
}

void migrate_tell(struct migrate_run *run)
{
    if (run->done) {
        emit_state(run, run->done, "applied", "", run->done_ms);
        ctx_progress(run->ctx, "migrations", (int64_t)run->applied, (int64_t)run->count, run->applied == run->count);
    }
    if (run->begun)
        migrate_emit_one(run, run->begun, "running", "");
    run->done = run->begun = NULL;
}
