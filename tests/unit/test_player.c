/* The player's own state: time, idle cut, moments, marks, keys. Also that the room needs nothing of the rooms that
 * reach a database: this program is linked without them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/player.h"
#include "replay/replay.h"

enum { HOUR = 3600000 };

/* Five inputs: at once, after 1 s, after 1.5 s, after an hour, and half an hour later. */
static const int64_t offsets[] = {0, 0, 1000, 1500, HOUR, HOUR + HOUR / 2};
static const struct timeline time_line = {.count = 5, .offset_ms = offsets};
static struct marks marks;
/* 2026-04-21T12:00:00Z */
static const struct session_facts facts = {.time = &time_line, .marks = &marks, .started_ms = INT64_C(1776772800000)};

static struct player fresh(void)
{
    struct player p;
    player_start(&p);
    return p;
}

static void key(struct player *p, const char *name)
{
    const struct player_action *action = player_key(p, name);
    assert_non_null(action);
    player_act(p, &facts, action->name, 0);
}

static void test_timeline(void **state)
{
    (void)state;
    assert_int_equal(timeline_at(&time_line, -1), 0);
    assert_int_equal(timeline_at(&time_line, 0), 1);
    assert_int_equal(timeline_at(&time_line, 999), 1);
    assert_int_equal(timeline_at(&time_line, 1000), 2);
    assert_int_equal(timeline_at(&time_line, INT64_MAX), 5);
    assert_int_equal(timeline_length(&time_line), HOUR + HOUR / 2);
}

static void test_plays_in_real_time(void **state)
{
    (void)state;
    struct player p = fresh();
    p.playing = true;
    player_tick(&p, &facts, 0);
    assert_int_equal(p.position, 1);
    player_tick(&p, &facts, 999);
    assert_int_equal(p.position, 1);
    assert_int_equal(p.at_ms, 999);
    assert_int_equal(player_next(&p, &facts), 1);
    player_tick(&p, &facts, 1);
    assert_int_equal(p.position, 2);
}

static void test_speed(void **state)
{
    (void)state;
    struct player p = fresh();
    p.playing = true;
    player_tick(&p, &facts, 0);
    key(&p, "{");
    player_tick(&p, &facts, 1001);
    assert_int_equal(p.at_ms, 500);
    for (int i = 0; i < 20; i++)
        key(&p, "}");
    assert_int_equal(p.speed2, 128);
    player_tick(&p, &facts, 8);
    assert_int_equal(p.position, 2);
    for (int i = 0; i < 20; i++)
        key(&p, "{");
    assert_int_equal(p.speed2, 1);
}

/* The hour between 3 and 4 takes two seconds, unless all of it is wanted. */
static void test_idle_cut(void **state)
{
    (void)state;
    struct player p = fresh();
    player_go(&p, &facts, 3);
    p.playing = true;
    player_tick(&p, &facts, 1999);
    assert_int_equal(p.position, 3);
    player_tick(&p, &facts, 1);
    assert_int_equal(p.position, 4);
    assert_int_equal(p.at_ms, HOUR);
    player_go(&p, &facts, 3);
    assert_true(player_command(&p, &facts, "idle off"));
    player_tick(&p, &facts, 10000);
    assert_int_equal(p.position, 3);
    assert_true(player_command(&p, &facts, "idle 5"));
    assert_int_equal(p.idle_cut_ms, 5000);
    key(&p, "+");
    assert_int_equal(p.idle_cut_ms, 10000);
    key(&p, "-");
    assert_int_equal(p.idle_cut_ms, 5000);
}

static void test_the_end_pauses(void **state)
{
    (void)state;
    struct player p = fresh();
    p.playing = true;
    player_tick(&p, &facts, 100000);
    assert_int_equal(p.position, 5);
    assert_false(p.playing);
    key(&p, "space");
    assert_false(p.playing);
    assert_int_equal(player_next(&p, &facts), -1);
}

static void test_steps_both_ways(void **state)
{
    (void)state;
    struct player p = fresh();
    key(&p, ",");
    assert_int_equal(p.position, 0);
    for (uint64_t n = 1; n <= 5; n++) {
        key(&p, ".");
        assert_int_equal(p.position, n);
    }
    key(&p, ".");
    assert_int_equal(p.position, 5);
    key(&p, ",");
    assert_int_equal(p.position, 4);
    player_go_ms(&p, &facts, HOUR + 1000);     /* between two inputs: back is to the one that is shown */
    key(&p, ",");
    assert_int_equal(p.position, 4);
    assert_int_equal(p.at_ms, HOUR);
}

static void test_moments(void **state)
{
    (void)state;
    static const struct { const char *text; bool known; int64_t at_ms; } moments[] = {
        {"at 12:00:01", true, 1000}, {"12:00", true, 0}, {"13:10", true, HOUR + 600000}, {"13:10Z", true, HOUR + 600000},
        {"at 23:59", true, HOUR + HOUR / 2}, {"start", true, 0}, {"end", true, HOUR + HOUR / 2}, {"50%", true, HOUR * 3 / 4},
        {"100%", true, HOUR + HOUR / 2}, {"#2", true, 1000}, {"#99", true, HOUR + HOUR / 2}, {"+10m", true, 600000},
        {"+1s", true, 1000}, {"+1h", true, HOUR}, {"-10m", true, 0}, {"+5", true, 5000},
        {"101%", false, 0}, {"25:00", false, 0}, {"12:61", false, 0}, {"", false, 0}, {"+", false, 0}, {"+5x", false, 0},
        {"#", false, 0}, {"#2x", false, 0}, {"12:00:01x", false, 0}, {"at", false, 0}, {"50%%", false, 0}, {"+-5", false, 0},
        {"speed 0", false, 0}, {"speed 100", false, 0}, {"idle -1", false, 0}, {"+999999999999999999", false, 0},
    };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct player p = fresh();
        bool known = player_command(&p, &facts, moments[i].text);
        if (known != moments[i].known || (known && p.at_ms != moments[i].at_ms))
            print_error("\"%s\": %d, at %lld\n", moments[i].text, known, (long long)p.at_ms);
        assert_int_equal(known, moments[i].known);
        if (known)
            assert_int_equal(p.at_ms, moments[i].at_ms);
    }
}

static int make_marks(void **state)
{
    (void)state;
    marks_add(&marks, 4, HOUR, MARK_ERROR, false, "it failed");
    marks_add(&marks, 2, 1000, MARK_ACTION, false, "seeding local");
    marks_add(&marks, 5, HOUR + HOUR / 2, MARK_NOTE, true, "here it was fine");
    return 0;
}

static int drop_marks(void **state)
{
    (void)state;
    marks_free(&marks);
    return 0;
}

static void test_marks(void **state)
{
    (void)state;
    struct player p = fresh();
    key(&p, "]");
    assert_int_equal(p.position, 2);
    key(&p, "]");
    assert_int_equal(p.position, 4);
    key(&p, "o");
    assert_int_equal(p.position, 5);
    key(&p, "]");
    assert_int_equal(p.position, 5);
    assert_non_null(strstr(p.notice, "no mark after"));
    key(&p, "A");
    assert_int_equal(p.position, 2);
    key(&p, "e");
    assert_int_equal(p.position, 4);
    key(&p, "[");
    assert_int_equal(p.position, 2);
}

static void test_list_of_marks(void **state)
{
    (void)state;
    struct player p = fresh();
    struct player_pick picks[PLAYER_PICKS];
    key(&p, "'");
    assert_int_equal(player_picks(&p, &facts, picks), 3);
    player_type(&p, "FAIL");
    assert_int_equal(player_picks(&p, &facts, picks), 1);
    key(&p, "enter");
    assert_int_equal(p.position, 4);
    assert_int_equal(p.open, OPEN_NOTHING);
}

static void test_wants(void **state)
{
    (void)state;
    struct player p = fresh();
    key(&p, "n");
    assert_false(p.want.search);               /* nothing to search for */
    key(&p, "/");
    player_type(&p, "Station\033[2J");
    assert_string_equal(p.text, "Station[2J");
    key(&p, "enter");
    assert_true(p.want.search && !p.want.backwards);
    player_found(&p, &facts, 3);
    assert_int_equal(p.position, 3);
    p.want = (struct player_want){0};
    key(&p, "N");
    assert_true(p.want.search && p.want.backwards);
    key(&p, "m");
    key(&p, "enter");
    assert_false(p.want.note);                 /* an empty one is none */
    key(&p, "m");
    player_type(&p, "called them");
    key(&p, "enter");
    assert_true(p.want.note);
    key(&p, "c");
    assert_false(p.want.compare);
    key(&p, "M");
    key(&p, "c");
    assert_true(p.want.compare);
    key(&p, "esc");
    key(&p, "q");
    assert_true(p.want.quit);
}

static void test_typing_stays_in_bounds(void **state)
{
    (void)state;
    struct player p = fresh();
    key(&p, "m");
    for (int i = 0; i < 1000; i++)
        player_type(&p, "\xc3\xa9");
    assert_true(strlen(p.text) < sizeof p.text);
    assert_int_equal(strlen(p.text) % 2, 0);
    key(&p, "backspace");
    assert_int_equal(strlen(p.text) % 2, 0);
    for (int i = 0; i < 1000; i++)
        key(&p, "backspace");
    assert_string_equal(p.text, "");
}

/* A key means one thing wherever it works, a name one action, and every action says what it is. */
static void test_table(void **state)
{
    (void)state;
    for (int i = 0; i < player_action_count; i++) {
        const struct player_action *a = &player_actions[i];
        assert_true(a->title[0] && a->run && a->where);
        assert_ptr_equal(player_action_find(a->name), a);
        for (int k = 0; k < i; k++) {
            char keys[64], *save = NULL;
            if (!(player_actions[k].where & a->where))
                continue;
            snprintf(keys, sizeof keys, "%s", a->keys);
            for (char *word = strtok_r(keys, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                char padded[80], needle[40];
                snprintf(padded, sizeof padded, " %s ", player_actions[k].keys);
                snprintf(needle, sizeof needle, " %s ", word);
                if (strstr(padded, needle))
                    print_error("%s is both %s and %s\n", word, a->name, player_actions[k].name);
                assert_null(strstr(padded, needle));
            }
        }
    }
}

static void test_roam_leaves_the_consoles_keys_alone(void **state)
{
    (void)state;
    struct player p = fresh();
    key(&p, "R");
    assert_true(p.roam);
    static const char *const console[] = {"1", "4", "/", "f", "n", "N", "j", "k", "g", "G", "enter", "esc", "x", "r", "q",
                                          "-", "=", "y", "W", "tab", "left", "right", "e"};
    for (size_t i = 0; i < sizeof console / sizeof *console; i++)
        assert_null(player_key(&p, console[i]));
    key(&p, "R");
    assert_false(p.roam);
}

/* The whole room is in this program: a replay that reached for an operation would not have been linked. */
static void test_links_alone(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_not_equal(replay_run(&(struct replay_options){.path = "/nonexistent"}, &err), 0);
    assert_true(err.message[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline), cmocka_unit_test(test_plays_in_real_time), cmocka_unit_test(test_speed),
        cmocka_unit_test(test_idle_cut), cmocka_unit_test(test_the_end_pauses), cmocka_unit_test(test_steps_both_ways),
        cmocka_unit_test(test_moments), cmocka_unit_test(test_marks), cmocka_unit_test(test_list_of_marks),
        cmocka_unit_test(test_wants), cmocka_unit_test(test_typing_stays_in_bounds), cmocka_unit_test(test_table),
        cmocka_unit_test(test_roam_leaves_the_consoles_keys_alone), cmocka_unit_test(test_links_alone),
    };
    return cmocka_run_group_tests(tests, make_marks, drop_marks);
}
