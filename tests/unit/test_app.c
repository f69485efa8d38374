/* test_app - the tables behind the console, and what update() promises whatever comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/action.h"
#include "app/list.h"
#include "app/model.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"
#include "ui.h"

/* ---- the table of actions ---- */

static void actions_are_sorted_and_explained(void **state)
{
    (void)state;
    for (int i = 0; i < action_count; i++) {
        const struct action *a = &actions[i];
        if (i > 0 && strcmp(actions[i - 1].name, a->name) >= 0)
            fail_msg("%s is out of order", a->name);
        if (text_is_empty(a->title) || !a->run || !a->where || !a->keys)
            fail_msg("%s lacks its help, its place or its function", a->name);
        if (a->menu_key && text_is_empty(a->consequence))
            fail_msg("%s is in the menu without its consequence", a->name);
        if (a->needs & NEEDS_WRITE_MODE && (!a->confirmed || !a->menu_key || *a->keys))
            fail_msg("%s writes: it belongs in the menu, on no key of its own, and asks first", a->name);
        if (a->needs & DESTRUCTIVE && !a->confirmed)
            fail_msg("%s is destructive and does not ask", a->name);
    }
}

static void no_key_means_two_things(void **state)
{
    (void)state;
    for (unsigned bit = 1; bit < EVERYWHERE; bit <<= 1)
        for (int i = 0; i < action_count; i++)
            for (const char *p = actions[i].keys; *p;) {
                char key[16] = "";
                size_t length = strcspn(p, " ");
                memcpy(key, p, length);
                for (int n = 0; n < action_count; n++)
                    if (n != i && actions[n].where & actions[i].where & bit &&
                        action_has_key(&actions[n], key))
                        fail_msg("%s means %s and %s", key, actions[i].name, actions[n].name);
                p += length + (p[length] == ' ');
            }
}

static void no_menu_letter_means_two_things(void **state)
{
    (void)state;
    for (int screen = 0; screen < SCREEN_COUNT; screen++)
        for (int i = 0; i < action_count; i++)
            for (int n = 0; n < action_count; n++) {
                const struct action *a = &actions[i], *b = &actions[n];
                if (!a->menu_key || !(a->where & 1u << screen))
                    continue;
                if (n != i && b->menu_key && b->where & 1u << screen && strcmp(a->menu_key, b->menu_key) == 0)
                    fail_msg("%s means %s and %s in a menu", a->menu_key, a->name, b->name);
                if (b->where & IN_MENU && action_has_key(b, a->menu_key))
                    fail_msg("%s chooses %s and is %s's key in menus", a->menu_key, a->name, b->name);
            }
}

static void digits_only_change_screens(void **state)
{
    (void)state;
    for (char digit = '0'; digit <= '9'; digit++)
        for (int i = 0; i < action_count; i++) {
            bool screen = false;
            for (int n = 0; n < SCREEN_COUNT; n++)
                screen = screen || strcmp(screen_class_of((enum screen)n)->name, actions[i].name) == 0;
            if (action_has_key(&actions[i], (char[]){digit, '\0'}) && !screen)
                fail_msg("%c does %s", digit, actions[i].name);
        }
}

static void every_screen_has_its_action(void **state)
{
    (void)state;
    for (int i = 0; i < SCREEN_COUNT; i++) {
        const struct screen_class *class = screen_class_of((enum screen)i);
        const struct action *action = action_find(class->name);
        assert_non_null(action);
        assert_int_equal(strlen(action->keys), 1);
        assert_non_null(class->list);
        assert_non_null(class->count);
        assert_non_null(class->text_of);
    }
}

/* ---- update ---- */

static void feed(struct model *m, struct effects *effects, struct input *in)
{
    app_update(m, in, effects);
    input_free(in);
}

static struct input *made(enum input_kind kind, const char *name, uint64_t request)
{
    struct input *in = input_new(kind);
    in->name = xstrdup(name);
    in->request = request;
    return in;
}

/* A local environment, connected, with one table. */
static struct model *opened(struct effects *effects)
{
    struct model *m = model_new();
    feed(m, effects, made(IN_START, "local", 0));
    struct input *in = made(IN_STATUS, NULL, 1);
    in->number = 1;
    in->server.ready = true;
    in->server.role = xstrdup("local");
    in->ledger.pending = 1;
    in->guard.local = in->guard.seed_allowed = in->guard.migrate_allowed = true;
    in->tables = xcalloc(1, sizeof *in->tables);
    in->table_count = 1;
    in->tables[0].name = xstrdup("Station");
    in->tables[0].class = xstrdup("context");
    feed(m, effects, in);
    effects_free(effects);
    return m;
}

static void writes_are_refused_with_one_text(void **state)
{
    (void)state;
    struct effects effects = {0};
    struct model *m = opened(&effects);
    for (int i = 0; i < action_count; i++) {
        if (!(actions[i].needs & NEEDS_WRITE_MODE))
            continue;
        struct str why = {0};
        assert_true(action_refused(m, &actions[i], &why));
        assert_non_null(strstr(str_text(&why), "press W for write mode"));
        str_free(&why);
        m->modal.kind = MODAL_NONE;
        action_run(m, &actions[i], &(struct input){.kind = IN_ACTION}, &effects);
        assert_int_equal(effects.count, 1);
        assert_int_equal(effects.items[0].kind, EFFECT_BELL);
        assert_int_equal(m->modal.kind, MODAL_NONE);
        effects_free(&effects);
    }
    model_free(m);
}

static void events_of_dead_requests_are_dropped(void **state)
{
    (void)state;
    struct effects effects = {0};
    struct model *m = opened(&effects);
    struct str before = {0}, after = {0};
    model_encode(m, &before);
    static const enum input_kind kinds[] = {
        IN_STATUS,   IN_TABLE, IN_MIGRATIONS, IN_MIGRATION, IN_STORE,      IN_PAGE,        IN_FOUND,
        IN_ACTIVITY, IN_PLAN,  IN_PROGRESS,   IN_OUTCOME,   IN_CONNECTION, IN_ENVIRONMENTS};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        feed(m, &effects, made(kinds[i], "x", 99));
    model_encode(m, &after);
    assert_string_equal(str_text(&before), str_text(&after));
    assert_int_equal(effects.count, 0);
    str_free(&before);
    str_free(&after);
    model_free(m);
}

/* The runtime may tick at a deadline or not: the next input makes the same model. */
static void ticks_change_nothing_that_lasts(void **state)
{
    (void)state;
    struct effects effects = {0};
    struct model *ticked = opened(&effects), *silent = opened(&effects);
    struct model *both[] = {ticked, silent};
    for (int i = 0; i < 2; i++) {
        struct input *clock = made(IN_CLOCK, NULL, 0);
        clock->number = 1000000;
        feed(both[i], &effects, clock);
        feed(both[i], &effects, made(IN_ACTION, "write-mode", 0));
        assert_true(both[i]->write_mode);
    }
    for (int64_t at; (at = app_next_deadline(ticked)) >= 0 && at < 700000;) {
        struct input *tick = input_new(IN_NONE);
        tick->offset_ms = at + 7;      /* a little late, as wakers are */
        feed(ticked, &effects, tick);
    }
    for (int i = 0; i < 2; i++) {
        struct input *in = made(IN_ACTION, "tables", 0);
        in->offset_ms = 700000;
        feed(both[i], &effects, in);
        assert_false(both[i]->write_mode);
    }
    assert_true(model_equal(ticked, silent));
    effects_free(&effects);
    model_free(ticked);
    model_free(silent);
}

static void an_idle_model_wants_waking_once_a_minute_at_most(void **state)
{
    (void)state;
    struct effects effects = {0};
    struct model *m = opened(&effects);
    assert_int_equal(app_next_deadline(m), -1);
    struct input *clock = made(IN_CLOCK, NULL, 0);
    clock->number = 90000;
    feed(m, &effects, clock);
    assert_int_equal(app_next_deadline(m), 30000);
    model_free(m);
    effects_free(&effects);
}

static void hostile_checkpoints_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "{\"columns\":0,\"rows\":24}", "{\"columns\":80,\"rows\":100000}",
        "{\"columns\":80,\"rows\":24,\"screen\":\"nowhere\"}",
        "{\"columns\":80,\"rows\":24,\"log\":{\"list\":{\"selected\":-1}}}",
        "{\"columns\":80,\"rows\":24,\"jobs\":[{\"effect\":999}]}",
        "{\"columns\":80,\"rows\":24,\"modal\":{\"focus\":7}}",
        "{\"columns\":80,\"rows\":24,\"now_ms\":-5}",
        "{\"columns\":80,\"rows\":24,\"diff\":{\"rows\":{\"pages\":[{},{},{},{}]}}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct model *m = NULL;
        struct err err = {0};
        if (model_decode(bad[i], strlen(bad[i]), &m, &err))
            fail_msg("accepted: %s", bad[i]);
        assert_null(m);
    }
}

/* Uncovered bytes of eight or more are a member that its table forgot. */
static void check_covered(const struct type *type)
{
    char *covered = calloc(1, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *f = &type->fields[i];
        memset(covered + f->offset, 1, f->size);
        if (f->kind == FIELD_LIST)
            memset(covered + f->count_offset, 1, sizeof(size_t));
        if (f->type)
            check_covered(f->type);
    }
    for (size_t b = 0, gap = 0; b < type->size; b++) {
        gap = covered[b] ? 0 : gap + 1;
        if (gap >= 8)
            fail_msg("%s: no field covers bytes around %zu", type->name, b);
    }
    free(covered);
}

static void the_models_tables_forget_nothing(void **state)
{
    (void)state;
    check_covered(&type_model);
}

/* ---- keys ---- */

static void typed_characters_go_where_the_focus_is(void **state)
{
    (void)state;
    struct effects effects = {0};
    struct model *m = opened(&effects);
    struct input *in = keymap_key(m, "x");
    assert_string_equal(in->name, "menu");
    input_free(in);
    feed(m, &effects, made(IN_ACTION, "search", 0));
    in = keymap_key(m, "x");
    assert_int_equal(in->kind, IN_TEXT);
    assert_string_equal(in->text, "x");
    input_free(in);
    in = keymap_key(m, "é");
    assert_int_equal(in->kind, IN_TEXT);
    input_free(in);
    assert_null(keymap_key(m, "f12"));
    feed(m, &effects, made(IN_ACTION, "close", 0));
    assert_null(keymap_key(m, "é"));
    assert_null(keymap_paste(m, "rm -rf"));
    model_free(m);
    effects_free(&effects);
}

static void a_secret_is_never_a_message(void **state)
{
    (void)state;
    struct effects effects = {0};
    struct model *m = opened(&effects);
    struct input *question = made(IN_QUESTION, "password", 0);
    question->number = 3;
    feed(m, &effects, question);
    assert_true(keymap_secret(m));
    assert_null(keymap_key(m, "a"));
    assert_null(keymap_paste(m, "hunter2"));
    feed(m, &effects, made(IN_ACTION, "next-field", 0));
    assert_false(keymap_secret(m));
    model_free(m);
    effects_free(&effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_sorted_and_explained),
        cmocka_unit_test(no_key_means_two_things),
        cmocka_unit_test(no_menu_letter_means_two_things),
        cmocka_unit_test(digits_only_change_screens),
        cmocka_unit_test(every_screen_has_its_action),
        cmocka_unit_test(writes_are_refused_with_one_text),
        cmocka_unit_test(events_of_dead_requests_are_dropped),
        cmocka_unit_test(ticks_change_nothing_that_lasts),
        cmocka_unit_test(an_idle_model_wants_waking_once_a_minute_at_most),
        cmocka_unit_test(hostile_checkpoints_are_refused),
        cmocka_unit_test(the_models_tables_forget_nothing),
        cmocka_unit_test(typed_characters_go_where_the_focus_is),
        cmocka_unit_test(a_secret_is_never_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
