/* screen_activity - what else runs on this database, and who blocks whom. */
#include <stdlib.h>

#include "app/details.h"
#include "app/human.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"

static struct list *list(struct model *m) { return &m->activity.list; }
static int64_t count(const struct model *m) { return (int64_t)m->activity.item_count; }

static void text_of(const struct model *m, int64_t row, struct str *out)
{
    const struct fact_backend *b = &m->activity.items[row];
    str_printf(out, "%lld %s %s %s %s %s", (long long)b->pid, or_empty(b->user), or_empty(b->application),
               or_empty(b->client), or_empty(b->state), or_empty(b->query));
}

static void items_replace(struct screen_activity *s, const struct fact_backend *items, size_t n)
{
    for (size_t i = 0; i < s->item_count; i++)
        codec_free(&type_fact_backend, &s->items[i]);
    free(s->items);
    s->items = n ? xcalloc(n, sizeof *s->items) : NULL;
    for (size_t i = 0; i < n; i++)
        codec_copy(&type_fact_backend, &s->items[i], &items[i]);
    s->item_count = n;
}

/* Backends have no names: their pid is what the selection keeps. */
static void keep_selected(struct model *m, const struct input *in)
{
    struct screen_activity *s = &m->activity;
    int64_t row = m->screen == SCREEN_ACTIVITY ? list_selected(m) : -1;
    int64_t pid = row >= 0 ? s->items[row].pid : 0;
    items_replace(s, in->backends, in->backend_count);
    for (int64_t nth = 0; pid && (row = list_index(m, nth)) >= 0; nth++)
        if (s->items[row].pid == pid)
            s->list.selected = nth;
}

static void details_of(const struct model *m, int64_t row, struct str *out)
{
    const struct fact_backend *b = &m->activity.items[row];
    char age[HUMAN];
    struct str by = {0};
    for (size_t i = 0; i < b->blocked_by_count; i++)
        str_printf(&by, "%s%s", i ? " " : "", or_empty(b->blocked_by[i].text));
    str_printf(out, "pid          %lld%s\n", (long long)b->pid, b->ours ? " (seedops itself)" : "");
    details_add(out, "user", b->user);
    details_add(out, "application", b->application);
    details_add(out, "client", b->client);
    details_add(out, "state", b->state);
    details_add(out, "for", b->query_age_ms >= 0 ? human_timer(age, b->query_age_ms) : "");
    details_add(out, "connected", b->age_ms >= 0 ? human_timer(age, b->age_ms) : "");
    details_add(out, "waits for", b->wait);
    details_add(out, "blocked by", str_text(&by));
    details_add_lines(out, "statement", b->query);
    str_free(&by);
}

/* ---- looking again ---- */

static bool looks_by_itself(const struct model *m)
{
    const struct screen_activity *s = &m->activity;
    return m->screen == SCREEN_ACTIVITY && facts_ready(m) && !m->roaming && !s->paused && s->next_ms > 0 &&
           s->next_ms <= s->until_ms;
}

int64_t activity_deadline(const struct model *m)
{
    return looks_by_itself(m) && !job_of(m, EFFECT_ACTIVITY) ? m->activity.next_ms : -1;
}

void activity_expire(struct model *m, struct effects *effects)
{
    int64_t at = activity_deadline(m);
    if (at < 0 || at > m->now_ms)
        return;
    m->activity.next_ms = 0;
    request_start(m, effects, EFFECT_ACTIVITY, NULL);
}

void activity_touch(struct model *m)
{
    m->activity.until_ms = m->now_ms + ACTIVITY_IDLE_MS;
}

static void refresh(struct model *m, struct effects *effects)
{
    if (!facts_ready(m))
        facts_refresh(m, effects);
    else if (!job_of(m, EFFECT_ACTIVITY))
        request_start(m, effects, EFFECT_ACTIVITY, NULL);
}

static void enter(struct model *m, struct effects *effects)
{
    activity_touch(m);
    if (facts_ready(m))
        refresh(m, effects);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    if (in->kind == IN_ACTIVITY) {
        keep_selected(m, in);
        m->activity.loaded = true;
        m->activity.next_ms = m->now_ms + ACTIVITY_EVERY_MS;
    } else if (in->kind == IN_OUTCOME && job->effect == EFFECT_ACTIVITY && !in->ok) {
        m->activity.next_ms = 0;          /* said once; r looks again */
    } else if (in->kind == IN_STATUS && m->screen == SCREEN_ACTIVITY && !m->activity.loaded) {
        refresh(m, effects);
    }
}

static void forget(struct model *m, struct effects *effects)
{
    (void)effects;
    items_replace(&m->activity, NULL, 0);
    m->activity.loaded = m->activity.paused = false;
    m->activity.next_ms = 0;
    m->activity.list.selected = m->activity.list.top = 0;
    text_replace(&m->activity.list.filter, NULL);
}

const struct screen_class screen_class_activity = {
    .name = "activity", .title = "Activity", .needs_environment = true, .list = list, .count = count,
    .text_of = text_of, .details_of = details_of, .enter = enter, .event = event, .refresh = refresh, .forget = forget,
};
