/* file: reading whole, writing atomically, directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char dir[] = "/tmp/test_file.XXXXXX";
static char path[64];

static void test_read(void **state)
{
    (void)state;
    char *bytes;
    size_t length;
    struct err err = {0};
    assert_true(file_write_atomic(path, "a\0b", 3, 0644, &err));
    assert_true(file_read(path, 3, &bytes, &length, &err));
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 4);   /* with the NUL behind it */
    free(bytes);
    assert_true(file_write_atomic(path, "", 0, 0644, &err));
    assert_true(file_read(path, 0, &bytes, &length, &err));
    assert_int_equal(length, 0);
    assert_string_equal(bytes, "");
    free(bytes);
}

static void refused(const char *what, size_t limit, const char *why)
{
    char *bytes;
    size_t length;
    struct err err = {0};
    assert_false(file_read(what, limit, &bytes, &length, &err));
    assert_null(bytes);
    assert_non_null(strstr(err.message, what));
    assert_non_null(strstr(err.why, why));
}

static void test_read_refused(void **state)
{
    (void)state;
    char fifo[80];
    snprintf(fifo, sizeof fifo, "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_true(file_write_atomic(path, "four", 4, 0644, NULL));
    refused(path, 3, "it has 4 bytes; the limit is 3");
    refused(dir, 100, "it is a directory");
    refused(fifo, 100, "it is not a regular file");   /* and does not hang */
    refused("/dev/zero", 100, "it is not a regular file");
    refused("/proc/self/maps", 10, "grew over the limit");   /* says it has no bytes */
    refused("/nowhere/file", 100, "No such file");
    unlink(fifo);
}

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(dir);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void test_write(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat st;
    mode_t old = umask(0);
    assert_true(file_write_atomic(path, "one", 3, 0600, &err));
    umask(old);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(file_write_atomic(path, "three", 5, 0640, &err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(entries(), 1);
    assert_false(file_write_atomic("/nowhere/at/all", "x", 1, 0600, &err));
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
    assert_false(file_write_atomic(dir, "x", 1, 0600, &err));   /* a directory is not replaced */
    assert_int_equal(entries(), 1);                             /* and nothing is left behind */
}

static void test_make_dirs(void **state)
{
    (void)state;
    char deep[128], below[160];
    struct err err = {0};
    struct stat st;
    snprintf(deep, sizeof deep, "%s/a/b/c", dir);
    assert_true(file_make_dirs(deep, 0700, &err));
    assert_true(file_make_dirs(deep, 0700, &err));
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(below, sizeof below, "%s/file/x", dir);
    assert_true(file_write_atomic(path, "", 0, 0600, &err));
    assert_false(file_make_dirs(below, 0700, &err));
    assert_non_null(strstr(err.why, "Not a directory"));
    for (; strcmp(deep, dir) != 0; *strrchr(deep, '/') = '\0')
        assert_int_equal(rmdir(deep), 0);
}

static void test_temporary(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat st;
    int fd;
    setenv("TMPDIR", dir, 1);
    int before = entries();
    assert_true(file_temporary(&fd, &err));
    assert_int_equal(entries(), before);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    setenv("TMPDIR", "/nowhere", 1);
    assert_false(file_temporary(&fd, &err));
    assert_non_null(strstr(err.hint, "TMPDIR"));
    unsetenv("TMPDIR");
}

static void test_user_dirs(void **state)
{
    (void)state;
    char out[1100], want[200];
    struct err err = {0};
    setenv("XDG_STATE_HOME", "/x/state", 1);
    assert_true(file_state_dir(out, sizeof out, &err));
    assert_string_equal(out, "/x/state/seedops");
    setenv("XDG_STATE_HOME", "relative", 1);   /* the standard says: ignore it */
    setenv("HOME", dir, 1);
    assert_true(file_state_dir(out, sizeof out, &err));
    snprintf(want, sizeof want, "%s/.local/state/seedops", dir);
    assert_string_equal(out, want);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    assert_true(file_config_dir(out, sizeof out, &err));
    snprintf(want, sizeof want, "%s/.config/seedops", dir);
    assert_string_equal(out, want);
    assert_false(file_config_dir(out, 10, &err));
    /* a home that is not ours, as under sudo, does not count */
    setenv("HOME", geteuid() == 0 ? "/nowhere" : "/root", 1);
    if (file_state_dir(out, sizeof out, &err))
        assert_null(strstr(out, getenv("HOME")));
}

static void joins(const char *a, const char *b, const char *want)
{
    char *got = file_join(a, b);
    assert_string_equal(got, want);
    free(got);
}

static void dirs(const char *of, const char *want)
{
    char *got = file_dirname(of);
    assert_string_equal(got, want);
    free(got);
}

static void test_names(void **state)
{
    (void)state;
    joins("a", "b", "a/b");
    joins("a/", "b", "a/b");
    joins("/", "b", "/b");
    joins("a", "/b", "/b");
    joins("", "b", "b");
    dirs("/a/b", "/a");
    dirs("/a", "/");
    dirs("/", "/");
    dirs("a", ".");
    dirs("a/b/", "a");
    dirs("a//b", "a");
    dirs("", ".");
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/file", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read), cmocka_unit_test(test_read_refused), cmocka_unit_test(test_write),
        cmocka_unit_test(test_make_dirs), cmocka_unit_test(test_temporary), cmocka_unit_test(test_user_dirs),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
