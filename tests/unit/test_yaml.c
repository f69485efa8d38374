/* yaml: trees and streams, and a place for everything refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"
#include "base/yaml.h"

static struct yaml_node *parse(struct arena *arena, const char *text)
{
    struct yaml_node *root;
    struct err err = {0};
    if (!yaml_parse(&root, arena, "f.yaml", text, strlen(text), &err))
        fail_msg("%s: %s: %s", err.at, err.message, err.why);
    return root;
}

static void test_tree(void **state)
{
    (void)state;
    struct arena a = {0};
    struct yaml_node *root = parse(&a, "table: Station\nkey: [ofevCode]\nrows:\n"
                                       "  - ofevCode: \"007\"\n    name: Rhône\n    at: !ref {table: X}\n");
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->count, 3);
    assert_string_equal(yaml_get(root, "table")->text, "Station");
    assert_true(yaml_get(root, "table")->plain);
    assert_int_equal(yaml_get(root, "table")->line, 1);
    assert_int_equal(yaml_get(root, "table")->column, 8);
    struct yaml_node *rows = yaml_get(root, "rows");
    assert_int_equal(rows->kind, YAML_LIST);
    struct yaml_node *code = yaml_get(rows->items[0], "ofevCode");
    assert_string_equal(code->text, "007");
    assert_false(code->plain);
    struct yaml_node *at = yaml_get(rows->items[0], "at");
    assert_string_equal(at->tag, "!ref");
    assert_int_equal(at->kind, YAML_MAP);
    assert_int_equal(at->line, 6);
    assert_int_equal(at->column, 9);
    assert_null(yaml_get(root, "no"));
    assert_null(yaml_get(rows, "no"));
    assert_null(yaml_get(NULL, "no"));
    arena_free(&a);
}

static void test_null(void **state)
{
    (void)state;
    struct arena a = {0};
    struct yaml_node *root = parse(&a, "- null\n- Null\n- NULL\n- ~\n-\n- 'null'\n- \"\"\n- nUll\n- !env ~\n"
                                       "- !!str null\n- ! ~\n- !!null ~\n- []\n");
    static const bool want[] = {1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0};
    assert_int_equal(root->count, sizeof want / sizeof *want);
    for (size_t i = 0; i < root->count; i++)
        assert_int_equal(yaml_is_null(root->items[i]), want[i]);
    assert_false(yaml_is_null(NULL));
    assert_string_equal(root->items[8]->tag, "!env");
    assert_null(root->items[9]->tag);
    assert_true(yaml_is_null(parse(&a, "")));
    assert_true(yaml_is_null(parse(&a, "# only a comment\n")));
    assert_true(yaml_is_null(parse(&a, "---\n...\n")));
    assert_string_equal(parse(&a, "!!binary aGk=")->tag, "!!binary");
    arena_free(&a);
}

static void refused_bytes(const char *text, size_t length, const char *message, const char *why,
                          const char *at)
{
    struct arena a = {0};
    struct yaml_node *root;
    struct err err = {0};
    if (yaml_parse(&root, &a, "f.yaml", text, length, &err))
        fail_msg("taken: %s", text);
    if (!strstr(err.message, message) || !strstr(err.why, why) || strcmp(err.at, at) != 0)
        fail_msg("want %s | %s | %s\ngot  %s | %s | %s", at, message, why, err.at, err.message, err.why);
    assert_null(root);
    arena_free(&a);
}
#define REFUSED(text, message, why, at) refused_bytes(text, sizeof(text) - 1, message, why, at)

static void test_refused(void **state)
{
    (void)state;
    REFUSED("a: 1\nb: 2\na: 3\n", "\"a\" is given twice", "first at f.yaml:1:1", "f.yaml:3:1");
    REFUSED("x: {k: 1, \"k\": 2}", "\"k\" is given twice", "first at f.yaml:1:5", "f.yaml:1:11");
    REFUSED("a: &x 1\nb: *x\n", "alias", "*x", "f.yaml:2:4");
    REFUSED("a:\n  <<: {b: 1}\n", "merge key", "not allowed", "f.yaml:2:3");
    REFUSED("a: 1\n---\nb: 2\n", "second document", "", "f.yaml:2:1");
    REFUSED("a: 1\n\tb: 2\n", "not valid YAML", "found a tab character", "f.yaml:2:1");
    REFUSED("a:\n\t- 1\n", "not valid YAML", "cannot start any token", "f.yaml:2:1");
    REFUSED("a: @x\n", "not valid YAML", "cannot start any token", "f.yaml:1:4");
    REFUSED("a: 'x\n", "not valid YAML", "end of stream", "f.yaml:2:1");
    REFUSED("a: b: c\n", "not valid YAML", "mapping values are not allowed", "f.yaml:1:5");
    REFUSED("[a]: 1\n", "a key is not a single word", "", "f.yaml:1:1");
    REFUSED("?\n: 1\n", "a key is empty", "", "f.yaml:1:2");
    REFUSED("!x a: 1\n", "a key has a tag", "", "f.yaml:1:1");
    REFUSED("a: \"x\\0y\"\n", "NUL", "PostgreSQL", "f.yaml:1:4");
}

static void test_bad_bytes(void **state)
{
    (void)state;
    REFUSED("a: Rhône\nb: Rh\xf4ne\n", "not valid UTF-8", "0xF4", "f.yaml:2:6");
    REFUSED("é: \xe2\x82", "not valid UTF-8", "0xE2", "f.yaml:1:4");
    REFUSED("a: \xed\xa0\x80\n", "not valid UTF-8", "0xED", "f.yaml:1:4");
    REFUSED("a: \xc0\x80\n", "not valid UTF-8", "0xC0", "f.yaml:1:4");
    REFUSED("\xff\xfe" "a\0:\0", "not valid UTF-8", "0xFF", "f.yaml:1:1");
    REFUSED("a: x\x07y\n", "does not allow this character", "U+0007", "f.yaml:1:5");
    REFUSED("a: x\0y\n", "does not allow this character", "U+0000", "f.yaml:1:5");
    REFUSED("a: \xc2\x9b\n", "does not allow this character", "U+009B", "f.yaml:1:4");
    REFUSED("a: 1\r\nb: \x01\n", "does not allow this character", "U+0001", "f.yaml:2:4");
    struct arena a = {0};
    struct yaml_node *root = parse(&a, "\xef\xbb\xbf" "a: 日本 😀\r\n");   /* a byte order mark is fine */
    assert_string_equal(yaml_get(root, "a")->text, "日本 😀");
    assert_string_equal(yaml_get(parse(&a, "a: \"\\e\\x07\""), "a")->text, "\x1b\x07");
    arena_free(&a);
}

/* A bad byte, or a good character cut in two, at every distance from the parser's buffer boundaries. */
static void test_bad_bytes_far_in(void **state)
{
    (void)state;
    for (size_t pad = 16370; pad < 16400; pad++) {
        struct str s = {0};
        str_add(&s, "#");
        while (s.length < pad)
            str_add(&s, "x");
        str_add(&s, "\na: €");
        struct arena a = {0};
        assert_string_equal(yaml_get(parse(&a, s.text), "a")->text, "€");
        arena_free(&a);
        str_add(&s, "\xe2\x82");
        refused_bytes(s.text, s.length, "not valid UTF-8", "0xE2", "f.yaml:2:5");
        str_free(&s);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct str s = {0};
    struct arena a = {0};
    for (int i = 0; i < YAML_DEPTH; i++)
        str_add(&s, "[");
    str_add(&s, "1");
    for (int i = 0; i < YAML_DEPTH; i++)
        str_add(&s, "]");
    assert_int_equal(parse(&a, s.text)->kind, YAML_LIST);
    str_reset(&s);
    for (int i = 0; i < 100000; i++)
        str_add(&s, "[");
    refused_bytes(s.text, s.length, "nested too deep", "64 levels", "f.yaml:1:65");
    str_reset(&s);
    for (int i = 0; i <= YAML_DEPTH; i++)
        str_printf(&s, "%*sk:\n", i, "");
    refused_bytes(s.text, s.length, "nested too deep", "64 levels", "f.yaml:65:65");
    str_free(&s);
    arena_free(&a);

    size_t length = YAML_SCALAR_MAX + 100;
    char *big = malloc(length);
    memset(big, 'x', length);
    memcpy(big, "a: \"", 4);
    big[length - 1] = '"';
    refused_bytes(big, length, "a value is too long", "16777", "f.yaml:1:4");
    free(big);
    refused_bytes("", (size_t)YAML_FILE_MAX + 1, "too large", "limit", "");
}

/* Many keys do not take quadratic time, and one given twice among them is found. */
static void test_many_keys(void **state)
{
    (void)state;
    struct str s = {0};
    for (int i = 0; i < 50000; i++)
        str_printf(&s, "k%d: 1\n", i);
    struct arena a = {0};
    assert_int_equal(parse(&a, s.text)->count, 50000);
    arena_free(&a);
    str_add(&s, "k777: 1\n");
    refused_bytes(s.text, s.length, "\"k777\" is given twice", "f.yaml:778:1", "f.yaml:50001:1");
    str_free(&s);
}

/* --- streams --- */

static char file[] = "/tmp/test_yaml.XXXXXX";

static void write_file(const char *text, size_t length)
{
    FILE *f = fopen(file, "w");
    assert_int_equal(fwrite(text, 1, length, f), length);
    fclose(f);
}

/* Everything the stream gives, in one line; the error's place and message where it stops. */
static char *drain(const char *text, const char *list_key, bool items)
{
    write_file(text, strlen(text));
    struct str s = {0};
    struct arena arena = {0}, scratch = {0};
    struct yaml_stream *stream = NULL;
    struct yaml_node *key, *value, *item;
    struct err err = {0};
    bool ok = yaml_stream_open(&stream, file, &err), is_list;
    while (ok && (ok = yaml_stream_key(stream, &arena, list_key, &key, &value, &err)) && key) {
        str_printf(&s, "%s=", key->text);
        if (value)
            str_printf(&s, "%s ", value->kind == YAML_SCALAR ? value->text : "tree");
        while (!value && items && (ok = yaml_stream_item(stream, &scratch, &item, &is_list, &err)) && item)
            str_printf(&s, "%s%s@%u ", is_list ? "" : "no list: ",
                       item->kind == YAML_SCALAR ? item->text : item->items[0]->text, item->line);
    }
    if (!ok)
        str_printf(&s, "!%s %s", err.at[0] ? err.at + strlen(file) : "", err.message);
    yaml_stream_close(stream);
    arena_free(&arena);
    arena_free(&scratch);
    return str_take(&s);
}

static void streams(const char *text, bool items, const char *want)
{
    char *got = drain(text, "rows", items);
    assert_string_equal(got, want);
    free(got);
}

static void test_stream(void **state)
{
    (void)state;
    streams("table: T\nkey: [a]\nrows:\n  - {a: 1}\n  - {a: 2}\nprune: true\n", true,
            "table=T key=tree rows=1@4 2@5 prune=true ");
    streams("rows:\n- a: 1\n- a: 2\nprune: true\n", false, "rows=prune=true ");
    streams("rows: !csv x.csv\nb: 1\n", true, "rows=no list: x.csv@1 b=1 ");
    streams("rows: !csv x.csv\nb: 1\n", false, "rows=b=1 ");
    streams("rows: []\n", true, "rows=");
    streams("rows:\n", true, "rows=no list: @1 ");
    streams("", true, "");
    streams("# nothing\n", true, "");
    streams("---\n", true, "");
    streams("null\n", true, "");
    streams("!!null\n", true, "");
    streams("{}", true, "");
}

static void test_stream_refused(void **state)
{
    (void)state;
    streams("[a]", true, "!:1:1 the file is not a mapping of keys to values");
    streams("''", true, "!:1:1 the file is not a mapping of keys to values");
    streams("word", true, "!:1:1 the file is not a mapping of keys to values");
    streams("a: 1\nrows:\n- {a: 1}\na: 2\n", true, "a=1 rows=1@3 !:4:1 the key \"a\" is given twice");
    streams("rows:\n- {a: 1}\n- {a: 1, b: 2, a: 3}\n", true, "rows=1@2 !:3:16 the key \"a\" is given twice");
    streams("rows:\n- {a: 1}\n- {a: *x}\n", false, "rows=!:3:7 an alias is used");
    streams("rows:\n- {a: 1}\n- {<<: 1}\n", true, "rows=1@2 !:3:4 a merge key (<<) is used");
    streams("a: 1\n---\nb: 1\n", true, "a=1 !:2:1 a second document starts here");
    streams("---\n---\nb: 1\n", true, "!:2:1 a second document starts here");
    streams("rows:\n- {a: 1}\n- {a: \xff}\n", true, "!:3:7 not valid UTF-8");   /* found ahead of parsing */
    streams("a: 1\n  b\n c: 2", true, "a=1 b c !:3:3 not valid YAML");
    struct yaml_stream *stream;
    struct err err = {0};
    assert_false(yaml_stream_open(&stream, "/dev/null/x", &err));
    assert_false(yaml_stream_open(&stream, "/dev/zero", &err));
    assert_string_equal(err.why, "it is not a regular file");
    assert_false(yaml_stream_open(&stream, "/tmp", &err));
    assert_null(stream);
    yaml_stream_close(NULL);
}

/* A hundred thousand rows in no more memory than a few; the peak is what the kernel saw. */
static void test_stream_is_constant(void **state)
{
    (void)state;
    FILE *f = fopen(file, "w");
    fputs("rows:\n", f);
    for (int i = 0; i < 100000; i++)
        fprintf(f, "  - {id: %d, name: \"row number %d\", note: some more text to carry}\n", i, i);
    fclose(f);
    struct yaml_stream *stream;
    struct arena arena = {0}, scratch = {0};
    struct yaml_node *key, *value, *item;
    bool is_list;
    assert_true(yaml_stream_open(&stream, file, NULL));
    assert_true(yaml_stream_key(stream, &arena, "rows", &key, &value, NULL));
    struct rusage before, after;
    int rows = 0;
    for (;; rows++) {
        arena_reset(&scratch);
        assert_true(yaml_stream_item(stream, &scratch, &item, &is_list, NULL));
        if (rows == 1000)
            getrusage(RUSAGE_SELF, &before);
        if (!item)
            break;
        assert_int_equal(atoi(item->items[0]->text), rows);
        assert_int_equal(item->line, rows + 2);
    }
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(rows, 100000);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    assert_true(after.ru_maxrss - before.ru_maxrss < 1024);   /* KiB; a sanitizer's quarantine is not ours */
#endif
    assert_true(yaml_stream_key(stream, &arena, "rows", &key, &value, NULL));
    assert_null(key);
    yaml_stream_close(stream);
    arena_free(&arena);
    arena_free(&scratch);
}

/* A value without end is refused once the limit is read, not once it is held. */
static void test_stream_value_too_long(void **state)
{
    (void)state;
    FILE *f = fopen(file, "w");
    fputs("rows:\n- {a: \"", f);
    for (int i = 0; i < 20 * 1024; i++)
        fprintf(f, "%01024d", 0);
    fclose(f);
    struct yaml_stream *stream;
    struct arena arena = {0}, scratch = {0};
    struct yaml_node *key, *value, *item;
    struct err err = {0};
    bool is_list;
    assert_true(yaml_stream_open(&stream, file, &err));
    assert_true(yaml_stream_key(stream, &arena, "rows", &key, &value, &err));
    assert_false(yaml_stream_item(stream, &scratch, &item, &is_list, &err));
    assert_string_equal(err.message, "a value is too long");
    yaml_stream_close(stream);
    arena_free(&arena);
    arena_free(&scratch);
}

static void test_parse_file(void **state)
{
    (void)state;
    struct arena a = {0};
    struct yaml_node *root;
    struct err err = {0};
    write_file("a: 1\n", 5);
    assert_true(yaml_parse_file(&root, &a, file, &err));
    assert_string_equal(yaml_get(root, "a")->text, "1");
    assert_false(yaml_parse_file(&root, &a, "/nowhere/x.yaml", &err));
    assert_null(root);
    assert_non_null(strstr(err.message, "/nowhere/x.yaml"));
    arena_free(&a);
}

static void test_core(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0",   "-1",     "+1",   "1.5",  ".5", "5.",
                                          "1e3", "1.5E-7", "0x1F", "0o17", "007"};
    static const char *const words[] = {"",    "-",     ".",    "e3", "1e",   "0x",  "0xg",
                                        "0o8", "1_000", "1:30", "1 ", ".inf", "0b1", "--1"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_true(yaml_core_number(numbers[i]));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_false(yaml_core_number(words[i]));
    bool value;
    assert_true(yaml_core_bool("True", &value) && value);
    assert_true(yaml_core_bool("FALSE", &value) && !value);
    assert_false(yaml_core_bool("yes", &value));
    assert_false(yaml_core_bool("tRue", &value));
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(file);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bad_bytes),
        cmocka_unit_test(test_bad_bytes_far_in),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_refused),
        cmocka_unit_test(test_stream_is_constant),
        cmocka_unit_test(test_stream_value_too_long),
        cmocka_unit_test(test_parse_file),
        cmocka_unit_test(test_core),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
