/* worker - a list of effects under a mutex, one thread that takes them. */
#include "run/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/thread.h"

struct job {
    struct job *next;
    struct effect effect;
    bool cancelled;
};

struct worker {
    struct worker_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    int more_fd;                /* an eventfd: there is another job, or the end */
    struct job *first, **last;
    struct job *current;
    bool ending;
    atomic_bool cancelled;      /* the current effect */
    atomic_bool ended;
    int cancel_fd;
};

void effect_free(struct effect *e)
{
    free(e->name);
    free(e->text);
    free(e->seen);
    e->name = e->text = e->seen = NULL;
}

/* With the mutex held: the current effect is no longer wanted. */
static void raise_cancel(struct worker *w)
{
    atomic_store(&w->cancelled, true);
    (void)eventfd_write(w->cancel_fd, 1);
}

static bool has_more(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    bool more = w->first || w->ending;
    pthread_mutex_unlock(&w->mutex);
    return more;
}

/* Sleeps until there is something to do; a connection that is lost meanwhile is heard of. */
static void wait_for_more(struct worker *w)
{
    const struct worker_options *o = &w->options;
    while (!has_more(w)) {
        struct pollfd fds[1 + WORKER_WATCHED] = {{.fd = w->more_fd, .events = POLLIN}};
        size_t watched = o->watched ? o->watched(o->context, fds + 1) : 0;
        bool heard = false;
        if (poll(fds, 1 + watched, -1) < 0)
            continue;
        eventfd_t ignored;
        if (fds[0].revents)
            (void)eventfd_read(w->more_fd, &ignored);
        for (size_t i = 1; i <= watched; i++)
            heard |= fds[i].revents != 0;
        if (heard && !has_more(w))
            o->heard(o->context);
    }
}

/* Waits for the next effect and makes it the current one; NULL: the worker is to end. */
static struct job *next_job(struct worker *w)
{
    wait_for_more(w);
    pthread_mutex_lock(&w->mutex);
    struct job *job = w->first;
    if (job) {
        w->first = job->next;
        if (!w->first)
            w->last = &w->first;
        eventfd_t ignored;
        (void)eventfd_read(w->cancel_fd, &ignored);
        atomic_store(&w->cancelled, false);
        /* a cancelled one has its turn too: its outcome has to be said */
        if (job->cancelled)
            raise_cancel(w);
    }
    w->current = job;
    pthread_mutex_unlock(&w->mutex);
    return job;
}

static void *body(void *argument)
{
    struct worker *w = argument;
    for (struct job *job; (job = next_job(w));) {
        w->options.work(w->options.context, &job->effect);
        pthread_mutex_lock(&w->mutex);
        w->current = NULL;
        pthread_mutex_unlock(&w->mutex);
        effect_free(&job->effect);
        free(job);
        atomic_fetch_sub(w->options.pending, 1);
        queue_wake(w->options.queue);
    }
    if (w->options.finish)
        w->options.finish(w->options.context);
    atomic_store(&w->ended, true);
    queue_wake(w->options.queue);
    return NULL;
}

struct worker *worker_start(const struct worker_options *options)
{
    struct worker *w = xcalloc(1, sizeof *w);
    w->options = *options;
    w->last = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    w->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->more_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->cancel_fd < 0 || w->more_fd < 0 || !thread_start(&w->thread, body, w))
        err_abort("no descriptor or thread left for a worker");
    return w;
}

void worker_give(struct worker *w, struct effect *effect)
{
    struct job *job = xcalloc(1, sizeof *job);
    job->effect = *effect;
    *effect = (struct effect){0};     /* whatever it owned is the job's now */
    atomic_fetch_add(w->options.pending, 1);
    pthread_mutex_lock(&w->mutex);
    *w->last = job;
    w->last = &job->next;
    (void)eventfd_write(w->more_fd, 1);
    pthread_mutex_unlock(&w->mutex);
}

bool worker_cancel(struct worker *w, uint64_t request)
{
    bool found = false;
    pthread_mutex_lock(&w->mutex);
    for (struct job *job = w->first; job; job = job->next)
        if (!request || job->effect.request == request)
            found = job->cancelled = true;
    if (w->current && (!request || w->current->effect.request == request)) {
        raise_cancel(w);
        found = true;
    }
    pthread_mutex_unlock(&w->mutex);
    queue_wake(w->options.queue);
    return found;
}

void worker_end(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    w->ending = true;
    (void)eventfd_write(w->more_fd, 1);
    pthread_mutex_unlock(&w->mutex);
    worker_cancel(w, 0);
}

bool worker_ended(const struct worker *w) { return atomic_load(&w->ended); }

void worker_free(struct worker *w)
{
    pthread_join(w->thread, NULL);
    close(w->cancel_fd);
    close(w->more_fd);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

int worker_cancel_fd(const struct worker *w) { return w->cancel_fd; }
const atomic_bool *worker_cancelled(const struct worker *w) { return &w->cancelled; }
