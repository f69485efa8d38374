/* view_activity - what else runs on this database, and who blocks whom. */
#include "view.h"

#include <stdio.h>

#include "app/human.h"
#include "app/list.h"
#include "app/request.h"
#include "app/util.h"

static const struct column columns[] = {
    {"pid", 7, true, 0, 0},           {"user", 8, false, 0, 0},       {"application", 14, false, 1, 88},
    {"client", 16, false, 0, 120},    {"state", 12, false, 0, 0},     {"for", 7, true, 0, 0},
    {"blocked by", 10, false, 0, 70}, {"statement", 12, false, 4, 0},
};
enum { C_PID, C_USER, C_APPLICATION, C_CLIENT, C_STATE, C_FOR, C_BLOCKED, C_QUERY };

static void blockers(const struct fact_backend *b, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < b->blocked_by_count && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "", or_empty(b->blocked_by[i].text));
}

static void draw_row(const struct view *v, const struct table *t, int row, int64_t nth,
                     const struct fact_backend *b)
{
    char text[HUMAN], by[64];
    enum style style = b->blocked_by_count ? STYLE_WARN : b->ours ? STYLE_DIM : STYLE_PLAIN;
    snprintf(text, sizeof text, "%lld", (long long)b->pid);
    table_cell(v, t, row, C_PID, style, text);
    table_cell(v, t, row, C_USER, style, b->user);
    table_cell(v, t, row, C_APPLICATION, style, b->ours ? "(seedops)" : b->application);
    table_cell(v, t, row, C_CLIENT, style, b->client);
    table_cell(v, t, row, C_STATE, style, b->state);
    if (b->query_age_ms >= 0)
        table_cell(v, t, row, C_FOR, style, human_timer(text, b->query_age_ms));
    blockers(b, by, sizeof by);
    table_cell(v, t, row, C_BLOCKED, STYLE_WARN, by);
    table_cell(v, t, row, C_QUERY, style, b->query);
    table_row(v, row, nth);
}

/* What is shown is renewed by itself: said where it is not. */
static const char *standing_still(const struct model *m)
{
    const struct screen_activity *s = &m->activity;
    return m->roaming                                        ? ""
           : s->paused                                       ? " Paused: p goes on."
           : s->next_ms > s->until_ms                        ? " Nobody is here: any key goes on."
           : !s->next_ms && !job_of(m, EFFECT_ACTIVITY)      ? " Not renewed: r looks again."
                                                             : "";
}

static void draw_sentence(const struct view *v)
{
    const struct screen_activity *s = &v->m->activity;
    size_t others = 0, blocked = 0;
    for (size_t i = 0; i < s->item_count; i++) {
        others += !s->items[i].ours;
        blocked += s->items[i].blocked_by_count > 0;
    }
    if (!s->loaded)
        view_sentence_line(v, STYLE_BOLD, "%s",
                           job_of(v->m, EFFECT_ACTIVITY) ? "Looking at the backends \xe2\x80\xa6"
                           : v->m->roaming ? "not captured: the operator had not looked at the backends by this moment."
                                           : "Not looked yet: r does.");
    else if (blocked)
        view_sentence_line(v, STYLE_WARN, "! %zu backend%s wait%s for a lock; \"blocked by\" says for whom.%s",
                           blocked, blocked == 1 ? "" : "s", blocked == 1 ? "s" : "", standing_still(v->m));
    else
        view_sentence_line(v, STYLE_BOLD, "%zu other backend%s on this database; nobody waits for a lock.%s",
                           others, others == 1 ? "" : "s", standing_still(v->m));
}

static void draw_detail(const struct view *v, const struct fact_backend *b)
{
    char age[HUMAN];
    int row = v->l.detail_row, width = v->g->columns - 4;
    grid_printf(v->g, row, 3, width, STYLE_DIM, "pid %lld  %s@%s  %s%s%s", (long long)b->pid,
                or_empty(b->user), text_is_empty(b->client) ? "local" : b->client,
                b->age_ms >= 0 ? human_span(age, b->age_ms) : "?",
                text_is_empty(b->wait) ? "" : " old, waits for ", text_is_empty(b->wait) ? " old" : b->wait);
    if (v->l.detail_rows > 1)
        view_wrap(v, row + 1, 3, width, v->l.detail_rows - 1, STYLE_PLAIN, b->query);
}

void view_activity(const struct view *v)
{
    const struct screen_activity *s = &v->m->activity;
    if (view_unconnected(v))
        return;
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    draw_sentence(v);
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows; i++) {
        int64_t nth = s->list.top + i, index = list_index(v->m, nth);
        if (index < 0)
            break;
        draw_row(v, &t, v->l.list_row + i, nth, &s->items[index]);
    }
    if (list_selected(v->m) >= 0)
        draw_detail(v, &s->items[list_selected(v->m)]);
    else if (s->loaded)
        view_empty(v, text_is_empty(s->list.filter) ? "Nothing else runs on this database."
                                                    : "No backend passes the filter. Esc clears it.");
}
