/* view_overview - the sentence, the tables it speaks of, the migrations in a line. */
#include "view.h"

#include <stdio.h>

#include "app/connection.h"
#include "app/human.h"
#include "app/list.h"
#include "app/screen.h"
#include "app/sentence.h"
#include "app/util.h"
#include "base/str.h"

static const struct { enum style style; const char *mark; } moods[] = {
    [MOOD_GOOD] = {STYLE_GOOD, "\xe2\x9c\x93"}, [MOOD_WAIT] = {STYLE_BOLD, "\xe2\x80\xa6"},
    [MOOD_WARN] = {STYLE_WARN, "!"}, [MOOD_BAD] = {STYLE_BAD, "\xe2\x9c\x97"},
};

static void draw_sentence(const struct view *v)
{
    struct sentence s;
    const struct model *m = v->m;
    sentence_make(&(struct sentence_input){.facts = &m->facts, .environment = m->environment,
                                           .write_mode = m->write_mode,
                                           .wall_ms = m->wall_ms ? m->wall_ms + (m->now_ms - m->wall_at_ms) : 0}, &s);
    int row = v->l.sentence_row, rows = v->l.sentence_rows, next_rows = text_is_empty(s.next) ? 0 : rows / 2;
    int column =
        1 + grid_printf(v->g, row, 1, 24, moods[s.mood].style, "%s %s", moods[s.mood].mark, s.word) + 2;
    int width = v->g->columns - column - 1;
    int used = view_wrap(v, row, column, width, rows - next_rows, STYLE_BOLD, s.text);
    view_wrap(v, row + used, column, width, rows - used, STYLE_PLAIN, s.next);
}

/* Where the time goes while an environment is opened, or went until it could not be. */
static void draw_phases(const struct view *v)
{
    struct str line = {0};
    connection_phases(&v->m->facts, &line);
    view_wrap(v, v->l.list_row + 2, 3, v->g->columns - 4, 3, STYLE_DIM, str_text(&line));
    str_free(&line);
}

bool view_unconnected(const struct view *v)
{
    const struct facts *f = &v->m->facts;
    struct sentence s;
    if (f->status_partial || f->status_complete)
        return false;
    sentence_make(&(struct sentence_input){.facts = f, .environment = v->m->environment}, &s);
    grid_printf(v->g, v->l.sentence_row, 1, v->g->columns - 2, moods[s.mood].style, "%s %s  %s",
                moods[s.mood].mark, s.word, s.text);
    view_empty(v, s.next);
    draw_phases(v);
    return true;
}

static const struct column columns[] = {
    {"Context table", 12, false, 3, 0}, {"rows", 8, true, 1, 0},    {"floor", 6, true, 0, 70},
    {"fixture", 7, true, 1, 0},         {"missing", 7, true, 0, 0}, {"changed", 7, true, 0, 0},
    {"extra", 5, true, 0, 0},           {"", 14, false, 2, 76},
};
enum { C_NAME, C_ROWS, C_FLOOR, C_FIXTURE, C_MISSING, C_CHANGED, C_EXTRA, C_NOTE };

static void draw_difference(const struct view *v, const struct table *t, int row, int column, int64_t n,
                            int64_t allowed, enum style style)
{
    table_difference(v, t, row, column, allowed >= n ? STYLE_DIM : style, n);
}

static const char *note_of(const struct fact_table *t)
{
    if (t->held)
        return "held";
    return or_empty(t->note);
}

static void draw_table(const struct view *v, const struct table *t, int row, int64_t nth,
                       const struct fact_table *f)
{
    bool below = f->min_rows >= 0 && f->rows >= 0 && f->rows < f->min_rows;
    table_cell(v, t, row, C_NAME, STYLE_PLAIN, f->name);
    table_count(v, t, row, C_ROWS, below ? STYLE_BAD : STYLE_PLAIN, f->rows, f->estimated);
    if (f->min_rows >= 0)
        table_count(v, t, row, C_FLOOR, STYLE_PLAIN, f->min_rows, false);
    if (f->fixture_rows >= 0)
        table_count(v, t, row, C_FIXTURE, STYLE_PLAIN, f->fixture_rows, false);
    if (f->fixture_rows >= 0) {
        draw_difference(v, t, row, C_MISSING, f->missing, 0, STYLE_ADDED);
        draw_difference(v, t, row, C_CHANGED, f->changed, f->allowed_changed, STYLE_CHANGED);
        draw_difference(v, t, row, C_EXTRA, f->extra, f->allowed_extra, STYLE_REMOVED);
    }
    if (f->held && !t->width[C_NOTE])
        table_cell(v, t, row, C_MISSING, STYLE_HELD, "held");
    if (!f->held && f->missing < 0 && !text_is_empty(f->note)) {   /* nothing was compared: the note has the room */
        grid_text(v->g, row, t->x[C_MISSING] + 2, v->g->columns - t->x[C_MISSING] - 3, STYLE_WARN, f->note);
        table_row(v, row, nth);
        return;
    }
    table_cell(v, t, row, C_NOTE, f->held ? STYLE_HELD : STYLE_DIM, note_of(f));
    table_row(v, row, nth);
}

static const char *class_title(const char *class)
{
    return text_same(class, "operational") ? "Operational table" : "Other table";
}

/* Tables in their order; a title where another class begins. Two rows are kept free for those. */
static void draw_tables(const struct view *v)
{
    const struct facts *f = &v->m->facts;
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    const struct list *list = screen_list(v->m);
    const char *class = "context";
    int row = v->l.list_row;
    int end = v->l.list_row + v->l.list_rows + v->l.title_rows;
    int64_t last = list->top + v->l.list_rows;
    table_head(v, &t);
    for (int64_t nth = list->top; row < end && nth < last; nth++) {
        int64_t index = list_index(v->m, nth);
        if (index < 0)
            break;
        const struct fact_table *table = &f->tables[index];
        if (!text_same(table->class, class) && row + 1 < end) {
            class = or_empty(table->class);
            grid_text(v->g, row++, t.x[C_NAME], 24, STYLE_DIM, class_title(class));
        }
        draw_table(v, &t, row++, nth, table);
    }
    if (f->table_count && list_count(v->m) == 0)
        view_empty(v, "No table passes the filter. Esc shows all.");
    if (!f->table_count && (f->status_complete || f->status_partial))
        view_empty(v,
                   "No table is configured, has a fixture, or was found. A fixture under seeds/ makes one a "
                   "context table; seedops capture TABLE writes one from live rows.");
}

static void draw_migrations(const struct view *v)
{
    const struct fact_ledger *l = &v->m->facts.ledger;
    int row = v->l.detail_row;
    if (!v->m->facts.status_partial && !v->m->facts.status_complete)
        return;
    if (text_is_empty(l->tool)) {
        grid_text(v->g, row, 3, v->g->columns - 4, STYLE_DIM,
                  "Migrations  none: no migrations directory was found");
        return;
    }
    char when[96] = "", age[HUMAN];
    int64_t at = human_parse_utc(l->last_applied_at),
            wall = v->m->wall_ms + (v->m->now_ms - v->m->wall_at_ms);
    if (at >= 0 && v->m->wall_ms && wall >= at)
        snprintf(when, sizeof when, ", %s%s", wall - at < 60000 ? "just now" : human_span(age, wall - at),
                 wall - at < 60000 ? "" : " ago");
    int column =
        3 +
        grid_printf(v->g, row, 3, v->g->columns - 4, l->failed || l->pending ? STYLE_WARN : STYLE_PLAIN,
                    "Migrations  %lld applied, %lld pending, %lld failed", (long long)l->applied,
                    (long long)l->pending, (long long)l->failed) +
        3;
    if (!text_is_empty(l->last_name))
        grid_printf(v->g, row, column, v->g->columns - column - 1, STYLE_DIM, "last %s%s", l->last_name,
                    when);
}

/* In the line that is empty otherwise. */
static void draw_preserved(const struct view *v)
{
    const char *preserved = or_empty(v->m->facts.server.preserved);
    if (*preserved && v->l.head_row > v->l.sentence_row + v->l.sentence_rows)
        grid_printf(v->g, v->l.head_row - 1, 1, v->g->columns - 2, STYLE_HELD, "Preserved until x u: %s", preserved);
}

void view_overview(const struct view *v)
{
    draw_sentence(v);
    draw_preserved(v);
    draw_tables(v);
    draw_migrations(v);
    if (!v->m->facts.status_partial && !v->m->facts.status_complete)
        draw_phases(v);
}
