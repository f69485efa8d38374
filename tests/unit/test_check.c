/* check - verdicts that need no server: fine only where every server agrees, wrong only where it is certain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bind/check.h"

static struct db_column column(const char *base)
{
    return (struct db_column){.name = "c", .type = {.name = base, .base = base, .kind = 'b', .max_length = -1,
                                                    .precision = -1, .scale = -1}};
}

static enum check_verdict verdict(const struct db_column *c, const char *text)
{
    struct fixture_value value = {.kind = VALUE_TEXT, .text = text};
    struct err err;
    return check_value(c, &value, text, &err);
}

static void test_numbers(void **state)
{
    (void)state;
    struct db_column c = column("int2");
    assert_int_equal(verdict(&c, "32767"), CHECK_FINE);
    assert_int_equal(verdict(&c, "-32768"), CHECK_FINE);
    assert_int_equal(verdict(&c, "+1"), CHECK_FINE);
    assert_int_equal(verdict(&c, "32768"), CHECK_WRONG);
    assert_int_equal(verdict(&c, "99999999999999999999"), CHECK_WRONG);
    assert_int_equal(verdict(&c, " 1"), CHECK_ASK);
    assert_int_equal(verdict(&c, "1e3"), CHECK_ASK);
    assert_int_equal(verdict(&c, ""), CHECK_ASK);
    assert_int_equal(verdict(&c, "-"), CHECK_ASK);
    c = column("int8");
    assert_int_equal(verdict(&c, "-9223372036854775808"), CHECK_FINE);
    assert_int_equal(verdict(&c, "9223372036854775808"), CHECK_WRONG);
}

static void test_numeric(void **state)
{
    (void)state;
    struct db_column c = column("numeric");
    assert_int_equal(verdict(&c, "123456789012345678901234567890.5"), CHECK_FINE);
    assert_int_equal(verdict(&c, "NaN"), CHECK_ASK);
    assert_int_equal(verdict(&c, "."), CHECK_ASK);
    assert_int_equal(verdict(&c, "1.2.3"), CHECK_ASK);
    c.type.precision = 6;
    c.type.scale = 2;
    assert_int_equal(verdict(&c, "9999.99"), CHECK_FINE);
    assert_int_equal(verdict(&c, "-9999.99"), CHECK_FINE);
    assert_int_equal(verdict(&c, "9999.995"), CHECK_ASK);   /* rounds up to 10000.00 */
    assert_int_equal(verdict(&c, "10000"), CHECK_ASK);
}

static void test_lengths(void **state)
{
    (void)state;
    struct db_column c = column("varchar");
    c.type.max_length = 5;
    assert_int_equal(verdict(&c, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"), CHECK_FINE);
    assert_int_equal(verdict(&c, "sixsix"), CHECK_WRONG);
    assert_int_equal(verdict(&c, "abc    "), CHECK_FINE);
    assert_int_equal(verdict(&c, "abcdef "), CHECK_WRONG);
    assert_int_equal(verdict(&c, ""), CHECK_FINE);
    c.type.kind = 'd';
    assert_int_equal(verdict(&c, "abc"), CHECK_ASK);
    assert_int_equal(verdict(&c, "sixsix"), CHECK_WRONG);
}

static void test_words(void **state)
{
    (void)state;
    static const char *labels[] = {"FREE", "PLUS"};
    struct db_column c = column("Tier"), yes = column("bool"), uid = column("uuid"), day = column("date");
    c.type.labels = labels;
    c.type.label_count = 2;
    assert_int_equal(verdict(&c, "FREE"), CHECK_FINE);
    assert_int_equal(verdict(&c, "free"), CHECK_WRONG);
    assert_int_equal(verdict(&yes, "on"), CHECK_FINE);
    assert_int_equal(verdict(&yes, "maybe"), CHECK_ASK);
    assert_int_equal(verdict(&uid, "123E4567-e89b-12d3-a456-426614174000"), CHECK_FINE);
    assert_int_equal(verdict(&uid, "123e4567-e89b-12d3-a456-42661417400g"), CHECK_ASK);
    assert_int_equal(verdict(&day, "2024-01-01"), CHECK_ASK);
}

static void test_show(void **state)
{
    (void)state;
    char out[CHECK_SHOWN], longer[400] = "";
    struct fixture_value value = {.kind = VALUE_TEXT}, secret = {.kind = VALUE_ENV, .secret = true};
    assert_string_equal(check_show(&value, "x", out), "\"x\"");
    assert_string_equal(check_show(&secret, "x", out), "[REDACTED]");
    for (int i = 0; i < 100; i++)
        strcat(longer, "\xe2\x82\xac");
    check_show(&value, longer, out);
    assert_string_equal(out + strlen(out) - 7, "\xe2\x82\xac…\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_numeric), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_words),   cmocka_unit_test(test_show),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
