/* fleet_lasting - a thread for each member until it ends; meanwhile the caller's thread asks which databases there are. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "op/fleet_inside.h"
#include "op/way.h"

enum {
    AGAIN_MS = 5 * 60 * 1000,        /* between two questions that are answered */
    RETRY_MS = 1000, RETRY_MOST_MS = 30 * 1000,
    NOTE_MS = 10 * 1000              /* how long known databases wait for being noted */
};

struct fleet_list {
    const struct selected *selected;
    int64_t next_ms, pause_ms;       /* monotonic; pause_ms 0: the last question was answered */
    enum err_class said;
    bool asked, over;                /* over: there is nothing more to ask */
    bool crowded;                    /* it was said that not all have a place */
};

bool fleet_list_later(struct fleet *f, const struct selected *selected)
{
    f->lists = xrealloc(f->lists, (f->list_count + 1) * sizeof *f->lists);
    f->lists[f->list_count++] = (struct fleet_list){.selected = selected};
    return true;
}

/* ---- turns ---- */

static bool is_crowded(const struct fleet_member *m)
{
    return m->share->members > (size_t)m->share->gate.allowed;
}

bool fleet_enter(struct fleet_member *m, bool *brief, struct err *err)
{
    struct fleet *f = m->fleet;
    pthread_mutex_lock(&f->lock);
    m->taking_turns = *brief = is_crowded(m);
    pthread_mutex_unlock(&f->lock);
    if (!m->looked && !gate_enter(&f->crowd, &m->ctx, err))
        return false;
    if (!m->taking_turns || gate_enter(&m->share->gate, &m->ctx, err))
        return true;
    if (!m->looked)
        gate_leave(&f->crowd);
    return false;
}

void fleet_leave(struct fleet_member *m)
{
    if (m->taking_turns)
        gate_leave(&m->share->gate);
    if (!m->looked)
        gate_leave(&m->fleet->crowd);
    m->looked = true;
}

/* The bits of its place from the other end: evenly spread, however many there will be. */
double fleet_phase(const struct fleet_member *m)
{
    double phase = 0, half = 0.5;
    for (size_t place = m->place; place; place >>= 1, half /= 2)
        phase += place & 1 ? half : 0;
    return phase;
}

/* ---- members ---- */

static void *body(void *argument)
{
    struct fleet_member *m = argument;
    struct fleet *f = m->fleet;
    int64_t started = clock_mono_ms();
    uint64_t one = 1;
    m->ok = f->options.work(m, f->options.context, &m->err);
    way_leave(&m->ctx);
    m->duration_ms = clock_mono_ms() - started;
    fleet_done(m);
    pthread_mutex_lock(&f->lock);
    f->ended++;
    pthread_mutex_unlock(&f->lock);
    ssize_t ignored = write(f->ended_fd, &one, sizeof one);
    (void)ignored;
    return NULL;
}

static void start(struct fleet_member *m)
{
    struct fleet *f = m->fleet;
    pthread_mutex_lock(&f->speech);
    f->options.lasting->joined(m, f->options.context);
    pthread_mutex_unlock(&f->speech);
    m->threaded = thread_start_sized(&m->thread, THREAD_STACK_SMALL, body, m);
    f->started += m->threaded;
    if (m->threaded)
        return;
    err_set(&m->err, ERR_GENERAL, "%s has no thread", m->environment->name);
    err_why(&m->err, "the system has none left");
    fleet_done(m);
}

/* ---- which databases there are ---- */

static void __attribute__((format(printf, 3, 4))) say(struct fleet *f, const char *level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&f->speech);
    ctx_log(f->options.ctx, level, "%s", text);
    pthread_mutex_unlock(&f->speech);
}

static void join_all(struct fleet *f, struct fleet_list *l, struct environment **found, size_t count)
{
    struct arena *arena = &f->options.ctx->settings->arena;
    struct environment *many = l->selected->environment;
    size_t left_out = 0;
    for (size_t i = 0; i < count; i++) {
        if (fleet_find(f, found[i]))
            continue;
        if (f->count < FLEET_JOBS_MOST)
            start(fleet_add(f, environment_database(arena, many, found[i]->database)));
        else
            left_out++;
    }
    if (left_out && !l->crowded)
        say(f, "error", "%zu databases of %s are left out: at most %d are held at once", left_out, many->name, FLEET_JOBS_MOST);
    l->crowded = left_out > 0;
}

/* Only the first answer says how many connections there are: later ones count ours as taken. */
static void limit_share(struct fleet *f, struct fleet_list *l, size_t count, int limit)
{
    struct fleet_share *share = fleet_share_of(f, l->selected->environment);
    if (l->asked || limit <= 0)
        return;
    pthread_mutex_lock(&f->lock);
    share->gate.allowed = limit;
    pthread_mutex_unlock(&f->lock);
    if (count > (size_t)limit)
        say(f, "warning", "the server of %s can spare %d connections for %zu databases: they take turns",
            l->selected->environment->name, limit, count);
}

/* The configuration's fault, which waiting does not mend. */
static bool is_hopeless(enum err_class class)
{
    return class == ERR_CONFIG || class == ERR_USAGE || class == ERR_REFUSED || class == ERR_DEPENDENCY;
}

static void not_listed(struct fleet *f, struct fleet_list *l, const struct err *err)
{
    l->pause_ms = l->pause_ms ? l->pause_ms * 2 : RETRY_MS;
    l->pause_ms = l->pause_ms < RETRY_MOST_MS ? l->pause_ms : RETRY_MOST_MS;
    l->over = is_hopeless(err->class);
    l->next_ms = l->over ? INT64_MAX : clock_mono_ms() + l->pause_ms;
    if (l->said == err->class || err->class == ERR_CANCELLED)
        return;
    l->said = err->class;
    pthread_mutex_lock(&f->speech);
    f->options.lasting->unlisted(l->selected->environment, err, f->options.context);
    pthread_mutex_unlock(&f->speech);
}

static void listed(struct fleet *f, struct fleet_list *l, struct environment **found, size_t count, int limit)
{
    if (l->said != ERR_NONE)
        say(f, "info", "the databases of %s are known again", l->selected->environment->name);
    limit_share(f, l, count, limit);
    l->said = ERR_NONE;
    l->pause_ms = 0;
    l->over = l->selected->environment->database_count > 0;   /* the configuration has their names */
    l->next_ms = l->over ? INT64_MAX : clock_mono_ms() + AGAIN_MS;
    l->asked = true;
    join_all(f, l, found, count);
}

/* In an arena of its own: what is asked every few minutes must not stay. */
static void ask_list(struct fleet *f, struct fleet_list *l)
{
    struct settings settings = *f->options.ctx->settings;
    struct ctx ctx = *f->options.ctx;
    struct environment **found;
    size_t count;
    int limit;
    struct err err = {0};
    settings.arena = (struct arena){0};
    ctx.settings = &settings;
    ctx.environment = l->selected->environment;
    ctx.common = &fleet_share_of(f, ctx.environment)->common;
    ctx.emit = NULL;
    ctx.way = NULL;
    if (l->asked || l->said != ERR_NONE)
        ctx.ask = NULL;              /* a person is there when it begins, and not at night */
    if (fleet_databases(&ctx, ctx.environment, l->selected->database, &found, &count, &limit, &err))
        listed(f, l, found, count, limit);
    else
        not_listed(f, l, &err);
    way_leave(&ctx);
    arena_free(&settings.arena);
}

/* ---- running ---- */

static int64_t next_question(const struct fleet *f)
{
    int64_t next = f->options.lasting->end_ms ? f->options.lasting->end_ms : INT64_MAX;
    for (size_t i = 0; i < f->list_count; i++)
        next = f->lists[i].next_ms < next ? f->lists[i].next_ms : next;
    return next;
}

static void ask_due(struct fleet *f)
{
    for (size_t i = 0; i < f->list_count && !ctx_cancelled(f->options.ctx); i++)
        if (f->lists[i].next_ms <= clock_mono_ms())
            ask_list(f, &f->lists[i]);
}

static void note_visits(struct fleet *f)
{
    pthread_mutex_lock(&f->speech);
    fleet_settle(f);
    pthread_mutex_unlock(&f->speech);
}

/* False: it is over. */
static bool wait_on(struct fleet *f)
{
    const struct fleet_lasting *l = f->options.lasting;
    int64_t left = next_question(f) - clock_mono_ms();
    struct pollfd fds[] = {{.fd = f->options.ctx->cancel_fd, .events = POLLIN}, {.fd = f->ended_fd, .events = POLLIN},
                           {.fd = l->wake_fd, .events = POLLIN}};
    if (poll(fds, 3, left <= 0 ? 0 : left < NOTE_MS ? (int)left : NOTE_MS) < 0 && errno != EINTR)
        return false;
    note_visits(f);
    if (fds[2].revents && l->woken) {
        pthread_mutex_lock(&f->speech);
        l->woken(f->options.context);
        pthread_mutex_unlock(&f->speech);
    }
    uint64_t ignored;
    if (fds[1].revents && read(f->ended_fd, &ignored, sizeof ignored) < 0)
        return false;
    return !fds[0].revents && !(l->end_ms && clock_mono_ms() >= l->end_ms);
}

/* Those of lists that nobody could ask may still come. */
static bool goes_on(struct fleet *f)
{
    pthread_mutex_lock(&f->lock);
    bool live = f->ended < f->started;
    pthread_mutex_unlock(&f->lock);
    for (size_t i = 0; i < f->list_count; i++)
        live |= !f->lists[i].over;
    return live;
}

void fleet_run_lasting(struct fleet *f)
{
    thread_few_heaps();
    f->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0, known = f->count; i < known; i++)
        start(f->members[i]);
    do
        ask_due(f);
    while (goes_on(f) && wait_on(f));
    for (size_t i = 0; i < f->count; i++)
        if (f->members[i]->threaded)
            pthread_join(f->members[i]->thread, NULL);
    close(f->ended_fd);
}
