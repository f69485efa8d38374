/* The text that `seedops init` writes is one that settings read back to the same facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/starter.h"
#include "config/settings.h"

static const char *any(const char *name)
{
    return strcmp(name, "DIRECT_URL") == 0 ? "postgresql://u@h:5432/d" : "postgresql://u@h:6543/d";
}

static void read_back(const struct starter *starter, struct settings *s)
{
    struct str text = {0};
    struct err err = {0};
    starter_write(&text, starter);
    if (!settings_parse(s, "seedops.yaml", "/base", str_text(&text), text.length, any, &err))
        fail_msg("%s at %s in\n%s", err.message, err.at, str_text(&text));
    str_free(&text);
}

static void nothing_found(void **state)
{
    (void)state;
    struct settings s;
    read_back(&(struct starter){.project = "p", .environment = "local", .role = "local",
                                .url_variable = "DATABASE_URL"}, &s);
    assert_string_equal(s.project, "p");
    assert_null(s.migrations_dir);
    assert_null(s.seeds_dir);
    assert_int_equal(s.table_count, 0);
    assert_int_equal(s.environment_count, 1);
    assert_int_equal(s.environments[0].role, ROLE_LOCAL);
    settings_free(&s);
}

static void everything_found(void **state)
{
    (void)state;
    static const struct starter_table tables[] = {
        {"Station", true, 7}, {"odd: \"name\" #1", false, -1}, {"null", false, -1}, {"éà\t", true, 0}, {"-", false, -1},
        {"a{b}", false, -1}, {"007", false, -1}, {"${X}", false, -1}};
    struct settings s;
    read_back(&(struct starter){.project = "my project: {x}", .migrations = "db/my migrations", .ledger = "numbered",
                                .seeds = "seeds", .environment = "production", .role = "production",
                                .url_variable = "DATABASE_URL", .direct_variable = "DIRECT_URL", .tables = tables,
                                .table_count = 8, .tables_known = true}, &s);
    assert_string_equal(s.project, "my project: {x}");
    assert_string_equal(s.migrations_dir, "/base/db/my migrations");
    assert_string_equal(s.ledger, "numbered");
    assert_int_equal(s.table_count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(s.tables[i].name, tables[i].name);
        assert_int_equal(s.tables[i].class, tables[i].context ? TABLE_CONTEXT : TABLE_OPERATIONAL);
        assert_int_equal(s.tables[i].min_rows, tables[i].min_rows);
    }
    assert_int_equal(s.environments[0].role, ROLE_PRODUCTION);
    assert_true(s.environments[0].has_direct);
    settings_free(&s);
}

static void prisma_variables(void **state)
{
    (void)state;
    static const struct { const char *schema, *url, *direct; } rows[] = {
        {"datasource db {\n  provider = \"postgresql\"\n  url       = env(\"POSTGRES_URL\")\n"
         "  directUrl = env(\"POSTGRES_URL_NON_POOLING\")\n}\n", "POSTGRES_URL", "POSTGRES_URL_NON_POOLING"},
        {"url = env(\"DATABASE_URL\")", "DATABASE_URL", NULL},
        {"// url = env(\"NO\")\nurl = \"postgresql:///x\"\n", NULL, NULL},
        {"url = env(\"A\nB\")", NULL, NULL}, {"urls = env(\"A\")", NULL, NULL}, {"", NULL, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *url, *direct;
        starter_prisma_variables(rows[i].schema, &url, &direct);
        assert_int_equal(url == NULL, rows[i].url == NULL);
        assert_int_equal(direct == NULL, rows[i].direct == NULL);
        if (url)
            assert_string_equal(url, rows[i].url);
        if (direct)
            assert_string_equal(direct, rows[i].direct);
        free(url);
        free(direct);
    }
}

static void ledgers_are_not_listed(void **state)
{
    (void)state;
    assert_true(starter_ignores("_prisma_migrations"));
    assert_true(starter_ignores("schema_migrations"));
    assert_false(starter_ignores("Station"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_found),
        cmocka_unit_test(everything_found),
        cmocka_unit_test(prisma_variables),
        cmocka_unit_test(ledgers_are_not_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
