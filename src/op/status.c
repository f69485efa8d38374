/* status - what the Overview shows, in three round trips: look; compare and count; compare by type.
 *
 * Nothing whose evidence is held is scanned. Tables of 10 000 rows or more are estimated and compared when
 * they are opened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "bind/bind.h"
#include "diff/small.h"
#include "op/health.h"
#include "op/held.h"
#include "op/ledger_fact.h"
#include "op/ops.h"
#include "op/remember.h"

enum { SMALL_ROWS = 10000 };

/* One line of the status while it is being made. */
struct line {
    struct fact_table fact;
    const struct db_table *table;    /* NULL: not there */
    const struct fixture *fixture;   /* NULL: none */
    const struct bound *bound;       /* NULL: not to be compared */
    size_t compare;                  /* index into the small diffs, when compared */
    size_t count;                    /* index into the counting probes, when counted */
    bool compared, counted;
};

struct work {
    struct session *s;
    struct arena arena;
    struct line *lines;
    size_t count;
    struct bound_set bound;
    struct small_diff *diffs;
    size_t diff_count;
    struct db_probe *probes;
    size_t probe_count;
    const char *problem;             /* the first thing that is wrong with the fixtures, or NULL */
};

/* ---- which tables ---- */

static struct line *add_line(struct work *w, const char *name, enum table_class class, int64_t min_rows)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->lines[i].fact.name, name) == 0)
            return &w->lines[i];
    struct line *line = &w->lines[w->count++];
    line->fact = (struct fact_table){.name = xstrdup(name), .class = xstrdup(table_class_name(class)), .rows = -1,
        .min_rows = min_rows, .fixture_rows = -1, .missing = -1, .changed = -1, .extra = -1,
        .allowed_changed = -1, .allowed_extra = -1, .bytes = -1, .note = xstrdup(""), .at = xstrdup("")};
    line->table = db_catalog_find(&w->s->catalog, name, NULL);
    if (line->table) {
        line->fact.bytes = line->table->bytes;
        line->fact.inserted = line->table->inserted;
    }
    return line;
}

static void set_note(struct fact_table *fact, const char *note)
{
    free(fact->note);
    struct str visible = {0};
    text_visible(&visible, note, strlen(note));
    fact->note = str_take(&visible);
}

static bool is_ledger(const struct session *s, const struct db_table *t)
{
    return s->ledger && ledger_is(s->ledger, t->schema, t->name);
}

/* Configured tables in their order, fixtures' tables that no rule names, and, where neither says anything, every
 * ordinary table of the database. */
static void list_tables(struct work *w)
{
    struct session *s = w->s;
    const struct settings *settings = s->ctx->settings;
    size_t most = settings->table_count + s->fixtures.count + s->catalog.count;
    w->lines = arena_alloc(&w->arena, (most + 1) * sizeof *w->lines);
    for (size_t i = 0; i < settings->table_count; i++)
        if (settings->tables[i].class == TABLE_CONTEXT)
            add_line(w, settings->tables[i].name, TABLE_CONTEXT, settings->tables[i].min_rows);
    for (size_t i = 0; i < s->fixtures.count; i++) {
        const struct fixture *f = &s->fixtures.items[i];
        const struct table_rule *rule = settings_table(settings, f->table);
        struct line *line = add_line(w, f->table, TABLE_CONTEXT, rule ? rule->min_rows : -1);
        line->fixture = f;
        line->fact.fixture_rows = (int64_t)f->row_count;
        free(line->fact.at);
        line->fact.at = xstrdup(f->file);
    }
    for (size_t i = 0; i < settings->table_count; i++)
        if (settings->tables[i].class != TABLE_CONTEXT)
            add_line(w, settings->tables[i].name, settings->tables[i].class, settings->tables[i].min_rows);
    if (w->count)
        return;
    for (size_t i = 0; i < s->catalog.count; i++) {
        const struct db_table *t = &s->catalog.tables[i];
        bool ours = strcmp(t->schema, "seedops") == 0;    /* mark and trail */
        if ((t->kind != 'r' && t->kind != 'p') || is_ledger(s, t) || ours)
            continue;
        char name[160];
        snprintf(name, sizeof name, "%s%s%s", t->on_path ? "" : t->schema, t->on_path ? "" : ".", t->name);
        add_line(w, name, TABLE_UNLISTED, -1);
    }
}

/* ---- what may be looked at, and how ---- */

static const struct bound *find_bound(const struct work *w, const struct fixture *f)
{
    for (size_t i = 0; f && i < w->bound.count; i++)
        if (w->bound.items[i].fixture == f)
            return &w->bound.items[i];
    return NULL;
}

static const char *count_statement(struct work *w, const struct db_table *t)
{
    struct str sql = {0};
    str_add(&sql, "SELECT count(*) FROM ");
    db_quote_relation(&sql, t->schema, t->name);
    const char *text = arena_strdup(&w->arena, str_text(&sql));
    str_free(&sql);
    return text;
}

/* A row that was deleted somewhere may still be readable: only context tables with a healthy estimate, and
 * tables that never lost a row, are scanned unasked. */
static bool may_scan(const struct line *line, bool scan)
{
    if (line->fact.held)
        return scan;
    return strcmp(line->fact.class, "context") == 0 || line->table->deleted == 0;
}

/* Comparing reads the tables that references point at, too. */
static bool reads_held(const struct work *w, const struct bound *bound)
{
    for (size_t c = 0; c < bound->fixture->column_count; c++)
        for (size_t i = 0; bound->refs[c].table && i < w->count; i++) {
            const struct line *parent = &w->lines[i];
            if (parent->table == bound->refs[c].table && strcmp(parent->fact.class, "context") == 0 &&
                held_table(parent->table, parent->fact.min_rows, parent->fact.fixture_rows))
                return true;
        }
    return false;
}

static void sort_line(struct work *w, struct line *line, bool scan)
{
    struct fact_table *fact = &line->fact;
    if (!line->table) {
        set_note(fact, "no such table");
        return;
    }
    if (!line->table->can_select) {
        set_note(fact, "not permitted");
        return;
    }
    bool context = strcmp(fact->class, "context") == 0;
    fact->held = context && held_table(line->table, fact->min_rows, fact->fixture_rows);
    int64_t estimate = held_estimate(line->table);
    bool small = estimate < SMALL_ROWS && fact->fixture_rows < SMALL_ROWS;
    fact->rows = fact->held ? -1 : estimate;
    fact->estimated = true;
    if (!context && estimate == 0 && line->table->deleted > 0) {
        char lost[64];
        snprintf(lost, sizeof lost, "%lld rows were deleted", (long long)line->table->deleted);
        set_note(fact, lost);
    }
    line->bound = find_bound(w, line->fixture);
    if (!small || !may_scan(line, scan))
        return;
    if (line->bound && !scan && !fact->held && reads_held(w, line->bound)) {
        set_note(fact, "refers to a held table");
        return;
    }
    if (line->bound) {
        line->compared = true;
        line->compare = w->diff_count++;
    } else {
        line->counted = true;
        line->count = w->probe_count++;
    }
}

/* While migrations are pending, fixtures of tables that are not there yet are no news. */
static bool migrations_pending(const struct session *s)
{
    for (size_t i = 0; i < s->ledger_state.count; i++)
        if (s->ledger_state.migrations[i].state == MIGRATION_PENDING)
            return true;
    return false;
}

/* Each in the log; the first is what the status itself shows: with it, nothing is true to its fixtures. */
static void report_problems(struct work *w, const struct err_list *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct err *e = &problems->items[i];
        const char *place = e->at[0] ? e->at : "fixtures";
        ctx_log(w->s->ctx, "error", "%s: %s", place, e->message);
        if (!w->problem)
            w->problem = arena_printf(&w->arena, "%s: %s", place, e->message);
    }
}

static void prepare(struct work *w, bool scan)
{
    struct err_list problems = {0};
    bind_fixtures(&w->bound, &w->s->fixtures, &w->s->catalog, &problems);
    report_problems(w, &w->s->fixture_problems);
    if (!migrations_pending(w->s))
        report_problems(w, &problems);
    for (size_t i = 0; i < w->count; i++) {
        struct line *line = &w->lines[i];
        sort_line(w, line, scan);
        if (line->fixture && line->table && !line->bound && !line->fact.note[0])
            set_note(&line->fact, "the fixture does not fit the table");
    }
    err_list_free(&problems);
    w->diffs = arena_alloc(&w->arena, (w->diff_count + 1) * sizeof *w->diffs);
    w->probes = arena_alloc(&w->arena, (w->probe_count + 1) * sizeof *w->probes);
    for (size_t i = 0; i < w->count; i++) {
        struct line *line = &w->lines[i];
        if (line->compared)
            w->diffs[line->compare] = (struct small_diff){.bound = line->bound,
                .options = {.fixtures = session_fixture_options(w->s)}};
        if (line->counted)
            w->probes[line->count] = (struct db_probe){.name = line->fact.name,
                                                       .sql = count_statement(w, line->table)};
    }
}

/* ---- answers ---- */

static void take_diff(struct fact_table *fact, const struct small_diff *diff)
{
    if (!diff->ok) {
        set_note(fact, diff->err.why[0] ? diff->err.why : diff->err.message);
        return;
    }
    fact->rows = (int64_t)diff->totals.live_rows;
    fact->estimated = false;
    fact->missing = (int64_t)diff->totals.missing;
    fact->changed = (int64_t)diff->totals.changed;
    fact->extra = (int64_t)diff->totals.extra;
    fact->allowed_changed = (int64_t)diff->totals.allowed_changed;
    fact->allowed_extra = (int64_t)diff->totals.allowed_extra;
    fact->held = false;
}

static void take_answers(struct work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct line *line = &w->lines[i];
        if (line->compared) {
            take_diff(&line->fact, &w->diffs[line->compare]);
        } else if (line->counted && w->probes[line->count].ok) {
            line->fact.rows = db_int(w->probes[line->count].result, 0, 0, -1);
            line->fact.estimated = line->fact.held = false;
        } else if (line->counted) {
            set_note(&line->fact, db_probe_word(&w->probes[line->count]));
        }
    }
}

/* ---- the fact of it all ---- */

static void guard_fact(struct session *s, struct fact_guard *fact)
{
    struct guard_facts facts;
    struct guard_answer seed, migrate;
    session_guard_facts(s, &facts);
    struct guard_request request = {.class = GUARD_SEED, .face = s->ctx->face, .write_mode = true,
                                    .explicit_target = true};
    guard_decide(&facts, &request, &seed);
    request.class = GUARD_MIGRATE;
    guard_decide(&facts, &request, &migrate);
    fact->local = seed.local;
    fact->seed_allowed = seed.allowed;
    fact->migrate_allowed = migrate.allowed || migrate.needs_name;
    fact->reasons = xcalloc(seed.reason_count, sizeof *fact->reasons);
    for (; fact->reason_count < seed.reason_count; fact->reason_count++)
        fact->reasons[fact->reason_count].text = xstrdup(seed.reasons[fact->reason_count]);
    fact->allow_line = xstrdup(seed.allow_line);
}

static struct input *make_status(struct work *w, bool complete)
{
    struct input *in = input_new(IN_STATUS);
    in->number = complete;
    in->text = xstrdup(w->problem);
    session_server_fact(w->s, &in->server);
    ledger_fact(w->s, &in->ledger);
    guard_fact(w->s, &in->guard);
    in->tables = xcalloc(w->count, sizeof *in->tables);
    in->table_count = w->count;
    for (size_t i = 0; i < w->count; i++) {
        in->tables[i] = w->lines[i].fact;
        struct fact_table *t = &in->tables[i];
        t->name = xstrdup(t->name);
        t->class = xstrdup(t->class);
        t->note = xstrdup(t->note);
        t->at = xstrdup(t->at);
    }
    return in;
}

static void work_free(struct work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct fact_table *t = &w->lines[i].fact;
        free(t->name);
        free(t->class);
        free(t->note);
        free(t->at);
    }
    db_probes_free(w->probes, w->probe_count);
    bound_set_free(&w->bound);
    arena_free(&w->arena);
}

bool op_status(struct session *s, const struct status_options *options, struct err *err)
{
    if (!session_look(s, true, err))
        return false;
    struct work w = {.s = s};
    list_tables(&w);
    prepare(&w, options->scan);
    ctx_emit(s->ctx, make_status(&w, false));
    bool ok = true;
    if (options->compare && w.diff_count + w.probe_count) {
        ok = diff_small(s->db, w.diffs, w.diff_count, w.probes, w.probe_count, err);
        if (ok)
            take_answers(&w);
    }
    if (ok) {
        struct input *status = make_status(&w, true);
        remember_visit(s, status);
        ctx_emit(s->ctx, status);
    }
    work_free(&w);
    return ok;
}
