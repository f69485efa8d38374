/* text: UTF-8, clusters, widths and visible escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"

static void shows(const char *bytes, size_t length, const char *want)
{
    struct str s = {0};
    text_visible(&s, bytes, length);
    assert_string_equal(str_text(&s), want);
    str_free(&s);
}
#define SHOWS(bytes, want) shows(bytes, sizeof(bytes) - 1, want)

static void test_decode(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t length, taken; int32_t point; } cases[] = {
        {"a", 1, 1, 'a'}, {"", 0, 0, -1}, {"\0", 1, 1, 0}, {"é", 2, 2, 0xe9}, {"€", 3, 3, 0x20ac},
        {"😀", 4, 4, 0x1f600}, {"\xc3", 1, 1, -1}, {"\xe2\x82", 2, 1, -1}, {"\x80", 1, 1, -1},
        {"\xc0\x80", 2, 1, -1},          /* overlong NUL */
        {"\xed\xa0\x80", 3, 1, -1},      /* surrogate */
        {"\xf4\x90\x80\x80", 4, 1, -1},  /* above U+10FFFF */
        {"\xff", 1, 1, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t point;
        assert_int_equal(text_decode(cases[i].bytes, cases[i].length, &point), cases[i].taken);
        assert_int_equal(point, cases[i].point);
    }
}

static void test_valid(void **state)
{
    (void)state;
    size_t where = 99;
    assert_true(text_valid("Rhône, Porte du Scex", 21, &where));
    assert_true(text_valid("", 0, &where));
    assert_int_equal(where, 99);
    assert_false(text_valid("Rh\xf4ne", 5, &where));
    assert_int_equal(where, 2);
    assert_false(text_valid("ab\xe2\x82", 4, &where));
    assert_int_equal(where, 2);
    assert_false(text_valid("\xff", 1, NULL));
}

static void test_cluster(void **state)
{
    (void)state;
    static const struct { const char *text; size_t taken; int cells; bool visible; } cases[] = {
        {"ab", 1, 1, true}, {"é", 2, 1, true}, {"e\u0301x", 3, 1, true}, {"日本", 3, 2, true},
        {"🇨🇭🇨🇭", 8, 2, true}, {"👨‍👩‍👧!", 18, 2, true}, {"👍🏽", 8, 2, true}, {"한", 3, 2, true},
        {"\u1112\u1161\u11ab", 9, 2, true}, {"שלום", 2, 1, true}, {"\r\n", 1, 0, false},
        {"\x1b[0m", 1, 0, false}, {"\u202e" "abc", 3, 0, false}, {"\u0301", 2, 0, false},
        {"\u200b", 3, 0, false}, {"a\u202e", 1, 1, true}, {"a\xff", 1, 1, true}, {"\xff\xfe", 1, 0, false},
        {"\u0378", 2, 0, false},   /* unassigned */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int cells;
        bool visible;
        assert_int_equal(text_cluster(cases[i].text, strlen(cases[i].text), &cells, &visible),
                         cases[i].taken);
        assert_int_equal(cells, cases[i].cells);
        assert_int_equal(visible, cases[i].visible);
    }
}

static void test_cluster_is_bounded(void **state)
{
    (void)state;
    char zalgo[1 + 2 * 5000];
    zalgo[0] = 'Z';
    for (size_t i = 1; i < sizeof zalgo; i += 2)
        memcpy(zalgo + i, "\u0336", 2);
    int cells;
    bool visible;
    size_t taken = text_cluster(zalgo, sizeof zalgo, &cells, &visible);
    assert_true(visible && cells == 1 && taken < 64);
}

static void test_visible(void **state)
{
    (void)state;
    SHOWS("plain, Rhône 日本 👨‍👩‍👧", "plain, Rhône 日本 👨‍👩‍👧");
    SHOWS("a\nb\tc\rd\x1b[31m", "a\\nb\\tc\\rd\\e[31m");
    SHOWS("C:\\new", "C:\\new");
    SHOWS("\x01\x7f\x00z", "\\x01\\x7F\\x00z");
    SHOWS("\xc2\x9b" "2J", "\\u{009B}2J");
    SHOWS("\u202e\u2066\u200e\u200f\u061c", "\\u{202E}\\u{2066}\\u{200E}\\u{200F}\\u{061C}");
    SHOWS("Rh\xf4ne\xe2\x82", "Rh\\xF4ne\\xE2\\x82");
    SHOWS("a\u200b" "b\ufeff", "a\\u{200B}b\\u{FEFF}");
    SHOWS("\u0301e", "\\u{0301}e");
    SHOWS("", "");
}

/* Whatever goes in: what comes out is valid, has no control, and is not changed by going through again. */
static void test_visible_holds_for_every_point(void **state)
{
    (void)state;
    for (int32_t c = 0; c < 0x30000; c++) {
        char bytes[5] = {0};
        size_t length = 0;
        if (c < 0x100) {
            bytes[length++] = (char)c;
        } else if (c < 0x800) {
            bytes[length++] = (char)(0xc0 | c >> 6);
            bytes[length++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            bytes[length++] = (char)(0xe0 | c >> 12);
            bytes[length++] = (char)(0x80 | (c >> 6 & 0x3f));
            bytes[length++] = (char)(0x80 | (c & 0x3f));
        } else {
            bytes[length++] = (char)(0xf0 | c >> 18);
            bytes[length++] = (char)(0x80 | (c >> 12 & 0x3f));
            bytes[length++] = (char)(0x80 | (c >> 6 & 0x3f));
            bytes[length++] = (char)(0x80 | (c & 0x3f));
        }
        struct str once = {0}, twice = {0};
        text_visible(&once, bytes, length);
        assert_true(text_valid(once.text, once.length, NULL));
        for (size_t i = 0; i < once.length; i++)
            assert_true((unsigned char)once.text[i] >= 0x20 && once.text[i] != 0x7f);
        text_visible(&twice, once.text, once.length);
        assert_string_equal(once.text, twice.text);
        int used, width = text_width(once.text);
        assert_true(width > 0);
        assert_int_equal(text_fit(once.text, width, &used), once.length);
        assert_int_equal(used, width);
        str_free(&once);
        str_free(&twice);
    }
}

static void test_visible_buf(void **state)
{
    (void)state;
    char out[8];
    assert_string_equal(text_visible_buf(out, sizeof out, "ab\ncd"), "ab\\ncd");
    assert_string_equal(text_visible_buf(out, sizeof out, "abcdefghij"), "abcdefg");
    assert_string_equal(text_visible_buf(out, sizeof out, "日本語"), "日本");     /* never half a character */
    assert_string_equal(text_visible_buf(out, sizeof out, "abcdef\n"), "abcdef"); /* nor half an escape */
    assert_string_equal(text_visible_buf(out, 1, "abc"), "");
    out[0] = 'x';
    text_visible_buf(out, 0, "abc");
    assert_int_equal(out[0], 'x');
}

static void test_width_and_fit(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("Rhône"), 5);
    assert_int_equal(text_width("日本語"), 6);
    assert_int_equal(text_width("a\n"), 3);
    assert_int_equal(text_width("\u202e"), 8);
    int used;
    assert_int_equal(text_fit("日本語", 5, &used), 6);
    assert_int_equal(used, 4);
    assert_int_equal(text_fit("e\u0301e\u0301", 1, &used), 3);
    assert_int_equal(text_fit("a\nb", 2, &used), 1);
    assert_int_equal(text_fit("abc", 0, &used), 0);
    assert_int_equal(text_fit("abc", -3, &used), 0);
    assert_int_equal(text_fit("abc", 99, &used), 3);
    assert_int_equal(used, 3);
}

static void test_length_and_distance(void **state)
{
    (void)state;
    assert_int_equal(text_length(""), 0);
    assert_int_equal(text_length("Rhône"), 5);
    assert_int_equal(text_length("👨‍👩‍👧"), 5);
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("url", ""), 3);
    assert_int_equal(text_distance("", "url"), 3);
    assert_int_equal(text_distance("migratoins", "migrations"), 2);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    char longer[65];
    memset(longer, 'x', 64);
    longer[64] = '\0';
    assert_int_equal(text_distance(longer, "x"), 99);
    assert_int_equal(text_distance(longer + 1, longer + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode), cmocka_unit_test(test_valid), cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_cluster_is_bounded), cmocka_unit_test(test_visible),
        cmocka_unit_test(test_visible_holds_for_every_point), cmocka_unit_test(test_visible_buf),
        cmocka_unit_test(test_width_and_fit), cmocka_unit_test(test_length_and_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
