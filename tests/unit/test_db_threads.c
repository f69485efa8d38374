/* Connecting from many threads at once, with names to resolve, deadlines and cancels; for TSan. No server: one that
 * is not there, and one that accepts and says nothing. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/conn.h"

enum { THREADS = 12, ROUNDS = 6 };

static char silent_port[16];         /* a listener that nobody accepts from: connecting works, answers never come */

struct worker {
    pthread_t thread;
    int cancel_fd;
    int wrong;                       /* answers other than expected */
    int64_t slowest;
};

static int try_to_connect(const char *host, const char *port, int timeout_ms, int cancel_fd, enum err_class want,
                          int64_t *slowest)
{
    const char *keywords[] = {"host", "port", "user", "sslmode"}, *values[] = {host, port, "x", "disable"};
    struct db_options options = {.keywords = keywords, .values = values, .count = 4, .cancel_fd = cancel_fd,
                                 .connect_timeout_ms = timeout_ms};
    struct err err = {0};
    struct db *db;
    int64_t start = clock_mono_ms();
    bool opened = db_open(&db, &options, &err);
    int64_t took = clock_mono_ms() - start;
    if (opened)
        db_close(db);
    if (took > *slowest)
        *slowest = took;
    return opened || err.class != want || !*err.message;
}

static void *refused_and_silent(void *argument)
{
    struct worker *w = argument;
    for (int i = 0; i < ROUNDS; i++) {
        w->wrong += try_to_connect("localhost", "1", 5000, -1, ERR_NOT_READY, &w->slowest);
        w->wrong += try_to_connect("127.0.0.1", silent_port, 40, -1, ERR_NOT_READY, &w->slowest);
        w->wrong += try_to_connect("localhost,localhost", "1", 5000, -1, ERR_NOT_READY, &w->slowest);
    }
    return NULL;
}

static void *cancelled(void *argument)
{
    struct worker *w = argument;
    for (int i = 0; i < ROUNDS; i++) {
        w->wrong += try_to_connect("127.0.0.1", silent_port, 60000, w->cancel_fd, ERR_CANCELLED, &w->slowest);
        w->wrong += try_to_connect("localhost", silent_port, 60000, w->cancel_fd, ERR_CANCELLED, &w->slowest);
    }
    return NULL;
}

static void run_all(void *(*work)(void *), int cancel_fd, int64_t slowest)
{
    struct worker workers[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        workers[i].cancel_fd = cancel_fd;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].wrong, 0);
        assert_true(workers[i].slowest < slowest);
    }
}

static void many_at_once(void **state)
{
    (void)state;
    run_all(refused_and_silent, -1, 5000);
}

static void all_cancelled(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    run_all(cancelled, fds[0], 5000);
    close(fds[0]);
    close(fds[1]);
}

static int listen_silently(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    snprintf(silent_port, sizeof silent_port, "%d", ntohs(address.sin_port));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_at_once), cmocka_unit_test(all_cancelled)};
    return cmocka_run_group_tests_name("db threads", tests, listen_silently, NULL);
}
