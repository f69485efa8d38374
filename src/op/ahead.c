/* ahead - fixture_set_load on a thread of its own. */
#include "op/ahead.h"

#include <stdlib.h>

#include "base/thread.h"

struct ahead {
    pthread_t thread;
    char *dir, *environment, *base_dir;
    struct fixture_options options;
    atomic_bool stop;
    struct fixture_set set;
    struct err_list problems;
};

static void *load(void *argument)
{
    struct ahead *a = argument;
    fixture_set_load(&a->set, a->dir, &a->options, &a->problems);
    return NULL;
}

static void release(struct ahead *a)
{
    free(a->dir);
    free(a->environment);
    free(a->base_dir);
    free(a);
}

struct ahead *ahead_begin(const char *dir, const struct fixture_options *options)
{
    if (!dir)
        return NULL;
    struct ahead *a = xcalloc(1, sizeof *a);
    a->dir = xstrdup(dir);
    a->environment = options->environment ? xstrdup(options->environment) : NULL;
    a->base_dir = options->base_dir ? xstrdup(options->base_dir) : NULL;
    a->options = *options;
    a->options.environment = a->environment;
    a->options.base_dir = a->base_dir;
    a->options.stop = &a->stop;
    if (thread_start(&a->thread, load, a))
        return a;
    release(a);
    return NULL;
}

void ahead_take(struct ahead *a, struct fixture_set *set, struct err_list *problems)
{
    pthread_join(a->thread, NULL);
    *set = a->set;
    set->options.stop = NULL;
    *problems = a->problems;
    release(a);
}

void ahead_stop(struct ahead *a)
{
    struct fixture_set set;
    struct err_list problems;
    if (!a)
        return;
    atomic_store(&a->stop, true);
    ahead_take(a, &set, &problems);
    fixture_set_free(&set);
    err_list_free(&problems);
}
