/* Words for many: patterns, groups, environments that stand for many databases, one of those; and LIKE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/settings_many.h"

static const char text[] =
    "environments:\n"
    "  local: {url: 'postgresql:///app'}\n"
    "  tenant-a: {url: 'postgresql:///a'}\n"
    "  tenant-b: {url: 'postgresql://u:pw@db/b', direct_url: 'postgresql://u:pw@direct/b'}\n"
    "  tenants: {url: 'postgresql://u:pw@db:6543/postgres?sslmode=require', direct_url: 'postgresql://u:pw@db/postgres',\n"
    "            role: production, databases: tenant\\_%}\n"
    "  listed: {url: 'postgresql:///x', databases: [one, two words]}\n"
    "  asked: {url: 'postgresql:///x', databases: {query: SELECT 1}}\n"
    "groups:\n"
    "  all-a: [local, 'tenant-*']\n"
    "  parts: [tenants/tenant_1*, listed/one]\n";

static const char *no_variables(const char *name) { return name ? NULL : NULL; }

static int enter(void **state)
{
    static struct settings settings;
    struct err err = {0};
    *state = &settings;
    return settings_parse(&settings, "seedops.yaml", "/base", text, strlen(text), no_variables, &err) ? 0 : -1;
}

static int leave(void **state)
{
    settings_free(*state);
    return 0;
}

/* "local tenants:tenant_1* ...", "!" in front when it is one and not several; "error: message". */
static const char *selected(struct settings *s, const char *a, const char *b)
{
    static char out[1024];
    const char *words[] = {a, b};
    struct selection selection;
    struct err err = {0};
    if (!settings_select(s, words, (a != NULL) + (b != NULL), &selection, &err)) {
        assert_int_equal(err.class, ERR_USAGE);
        snprintf(out, sizeof out, "error: %s", err.message);
        return out;
    }
    snprintf(out, sizeof out, "%s", selection.several ? "" : "!");
    for (size_t i = 0; i < selection.count; i++) {
        const struct selected *one = &selection.items[i];
        size_t used = strlen(out);
        snprintf(out + used, sizeof out - used, "%s%s%s%s", i ? " " : "", one->environment->name,
                 one->database ? ":" : "", one->database ? one->database : "");
    }
    return out;
}

static void words_for_many(void **state)
{
    static const struct { const char *a, *b, *want; } rows[] = {
        {"local", NULL, "!local"}, {"local", "local", "local local"}, {"local", "tenant-a", "local tenant-a"},
        {"tenant-*", NULL, "tenant-a tenant-b"}, {"*-[b-z]", NULL, "tenant-b"}, {"local*", NULL, "local"},
        {"tenants", NULL, "tenants"}, {"tenants/tenant_7", NULL, "!tenants:tenant_7"},
        {"tenants/tenant_?", NULL, "tenants:tenant_?"}, {"*/one", NULL, "tenants:one listed:one asked:one"},
        {"all-a", NULL, "local tenant-a tenant-b"}, {"parts", NULL, "tenants:tenant_1* listed:one"},
        {"parts", "local", "tenants:tenant_1* listed:one local"},
        {"tenants/", NULL, "tenants"},
        {"zz", NULL, "error: there is no environment \"zz\""}, {"zz*", NULL, "error: no environment fits \"zz*\""},
        {"local/x*", NULL, "error: no environment fits \"local/x*\""},
        {"local", "postgresql://u:pw@h/*", "error: no environment fits \"[REDACTED]\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(selected(*state, rows[i].a, rows[i].b), rows[i].want);
    struct selection none;
    assert_true(settings_select(*state, NULL, 0, &none, NULL));
    assert_int_equal(none.count, 0);
}

static void one_of_many(void **state)
{
    struct settings *s = *state;
    struct environment *env;
    struct err err = {0};
    assert_true(settings_choose(s, NULL, "tenants/tenant_7", &env, &err));
    assert_string_equal(env->name, "tenants/tenant_7");
    assert_string_equal(env->database, "tenant_7");
    assert_string_equal(environment_declared(env), "tenants");
    assert_false(environment_is_many(env));
    assert_int_equal(env->role, ROLE_PRODUCTION);
    assert_string_equal(env->url.database, "tenant_7");
    assert_string_equal(url_redacted(&env->url, &s->arena), "u@db:6543/tenant_7");
    assert_string_equal(env->direct.database, "tenant_7");
    assert_string_equal(secret_text(env->url.password), "pw");
    assert_true(env->url.pooled_hint);
    size_t names = 0;
    for (size_t i = 0; i < env->url.count; i++)
        names += strcmp(env->url.keywords[i], "dbname") == 0;
    assert_int_equal(names, 1);
    assert_true(settings_choose(s, NULL, "listed/two words", &env, &err));
    assert_true(settings_choose(s, NULL, "asked/anything", &env, &err));
    static const struct { const char *name, *message; } wrong[] = {
        {"tenants", "tenants stands for many databases"}, {"all-a", "all-a is a group of environments"},
        {"tenants/tenantX7", "tenants has no database \"tenantX7\""}, {"listed/three", "listed has no database \"three\""},
        {"local/app", "there is no environment \"local/app\""}, {"tenants/", "there is no environment \"tenants/\""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(settings_choose(s, NULL, wrong[i].name, &env, &err));
        assert_int_equal(err.class, ERR_USAGE);
        assert_string_equal(err.message, wrong[i].message);
    }
    struct settings_options direct = {.direct_url = "postgresql:///other"};
    assert_false(settings_choose(s, &direct, "tenants/tenant_7", &env, &err));
}

static void a_foreign_name_is_visible(void **state)
{
    struct settings *s = *state;
    struct environment *env = environment_database(&s->arena, &s->environments[3], "tenant_\x1b[31m");
    assert_string_equal(env->name, "tenants/tenant_\\e[31m");
    assert_string_equal(env->database, "tenant_\x1b[31m");
    assert_string_equal(env->url.database, "tenant_\x1b[31m");
}

static void groups_of_an_environment(void **state)
{
    struct settings *s = *state;
    struct environment *seven = environment_database(&s->arena, &s->environments[3], "tenant_17");
    struct str out = {0};
    settings_groups_of(s, &s->environments[1], &out);
    assert_string_equal(str_text(&out), "all-a");
    str_reset(&out);
    settings_groups_of(s, seven, &out);
    assert_string_equal(str_text(&out), "parts");
    str_reset(&out);
    settings_groups_of(s, environment_database(&s->arena, &s->environments[3], "tenant_2"), &out);
    assert_int_equal(out.length, 0);
    str_free(&out);
}

static void like(void **state)
{
    static const struct { const char *pattern, *text; bool fits; } rows[] = {
        {"tenant_%", "tenant_1", true}, {"tenant_%", "tenantX", true}, {"tenant\\_%", "tenantX", false},
        {"%", "", true}, {"_", "", false}, {"_", "\xc3\xa9", true}, {"__", "\xc3\xa9", false}, {"a%b%c", "aXXbYYc", true},
        {"a%b%c", "aXXbYY", false}, {"a\\%", "a%", true}, {"a\\%", "ab", false}, {"", "", true}, {"", "a", false},
        {"%a", "ba", true}, {"%%%", "x", true}, {"a\\", "a\\", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(settings_like(rows[i].pattern, rows[i].text), rows[i].fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_for_many), cmocka_unit_test(one_of_many), cmocka_unit_test(a_foreign_name_is_visible),
        cmocka_unit_test(groups_of_an_environment), cmocka_unit_test(like),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
