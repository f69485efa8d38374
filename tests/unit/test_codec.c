/* test_codec - decode(encode(x)) = x for every type, and what decoding refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "event/codec.h"

static const struct type *const all_types[] = {
    &type_input, &type_text_item, &type_fact_environment, &type_fact_server, &type_fact_ledger,
    &type_fact_migration, &type_fact_table, &type_fact_guard, &type_fact_backend, &type_fact_row,
    &type_fact_step, &type_fact_count, &type_fact_evidence, &type_fact_alternative, &type_fact_denied, &type_fact_next,
    &type_fact_table_verdict, &type_fact_diagnosis, &type_input_error,
};
enum { TYPES = sizeof all_types / sizeof all_types[0] };

/* Gives every field a value of its own, the way that table describes it. */
static void fill(const struct type *type, char *value, int *seed)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *f = &type->fields[i];
        char text[64];
        snprintf(text, sizeof text, "%s \"\\\n\x01 é 汉 %d", f->name, ++*seed);
        if (*seed % 3 == 0)
            strcat(text, "\xff\xfe");
        switch (f->kind) {
        case FIELD_BOOL: *(bool *)(value + f->offset) = true; break;
        case FIELD_INT: *(int *)(void *)(value + f->offset) = INT_MIN + *seed; break;
        case FIELD_ENUM: *(int *)(void *)(value + f->offset) = f->name_count - 1; break;
        case FIELD_I64: *(int64_t *)(void *)(value + f->offset) = INT64_MIN + *seed; break;
        case FIELD_U64: *(uint64_t *)(void *)(value + f->offset) = UINT64_MAX - (uint64_t)*seed; break;
        case FIELD_TEXT: *(char **)(void *)(value + f->offset) = strdup(text); break;
        case FIELD_CHARS: snprintf(value + f->offset, f->size, "%s", f->name); break;
        case FIELD_STRUCT: fill(f->type, value + f->offset, seed); break;
        case FIELD_LIST: {
            char *items = calloc(3, f->type->size);
            for (size_t n = 0; n < 3; n++)
                fill(f->type, items + n * f->type->size, seed);
            *(void **)(void *)(value + f->offset) = items;
            *(size_t *)(void *)(value + f->count_offset) = 3;
            break;
        }
        }
    }
}

static void encode(const struct type *type, const void *value, struct str *out)
{
    struct json_out json;
    json_begin(&json, out);
    codec_encode(type, value, &json);
}

static void every_type_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        const struct type *type = all_types[i];
        int seed = 0;
        char *value = calloc(1, type->size), *copy = calloc(1, type->size), *back = calloc(1, type->size);
        struct str line = {0};
        struct json *json = NULL;
        struct err err = {0};
        fill(type, value, &seed);
        codec_copy(type, copy, value);
        assert_true(codec_equal(type, value, copy));
        encode(type, value, &line);
        assert_null(strchr(str_text(&line), '\n'));
        assert_true(json_parse(&json, line.text, line.length, &err));
        assert_true(codec_decode(type, back, json, &err));
        assert_true(codec_equal(type, value, back));
        json_free(json);
        codec_free(type, value);
        assert_false(codec_equal(type, value, back));
        codec_free(type, copy);
        codec_free(type, back);
        free(value), free(copy), free(back);
        str_free(&line);
    }
}

/* A member that its table forgot leaves eight bytes or more uncovered; padding never does. */
static void no_table_forgets_a_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        const struct type *type = all_types[i];
        char *covered = calloc(1, type->size);
        for (size_t n = 0; n < type->field_count; n++) {
            const struct field *f = &type->fields[n];
            memset(covered + f->offset, 1, f->size);
            if (f->kind == FIELD_LIST)
                memset(covered + f->count_offset, 1, sizeof(size_t));
            for (size_t m = 0; m < n; m++)
                assert_string_not_equal(type->fields[m].name, f->name);
        }
        for (size_t b = 0, gap = 0; b < type->size; b++) {
            gap = covered[b] ? 0 : gap + 1;
            if (gap >= 8)
                fail_msg("%s: no field covers bytes around %zu", type->name, b);
        }
        free(covered);
    }
}

static void every_kind_has_a_name_and_comes_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < IN_KIND_COUNT; kind++) {
        struct input *in = input_new((enum input_kind)kind), *back = NULL;
        struct str line = {0};
        struct err err = {0};
        in->sequence = 7;
        input_encode(in, &line);
        assert_true(input_decode(line.text, line.length, &back, &err));
        assert_int_equal(back->kind, kind);
        assert_string_not_equal(input_kind_name((enum input_kind)kind), "unknown");
        input_free(in);
        input_free(back);
        str_free(&line);
    }
    assert_string_equal(input_kind_name(IN_KIND_COUNT), "unknown");
}

static void zero_values_are_left_out(void **state)
{
    (void)state;
    struct input *in = input_new(IN_ACTION);
    struct str line = {0};
    in->name = strdup("refresh");
    input_encode(in, &line);
    assert_string_equal(str_text(&line), "{\"kind\":\"action\",\"name\":\"refresh\"}");
    input_free(in);
    str_free(&line);
}

static void a_missing_cell_is_no_empty_cell(void **state)
{
    (void)state;
    static const char line[] = "{\"kind\":\"page\",\"rows\":[{\"cells\":[{},{\"text\":\"\"}]}]}";
    struct input *in = NULL;
    struct str again = {0};
    struct err err = {0};
    assert_true(input_decode(line, strlen(line), &in, &err));
    assert_null(in->rows[0].cells[0].text);
    assert_string_equal(in->rows[0].cells[1].text, "");
    input_encode(in, &again);
    assert_string_equal(str_text(&again), line);
    input_free(in);
    str_free(&again);
}

static void bad_lines_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "7", "{\"kind\":\"nonsense\"}", "{\"kind\":3}", "{\"number\":1.5}", "{\"number\":\"1\"}",
        "{\"number\":9223372036854775808}", "{\"request\":3}", "{\"request\":\"-1\"}", "{\"request\":\"\"}",
        "{\"request\":\"18446744073709551616\"}", "{\"ok\":1}", "{\"name\":[]}", "{\"name\":{\"hex\":\"0\"}}",
        "{\"name\":{\"hex\":\"zz\"}}", "{\"name\":{\"hex\":\"00\"}}", "{\"server\":[]}", "{\"tables\":{}}",
        "{\"tables\":[{\"name\":\"a\"},7]}", "{\"rows\":[{\"cells\":[{\"text\":\"x\"},{\"text\":1}]}]}",
        "{\"kind\":\"action\"} trailing", "{\"kind\":\"action\",\"kind\":\"text\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct input *in = NULL;
        struct err err = {0};
        if (input_decode(bad[i], strlen(bad[i]), &in, &err))
            fail_msg("accepted: %s", bad[i]);
        assert_null(in);
        assert_string_not_equal(err.message, "");
    }
}

static void too_long_a_list_is_refused(void **state)
{
    (void)state;
    struct str line = {0};
    struct input *in = NULL;
    struct err err = {0};
    str_add(&line, "{\"rows\":[{}");
    for (int i = 0; i < 1 << 16; i++)
        str_add(&line, ",{}");
    str_add(&line, "]}");
    assert_false(input_decode(line.text, line.length, &in, &err));
    str_free(&line);
}

static void unknown_keys_are_ignored(void **state)
{
    (void)state;
    static const char line[] = "{\"kind\":\"text\",\"text\":\"hi\",\"later\":{\"a\":[1]},\"name\":null}";
    struct input *in = NULL;
    struct err err = {0};
    assert_true(input_decode(line, strlen(line), &in, &err));
    assert_string_equal(in->text, "hi");
    assert_null(in->name);
    input_free(in);
}

static void errors_ride_along(void **state)
{
    (void)state;
    struct input *in = input_new(IN_OUTCOME);
    struct err err = {0};
    err_set(&err, ERR_REFUSED, "seed refused");
    err_hint(&err, "ALLOW_PROD_SEED=1");
    input_set_error(in, &err);
    assert_string_equal(in->error.class, "refused");
    assert_string_equal(in->error.message, "seed refused");
    assert_string_equal(in->error.hint, "ALLOW_PROD_SEED=1");
    err_clear(&err);
    input_set_error(in, &err);
    assert_null(in->error.class);
    input_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(no_table_forgets_a_member),
        cmocka_unit_test(every_kind_has_a_name_and_comes_back),
        cmocka_unit_test(zero_values_are_left_out),
        cmocka_unit_test(a_missing_cell_is_no_empty_cell),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(too_long_a_list_is_refused),
        cmocka_unit_test(unknown_keys_are_ignored),
        cmocka_unit_test(errors_ride_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
