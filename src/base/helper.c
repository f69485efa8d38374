/* helper - a blocking call on a detached thread, watched through a descriptor.
 *
 * Whoever lets go last frees the job, so a caller whose deadline passes never waits for the thread. */
#include "base/helper.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

enum { HELPER_STACK = 512 * 1024 };

struct helper {
    atomic_int owners;
    atomic_bool finished;            /* the job's results may be read */
    int done_read, done_write;       /* the thread closes its end: the reader sees end of file */
    void (*run)(void *job);
    void (*drop)(void *job);
    void *job;
};

static void let_go(struct helper *h)
{
    if (atomic_fetch_sub_explicit(&h->owners, 1, memory_order_acq_rel) > 1)
        return;
    h->drop(h->job);
    free(h);
}

static void *helper_main(void *argument)
{
    struct helper *h = argument;
    h->run(h->job);
    atomic_store_explicit(&h->finished, true, memory_order_release);
    close(h->done_write);
    let_go(h);
    return NULL;
}

static bool start_detached(struct helper *h)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, HELPER_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, &attributes, helper_main, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return !failed;
}

bool helper_start(struct helper **helper, void (*run)(void *job), void (*drop)(void *job), void *job)
{
    int ends[2];
    *helper = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        drop(job);
        return false;
    }
    struct helper *h = xcalloc(1, sizeof *h);
    *h = (struct helper){
        .done_read = ends[0], .done_write = ends[1], .run = run, .drop = drop, .job = job};
    atomic_init(&h->owners, 2);
    atomic_init(&h->finished, false);
    if (!start_detached(h)) {
        close(ends[0]);
        close(ends[1]);
        drop(job);
        free(h);
        return false;
    }
    *helper = h;
    return true;
}

int helper_fd(const struct helper *helper) { return helper->done_read; }

bool helper_finished(const struct helper *helper)
{
    return atomic_load_explicit(&helper->finished, memory_order_acquire);
}

void helper_release(struct helper *helper)
{
    if (!helper)
        return;
    close(helper->done_read);
    let_go(helper);
}
