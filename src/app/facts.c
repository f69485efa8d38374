/* facts - what is known of the open environment. Every screen reads it; only this file changes it. */
#include <stdlib.h>
#include <string.h>

#include "app/connection.h"
#include "app/details.h"
#include "app/diagnosis.h"
#include "app/human.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"

bool facts_ready(const struct model *m) { return text_same(m->facts.phase, "ready"); }
bool facts_production(const struct model *m) { return text_same(m->facts.server.role, "production"); }
bool facts_local(const struct model *m) { return m->facts.guard.local; }

const struct fact_table *facts_table(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->facts.table_count; i++)
        if (text_same(m->facts.tables[i].name, name))
            return &m->facts.tables[i];
    return NULL;
}

int64_t facts_table_count(const struct model *m) { return (int64_t)m->facts.table_count; }
const char *facts_table_name(const struct model *m, int64_t row) { return m->facts.tables[row].name; }

void facts_table_text(const struct model *m, int64_t row, struct str *out)
{
    const struct fact_table *t = &m->facts.tables[row];
    str_printf(out, "%s %s%s %s", or_empty(t->name), or_empty(t->class), t->held ? " held" : "",
               or_empty(t->note));
}

void facts_table_details(const struct model *m, int64_t row, struct str *out)
{
    const struct fact_table *t = &m->facts.tables[row];
    char size[HUMAN];
    details_add(out, "table", t->name);
    details_add(out, "class", t->class);
    details_add_number(out, t->estimated ? "rows, about" : "rows", t->rows);
    details_add_number(out, "floor", t->min_rows);
    details_add_number(out, "in fixture", t->fixture_rows);
    details_add_number(out, "missing", t->missing);
    details_add_number(out, "changed", t->changed);
    details_add_number(out, "extra", t->extra);
    details_add(out, "size", t->bytes >= 0 ? human_bytes(size, t->bytes) : "");
    details_add(out, "fixture", t->at);
    details_add(out, "held", t->held ? "deleted rows may still be readable: nothing reads it unasked" : "");
    details_add(out, "note", t->note);
}

static void replace(const struct type *type, void *to, const void *from)
{
    codec_free(type, to);
    codec_copy(type, to, from);
}

static int class_rank(const char *class)
{
    return text_same(class, "context") ? 0 : text_same(class, "operational") ? 1 : 2;
}

/* A count alone leaves what a comparison found, unless the number of rows says that it no longer holds. */
static void keep_comparison(const struct fact_table *before, struct fact_table *now)
{
    if (now->missing >= 0 || before->missing < 0 || now->held || now->rows != before->rows)
        return;
    now->missing = before->missing;
    now->changed = before->changed;
    now->extra = before->extra;
    now->allowed_changed = before->allowed_changed;
    now->allowed_extra = before->allowed_extra;
}

/* Context tables first, then operational ones, each in the order they were reported in. */
static void tables_take(struct facts *f, const struct fact_table *tables, size_t count)
{
    f->tables = count ? xcalloc(count, sizeof *f->tables) : NULL;
    f->table_count = 0;
    for (int rank = 0; rank <= 2; rank++)
        for (size_t i = 0; i < count; i++)
            if (class_rank(tables[i].class) == rank)
                codec_copy(&type_fact_table, &f->tables[f->table_count++], &tables[i]);
}

/* Counts come before the comparisons of the same look. */
static void tables_refresh(struct facts *f, const struct fact_table *tables, size_t count, bool partial)
{
    struct fact_table *before = f->tables;
    size_t before_count = f->table_count;
    tables_take(f, tables, count);
    for (size_t i = 0; i < before_count; i++) {
        for (size_t n = 0; partial && n < f->table_count; n++)
            if (text_same(before[i].name, f->tables[n].name))
                keep_comparison(&before[i], &f->tables[n]);
        codec_free(&type_fact_table, &before[i]);
    }
    free(before);
}

static void tables_merge(struct facts *f, const struct fact_table *tables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < f->table_count; n++)
            if (text_same(f->tables[n].name, tables[i].name)) {
                struct fact_table before = f->tables[n];
                codec_copy(&type_fact_table, &f->tables[n], &tables[i]);
                keep_comparison(&before, &f->tables[n]);
                codec_free(&type_fact_table, &before);
            }
}

/* A diff knows its table's totals; class, floor and size stay as the status had them. */
static void totals_merge(struct facts *f, const struct fact_table *totals)
{
    for (size_t i = 0; i < f->table_count; i++) {
        struct fact_table *t = &f->tables[i];
        if (!text_same(t->name, totals->name) || totals->missing < 0)
            continue;
        t->missing = totals->missing;
        t->changed = totals->changed;
        t->extra = totals->extra;
        t->allowed_changed = totals->allowed_changed;
        t->allowed_extra = totals->allowed_extra;
    }
}

static void status_event(struct model *m, const struct input *in)
{
    struct facts *f = &m->facts;
    bool known = !text_is_empty(f->server.system_identifier) && !text_is_empty(in->server.system_identifier);
    if (known && !text_same(f->server.system_identifier, in->server.system_identifier))
        connection_end_write_mode(m, "another cluster answers now");
    replace(&type_fact_server, &f->server, &in->server);
    replace(&type_fact_ledger, &f->ledger, &in->ledger);
    replace(&type_fact_guard, &f->guard, &in->guard);
    if (in->table_count || in->number == 1)
        tables_refresh(f, in->tables, in->table_count, in->number != 1);
    if (in->server.ready)
        text_replace(&f->phase, "ready");
    text_replace(&f->problem, in->text);
    f->status_partial = in->number != 1;
    f->status_complete = f->status_complete || in->number == 1;
    f->status_at_ms = m->now_ms;
    codec_free(&type_input_error, &f->open_error);
}

/* Where rows are missing whoever looks asks why as well (run/operations.c); once they are back there is nothing to
 * explain. */
static void forget_why(struct model *m)
{
    struct facts *f = &m->facts;
    if (diagnosis_wanted(&f->ledger, f->tables, f->table_count) || m->screen == SCREEN_DIAGNOSE)
        return;
    codec_free(&type_fact_diagnosis, &f->diagnosis);
    f->diagnosed = false;
}

/* What was looked at deeper is not replaced by less that nobody asked for. */
static void diagnosis_event(struct facts *f, const struct input *in)
{
    if (!in->request && f->diagnosed && f->diagnosis.deep && !in->diagnosis.deep &&
        text_same(f->diagnosis.verdict, in->diagnosis.verdict))
        return;
    replace(&type_fact_diagnosis, &f->diagnosis, &in->diagnosis);
    f->diagnosed = true;
}

void facts_event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    switch (in->kind) {
    case IN_CONNECTION: connection_event(m, in, effects); break;
    case IN_STATUS:
        status_event(m, in);
        if (in->number == 1)
            forget_why(m);
        break;
    case IN_DIAGNOSIS: diagnosis_event(&m->facts, in); break;
    case IN_TABLE: tables_merge(&m->facts, in->tables, in->table_count); break;
    case IN_MIGRATIONS: replace(&type_fact_ledger, &m->facts.ledger, &in->ledger); break;
    case IN_STORE:
        if (job->effect == EFFECT_DIFF && in->number2 == 1 && in->table_count)
            totals_merge(&m->facts, &in->tables[0]);
        break;
    case IN_OUTCOME:
        m->facts.status_partial =
            m->facts.status_partial && job->effect != EFFECT_STATUS && job->effect != EFFECT_OPEN;
        if (job->effect == EFFECT_OPEN && !in->ok) {
            replace(&type_input_error, &m->facts.open_error, &in->error);
            text_replace(&m->facts.phase, "failed");
        }
        break;
    default: break;
    }
}

void facts_forget(struct model *m)
{
    struct facts *f = &m->facts;
    tables_refresh(f, NULL, 0, false);
    codec_free(&type_fact_server, &f->server);
    codec_free(&type_fact_ledger, &f->ledger);
    codec_free(&type_fact_guard, &f->guard);
    codec_free(&type_input_error, &f->open_error);
    codec_free(&type_fact_diagnosis, &f->diagnosis);
    connection_forget(f);
    free(f->phase);
    free(f->phase_text);
    free(f->problem);
    *f = (struct facts){0};
}

static const struct fact_environment *known_environment(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->environments.item_count; i++)
        if (text_same(m->environments.items[i].name, name))
            return &m->environments.items[i];
    return NULL;
}

void facts_refresh(struct model *m, struct effects *effects)
{
    if (text_is_empty(m->environment) || job_of(m, EFFECT_STATUS) || job_of(m, EFFECT_OPEN))
        return;
    if (facts_ready(m)) {
        request_start(m, effects, EFFECT_STATUS, NULL);
        return;
    }
    codec_free(&type_input_error, &m->facts.open_error);
    text_replace(&m->facts.phase, "connecting");
    struct effect *effect = request_start(m, effects, EFFECT_OPEN, m->environment);
    const struct fact_environment *known = known_environment(m, m->environment);
    text_replace(&effect->text, known ? known->database : NULL);
}

void environment_open(struct model *m, const char *name, struct effects *effects)
{
    if (text_same(m->environment, name) && facts_ready(m)) {
        screen_go(m, SCREEN_OVERVIEW, effects);
        return;
    }
    if (jobs_write(m)) {
        notice_set(m, "warn", "A write runs on %s: ctrl-x cancels it.", or_empty(m->environment));
        return;
    }
    if (!text_is_empty(m->environment))
        effect_add(effects, EFFECT_CLOSE, m->environment);
    jobs_end_all(m);
    m->write_mode = false;
    for (int i = 0; i < SCREEN_COUNT; i++)
        if (screen_class_of((enum screen)i)->forget)
            screen_class_of((enum screen)i)->forget(m, effects);
    facts_forget(m);
    text_replace(&m->environment, name);
    text_replace(&m->facts.server.environment, name);
    const struct fact_environment *known = known_environment(m, name);
    text_replace(&m->facts.server.role, known ? known->role : NULL);
    m->screen = SCREEN_ENVIRONMENTS;     /* so that "previous" leads back to the list */
    facts_refresh(m, effects);
    screen_go(m, SCREEN_OVERVIEW, effects);
}
