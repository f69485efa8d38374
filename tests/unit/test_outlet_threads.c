/* outlet: writing never waits for a reader that does not read, and nothing is lost or reordered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/outlet.h"

enum { MUCH = 500000 };      /* more than a pipe holds, less than the outlet does */

static void put(const struct outlet *o, const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(outlet_fd(o), bytes, length);
        assert_true(n > 0);
        bytes += n;
        length -= (size_t)n;
    }
}

static void take(int fd, char *bytes, size_t length)
{
    while (length) {
        ssize_t n = read(fd, bytes, length);
        assert_true(n > 0);
        bytes += n;
        length -= (size_t)n;
    }
}

static void test_behind_and_taken(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct outlet *o = outlet_open(ends[1]);
    assert_non_null(o);
    assert_false(outlet_behind(o));
    char *sent = malloc(MUCH), *got = malloc(MUCH);
    for (size_t i = 0; i < MUCH; i++)
        sent[i] = (char)(i * 7 + i / 251);
    put(o, sent, MUCH);                          /* returns, though nobody reads */
    assert_true(outlet_behind(o));
    assert_false(outlet_drain(o, 20));
    take(ends[0], got, MUCH);
    assert_memory_equal(sent, got, MUCH);
    assert_true(outlet_drain(o, 10000));
    put(o, "x", 1);
    struct pollfd taken = {.fd = outlet_taken_fd(o), .events = POLLIN};
    take(ends[0], got, 1);
    assert_int_equal(poll(&taken, 1, 10000), 1);
    assert_true(outlet_drain(o, 10000));
    assert_int_equal(poll(&taken, 1, 0), 0);     /* the notice was taken back */
    outlet_close(o);
    close(ends[0]);
    close(ends[1]);
    free(sent);
    free(got);
}

/* A descriptor set to return at once is waited for, not hammered or lost. */
static void test_nonblocking_target(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fcntl(ends[0], F_SETFL, 0);
    struct outlet *o = outlet_open(ends[1]);
    char *sent = malloc(MUCH), *got = malloc(MUCH);
    memset(sent, 'n', MUCH);
    put(o, sent, MUCH);
    take(ends[0], got, MUCH);
    assert_memory_equal(sent, got, MUCH);
    assert_true(outlet_drain(o, 10000));
    outlet_close(o);
    close(ends[0]);
    close(ends[1]);
    free(sent);
    free(got);
}

/* Closing does not wait either; what the target takes later still comes in order. */
static void test_closed_while_behind(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct outlet *o = outlet_open(ends[1]);
    char *sent = calloc(1, MUCH), *got = malloc(MUCH);
    put(o, sent, MUCH);
    outlet_close(o);
    take(ends[0], got, MUCH);
    assert_memory_equal(sent, got, MUCH);
    outlet_close(NULL);
    close(ends[0]);
    free(sent);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behind_and_taken),
        cmocka_unit_test(test_nonblocking_target),
        cmocka_unit_test(test_closed_while_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
