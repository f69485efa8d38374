/* view_diff - tables that differ; the differences of one, row by row and column by column. */
#include "view.h"

#include <stdio.h>

#include "app/diff_row.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"

/* ---- the tables ---- */

static const struct column table_columns[] = {
    {"table", 12, false, 3, 0}, {"fixture", 7, true, 1, 0}, {"live", 9, true, 1, 0},
    {"missing", 7, true, 0, 0}, {"changed", 7, true, 0, 0}, {"extra", 5, true, 0, 0},
    {"", 18, false, 2, 80},
};

static const char *table_note(const struct fact_table *f)
{
    if (f->held)
        return "held: not read";
    if (f->missing < 0)
        return "not compared yet: Enter does";
    if (f->missing || f->changed || f->extra)
        return f->missing == 0 && f->changed <= f->allowed_changed && f->extra <= f->allowed_extra ? "allowed"
                                                                                                   : "";
    return "identical";
}

static void draw_table(const struct view *v, const struct table *t, int row, int64_t nth,
                       const struct fact_table *f)
{
    const int64_t numbers[] = {f->missing, f->changed, f->extra};
    static const enum style styles[] = {STYLE_ADDED, STYLE_CHANGED, STYLE_REMOVED};
    table_cell(v, t, row, 0, STYLE_PLAIN, f->name);
    table_count(v, t, row, 1, STYLE_PLAIN, f->fixture_rows, false);
    table_count(v, t, row, 2, STYLE_PLAIN, f->rows, f->estimated);
    for (int i = 0; i < 3; i++)
        if (numbers[i] >= 0)
            table_difference(v, t, row, 3 + i, styles[i], numbers[i]);
    table_cell(v, t, row, 6, f->held ? STYLE_HELD : STYLE_DIM, table_note(f));
    table_row(v, row, nth);
}

static void draw_tables_sentence(const struct view *v)
{
    const struct facts *f = &v->m->facts;
    size_t with = 0, differ = 0, held = 0;
    for (size_t i = 0; i < f->table_count; i++) {
        const struct fact_table *t = &f->tables[i];
        with += t->fixture_rows >= 0;
        held += t->fixture_rows >= 0 && t->held;
        differ += t->fixture_rows >= 0 && !t->held && (t->missing > 0 || t->changed > 0 || t->extra > 0);
    }
    if (!f->status_complete)
        view_sentence_line(v, STYLE_BOLD, "The fixtures were not compared yet.");
    else if (held)
        view_sentence_line(v, STYLE_HELD,
                           "! %zu of %zu table%s held, so not compared; %zu %s from the fixtures.", held,
                           with, with == 1 ? " is" : "s are", differ, differ == 1 ? "differs" : "differ");
    else if (differ)
        view_sentence_line(v, STYLE_WARN, "! %zu of %zu table%s with fixtures %s. Enter shows how.", differ,
                           with, with == 1 ? "" : "s", differ == 1 ? "differs" : "differ");
    else
        view_sentence_line(v, STYLE_GOOD, "\xe2\x9c\x93 %zu table%s with fixtures, no difference found.",
                           with, with == 1 ? "" : "s");
}

static void draw_tables(const struct view *v)
{
    const struct screen_diff *s = &v->m->diff;
    struct table t = table_make(v, table_columns, sizeof table_columns / sizeof table_columns[0]);
    draw_tables_sentence(v);
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows; i++) {
        int64_t nth = s->list.top + i, index = list_index(v->m, nth);
        if (index < 0)
            break;
        draw_table(v, &t, v->l.list_row + i, nth, &v->m->facts.tables[index]);
    }
    if (list_selected(v->m) < 0)
        view_empty(v, !text_is_empty(s->list.filter) ? "No table passes the filter. Esc clears it."
                      : s->identical_too
                          ? "No table has a fixture. seedops capture TABLE writes one from live rows."
                          : "No table differs from its fixture. = shows the identical ones too.");
}

/* ---- the rows of one ---- */

static const struct column row_columns[] = {
    {"", 1, false, 0, 0},       {"key", 9, false, 1, 0},      {"what", 7, false, 0, 0},
    {"column", 8, false, 1, 0}, {"fixture", 11, false, 3, 0}, {"live", 10, false, 3, 0},
    {"", 8, false, 0, 100},
};
enum { C_MARK, C_KEY, C_WHAT, C_COLUMN, C_FIXTURE, C_LIVE, C_ALLOWED };

static void draw_value(const struct view *v, const struct table *t, int row, int column, enum style style,
                       const struct fact_row *cells, size_t cell, bool absent)
{
    const char *text = cell < cells->cell_count ? cells->cells[cell].text : NULL;
    if (absent)
        table_cell(v, t, row, column, STYLE_DIM, "\xc2\xb7");
    else if (!text)
        table_cell(v, t, row, column, STYLE_DIM, "NULL");
    else if (!*text)
        table_cell(v, t, row, column, STYLE_DIM, "'' (empty text)");
    else
        table_cell(v, t, row, column, style, text);
}

static const char *cell_of(const struct fact_row *row, size_t cell)
{
    return cell < row->cell_count ? or_empty(row->cells[cell].text) : "";
}

static bool continues(const struct view *v, int64_t nth, const struct fact_row *cells)
{
    const struct fact_row *before =
        nth > v->m->diff.row_list.top ? rowset_row(&v->m->diff.rows, nth - 1) : NULL;
    return before && text_same(cell_of(before, DIFF_KEY), cell_of(cells, DIFF_KEY))
        && text_same(cell_of(before, DIFF_KIND), cell_of(cells, DIFF_KIND));
}

static void draw_difference(const struct view *v, const struct table *t, int row, int64_t nth,
                            const struct fact_row *cells)
{
    const char *kind = cell_of(cells, DIFF_KIND);
    bool missing = text_same(kind, "missing"), extra = text_same(kind, "extra");
    bool allowed = !text_is_empty(cell_of(cells, DIFF_ALLOWED));
    enum style style = allowed ? STYLE_DIM : missing ? STYLE_ADDED : extra ? STYLE_REMOVED : STYLE_CHANGED;
    if (!continues(v, nth, cells)) {
        table_cell(v, t, row, C_MARK, style, missing ? "+" : extra ? "\xe2\x88\x92" : "~");
        table_cell(v, t, row, C_KEY, style, cell_of(cells, DIFF_KEY));
        table_cell(v, t, row, C_WHAT, style, kind);
    }
    table_cell(v, t, row, C_COLUMN, STYLE_PLAIN, cell_of(cells, DIFF_COLUMN));
    draw_value(v, t, row, C_FIXTURE, allowed ? STYLE_DIM : STYLE_PLAIN, cells, DIFF_FIXTURE, extra);
    draw_value(v, t, row, C_LIVE, allowed ? STYLE_DIM : STYLE_PLAIN, cells, DIFF_LIVE, missing);
    table_cell(v, t, row, C_ALLOWED, STYLE_DIM, allowed ? "allowed" : "");
    table_row(v, row, nth);
}

static void draw_rows_sentence(const struct view *v)
{
    const struct screen_diff *s = &v->m->diff;
    const struct fact_table *t = &s->totals;
    char a[40], b[40], c[40], d[40], e[40];
    const char *fixture = text_is_empty(t->at) ? "its fixture" : t->at;
    int64_t found = s->rows.base ? s->rows.base_count : s->rows.count;
    if (job_of(v->m, EFFECT_DIFF) && !s->rows.complete)
        view_sentence_line(v, STYLE_BOLD, "%s against %s: %s difference%s so far \xe2\x80\xa6", s->table,
                           fixture, view_count(a, found, false), found == 1 ? "" : "s");
    else if (s->rows.store && !s->rows.complete)
        view_sentence_line(v, STYLE_WARN, "! %s against %s: stopped at %s difference%s. r compares again.", s->table,
                           fixture, view_count(a, found, false), found == 1 ? "" : "s");
    else if (t->held)
        view_sentence_line(
            v, STYLE_HELD,
            "! %s is held: rows were deleted and may be readable yet. x h says what a scan costs.", s->table);
    else if (s->rows.complete && t->missing == 0 && t->changed == 0 && t->extra == 0)
        view_sentence_line(v, STYLE_GOOD, "\xe2\x9c\x93 %s is as %s declares it: %s row%s.", s->table,
                           fixture, view_count(a, t->fixture_rows, false), t->fixture_rows == 1 ? "" : "s");
    else
        view_sentence_line(
            v, STYLE_WARN,
            "! %s against %s   %s declared, %s live   %s missing  %s changed  %s extra   \xe2\x89\xa0 only",
            s->table, fixture, view_count(a, t->fixture_rows, false), view_count(b, t->rows, t->estimated),
            view_count(c, t->missing, false), view_count(d, t->changed, false),
            view_count(e, t->extra, false));
}

/* The selected difference in full, and where it is declared. */
static void draw_detail(const struct view *v)
{
    const struct screen_diff *s = &v->m->diff;
    const struct fact_row *cells = rowset_row(&s->rows, s->row_list.selected);
    int row = v->l.detail_row, width = v->g->columns - 4;
    if (!cells || !cells->cell_count)
        return;
    const char *at = cell_of(cells, DIFF_AT);
    if (v->l.detail_rows >= 3 && text_same(cell_of(cells, DIFF_KIND), "changed")) {
        grid_printf(v->g, row++, 3, width, STYLE_PLAIN, "fixture  %s", cell_of(cells, DIFF_FIXTURE));
        grid_printf(v->g, row++, 3, width, STYLE_PLAIN, "live     %s", cell_of(cells, DIFF_LIVE));
    }
    if (!text_is_empty(at))
        grid_printf(v->g, row, 3, width, STYLE_DIM, "declared at %s   e opens it there", at);
    else
        grid_text(v->g, row, 3, width, STYLE_DIM,
                  "declared nowhere; a seed leaves it, a prune (prune: true) deletes it");
}

static void draw_rows(const struct view *v)
{
    const struct screen_diff *s = &v->m->diff;
    struct table t = table_make(v, row_columns, sizeof row_columns / sizeof row_columns[0]);
    draw_rows_sentence(v);
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows && s->row_list.top + i < s->rows.count; i++) {
        int64_t nth = s->row_list.top + i;
        int row = v->l.list_row + i;
        const struct fact_row *cells = rowset_row(&s->rows, nth);
        if (cells && cells->cell_count) {
            draw_difference(v, &t, row, nth, cells);
            continue;
        }
        view_absent(v, row, 3, cells);
        table_row(v, row, nth);
    }
    draw_detail(v);
    if (v->m->roaming && !s->rows.store)
        view_empty(v, "not captured: the operator had not opened the rows of this table by this moment. What the "
                      "line above says of it is what was known.");
    if (s->rows.complete && s->rows.count == 0 && !s->totals.held)
        view_empty(v, text_is_empty(s->row_list.filter)
                          ? "Every declared row is there, as declared, and no other."
                          : "No difference passes the filter. Esc clears it.");
}

void view_diff(const struct view *v)
{
    if (view_unconnected(v))
        return;
    if (text_is_empty(v->m->diff.table))
        draw_tables(v);
    else
        draw_rows(v);
}
