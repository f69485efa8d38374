/* hook: commands for events run one at a time and in order, and none keeps the watch from ending. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "cmd/hook.h"
#include "scratch.h"

static char dir[] = "/tmp/seedops-hook.XXXXXX";
static char line[256];

static void wait_idle(struct hook *hook)
{
    struct pollfd p = {.fd = hook_fd(hook), .events = POLLIN};
    while (!hook_idle(hook))
        poll(&p, 1, 20);
}

static void in_order(void **state)
{
    struct hook *hook;
    struct err err = {0};
    struct hook_about about;
    char input[16], path[64], *text;
    size_t length;
    int lost;
    (void)state;
    snprintf(path, sizeof path, "%s/order", dir);
    snprintf(line, sizeof line, "cat >>%s", path);
    assert_true(hook_start(&hook, line, &err));
    for (int i = 0; i < 20; i++) {
        snprintf(input, sizeof input, "%d\n", i);
        assert_true(hook_give(hook, "here", "event", strdup(input)));
    }
    wait_idle(hook);
    assert_false(hook_failure(hook, &about, &err));
    hook_close(hook, 1000, &lost);
    assert_int_equal(lost, 0);
    assert_true(file_read(path, 1000, &text, &length, &err));
    assert_string_equal(text, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n");
    free(text);
}

static void failures_are_known(void **state)
{
    struct hook *hook;
    struct err err = {0};
    struct hook_about about;
    int lost;
    (void)state;
    assert_true(hook_start(&hook, "echo no >&2; exit 3", &err));
    assert_true(hook_give(hook, "here", "below-floor", strdup("{}")));
    wait_idle(hook);
    assert_true(hook_failure(hook, &about, &err));
    assert_string_equal(about.event, "below-floor");
    assert_string_equal(about.environment, "here");
    assert_string_equal(err.why, "no");
    assert_false(hook_failure(hook, &about, &err));
    hook_close(hook, 1000, &lost);
    assert_int_equal(lost, 0);
}

static void a_full_queue_and_a_command_that_hangs(void **state)
{
    struct hook *hook;
    struct err err = {0};
    char path[64];
    int given = 0, lost;
    (void)state;
    snprintf(path, sizeof path, "%s/hangs", dir);
    snprintf(line, sizeof line, "echo >%s; exec tail -f /dev/null", path);
    assert_true(hook_start(&hook, line, &err));
    assert_true(hook_give(hook, "here", "first", strdup("{}")));
    while (access(path, F_OK) != 0)
        poll(NULL, 0, 5);
    while (given <= HOOK_WAITING && hook_give(hook, "here", "more", strdup("{}")))
        given++;
    assert_int_equal(given, HOOK_WAITING);
    while (given <= 2 * HOOK_WAITING && hook_give(hook, "there", "more", strdup("{}")))
        given++;
    assert_int_equal(given, 2 * HOOK_WAITING);   /* another environment has room of its own */
    int64_t began = clock_mono_ms();
    hook_close(hook, 0, &lost);
    assert_int_equal(lost, 2 * HOOK_WAITING + 1);
    assert_true(clock_mono_ms() - began < HOOK_MS);
}

static int make_dir(void **state)
{
    (void)state;
    return scratch_make(dir);
}

static int drop_dir(void **state)
{
    (void)state;
    snprintf(line, sizeof line, "rm -r %s", dir);
    return system(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(failures_are_known),
        cmocka_unit_test(a_full_queue_and_a_command_that_hangs),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
