/* arena, clock, err, hash, str: the floor everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

static void test_arena(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_reset(&a);
    for (size_t size = 0; size < 3000; size += 7) {
        char *p = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 'x', size);
    }
    memset(arena_alloc(&a, 1 << 20), 'y', 1 << 20);
    assert_string_equal(arena_strdup(&a, "text"), "text");
    assert_null(arena_strdup(&a, NULL));
    assert_string_equal(arena_strndup(&a, "texture", 4), "text");
    assert_string_equal(arena_printf(&a, "%d rows", 7), "7 rows");
    int *some = arena_grow(&a, NULL, 0, 2, sizeof *some);
    some[0] = 1;
    some[1] = 2;
    some = arena_grow(&a, some, 2, 4, sizeof *some);
    assert_true(some[0] == 1 && some[1] == 2 && some[2] == 0 && some[3] == 0);
    arena_free(&a);
    assert_null(a.blocks);
}

/* What a loop allocates again after a reset is the same memory, and zeroed again. */
static void test_arena_reset(void **state)
{
    (void)state;
    struct arena a = {0};
    char *first = arena_alloc(&a, 100);
    memset(first, 'x', 100);
    for (int i = 0; i < 1000; i++) {
        arena_reset(&a);
        char *again = arena_alloc(&a, 100);
        assert_ptr_equal(again, first);
        assert_int_equal(again[99], 0);
        memset(again, 'x', 100);
    }
    arena_alloc(&a, 100000);
    arena_reset(&a);
    assert_non_null(a.blocks);
    arena_free(&a);
}

static void test_clock(void **state)
{
    (void)state;
    char text[25];
    clock_format_utc(1795236568123, text, sizeof text);
    assert_string_equal(text, "2026-11-21T04:49:28.123Z");
    clock_format_utc(0, text, sizeof text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    int64_t before = clock_mono_ms();
    assert_true(clock_mono_ms() >= before);
    assert_true(clock_wall_ms() > 1700000000000);
    assert_int_equal(clock_jitter(0), 0);
    for (int i = 0; i < 100; i++)
        assert_true(clock_jitter(3) < 3);
}

static void test_err(void **state)
{
    (void)state;
    struct err e = {0};
    assert_false(err_set(&e, ERR_CONFIG, "cannot read %s", "x"));
    assert_false(err_why(&e, "because"));
    assert_false(err_hint(&e, "do %d", 1));
    assert_false(err_at(&e, "f", 3, 4));
    assert_string_equal(e.at, "f:3:4");
    err_at(&e, "f", 3, 0);
    assert_string_equal(e.at, "f:3");
    err_at(&e, "f", 0, 0);
    assert_string_equal(e.at, "f");
    assert_false(err_context(&e, "opening %s", "it"));
    assert_string_equal(e.message, "opening it: cannot read x");
    err_sqlstate(&e, "23505");
    assert_string_equal(e.sqlstate, "23505");
    err_sqlstate(&e, NULL);
    assert_string_equal(e.sqlstate, "");
    assert_false(err_errno(&e, ERR_GENERAL, ENOENT, "no"));
    assert_string_equal(e.why, "No such file or directory");
    assert_string_equal(e.hint, "");
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&e, ERR_GENERAL, "%s", longer);
    err_context(&e, "%s", longer);
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
    assert_false(err_set(NULL, ERR_GENERAL, "nobody asks"));
    assert_false(err_why(NULL, "x") || err_hint(NULL, "x") || err_at(NULL, "x", 1, 1) || err_context(NULL, "x") ||
                 err_errno(NULL, ERR_GENERAL, 1, "x") || err_sqlstate(NULL, "x"));
    struct err_list list = {0};
    for (int i = 0; i < 20; i++)
        assert_false(err_list_add(&list, &e));
    assert_int_equal(list.count, 20);
    assert_string_equal(list.items[19].message, e.message);
    err_list_free(&list);
    assert_int_equal(list.count, 0);
}

static void test_classes(void **state)
{
    (void)state;
    for (enum err_class c = ERR_NONE; c < ERR_CLASS_COUNT; c++) {
        assert_non_null(err_class_name(c));
        assert_true(strlen(err_class_help(c)) > 5);
        assert_true((err_exit_code(c) == 0) == (c == ERR_NONE));
        for (enum err_class other = ERR_NONE; other < c; other++)
            assert_string_not_equal(err_class_name(c), err_class_name(other));
    }
    assert_int_equal(err_exit_code(ERR_REFUSED), 5);
    assert_int_equal(err_exit_code(ERR_USAGE), 64);
}

static void restore(void)
{
    ssize_t ignored = write(STDERR_FILENO, "restored ", 9);
    (void)ignored;
}

static void test_abort(void **state)
{
    (void)state;
    int ends[2], status;
    char text[200] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        err_on_abort(restore);
        err_abort("on purpose");
    }
    close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "restored seedops: internal error: on purpose\n");
    close(ends[0]);
}

static void test_hash(void **state)
{
    (void)state;
    char hex[HASH_HEX], other[HASH_HEX];
    hash_hex_of("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct hash h;
    hash_init(&h);
    hash_add(&h, "a", 1);
    hash_add(&h, "bc", 2);
    hash_hex(&h, other);
    assert_string_equal(hex, other);
    const char *const pairs[][2] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"abc", NULL}, {"", "abc"}};
    char all[5][HASH_HEX];
    for (int i = 0; i < 5; i++) {
        hash_init(&h);
        hash_add_field(&h, pairs[i][0]);
        hash_add_field(&h, pairs[i][1]);
        hash_hex(&h, all[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(all[i], all[k]);
    }
}

static void test_str(void **state)
{
    (void)state;
    struct str s = {0};
    assert_string_equal(str_text(&s), "");
    str_reset(&s);
    str_add_bytes(&s, NULL, 0);
    assert_string_equal(str_text(&s), "");
    str_add(&s, "one");
    str_add_char(&s, ' ');
    str_add_bytes(&s, "two!", 3);
    str_printf(&s, " %0200d", 3);
    assert_int_equal(s.length, 208);
    assert_memory_equal(s.text, "one two 000", 11);
    assert_int_equal(s.text[s.length], '\0');
    str_reset(&s);
    str_reserve(&s, 10000);
    const char *stays = s.text;
    for (int i = 0; i < 10000; i++)
        str_add_char(&s, 'x');
    assert_ptr_equal(s.text, stays);
    char *taken = str_take(&s);
    assert_int_equal(strlen(taken), 10000);
    assert_null(s.text);
    struct str given = {.text = taken};
    str_free(&given);
    taken = str_take(&s);
    assert_string_equal(taken, "");
    given = (struct str){.text = taken};
    str_free(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena), cmocka_unit_test(test_arena_reset), cmocka_unit_test(test_clock),
        cmocka_unit_test(test_err),   cmocka_unit_test(test_classes),     cmocka_unit_test(test_abort),
        cmocka_unit_test(test_hash),  cmocka_unit_test(test_str),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
