/* console - run_console: everything set up in the one order that works, and taken down again. */
#include "config.h"

#include "run/light.h"
#include "run/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/signals.h"

enum { QUEUE_BOUND = 256, QUIT_MS = 2000, JOURNAL_MS = 1000 };

static const struct environment *chosen(const struct run_options *o)
{
    for (size_t i = 0; o->environment && i < o->settings->environment_count; i++)
        if (strcmp(o->settings->environments[i].name, o->environment) == 0)
            return &o->settings->environments[i];
    const struct environment *url = o->settings->url_environment;
    return url && o->environment && strcmp(url->name, o->environment) == 0 ? url : NULL;
}

static struct record *start_record(struct run *run)
{
    const struct run_options *o = run->options;
    const struct environment *environment = chosen(o);
    int columns = o->dump_columns, rows = o->dump_rows;
    if (run->terminal)
        terminal_size(run->terminal, &columns, &rows);
    struct journal_header header = {
        .version = PACKAGE_VERSION, .started_ms = clock_wall_ms(),
        .environment = o->environment ? o->environment : "", .command = run->terminal ? "console" : "console --dump",
        .target = environment && environment->has_url ? url_redacted(&environment->url, &o->settings->arena) : "", .columns = columns, .rows = rows,
    };
    const struct settings *s = o->settings;
    struct journal_limits limits = {s->journal_segment, s->journal_session, s->journal_directory};
    char off[256];
    run->unrecorded = environment && !environment->journal;
    snprintf(off, sizeof off, "%s has journal: off", run->unrecorded ? environment->name : "");
    return record_start(run->unrecorded ? off : NULL, environment ? environment->state_dir : NULL, &header, &limits,
                        !run->terminal, run->shared.queue);
}

static void set_up(struct run *run)
{
    run->started_ms = clock_mono_ms();
    run->editor_fd = -1;
    run->shared.settings = run->options->settings;
    run->shared.headless = !run->terminal;
    run->shared.queue = queue_new(QUEUE_BOUND);
    run->shared.stores = stores_new();
    run->shared.asks = asks_new(run->shared.queue);
    run->shared.ways = ways_new();
    run->shared.partings = partings_new();
    run->model = model_new();
    run->shared.record = start_record(run);
}

/* What the configuration knows without asking anybody: the first frame shows the role, the palette the
 * names. */
static void feed_names(struct run *run)
{
    const struct settings *settings = run->options->settings;
    struct input *in = input_new(IN_ENVIRONMENTS);
    in->environment_count = settings->environment_count;
    in->environments = xcalloc(in->environment_count, sizeof *in->environments);
    for (size_t i = 0; i < in->environment_count; i++) {
        light_unlit(&in->environments[i], settings, &settings->environments[i], "unknown");
        free(in->environments[i].target);
        in->environments[i].target = NULL;
    }
    run_feed(run, in);
}

/* The first frame stands before anything is asked of the network: what update wants is carried out after. */
static void begin(struct run *run)
{
    run_feed_size(run);
    run_feed_clock(run, true);
    feed_names(run);
    run_feed_name(run, IN_START, run->options->environment, run->terminal ? "console" : "dump");
    for (size_t i = 0; i < run->options->settings->note_count; i++)
        run_say(run, "warning", "%s", run->options->settings->notes[i]);
    run->answer_at_once = true;
    run_draw(run);
    run_carry_out(run);
}

/* False: a thread still hangs in something, so its memory cannot be freed. */
static bool take_down(struct run *run)
{
    bool all_ended = run_end_workers(run, QUIT_MS);
    queue_close(run->shared.queue);
    run_sum(run);
    char hash[65];
    bool closed = record_close(run->shared.record, JOURNAL_MS, hash);
    terminal_close(run->terminal);
    if (!all_ended || !closed)
        return false;
    partings_say(run->shared.partings, hash);
    run_secret_forget(run);
    summary_free(&run->summary);
    effects_free(&run->effects);
    model_free(run->model);
    grid_free(&run->grid);
    asks_free(run->shared.asks);
    ways_free(run->shared.ways);
    stores_free(run->shared.stores);
    queue_free(run->shared.queue);
    free(run->retired);
    arena_free(&run->environments);
    return true;
}

static int print_error(const struct err *err)
{
    fprintf(stderr, "seedops: %s\n", err->message);
    if (err->why[0])
        fprintf(stderr, "  %s\n", err->why);
    if (err->hint[0])
        fprintf(stderr, "  %s\n", err->hint);
    return err_exit_code(err->class);
}

int run_console(const struct run_options *options)
{
    struct run run = {.options = options};
    struct err err = {0};
    bool headless = options->dump_columns > 0 && options->dump_rows > 0;
    bool utf8 = terminal_locale();
    run.view.ascii = !utf8;
    signals_install(terminal_restore_now, terminal_restore_settings);
    if (!headless && !terminal_open(&run.terminal, options->color, utf8, &err))
        return print_error(&err);
    set_up(&run);
    begin(&run);
    if (headless)
        run_dump(&run);
    while (!headless && !run.done)
        run_turn(&run);
    int exit_code = run.exit_code;
    if (!take_down(&run))
        _exit(exit_code);
    return exit_code;
}
