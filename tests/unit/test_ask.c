/* Questions between a worker and the main thread; also built with ThreadSanitizer. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/thread.h"
#include "run/ask.h"
#include "run/worker.h"

/* An operation that asks one question on a thread of its own. */
struct asking {
    struct queue *queue;
    struct asks *asks;
    struct ctx ctx;
    struct question question;
    struct answer answer;
    struct err err;
    bool ok;
    pthread_t thread;
};

static void *ask(void *argument)
{
    struct asking *a = argument;
    struct asker asker = {.asks = a->asks, .ctx = &a->ctx};
    a->ok = ask_console(&asker, &a->question, &a->answer, &a->err);
    return NULL;
}

static void begin(struct asking *a, enum question_kind kind, const char *expect, int expires_ms)
{
    struct queue *queue = a->queue ? a->queue : queue_new(16);
    struct asks *asks = a->asks ? a->asks : asks_new(queue);
    *a = (struct asking){.queue = queue, .asks = asks,
                         .question = {.kind = kind, .title = "title", .text = "text", .expect = expect,
                                      .expires_ms = expires_ms}};
    a->ctx.request = 7;
    a->ctx.generation = 3;
    a->ctx.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(thread_start(&a->thread, ask, a));
}

static struct input *take(struct queue *queue)
{
    struct input *in;
    while (!(in = queue_take(queue)))
        poll(&(struct pollfd){.fd = queue_fd(queue), .events = POLLIN}, 1, -1);
    return in;
}

static int64_t take_question(struct asking *a, const char *name)
{
    struct input *in = take(a->queue);
    assert_int_equal(in->kind, IN_QUESTION);
    assert_string_equal(in->name, name);
    assert_int_equal(in->request, 7);
    assert_int_equal(in->generation, 3);
    int64_t id = in->number;
    input_free(in);
    return id;
}

static void over(struct asking *a, int64_t id)
{
    struct input *in = take(a->queue);
    assert_int_equal(in->kind, IN_QUESTION_OVER);
    assert_int_equal(in->number, id);
    input_free(in);
    pthread_join(a->thread, NULL);
    close(a->ctx.cancel_fd);
    assert_false(asks_answer(a->asks, id, true, "", NULL));   /* too late: nobody waits */
    asks_free(a->asks);
    queue_free(a->queue);
}

static void test_yes_and_no(void **state)
{
    (void)state;
    for (int yes = 0; yes <= 1; yes++) {
        struct asking a = {0};
        begin(&a, QUESTION_CHOICE, NULL, 0);
        int64_t id = take_question(&a, "choice");
        assert_true(asks_answer(a.asks, id, yes, "", NULL));
        over(&a, id);
        assert_true(a.ok);
        assert_int_equal(a.answer.yes, yes);
    }
}

/* The screen may be wrong about a typed name; the runtime is not. */
static void test_name_in_full(void **state)
{
    (void)state;
    static const struct { const char *typed; bool yes; } tries[] = {
        {"prod", true}, {"pro", false}, {"prod ", false}, {"", false}, {NULL, false}, {"PROD", false},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct asking a = {0};
        begin(&a, QUESTION_NAME, "prod", 0);
        int64_t id = take_question(&a, "name");
        assert_true(asks_answer(a.asks, id, true, tries[i].typed, NULL));
        over(&a, id);
        assert_true(a.ok);
        assert_int_equal(a.answer.yes, tries[i].yes);
    }
}

static void test_password(void **state)
{
    (void)state;
    struct asking a = {0};
    begin(&a, QUESTION_PASSWORD, NULL, 0);
    struct input *in = take(a.queue);
    assert_true(in->secret);
    int64_t id = in->number;
    input_free(in);
    assert_true(asks_answer(a.asks, id, true, "", secret_new("hunter2", 7)));
    over(&a, id);
    assert_string_equal(secret_text(a.answer.secret), "hunter2");
    secret_free(a.answer.secret);
}

static void test_a_secret_for_another_question_goes(void **state)
{
    (void)state;
    struct asking a = {0};
    begin(&a, QUESTION_YES, NULL, 0);
    int64_t id = take_question(&a, "yes");
    assert_false(asks_answer(a.asks, id + 1, true, "", secret_new("x", 1)));
    assert_true(asks_answer(a.asks, id, true, "", secret_new("x", 1)));
    over(&a, id);
    assert_null(a.answer.secret);
}

static void test_cancelled(void **state)
{
    (void)state;
    struct asking a = {0};
    begin(&a, QUESTION_YES, NULL, 0);
    int64_t id = take_question(&a, "yes");
    eventfd_write(a.ctx.cancel_fd, 1);
    over(&a, id);
    assert_false(a.ok);
    assert_int_equal(a.err.class, ERR_CANCELLED);
}

static void test_expires(void **state)
{
    (void)state;
    struct asking a = {0};
    begin(&a, QUESTION_YES, NULL, 20);
    int64_t id = take_question(&a, "yes");
    over(&a, id);
    assert_false(a.ok);
    assert_int_equal(a.err.class, ERR_CANCELLED);
}

static void test_two_at_once(void **state)
{
    (void)state;
    struct asking a = {0}, b = {0};
    begin(&a, QUESTION_NAME, "a", 0);
    int64_t first = take_question(&a, "name");
    b.queue = a.queue;
    b.asks = a.asks;
    begin(&b, QUESTION_CHOICE, NULL, 0);
    int64_t second = take_question(&b, "choice");
    assert_int_not_equal(first, second);
    assert_true(asks_answer(a.asks, second, true, "", NULL));
    pthread_join(b.thread, NULL);
    assert_true(b.answer.yes);
    input_free(take(a.queue));
    assert_true(asks_answer(a.asks, first, true, "a", NULL));
    close(b.ctx.cancel_fd);
    over(&a, first);
    assert_true(a.answer.yes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yes_and_no),
        cmocka_unit_test(test_name_in_full),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_a_secret_for_another_question_goes),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_two_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
