/* json: what is written reads back; what is not JSON is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void test_write(void **state)
{
    (void)state;
    struct str s = {0};
    struct json_out o;
    json_begin(&o, &s);
    json_object(&o);
    json_put_text(&o, "name", "Rhône");
    json_put_text(&o, "none", NULL);
    json_put_int(&o, "low", INT64_MIN);
    json_put_int(&o, "high", INT64_MAX);
    json_put_bool(&o, "yes", true);
    json_key(&o, "list");
    json_array(&o);
    json_int(&o, 1);
    json_array(&o);
    json_array_end(&o);
    json_object(&o);
    json_object_end(&o);
    json_null(&o);
    json_bool(&o, false);
    json_text_bytes(&o, "ab\0c", 4);
    json_array_end(&o);
    json_put_text(&o, "last", "");
    json_object_end(&o);
    assert_string_equal(str_text(&s),
                        "{\"name\":\"Rhône\",\"none\":null,\"low\":-9223372036854775808,"
                        "\"high\":9223372036854775807,\"yes\":true,"
                        "\"list\":[1,[],{},null,false,\"ab\\u0000c\"],\"last\":\"\"}");
    str_free(&s);
}

static void test_escapes(void **state)
{
    (void)state;
    struct str s = {0};
    struct json_out o;
    json_begin(&o, &s);
    json_text(&o, "\"\\/\n\r\t\x01\x1b[31m\x7f\xc2\x9b\u202e\u2028 \xff\xe2\x82 日本");
    assert_string_equal(str_text(&s), "\"\\\"\\\\/\\n\\r\\t\\u0001\\u001b[31m\\u007f\\u009b\\u202e\\u2028 "
                                      "\uFFFD\uFFFD\uFFFD 日本\"");
    str_free(&s);
}

static void test_doubles(void **state)
{
    (void)state;
    static const double values[] = {0, 1, -1.5, 0.1, 1e300, 5e-324, 3.141592653589793, 1.0 / 3};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct str s = {0};
        struct json_out o;
        json_begin(&o, &s);
        json_double(&o, values[i]);
        assert_true(strtod(str_text(&s), NULL) == values[i]);
        str_free(&s);
    }
    struct str s = {0};
    struct json_out o;
    json_begin(&o, &s);
    json_array(&o);
    json_double(&o, 0.1);
    json_double(&o, INFINITY);
    json_double(&o, NAN);
    json_array_end(&o);
    assert_string_equal(str_text(&s), "[0.1,null,null]");
    str_free(&s);
}

static void test_read(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":{\"b\":[10,\"x\",true,null,1.5]},\"big\":9223372036854775807}";
    struct json *root;
    struct err err = {0};
    assert_true(json_parse(&root, text, sizeof text - 1, &err));
    const struct json *list = json_get(json_get(root, "a"), "b");
    assert_true(json_is_object(root) && json_is_array(list));
    assert_int_equal(json_count(root), 2);
    assert_int_equal(json_count(list), 5);
    assert_true(json_is_int(json_at(list, 0)));
    assert_int_equal(json_int_of(json_at(list, 0), 0), 10);
    assert_true(json_is_text(json_at(list, 1)));
    assert_string_equal(json_text_of(json_at(list, 1)), "x");
    assert_true(json_is_bool(json_at(list, 2)) && json_bool_of(json_at(list, 2), false));
    assert_true(json_is_null(json_at(list, 3)));
    assert_false(json_is_int(json_at(list, 4)));
    assert_true(json_int_of(json_get(root, "big"), 0) == INT64_MAX);
    json_free(root);
}

/* Every accessor takes what is absent or of another kind. */
static void test_absent(void **state)
{
    (void)state;
    struct json *root;
    assert_true(json_parse(&root, "[\"text\"]", 8, NULL));
    const struct json *odd[] = {NULL, json_get(root, "x"), json_at(root, 1), json_get(json_at(root, 0), "x")};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_null(odd[i]);
        assert_int_equal(json_count(odd[i]), 0);
        assert_false(json_is_object(odd[i]) || json_is_array(odd[i]) || json_is_text(odd[i]) ||
                     json_is_int(odd[i]) || json_is_bool(odd[i]) || json_is_null(odd[i]));
        assert_null(json_text_of(odd[i]));
        assert_int_equal(json_int_of(odd[i], 7), 7);
        assert_true(json_bool_of(odd[i], true));
    }
    assert_int_equal(json_int_of(json_at(root, 0), -1), -1);
    assert_null(json_text_of(root));
    json_free(root);
    json_free(NULL);
}

static void refused(const char *bytes, size_t length)
{
    struct json *root = (struct json *)&root;
    struct err err = {0};
    assert_false(json_parse(&root, bytes, length, &err));
    assert_null(root);
    assert_true(err.class == ERR_GENERAL && strstr(err.message, "line") && err.why[0]);
}
#define REFUSED(text) refused(text, sizeof(text) - 1)

static void test_refused(void **state)
{
    (void)state;
    REFUSED("");
    REFUSED("{");
    REFUSED("{\"a\":1,\"a\":2}");
    REFUSED("[1] 2");
    REFUSED("[1,]");
    REFUSED("'x'");
    REFUSED("\"\xff\"");
    REFUSED("\"a\\u0000b\"");
    REFUSED("\"\\ud800\"");
    REFUSED("\"a\nb\"");
    REFUSED("[9223372036854775808]");
    REFUSED("[1]\0");
    REFUSED("nan");
    char deep[100000];
    memset(deep, '[', sizeof deep);
    refused(deep, sizeof deep);
}

/* Any bytes written as text give a document that parses; valid text comes back as it was. */
static void test_round_trip(void **state)
{
    (void)state;
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        char bytes[40];
        size_t length = (size_t)random() % sizeof bytes;
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)(1 + random() % 255);
        struct str s = {0};
        struct json_out o;
        struct json *root;
        json_begin(&o, &s);
        json_text_bytes(&o, bytes, length);
        assert_true(json_parse(&root, s.text, s.length, NULL));
        assert_true(json_is_text(root));
        json_free(root);
        str_free(&s);
    }
    struct str s = {0};
    struct json_out o;
    struct json *root;
    const char *text = "tab\t quote\" back\\ \u202e\xc2\x9b 👨‍👩‍👧\n";
    json_begin(&o, &s);
    json_text(&o, text);
    assert_true(json_parse(&root, s.text, s.length, NULL));
    assert_string_equal(json_text_of(root), text);
    json_free(root);
    str_free(&s);
}

static void test_plain(void **state)
{
    (void)state;
    static const struct { const char *text; bool plain; } table[] = {
        {"{}", true}, {" [ ] ", true}, {"null", true}, {"true", true}, {"-0.50", true}, {"\"\\n\\\"\"", true},
        {"{\"a\": 1, \"b\": [\"x\", null, {\"a\": {}}]}\n", true}, {"\"Rhône\"", true}, {"999999999999999999", true},
        {"", false}, {" ", false}, {"{", false}, {"[1,]", false}, {"{\"a\"}", false}, {"{\"a\": 1} x", false}, {"nul", false},
        {"01", false}, {"1.", false}, {"\"a", false}, {"\"\t\"", false}, {"\"\\x\"", false}, {"{a: 1}", false},
        /* JSON, but not to everyone, or not the same */
        {"1e5", false}, {"[1e5]", false}, {"\"\\u0041\"", false}, {"9999999999999999999", false},
        {"{\"a\": 1, \"a\": 2}", false}, {"{\"a\\/\": 1}", false}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (json_is_plain(table[i].text, strlen(table[i].text)) != table[i].plain)
            fail_msg("%s", table[i].text);
    assert_false(json_is_plain("1\0 ", 3));
    char deep[200] = "";
    memset(deep, '[', 40);
    memset(deep + 40, ']', 40);
    assert_false(json_is_plain(deep, 80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write), cmocka_unit_test(test_escapes), cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_read), cmocka_unit_test(test_absent), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
