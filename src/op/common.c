/* common - each part under a mutex of its own, held for as long as it takes to come about. */
#include "op/common.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "op/session.h"

enum { FRESH_MS = 10000 };           /* what many sessions want within that is made once */

struct common_set {
    struct fixture_set fixtures;
    struct err_list problems;
    size_t users;
};

void common_init(struct common *c, struct visits *visits)
{
    *c = (struct common){.visits = visits};
    c->made.keep_ms = visits->lasting ? FRESH_MS : 0;
    pthread_mutex_init(&c->made.lock, NULL);
    pthread_mutex_init(&c->asked.lock, NULL);
    pthread_mutex_init(&c->lock, NULL);
}

static void free_set(struct common_set *set)
{
    if (!set)
        return;
    fixture_set_free(&set->fixtures);
    err_list_free(&set->problems);
    free(set);
}

void common_free(struct common *c)
{
    secret_free(c->made.password);
    secret_free(c->asked.password);
    free_set(c->newest);
    pthread_mutex_destroy(&c->made.lock);
    pthread_mutex_destroy(&c->asked.lock);
    pthread_mutex_destroy(&c->lock);
}

static bool is_stale(const struct common_password *p)
{
    return !p->settled || (p->keep_ms && clock_mono_ms() - p->made_ms >= p->keep_ms);
}

bool common_password(struct common_password *shared, bool (*make)(void *context, struct secret **password, struct err *err),
                     void *context, struct secret **password, struct err *err)
{
    pthread_mutex_lock(&shared->lock);
    if (is_stale(shared)) {
        secret_free(shared->password);
        shared->password = NULL;
        err_clear(&shared->err);
        shared->ok = make(context, &shared->password, &shared->err);
        shared->settled = true;
        shared->made_ms = clock_mono_ms();
    }
    bool ok = shared->ok;
    if (ok)
        *password = secret_copy(shared->password);
    else
        *err = shared->err;
    pthread_mutex_unlock(&shared->lock);
    return ok;
}

/* ---- fixtures ---- */

static bool same_problems(const struct err_list *a, const struct err_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->items[i].message, b->items[i].message) == 0 && strcmp(a->items[i].at, b->items[i].at) == 0;
    return same;
}

static bool same_set(const struct common_set *a, const struct common_set *b)
{
    const struct fixture_set *x = &a->fixtures, *y = &b->fixtures;
    bool same = x->count == y->count && strcmp(x->digest, y->digest) == 0 && same_problems(&a->problems, &b->problems);
    for (size_t i = 0; same && i < x->count; i++)
        same = memcmp(&x->items[i].stamp, &y->items[i].stamp, sizeof x->items[i].stamp) == 0;
    return same;
}

/* One set for all, unless the files have changed: then those that connect from now on have another one. */
static void read_set(struct common *c, const struct session *s)
{
    struct common_set *before = c->newest, *set = xcalloc(1, sizeof *set);
    fixture_set_load(&set->fixtures, s->ctx->settings->seeds_dir, &s->fixture_options, &set->problems);
    c->read_ms = clock_mono_ms();
    if (before && same_set(before, set)) {
        free_set(set);
        return;
    }
    c->newest = set;
    if (before && !before->users)
        free_set(before);
}

void common_fixtures(struct common *c, struct session *s)
{
    pthread_mutex_lock(&c->lock);
    if (!c->newest || (c->visits->lasting && clock_mono_ms() - c->read_ms >= FRESH_MS))
        read_set(c, s);
    s->common_set = c->newest;
    s->common_set->users++;
    s->fixtures = s->common_set->fixtures;
    for (size_t i = 0; i < s->common_set->problems.count; i++)
        err_list_add(&s->fixture_problems, &s->common_set->problems.items[i]);
    pthread_mutex_unlock(&c->lock);
}

void common_release(struct common *c, struct session *s)
{
    pthread_mutex_lock(&c->lock);
    if (s->common_set && --s->common_set->users == 0 && s->common_set != c->newest)
        free_set(s->common_set);
    s->common_set = NULL;
    pthread_mutex_unlock(&c->lock);
}
