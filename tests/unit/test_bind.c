/* bind and order - fixtures against a catalogue made by hand: names that stand for nothing, keys, references,
 * and tables in the order of their foreign keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"
#include "bind/bind.h"
#include "bind/order.h"
#include "scratch.h"

static char seeds[] = "/tmp/seedops-bind.XXXXXX";

/* --- a small schema: Catchment <- Station <- Sensor, and Note without a key --- */

#define TYPE(base_name, cat) {.name = base_name, .base = base_name, .category = cat, .kind = 'b', \
                              .max_length = -1, .precision = -1, .scale = -1}

static struct db_column catchment_columns[] = {
    {.name = "id", .type = TYPE("int4", 'N'), .not_null = true, .has_default = true},
    {.name = "slug", .type = TYPE("text", 'S'), .not_null = true},
};
static struct db_column station_columns[] = {
    {.name = "id", .type = TYPE("int4", 'N'), .not_null = true, .has_default = true},
    {.name = "ofevCode", .type = TYPE("text", 'S'), .not_null = true},
    {.name = "catchmentId", .type = TYPE("int4", 'N')},
    {.name = "meta", .type = TYPE("jsonb", 'U')},
    {.name = "tags", .type = TYPE("_text", 'A')},
    {.name = "upper", .type = TYPE("text", 'S'), .generated = true},
    {.name = "buddyId", .type = TYPE("int4", 'N')},
};
static struct db_column note_columns[] = {{.name = "text", .type = TYPE("text", 'S')}};

static size_t first[] = {0}, second[] = {1}, third[] = {2};
static const char *id_name[] = {"id"};
static struct db_key catchment_keys[] = {{.name = "Catchment_pkey", .primary = true, .columns = first, .count = 1},
                                         {.name = "Catchment_slug_key", .columns = second, .count = 1}};
static struct db_key station_keys[] = {{.name = "Station_pkey", .primary = true, .columns = first, .count = 1},
                                       {.name = "Station_code_key", .columns = second, .count = 1}};
static struct db_foreign_key station_foreign[] = {
    {.name = "Station_catchment_fkey", .columns = third, .count = 1, .target = 1, .target_schema = "public",
     .target_name = "Catchment", .target_columns = id_name}};

#define TABLE(number, table_name, cols) .oid = number, .schema = "public", .name = table_name, .kind = 'r', \
    .on_path = true, .details = true, .columns = cols, .column_count = sizeof cols / sizeof *cols

static struct db_table tables[] = {
    {TABLE(1, "Catchment", catchment_columns), .keys = catchment_keys, .key_count = 2},
    {TABLE(3, "Note", note_columns)},
    {TABLE(2, "Station", station_columns), .keys = station_keys, .key_count = 2,
     .foreign_keys = station_foreign, .foreign_key_count = 1},
    {.oid = 4, .schema = "public", .name = "View", .kind = 'v', .on_path = true, .details = true},
};
static const struct db_catalog catalog = {.tables = tables, .count = 4, .default_schema = "public"};

/* --- fixtures --- */

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", seeds, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static int empty_seeds(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", seeds, seeds);
    return system(command);
}

static int make_seeds(void **state)
{
    (void)state;
    return scratch_make(seeds);
}

static int remove_seeds(void **state)
{
    (void)state;
    return scratch_remove(seeds);
}

static void load(struct fixture_set *fixtures)
{
    struct fixture_options options = {.base_dir = seeds};
    struct err_list list = {0};
    if (!fixture_set_load(fixtures, seeds, &options, &list))
        fail_msg("%s: %s", list.items[0].at, list.items[0].message);
}

static void check_problems(const char *want)
{
    struct fixture_set fixtures;
    struct bound_set set;
    struct err_list list = {0};
    struct str got = {0};
    load(&fixtures);
    bool ok = bind_fixtures(&set, &fixtures, &catalog, &list);
    assert_int_equal(ok, list.count == 0);
    for (size_t i = 0; i < list.count; i++)
        str_printf(&got, "%s: %s\n", list.items[i].at, list.items[i].message);
    assert_string_equal(str_text(&got), want);
    str_free(&got);
    err_list_free(&list);
    bound_set_free(&set);
    fixture_set_free(&fixtures);
}

static void check_file(const char *text, const char *want)
{
    put("x.yaml", text);
    check_problems(want);
}

static void test_binds(void **state)
{
    (void)state;
    put("a.yaml", "table: Station\nkey: [ofevCode]\nrows:\n"
                  "  - {ofevCode: 1, catchmentId: !ref {table: Catchment, slug: rhone}, meta: {a: 1}, tags: [x]}\n");
    put("b.yaml", "table: public.Catchment\nkey: [slug]\nrows: [{slug: rhone}]\n");
    struct fixture_set fixtures;
    struct bound_set set;
    struct err_list list = {0};
    load(&fixtures);
    assert_true(bind_fixtures(&set, &fixtures, &catalog, &list));
    assert_int_equal(set.count, 2);
    assert_false(set.deferred);
    assert_string_equal(set.items[0].table->name, "Catchment");
    const struct bound *station = bound_of_table(&set, 2);
    assert_ptr_equal(station, &set.items[1]);
    assert_string_equal(station->unique->name, "Station_code_key");
    int column = fixture_column(station->fixture, "catchmentId");
    assert_string_equal(station->refs[column].table->name, "Catchment");
    assert_string_equal(station->refs[column].target, "id");
    assert_null(station->refs[station->key[0]].table);
    bound_set_free(&set);
    fixture_set_free(&fixtures);
}

static void test_names(void **state)
{
    (void)state;
    check_file("table: Staton\nrows: []\n", "x.yaml:1:8: there is no table \"Staton\" in the database\n");
    check_file("table: View\nrows: []\n", "x.yaml:1:8: \"View\" is no table of rows to seed\n");
    check_file("table: Station\nkey: [ofevCode]\nignore: [created]\nrows: [{ofevCode: 1, nmae: x}]\n",
               "x.yaml:3:9: table \"Station\" has no column \"created\"\n"
               "x.yaml:4:22: table \"Station\" has no column \"nmae\"\n");
    check_file("table: Station\nkey: [ofevCode]\nrows: [{ofevCode: 1, upper: X}]\n",
               "x.yaml:3:22: column \"upper\" is generated: the database computes it\n");
    put("y.yaml", "table: public.Catchment\nkey: [slug]\nrows: []\n");
    check_file("table: Catchment\nkey: [slug]\nrows: []\n", "y.yaml:1:8: table \"public.Catchment\" has two fixtures\n");
}

static void test_keys(void **state)
{
    (void)state;
    check_file("table: Station\nkey: [meta]\nrows: [{meta: x}]\n",
               "x.yaml:2:6: the key (meta) has no unique index in table \"Station\"\n");
    check_file("table: Station\nrows: [{ofevCode: 1}]\n",
               "x.yaml:1:8: the rows do not give the primary key \"id\"\n");
    check_file("table: Note\nrows: [{text: x}]\n",
               "x.yaml:1:8: table \"Note\" has no primary key, and the fixture names no key\n");
    check_file("table: Station\nrows: [{id: 1, ofevCode: a}, {id: 1, ofevCode: b}]\n",
               "x.yaml:2:30: two rows have the key id = 1\n");
    check_file("table: Station\nrows: [{id: 1, ofevCode: a}, {id: 2, ofevCode: b}]\n", "");
}

static void test_refs(void **state)
{
    (void)state;
    check_file("table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: 1, catchmentId: !ref {table: Cachment, slug: x}}\n",
               "x.yaml:4:32: !ref names table \"Cachment\", which the database does not have\n");
    check_file("table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: 1, catchmentId: !ref {table: Station, id: 1}}\n",
               "x.yaml:4:32: column \"catchmentId\" references \"Catchment\", not \"Station\"\n");
    check_file("table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: 1, catchmentId: !ref {table: Catchment, slg: x}}\n",
               "x.yaml:4:32: table \"Catchment\" has no column \"slg\"\n");
    check_file("table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: 1, buddyId: !ref {table: Note, text: x}}\n",
               "x.yaml:4:28: !ref does not say which column of \"Note\" to take\n");
    check_file("table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: 1, buddyId: !ref {table: Station, ofevCode: 2}}\n", "");
}

/* What is sent for each kind of column. */
static void check_text(const struct bound *b, const char *column, const struct fixture_row *row, const char *want)
{
    struct arena arena = {0};
    struct err err;
    const char *text;
    int i = fixture_column(b->fixture, column);
    bool ok = bound_text(b, (size_t)i, &row->values[i], &arena, &text, &err);
    assert_string_equal(ok ? text : err.message, want);
    arena_free(&arena);
}

static void test_text_to_send(void **state)
{
    (void)state;
    struct fixture_options options = {0};
    struct fixture_set fixtures;
    struct bound_set set;
    struct err_list list = {0};
    struct fixture_reader *reader;
    const struct fixture_row *row;
    struct err err;
    put("x.yaml", "table: Station\nkey: [id]\nrows:\n"
                  "  - {id: 1, ofevCode: 007, meta: 1e3, tags: [007, no]}\n"
                  "  - {id: 2, ofevCode: [a], meta: yes, tags: \"{b}\"}\n");
    load(&fixtures);
    assert_true(bind_fixtures(&set, &fixtures, &catalog, &list));
    assert_true(fixture_open(&reader, &fixtures.items[0], &options, &err));
    assert_true(fixture_next(reader, &row, &err) && row);
    check_text(&set.items[0], "ofevCode", row, "007");
    check_text(&set.items[0], "meta", row, "1e3");
    check_text(&set.items[0], "tags", row, "{\"007\",\"no\"}");
    assert_true(fixture_next(reader, &row, &err) && row);
    check_text(&set.items[0], "ofevCode", row,
               "a list or mapping in column \"ofevCode\", which has the type text");
    check_text(&set.items[0], "meta", row, "\"yes\"");
    check_text(&set.items[0], "tags", row, "{b}");
    fixture_close(reader);
    bound_set_free(&set);
    fixture_set_free(&fixtures);
}

/* --- order --- */

struct arrow { size_t from, to; bool deferrable, nullable; };

enum { MOST = 6 };

/* Orders tables A, B, C ... by arrows "child to parent"; gives the letters, or the error. */
static void check_order(size_t count, const struct arrow *arrows, size_t arrow_count, const char *want,
                        bool want_deferred)
{
    static const char *const letters[] = {"A", "B", "C", "D", "E", "F"};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct db_column columns[2] = {{.name = "hard", .not_null = true}, {.name = "soft"}};
    struct db_table all[MOST] = {0}, *pointers[MOST];
    struct db_foreign_key keys[MOST][MOST];
    size_t order[MOST];
    bool deferred;
    struct err err;
    char got[256] = "";
    for (size_t i = 0; i < count; i++) {
        all[i] = (struct db_table){.oid = (uint32_t)i + 1, .name = letters[i], .columns = columns,
                                   .column_count = 2, .foreign_keys = keys[i]};
        pointers[i] = &all[i];
    }
    for (size_t i = 0; i < arrow_count; i++) {
        struct db_table *child = &all[arrows[i].from];
        keys[arrows[i].from][child->foreign_key_count++] = (struct db_foreign_key){
            .name = names[arrows[i].from], .columns = arrows[i].nullable ? second : first, .count = 1,
            .target = (uint32_t)arrows[i].to + 1, .deferrable = arrows[i].deferrable};
    }
    if (!order_tables(pointers, count, order, &deferred, &err)) {
        assert_string_equal(err.why, want);
        return;
    }
    for (size_t i = 0; i < count; i++)
        strcat(got, letters[order[i]]);
    assert_string_equal(got, want);
    assert_int_equal(deferred, want_deferred);
}

#define ORDER(count, want, deferred, ...) \
    check_order(count, (const struct arrow[]){__VA_ARGS__}, \
                sizeof((const struct arrow[]){__VA_ARGS__}) / sizeof(struct arrow), want, deferred)

static void test_order(void **state)
{
    (void)state;
    check_order(3, NULL, 0, "ABC", false);
    ORDER(3, "CBA", false, {0, 1, 0, 0}, {1, 2, 0, 0});
    ORDER(4, "BADC", false, {0, 1, 0, 0}, {2, 3, 0, 0}, {2, 1, 0, 0});
    ORDER(2, "AB", false, {0, 0, 0, 0});                       /* itself is no circle */
    ORDER(2, "A → B by \"a\" → A by \"b\"", false, {0, 1, 0, 0}, {1, 0, 0, 0});
    ORDER(4, "B → C by \"b\" → D by \"c\" → B by \"d\"", false, {0, 1, 0, 0}, {1, 2, 0, 0}, {2, 3, 0, 0},
          {3, 1, 0, 0});
    ORDER(2, "BA", true, {0, 1, 0, 0}, {1, 0, 1, 0});          /* opened where deferrable */
    ORDER(2, "AB", true, {0, 1, 0, 1}, {1, 0, 0, 0});          /* or nullable */
    ORDER(2, "BA", true, {0, 1, 0, 1}, {1, 0, 1, 0});          /* deferrable rather than nullable */
    ORDER(4, "ABDC", true, {0, 1, 1, 0}, {1, 0, 0, 0}, {2, 3, 0, 0}, {3, 2, 0, 1});
}

static void test_order_of_refs(void **state)
{
    (void)state;
    struct db_table a = {.oid = 1, .name = "A"}, b = {.oid = 2, .name = "B"};
    struct db_table *pair[] = {&a, &b};
    struct order_ref refs[] = {{0, 1}, {1, 0}};
    size_t order[2], at;
    bool deferred;
    struct err err;
    assert_true(order_tables_refs(pair, 2, refs, 1, order, &deferred, NULL, &err));
    assert_int_equal(order[0], 1);
    assert_false(order_tables_refs(pair, 2, refs, 2, order, &deferred, &at, &err));
    assert_string_equal(err.why, "A → B by !ref → A by !ref");
    assert_int_equal(at, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, empty_seeds)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_binds), TEST(test_names), TEST(test_keys), TEST(test_refs), TEST(test_text_to_send),
        cmocka_unit_test(test_order), cmocka_unit_test(test_order_of_refs),
    };
    return cmocka_run_group_tests_name("bind", tests, make_seeds, remove_seeds);
}
