/* ahead - fixtures read by a thread are those that are read in place; what is not wanted ends early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "op/ahead.h"
#include "scratch.h"

static char dir[] = "/tmp/seedops-ahead.XXXXXX";

static void write_fixture(const char *name, int rows)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.yaml", dir, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "table: %s\nkey: [id]\nrows:\n", name);
    for (int i = 0; i < rows; i++)
        fprintf(out, "  - {id: %d, name: row %d}\n", i, i);
    fclose(out);
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    write_fixture("few", 3);
    write_fixture("many", 20000);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return scratch_remove(dir);
}

static const struct fixture_options options = {.environment = "local", .base_dir = dir};

static void test_taken(void **state)
{
    (void)state;
    struct fixture_set here, there;
    struct err_list problems = {0};
    assert_null(ahead_begin(NULL, &options));
    struct ahead *ahead = ahead_begin(dir, &options);
    assert_non_null(ahead);
    assert_true(fixture_set_load(&here, dir, &options, &problems));
    ahead_take(ahead, &there, &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(there.count, 2);
    assert_string_equal(there.digest, here.digest);
    assert_string_equal(there.options.environment, "local");
    assert_null(there.options.stop);
    fixture_set_free(&here);
    fixture_set_free(&there);
}

static void test_stopped(void **state)
{
    (void)state;
    ahead_stop(NULL);
    for (int i = 0; i < 20; i++)
        ahead_stop(ahead_begin(dir, &options));
}

static void test_problems_come_along(void **state)
{
    (void)state;
    struct fixture_set set;
    struct err_list problems = {0};
    ahead_take(ahead_begin("/nowhere", &options), &set, &problems);
    assert_int_equal(problems.count, 1);
    err_list_free(&problems);
    fixture_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken), cmocka_unit_test(test_stopped), cmocka_unit_test(test_problems_come_along),
    };
    return cmocka_run_group_tests_name("ahead", tests, make_dir, remove_dir);
}
