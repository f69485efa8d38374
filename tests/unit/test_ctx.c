/* What an operation says arrives whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "op/ctx.h"

static void keep(void *sink, struct input *in) { *(struct input **)sink = in; }

static void test_long_log(void **state)
{
    (void)state;
    struct input *said = NULL;
    struct ctx ctx = {.cancel_fd = -1, .emit = keep, .sink = &said, .request = 7};
    char *evidence = calloc(1, 100001);
    memset(evidence, 'e', 100000);
    ctx_log(&ctx, "evidence", "%s!", evidence);
    assert_int_equal(strlen(said->text), 100001);
    assert_string_equal(said->name, "evidence");
    assert_int_equal(said->request, 7);
    input_free(said);
    free(evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_log)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
