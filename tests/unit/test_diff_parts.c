/* The pieces a comparison stands on: spools, the external sort, normal forms, array literals, packed rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff/normal.h"
#include "diff/row.h"
#include "diff/rowhash.h"
#include "diff/sorter.h"
#include "diff/spool.h"
#include "diff/sums.h"
#include "diff/typed.h"

/* ---- spool ---- */

static void fill_and_read_spool(size_t limit, int count)
{
    struct spool s = {.limit = limit};
    struct err err = {0};
    char text[300];
    for (int i = 0; i < count; i++) {
        int length = snprintf(text, sizeof text, "%d:%*s", i, i % 200, "");
        assert_true(spool_add(&s, text, (size_t)length, &err));
    }
    assert_int_equal(s.count, count);
    assert_int_equal(s.spilled, limit != 0);
    for (int pass = 0; pass < 2; pass++) {
        const char *bytes;
        size_t length;
        spool_rewind(&s);
        for (int i = 0; i < count; i++) {
            int want = snprintf(text, sizeof text, "%d:%*s", i, i % 200, "");
            assert_true(spool_next(&s, &bytes, &length, &err));
            assert_int_equal(length, want);
            assert_memory_equal(bytes, text, length);
        }
        assert_true(spool_next(&s, &bytes, &length, &err));
        assert_null(bytes);
    }
    spool_free(&s);
}

static void spool_keeps_records_in_order(void **state)
{
    (void)state;
    fill_and_read_spool(0, 500);
    fill_and_read_spool(1000, 5000);
    fill_and_read_spool(1, 50);
}

static void spool_takes_records_larger_than_its_page(void **state)
{
    (void)state;
    struct spool s = {.limit = 10};
    struct err err = {0};
    size_t big = 300 * 1000, length;
    char *text = malloc(big);
    const char *bytes;
    memset(text, 'x', big);
    assert_true(spool_add(&s, text, big, &err));
    assert_true(spool_add(&s, "after", 5, &err));
    spool_rewind(&s);
    assert_true(spool_next(&s, &bytes, &length, &err));
    assert_int_equal(length, big);
    assert_memory_equal(bytes, text, big);
    assert_true(spool_next(&s, &bytes, &length, &err));
    assert_int_equal(length, 5);
    assert_true(spool_next(&s, &bytes, &length, &err));
    assert_null(bytes);
    free(text);
    spool_free(&s);
}

static void an_empty_spool_is_at_its_end(void **state)
{
    (void)state;
    struct spool s = {0};
    struct err err = {0};
    const char *bytes = "";
    size_t length;
    spool_rewind(&s);
    assert_true(spool_next(&s, &bytes, &length, &err));
    assert_null(bytes);
    spool_free(&s);
}

/* ---- sorter ---- */

/* Few distinct keys, so that equal ones meet across runs; the payload is the order of arrival. */
static void sort_and_check(size_t memory, uint32_t count, uint32_t distinct)
{
    struct sorter *s = sorter_new(memory);
    struct err err = {0};
    uint32_t seed = 12345;
    for (uint32_t i = 0; i < count; i++) {
        char key[32];
        seed = seed * 1664525 + 1013904223;
        int n = snprintf(key, sizeof key, "%u", (seed >> 8) % distinct);
        struct sorted r = {.key = key, .key_length = (size_t)n, .payload = (char *)&i, .payload_length = sizeof i};
        assert_true(sorter_add(s, &r, &err));
    }
    for (int pass = 0; pass < 2; pass++) {
        struct sorted now;
        char last[32] = "";
        uint32_t last_arrival = 0, seen = 0;
        assert_true(sorter_finish(s, &err));
        for (;; seen++) {
            uint32_t arrival;
            assert_true(sorter_next(s, &now, &err));
            if (!now.key)
                break;
            struct sorted before = {.key = last, .key_length = strlen(last)};
            memcpy(&arrival, now.payload, sizeof arrival);
            int order = sorted_compare(&before, &now);
            assert_true(order <= 0);
            if (order == 0 && seen)
                assert_true(arrival > last_arrival);
            memcpy(last, now.key, now.key_length);
            last[now.key_length] = '\0';
            last_arrival = arrival;
        }
        assert_int_equal(seen, count);
    }
    assert_int_equal(sorter_count(s), count);
    sorter_free(s);
}

static void sorter_sorts_in_memory_and_on_disk(void **state)
{
    (void)state;
    sort_and_check(1 << 20, 0, 1);
    sort_and_check(1 << 20, 1000, 100);
    sort_and_check(4096, 20000, 100);
    sort_and_check(4096, 20000, 1000000);
    sort_and_check(1, 300, 10);
}

static void a_shorter_key_sorts_first(void **state)
{
    (void)state;
    struct sorted a = {.key = "ab", .key_length = 2}, b = {.key = "abc", .key_length = 3},
                  c = {.key = "\xc3\xa9", .key_length = 2};
    assert_true(sorted_compare(&a, &b) < 0);
    assert_true(sorted_compare(&b, &a) > 0);
    assert_true(sorted_compare(&b, &c) < 0);
    assert_int_equal(sorted_compare(&c, &c), 0);
}

/* ---- normal forms ---- */

static bool same(const char *base, const char *a, const char *b)
{
    struct db_type type = {.base = base, .kind = 'b'};
    struct str room[2] = {{0}, {0}};
    bool equal = normal_same(&type, a, b, room);
    str_free(&room[0]);
    str_free(&room[1]);
    return equal;
}

static void normal_forms_see_what_is_surely_equal(void **state)
{
    static const struct { const char *base, *a, *b; } equal[] = {
        {"bool", "true", "t"}, {"bool", "NO", "f"}, {"bool", "1", "on"},
        {"int4", "+007", "7"}, {"int8", "-0", "0"}, {"numeric", "9.990", "9.99"}, {"numeric", ".5", "0.50"},
        {"numeric", "-0.00", "0"}, {"numeric", "100", "100.000"},
        {"timestamptz", "2019-04-01T00:00:00Z", "2019-04-01 00:00:00+00"},
        {"timestamptz", "2019-04-01", "2019-04-01 00:00:00+00"},
        {"timestamptz", "2019-04-01T10:20:30.500Z", "2019-04-01 10:20:30.5+00"},
        {"timestamptz", "2019-04-01 10:20", "2019-04-01 10:20:00+00"},
        {"timestamp", "2019-04-01T10:20:30", "2019-04-01 10:20:30"},
        {"uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
        {"jsonb", "{\"a\":[1,2]}", "{\"a\": [1, 2]}"}, {"bpchar", "ab", "ab   "}, {"text", "x", "x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++)
        if (!same(equal[i].base, equal[i].a, equal[i].b))
            fail_msg("%s: %s and %s", equal[i].base, equal[i].a, equal[i].b);
}

static void normal_forms_never_make_different_values_equal(void **state)
{
    static const struct { const char *base, *a, *b; } different[] = {
        {"bool", "true", "f"}, {"int4", "1", "10"}, {"int4", "0", ""}, {"numeric", "1", "1.01"},
        {"numeric", "10", "1"}, {"numeric", "-1", "1"}, {"numeric", ".", "0"}, {"numeric", "1e3", "1"},
        {"timestamptz", "2019-04-01T00:00:00+02:00", "2019-04-01 00:00:00+00"},
        {"timestamptz", "2019-04-01 00:00:00.001", "2019-04-01 00:00:00+00"},
        {"timestamptz", "2019-04-01 junk", "2019-04-01 00:00:00+00"},
        {"timestamp", "2019-04-01 01:00:00", "2019-04-01"},
        {"jsonb", "{\"a\":\"x y\"}", "{\"a\":\"xy\"}"}, {"jsonb", "\"a\\\" b\"", "\"a\\\"b\""},
        {"text", "a ", "a"}, {"text", "1.0", "1"}, {"varchar", "T", "t"}, {"bpchar", " a", "a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof different / sizeof *different; i++)
        if (same(different[i].base, different[i].a, different[i].b))
            fail_msg("%s: %s and %s", different[i].base, different[i].a, different[i].b);
}

/* A form that decides spares the question whether another one means the same: yes only where none can. */
static void few_forms_decide(void **state)
{
    static const char *labels[] = {"hydro", "snow"};
    static const struct { struct db_type type; const char *text; bool decides; } forms[] = {
        {{.base = "text", .oid = 25, .bytewise = true}, "a ", true},
        {{.base = "text", .oid = 25}, "a", false},              /* a collation that takes a for A */
        {{.base = "citext"}, "a", false},
        {{.base = "int4", .oid = 23}, "7", true}, {{.base = "int4", .oid = 23}, "+007", true},
        {{.base = "int4", .oid = 23}, " 7", false}, {{.base = "int4", .oid = 23}, "0x7", false},
        {{.base = "int4", .oid = 23}, "7.0", false}, {{.base = "int4", .oid = 23}, "1234567890", false},
        {{.base = "int4", .kind = 'd'}, "7", false},            /* a domain may have an equality of its own */
        {{.base = "int2", .oid = 21}, "12345", false}, {{.base = "int8", .oid = 20}, "-123456789012345678", true},
        {{.base = "numeric", .oid = 1700}, "7", false},
        {{.base = "uuid", .oid = 2950}, "A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", true},
        {{.base = "uuid", .oid = 2950}, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1}", false},
        {{.base = "uuid", .oid = 2950}, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", false},
        {{.base = "bool", .oid = 16}, "true", true}, {{.base = "bool", .oid = 16}, "tr", false},
        {{.base = "kind", .kind = 'e', .labels = labels, .label_count = 2}, "snow", true},
        {{.base = "kind", .kind = 'e', .labels = labels, .label_count = 2}, "snou", false},
        {{.base = "timestamptz", .oid = 1184}, "2019-04-01 00:00:00+00", false},
        {{.base = "jsonb", .oid = 3802}, "[]", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (normal_decides(&forms[i].type, forms[i].text) != forms[i].decides)
            fail_msg("%s: %s", forms[i].type.base, forms[i].text);
}

/* ---- array literals ---- */

static void sortable_numbers_sort_by_size(void **state)
{
    (void)state;
    static const char *const ascending[] = {"-100", "-99.51", "-99.5", "-99", "-10", "-2", "-1.5", "-1", "-0.51", "-0.5",
                                            "0", "0.05", "0.5", "0.51", "1", "1.5", "2", "10", "99", "99.5", "99.51",
                                            "100", "9223372036854775807", "NaN"};
    struct str before = {0}, now = {0};
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        str_reset(&now);
        normal_add_sortable(&now, ascending[i]);
        struct sorted a = {.key = before.text, .key_length = before.length}, b = {.key = now.text, .key_length = now.length};
        if (i && sorted_compare(&a, &b) >= 0)
            fail_msg("%s does not come before %s", ascending[i - 1], ascending[i]);
        assert_null(memchr(now.text, 0, now.length));
        str_reset(&before);
        str_add_bytes(&before, now.text, now.length);
    }
    str_free(&before);
    str_free(&now);
}

static void array_literals_quote_what_they_must(void **state)
{
    (void)state;
    struct str array = {0};
    typed_array_add(&array, "plain");
    typed_array_add(&array, NULL);
    typed_array_add(&array, "NULL");
    typed_array_add(&array, "a\"b\\c,{}");
    typed_array_add(&array, "");
    assert_string_equal(str_text(&array), "{\"plain\",NULL,\"NULL\",\"a\\\"b\\\\c,{}\",\"\"");
    str_free(&array);
}

/* ---- packed rows ---- */

static void packed_rows_come_back_whole(void **state)
{
    (void)state;
    const char *keys[] = {"slug", "lang"}, *values[] = {"rhone", "fr"};
    struct fixture_ref ref = {.table = "Catchment", .column = NULL, .keys = keys, .values = values, .count = 2};
    struct fixture_value cells[] = {
        {.kind = VALUE_TEXT, .text = "Rhône", .length = sizeof "Rhône" - 1, .line = 3, .column = 5},
        {.kind = VALUE_NULL, .line = 3, .column = 9},
        {.kind = VALUE_ABSENT},
        {.kind = VALUE_REF, .ref = &ref},
        {.kind = VALUE_ARGON2ID, .text = "correct horse", .secret = true},
        {.kind = VALUE_SQL, .text = "now()"},
        {.kind = VALUE_TEXT, .text = ""},
    };
    struct fixture f = {.column_count = 7};
    struct bound bound = {.fixture = &f};
    struct fixture_row row = {.values = cells, .number = 1ULL << 40, .line = 3, .column = 1}, back;
    struct str packed = {0};
    struct arena arena = {0};
    row_pack(&bound, &row, &packed);
    const char *at = packed.text;
    row_unpack(&bound, &at, &arena, &back);
    assert_ptr_equal(at, packed.text + packed.length);
    assert_int_equal(back.number, row.number);
    assert_int_equal(back.line, 3);
    for (size_t i = 0; i < f.column_count; i++) {
        assert_int_equal(back.values[i].kind, cells[i].kind);
        assert_int_equal(back.values[i].secret, cells[i].secret);
        if (cells[i].text)
            assert_string_equal(back.values[i].text, cells[i].text);
        else
            assert_null(back.values[i].text);
    }
    assert_true(ref_same_shape(back.values[3].ref, &ref));
    assert_string_equal(back.values[3].ref->values[1], "fr");
    assert_string_equal(row_shown(&back.values[3], false, &arena), "rhone, fr");
    assert_string_equal(row_shown(&back.values[4], false, &arena), "[REDACTED]");
    assert_string_equal(row_shown(&back.values[0], true, &arena), "[REDACTED]");
    assert_null(row_shown(&back.values[1], true, &arena));
    str_free(&packed);
    arena_free(&arena);
}

/* ---- sums ---- */

static void sums_are_those_of_their_rows(void **state)
{
    (void)state;
    struct sums a, b;
    struct sums_bucket few[SUMS_BUCKETS_LEAST];
    uint64_t rows = 0, sum = 0;
    sums_begin(&a, 200 * 1000, 1);
    assert_int_equal(a.count, 4096);
    sums_begin(&b, 200 * 1000, 1);
    for (uint64_t i = 0; i < 10000; i++)
        sums_add(&a, i * 77, i * UINT64_C(0x9e3779b97f4a7c15));
    for (uint64_t i = 10000; i-- > 0;)
        sums_add(&b, i * 77, i == 5 ? 1 : i * UINT64_C(0x9e3779b97f4a7c15));
    assert_true(a.sum != b.sum && a.rows == b.rows);
    sums_move(&b, 5 * 77, 1, 5 * UINT64_C(0x9e3779b97f4a7c15));
    assert_true(a.sum == b.sum && memcmp(a.buckets, b.buckets, a.count * sizeof *a.buckets) == 0);
    sums_fold(&a, SUMS_BUCKETS_LEAST, few);
    for (size_t i = 0; i < SUMS_BUCKETS_LEAST; i++) {
        rows += few[i].rows;
        sum += few[i].sum;
    }
    assert_true(rows == 10000 && sum == a.sum);
    sums_free(&a);
    sums_free(&b);
}

/* A column of that type; what the fixture says, and a live text that the server found equal to it. */
static bool may_stand(const char *base, uint32_t oid, const char *text, const char *live)
{
    struct fixture f = {.column_count = 1};
    struct bound bound = {.fixture = &f};
    struct db_column column = {.type = {.base = base, .base_oid = oid, .scale = -1, .max_length = -1}};
    struct layout_column c = {.live = &column};
    struct layout layout = {.bound = &bound, .columns = &c, .field_count = 1};
    struct rowhash h = {.layout = &layout};
    struct fixture_value v = {.kind = text ? VALUE_TEXT : VALUE_NULL, .text = text};
    struct fixture_row row = {.values = &v};
    bool ok = rowhash_may_stand(&h, &row, (char *[]){(char *)live});
    rowhash_free(&h);
    return ok;
}

static void a_live_text_stands_only_for_what_always_means_it(void **state)
{
    (void)state;
    assert_true(may_stand("timestamptz", 1184, "2020-01-01T01:00:00+01:00", "2020-01-01 00:00:00+00"));
    assert_true(may_stand("timestamptz", 1184, "infinity", "infinity"));
    assert_true(may_stand("date", 1082, "20200101", "2020-01-01"));
    assert_true(may_stand("_numeric", 1231, "{1.50,NULL}", "{1.5,NULL}"));
    assert_true(may_stand("daterange", 3912, "[2020-01-01,2020-01-31]", "[2020-01-01,2020-02-01)"));
    assert_true(may_stand("jsonb", 3802, "{\"b\":\"now\",\"a\":1}", "{\"a\": 1, \"b\": \"now\"}"));
    assert_true(may_stand("float8", 701, "1e3", "1000"));
    assert_true(may_stand("interval", 1186, "1 day", "24:00:00"));
    assert_true(may_stand("text", 25, "same", "same") && may_stand("text", 25, NULL, NULL));
    assert_true(may_stand("citext", 20000, "same", "same"));
    /* another meaning tomorrow, or with another server's settings */
    assert_false(may_stand("date", 1082, "today", "2020-01-01"));
    assert_false(may_stand("timestamptz", 1184, "now", "2020-01-01 00:00:00+00"));
    assert_false(may_stand("daterange", 3912, "[today,2020-02-01)", "[2020-01-01,2020-02-01)"));
    assert_false(may_stand("timestamptz", 1184, "2020-01-01 01:00 Europe/Zurich", "2020-01-01 00:00:00+00"));
    assert_false(may_stand("timestamptz", 1184, "2020-01-01 01:00 CET", "2020-01-01 00:00:00+00"));
    assert_false(may_stand("date", 1082, "January 2, 2020", "2020-01-02"));
    assert_false(may_stand("date", 1082, "01/02/2020", "2020-01-02"));
    assert_false(may_stand("date", 1082, "01-02-2020", "2020-01-02"));
    assert_false(may_stand("_date", 1182, "{01.02.2020}", "{2020-02-01}"));
    assert_false(may_stand("money", 790, "1.5", "$1.50"));
    assert_false(may_stand("regclass", 2205, "public.a", "a"));
    /* a collation, or a type of somebody's, says that they are equal */
    assert_false(may_stand("text", 25, "a", "A"));
    assert_false(may_stand("citext", 20000, "a", "A"));
    assert_false(may_stand("numeric", 20001, "1.0", "1"));
    assert_false(may_stand("text", 25, NULL, "a") || may_stand("text", 25, "a", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spool_keeps_records_in_order),
        cmocka_unit_test(spool_takes_records_larger_than_its_page),
        cmocka_unit_test(an_empty_spool_is_at_its_end),
        cmocka_unit_test(sorter_sorts_in_memory_and_on_disk),
        cmocka_unit_test(a_shorter_key_sorts_first),
        cmocka_unit_test(normal_forms_see_what_is_surely_equal),
        cmocka_unit_test(normal_forms_never_make_different_values_equal),
        cmocka_unit_test(few_forms_decide),
        cmocka_unit_test(sortable_numbers_sort_by_size),
        cmocka_unit_test(array_literals_quote_what_they_must),
        cmocka_unit_test(packed_rows_come_back_whole),
        cmocka_unit_test(sums_are_those_of_their_rows),
        cmocka_unit_test(a_live_text_stands_only_for_what_always_means_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
