/* view_environments - the configuration's environments, each with its lights. */
#include "view.h"

#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"

static const struct column columns[] = {
    {"environment", 11, false, 1, 0}, {"role", 10, false, 0, 0}, {"reachable", 9, false, 0, 0},
    {"migrated", 8, false, 0, 0}, {"seeded", 8, false, 0, 0}, {"target", 20, false, 2, 110},
    {"", 20, false, 4, 100},
};
enum { C_NAME, C_ROLE, C_REACHABLE, C_MIGRATED, C_SEEDED, C_TARGET, C_SENTENCE };

/* State is never colour alone: a mark and a word. */
static void draw_light(const struct view *v, const struct table *t, int row, int column, const char *state)
{
    static const struct { const char *state, *shown; enum style style; } lights[] = {
        {"yes", "\xe2\x9c\x93 yes", STYLE_GOOD}, {"no", "\xe2\x9c\x97 no", STYLE_BAD},
        {"changed", "! CHANGED", STYLE_BAD}, {"copy", "! a copy", STYLE_BAD}, {"marked", "! marked", STYLE_WARN},
        {"unreadable", "! pins?", STYLE_BAD}, {"held", "! held", STYLE_HELD}, {"error", "\xe2\x9c\x97 error", STYLE_BAD},
        {"checking", "\xe2\x80\xa6", STYLE_DIM}, {"unknown", "\xc2\xb7", STYLE_DIM},
    };
    for (size_t i = 0; i < sizeof lights / sizeof lights[0]; i++)
        if (text_same(lights[i].state, state)) {
            table_cell(v, t, row, column, lights[i].style, lights[i].shown);
            return;
        }
    table_cell(v, t, row, column, STYLE_DIM, state);
}

static void draw_sentence(const struct view *v)
{
    const struct screen_environments *s = &v->m->environments;
    size_t wrong = 0, checking = 0;
    for (size_t i = 0; i < s->item_count; i++) {
        wrong += !text_is_empty(s->items[i].sentence);
        checking += text_same(s->items[i].reachable, "checking");
    }
    const char *plural = s->item_count == 1 ? "" : "s";
    if (!s->loaded)
        view_sentence_line(v, STYLE_BOLD, "Looking at the environments \xe2\x80\xa6");
    else if (checking)
        view_sentence_line(v, STYLE_BOLD, "%zu environment%s; looking at %zu \xe2\x80\xa6", s->item_count,
                           plural, checking);
    else if (wrong)
        view_sentence_line(v, STYLE_WARN, "! %zu of %zu environment%s %s something to mend%s. Enter opens one.",
                           wrong, s->item_count, plural, wrong == 1 ? "has" : "have",
                           s->worst_first ? ", the worst first" : "");
    else
        view_sentence_line(v, STYLE_GOOD, "\xe2\x9c\x93 %zu environment%s, nothing to mend. Enter opens one.",
                           s->item_count, plural);
}

static void draw_row(const struct view *v, const struct table *t, int row, int64_t nth,
                     const struct fact_environment *e)
{
    table_cell(v, t, row, C_NAME, STYLE_BOLD, e->name);
    table_cell(v, t, row, C_ROLE, view_role_style(e->role), e->role);
    draw_light(v, t, row, C_REACHABLE, text_is_empty(e->identity) ? e->reachable : e->identity);
    draw_light(v, t, row, C_MIGRATED, e->migrated);
    draw_light(v, t, row, C_SEEDED, e->seeded);
    table_cell(v, t, row, C_TARGET, STYLE_DIM, e->target);
    table_cell(v, t, row, C_SENTENCE, STYLE_PLAIN, e->sentence);
    table_row(v, row, nth);
}

void view_environments(const struct view *v)
{
    const struct screen_environments *s = &v->m->environments;
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    draw_sentence(v);
    table_head(v, &t);
    int64_t index = list_index(v->m, s->list.top);
    for (int i = 0; i < v->l.list_rows && index >= 0; i++) {
        draw_row(v, &t, v->l.list_row + i, s->list.top + i, &s->items[index]);
        index = list_after(v->m, index);
    }
    int64_t selected = list_selected(v->m);
    if (selected >= 0) {
        const struct fact_environment *e = &s->items[selected];
        struct str place = {0};
        str_add(&place, or_empty(e->target));
        if (!text_is_empty(e->groups))
            str_printf(&place, "   in %s", e->groups);
        int used = view_wrap(v, v->l.detail_row, 3, v->g->columns - 4, 1, STYLE_DIM, str_text(&place));
        str_free(&place);
        view_wrap(v, v->l.detail_row + used, 3, v->g->columns - 4, v->l.detail_rows - used, STYLE_PLAIN,
                  e->sentence);
    } else if (s->loaded) {
        view_empty(v, text_is_empty(s->list.filter)
                          ? "No environment is configured: seedops init writes a seedops.yaml."
                          : "No environment passes the filter. Esc clears it.");
    }
}
