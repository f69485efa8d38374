/* test_diagnose - the words of verdicts, the decision table row by row, the whole made of tables, and the note. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "diagnose/judge.h"
#include "diagnose/memory.h"
#include "diagnose/rules.h"
#include "event/codec.h"

enum { MINUTE = 60 * 1000, BORN = 1000 * MINUTE, FIRST = BORN + 10 * MINUTE, NOW = FIRST + 100 * MINUTE };

static void every_verdict_has_its_words(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_non_null(verdict_name((enum verdict)i));
        assert_true(strlen(verdict_meaning((enum verdict)i)) > 5);
        assert_int_equal(verdict_find(verdict_name((enum verdict)i)), i);
    }
    for (int i = 0; i < CONFIDENCE_COUNT; i++)
        assert_int_equal(confidence_find(confidence_name((enum confidence)i)), i);
    assert_int_equal(verdict_find("lost"), VERDICT_COUNT);
    assert_int_equal(verdict_find(NULL), VERDICT_COUNT);
    assert_int_equal(confidence_find("sure"), CONFIDENCE_COUNT);
}

/* ---- evidence to start from ---- */

static struct table_evidence tables[2];

/* An undisturbed cluster with a ledger and two tables of seven rows' floor, never written. */
static struct evidence clean(void)
{
    struct table_evidence never = {.name = "Gauge", .class = "context", .context = true, .floor = 7, .present = true,
        .rows = 0, .can_select = true, .kind = 'r', .persistence = 'p', .oid = 20001, .filenode = 20001, .schema = 2200,
        .schema_name = "public", .owner = "app", .reltuples = -1, .reltuples_told = true, .indexes = 1,
        .constraints = 1, .file_age = 50, .row_age = 50, .file_xid = "700", .row_xid = "700", .counters = true,
        .sequence = -1};
    tables[0] = tables[1] = never;
    tables[1].name = "Limit";
    tables[1].oid = tables[1].filenode = 20002;
    return (struct evidence){.version = 150008, .now_ms = NOW, .started_ms = BORN + 5000, .environment = "test",
        .user = "app", .database = "db", .database_oid = 16384, .system_identifier = 77, .born_ms = BORN,
        .public_oid = 2200, .cluster_reset_ms = BORN + 500, .statistics = true, .inserted_here = 500,
        .replay_lag = -1, .ledger = true, .ledger_rows = 3, .ledger_xids = 3, .ledger_moments = 3,
        .ledger_first_ms = FIRST, .ledger_last_ms = FIRST + 1000, .ledger_age = 40, .tables = tables, .count = 2};
}

/* ---- a case for each rule: what is changed of the clean evidence to make it the first that holds ---- */

static struct seen_table seen_gauge = {"Gauge", 20001, 20001, 7, 7, 0, 0, 0};
static struct other_database others[] = {{"prod", 16999, 90000, 0, true}};

static void remembered(struct evidence *e, int64_t cluster, int64_t database)
{
    e->seen = (struct seen){.healthy_ms = NOW - MINUTE, .system_identifier = cluster, .database = database,
                            .tables = &seen_gauge, .table_count = 1};
    tables[0].seen = &seen_gauge;
    seen_gauge = (struct seen_table){"Gauge", 20001, 20001, 7, 7, 0, 0, 0};
}
static void new_file(struct table_evidence *t) { t->filenode = 30000; t->file_age = t->row_age = 5; t->file_xid = t->row_xid = "745"; }
static void counted(struct table_evidence *t, int64_t inserted, int64_t deleted, int64_t dead)
{
    t->inserted = inserted;
    t->deleted = deleted;
    t->dead = dead;
}
static void pages(struct table_evidence *t) { t->heap = t->index_excess = 8192; }
static void crashed(struct evidence *e) { e->cluster_reset_ms = NOW - MINUTE; }

static void c_twin(struct evidence *e) { (void)e; tables[0].twin = "old.Gauge"; }
static void c_missing(struct evidence *e) { (void)e; tables[0].present = false; }
static void c_rls(struct evidence *e) { (void)e; tables[0].rls = tables[0].counted = true; tables[0].live = tables[0].inserted = 7; pages(tables); }
static void c_rls_large(struct evidence *e) { (void)e; tables[0].rls = true; tables[0].rows = tables[0].live = 900000; pages(tables); }
static void c_rls_lost(struct evidence *e) { crashed(e); tables[0].rls = tables[0].counted = true; pages(tables); }
static void c_privilege(struct evidence *e) { (void)e; tables[0].can_select = false; tables[0].rows = 7; }
static void c_uncountable(struct evidence *e) { crashed(e); tables[0].rows = -1; pages(tables); }
static void c_there(struct evidence *e) { (void)e; tables[0].rows = tables[0].live = tables[0].inserted = 7; pages(tables); }
static void c_there_blurred(struct evidence *e) { c_there(e); tables[0].dead = 3; }
static void c_new_cluster(struct evidence *e) { remembered(e, 66, 16384); seen_gauge.oid = 18000; e->born_ms = e->cluster_reset_ms = NOW - MINUTE / 2; e->ledger_first_ms = NOW - MINUTE / 4; }
static void c_new_cluster_dump(struct evidence *e) { c_new_cluster(e); e->ledger_xids = 1; }
static void c_other_server(struct evidence *e) { remembered(e, 66, 16384); seen_gauge.oid = 18000; }
static void c_other_database(struct evidence *e) { remembered(e, 77, 16999); e->databases = others; e->database_count = 1; }
static void c_new_database(struct evidence *e) { remembered(e, 77, 16000); }
static void c_new_table(struct evidence *e) { remembered(e, 77, 16384); seen_gauge.oid = 18000; }
static void c_seen_file(struct evidence *e) { remembered(e, 77, 16384); new_file(tables); counted(tables, 7, 0, 0); }
static void c_seen_gone(struct evidence *e) { remembered(e, 77, 16384); crashed(e); pages(tables); }
static void c_seen_older(struct evidence *e) { remembered(e, 77, 16384); }
static void c_paused(struct evidence *e) { e->standby = e->replay_paused = true; }
static void c_behind(struct evidence *e) { e->standby = true; }
static void c_detached(struct evidence *e) { (void)e; tables[0].kind = 'p'; tables[0].filenode = 0; tables[0].renamed = "public.p0"; }
static void c_no_partitions(struct evidence *e) { (void)e; tables[0].kind = 'p'; tables[0].filenode = 0; tables[0].reltuples = 7; }
static void c_renamed(struct evidence *e) { (void)e; tables[0].renamed = "public.old"; tables[0].renamed_is_older = true; }
static void c_copied(struct evidence *e) { (void)e; tables[0].renamed = "public.copy"; }
static void c_prepared(struct evidence *e) { (void)e; tables[0].writer = "x"; tables[0].prepared = tables[0].writer_has_xid = true; pages(tables); }
static void c_prepared_lost(struct evidence *e) { crashed(e); c_prepared(e); }
static void c_loading(struct evidence *e) { (void)e; tables[0].writer = "x"; tables[0].writer_has_xid = true; pages(tables); }
static void c_loading_again(struct evidence *e) { c_loading(e); counted(tables, 7, 0, 7); }
static void c_unlogged(struct evidence *e) { crashed(e); tables[0].persistence = 'u'; tables[0].reltuples = 7; }
static void c_unlogged_small(struct evidence *e) { crashed(e); tables[0].persistence = 'u'; }
static void c_truncated_all(struct evidence *e) { (void)e; for (int i = 0; i < 2; i++) { new_file(&tables[i]); counted(&tables[i], 7, 0, 0); } }
static void c_truncated(struct evidence *e) { (void)e; new_file(tables); counted(tables, 7, 2, 0); }
static void c_truncated_vacuumed(struct evidence *e) { c_truncated(e); tables[0].reltuples = 0; }
static void c_rewritten(struct evidence *e) { (void)e; new_file(tables); counted(tables, 7, 7, 7); tables[0].reltuples = 0; }
static void c_rewritten_lost(struct evidence *e) { crashed(e); new_file(tables); counted(tables, 3, 7, 0); }
static void c_truncated_lost(struct evidence *e) { crashed(e); new_file(tables); tables[0].analysed_columns = 3; }
static void c_rewritten_empty(struct evidence *e) { c_truncated_lost(e); tables[0].reltuples = 0; }
/* three times VACUUM FULL beside a transaction that was open all the while */
static void c_rewritten_beside(struct evidence *e)
{
    crashed(e);
    for (int i = 0; i < 2; i++) {
        new_file(&tables[i]);
        tables[i].analysed_columns = 3;
        tables[i].reltuples = 0;
    }
    tables[1].row_xid = "746";
}
static void c_by_hand(struct evidence *e) { crashed(e); new_file(tables); }
static void c_deleted(struct evidence *e) { (void)e; counted(tables, 7, 7, 7); pages(tables); }
static void c_deleted_some(struct evidence *e) { (void)e; counted(tables, 14, 7, 14); pages(tables); }
static void c_truncated_failed(struct evidence *e) { (void)e; new_file(tables); counted(tables, 14, 0, 7); tables[0].analysed_columns = 3; pages(tables); }
static void c_analysed_replaced(struct evidence *e) { crashed(e); new_file(tables); tables[0].analysed_columns = 3; pages(tables); }
static void c_analysed(struct evidence *e) { crashed(e); tables[0].analysed_columns = 3; pages(tables); }
static void c_rolled_back(struct evidence *e) { (void)e; counted(tables, 7, 0, 7); pages(tables); }
static void c_rolled_back_vacuumed(struct evidence *e) { (void)e; counted(tables, 7, 0, 0); tables[0].index_excess = 8192; }
static void c_truncated_failed_small(struct evidence *e) { (void)e; new_file(tables); counted(tables, 14, 0, 7); pages(tables); }
static void c_rolled_back_lost(struct evidence *e) { crashed(e); counted(tables, 7, 0, 7); pages(tables); }
static void c_written_once(struct evidence *e) { crashed(e); pages(tables); }
static void c_written_anew(struct evidence *e) { crashed(e); new_file(tables); pages(tables); }
static void c_dump(struct evidence *e) { e->ledger_xids = 1; }
static void c_older_ledger(struct evidence *e) { e->ledger_first_ms = BORN - 5 * MINUTE; }
static void c_recreated(struct evidence *e) { e->residual = 20; e->dropped_constraints = e->dropped_indexes = 2; e->dropped_schemas = 1; }
static void c_recreated_schema(struct evidence *e) { crashed(e); e->public_oid = tables[0].schema = 17000; }
static void c_recreated_rows(struct evidence *e) { e->residual = 20; }
static void c_old_cluster(struct evidence *e) { e->ledger_first_ms = BORN + 48 * 60 * MINUTE; }
static void c_young_cluster(struct evidence *e) { (void)e; }
static void c_undated(struct evidence *e) { crashed(e); new_file(tables); tables[0].file_age = 60; }
static void c_never(struct evidence *e) { e->dropped_databases = 1; }
static void c_never_whole(struct evidence *e) { (void)e; tables[0].rows = tables[0].live = tables[0].inserted = 3; pages(tables); }
static void c_nothing(struct evidence *e) { (void)e; tables[0].updated = 1; }
static void c_truncated_perhaps(struct evidence *e) { c_truncated_vacuumed(e); }

static const struct { const char *rule; void (*make)(struct evidence *); } cases[] = {
    {"twin", c_twin}, {"missing", c_missing}, {"row-security", c_rls}, {"row-security-uncounted", c_rls_large},
    {"row-security-or-gone", c_rls_lost}, {"privilege", c_privilege}, {"uncountable", c_uncountable},
    {"there-counted", c_there}, {"there", c_there_blurred}, {"seen-new-cluster-restored", c_new_cluster_dump},
    {"seen-new-cluster", c_new_cluster}, {"seen-other-server", c_other_server},
    {"seen-other-database", c_other_database}, {"seen-new-database", c_new_database}, {"seen-new-table", c_new_table},
    {"seen-new-file", c_seen_file}, {"seen-and-gone", c_seen_gone}, {"seen-older-state", c_seen_older},
    {"replay-paused", c_paused}, {"replay-behind", c_behind}, {"detached", c_detached},
    {"no-partitions", c_no_partitions}, {"renamed", c_renamed}, {"copied", c_copied}, {"prepared", c_prepared},
    {"prepared-perhaps", c_prepared_lost}, {"loading", c_loading}, {"loading-perhaps", c_loading_again},
    {"unlogged", c_unlogged}, {"unlogged-perhaps", c_unlogged_small}, {"truncated-at-once", c_truncated_all},
    {"truncated", c_truncated}, {"truncated-perhaps", c_truncated_perhaps}, {"deleted-rewritten", c_rewritten},
    {"deleted-or-truncated", c_rewritten_lost}, {"truncated-counters-lost", c_truncated_lost},
    {"rewritten-empty", c_rewritten_empty}, {"rewritten-empty", c_rewritten_beside}, {"file-by-hand", c_by_hand}, {"deleted-counted", c_deleted},
    {"deleted-some", c_deleted_some}, {"truncated-then-failed", c_truncated_failed},
    {"analysed-replaced", c_analysed_replaced}, {"analysed", c_analysed}, {"rolled-back", c_rolled_back},
    {"rolled-back-vacuumed", c_rolled_back_vacuumed}, {"truncated-then-failed-perhaps", c_truncated_failed_small},
    {"rolled-back-perhaps", c_rolled_back_lost}, {"written-anew", c_written_anew}, {"written-once", c_written_once}, {"dump", c_dump},
    {"older-ledger", c_older_ledger}, {"recreated", c_recreated}, {"recreated-schema", c_recreated_schema},
    {"recreated-perhaps", c_recreated_rows}, {"never-old-cluster", c_old_cluster},
    {"never-young-cluster", c_young_cluster}, {"file-undated", c_undated}, {"never", c_never},
    {"never-whole", c_never_whole}, {"nothing", c_nothing},
};

static void each_rule_has_a_case_and_is_the_first_to_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evidence e = clean();
        cases[i].make(&e);
        assert_string_equal(diagnose_rule_for(&e, &tables[0])->name, cases[i].rule);
    }
}

/* other-database is an alternative only: what is below "never" never comes first for an untouched table. */
static void no_rule_is_without_a_case(void **state)
{
    (void)state;
    for (int r = 0; r < diagnose_rule_count; r++) {
        const struct diagnose_rule *rule = &diagnose_rules[r];
        bool found = strcmp(rule->name, "other-database") == 0;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            found |= strcmp(cases[i].rule, rule->name) == 0;
        if (!found)
            fail_msg("no case for rule %s", rule->name);
        assert_true(strlen(rule->sentence) > 10 && rule->sentence[strlen(rule->sentence) - 1] == '.');
        for (int n = 0; n < r; n++)
            assert_string_not_equal(diagnose_rules[n].name, rule->name);
        /* what cannot be told from something else is never sure */
        assert_true(!rule->cannot || rule->confidence <= CONFIDENCE_MEDIUM);
        assert_false(rule->cannot & 1u << rule->verdict);
    }
}

/* ---- the whole ---- */

static void a_mixture_is_told_as_such(void **state)
{
    (void)state;
    struct evidence e = clean();
    struct fact_diagnosis d = {0};
    c_truncated(&e);
    diagnose_judge(&e, &d);
    assert_string_equal(d.verdict, "truncated");
    assert_string_equal(d.confidence, "high");
    assert_true(d.mixed);
    assert_non_null(strstr(d.sentence, "Those of Limit were never written."));
    assert_string_equal(d.by, "transaction 745");
    codec_free(&type_fact_diagnosis, &d);
}

static void a_table_that_cannot_be_told_follows_one_that_can(void **state)
{
    (void)state;
    struct evidence e = clean();
    struct fact_diagnosis d = {0};
    crashed(&e);
    pages(&tables[0]);
    pages(&tables[1]);
    tables[1].analysed_columns = 3;
    diagnose_judge(&e, &d);
    assert_string_equal(d.tables[0].rule, "written-once");
    assert_string_equal(d.tables[0].verdict, "deleted");
    assert_string_equal(d.verdict, "deleted");
    assert_string_equal(d.confidence, "high");
    assert_false(d.mixed);
    codec_free(&type_fact_diagnosis, &d);
}

static void what_cannot_be_told_says_so_and_starts_with_first_aid(void **state)
{
    (void)state;
    struct evidence e = clean();
    struct fact_diagnosis d = {0};
    crashed(&e);
    pages(&tables[0]);
    pages(&tables[1]);
    diagnose_judge(&e, &d);
    assert_true(d.cannot_tell);
    assert_string_equal(d.alternatives[0].verdict, "deleted");
    assert_non_null(strstr(d.sentence, "Or perhaps they were deleted by SQL; nothing here tells which."));
    assert_non_null(strstr(d.next[0].text, "Read nothing"));
    codec_free(&type_fact_diagnosis, &d);
}

static void what_was_refused_is_never_zero(void **state)
{
    (void)state;
    struct evidence e = clean();
    struct fact_diagnosis d = {0};
    e.unread = (struct unread[]){{"analysed values", "not permitted", "pg_stats", "GRANT SELECT ON t TO app", true}};
    e.unread_count = 1;
    diagnose_judge(&e, &d);
    assert_int_equal(d.denied_count, 1);
    assert_string_equal(d.denied[0].grant, "GRANT SELECT ON t TO app");
    assert_string_equal(d.evidence[d.evidence_count - 1].problem, "not permitted");
    codec_free(&type_fact_diagnosis, &d);
}

static void the_bracket_is_the_last_fine_and_the_first_lost_moment(void **state)
{
    (void)state;
    struct evidence e = clean();
    struct fact_diagnosis d = {0};
    c_deleted(&e);
    tables[0].reltuples = 0;
    tables[0].vacuumed_ms = NOW - 2 * MINUTE;
    diagnose_judge(&e, &d);
    assert_string_equal(d.since_why, "the first migration");
    assert_string_equal(d.until_why, "a vacuum found no row");
    codec_free(&type_fact_diagnosis, &d);
}

static void counters_of_an_estimate_are_not_certain_after_a_crash(void **state)
{
    (void)state;
    struct evidence e = clean();
    crashed(&e);
    counted(tables, 7, 7, 7);
    pages(tables);
    tables[0].counted = false;
    assert_string_equal(diagnose_rule_for(&e, &tables[0])->name, "deleted-some");
    tables[0].counted = true;
    assert_string_equal(diagnose_rule_for(&e, &tables[0])->name, "deleted-counted");
}

/* ---- the manual ---- */

static char *squeezed(const char *text)
{
    struct str out = {0};
    for (const char *c = text; *c; c++)
        if (*c != '\n' && *c != ' ')
            str_add_char(&out, *c);
        else if (out.length && out.text[out.length - 1] != ' ')
            str_add_char(&out, ' ');
    return str_take(&out);
}

/* The page has each rule as ".It Sy NAME" with verdict, confidence and sentence, in the table's order. */
static void the_manual_has_the_table(void **state)
{
    (void)state;
    const char *top = getenv("TOP");
    char *path = file_join(top ? top : TOP_SRCDIR, "man/seedops-diagnose.7"), *bytes;
    struct err err = {0};
    size_t length;
    assert_true(file_read(path, 1 << 20, &bytes, &length, &err));
    char *page = squeezed(bytes), *at = page;
    for (int r = 0; r < diagnose_rule_count; r++) {
        const struct diagnose_rule *rule = &diagnose_rules[r];
        struct str item = {0};
        str_printf(&item, ".It Sy %s .Em %s , %s. %s", rule->name, verdict_name(rule->verdict),
                   confidence_name(rule->confidence), rule->sentence);
        char *found = strstr(at, str_text(&item));
        if (!found)
            fail_msg("the manual lacks, or has in another place: %s", str_text(&item));
        at = found;
        str_free(&item);
    }
    for (int v = 0; v < VERDICT_COUNT; v++)
        assert_non_null(strstr(page, verdict_meaning((enum verdict)v)));
    free(page);
    free(bytes);
    free(path);
}

/* ---- the note of a healthy visit ---- */

static void a_note_comes_back(void **state)
{
    (void)state;
    struct memory_key key = {"/etc/seedops.yaml", "prod"};
    struct seen_table noted[] = {{"Gauge", 1, 2, 3, 4, 5, 0, 0}, {"a \"b\"", 6, 7, 8, 9, 10, 11, 12}};
    struct seen seen = {.healthy_ms = NOW, .system_identifier = 7301, .database = 16384, .database_name = "db",
                        .tables = noted, .table_count = 2}, back;
    struct str text = {0};
    struct arena arena = {0};
    struct err err = {0};
    memory_format(&key, &seen, &text);
    assert_true(memory_parse(text.text, text.length, &arena, &back, &err));
    assert_int_equal(back.healthy_ms, NOW);
    assert_int_equal(back.table_count, 2);
    assert_string_equal(back.tables[1].name, "a \"b\"");
    assert_int_equal(back.tables[1].deleted, 10);
    assert_int_equal(back.tables[1].lost_ms, 11);
    assert_int_equal(back.tables[1].lost_rows, 12);
    assert_int_equal(back.tables[0].lost_ms, 0);
    /* cut anywhere, it is refused and nothing of it is believed */
    for (size_t cut = 0; cut + 2 < text.length; cut++) {
        assert_false(memory_parse(text.text, cut, &arena, &back, &err));
        assert_int_equal(back.healthy_ms, 0);
    }
    str_free(&text);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_has_its_words),
        cmocka_unit_test(each_rule_has_a_case_and_is_the_first_to_hold),
        cmocka_unit_test(no_rule_is_without_a_case),
        cmocka_unit_test(a_mixture_is_told_as_such),
        cmocka_unit_test(a_table_that_cannot_be_told_follows_one_that_can),
        cmocka_unit_test(what_cannot_be_told_says_so_and_starts_with_first_aid),
        cmocka_unit_test(what_was_refused_is_never_zero),
        cmocka_unit_test(the_bracket_is_the_last_fine_and_the_first_lost_moment),
        cmocka_unit_test(counters_of_an_estimate_are_not_certain_after_a_crash),
        cmocka_unit_test(the_manual_has_the_table),
        cmocka_unit_test(a_note_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
