/* worker - a thread that carries out effects one after the other.
 *
 * All signals are blocked in it, save those of a crash. The effect at work, and those that wait, can be
 * cancelled; the descriptor that says so is what everything that waits polls. */
#ifndef SEEDOPS_RUN_WORKER_H
#define SEEDOPS_RUN_WORKER_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "app/app.h"
#include "run/queue.h"

struct worker;

enum { WORKER_WATCHED = 2 };

struct worker_options {
    struct queue *queue;             /* woken after each effect */
    atomic_size_t *pending;          /* effects given and not yet done, over all workers */
    void (*work)(void *context, const struct effect *effect);
    void (*finish)(void *context);   /* last, in the thread; may be NULL */
    /* While there is nothing to do: descriptors to watch (at most WORKER_WATCHED; their events are set), and what to do
     * when one is readable. Both may be NULL. */
    size_t (*watched)(void *context, struct pollfd *fds);
    void (*heard)(void *context);
    void *context;
};

struct worker *worker_start(const struct worker_options *options);
/* Takes what `effect` owns. */
void worker_give(struct worker *worker, struct effect *effect);
/* The effect of that request, at work or waiting; 0: all of them. False: there was none. */
bool worker_cancel(struct worker *worker, uint64_t request);
/* Cancels everything; the thread ends when it gets there. Nobody waits. */
void worker_end(struct worker *worker);
bool worker_ended(const struct worker *worker);
/* Waits for a thread that has ended (or soon will) and frees it. */
void worker_free(struct worker *worker);

/* For the work function and what it calls. */
int worker_cancel_fd(const struct worker *worker);
const atomic_bool *worker_cancelled(const struct worker *worker);

void effect_free(struct effect *effect);   /* what it owns */

#endif
