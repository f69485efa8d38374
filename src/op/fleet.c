/* fleet - threads that take members one after the other; a gate a server; one mutex for what they report. */
#include "op/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "op/fleet_inside.h"
#include "op/way.h"

enum {
    FULL_MS = 30000,                 /* a server without a free connection is asked for so long */
    FULL_PAUSE_MS = 200, FULL_PAUSE_MOST_MS = 2000,
    PATIENCE_MS = 15000,             /* for answers: it is us who keep the server busy */
    SLOW_LINK_MS = 20,               /* a round trip to a server that is not near */
    SLOW_LIST_MS = 150,              /* or a question to it while nobody else asks: some five of them */
    CROWD_LEAST = 8                  /* a gate that was narrowed below this opens again as members leave */
};

/* ---- speaking ---- */

/* How long the address took to answer, or a tunnel's far side: what a busy server does is not in it. Over a slow link each
 * member waits most of its time, so that all may do so at once. */
static void judge_link(struct fleet *f, const struct input *in)
{
    bool told = in->kind == IN_CONNECTION && in->name && (strcmp(in->name, "tcp") == 0 || strcmp(in->name, "channel") == 0);
    if (told && in->number >= SLOW_LINK_MS && f->jobs_open)
        gate_widen(&f->crowd, FLEET_JOBS_MOST);
}

static void judge_list(struct fleet *f, int64_t ms)
{
    if (ms >= SLOW_LIST_MS && f->jobs_open)
        gate_widen(&f->crowd, FLEET_JOBS_MOST);
}

static void emit(void *sink, struct input *in)
{
    struct fleet_member *m = sink;
    struct fleet *f = m->fleet;
    judge_link(f, in);
    if (!f->options.hear) {
        input_free(in);
        return;
    }
    if (!in->environment)
        in->environment = xstrdup(m->environment->name);
    pthread_mutex_lock(&f->speech);
    f->options.hear(m, f->options.context, in);
    pthread_mutex_unlock(&f->speech);
}

/* Nobody else speaks while somebody is asked. */
static bool ask(void *asker, const struct question *question, struct answer *answer, struct err *err)
{
    struct fleet *f = asker;
    struct ctx *ctx = f->options.ctx;
    pthread_mutex_lock(&f->speech);
    bool ok = ctx->ask(ctx->asker, question, answer, err);
    pthread_mutex_unlock(&f->speech);
    return ok;
}

/* ---- members ---- */

struct fleet_share *fleet_share_of(struct fleet *f, const struct environment *environment)
{
    const struct environment *declared = environment->of ? environment->of : environment;
    for (size_t i = f->share_count; i-- > 0;)
        if (f->shares[i]->environment == declared)
            return f->shares[i];
    struct fleet_share *share = xcalloc(1, sizeof *share);
    share->environment = declared;
    common_init(&share->common, &f->visits);
    gate_init(&share->gate, FLEET_JOBS_MOST);
    f->shares = xrealloc(f->shares, (f->share_count + 1) * sizeof(struct fleet_share *));
    return f->shares[f->share_count++] = share;
}

struct fleet_member *fleet_find(struct fleet *f, const struct environment *environment)
{
    const struct environment *of = environment->of;
    for (size_t i = 0; i < f->count; i++) {
        const struct environment *known = f->members[i]->environment;
        if (known == environment || (of && known->of == of && strcmp(known->database, environment->database) == 0))
            return f->members[i];
    }
    return NULL;
}

struct fleet_member *fleet_add(struct fleet *f, struct environment *environment)
{
    struct fleet_member *found = fleet_find(f, environment);
    if (found)
        return found;
    struct fleet_member *m = xcalloc(1, sizeof *m);
    m->fleet = f;
    m->place = f->count;
    m->environment = environment;
    m->share = fleet_share_of(f, environment);
    pthread_mutex_lock(&f->lock);
    m->share->members++;
    pthread_mutex_unlock(&f->lock);
    m->settings = *f->options.ctx->settings;
    m->settings.arena = (struct arena){0};
    m->ctx = *f->options.ctx;
    m->ctx.settings = &m->settings;
    m->ctx.environment = environment;
    m->ctx.common = &m->share->common;
    m->ctx.patience_ms = PATIENCE_MS;
    m->ctx.emit = emit;
    m->ctx.sink = m;
    m->ctx.ask = f->options.ctx->ask ? ask : NULL;
    m->ctx.asker = f;
    m->ctx.way = NULL;
    way_hold(&m->ctx);                /* one tunnel for all databases behind it */
    if (f->count == f->capacity)
        f->members = xrealloc(f->members, (f->capacity = f->capacity * 2 + 16) * sizeof(struct fleet_member *));
    return f->members[f->count++] = m;
}

static bool add_many(struct fleet *f, const struct selected *selected, struct err *err)
{
    struct ctx ctx = *f->options.ctx;
    struct fleet_share *share = fleet_share_of(f, selected->environment);
    struct environment **list;
    size_t count;
    int limit;
    ctx.environment = selected->environment;
    ctx.common = &share->common;
    ctx.emit = NULL;
    ctx.way = NULL;
    struct err why = {0};
    int64_t asked_ms = clock_mono_ms();
    if (!fleet_databases(&ctx, selected->environment, selected->database, &list, &count, &limit, &why)) {
        way_leave(&ctx);
        if (why.class == ERR_CANCELLED) {
            *err = why;
            return false;
        }
        fleet_add(f, selected->environment)->err = why;
        return true;
    }
    judge_list(f, clock_mono_ms() - asked_ms);
    if (limit > 0 && limit < share->gate.allowed)
        share->gate.allowed = limit;
    for (size_t i = 0; i < count; i++)
        fleet_add(f, list[i]);
    way_leave(&ctx);
    return true;
}

bool fleet_open(struct fleet **fleet, const struct selection *selection, const struct fleet_options *options,
                struct err *err)
{
    struct fleet *f = *fleet = xcalloc(1, sizeof *f);
    bool ok = true;
    f->options = *options;
    f->jobs_open = f->options.jobs <= 0;
    if (f->jobs_open)
        f->options.jobs = FLEET_JOBS;
    pthread_mutex_init(&f->lock, NULL);
    pthread_mutex_init(&f->speech, NULL);
    gate_init(&f->crowd, f->options.jobs);
    visits_init(&f->visits, options->ctx->settings, options->lasting != NULL);
    for (size_t i = 0; ok && i < selection->count; i++) {
        if (environment_is_many(selection->items[i].environment))
            ok = options->lasting ? fleet_list_later(f, &selection->items[i]) : add_many(f, &selection->items[i], err);
        else
            fleet_add(f, selection->items[i].environment);
    }
    if (ok && (!options->lasting || f->count <= FLEET_JOBS_MOST))
        return true;
    if (ok) {
        err_set(err, ERR_USAGE, "%zu environments are more than can be held at once: at most %d", f->count, FLEET_JOBS_MOST);
        err_hint(err, "name fewer of them, and start more than one");
    }
    fleet_free(f);
    *fleet = NULL;
    return false;
}

size_t fleet_count(const struct fleet *f) { return f->count; }
struct fleet_member *fleet_member(struct fleet *f, size_t nth) { return f->members[nth]; }

/* ---- the gate ---- */

static void connected(struct fleet_member *m)
{
    pthread_mutex_lock(&m->share->gate.lock);
    m->share->connected++;
    pthread_mutex_unlock(&m->share->gate.lock);
}

/* `full`: the server had no connection for it; then no more than those that have one. */
static void leave(struct fleet_member *m, bool was_connected, bool full)
{
    struct fleet_share *s = m->share;
    struct fleet_gate *g = &s->gate;
    pthread_mutex_lock(&g->lock);
    g->inside--;
    s->connected -= was_connected;
    if (full)
        g->allowed = s->connected > 1 ? s->connected : 1;
    else if (was_connected && g->allowed < CROWD_LEAST)
        g->allowed++;
    pthread_cond_broadcast(&g->left);
    pthread_mutex_unlock(&g->lock);
}

/* ---- running ---- */

static bool is_full(const struct err *err)
{
    return strcmp(err->sqlstate, "53300") == 0;
}

/* *full: nothing was done, because the server has no connection left. */
static bool once(struct fleet_member *m, bool *full, struct err *err)
{
    const struct fleet_options *o = &m->fleet->options;
    *full = false;
    if (!gate_enter(&m->share->gate, &m->ctx, err))
        return false;
    if (!gate_enter(&m->fleet->crowd, &m->ctx, err)) {
        gate_leave(&m->share->gate);
        return false;
    }
    bool open = session_open(&m->session, &m->ctx, err);
    *full = !open && is_full(err);
    if (open)
        connected(m);
    bool ok = open && o->work(m, o->context, err);
    if (open)
        session_close(&m->session);
    gate_leave(&m->fleet->crowd);
    leave(m, open, *full);
    return ok;
}

static void run_member(struct fleet_member *m)
{
    int64_t started = clock_mono_ms(), end = started + FULL_MS;
    int pause = FULL_PAUSE_MS;
    bool full = m->err.class == ERR_NONE;
    while (full) {
        err_clear(&m->err);
        m->ok = once(m, &full, &m->err);
        if (!full || clock_mono_ms() + pause > end)
            break;
        if (!ctx_sleep(&m->ctx, pause, &m->err))
            break;
        pause = pause * 2 < FULL_PAUSE_MOST_MS ? pause * 2 : FULL_PAUSE_MOST_MS;
    }
    way_leave(&m->ctx);
    m->duration_ms = clock_mono_ms() - started;
}

static void *body(void *argument)
{
    struct fleet *f = argument;
    for (;;) {
        pthread_mutex_lock(&f->lock);
        struct fleet_member *m = f->next < f->count ? f->members[f->next++] : NULL;
        pthread_mutex_unlock(&f->lock);
        if (!m)
            return NULL;
        run_member(m);
        fleet_done(m);
    }
}

void fleet_done(struct fleet_member *m)
{
    struct fleet *f = m->fleet;
    pthread_mutex_lock(&f->speech);
    if (f->options.done)
        f->options.done(m, f->options.context);
    pthread_mutex_unlock(&f->speech);
}

static void run_through(struct fleet *f)
{
    size_t most = f->jobs_open ? FLEET_JOBS_MOST : (size_t)f->options.jobs, wanted = f->count < most ? f->count : most, started = 0;
    pthread_t *threads = xcalloc(wanted + 1, sizeof *threads);
    while (started < wanted && thread_start_sized(&threads[started], THREAD_STACK_SMALL, body, f))
        started++;
    if (!started)
        body(f);                     /* no thread to be had: one after the other, then */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

void fleet_run(struct fleet *f) { (f->options.lasting ? fleet_run_lasting : run_through)(f); }

void fleet_settle(struct fleet *f) { visits_settle(&f->visits, f->options.ctx); }

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    fleet_settle(f);
    visits_free(&f->visits);
    for (size_t i = 0; i < f->count; i++) {
        way_leave(&f->members[i]->ctx);
        arena_free(&f->members[i]->settings.arena);
        free(f->members[i]);
    }
    for (size_t i = 0; i < f->share_count; i++) {
        common_free(&f->shares[i]->common);
        gate_destroy(&f->shares[i]->gate);
        free(f->shares[i]);
    }
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->speech);
    gate_destroy(&f->crowd);
    free(f->lists);
    free(f->members);
    free(f->shares);
    free(f);
}
