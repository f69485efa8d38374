/* Readiness without a server: pauses, deadline, cancel, and that each try is visible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "op/ops.h"

struct seen { int count; int64_t last_number, last_pause; bool in_order, all_say_why; };

static void on_event(void *sink, struct input *in)
{
    struct seen *seen = sink;
    if (in->kind == IN_CONNECTION) {
        seen->count++;
        seen->in_order = seen->in_order && strcmp(in->name, "attempt") == 0 && in->number == seen->count;
        seen->all_say_why = seen->all_say_why && strstr(in->text, "no such socket");
        seen->last_pause = in->number2;
    }
    input_free(in);
}

/* An environment whose server is not there. */
static bool wait_for_nobody(int cancel_fd, int64_t deadline_ms, struct seen *seen, int *attempts, struct err *err)
{
    static const char *keywords[] = {"host", "user"}, *values[] = {"/nowhere/at/all", "x"};
    struct settings settings = {0};
    struct environment environment = {.name = "test", .url = {.keywords = keywords, .values = values, .count = 2}};
    struct ctx ctx = {.settings = &settings, .environment = &environment, .cancel_fd = cancel_fd, .emit = on_event,
                      .sink = seen};
    *seen = (struct seen){.in_order = true, .all_say_why = true};
    return op_wait(&ctx, deadline_ms, attempts, err);
}

static void backs_off(void **state)
{
    (void)state;
    bool varies = false;
    for (int attempt = 0; attempt < 60; attempt++) {
        int base = attempt >= 5 ? 30000 : 1000 * (1 << attempt), first = op_wait_backoff(attempt);
        for (int i = 0; i < 200; i++) {
            int ms = op_wait_backoff(attempt);
            assert_in_range(ms, base, base + base * 30 / 100);
            varies = varies || ms != first;
        }
    }
    assert_true(varies);
}

static void tries_until_the_deadline(void **state)
{
    (void)state;
    struct seen seen;
    struct err err = {0};
    int attempts;
    int64_t start = clock_mono_ms();
    assert_false(wait_for_nobody(-1, 2500, &seen, &attempts, &err));
    assert_in_range(clock_mono_ms() - start, 1400, 2600);
    assert_int_equal(err.class, ERR_NOT_READY);
    assert_non_null(strstr(err.message, "not ready after 3 attempts"));
    assert_non_null(strstr(err.why, "no such socket"));
    assert_int_equal(attempts, 3);
    assert_int_equal(seen.count, 3);
    assert_true(seen.in_order && seen.all_say_why);
    assert_int_equal(seen.last_pause, 0);
}

static void stops_when_cancelled(void **state)
{
    (void)state;
    struct seen seen;
    struct err err = {0};
    int attempts, fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    int64_t start = clock_mono_ms();
    assert_false(wait_for_nobody(fds[0], 60000, &seen, &attempts, &err));
    assert_true(clock_mono_ms() - start < 100);
    assert_int_equal(err.class, ERR_CANCELLED);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backs_off),
        cmocka_unit_test(tries_until_the_deadline),
        cmocka_unit_test(stops_when_cancelled),
    };
    return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
