/* effects - what update asked for, carried out: given to a worker, or done here when it takes no time. */
#include "config/settings_many.h"
#include "run/runtime.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const char *text_of(const char *text) { return text ? text : ""; }

/* ---- workers of the open environment ---- */

static struct worker *start_opened(struct run *run, struct environment *environment, bool aside)
{
    struct opened *o = opened_new(&run->shared, environment);
    o->aside = aside;
    o->ctx.onlooking = aside;
    o->worker = worker_start(&(struct worker_options){
        .queue = run->shared.queue, .pending = &run->shared.pending, .work = opened_work,
        .finish = opened_free, .watched = opened_watched, .heard = opened_heard, .context = o});
    /* the thread sees these: it gets its first effect only after them */
    o->ctx.cancel_fd = worker_cancel_fd(o->worker);
    o->asker.cancelled = worker_cancelled(o->worker);
    return o->worker;
}

/* Ended, but not waited for: its thread may be closing a connection that hangs. */
static void retire(struct run *run, struct worker **worker)
{
    if (!*worker)
        return;
    worker_end(*worker);
    run->retired = xrealloc(run->retired, (run->retired_count + 1) * sizeof *run->retired);
    run->retired[run->retired_count++] = *worker;
    *worker = NULL;
}

void run_reap(struct run *run)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->retired_count; i++) {
        if (worker_ended(run->retired[i]))
            worker_free(run->retired[i]);
        else
            run->retired[kept++] = run->retired[i];
    }
    run->retired_count = kept;
}

bool run_end_workers(struct run *run, int timeout_ms)
{
    int64_t end = clock_mono_ms() + timeout_ms;
    atomic_store(&run->shared.quitting, true);
    retire(run, &run->session);
    retire(run, &run->activity);
    retire(run, &run->pages);
    retire(run, &run->look);
    for (;;) {
        /* what they still say belongs to history: how a cancelled write ended, above all */
        for (struct input *in; (in = queue_take(run->shared.queue));)
            run_feed(run, in);
        run_reap(run);
        int64_t left = end - clock_mono_ms();
        if (!run->retired_count || left <= 0)
            break;
        poll(&(struct pollfd){.fd = queue_fd(run->shared.queue), .events = POLLIN}, 1, (int)left);
    }
    return run->retired_count == 0;
}

static struct environment *find_declared(struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->environment_count; i++)
        if (strcmp(settings->environments[i].name, name) == 0)
            return &settings->environments[i];
    struct environment *url = settings->url_environment;   /* --url has an entry of its own */
    return url && strcmp(url->name, name) == 0 ? url : NULL;
}

/* By name; one database of many by that of the list, ENV/DATABASE, and the database's own, which is foreign text. */
static struct environment *find_environment(struct run *run, const char *name, const char *database)
{
    struct settings *settings = run->options->settings;
    struct environment *found = find_declared(settings, name);
    const char *slash = strchr(name, '/');
    if (found)
        return environment_is_many(found) ? NULL : found;
    if (!slash)
        return NULL;
    char *of = xstrndup(name, (size_t)(slash - name));
    found = find_declared(settings, of);
    free(of);
    if (!found || !environment_is_many(found))
        return NULL;
    return environment_database(&run->environments, found, *database ? database : slash + 1);
}

static void fail(struct run *run, const struct effect *effect, const char *name, const struct err *err)
{
    struct input *in = input_new(IN_OUTCOME);
    in->request = effect->request;
    in->name = xstrdup(name);
    input_set_error(in, err);
    run_feed(run, in);
}

/* ---- each effect ---- */

/* An environment that is not to be recorded ends the recording for good: a journal with a hole in it would look
 * whole. */
static void stop_recording(struct run *run, const char *name)
{
    char why[256];
    if (run->unrecorded)
        return;
    run->unrecorded = true;
    snprintf(why, sizeof why, "%s has journal: off", name);
    run_feed_name(run, IN_JOURNAL, "off", why);
    run_sum(run);
    record_stop(run->shared.record);
}

static void do_open(struct run *run, struct effect *effect)
{
    struct environment *environment = find_environment(run, text_of(effect->name), text_of(effect->text));
    /* before the old one lets go of the tunnel: opened again, the environment keeps it, and what was typed for it */
    struct worker *opened = environment ? start_opened(run, environment, false) : NULL;
    retire(run, &run->session);
    retire(run, &run->activity);
    if (!environment) {
        struct err err = {0};
        bool many = find_declared(run->options->settings, text_of(effect->name)) != NULL;
        err_set(&err, ERR_CONFIG, many ? "%s stands for many databases" : "there is no environment %s",
                text_of(effect->name));
        if (many)
            err_hint(&err, "open one of them from the list of environments");
        fail(run, effect, "open", &err);
        return;
    }
    if (!environment->journal)
        stop_recording(run, environment->name);
    run->session = opened;
    run->environment = environment;
    worker_give(run->session, effect);
}

static void do_close(struct run *run, struct effect *effect)
{
    (void)effect;
    retire(run, &run->session);
    retire(run, &run->activity);
    run->environment = NULL;
}

static void do_operation(struct run *run, struct effect *effect)
{
    const struct operation *operation = operation_of(effect->kind);
    if (!run->session) {
        struct err err = {0};
        err_set(&err, ERR_GENERAL, "no environment is open");
        fail(run, effect, operation->name, &err);
        return;
    }
    if (operation->aside && !run->activity)
        run->activity = start_opened(run, run->environment, true);
    worker_give(operation->aside ? run->activity : run->session, effect);
}

static void give_side(struct run *run, struct worker **worker, void (*work)(void *, const struct effect *),
                      struct effect *effect)
{
    if (!*worker) {
        struct side *side = xcalloc(1, sizeof *side);
        side->shared = &run->shared;
        *worker = side->worker = worker_start(&(struct worker_options){
            .queue = run->shared.queue, .pending = &run->shared.pending, .work = work, .finish = free,
            .context = side});
    }
    worker_give(*worker, effect);
}

static void do_pages(struct run *run, struct effect *effect)
{
    give_side(run, &run->pages, pages_work, effect);
}

static void do_environments(struct run *run, struct effect *effect)
{
    /* a new look makes an old one pointless */
    if (run->look)
        worker_cancel(run->look, 0);
    give_side(run, &run->look, look_work, effect);
}

static void do_drop(struct run *run, struct effect *effect)
{
    stores_drop(run->shared.stores, effect->store);
}

static void do_answer(struct run *run, struct effect *effect)
{
    struct secret *typed = run->typed;
    run->typed = NULL;
    asks_answer(run->shared.asks, effect->number, effect->ok, text_of(effect->text), typed);
}

static void do_cancel(struct run *run, struct effect *effect)
{
    struct worker *workers[] = {run->session, run->activity, run->look, run->pages};
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
        if (workers[i])
            worker_cancel(workers[i], effect->request ? effect->request : (uint64_t)effect->number);
}

static void do_note(struct run *run, struct effect *effect)
{
    run_feed_name(run, IN_NOTE, NULL, text_of(effect->text));
}

static void do_copy(struct run *run, struct effect *effect)
{
    struct err err = {0};
    if (!run->terminal)
        return;
    if (terminal_copy(run->terminal, text_of(effect->text), &err))
        run_say(run, "info", "copied");
    else
        run_say(run, "warning", "not copied: %s: %s", err.message, err.why);
}

static void do_editor(struct run *run, struct effect *effect)
{
    run_editor_start(run, text_of(effect->text), effect->number);
}

static void do_bell(struct run *run, struct effect *effect)
{
    (void)effect;
    if (run->terminal)
        terminal_bell(run->terminal);
}

static void do_quit(struct run *run, struct effect *effect)
{
    (void)effect;
    run->done = true;
}

static void do_suspend(struct run *run, struct effect *effect)
{
    (void)effect;
    run_suspend(run);
}

static void do_repaint(struct run *run, struct effect *effect)
{
    (void)effect;
    run->dirty = true;
    if (run->terminal)
        terminal_repaint(run->terminal);
}

static void (*const effect_table[EFFECT_KIND_COUNT])(struct run *, struct effect *) = {
    [EFFECT_OPEN] = do_open,
    [EFFECT_CLOSE] = do_close,
    [EFFECT_ENVIRONMENTS] = do_environments,
    [EFFECT_STATUS] = do_operation,
    [EFFECT_MIGRATIONS] = do_operation,
    [EFFECT_MIGRATE] = do_operation,
    [EFFECT_RESOLVE] = do_operation,
    [EFFECT_SQL] = do_operation,
    [EFFECT_DIFF] = do_operation,
    [EFFECT_SEED] = do_operation,
    [EFFECT_DIAGNOSE] = do_operation,
    [EFFECT_PRUNE] = do_operation,
    [EFFECT_PRESERVE] = do_operation,
    [EFFECT_RESTORE] = do_operation,
    [EFFECT_VERIFY] = do_operation,
    [EFFECT_ACCEPT] = do_operation,
    [EFFECT_MARK] = do_operation,
    [EFFECT_ACTIVITY] = do_operation,
    [EFFECT_SIGNAL_BACKEND] = do_operation,
    [EFFECT_PAGE] = do_pages,
    [EFFECT_SEARCH] = do_pages,
    [EFFECT_FILTER] = do_pages,
    [EFFECT_EXPORT] = do_pages,
    [EFFECT_STORE_DROP] = do_drop,
    [EFFECT_ANSWER] = do_answer,
    [EFFECT_CANCEL] = do_cancel,
    [EFFECT_NOTE] = do_note,
    [EFFECT_COPY] = do_copy,
    [EFFECT_EDITOR] = do_editor,
    [EFFECT_BELL] = do_bell,
    [EFFECT_QUIT] = do_quit,
    [EFFECT_SUSPEND] = do_suspend,
    [EFFECT_REPAINT] = do_repaint,
};

void run_carry_out(struct run *run)
{
    /* an effect done here may feed an input that asks for more; those have their turn after it */
    struct effects now = run->effects;
    run->effects = (struct effects){0};
    for (size_t i = 0; i < now.count; i++)
        if ((unsigned)now.items[i].kind < EFFECT_KIND_COUNT && effect_table[now.items[i].kind])
            effect_table[now.items[i].kind](run, &now.items[i]);
    effects_free(&now);
}
