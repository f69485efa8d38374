/* view_plan - the rows that would go or change, and what the plan says of them in a sentence. */
#include "view.h"

#include <string.h>

#include "app/human.h"
#include "app/list.h"
#include "app/plan_row.h"
#include "app/util.h"
#include "base/str.h"

enum { C_MARK, C_TABLE, C_KEY, C_WHAT, C_WHY, COLUMNS };
static const struct column columns[COLUMNS] = {
    {"", 1, false, 0, 0}, {"table", 13, false, 1, 0}, {"key", 13, false, 2, 0}, {"", 12, false, 4, 70},
    {"because", 12, false, 2, 0}};

/* Rows that stay with other values, as the steps count them; those of the fixtures are not meant. */
static int64_t changing(const struct screen_plan *p)
{
    int64_t rows = 0;
    for (size_t i = 0; i < p->step_count; i++) {
        const struct fact_step *step = &p->steps[i];
        bool key = text_same(step->action, "update") && strncmp(or_empty(step->detail), "by ", 3) == 0;
        if (key || text_same(step->action, "set null") || text_same(step->action, "set default"))
            rows += step->rows;
    }
    return rows;
}

static void add_carried(struct str *out, const struct screen_plan *p)
{
    char rows[40], part[40], more[40];
    str_printf(out, "! %s: %s row%s", p->action, view_count(rows, p->total, false), p->total == 1 ? "" : "s");
    if (changing(p))
        str_printf(out, " and %s that change%s", view_count(more, changing(p), false), changing(p) == 1 ? "s" : "");
    if (p->operational)
        str_printf(out, ", %s of them the application's", view_count(part, p->operational, false));
    str_add(out, ". x y asks, and carries it out.");
}

static void draw_sentence(const struct view *v)
{
    const struct screen_plan *p = &v->m->plan;
    struct str carried = {0};
    char rows[40];
    if (text_is_empty(p->action))
        view_sentence_line(v, STYLE_BOLD, "No plan yet. On 1 Overview one is made: x d prune, x c converge, x e reset.");
    else if (p->request)
        view_sentence_line(v, STYLE_BOLD, "Making the plan of a %s: %s rows so far \xe2\x80\xa6", p->action,
                           view_count(rows, p->rows.count, false));
    else if (text_is_empty(p->digest))
        view_sentence_line(v, STYLE_BOLD, "No plan stands: it was carried out, or making it failed. 7 Log says which.");
    else if (p->step_count == 0)
        view_sentence_line(v, STYLE_GOOD, "\xe2\x9c\x93 Nothing to %s: no row is there that should not be.", p->action);
    else if (!p->possible)
        view_sentence_line(v, STYLE_BAD, "\xe2\x9c\x97 %s cannot be done: rows are in the way. x y names them.", p->action);
    else {
        add_carried(&carried, p);
        view_sentence_line(v, STYLE_WARN, "%s", str_text(&carried));
    }
    str_free(&carried);
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

static const char *cell(const struct fact_row *row, size_t nth)
{
    return nth < row->cell_count ? or_empty(row->cells[nth].text) : "";
}

static void draw_row(const struct view *v, const struct table *t, int at, const struct fact_row *row)
{
    bool stays = !text_is_empty(cell(row, PLAN_COLUMN)), theirs = !text_is_empty(cell(row, PLAN_WHOSE));
    struct str text = {0};
    table_cell(v, t, at, C_MARK, stays ? STYLE_CHANGED : STYLE_REMOVED, stays ? "~" : "\xe2\x88\x92");
    table_cell(v, t, at, C_TABLE, STYLE_PLAIN, cell(row, PLAN_TABLE));
    table_cell(v, t, at, C_KEY, STYLE_PLAIN, cell(row, PLAN_KEY));
    if (stays)
        str_printf(&text, "%s %s \xe2\x86\x92 %s", cell(row, PLAN_COLUMN), cell(row, PLAN_WAS), cell(row, PLAN_BECOMES));
    table_cell(v, t, at, C_WHAT, STYLE_PLAIN, stays ? str_text(&text) : cell(row, PLAN_LABEL));
    str_reset(&text);
    str_printf(&text, "%s%s", theirs ? "! the application's; " : "", cell(row, PLAN_WHY));
    table_cell(v, t, at, C_WHY, STYLE_DIM, str_text(&text));
    str_free(&text);
}

void view_plan(const struct view *v)
{
    const struct screen_plan *p = &v->m->plan;
    struct table t = table_make(v, columns, COLUMNS);
    draw_sentence(v);
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows && p->list.top + i < p->rows.count; i++) {
        int64_t nth = p->list.top + i;
        int row = v->l.list_row + i;
        const struct fact_row *cells = rowset_row(&p->rows, nth);
        if (cells && cells->cell_count >= PLAN_CELLS_LEAST)
            draw_row(v, &t, row, cells);
        else
            view_absent(v, row, 3, cells);
        table_row(v, row, nth);
    }
    if (p->rows.count == 0)
        view_empty(v, text_is_empty(p->digest) ? "" : "No row goes.");
    draw_steps(v);
}
