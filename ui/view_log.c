/* view_log - what was said in this session; a line's whole text below. */
#include "view.h"

#include "app/human.h"
#include "app/list.h"
#include "app/util.h"

static const struct column columns[] = {
    {"at", 9, false, 0, 0}, {"level", 8, false, 0, 0}, {"text", 30, false, 1, 0}};

static enum style level_style(const char *level)
{
    if (text_same(level, "error") || text_same(level, "finding"))
        return STYLE_BAD;
    if (text_holds(or_empty(level), "warn"))
        return STYLE_WARN;
    return text_same(level, "good") ? STYLE_GOOD : STYLE_PLAIN;
}

static void draw_row(const struct view *v, const struct table *t, int row, int64_t nth,
                     const struct log_line *line)
{
    char at[HUMAN];
    const struct model *m = v->m;
    if (m->wall_ms)
        human_clock_seconds(at, m->wall_ms + (line->at_ms - m->wall_at_ms));
    else
        human_timer(at, line->at_ms);
    table_cell(v, t, row, 0, STYLE_DIM, at);
    table_cell(v, t, row, 1, level_style(line->level), line->level);
    table_cell(v, t, row, 2, STYLE_PLAIN, line->text);
    table_row(v, row, nth);
}

void view_log(const struct view *v)
{
    const struct screen_log *s = &v->m->log;
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    const char *journal = text_same(v->m->journal, "recording") ? "recorded in " : "not recorded: ";
    view_sentence_line(v, STYLE_BOLD, "%zu line%s, newest last%s%s%s", s->line_count,
                       s->line_count == 1 ? "" : "s", text_is_empty(v->m->journal) ? "" : "; ",
                       text_is_empty(v->m->journal) ? "" : journal,
                       text_is_empty(v->m->journal) ? "" : or_empty(v->m->journal_text));
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows; i++) {
        int64_t nth = s->list.top + i, index = list_index(v->m, nth);
        if (index < 0)
            break;
        draw_row(v, &t, v->l.list_row + i, nth, &s->lines[index]);
    }
    if (list_selected(v->m) >= 0)
        view_wrap(v, v->l.detail_row, 3, v->g->columns - 4, v->l.detail_rows, STYLE_PLAIN,
                  s->lines[list_selected(v->m)].text);
    else
        view_empty(v, text_is_empty(s->list.filter) ? "Nothing was said yet."
                                                    : "No line passes the filter. Esc clears it.");
}
