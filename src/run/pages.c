/* pages - a small worker that reads stores, so that scrolling goes on while an operation runs. */
#include "run/runtime.h"

#include <stdlib.h>

struct pages {
    struct shared *shared;
    const struct effect *effect;
    int cancel_fd;
};

static const char *needle(const struct effect *e) { return e->text ? e->text : ""; }

static bool page(const struct pages *p, struct input **in, struct err *err)
{
    return stores_page(p->shared->stores, p->effect->store, (uint64_t)p->effect->number,
                       p->effect->number2 > 0 ? (size_t)p->effect->number2 : 0, in, err);
}

static bool search(const struct pages *p, struct input **in, struct err *err)
{
    uint64_t row;
    if (!stores_search(p->shared->stores, p->effect->store, needle(p->effect), (uint64_t)p->effect->number,
                       p->effect->number2 == 1, p->cancel_fd, &row, err))
        return false;
    *in = input_new(IN_FOUND);
    (*in)->store = p->effect->store;
    (*in)->number = row == UINT64_MAX ? -1 : (int64_t)row;
    return true;
}

static bool filter(const struct pages *p, struct input **in, struct err *err)
{
    struct stores *stores = p->shared->stores;
    uint64_t store;
    char *name;
    if (!stores_filter(stores, p->effect->store, needle(p->effect), p->cancel_fd, &store, &name, err))
        return false;
    *in = input_new(IN_STORE);
    (*in)->store = store;
    (*in)->name = name;
    (*in)->text = xstrdup(needle(p->effect));
    (*in)->number = (int64_t)stores_count(stores, store);
    (*in)->number2 = 1;
    return true;
}

void pages_work(void *context, const struct effect *effect)
{
    struct side *w = context;
    struct pages p = {.shared = w->shared, .effect = effect, .cancel_fd = worker_cancel_fd(w->worker)};
    struct input *in = NULL;
    struct err err = {0};
    bool (*read)(const struct pages *, struct input **, struct err *) = filter;
    const char *name = "filter";
    if (effect->kind == EFFECT_PAGE)
        read = page, name = "page";
    else if (effect->kind == EFFECT_SEARCH)
        read = search, name = "search";
    bool ok = read(&p, &in, &err);
    if (!ok) {
        in = input_new(IN_OUTCOME);
        in->name = xstrdup(name);
        input_set_error(in, &err);
    }
    in->request = effect->request;
    queue_put(p.shared->queue, in, worker_cancelled(w->worker));
}
