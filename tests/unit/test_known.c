/* Is this the database that it was? What pins, marks and a server that does not tell make of one that answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/codec.h"
#include "op/known.h"
#include "op/lineage.h"

static struct pin_identity identity(const char *server, uint32_t oid, const char *database)
{
    struct pin_identity id = {.database_oid = oid};
    snprintf(id.system_identifier, sizeof id.system_identifier, "%s", server);
    snprintf(id.database, sizeof id.database, "%s", database);
    return id;
}

static struct pin *pinned(struct pins *pins, const char *name, const char *role, const char *server, uint32_t oid)
{
    struct pin *pin = pins_put(pins, "f", name);
    pin->role = role;
    pin->identity = identity(server, oid, "app");
    pin->first_seen_ms = 1;
    return pin;
}

static const struct environment local_env = {.name = "local", .role = ROLE_LOCAL};
static const struct environment production_env = {.name = "production", .role = ROLE_PRODUCTION};
static const struct mark no_mark = {.read = true};

static struct known judge(const struct pins *pins, const struct environment *env, struct pin_identity now,
                          const struct mark *mark)
{
    struct known known;
    struct fact_identity fact;
    struct guard_facts facts = {0};
    known_judge(pins, "f", env, &now, mark ? mark : &no_mark, &known);
    known_fact(&known, env, &fact);
    known_guard_facts(&known, &facts);
    /* what keeps writes away is trouble, and trouble has a sentence */
    bool keeps = facts.identity_changed || facts.known_non_local || facts.mark_non_local;
    assert_true(!keeps || fact.trouble);
    assert_true(!fact.trouble || fact.sentence[0]);
    codec_free(&type_fact_identity, &fact);
    return known;
}

static void against_its_own_pin(void **state)
{
    (void)state;
    struct pins pins = {0};
    assert_int_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).state, KNOWN_NEW);
    assert_int_equal(judge(&pins, &local_env, identity("", 5, "app"), NULL).state, KNOWN_UNKNOWN);
    struct pin *pin = pinned(&pins, "local", "local", "1", 5);
    static const struct { const char *server; uint32_t oid; const char *database; enum known_state state; } answers[] = {
        {"1", 5, "app", KNOWN_SAME}, {"2", 5, "app", KNOWN_CHANGED}, {"1", 6, "app", KNOWN_CHANGED},
        {"1", 5, "other", KNOWN_CHANGED}, {"", 5, "app", KNOWN_UNKNOWN}, {"", 6, "app", KNOWN_CHANGED}};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct known k = judge(&pins, &local_env, identity(answers[i].server, answers[i].oid, answers[i].database), NULL);
        assert_int_equal(k.state, answers[i].state);
    }
    assert_false(judge(&pins, &local_env, identity("1", 5, "app"), NULL).role_changed);
    pin->role = "staging";
    assert_true(judge(&pins, &local_env, identity("1", 5, "app"), NULL).role_changed);
    pin->role = "local";
    pin->identity.system_identifier[0] = '\0';        /* pinned while the server did not tell */
    assert_int_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).state, KNOWN_SAME);
    assert_int_equal(judge(&pins, &local_env, identity("1", 6, "app"), NULL).state, KNOWN_CHANGED);
    pins_free(&pins);
}

static void against_the_others(void **state)
{
    (void)state;
    struct pins pins = {0};
    pinned(&pins, "dev", "local", "1", 9);
    assert_string_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).known_as, "");
    pinned(&pins, "staging", "staging", "1", 7);
    assert_string_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).known_as, "staging");
    pinned(&pins, "production", "production", "1", 8);
    assert_string_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).known_as, "production");
    assert_string_equal(judge(&pins, &local_env, identity("2", 8, "app"), NULL).known_as, "");
    assert_string_equal(judge(&pins, &production_env, identity("1", 8, "app"), NULL).known_as, "");

    struct known silent = judge(&pins, &local_env, identity("", 5, "app"), NULL);
    assert_true(silent.doubtful);
    struct guard_facts facts = {0};
    known_guard_facts(&silent, &facts);
    assert_true(facts.perhaps_non_local && !facts.known_non_local);

    struct pin *own = pinned(&pins, "local", "local", "1", 5);
    own->clone_of = "production";
    assert_string_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).known_as, "staging");
    own->clone_of = "staging";
    assert_string_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).known_as, "production");
    pins_remove(&pins, "f", "staging");
    pins_find(&pins, "f", "local")->clone_of = "production";
    assert_string_equal(judge(&pins, &local_env, identity("1", 5, "app"), NULL).known_as, "");
    /* accepted was that database, not the next one with the server's identity, nor one that does not tell */
    assert_string_equal(judge(&pins, &local_env, identity("1", 6, "app"), NULL).known_as, "production");
    assert_true(judge(&pins, &local_env, identity("", 5, "app"), NULL).doubtful);
    pins_free(&pins);
}

static void against_the_mark(void **state)
{
    (void)state;
    struct pins pins = {0};
    struct mark mark = {.read = true, .there = true, .environment = "shop", .role = "production",
                        .identity = identity("1", 5, "app")};
    struct known k = judge(&pins, &local_env, identity("1", 5, "app"), &mark);
    assert_true(k.mark_non_local);
    assert_string_equal(k.marked_as, "shop (production)");
    assert_string_equal(k.copy_of, "");
    assert_false(judge(&pins, &production_env, identity("1", 5, "app"), &mark).mark_non_local);
    assert_string_equal(judge(&pins, &local_env, identity("2", 5, "app"), &mark).copy_of, "shop");
    assert_string_equal(judge(&pins, &local_env, identity("1", 6, "app"), &mark).copy_of, "shop");
    assert_string_equal(judge(&pins, &local_env, identity("", 5, "app"), &mark).copy_of, "");

    struct pin *own = pinned(&pins, "local", "local", "1", 5);
    own->mark = "shop (production)";
    assert_false(judge(&pins, &local_env, identity("1", 5, "app"), &mark).mark_non_local);
    assert_true(judge(&pins, &local_env, identity("2", 5, "app"), &mark).mark_non_local);
    own->mark = "shop (staging)";
    assert_true(judge(&pins, &local_env, identity("1", 5, "app"), &mark).mark_non_local);

    snprintf(mark.role, sizeof mark.role, "local");
    assert_false(judge(&pins, &local_env, identity("1", 5, "app"), &mark).mark_non_local);
    snprintf(mark.rails, sizeof mark.rails, "production");
    k = judge(&pins, &local_env, identity("1", 5, "app"), &mark);
    assert_true(k.mark_non_local);
    assert_string_equal(k.marked_as, "production by Rails");
    snprintf(mark.rails, sizeof mark.rails, "test");
    assert_false(judge(&pins, &local_env, identity("1", 5, "app"), &mark).mark_non_local);

    static const struct mark closed = {.read = true, .there = true, .unreadable = true}, unasked = {.read = false};
    assert_true(judge(&pins, &local_env, identity("1", 5, "app"), &closed).mark_non_local);
    assert_true(judge(&pins, &local_env, identity("1", 5, "app"), &unasked).mark_non_local);
    pins_free(&pins);
}

static struct applied_set set(const char *digest, int64_t dated_ms)
{
    struct applied_set s = {.dated_ms = dated_ms};
    snprintf(s.digest, sizeof s.digest, "%s", digest);
    return s;
}

static void fixtures_beside_fixtures(void **state)
{
    (void)state;
    const struct applied_set sets[] = {set("b", 200), set("a", 100)};
    const struct { struct applied_set own; size_t count; enum lineage lineage; } cases[] = {
        {set("x", 1), 0, LINEAGE_FIRST},     {set("b", 1), 2, LINEAGE_SAME},    {set("a", 300), 2, LINEAGE_OLDER},
        {set("c", 300), 2, LINEAGE_NEWER},   {set("c", 199), 2, LINEAGE_OLDER}, {set("c", 200), 2, LINEAGE_UNKNOWN},
        {set("c", 0), 2, LINEAGE_UNKNOWN},   {set("", 0), 2, LINEAGE_FIRST}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(lineage_judge(&cases[i].own, sets, cases[i].count), cases[i].lineage);
    const struct applied_set undated[] = {set("b", 0)};
    struct applied_set own = set("c", 300);
    assert_int_equal(lineage_judge(&own, undated, 1), LINEAGE_UNKNOWN);
    for (int l = LINEAGE_FIRST; l <= LINEAGE_UNKNOWN; l++)
        assert_int_equal(lineage_stale((enum lineage)l), l == LINEAGE_OLDER || l == LINEAGE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_its_own_pin),
        cmocka_unit_test(against_the_others),
        cmocka_unit_test(against_the_mark),
        cmocka_unit_test(fixtures_beside_fixtures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
