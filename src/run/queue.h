/* queue - the one bounded queue between the world and update(): its order is history.
 *
 * Any thread puts, the main thread takes and never waits. A full queue makes a worker wait, until there is
 * room or the worker is cancelled. Progress overwrites its own slot, so that it can neither flood the
 * queue nor make anybody wait. */
#ifndef SEEDOPS_RUN_QUEUE_H
#define SEEDOPS_RUN_QUEUE_H

#include <stdatomic.h>
#include <stddef.h>

#include "event/types.h"

struct queue;

struct queue *queue_new(size_t capacity);
void queue_free(struct queue *queue);     /* frees the inputs left in it; no thread may use it any more */
/* Readable while something is in the queue; for poll. */
int queue_fd(const struct queue *queue);
/* Takes `in`. Waits while the queue is full; a set *cancelled (may be NULL) ends the waiting, and what a
 * cancelled operation still has to say goes in above the bound: it is its outcome. */
void queue_put(struct queue *queue, struct input *in, const atomic_bool *cancelled);
/* Whoever waits in queue_put looks at its cancelled flag again, and queue_fd is readable once. */
void queue_wake(struct queue *queue);
/* The oldest input (given), or NULL; and then queue_fd is quiet, a queue_wake before it included: whoever
 * polls takes first, then looks at what the wake-up may have been about, then polls. */
struct input *queue_take(struct queue *queue);
/* Nobody waits from here on; what is put later is dropped. */
void queue_close(struct queue *queue);

#endif
