/* screen_diagnose - why tables are empty: the verdict, what to do, what says so. Asked for by itself where rows are
 * missing (facts.c), and on opening this screen; `d` asks for what costs more. */
#include "app/details.h"
#include "app/diagnosis.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"

static struct list *list(struct model *m) { return &m->diagnose.list; }
static int64_t count(const struct model *m) { return m->facts.diagnosed ? diagnosis_rows(&m->facts.diagnosis) : 0; }

static void add(struct str *out, const char *text) { str_printf(out, "%s ", or_empty(text)); }

static void text_of(const struct model *m, int64_t n, struct str *out)
{
    const struct fact_diagnosis *d = &m->facts.diagnosis;
    struct diagnosis_row row;
    if (!diagnosis_row(d, n, &row))
        return;
    switch (row.part) {
    case PART_NEXT:
        add(out, d->next[row.index].text);
        add(out, d->next[row.index].command);
        break;
    case PART_TABLE:
        add(out, d->tables[row.index].name);
        add(out, d->tables[row.index].verdict);
        add(out, d->tables[row.index].confidence);
        add(out, d->tables[row.index].why);
        break;
    case PART_EVIDENCE:
        add(out, d->evidence[row.index].fact);
        add(out, d->evidence[row.index].source);
        add(out, d->evidence[row.index].table);
        add(out, d->evidence[row.index].problem);
        break;
    case PART_DENIED:
        add(out, d->denied[row.index].what);
        add(out, d->denied[row.index].why);
        add(out, d->denied[row.index].grant);
        break;
    case PART_ALTERNATIVE:
        add(out, d->alternatives[row.index].verdict);
        add(out, d->alternatives[row.index].why);
        break;
    default: break;
    }
}

static void table_details(const struct fact_table_verdict *t, struct str *out)
{
    details_add(out, "table", t->name);
    details_add(out, "verdict", t->verdict);
    details_add(out, "confidence", t->confidence);
    details_add(out, "rule", t->rule);
    details_add(out, "why", t->why);
    details_add_number(out, "rows", t->rows);
    details_add_number(out, "floor", t->floor);
    details_add_number(out, "inserted", t->inserted);
    details_add_number(out, "deleted", t->deleted);
    details_add_number(out, "dead", t->dead);
}

static void evidence_details(const struct fact_evidence *e, struct str *out)
{
    details_add(out, "fact", e->fact);
    details_add(out, "table", e->table);
    details_add(out, "source", e->source);
    details_add(out, "supports", e->supports);
    details_add(out, "rules out", e->excludes);
    details_add(out, "rule", e->rule);
    details_add(out, "not read", e->problem);
}

static void details_of(const struct model *m, int64_t n, struct str *out)
{
    const struct fact_diagnosis *d = &m->facts.diagnosis;
    struct diagnosis_row row;
    if (!diagnosis_row(d, n, &row))
        return;
    switch (row.part) {
    case PART_NEXT:
        details_add(out, "do", d->next[row.index].text);
        details_add(out, "seedops", d->next[row.index].command);
        break;
    case PART_TABLE: table_details(&d->tables[row.index], out); break;
    case PART_EVIDENCE: evidence_details(&d->evidence[row.index], out); break;
    case PART_DENIED:
        details_add(out, "not read", d->denied[row.index].what);
        details_add(out, "why", d->denied[row.index].why);
        details_add(out, "would open it", d->denied[row.index].grant);
        break;
    case PART_ALTERNATIVE:
        details_add(out, "or else", d->alternatives[row.index].verdict);
        details_add(out, "confidence", d->alternatives[row.index].confidence);
        details_add(out, "why", d->alternatives[row.index].why);
        break;
    default: break;
    }
}

void diagnose_start(struct model *m, bool deep, struct effects *effects)
{
    const struct job *running = job_of(m, EFFECT_DIAGNOSE);
    if (running && (!deep || text_same(running->name, "deep")))
        return;
    request_start(m, effects, EFFECT_DIAGNOSE, deep ? "deep" : NULL)->number = deep;
}

static void refresh(struct model *m, struct effects *effects)
{
    if (!facts_ready(m))
        facts_refresh(m, effects);
    else
        diagnose_start(m, m->facts.diagnosed && m->facts.diagnosis.deep, effects);
}

static void enter(struct model *m, struct effects *effects)
{
    if (facts_ready(m) && !m->facts.diagnosed)
        diagnose_start(m, false, effects);
}

/* Enter does what the selected line says, where an action of ours is it; a table's line shows its differences. */
static void open(struct model *m, struct effects *effects)
{
    const struct fact_diagnosis *d = &m->facts.diagnosis;
    struct diagnosis_row row;
    int64_t n = list_selected(m);
    if (n < 0 || !diagnosis_row(d, n, &row))
        return;
    if (row.part == PART_TABLE && facts_table(m, d->tables[row.index].name))
        diff_open_table(m, d->tables[row.index].name, false, effects);
    else if (row.part == PART_NEXT && !text_is_empty(d->next[row.index].action))
        screen_run_action(m, d->next[row.index].action, effects);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    (void)job;
    if (in->kind == IN_STATUS && in->number == 1 && m->screen == SCREEN_DIAGNOSE && !m->facts.diagnosed)
        diagnose_start(m, false, effects);
}

static void forget(struct model *m, struct effects *effects)
{
    (void)effects;
    m->diagnose.list.selected = m->diagnose.list.top = 0;
    text_replace(&m->diagnose.list.filter, NULL);
}

const struct screen_class screen_class_diagnose = {
    .name = "diagnose", .title = "Diagnose", .needs_environment = true, .list = list, .count = count,
    .text_of = text_of, .details_of = details_of, .enter = enter, .event = event, .open = open, .refresh = refresh, .forget = forget,
};
