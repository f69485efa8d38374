/* ahead - fixture_set_load on a thread of its own. */
#include "op/ahead.h"

#include <stdlib.h>

#include "base/thread.h"

struct ahead {
    pthread_t thread;
    char *dir, *environment, *base_dir, *cache;
    struct fixture_options options;
    atomic_bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t told;
    bool reads, done;              /* under the mutex */
    struct fixture_set set;
    struct err_list problems;
};

static void tell(struct ahead *a, bool *what)
{
    pthread_mutex_lock(&a->mutex);
    *what = true;
    pthread_cond_signal(&a->told);
    pthread_mutex_unlock(&a->mutex);
}

static void unknown(void *context)
{
    struct ahead *a = context;
    tell(a, &a->reads);
}

static void *load(void *argument)
{
    struct ahead *a = argument;
    fixture_set_load(&a->set, a->dir, &a->options, &a->problems);
    tell(a, &a->done);
    return NULL;
}

bool ahead_reads(struct ahead *a)
{
    pthread_mutex_lock(&a->mutex);
    while (!a->reads && !a->done)
        pthread_cond_wait(&a->told, &a->mutex);
    bool reads = a->reads;
    pthread_mutex_unlock(&a->mutex);
    return reads;
}

static void release(struct ahead *a)
{
    free(a->dir);
    free(a->environment);
    free(a->base_dir);
    free(a->cache);
    pthread_cond_destroy(&a->told);
    pthread_mutex_destroy(&a->mutex);
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
    a->cache = options->cache ? xstrdup(options->cache) : NULL;
    a->options = *options;
    a->options.environment = a->environment;
    a->options.base_dir = a->base_dir;
    a->options.cache = a->cache;
    a->options.stop = &a->stop;
    a->options.unknown = unknown;
    a->options.unknown_context = a;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->told, NULL);
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
    set->options.unknown = NULL;
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
