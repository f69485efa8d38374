/* test_sentence - the Overview's sentence, state by state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "app/human.h"
#include "app/sentence.h"

#define T(text) ((char *)(text))   /* facts own their texts; these are only read */

struct world {
    struct facts facts;
    struct fact_table tables[3];
    struct text_item reason;
    struct sentence said;
};

/* A migrated, seeded, local environment with three context tables. */
static struct world *healthy_world(struct world *w)
{
    *w = (struct world){.reason = {.text = T("ALLOW_PROD_SEED is not set.")}};
    static const char *const names[] = {"Catchment", "Station", "Sensor"};
    for (int i = 0; i < 3; i++)
        w->tables[i] = (struct fact_table){
            .name = T(names[i]), .class = T("context"), .rows = 7, .min_rows = 7, .fixture_rows = 7};
    w->facts = (struct facts){
        .phase = T("ready"), .status_complete = true, .tables = w->tables, .table_count = 3,
        .ledger = {.tool = T("prisma"), .exists = true, .applied = 12},
        .guard = {.local = true, .seed_allowed = true, .migrate_allowed = true},
    };
    return w;
}

static void expect(struct world *w, bool write_mode, const char *word, const char *text, const char *next)
{
    sentence_make(
        &(struct sentence_input){.facts = &w->facts, .environment = "local", .write_mode = write_mode},
        &w->said);
    assert_string_equal(w->said.word, word);
    if (!strstr(w->said.text, text))
        fail_msg("\"%s\" does not say \"%s\"", w->said.text, text);
    if (!strstr(w->said.next, next))
        fail_msg("\"%s\" does not advise \"%s\"", w->said.next, next);
}

static void nothing_wrong(void **state)
{
    (void)state;
    struct world w;
    expect(healthy_world(&w), false, "HEALTHY", "12 migrations applied, none pending; 3 tables", "");
    assert_string_equal(w.said.next, "");
    assert_int_equal(w.said.mood, MOOD_GOOD);
    w.tables[1].missing = w.tables[1].changed = w.tables[1].extra = -1;
    expect(&w, false, "HEALTHY", "2 tables with fixtures are as declared",
           "1 larger table is not compared yet");
}

static void not_connected(void **state)
{
    (void)state;
    struct world w = {0};
    sentence_make(&(struct sentence_input){.facts = &w.facts}, &w.said);
    assert_string_equal(w.said.word, "NONE");
    expect(&w, false, "OPENING", "local: connecting", "");
    w.facts.phase = T("authenticating");
    expect(&w, false, "OPENING", "authenticating", "");
    w.facts.open_error = (struct input_error){.message = T("vps cannot be reached"),
                                              .why = T("connection refused"),
                                              .hint = T("Is the tunnel up?")};
    expect(&w, false, "UNREACHABLE", "vps cannot be reached: connection refused",
           "Is the tunnel up? r tries again.");
    healthy_world(&w);
    w.facts.phase = T("lost");
    expect(&w, false, "LOST", "what is shown is from before", "r connects again");
}

static void deleted_and_never_seeded_differ(void **state)
{
    (void)state;
    struct world w;
    healthy_world(&w);
    for (int i = 0; i < 3; i++)
        w.tables[i].rows = 0, w.tables[i].missing = 7;
    expect(&w, false, "NEVER SEEDED",
           "All 3 context tables are empty; the schema is fully migrated (12 of 12)",
           "W for write mode, then x s");
    w.tables[1].inserted = 7;
    expect(&w, false, "EMPTY", "Rows were inserted once, and are gone or were never committed: 5 says which.", "");
    w.tables[1].inserted = 0;
    for (int i = 0; i < 3; i++)
        w.tables[i].held = true, w.tables[i].missing = -1;
    expect(&w, true, "EMPTY", "All 3 context tables have lost their rows", "Next: x s");
    w.tables[0].held = false, w.tables[0].rows = 7, w.tables[0].missing = 0;
    w.tables[1].held = false, w.tables[1].rows = 7, w.tables[1].missing = 0;
    expect(&w, true, "ROWS LOST", "1 of 3 context tables has lost its rows", "Next: x s");
}

static void refused_with_the_line_that_allows(void **state)
{
    (void)state;
    struct world w;
    healthy_world(&w);
    for (int i = 0; i < 3; i++)
        w.tables[i].rows = 0;
    w.facts.guard = (struct fact_guard){.reasons = &w.reason, .reason_count = 1, .migrate_allowed = true,
                                        .allow_line = T("ALLOW_PROD_SEED=true seedops production")};
    expect(&w, false, "NEVER SEEDED", "",
           "Writes are refused here: ALLOW_PROD_SEED is not set. This would allow them: "
           "ALLOW_PROD_SEED=true seedops production");
    w.facts.server.in_recovery = true;
    expect(&w, false, "NEVER SEEDED", "", "seed its primary");
}

static void the_ledger_speaks(void **state)
{
    (void)state;
    struct world w;
    healthy_world(&w);
    w.facts.ledger.pending = 2;
    expect(&w, false, "PENDING", "2 migrations are not applied yet", "then x a applies them");
    w.facts.ledger.lock_holder = T("pid 4711 app");
    expect(&w, true, "PENDING", "holds the ledger's lock: pid 4711 app", "x a applies them");
    w.facts.ledger.exists = false, w.facts.ledger.applied = 0;
    expect(&w, true, "NEW", "Nothing was migrated here so far", "x a applies them");
    w.facts.ledger.pending = 0, w.facts.ledger.missing = 1;
    expect(&w, false, "MISSING ON DISK", "older checkout", "Press 2");
    w.facts.ledger.problem = T("its ledger is Flyway's");
    expect(&w, false, "LEDGER", "its ledger is Flyway's", "");
    w.facts.ledger.modified = 1;
    expect(&w, false, "MODIFIED", "1 applied migration on disk was changed since", "new migration");
    w.facts.ledger.failed = 1;
    expect(&w, false, "FAILED", "1 migration failed and blocks the rest", "resolve");
}

static void too_few_rows_and_other_rows(void **state)
{
    (void)state;
    struct world w;
    healthy_world(&w);
    w.tables[1].rows = 5, w.tables[1].missing = 2;
    expect(&w, false, "BELOW FLOOR", "Station has 5 of at least 7 rows.", "x s");
    w.tables[1].rows = 7, w.tables[1].missing = 0, w.tables[1].changed = 3, w.tables[1].allowed_changed = 1;
    expect(&w, false, "DIFFERENT", "0 missing, 2 changed, 0 extra", "Enter on Station");
    w.tables[1].allowed_changed = 3, w.tables[1].extra = 4;
    expect(&w, false, "DIFFERENT", "0 changed, 4 extra", "A seed deletes nothing");
    w.tables[1].allowed_extra = 4;
    expect(&w, false, "HEALTHY", "3 tables", "");
}

static void broken_fixtures_are_never_healthy(void **state)
{
    (void)state;
    struct world w;
    healthy_world(&w);
    w.facts.problem = T("seeds/station.yaml:12:3: name is too long");
    expect(&w, false, "FIXTURES", "seeds/station.yaml:12:3: name is too long", "r looks again");
    w.facts.ledger.failed = 1;
    expect(&w, false, "FAILED", "1 migration failed", "");
}

static void what_was_not_seen_is_not_called_healthy(void **state)
{
    (void)state;
    struct world w;
    healthy_world(&w);
    w.tables[2].rows = -1, w.tables[2].missing = w.tables[2].changed = w.tables[2].extra = -1;
    w.tables[2].note = T("locked by pid 12");
    expect(&w, false, "UNREAD", "1 context table could not be read: Sensor locked by pid 12", "6 shows who");
    w.tables[2].rows = 7, w.tables[2].estimated = true;      /* an estimate is no reading */
    expect(&w, false, "UNREAD", "Sensor locked by pid 12", "r looks again");
    w.tables[2].min_rows = w.tables[2].fixture_rows = -1;
    expect(&w, false, "UNREAD", "Sensor locked by pid 12", "r looks again");
    w.tables[2].fixture_rows = 7;
    w.tables[2].note = NULL, w.tables[2].held = true, w.tables[2].rows = 3, w.tables[2].min_rows = -1;
    expect(&w, false, "HELD", "Sensor may have lost rows", "x h");
    w.facts.status_complete = false, w.facts.status_partial = true;
    expect(&w, false, "LOOKING", "counting", "");
}

static void numbers_as_people_read_them(void **state)
{
    (void)state;
    char out[HUMAN];
    assert_string_equal(human_count(out, 0), "0");
    assert_string_equal(human_count(out, 18204), "18 204");
    assert_string_equal(human_count(out, -1234567), "-1 234 567");
    assert_string_equal(human_count(out, INT64_MIN), "-9 223 372 036 854 775 808");
    assert_string_equal(human_short(out, 999), "999");
    assert_string_equal(human_short(out, 4812), "4.8k");
    assert_string_equal(human_short(out, 48213000), "48M");
    assert_string_equal(human_short(out, 999999), "999k");
    assert_string_equal(human_short(out, 1000000), "1.0M");
    assert_string_equal(human_short(out, INT64_MAX), "9.2E");
    assert_string_equal(human_bytes(out, 812), "812 B");
    assert_string_equal(human_bytes(out, 4100000), "4.1 MB");
    assert_string_equal(human_bytes(out, INT64_MAX), "9.2 EB");
    assert_string_equal(human_span(out, 240), "240 ms");
    assert_string_equal(human_span(out, 1250), "1.2 s");
    assert_string_equal(human_span(out, 17 * 3600000), "17 h");
    assert_string_equal(human_span(out, INT64_C(3) * 86400000), "3 d");
    assert_string_equal(human_timer(out, 12000), "00:12");
    assert_string_equal(human_timer(out, 3760000), "01:02:40");
    assert_string_equal(human_clock(out, human_parse_utc("2026-04-21T12:15:03Z")), "12:15Z");
    assert_int_equal(human_parse_utc("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(human_parse_utc("2000-02-29 12:00:00"), INT64_C(951825600000));
    assert_int_equal(human_parse_utc("2026-13-01T00:00:00Z"), -1);
    assert_int_equal(human_parse_utc("yesterday"), -1);
    assert_int_equal(human_parse_utc(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_wrong),
        cmocka_unit_test(not_connected),
        cmocka_unit_test(deleted_and_never_seeded_differ),
        cmocka_unit_test(refused_with_the_line_that_allows),
        cmocka_unit_test(the_ledger_speaks),
        cmocka_unit_test(too_few_rows_and_other_rows),
        cmocka_unit_test(broken_fixtures_are_never_healthy),
        cmocka_unit_test(what_was_not_seen_is_not_called_healthy),
        cmocka_unit_test(numbers_as_people_read_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
