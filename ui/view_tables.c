/* view_tables - every table with its class, rows, floor, fixture, differences and size. */
#include "view.h"

#include "app/human.h"
#include "app/list.h"
#include "app/screen.h"
#include "app/util.h"

static const struct column columns[] = {
    {"table", 12, false, 3, 0},  {"class", 11, false, 0, 114}, {"rows", 11, true, 1, 0},
    {"floor", 7, true, 0, 0},    {"fixture", 8, true, 0, 0},   {"missing", 7, true, 0, 76},
    {"changed", 7, true, 0, 76}, {"extra", 7, true, 0, 76},    {"size", 8, true, 0, 86},
    {"", 18, false, 2, 120},
};
enum { C_NAME, C_CLASS, C_ROWS, C_FLOOR, C_FIXTURE, C_MISSING, C_CHANGED, C_EXTRA, C_SIZE, C_NOTE };

static void draw_row(const struct view *v, const struct table *t, int row, int64_t nth,
                     const struct fact_table *f)
{
    char text[40];
    bool below = f->min_rows >= 0 && f->rows >= 0 && f->rows < f->min_rows;
    table_cell(v, t, row, C_NAME, STYLE_PLAIN, f->name);
    table_cell(v, t, row, C_CLASS, STYLE_DIM, f->class);
    table_count(v, t, row, C_ROWS, below ? STYLE_BAD : STYLE_PLAIN, f->rows, f->estimated);
    if (f->min_rows >= 0)
        table_count(v, t, row, C_FLOOR, STYLE_PLAIN, f->min_rows, false);
    if (f->fixture_rows >= 0) {
        table_count(v, t, row, C_FIXTURE, STYLE_PLAIN, f->fixture_rows, false);
        table_difference(v, t, row, C_MISSING, STYLE_ADDED, f->missing);
        table_difference(v, t, row, C_CHANGED, STYLE_CHANGED, f->changed);
        table_difference(v, t, row, C_EXTRA, STYLE_REMOVED, f->extra);
    }
    if (f->bytes >= 0)
        table_cell(v, t, row, C_SIZE, STYLE_PLAIN, human_bytes(text, f->bytes));
    if (!f->held && f->missing < 0 && !text_is_empty(f->note) && t->width[C_MISSING] && !t->width[C_NOTE])
        grid_text(v->g, row, t->x[C_MISSING] + 2, t->x[C_EXTRA] + t->width[C_EXTRA] - t->x[C_MISSING] - 2,
                  STYLE_WARN, f->note);
    table_cell(v, t, row, C_NOTE, f->held ? STYLE_HELD : STYLE_DIM, f->held ? "held" : or_empty(f->note));
    table_row(v, row, nth);
}

static void draw_detail(const struct view *v, const struct fact_table *f)
{
    int row = v->l.detail_row, width = v->g->columns - 4, rows = v->l.detail_rows;
    if (f->held && rows > 0)
        view_wrap(
            v, row, 3, width, rows, STYLE_HELD,
            "Held: rows were deleted here and may still be readable on disk; a scan would clean them up. Its "
            "count is an estimate. x h says what a scan costs.");
    else if (!text_is_empty(f->note))
        view_wrap(v, row, 3, width, rows, STYLE_WARN, f->note);
    else if (!text_is_empty(f->at))
        grid_printf(v->g, row, 3, width, STYLE_DIM, "fixture %s", f->at);
    else
        grid_text(v->g, row, 3, width, STYLE_DIM, "no fixture");
}

void view_tables(const struct view *v)
{
    const struct facts *f = &v->m->facts;
    if (view_unconnected(v))
        return;
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    size_t context = 0, below = 0, held = 0;
    for (size_t i = 0; i < f->table_count; i++) {
        context += text_same(f->tables[i].class, "context");
        below +=
            f->tables[i].min_rows >= 0 && f->tables[i].rows >= 0 && f->tables[i].rows < f->tables[i].min_rows;
        held += f->tables[i].held;
    }
    view_sentence_line(v, below || held ? STYLE_WARN : STYLE_BOLD,
                       "%zu table%s, %zu of them context; %zu below the floor, %zu held.", f->table_count,
                       f->table_count == 1 ? "" : "s", context, below, held);
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows; i++) {
        int64_t nth = screen_list(v->m)->top + i, index = list_index(v->m, nth);
        if (index < 0)
            break;
        draw_row(v, &t, v->l.list_row + i, nth, &f->tables[index]);
    }
    if (list_selected(v->m) >= 0)
        draw_detail(v, &f->tables[list_selected(v->m)]);
    else if (!text_is_empty(screen_list(v->m)->filter))
        view_empty(v, "No table passes the filter. Esc clears it.");
    else
        view_empty(v, f->status_complete
                          ? "There is no table to show: none is configured, none has a fixture."
                          : "Not looked yet: r connects and looks.");
}
