/* screen_environments - all of the configuration, a line each, with lights: reachable, migrated, seeded. */
#include <stdlib.h>

#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"

static struct list *list(struct model *m) { return &m->environments.list; }
static int64_t count(const struct model *m) { return (int64_t)m->environments.item_count; }
static const char *name_of(const struct model *m, int64_t row) { return m->environments.items[row].name; }

static void text_of(const struct model *m, int64_t row, struct str *out)
{
    const struct fact_environment *e = &m->environments.items[row];
    str_printf(out, "%s %s %s %s", or_empty(e->name), or_empty(e->role), or_empty(e->target),
               or_empty(e->sentence));
}

static void refresh(struct model *m, struct effects *effects)
{
    if (!job_of(m, EFFECT_ENVIRONMENTS))
        request_start(m, effects, EFFECT_ENVIRONMENTS, NULL);
}

static void enter(struct model *m, struct effects *effects)
{
    if (!m->environments.loaded)
        refresh(m, effects);
}

/* They come one by one or all at once: each replaces what was known of that name. */
static void merge(struct screen_environments *s, const struct fact_environment *e)
{
    for (size_t i = 0; i < s->item_count; i++)
        if (text_same(s->items[i].name, e->name)) {
            codec_free(&type_fact_environment, &s->items[i]);
            codec_copy(&type_fact_environment, &s->items[i], e);
            return;
        }
    s->items = xrealloc(s->items, (s->item_count + 1) * sizeof *s->items);
    codec_copy(&type_fact_environment, &s->items[s->item_count++], e);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    (void)job, (void)effects;
    if (in->kind != IN_ENVIRONMENTS)
        return;
    for (size_t i = 0; i < in->environment_count; i++)
        merge(&m->environments, &in->environments[i]);
    m->environments.loaded = m->environments.loaded || in->request; /* unasked: names alone, nobody looked */
}

static void open(struct model *m, struct effects *effects)
{
    int64_t row = list_selected(m);
    if (row >= 0 && !text_is_empty(name_of(m, row)))
        environment_open(m, name_of(m, row), effects);
}

const struct screen_class screen_class_environments = {
    .name = "environments", .title = "Environments", .list = list, .count = count, .name_of = name_of,
    .text_of = text_of, .enter = enter, .event = event, .open = open, .refresh = refresh,
};
