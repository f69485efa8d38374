/* secret: typed, copied, cut, wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/secret.h"

static void test_new(void **state)
{
    (void)state;
    struct secret *s = secret_new("hunter2 and more", 7), *copy = secret_copy(s);
    assert_string_equal(secret_text(s), "hunter2");
    secret_free(s);
    assert_string_equal(secret_text(copy), "hunter2");
    assert_int_equal(secret_length(copy), 7);
    secret_free(copy);
    char longer[SECRET_MAX + 50];
    memset(longer, 'x', sizeof longer);
    s = secret_new(longer, sizeof longer);
    assert_int_equal(secret_length(s), SECRET_MAX);
    assert_int_equal(strlen(secret_text(s)), SECRET_MAX);
    secret_free(s);
}

static void test_null_is_empty(void **state)
{
    (void)state;
    assert_string_equal(secret_text(NULL), "");
    assert_int_equal(secret_length(NULL), 0);
    assert_null(secret_copy(NULL));
    secret_backspace(NULL);
    secret_free(NULL);
    secret_wipe(NULL);
}

static void test_typing(void **state)
{
    (void)state;
    struct secret *s = NULL;
    secret_append(&s, "a", 1);
    secret_append(&s, "é", 2);
    secret_append(&s, "😀", 4);
    assert_string_equal(secret_text(s), "aé😀");
    secret_backspace(s);
    assert_string_equal(secret_text(s), "aé");
    secret_backspace(s);
    secret_backspace(s);
    secret_backspace(s);
    assert_string_equal(secret_text(s), "");
    for (int i = 0; i < SECRET_MAX - 1; i++)
        secret_append(&s, "x", 1);
    secret_append(&s, "é", 2);   /* does not fit whole */
    assert_int_equal(secret_length(s), SECRET_MAX - 1);
    secret_append(&s, "x", 1);
    secret_append(&s, "x", 1);
    assert_int_equal(secret_length(s), SECRET_MAX);
    secret_free(s);
}

static void test_wipe(void **state)
{
    (void)state;
    char text[] = "password";
    secret_wipe(text);
    assert_memory_equal(text, "\0\0\0\0\0\0\0\0\0", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new), cmocka_unit_test(test_null_is_empty), cmocka_unit_test(test_typing),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
