/* spawn: what a helper command gets, and that it always ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spawn.h"

static struct str out;
static struct err err;
static int status;

static bool shell(const char *line, int timeout_ms)
{
    struct spawn_options o = {.shell = line, .timeout_ms = timeout_ms, .output_limit = 1000, .cancel_fd = -1};
    str_reset(&out);
    err_clear(&err);
    return spawn_run(&o, &out, &status, &err);
}

static void test_output(void **state)
{
    (void)state;
    assert_true(shell("printf 'a\\nb'", 0));
    assert_string_equal(str_text(&out), "a\nb");
    assert_int_equal(status, 0);
    const char *const argv[] = {"printf", "%s", "$HOME;", NULL};
    struct spawn_options o = {.argv = argv, .output_limit = 100, .cancel_fd = -1};
    str_reset(&out);
    assert_true(spawn_run(&o, &out, &status, &err));
    assert_string_equal(str_text(&out), "$HOME;");
    struct spawn_options pwd = {.shell = "pwd", .directory = "/", .output_limit = 100, .cancel_fd = -1};
    str_reset(&out);
    assert_true(spawn_run(&pwd, &out, &status, &err));
    assert_string_equal(str_text(&out), "/\n");
}

static void test_input(void **state)
{
    static char long_text[200000];
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    struct spawn_options o = {.shell = "cat", .output_limit = 100, .cancel_fd = -1, .input = "{\"a\": 1}\n"};
    str_reset(&out);
    assert_true(spawn_run(&o, &out, &status, &err));
    assert_string_equal(str_text(&out), "{\"a\": 1}\n");
    o.shell = "wc -c";                  /* more than a pipe holds */
    o.input = long_text;
    str_reset(&out);
    assert_true(spawn_run(&o, &out, &status, &err));
    assert_string_equal(str_text(&out), "199999\n");
    o.shell = "true";                   /* read or not */
    assert_true(spawn_run(&o, &out, &status, &err));
}

static void test_failure(void **state)
{
    (void)state;
    assert_false(shell("echo kept; echo 'no such entry' >&2; echo more >&2; exit 3", 0));
    assert_int_equal(status, 3);
    assert_string_equal(str_text(&out), "kept\n");
    assert_string_equal(err.message, "echo failed with exit status 3");
    assert_string_equal(err.why, "no such entry");
    assert_false(shell("kill -9 $$", 0));
    assert_int_equal(status, 128 + 9);
    const char *const argv[] = {"/nowhere/program", NULL};
    struct spawn_options o = {.argv = argv, .output_limit = 100, .cancel_fd = -1};
    assert_false(spawn_run(&o, &out, &status, &err));
    assert_int_equal(err.class, ERR_DEPENDENCY);
    assert_int_equal(status, -1);
    struct spawn_options bad_directory = {.shell = "true", .directory = "/nowhere", .cancel_fd = -1};
    assert_false(spawn_run(&bad_directory, &out, &status, &err));
    struct spawn_options lot = {.shell = "yes", .output_limit = 1000, .cancel_fd = -1};
    str_reset(&out);
    assert_false(spawn_run(&lot, &out, &status, &err));
    assert_string_equal(err.message, "yes wrote too much");
    assert_int_equal(out.length, 1000);
    assert_true(shell("yes | head -c 100000 >&2", 0));   /* stderr may be long; it is only not kept */
}

/* stdin is empty, there is no terminal, our descriptors are closed, signals are as new. */
static void test_surroundings(void **state)
{
    (void)state;
    /* ls beside the shell and no pipe: while it makes one, the shell has a fourth descriptor of its own */
    assert_true(shell("cat; if (: </dev/tty) 2>/dev/null; then echo tty; fi; ls /proc/$$/fd; true", 5000));
    assert_string_equal(str_text(&out), "0\n1\n2\n");
    sigset_t some, old;
    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    sigprocmask(SIG_BLOCK, &some, &old);
    signal(SIGPIPE, SIG_IGN);
    /* Signals 32 and 33 belong to the C library, which lets nobody reset them: whoever started us may have left
     * them ignored. */
    assert_true(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t\\n' | sed s/0000000180000000/0000000000000000/",
                      5000));
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    assert_string_equal(str_text(&out), "SigBlk:0000000000000000SigIgn:0000000000000000");
}

/* A daemon's descriptors 0 to 2 may be closed. */
static void test_closed_descriptors(void **state)
{
    (void)state;
    int saved[3];
    for (int fd = 0; fd < 3; fd++)
        saved[fd] = fcntl(fd, F_DUPFD, 10);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    bool ok = shell("cat; echo out; echo err >&2; exit 4", 5000);
    for (int fd = 0; fd < 3; fd++) {
        dup2(saved[fd], fd);
        close(saved[fd]);
    }
    assert_false(ok);
    assert_int_equal(status, 4);
    assert_string_equal(str_text(&out), "out\n");
    assert_string_equal(err.why, "err");
}

static bool runs(const char *pid_text)
{
    return kill((pid_t)atoi(pid_text), 0) == 0 || errno != ESRCH;
}

/* The whole group goes, also what ignores a kind word. */
static void test_timeout(void **state)
{
    (void)state;
    int64_t start = clock_mono_ms();
    assert_false(shell("trap '' TERM; sleep 100 & echo $!; while :; do sleep 100; done", 200));
    assert_string_equal(err.message, "trap did not end in time");
    assert_true(clock_mono_ms() - start < 20000);
    for (int i = 0; i < 500 && runs(str_text(&out)); i++)
        usleep(10000);   /* init reaps it when it likes */
    assert_false(runs(str_text(&out)));
}

/* A background process that holds our pipe neither delays the result nor survives it. */
static void test_background(void **state)
{
    (void)state;
    int64_t start = clock_mono_ms();
    assert_true(shell("sleep 100 & echo $!", 0));
    assert_true(clock_mono_ms() - start < 20000);
    for (int i = 0; i < 500 && runs(str_text(&out)); i++)
        usleep(10000);
    assert_false(runs(str_text(&out)));
}

static void test_cancel(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct spawn_options o = {.shell = "exec >&- 2>&-; sleep 100", .output_limit = 10, .cancel_fd = ends[0]};
    assert_false(spawn_run(&o, &out, &status, &err));
    assert_int_equal(err.class, ERR_CANCELLED);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);   /* no child is left */
    assert_int_equal(errno, ECHILD);
}

static int free_all(void **state)
{
    (void)state;
    str_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_input), cmocka_unit_test(test_failure), cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_closed_descriptors),
        cmocka_unit_test(test_timeout), cmocka_unit_test(test_background), cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, free_all);
}
