/* The queue and the workers, as threads use them; also built with ThreadSanitizer. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/thread.h"
#include "run/queue.h"
#include "run/worker.h"

static struct input *numbered(enum input_kind kind, uint64_t request, int64_t number)
{
    struct input *in = input_new(kind);
    in->request = request;
    in->number = number;
    return in;
}

static bool readable(int fd)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

static void test_order_is_kept(void **state)
{
    (void)state;
    struct queue *q = queue_new(8);
    assert_false(readable(queue_fd(q)));
    assert_null(queue_take(q));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 7; i++)
            queue_put(q, numbered(IN_TABLE, 1, i), NULL);
        assert_true(readable(queue_fd(q)));
        for (int i = 0; i < 7; i++) {
            struct input *in = queue_take(q);
            assert_int_equal(in->number, i);
            input_free(in);
        }
        assert_null(queue_take(q));
        assert_false(readable(queue_fd(q)));
    }
    queue_put(q, numbered(IN_TABLE, 1, 1), NULL);
    queue_free(q);
}

static void test_progress_overwrites_its_slot(void **state)
{
    (void)state;
    struct queue *q = queue_new(4);
    struct input *other = numbered(IN_PROGRESS, 1, 7);
    other->name = xstrdup("copy");
    queue_put(q, numbered(IN_PROGRESS, 1, 1), NULL);
    queue_put(q, other, NULL);
    queue_put(q, numbered(IN_TABLE, 1, 2), NULL);
    queue_put(q, numbered(IN_PROGRESS, 2, 3), NULL);
    for (int i = 10; i < 1000; i++)
        queue_put(q, numbered(IN_PROGRESS, 1, i), NULL);   /* full, and yet nobody waits */
    int64_t want[] = {999, 7, 2, 3};
    for (int i = 0; i < 4; i++) {
        struct input *in = queue_take(q);
        assert_int_equal(in->number, want[i]);
        input_free(in);
    }
    assert_null(queue_take(q));
    queue_free(q);
}

enum { PRODUCERS = 4, EACH = 5000 };

struct producer { struct queue *queue; uint64_t id; };

static void *produce(void *argument)
{
    struct producer *p = argument;
    for (int i = 0; i < EACH; i++)
        queue_put(p->queue, numbered(IN_TABLE, p->id, i), NULL);
    return NULL;
}

/* Many threads, a queue much smaller than what they have to say: nothing is lost, each one's order holds. */
static void test_full_queue_makes_producers_wait(void **state)
{
    (void)state;
    struct queue *q = queue_new(16);
    pthread_t threads[PRODUCERS];
    struct producer producers[PRODUCERS];
    int64_t next[PRODUCERS] = {0};
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){q, i};
        assert_true(thread_start(&threads[i], produce, &producers[i]));
    }
    for (int taken = 0; taken < PRODUCERS * EACH;) {
        struct input *in = queue_take(q);
        if (!in) {
            poll(&(struct pollfd){.fd = queue_fd(q), .events = POLLIN}, 1, -1);
            continue;
        }
        assert_int_equal(in->number, next[in->request]);
        next[in->request]++;
        taken++;
        input_free(in);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_null(queue_take(q));
    queue_free(q);
}

/* ---- workers ---- */

struct scene {
    struct queue *queue;
    struct worker *worker;
    atomic_size_t pending;
    atomic_int finished;
};

/* EFFECT_STATUS says its request; EFFECT_SEED waits to be cancelled; EFFECT_DIFF floods until cancelled. */
static void work(void *context, const struct effect *effect)
{
    struct scene *s = context;
    const atomic_bool *cancelled = worker_cancelled(s->worker);
    queue_put(s->queue, numbered(IN_LOG, effect->request, 0), cancelled);
    if (effect->kind == EFFECT_SEED)
        poll(&(struct pollfd){.fd = worker_cancel_fd(s->worker), .events = POLLIN}, 1, -1);
    for (int i = 0; effect->kind == EFFECT_DIFF && !atomic_load(cancelled); i++)
        queue_put(s->queue, numbered(IN_TABLE, effect->request, i), cancelled);
    struct input *in = numbered(IN_OUTCOME, effect->request, 0);
    in->ok = !atomic_load(cancelled);
    queue_put(s->queue, in, cancelled);
}

static void finish(void *context)
{
    struct scene *s = context;
    atomic_fetch_add(&s->finished, 1);
}

static void scene_start(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->queue = queue_new(8);
    s->worker = worker_start(&(struct worker_options){.queue = s->queue, .pending = &s->pending, .work = work,
                                                      .finish = finish, .context = s});
}

static void scene_end(struct scene *s)
{
    worker_end(s->worker);
    /* taking first: it may take back the wake-up of what is looked at next */
    for (struct input *in; (in = queue_take(s->queue)) || !worker_ended(s->worker); input_free(in))
        if (!in)
            poll(&(struct pollfd){.fd = queue_fd(s->queue), .events = POLLIN}, 1, -1);
    worker_free(s->worker);
    assert_int_equal(atomic_load(&s->finished), 1);
    queue_free(s->queue);
}

static void give(struct scene *s, enum effect_kind kind, uint64_t request)
{
    struct effect e = {.kind = kind, .request = request, .name = xstrdup("x"), .text = xstrdup("y")};
    worker_give(s->worker, &e);
    assert_null(e.name);
}

static struct input *take_waiting(struct scene *s, enum input_kind kind)
{
    for (;;) {
        struct input *in = queue_take(s->queue);
        if (in && in->kind == kind)
            return in;
        if (!in)
            poll(&(struct pollfd){.fd = queue_fd(s->queue), .events = POLLIN}, 1, -1);
        input_free(in);
    }
}

static void expect_outcome(struct scene *s, uint64_t request, bool ok)
{
    struct input *in = take_waiting(s, IN_OUTCOME);
    assert_int_equal(in->request, request);
    assert_int_equal(in->ok, ok);
    input_free(in);
}

static void test_one_effect_after_the_other(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    for (uint64_t i = 1; i <= 20; i++)
        give(&s, EFFECT_STATUS, i);
    for (uint64_t i = 1; i <= 20; i++)
        expect_outcome(&s, i, true);
    while (atomic_load(&s.pending))
        poll(&(struct pollfd){.fd = queue_fd(s.queue), .events = POLLIN}, 1, -1);
    scene_end(&s);
}

static void test_cancel_is_for_one_effect(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    give(&s, EFFECT_SEED, 1);
    give(&s, EFFECT_STATUS, 2);
    give(&s, EFFECT_STATUS, 3);
    input_free(take_waiting(&s, IN_LOG));     /* 1 is at work now */
    assert_false(worker_cancel(s.worker, 9));
    assert_true(worker_cancel(s.worker, 3));  /* waiting: it has its turn, and says that it was cancelled */
    assert_true(worker_cancel(s.worker, 1));
    expect_outcome(&s, 1, false);
    expect_outcome(&s, 2, true);
    expect_outcome(&s, 3, false);
    scene_end(&s);
}

/* A worker that waits for room is woken by its cancel though nobody takes anything. */
static void test_cancel_wakes_who_waits_for_room(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    give(&s, EFFECT_DIFF, 1);
    while (atomic_load(&s.pending)) {
        worker_cancel(s.worker, 1);
        poll(&(struct pollfd){.fd = queue_fd(s.queue), .events = POLLIN}, 1, 1);
    }
    expect_outcome(&s, 1, false);
    scene_end(&s);
}

static void test_end_while_at_work(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct scene s;
        scene_start(&s);
        give(&s, i % 2 ? EFFECT_SEED : EFFECT_DIFF, 1);
        give(&s, EFFECT_STATUS, 2);
        scene_end(&s);
    }
}

static void test_closed_queue_keeps_nobody(void **state)
{
    (void)state;
    struct queue *q = queue_new(4);
    pthread_t thread;
    struct producer p = {q, 1};
    assert_true(thread_start(&thread, produce, &p));
    poll(&(struct pollfd){.fd = queue_fd(q), .events = POLLIN}, 1, -1);
    queue_close(q);
    pthread_join(thread, NULL);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_kept),
        cmocka_unit_test(test_progress_overwrites_its_slot),
        cmocka_unit_test(test_full_queue_makes_producers_wait),
        cmocka_unit_test(test_one_effect_after_the_other),
        cmocka_unit_test(test_cancel_is_for_one_effect),
        cmocka_unit_test(test_cancel_wakes_who_waits_for_room),
        cmocka_unit_test(test_end_while_at_work),
        cmocka_unit_test(test_closed_queue_keeps_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
