/* The Environments screen's model: a thousand of them, one that turns out to be many, and events of those that are not
 * the open one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "app/list.h"
#include "app/model.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"

/* ---- a thousand environments ---- */

enum { THOUSAND = 1000 };

/* What tests write down needs no room of its own. */
#define feed_made(m, ...) feed(m, &(struct input){__VA_ARGS__})

static void feed(struct model *m, struct input *in)
{
    struct effects effects = {0};
    app_update(m, in, &effects);
    effects_free(&effects);
}

static void act(struct model *m, const char *name)
{
    feed_made(m, .kind = IN_ACTION, .name = (char *)name);
}

/* e0000 ... ; every tenth lacks something, e0777 cannot be reached. */
static struct input *environments(size_t first, size_t count, bool looked)
{
    struct input *in = input_new(IN_ENVIRONMENTS);
    in->environments = xcalloc(count, sizeof *in->environments);
    in->environment_count = count;
    in->request = 1;
    for (size_t i = 0; i < count; i++) {
        struct fact_environment *e = &in->environments[i];
        struct str name = {0};
        size_t n = first + i;
        str_printf(&name, "e%04zu", n);
        e->name = str_take(&name);
        e->reachable = xstrdup(!looked ? "checking" : n == 777 ? "error" : "yes");
        e->migrated = xstrdup(looked && n % 10 == 3 ? "no" : "yes");
        e->groups = xstrdup(n % 2 ? "odd" : "even");
    }
    return in;
}

static void a_thousand_environments(void **state)
{
    (void)state;
    struct model *m = model_new();
    feed_made(m, .kind = IN_SIZE, .number = 100, .number2 = 24);
    feed_made(m, .kind = IN_START);
    struct input *in = environments(0, THOUSAND, false);
    in->number = 1;
    feed(m, in);
    input_free(in);
    assert_int_equal(m->environments.item_count, THOUSAND);
    list_select(m, 5);
    for (size_t i = THOUSAND; i-- > 1;) {                 /* they come in any order; rows stand still meanwhile */
        in = environments(i, 1, true);
        feed(m, in);
        input_free(in);
    }
    assert_string_equal(m->environments.items[5].name, "e0005");
    assert_int_equal(m->environments.list.selected, 5);
    in = environments(0, 1, true);
    feed(m, in);
    input_free(in);
    assert_true(m->environments.worst_first);
    assert_string_equal(m->environments.items[0].name, "e0777");
    assert_string_equal(m->environments.items[1].name, "e0003");
    assert_string_equal(m->environments.items[101].name, "e0000");
    assert_string_equal(m->environments.list.name, "e0005");      /* the selection went with its row */
    assert_string_equal(m->environments.items[list_selected(m)].name, "e0005");
    act(m, "order");
    assert_string_equal(m->environments.items[777].name, "e0777");
    assert_int_equal(m->environments.list.selected, 5);
    struct effects effects = {0};
    list_filter(m, "odd", &effects);
    assert_int_equal(list_count(m), THOUSAND / 2);
    int64_t rows = 0;
    for (int64_t row = list_index(m, 0); row >= 0; row = list_after(m, row))
        assert_int_equal(row, list_index(m, rows++));
    assert_int_equal(rows, THOUSAND / 2);
    effects_free(&effects);
    model_free(m);
}

/* An environment turns out to be many, and one of those is opened. */
static void one_becomes_many(void **state)
{
    (void)state;
    struct model *m = model_new();
    struct effects effects = {0};
    struct fact_environment first[] = {{.name = (char *)"tenants"}, {.name = (char *)"local"}},
        then[] = {{.name = (char *)"tenants/a", .of = (char *)"tenants", .database = (char *)"a\x1b"}, {.name = (char *)"local"}};
    feed_made(m, .kind = IN_SIZE, .number = 100, .number2 = 24);
    feed_made(m, .kind = IN_ENVIRONMENTS, .environments = first, .environment_count = 2);
    feed_made(m, .kind = IN_START);
    feed_made(m, .kind = IN_ENVIRONMENTS, .request = 1, .number = 1, .environments = then, .environment_count = 2);
    assert_int_equal(m->environments.item_count, 2);
    assert_string_equal(m->environments.items[0].name, "tenants/a");
    assert_string_equal(m->environments.items[1].name, "local");
    list_select(m, 0);
    app_update(m, &(struct input){.kind = IN_ACTION, .name = (char *)"open"}, &effects);
    assert_string_equal(m->environment, "tenants/a");
    bool opened = false;
    for (size_t i = 0; i < effects.count; i++)
        if (effects.items[i].kind == EFFECT_OPEN) {
            opened = true;
            assert_string_equal(effects.items[i].name, "tenants/a");
            assert_string_equal(effects.items[i].text, "a\x1b");
        }
    assert_true(opened);
    effects_free(&effects);
    model_free(m);
}

/* What many commands record of each environment is no news of the open one. */
static void events_of_another_environment(void **state)
{
    (void)state;
    struct model *m = model_new();
    struct fact_table table = {.name = (char *)"t", .class = (char *)"context", .rows = 1};
    struct input status = {.kind = IN_STATUS, .number = 1, .environment = (char *)"b", .tables = &table, .table_count = 1,
                           .server = {.environment = (char *)"b", .ready = true}};
    feed_made(m, .kind = IN_START);
    feed(m, &status);
    feed_made(m, .kind = IN_LOG, .name = (char *)"warning", .text = (char *)"careful", .environment = (char *)"b");
    assert_int_equal(m->facts.table_count, 0);
    assert_true(text_is_empty(m->facts.server.environment));
    assert_string_equal(m->log.lines[m->log.line_count - 1].text, "b: careful");
    feed_made(m, .kind = IN_START, .name = (char *)"b");
    feed(m, &status);
    assert_int_equal(m->facts.table_count, 1);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_environments),
        cmocka_unit_test(one_becomes_many),
        cmocka_unit_test(events_of_another_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
