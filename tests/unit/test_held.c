/* The rule of held tables, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "op/held.h"

static void each_row_of_the_rule(void **state)
{
    static const struct {
        const char *what;
        struct db_table table;
        int64_t floor, fixture;
        bool held;
    } rows[] = {
        {"never had a page", {.kind = 'r', .reltuples = -1}, 7, 7, false},
        {"healthy", {.kind = 'r', .heap_bytes = 8192, .live = 7, .inserted = 7, .index_excess = 16384}, 7, 7, false},
        {"healthy after a reset", {.kind = 'r', .heap_bytes = 8192, .live = 7, .inserted = 14, .deleted = 7}, 7, 7, false},
        {"deleted, by the counters", {.kind = 'r', .heap_bytes = 8192, .inserted = 7, .deleted = 7}, 7, 7, true},
        {"deleted, counters lost", {.kind = 'r', .heap_bytes = 8192, .index_excess = 16384, .reltuples = -1}, 7, 7, true},
        {"counters lost, but rows by the last analyze", {.kind = 'r', .heap_bytes = 8192, .index_excess = 16384,
          .reltuples = 7}, 7, 7, false},
        {"truncated: nothing to read back", {.kind = 'r', .heap_bytes = 0, .inserted = 7, .deleted = 0}, 7, 7, false},
        {"three of seven left", {.kind = 'r', .heap_bytes = 8192, .live = 3, .inserted = 7, .deleted = 4}, 7, 7, true},
        {"four of seven left", {.kind = 'r', .heap_bytes = 8192, .live = 4, .inserted = 7, .deleted = 3}, 7, 7, false},
        {"no floor: half the fixture", {.kind = 'r', .heap_bytes = 8192, .live = 3, .deleted = 4}, -1, 7, true},
        {"the floor comes before the fixture", {.kind = 'r', .heap_bytes = 8192, .live = 3, .deleted = 4}, 2, 7, false},
        {"three of seven, none ever deleted", {.kind = 'r', .heap_bytes = 8192, .live = 3, .inserted = 3,
          .index_excess = 8192}, 7, 7, false},
        {"a heap that cannot be measured", {.kind = 'r', .heap_bytes = -1, .deleted = 7}, 7, 7, true},
        {"a view", {.kind = 'v', .deleted = 7}, 7, 7, false},
        {"rows of an insert that was rolled back", {.kind = 'r', .heap_bytes = 8192, .inserted = 7, .dead = 7,
          .index_excess = 8192, .reltuples = -1}, 7, 7, true},
        {"counters lost, then an update", {.kind = 'r', .heap_bytes = 8192, .dead = 2, .reltuples = 7,
          .index_excess = 8192}, 7, 7, false},
        {"counters lost, then one row deleted of seven", {.kind = 'r', .heap_bytes = 8192, .deleted = 1,
          .reltuples = 7, .index_excess = 8192}, 7, 7, false},
        {"counters lost, then all deleted", {.kind = 'r', .heap_bytes = 8192, .deleted = 7, .reltuples = 7,
          .index_excess = 8192}, 7, 7, true},
        {"analysed, all deleted, seeded, all deleted", {.kind = 'r', .heap_bytes = 8192, .inserted = 14,
          .deleted = 14, .reltuples = 7, .index_excess = 8192}, 7, 7, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (held_table(&rows[i].table, rows[i].floor, rows[i].fixture) != rows[i].held)
            fail_msg("%s", rows[i].what);
}

static void only_line_pointers_tell(void **state)
{
    static const struct {
        const char *what;
        struct db_table table;
        bool unknown;
    } rows[] = {
        {"as many deleted as inserted, and yet live rows", {.kind = 'r', .heap_bytes = 8192, .live = 7, .inserted = 56,
          .deleted = 56, .reltuples = 7}, true},
        {"emptied, counters whole", {.kind = 'r', .heap_bytes = 8192, .inserted = 7, .deleted = 7}, false},
        {"healthy", {.kind = 'r', .heap_bytes = 8192, .live = 7, .inserted = 7}, false},
        {"emptied and seeded, counters whole", {.kind = 'r', .heap_bytes = 8192, .live = 7, .inserted = 14,
          .deleted = 7}, false},
        {"no counters", {.kind = 'r', .heap_bytes = 8192}, true},
        {"an empty file", {.kind = 'r'}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (held_unknown(&rows[i].table) != rows[i].unknown)
            fail_msg("%s", rows[i].what);
}

static void estimates(void **state)
{
    static const struct {
        const char *what;
        struct db_table table;
        int64_t rows;
    } rows[] = {
        {"ANALYZE before the inserter's report, then all deleted",
         {.live = 2800, .inserted = 2800, .deleted = 2800, .reltuples = 2800}, 0},
        {"the same without a delete", {.live = 4000, .inserted = 2000, .reltuples = 2000}, 2000},
        {"a rolled-back insert is no row", {.live = 7, .inserted = 14, .dead = 7, .reltuples = 7}, 7},
        {"counters younger than the rows", {.live = 1000000, .inserted = 10, .deleted = 20, .reltuples = 1e6}, 1000000},
        {"no counters at all", {.reltuples = 120}, 120},
        {"only updates counted", {.dead = 2, .reltuples = 7}, 7},
        {"never analysed, all deleted", {.inserted = 7, .deleted = 7, .reltuples = -1}, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (held_estimate(&rows[i].table) != rows[i].rows)
            fail_msg("%s", rows[i].what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_of_the_rule), cmocka_unit_test(estimates),
                                       cmocka_unit_test(only_line_pointers_tell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
