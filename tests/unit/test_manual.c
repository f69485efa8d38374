/* The manual's table of keys and the table of actions say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/action.h"
#include "base/file.h"
#include "base/str.h"
#include "replay/player.h"

static char *manual;

static char *manual_path(const char *name)
{
    const char *top = getenv("TOP");
    return file_join(top ? top : TOP_SRCDIR, name);
}

static int read_manual(void **state)
{
    (void)state;
    char *path = manual_path("man/seedops.1");
    struct err err = {0};
    size_t length;
    bool ok = file_read(path, 1 << 20, &manual, &length, &err);
    free(path);
    return ok ? 0 : -1;
}

static int drop_manual(void **state)
{
    (void)state;
    free(manual);
    return 0;
}

/* ".It Ic KEYS" with what stands in front of the title in help: the keys, or "x" and the menu's letter. */
static void expected_item(const struct action *a, struct str *out)
{
    str_add(out, ".It Ic ");
    if (a->keys[0] && strchr("-:[]", a->keys[0]) && !a->keys[1])   /* mdoc would take them for its own */
        str_printf(out, "\\%s%s", a->keys[0] == '-' ? "" : "&", a->keys);
    else
        str_add(out, a->keys);
    if (a->menu_key)
        str_printf(out, "%sx %s", a->keys[0] ? ", " : "", a->menu_key);
    str_printf(out, "\n%s", a->title);
}

static void test_every_action_is_in_the_manual(void **state)
{
    (void)state;
    for (int i = 0; i < action_count; i++) {
        const struct action *a = &actions[i];
        struct str item = {0};
        expected_item(a, &item);
        bool told = (a->needs & QUIET) || strstr(manual, str_text(&item));
        if (!told)
            print_error("%s: the manual lacks\n%s\n", a->name, str_text(&item));
        str_free(&item);
        assert_true(told);
    }
}

static void test_every_key_of_the_replay_is_in_its_manual(void **state)
{
    (void)state;
    char *path = manual_path("man/seedops-replay.1"), *page;
    struct err err = {0};
    size_t length;
    assert_true(file_read(path, 1 << 20, &page, &length, &err));
    free(path);
    for (int i = 0; i < player_action_count; i++) {
        const struct player_action *a = &player_actions[i];
        struct str item = {0};
        str_printf(&item, ".It Ic \\&%s\n%s\n", a->keys, a->title);
        bool told = !*a->keys || !(a->where & WHILE_SHOWING) || strstr(page, str_text(&item));
        if (!told)
            print_error("%s: the manual lacks\n%s\n", a->name, str_text(&item));
        str_free(&item);
        assert_true(told);
    }
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_action_is_in_the_manual),
                                       cmocka_unit_test(test_every_key_of_the_replay_is_in_its_manual)};
    return cmocka_run_group_tests(tests, read_manual, drop_manual);
}
