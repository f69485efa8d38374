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
    struct db_column c = column("Tier"), yes = column("bool"), uid = column("uuid");
    c.type.labels = labels;
    c.type.label_count = 2;
    assert_int_equal(verdict(&c, "FREE"), CHECK_FINE);
    assert_int_equal(verdict(&c, "free"), CHECK_WRONG);
    assert_int_equal(verdict(&yes, "on"), CHECK_FINE);
    assert_int_equal(verdict(&yes, "maybe"), CHECK_ASK);
    assert_int_equal(verdict(&uid, "123E4567-e89b-12d3-a456-426614174000"), CHECK_FINE);
    assert_int_equal(verdict(&uid, "123e4567-e89b-12d3-a456-42661417400g"), CHECK_ASK);
}

static void all(const struct db_column *c, const char *const *texts, enum check_verdict expected)
{
    for (; *texts; texts++)
        if (verdict(c, *texts) != expected)
            fail_msg("%s '%s'", c->name, *texts);
}

static void test_times(void **state)
{
    (void)state;
    static const char *const days[] = {"2024-01-01", "2024-02-29", "2000-02-29", "1000-12-31", "9999-12-31", NULL};
    static const char *const odd_days[] = {"2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "2024-00-10",
        "2024-01-00", "0001-01-01", "20240101", "2024-1-1", "01-02-2024", "2024-01-01 ", "2024-01", "2024-01-1",
        "2024-01-01 00:00:00", "12024-01-01", "today", "infinity", "", NULL};
    static const char *const times[] = {"2024-01-01", "2024-01-01 23:59:59", "2024-01-01T00:00:00.123456", NULL};
    static const char *const zoned[] = {"2024-01-01 23:59:59+00", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00.5+00",
                                        NULL};
    static const char *const odd_times[] = {"2024-01-01 24:00:00", "2024-01-01 00:60:00", "2024-01-01 00:00:60",
        "2024-01-01 00:00", "2024-01-01 00:00:00.", "2024-01-01 00:00:00.1234567", "2024-01-01 0:00:00",
        "2024-01-01  00:00:00", "2024-01-01x00:00:00", "2024-01-01 00:00:00 CET", "2024-01-01 00:00:00+99", NULL};
    struct db_column day = column("date"), plain = column("timestamp"), zone = column("timestamptz");
    all(&day, days, CHECK_FINE);
    all(&day, odd_days, CHECK_ASK);
    all(&plain, times, CHECK_FINE);
    all(&plain, zoned, CHECK_ASK);
    all(&plain, odd_times, CHECK_ASK);
    all(&zone, times, CHECK_FINE);
    all(&zone, zoned, CHECK_FINE);
    all(&zone, odd_times, CHECK_ASK);
    day.type.kind = 'd';
    all(&day, days, CHECK_ASK);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const fine[] = {"{}", "[]", " { \"a\" : [ 1 , -2.50 , true , false , null ] } ", "\"x\"", "0",
        "-0.1", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "{\"a\":{\"b\":[{}]},\"b\":2}", "\"\xc3\xa9\"", "\t\r\n1", NULL};
    static const char *const odd[] = {"", " ", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{\"a\" 1}",
        "01", "1.", ".5", "+1", "-", "1e5", "1E400000", "NaN", "truex", "True", "nul", "\"", "\"\\\"", "\"\\u0000\"",
        "\"\\x\"", "\"a\nb\"", "1 2", "[1 2]", "{} x", "[1}", "'a'", "1\f", "{\"a\":1,\"a\":2}",
        "0.1234567890123456789012345678901", "1234567890123456789012345678901", NULL};
    struct db_column json = column("json"), jsonb = column("jsonb");
    char deep[200] = "";
    all(&json, fine, CHECK_FINE);
    all(&jsonb, fine, CHECK_FINE);
    all(&json, odd, CHECK_ASK);
    all(&jsonb, odd, CHECK_ASK);
    memset(deep, '[', 80);
    memset(deep + 80, ']', 80);
    assert_int_equal(verdict(&jsonb, deep), CHECK_ASK);
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
        cmocka_unit_test(test_words),   cmocka_unit_test(test_times),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_show),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
