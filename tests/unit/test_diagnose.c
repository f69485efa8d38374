/* test_diagnose - the words of verdicts, and the decision table row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "diagnose/verdict.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_verdict_has_its_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
