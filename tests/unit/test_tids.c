/* Sets of row places: membership, order, batches; the order of tables in a graph. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/graph.h"
#include "plan/tids.h"

static void test_places_are_kept_once(void **state)
{
    (void)state;
    struct tids t = {0};
    assert_true(tids_add(&t, 0, 1));
    assert_false(tids_add(&t, 0, 1));
    assert_true(tids_add(&t, 0, 64));
    assert_true(tids_add(&t, 4294967294u, 2047));
    assert_int_equal(t.count, 3);
    assert_true(tids_has(&t, 4294967294u, 2047));
    assert_false(tids_has(&t, 4294967294u, 2046));
    assert_false(tids_has(&t, 1, 1));
    tids_sort(&t);
    assert_true(tids_has(&t, 0, 64));
    assert_false(tids_has(&t, 64, 0));
    tids_free(&t);
    assert_false(tids_has(&t, 0, 1));
}

static void test_many_come_back_in_order(void **state)
{
    (void)state;
    struct tids t = {0};
    enum { MANY = 20000 };
    for (uint32_t i = 0; i < MANY; i++)
        tids_add(&t, (i * 7919u) % 5000u, (uint16_t)(1 + i % 200));
    uint64_t count = t.count, seen = 0, before = 0;
    tids_sort(&t);
    struct tids_cursor at = {0};
    uint32_t block;
    uint16_t offset;
    while (tids_next(&t, &at, &block, &offset)) {
        uint64_t place = (uint64_t)block << 16 | offset;
        assert_true(seen == 0 || place > before);
        before = place;
        seen++;
    }
    assert_int_equal(seen, count);
    tids_free(&t);
}

static void test_batches_are_array_texts(void **state)
{
    (void)state;
    struct tids t = {0}, except = {0};
    struct str text = {0};
    struct tids_cursor at = {0};
    for (uint16_t i = 1; i <= 5; i++)
        tids_add(&t, 3, i);
    tids_add(&except, 3, 2);
    tids_sort(&t);
    assert_int_equal(tids_batch(&t, &at, &except, 3, &text), 3);
    assert_string_equal(str_text(&text), "{\"(3,1)\",\"(3,3)\",\"(3,4)\"}");
    assert_int_equal(tids_batch(&t, &at, &except, 3, &text), 1);
    assert_string_equal(str_text(&text), "{\"(3,5)\"}");
    assert_int_equal(tids_batch(&t, &at, &except, 3, &text), 0);
    str_free(&text);
    tids_free(&t);
    tids_free(&except);
}

static void test_places_are_read(void **state)
{
    (void)state;
    uint32_t block;
    uint16_t offset;
    assert_true(tids_parse("(12,345)", &block, &offset));
    assert_int_equal(block, 12);
    assert_int_equal(offset, 345);
    static const char *const bad[] = {"", "12,3", "(12)", "(12,3", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tids_parse(bad[i], &block, &offset));
}

/* 0 is the parent of 1 and 2; 1 and 2 refer to each other; 3 hangs on 2; 4 is alone. */
static void test_parents_come_first_and_circles_together(void **state)
{
    (void)state;
    struct graph_relation relations[5];
    struct graph_edge edges[] = {{.child = 1, .parent = 0}, {.child = 2, .parent = 1}, {.child = 1, .parent = 2},
                                 {.child = 3, .parent = 2}};
    struct graph g = {.relations = relations, .relation_count = 5, .edges = edges, .edge_count = 4};
    bool in[5] = {true, true, true, true, true};
    size_t order[6], group[6], place[5];
    for (size_t i = 0; i < 5; i++)
        relations[i] = (struct graph_relation){.oid = (uint32_t)i + 1, .above = i, .family = i};
    assert_int_equal(graph_order(&g, in, order, group), 5);
    for (size_t i = 0; i < 5; i++)
        place[order[i]] = i;
    assert_true(place[0] < place[1] && place[0] < place[2]);
    assert_true(place[1] < place[3] && place[2] < place[3]);
    assert_int_equal(group[place[1]], group[place[2]]);
    assert_int_not_equal(group[place[0]], group[place[1]]);
    assert_int_not_equal(group[place[3]], group[place[1]]);
    in[1] = false;
    assert_int_equal(graph_order(&g, in, order, group), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_are_kept_once),
        cmocka_unit_test(test_many_come_back_in_order),
        cmocka_unit_test(test_batches_are_array_texts),
        cmocka_unit_test(test_places_are_read),
        cmocka_unit_test(test_parents_come_first_and_circles_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
