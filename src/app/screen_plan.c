/* screen_plan - what a prune, a reset or a converge would do: every row that goes, and the steps. Nothing is asked
 * here; carry-out opens the question. */
#include <stdlib.h>
#include <string.h>

#include "app/details.h"
#include "app/list.h"
#include "app/plan_row.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"

static struct list *list(struct model *m) { return &m->plan.list; }
static struct rowset *store(struct model *m) { return &m->plan.rows; }

static int64_t count(const struct model *m) { return m->plan.rows.count; }

/* All but the list and the rows: those go when new ones come. */
static void forget_plan(struct screen_plan *p)
{
    struct screen_plan kept = {.list = p->list, .rows = p->rows}, gone = *p;
    gone.list = (struct list){0};
    gone.rows = (struct rowset){0};
    codec_free(&type_plan, &gone);
    *p = kept;
}

int64_t plan_kind(const char *action) { return text_same(action, "reset") ? 1 : text_same(action, "converge") ? 2 : 0; }

void plan_make_screen(struct model *m, const char *action, struct effects *effects)
{
    forget_plan(&m->plan);
    rowset_reset(&m->plan.rows, effects);
    m->plan.list.selected = m->plan.list.top = 0;
    text_replace(&m->plan.action, action);
    screen_go(m, SCREEN_PLAN, effects);
    struct effect *effect = request_start(m, effects, EFFECT_PRUNE, NULL);
    effect->number = 1;
    effect->number2 = plan_kind(action);
    m->plan.request = effect->request;
    job_find(m, effect->request)->plan = true;
}

void plan_take(struct model *m, const struct input *in)
{
    struct screen_plan *p = &m->plan;
    if (!in->request || p->request != in->request)
        return;
    p->request = 0;
    text_replace(&p->digest, in->text);
    text_replace(&p->first, in->title);
    p->total = clamp(in->number, 0, INT64_MAX);
    p->operational = clamp(in->number2, 0, INT64_MAX);
    p->bytes = clamp(in->rate, 0, INT64_MAX);
    p->possible = in->ok;
    p->names = in->column_count ? xcalloc(in->column_count, sizeof *p->names) : NULL;
    for (; p->name_count < in->column_count; p->name_count++)
        p->names[p->name_count].text = xstrdup(in->columns[p->name_count].text);
    p->steps = in->step_count ? xcalloc(in->step_count, sizeof *p->steps) : NULL;
    for (; p->step_count < in->step_count; p->step_count++)
        codec_copy(&type_fact_step, &p->steps[p->step_count], &in->steps[p->step_count]);
}

static void text_of(const struct model *m, int64_t row, struct str *out)
{
    for (size_t cell = 0; cell < PLAN_CELLS; cell++)
        str_printf(out, "%s%s", cell ? "\t" : "", rowset_cell(&m->plan.rows, row, cell));
}

static void details_of(const struct model *m, int64_t row, struct str *out)
{
    static const char *const titles[PLAN_CELLS] = {"table", "key", "label", "because", "changes", "was", "becomes", "whose"};
    for (size_t cell = 0; cell < PLAN_CELLS; cell++)
        details_add(out, titles[cell], rowset_cell(&m->plan.rows, row, cell));
}

static void forget(struct model *m, struct effects *effects)
{
    forget_plan(&m->plan);
    rowset_reset(&m->plan.rows, effects);
    text_replace(&m->plan.list.filter, NULL);
    m->plan.list.selected = m->plan.list.top = 0;
}

/* It was not what was confirmed by then. */
static bool another_plan(const struct input *in)
{
    return text_same(in->error.class, "conflict") || text_same(in->error.class, "refused");
}

/* Back to the plan, as things stand now (SAFETY 5). */
static void plan_anew(struct model *m, struct effects *effects)
{
    char *action = xstrdup(or_empty(m->plan.action));
    plan_make_screen(m, action, effects);
    free(action);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    if (in->kind == IN_STORE && job->effect == EFFECT_PRUNE && job->plan)
        rowset_store(&m->plan.rows, in, effects);
    if (in->kind == IN_OUTCOME && job->effect == EFFECT_PRUNE && job->plan && m->plan.request == in->request)
        m->plan.request = 0;             /* it failed: there is no plan */
    if (in->kind == IN_OUTCOME && job->effect == EFFECT_PRUNE && !job->plan && in->ok) {
        forget(m, effects);              /* its rows are gone: what was done stands in the message */
        text_replace(&m->plan.action, in->name);
    }
    if (in->kind == IN_OUTCOME && job->effect == EFFECT_PRUNE && !job->plan && !in->ok && another_plan(in))
        plan_anew(m, effects);
}

const struct screen_class screen_class_plan = {
    .name = "plan", .title = "Plan", .needs_environment = true, .list = list, .store = store, .count = count, .text_of = text_of,
    .details_of = details_of, .event = event, .refresh = facts_refresh, .forget = forget,
};
