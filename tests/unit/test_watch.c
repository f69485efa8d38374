/* What a watch tells: the state before and the one that was found, row by row; and the state's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "op/watch_decide.h"

/* A state in a line: "away", "stranger", "standby", "relinked", "ledger=WHY", "start=N", "db=N", "wall=N", "mono=N",
 * "boot=N", "T=rows/floor" tables ("-": not there; "?": unknown; "h" behind: held), "m:NAME=STATE" migrations;
 * "notables", "nomigrations": not known. */
static enum migration_state state_named(const char *name)
{
    int i = 0;
    while (i < MIGRATION_STATE_COUNT && strcmp(name, migration_state_name((enum migration_state)i)) != 0)
        i++;
    assert_true(i < MIGRATION_STATE_COUNT);
    return (enum migration_state)i;
}

static void put_table(struct watch_state *s, const char *name, const char *value)
{
    struct watch_table *t = &s->tables[s->table_count++];
    *t = (struct watch_table){.name = arena_strdup(&s->arena, name), .there = *value != '-', .rows = -1, .floor = -1};
    if (*value != '-' && *value != '?')
        t->rows = strtoll(value, NULL, 10);
    const char *slash = strchr(value, '/');
    if (slash)
        t->floor = strtoll(slash + 1, NULL, 10);
    t->held = strchr(value, 'h') != NULL;
}

static void put_word(struct watch_state *s, char *word)
{
    char *value = strchr(word, '=');
    if (value)
        *value++ = '\0';
    if (strcmp(word, "away") == 0) {
        s->away = true;
        s->away_ms = 1000;
        s->away_why = "refused";
    } else if (strcmp(word, "stranger") == 0) {
        s->stranger = true;
        s->identity.database_oid = 99;
    } else if (strcmp(word, "standby") == 0) {
        s->standby = true;
    } else if (strcmp(word, "relinked") == 0) {
        s->relinked = true;
    } else if (strcmp(word, "notables") == 0) {
        s->tables_known = false;
    } else if (strcmp(word, "nomigrations") == 0) {
        s->migrations_known = false;
    } else if (strcmp(word, "ledger") == 0) {
        s->ledger_problem = arena_strdup(&s->arena, value);
        s->migrations_known = false;
    } else if (strcmp(word, "start") == 0) {
        s->started_ms = strtoll(value, NULL, 10);
    } else if (strcmp(word, "db") == 0) {
        s->identity.database_oid = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(word, "wall") == 0) {
        s->wall_ms = strtoll(value, NULL, 10);
    } else if (strcmp(word, "mono") == 0) {
        s->mono_ms = s->boot_ms = strtoll(value, NULL, 10);
    } else if (strcmp(word, "boot") == 0) {
        s->boot_ms = strtoll(value, NULL, 10);
    } else if (strncmp(word, "m:", 2) == 0) {
        s->migrations[s->migration_count++] = (struct watch_migration){arena_strdup(&s->arena, word + 2), state_named(value)};
    } else {
        put_table(s, word, value);
    }
}

static void make(struct watch_state *s, const char *line)
{
    enum { MOST = 32 };
    char *copy = strdup(line), *save = NULL;
    *s = (struct watch_state){.wall_ms = 100000, .started_ms = 5, .tables_known = true, .migrations_known = true,
                              .identity = {.system_identifier = "7", .database_oid = 1, .database = "d"}};
    s->tables = arena_alloc(&s->arena, MOST * sizeof *s->tables);
    s->migrations = arena_alloc(&s->arena, MOST * sizeof *s->migrations);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        put_word(s, word);
    if (s->away)
        s->tables_known = s->migrations_known = false;
    free(copy);
}

/* "" : nothing was ever looked at. Tables get their `lacking` as a look before would have told it. */
static void make_before(struct watch_state *s, const char *line)
{
    *s = (struct watch_state){0};
    if (!*line)
        return;
    make(s, line);
    for (size_t i = 0; i < s->table_count; i++)
        s->tables[i].lacking = watch_lacks(&s->tables[i], NULL);
}

static const struct { const char *what, *before, *now, *events; enum err_class health; } rows[] = {
    {"the first look, all well", "", "T=7/7 m:1=applied", "", ERR_NONE},
    {"the first look, rows missing", "", "T=0/7 m:1=applied", "below-floor(T)", ERR_DIFFERENT},
    {"the first look, nobody there", "", "away", "unreachable", ERR_NOT_READY},
    {"the first look, migrations pending", "", "m:1=applied m:2=pending", "migration-pending(2)", ERR_DIFFERENT},
    {"nothing changed", "T=7/7 m:1=applied", "T=7/7 m:1=applied", "", ERR_NONE},
    {"more rows", "T=7/7", "T=9/7", "", ERR_NONE},
    {"fewer, but enough", "T=9/7", "T=7/7", "", ERR_NONE},
    {"below", "T=7/7 U=3/3", "T=6/7 U=3/3", "below-floor(T)", ERR_DIFFERENT},
    {"several at once are one event", "T=7/7 U=3/3", "T=0/7 U=0/3", "below-floor(T U)", ERR_DIFFERENT},
    {"said already", "T=0/7", "T=0/7", "", ERR_DIFFERENT},
    {"even fewer is no news", "T=3/7", "T=0/7", "", ERR_DIFFERENT},
    {"another one as well", "T=0/7 U=3/3", "T=0/7 U=0/3", "below-floor(U)", ERR_DIFFERENT},
    {"there again", "T=0/7", "T=7/7", "floor-restored(T)", ERR_NONE},
    {"one falls, one rises", "T=0/7 U=3/3", "T=7/7 U=0/3", "below-floor(U) floor-restored(T)", ERR_DIFFERENT},
    {"held is lost", "T=7/7", "T=?/7h", "below-floor(T)", ERR_DIFFERENT},
    {"unknown stays what it was: well", "T=7/7", "T=?/7", "", ERR_NONE},
    {"unknown stays what it was: lost", "T=0/7", "T=?/7", "", ERR_DIFFERENT},
    {"gone altogether", "T=7/7", "T=-/7", "below-floor(T)", ERR_DIFFERENT},
    {"no floor, emptied", "T=7", "T=0", "below-floor(T)", ERR_DIFFERENT},
    {"no floor, always empty", "T=0", "T=0", "", ERR_NONE},
    {"no floor, never looked at", "", "T=0", "", ERR_NONE},
    {"a new table below its floor", "T=7/7", "T=7/7 U=0/3", "below-floor(U)", ERR_DIFFERENT},
    {"went away", "T=7/7 m:1=applied", "away", "unreachable", ERR_NOT_READY},
    {"is still away", "away", "away", "", ERR_NOT_READY},
    {"came back", "away", "T=7/7 start=5", "reachable", ERR_NONE},
    {"came back, another start", "away start=5", "start=9", "reachable", ERR_NONE},
    {"came back, rows lost meanwhile", "T=7/7 away", "T=0/7", "reachable below-floor(T)", ERR_DIFFERENT},
    {"came back, lost before and said so", "T=0/7 away", "T=0/7", "reachable", ERR_DIFFERENT},
    {"restarted between two looks", "T=7/7", "T=7/7 start=9 relinked", "restarted", ERR_NONE},
    {"the connection alone was lost", "T=7/7", "T=7/7 relinked", "reconnected", ERR_NONE},
    {"another database: its rows say nothing", "T=7/7 m:1=applied", "stranger T=0/7 m:1=pending", "identity-changed", ERR_DIFFERENT},
    {"still that other one", "T=7/7 stranger", "T=0/7 stranger", "", ERR_DIFFERENT},
    {"yet another one", "stranger", "stranger db=100", "identity-changed", ERR_DIFFERENT},
    {"the known one again", "T=7/7 stranger", "T=7/7", "identity-restored", ERR_NONE},
    {"accepted, and empty", "T=7/7 stranger", "T=0/7 db=99", "identity-restored below-floor(T)", ERR_DIFFERENT},
    {"promoted", "standby", "", "role-changed", ERR_NONE},
    {"demoted", "T=7/7", "T=7/7 standby", "role-changed", ERR_NONE},
    {"a migration came", "m:1=applied", "m:1=applied m:2=applied", "migration-applied(2)", ERR_NONE},
    {"three came", "m:1=applied", "m:1=applied m:2=applied m:3=applied m:4=applied", "migration-applied(2 3 4)", ERR_NONE},
    {"one that is not on our disk", "m:1=applied", "m:1=applied m:2=missing-on-disk", "migration-applied(2)", ERR_NONE},
    {"a pending one was applied", "m:1=pending", "m:1=applied", "migration-applied(1)", ERR_NONE},
    {"it runs", "m:1=pending", "m:1=running", "", ERR_NONE},
    {"it ran", "m:1=running", "m:1=applied", "migration-applied(1)", ERR_NONE},
    {"it failed", "m:1=running", "m:1=failed", "migration-failed(1)", ERR_MIGRATION},
    {"failed, said already", "m:1=failed", "m:1=failed", "", ERR_MIGRATION},
    {"resolved as rolled back", "m:1=failed", "m:1=rolled-back", "migration-resolved(1) migration-pending(1)", ERR_DIFFERENT},
    {"resolved as applied", "m:1=failed", "m:1=applied", "migration-resolved(1)", ERR_NONE},
    {"its row was taken away", "m:1=failed", "", "migration-resolved(1)", ERR_NONE},
    {"a file was changed", "m:1=applied", "m:1=modified", "migration-modified(1)", ERR_DIFFERENT},
    {"and put back", "m:1=modified", "m:1=applied", "migration-mended(1)", ERR_NONE},
    {"the ledger was emptied", "m:1=applied m:2=applied", "m:1=pending m:2=pending", "migration-forgotten(1 2)", ERR_DIFFERENT},
    {"a row of another release went", "m:1=applied m:2=missing-on-disk", "m:1=applied", "migration-forgotten(2)", ERR_NONE},
    {"not readable", "m:1=applied", "ledger=no", "ledger-unreadable", ERR_MIGRATION},
    {"not readable, said already", "m:1=applied ledger=no", "ledger=no", "", ERR_MIGRATION},
    {"readable again, one more", "m:1=applied ledger=no", "m:1=applied m:2=applied", "ledger-readable", ERR_NONE},
    {"locked for a moment", "m:1=applied", "nomigrations", "", ERR_NONE},
    {"two kinds at once", "T=7/7 m:1=applied", "T=0/7 m:1=applied m:2=applied", "below-floor(T) migration-applied(2)", ERR_DIFFERENT},
    {"the clock set forward", "wall=100000 mono=50", "wall=3700000 mono=10050", "clock-jumped", ERR_NONE},
    {"the clock set back", "wall=9000000 mono=50", "wall=100000 mono=10050", "clock-jumped", ERR_NONE},
    {"trimmed", "wall=100000 mono=50", "wall=110900 mono=10050", "", ERR_NONE},
    {"asleep", "wall=100000 mono=50 boot=50", "wall=3710000 mono=10050 boot=3610050", "suspended", ERR_NONE},
    {"asleep, and the clock was wrong", "wall=100000 mono=50 boot=50", "wall=9000000 mono=10050 boot=3610050",
     "suspended clock-jumped", ERR_NONE},
    {"a late look is no jump", "wall=100000 mono=50", "wall=400000 mono=300050", "", ERR_NONE},
    {"after a restart of the watch clocks do not compare", "wall=100000", "wall=9000000 mono=10", "", ERR_NONE},
};

static void describe(const struct watch_event *events, size_t count, struct str *out)
{
    for (size_t i = 0; i < count; i++) {
        str_printf(out, "%s%s", i ? " " : "", events[i].rule->name);
        if (events[i].table_count || events[i].migration_count) {
            str_add(out, "(");
            for (size_t k = 0; k < events[i].table_count; k++)
                str_printf(out, "%s%s", k ? " " : "", events[i].tables[k]->name);
            for (size_t k = 0; k < events[i].migration_count; k++)
                str_printf(out, "%s%s", k ? " " : "", events[i].migrations[k]->name);
            str_add(out, ")");
        }
        assert_non_null(events[i].text);
        assert_true(strlen(events[i].text) > 10);
    }
}

static void each_row(void **state)
{
    bool seen[WATCH_EVENTS] = {false};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct watch_state before, now;
        struct watch_event events[WATCH_EVENTS];
        struct str found = {0};
        make_before(&before, rows[i].before);
        make(&now, rows[i].now);
        before.serial = 40;
        size_t count = watch_decide(&before, &now, events);
        describe(events, count, &found);
        for (size_t k = 0; k < count; k++) {
            seen[events[k].rule - watch_rules] = true;
            assert_int_equal(events[k].serial, 41 + (int64_t)k);
        }
        if (strcmp(str_text(&found), rows[i].events) != 0 || watch_health(&now) != rows[i].health)
            fail_msg("%s: got \"%s\" (%s), want \"%s\" (%s)", rows[i].what, str_text(&found),
                     err_class_name(watch_health(&now)), rows[i].events, err_class_name(rows[i].health));
        assert_int_equal(now.serial, 40 + (int64_t)count);
        /* told once: the same look again has nothing to say */
        struct watch_state again;
        make(&again, rows[i].now);
        again.relinked = false;
        again.wall_ms = now.wall_ms;
        again.mono_ms = now.mono_ms;
        again.boot_ms = now.boot_ms;
        if (watch_decide(&now, &again, events) != 0)
            fail_msg("%s: \"%s\" is told twice", rows[i].what, events[0].rule->name);
        watch_state_free(&again);
        str_free(&found);
        watch_state_free(&before);
        watch_state_free(&now);
    }
    for (int i = 0; i < watch_rule_count; i++)
        if (!seen[i])
            fail_msg("no row of the table has the event %s", watch_rules[i].name);
}

static void the_schema_knows_every_event(void **state)
{
    char *text, word[64];
    size_t length;
    struct err err = {0};
    (void)state;
    assert_true(file_read(TOP_SRCDIR "/schemas/watch-event.schema.json", 1 << 20, &text, &length, &err));
    for (int i = 0; i < watch_rule_count; i++) {
        snprintf(word, sizeof word, "\"%s\"", watch_rules[i].name);
        if (!strstr(text, word))
            fail_msg("the schema does not know %s", word);
    }
    free(text);
}

static void the_state_survives_its_file(void **state)
{
    const struct watch_key key = {"config", "environment"};
    struct watch_state s, back;
    struct str text = {0};
    struct err err = {0};
    (void)state;
    make(&s, "T=7/7 U=-/3 V=?/2h m:1=applied m:2=failed start=77 standby");
    s.serial = 12;
    watch_state_format(&key, &s, &text);
    assert_true(watch_state_parse(str_text(&text), text.length, &back, &err));
    assert_true(watch_same(&s, &back));
    assert_int_equal(back.wall_ms, s.wall_ms);
    watch_state_free(&back);
    for (size_t cut = 0; cut + 2 < text.length; cut++) {
        assert_false(watch_state_parse(str_text(&text), cut, &back, &err));
        assert_int_equal(back.wall_ms, 0);
    }
    str_free(&text);
    watch_state_free(&s);
}

static void one_watch_keeps_the_file(void **state)
{
    const struct watch_key key = {"config", "environment"};
    char dir[] = "/tmp/seedops-watch.XXXXXX";
    struct watch_state s, back;
    struct err err = {0};
    int first, second;
    bool other;
    (void)state;
    assert_non_null(mkdtemp(dir));
    setenv("XDG_STATE_HOME", dir, 1);
    assert_true(watch_state_read(&key, &back, &err));
    assert_int_equal(back.wall_ms, 0);
    assert_true(watch_state_lock(&key, 0, &first, &other, &err));
    assert_false(watch_state_lock(&key, 0, &second, &other, &err));
    assert_true(other);
    make(&s, "T=7/7");
    assert_true(watch_state_write(&key, &s, &err));
    assert_true(watch_state_read(&key, &back, &err));
    assert_true(watch_same(&s, &back));
    close(first);
    assert_true(watch_state_lock(&key, 0, &second, &other, &err));
    close(second);
    watch_state_free(&s);
    watch_state_free(&back);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(the_schema_knows_every_event),
        cmocka_unit_test(the_state_survives_its_file),
        cmocka_unit_test(one_watch_keeps_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
