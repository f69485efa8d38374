/* cache: what is put there is found again by its key alone, only where it is ours alone, and never too much of it. */
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

#include "base/cache.h"
#include "base/err.h"
#include "scratch.h"

static char top[] = "/tmp/test_cache.XXXXXX";
static char dir[64];

static const char *key_of(int n, char key[HASH_HEX])
{
    hash_hex_of(&n, sizeof n, key);
    return key;
}

static bool holds(int n, const char *text)
{
    char key[HASH_HEX];
    struct str payload = {0};
    bool ok = cache_get(dir, key_of(n, key), &payload) && strcmp(str_text(&payload), text) == 0;
    str_free(&payload);
    return ok;
}

static bool put(int n, const char *text)
{
    char key[HASH_HEX];
    return cache_put(dir, key_of(n, key), text, strlen(text));
}

static const char *path_of(int n)
{
    static char path[160];
    char key[HASH_HEX];
    snprintf(path, sizeof path, "%s/%s", dir, key_of(n, key));
    return path;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void what_is_put_is_found(void **state)
{
    (void)state;
    assert_false(holds(1, "one"));
    assert_true(put(1, "one") && put(2, "two"));
    assert_true(holds(1, "one") && holds(2, "two"));
    assert_false(holds(3, "one"));
    assert_true(put(1, "another"));
    assert_true(holds(1, "another"));
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(path_of(1)), 0600);
    char key[HASH_HEX];
    assert_false(cache_get(NULL, key_of(1, key), &(struct str){0}) || cache_put(NULL, key, "", 0));
}

static void another_entry_is_none(void **state)
{
    (void)state;
    char to[160];
    assert_true(put(1, "one") && put(2, "two"));
    snprintf(to, sizeof to, "%s", path_of(2));
    assert_int_equal(rename(path_of(1), to), 0);
    assert_false(holds(2, "one") || holds(2, "two"));
    assert_true(put(2, "two"));
    for (off_t length = 0; length < 115; length++) {
        assert_int_equal(truncate(path_of(2), length), 0);
        assert_false(holds(2, "two"));
        assert_true(put(2, "two") && holds(2, "two"));
    }
}

static void what_is_not_ours_alone_is_left(void **state)
{
    (void)state;
    char away[96];
    snprintf(away, sizeof away, "%s/away", top);
    assert_true(put(1, "one"));
    chmod(path_of(1), 0640);
    assert_false(holds(1, "one"));
    chmod(path_of(1), 0600);
    assert_int_equal(rename(path_of(1), away), 0);
    assert_int_equal(symlink(away, path_of(1)), 0);
    assert_false(holds(1, "one"));
    assert_true(put(1, "new") && holds(1, "new"));
    unlink(away);
    unlink(path_of(1));
    assert_int_equal(mkfifo(path_of(1), 0600), 0);     /* is not waited for */
    assert_false(holds(1, "new"));
    chmod(dir, 0755);
    assert_false(put(1, "one") || holds(2, "two"));
    chmod(dir, 0700);
    assert_true(put(1, "one"));
}

static void too_much_is_refused_and_the_unused_go(void **state)
{
    (void)state;
    enum { ENTRIES = 140, BYTES = 500 * 1000 };
    char *much = calloc(1, 2 * CACHE_ENTRY_LIMIT), key[HASH_HEX];
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct str payload = {0};
    assert_false(cache_put(dir, key_of(0, key), much, CACHE_ENTRY_LIMIT + 1));
    for (int i = 1000; i < 1000 + ENTRIES; i++) {
        assert_true(cache_put(dir, key_of(i, key), much, BYTES));
        utimensat(AT_FDCWD, path_of(i), old, 0);
        old[0].tv_sec++, old[1].tv_sec++;
        assert_true(cache_get(dir, key_of(1000, key), &payload));      /* as long as it is used */
    }
    str_free(&payload);
    long long all = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
            all += st.st_size;
    }
    closedir(d);
    assert_true(all <= CACHE_LIMIT && all > CACHE_LIMIT / 2);
    assert_int_equal(access(path_of(1000 + ENTRIES - 1), F_OK), 0);
    assert_int_equal(access(path_of(1001), F_OK), -1);
    free(much);
}

static int make_dir(void **state)
{
    (void)state;
    if (scratch_make(top) != 0)
        return -1;
    snprintf(dir, sizeof dir, "%s/below/seedops", top);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return scratch_remove(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found), cmocka_unit_test(another_entry_is_none),
        cmocka_unit_test(what_is_not_ours_alone_is_left), cmocka_unit_test(too_much_is_refused_and_the_unused_go),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
