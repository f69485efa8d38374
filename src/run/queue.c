/* queue - a ring under one mutex that is only ever held for a few instructions, and an eventfd for poll. */
#include "run/queue.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t room;
    struct input **ring;
    size_t bound;            /* a worker waits at this count */
    size_t capacity;         /* of the ring; grows only for cancelled workers */
    size_t first, count;
    bool closed;
    int fd;
};

struct queue *queue_new(size_t capacity)
{
    struct queue *q = xcalloc(1, sizeof *q);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->room, NULL);
    q->bound = q->capacity = capacity;
    q->ring = xcalloc(capacity, sizeof *q->ring);
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0)
        err_abort("no descriptor left for the queue");
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->count; i++)
        input_free(q->ring[(q->first + i) % q->capacity]);
    close(q->fd);
    pthread_cond_destroy(&q->room);
    pthread_mutex_destroy(&q->mutex);
    free(q->ring);
    free(q);
}

int queue_fd(const struct queue *q) { return q->fd; }

/* The slot that holds earlier progress of the same work, or NULL. */
static struct input **progress_slot(struct queue *q, const struct input *in)
{
    if (in->kind != IN_PROGRESS)
        return NULL;
    for (size_t i = 0; i < q->count; i++) {
        struct input **slot = &q->ring[(q->first + i) % q->capacity];
        const struct input *old = *slot;
        if (old->kind == IN_PROGRESS && old->request == in->request
            && strcmp(old->name ? old->name : "", in->name ? in->name : "") == 0)
            return slot;
    }
    return NULL;
}

static void grow(struct queue *q)
{
    struct input **bigger = xcalloc(q->capacity * 2, sizeof *bigger);
    for (size_t i = 0; i < q->count; i++)
        bigger[i] = q->ring[(q->first + i) % q->capacity];
    free(q->ring);
    q->ring = bigger;
    q->first = 0;
    q->capacity *= 2;
}

void queue_put(struct queue *q, struct input *in, const atomic_bool *cancelled)
{
    struct input *unwanted = NULL;
    pthread_mutex_lock(&q->mutex);
    struct input **slot = progress_slot(q, in);
    while (!slot && q->count >= q->bound && !q->closed && !(cancelled && atomic_load(cancelled))) {
        pthread_cond_wait(&q->room, &q->mutex);
        slot = progress_slot(q, in);
    }
    if (q->closed) {
        unwanted = in;
    } else if (slot) {
        unwanted = *slot;
        *slot = in;
    } else {
        if (q->count == q->capacity)
            grow(q);
        q->ring[(q->first + q->count++) % q->capacity] = in;
        /* adding 1 cannot fail: the counter would have to be at its 64-bit limit */
        (void)eventfd_write(q->fd, 1);
    }
    pthread_mutex_unlock(&q->mutex);
    input_free(unwanted);
}

void queue_wake(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    pthread_cond_broadcast(&q->room);
    (void)eventfd_write(q->fd, 1);
    pthread_mutex_unlock(&q->mutex);
}

struct input *queue_take(struct queue *q)
{
    struct input *in = NULL;
    pthread_mutex_lock(&q->mutex);
    if (q->count) {
        in = q->ring[q->first];
        q->first = (q->first + 1) % q->capacity;
        q->count--;
        pthread_cond_signal(&q->room);
    }
    if (!q->count) {
        eventfd_t ignored;
        (void)eventfd_read(q->fd, &ignored);
    }
    pthread_mutex_unlock(&q->mutex);
    return in;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->room);
    pthread_mutex_unlock(&q->mutex);
}
