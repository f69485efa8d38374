/* view_plan - the rows that would go, and what the plan says of them in a sentence. */
#include "view.h"

#include "app/human.h"
#include "app/list.h"
#include "app/plan_row.h"
#include "app/util.h"
#include "base/str.h"

static const struct column columns[] = {
    {"table", 14, false, 1, 0}, {"key", 14, false, 2, 0}, {"", 12, false, 3, 70}, {"goes because", 14, false, 2, 0}};

static void draw_sentence(const struct view *v)
{
    const struct screen_plan *p = &v->m->plan;
    char rows[40], operational[40];
    if (text_is_empty(p->action))
        view_sentence_line(v, STYLE_BOLD, "No plan was made yet. x on the Overview makes one: d prune, c converge, e reset.");
    else if (p->request)
        view_sentence_line(v, STYLE_BOLD, "Making the plan of a %s: %s rows so far \xe2\x80\xa6", p->action,
                           view_count(rows, p->rows.count, false));
    else if (text_is_empty(p->digest))
        view_sentence_line(v, STYLE_BOLD, "No plan stands: it was carried out, or making it failed. 7 Log says which.");
    else if (p->step_count == 0)
        view_sentence_line(v, STYLE_GOOD, "\xe2\x9c\x93 Nothing to %s: no row is there that should not be.", p->action);
    else if (!p->possible)
        view_sentence_line(v, STYLE_BAD, "\xe2\x9c\x97 %s cannot be done: rows are in the way. x y names them.", p->action);
    else if (p->operational)
        view_sentence_line(v, STYLE_WARN, "! %s: %s rows, %s of them the application's. x y asks, and carries it out.",
                           p->action, view_count(rows, p->total, false), view_count(operational, p->operational, false));
    else
        view_sentence_line(v, STYLE_WARN, "! %s: %s row%s. x y asks, and carries it out.", p->action,
                           view_count(rows, p->total, false), p->total == 1 ? "" : "s");
}

/* Below the rows: the steps, the dangerous ones first. */
static void draw_steps(const struct view *v)
{
    const struct screen_plan *p = &v->m->plan;
    struct str line = {0};
    char count[HUMAN];
    if (!text_is_empty(p->first))
        str_printf(&line, "%s  ", p->first);
    for (int danger = 1; danger >= 0; danger--)
        for (size_t i = 0; i < p->step_count; i++) {
            const struct fact_step *step = &p->steps[i];
            if (step->danger != danger)
                continue;
            str_printf(&line, "%s%s %s %s", line.length ? " \xc2\xb7 " : "", or_empty(step->action),
                       step->rows >= 0 ? human_count(count, step->rows) : "", or_empty(step->object));
        }
    view_wrap(v, v->l.detail_row, 3, v->g->columns - 4, v->l.detail_rows, STYLE_DIM, str_text(&line));
    str_free(&line);
}

void view_plan(const struct view *v)
{
    const struct screen_plan *p = &v->m->plan;
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    draw_sentence(v);
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows && p->list.top + i < p->rows.count; i++) {
        int64_t nth = p->list.top + i;
        int row = v->l.list_row + i;
        const struct fact_row *cells = rowset_row(&p->rows, nth);
        if (cells && cells->cell_count >= PLAN_CELLS)
            for (int c = 0; c < PLAN_CELLS; c++)
                table_cell(v, &t, row, c, c == PLAN_WHY ? STYLE_DIM : STYLE_PLAIN, cells->cells[c].text);
        else
            view_absent(v, row, 3, cells);
        table_row(v, row, nth);
    }
    if (p->rows.count == 0)
        view_empty(v, text_is_empty(p->digest) ? "" : "No row goes.");
    draw_steps(v);
}
