/* screen_environments - all of the configuration, a line each, with lights: reachable, migrated, seeded. */
#include <stdlib.h>
#include <string.h>

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
    const char *texts[] = {e->name, e->role, e->groups, e->target, e->sentence};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        str_add(out, i ? " " : "");
        str_add(out, or_empty(texts[i]));
    }
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

/* ---- the order ---- */

/* How bad it looks: cannot be asked, not what it was, has lost rows, lacks something, not known, well. */
static int badness(const struct fact_environment *e)
{
    static const struct { const char *word; int bad; } words[] = {
        {"error", 6}, {"no", 5}, {"held", 4}, {"unknown", 1}, {"checking", 1}};
    int worst = text_is_empty(e->identity) ? 0 : 5;
    const char *lights[] = {e->reachable, e->migrated, e->seeded};
    for (size_t i = 0; i < sizeof lights / sizeof *lights; i++)
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            int bad = words[k].bad + (i == 0 && words[k].bad > 4 ? 2 : 0);   /* nothing is known of it */
            if (text_same(lights[i], words[k].word) && bad > worst)
                worst = bad;
        }
    return worst ? worst : !text_is_empty(e->sentence);
}

static int by_position(const void *a, const void *b)
{
    const struct fact_environment *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

static int by_badness(const void *a, const void *b)
{
    int x = badness(a), y = badness(b);
    return x == y ? by_position(a, b) : x > y ? -1 : 1;
}

/* Rows move when the operator says so, or once when all are there: not under the eye of who reads them. */
static void sort(struct screen_environments *s)
{
    if (s->item_count > 1)
        qsort(s->items, s->item_count, sizeof *s->items, s->worst_first ? by_badness : by_position);
}

void environments_order(struct model *m)
{
    struct screen_environments *s = &m->environments;
    s->worst_first = !s->worst_first;
    s->order_chosen = true;
    sort(s);
}

static void settle_order(struct screen_environments *s)
{
    for (size_t i = 0; i < s->item_count; i++)
        if (text_same(s->items[i].reachable, "checking"))
            return;
    if (!s->order_chosen)
        s->worst_first = s->item_count > MANY_ENVIRONMENTS;
    sort(s);
}

/* ---- what comes ---- */

static void drop(struct screen_environments *s, size_t i)
{
    codec_free(&type_fact_environment, &s->items[i]);
    memmove(&s->items[i], &s->items[i + 1], (--s->item_count - i) * sizeof *s->items);
}

/* They come one by one or all at once: each replaces what was known of that name. */
static void merge(struct screen_environments *s, const struct fact_environment *e)
{
    for (size_t i = 0; i < s->item_count; i++)
        if (text_same(s->items[i].name, e->name)) {
            int64_t position = s->items[i].position;
            codec_free(&type_fact_environment, &s->items[i]);
            codec_copy(&type_fact_environment, &s->items[i], e);
            s->items[i].position = position;
            return;
        }
    s->items = xrealloc(s->items, (s->item_count + 1) * sizeof *s->items);
    codec_copy(&type_fact_environment, &s->items[s->item_count], e);
    s->items[s->item_count++].position = ++s->seen;
}

/* What is not in a list of all of them is gone: a database that was dropped, or an environment that turned out to be
 * many. The list's order is the configured one. */
static void settle_all(struct screen_environments *s, const struct input *in)
{
    for (size_t i = s->item_count; i-- > 0;) {
        size_t k = 0;
        while (k < in->environment_count && !text_same(s->items[i].name, in->environments[k].name))
            k++;
        if (k == in->environment_count)
            drop(s, i);
        else
            s->items[i].position = (int64_t)k + 1;
    }
    s->seen = (int64_t)in->environment_count;
    if (!s->worst_first)
        sort(s);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    struct screen_environments *s = &m->environments;
    (void)job, (void)effects;
    if (in->kind != IN_ENVIRONMENTS)
        return;
    for (size_t i = 0; i < in->environment_count; i++)
        merge(s, &in->environments[i]);
    if (in->number == 1)
        settle_all(s, in);
    s->loaded = s->loaded || in->request;    /* unasked: names alone, nobody looked */
    if (in->request)
        settle_order(s);
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
