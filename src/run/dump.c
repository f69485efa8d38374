/* dump - the console without a terminal: the same turns until nobody works any more, then one
 * screen as text. */
#include "run/runtime.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "op/health.h"

static int exit_code_of(const char *class_name)
{
    for (int class = 0; class < ERR_CLASS_COUNT; class++)
        if (class_name && strcmp(class_name, err_class_name((enum err_class)class)) == 0)
            return err_exit_code((enum err_class)class);
    return err_exit_code(ERR_GENERAL);
}

void run_dump_note(struct run *run, const struct input *in)
{
    if (in->kind == IN_STATUS && in->number == 1)
        run->exit_code = err_exit_code(health_class(in));
    else if (in->kind == IN_OUTCOME && !in->ok)
        run->exit_code = exit_code_of(in->error.class);
}

static bool settled(struct run *run)
{
    /* in this order: a worker puts its last event before it counts its effect as done */
    if (run->effects.count || atomic_load(&run->shared.pending))
        return false;
    struct input *in = queue_take(run->shared.queue);
    if (in)
        run_feed(run, in);
    return !in && !run->effects.count;
}

static void settle(struct run *run)
{
    while (!run->done && !settled(run))
        run_turn(run);
}

/* The screens by name, and the key that leads there. */
static const struct { const char *screen, *key; } keys[] = {
    {"overview", "1"}, {"migrations", "2"}, {"tables", "3"}, {"diff", "4"}, {"diagnose", "5"}, {"activity", "6"}, {"log", "7"},
    {"help", "?"},
};

static const char *screen_key(const char *screen)
{
    for (size_t i = 0; screen && i < sizeof keys / sizeof *keys; i++)
        if (strcmp(screen, keys[i].screen) == 0)
            return keys[i].key;
    return NULL;
}

bool run_screen_known(const char *name) { return screen_key(name) != NULL; }
const char *run_screen_names(void) { return "overview, migrations, tables, diff, diagnose, activity, log and help"; }

void run_dump(struct run *run)
{
    settle(run);
    const char *key = screen_key(run->options->dump_screen);
    struct input *in = key ? keymap_key(run->model, key) : NULL;
    if (in) {
        run_feed(run, in);
        settle(run);
    }
    run_view(run);
    struct str text = {0};
    grid_print(&run->grid, &text);
    fwrite(str_text(&text), 1, text.length, stdout);
    fflush(stdout);
    str_free(&text);
}
