/* fleet - threads that take members one after the other; a gate a server; one mutex for what they report. */
#include "op/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "op/way.h"

enum {
    FULL_MS = 30000,                 /* a server without a free connection is asked for so long */
    FULL_PAUSE_MS = 200, FULL_PAUSE_MOST_MS = 2000,
    GATE_LOOK_MS = 100,              /* how long a cancel may go unseen by who waits at the gate */
    CROWD_LEAST = 8                  /* a gate that was narrowed below this opens again as members leave */
};

/* What the databases of one environment share, and how many of them may be connected at once. */
struct fleet_share {
    const struct environment *environment;
    struct common common;
    pthread_mutex_t lock;
    pthread_cond_t left;
    int allowed, inside, connected;
};

struct fleet {
    struct fleet_options options;
    struct fleet_member **members;
    size_t count, capacity;
    struct fleet_share **shares;
    size_t share_count;
    struct visits visits;
    pthread_mutex_t lock;            /* which member is next */
    size_t next;
    pthread_mutex_t speech;          /* hear, done, ask: one at a time */
};

/* ---- speaking ---- */

static void emit(void *sink, struct input *in)
{
    struct fleet_member *m = sink;
    struct fleet *f = m->fleet;
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

static struct fleet_share *share_of(struct fleet *f, const struct environment *environment)
{
    const struct environment *declared = environment->of ? environment->of : environment;
    for (size_t i = f->share_count; i-- > 0;)
        if (f->shares[i]->environment == declared)
            return f->shares[i];
    struct fleet_share *share = xcalloc(1, sizeof *share);
    share->environment = declared;
    common_init(&share->common, &f->visits);
    pthread_mutex_init(&share->lock, NULL);
    pthread_cond_init(&share->left, NULL);
    share->allowed = f->options.jobs;
    f->shares = xrealloc(f->shares, (f->share_count + 1) * sizeof(struct fleet_share *));
    return f->shares[f->share_count++] = share;
}

static struct fleet_member *add_member(struct fleet *f, struct environment *environment)
{
    const struct environment *of = environment->of;
    for (size_t i = 0; i < f->count; i++) {
        const struct environment *known = f->members[i]->environment;
        if (known == environment || (of && known->of == of && strcmp(known->database, environment->database) == 0))
            return f->members[i];
    }
    struct fleet_member *m = xcalloc(1, sizeof *m);
    m->fleet = f;
    m->environment = environment;
    m->share = share_of(f, environment);
    m->settings = *f->options.ctx->settings;
    m->settings.arena = (struct arena){0};
    m->ctx = *f->options.ctx;
    m->ctx.settings = &m->settings;
    m->ctx.environment = environment;
    m->ctx.common = &m->share->common;
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
    struct fleet_share *share = share_of(f, selected->environment);
    struct environment **list;
    size_t count;
    int limit;
    ctx.environment = selected->environment;
    ctx.common = &share->common;
    ctx.emit = NULL;
    ctx.way = NULL;
    struct err why = {0};
    if (!fleet_databases(&ctx, selected->environment, selected->database, &list, &count, &limit, &why)) {
        way_leave(&ctx);
        if (why.class == ERR_CANCELLED) {
            *err = why;
            return false;
        }
        add_member(f, selected->environment)->err = why;
        return true;
    }
    if (limit > 0 && limit < share->allowed)
        share->allowed = limit;
    for (size_t i = 0; i < count; i++)
        add_member(f, list[i]);
    way_leave(&ctx);
    return true;
}

bool fleet_open(struct fleet **fleet, const struct selection *selection, const struct fleet_options *options,
                struct err *err)
{
    struct fleet *f = *fleet = xcalloc(1, sizeof *f);
    bool ok = true;
    f->options = *options;
    if (f->options.jobs <= 0)
        f->options.jobs = FLEET_JOBS;
    pthread_mutex_init(&f->lock, NULL);
    pthread_mutex_init(&f->speech, NULL);
    visits_init(&f->visits, options->ctx->settings);
    for (size_t i = 0; ok && i < selection->count; i++) {
        if (environment_is_many(selection->items[i].environment))
            ok = add_many(f, &selection->items[i], err);
        else
            add_member(f, selection->items[i].environment);
    }
    if (ok)
        return true;
    fleet_free(f);
    *fleet = NULL;
    return false;
}

size_t fleet_count(const struct fleet *f) { return f->count; }
struct fleet_member *fleet_member(struct fleet *f, size_t nth) { return f->members[nth]; }

/* ---- the gate ---- */

static bool cancelled(struct err *err) { return err_set(err, ERR_CANCELLED, "cancelled before it was looked at"); }

static bool enter(struct fleet_member *m, struct err *err)
{
    struct fleet_share *s = m->share;
    bool wanted = true;
    pthread_mutex_lock(&s->lock);
    while ((wanted = !ctx_cancelled(&m->ctx)) && s->inside >= s->allowed) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += GATE_LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&s->left, &s->lock, &until);
    }
    s->inside += wanted;
    pthread_mutex_unlock(&s->lock);
    return wanted || cancelled(err);
}

static void connected(struct fleet_member *m)
{
    pthread_mutex_lock(&m->share->lock);
    m->share->connected++;
    pthread_mutex_unlock(&m->share->lock);
}

/* `full`: the server had no connection for it; then no more than those that have one. */
static void leave(struct fleet_member *m, bool was_connected, bool full)
{
    struct fleet_share *s = m->share;
    pthread_mutex_lock(&s->lock);
    s->inside--;
    s->connected -= was_connected;
    if (full)
        s->allowed = s->connected > 1 ? s->connected : 1;
    else if (was_connected && s->allowed < CROWD_LEAST && s->allowed < m->fleet->options.jobs)
        s->allowed++;
    pthread_cond_broadcast(&s->left);
    pthread_mutex_unlock(&s->lock);
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
    if (!enter(m, err))
        return false;
    bool open = session_open(&m->session, &m->ctx, err);
    *full = !open && is_full(err);
    if (open)
        connected(m);
    bool ok = open && o->work(m, o->context, err);
    if (open)
        session_close(&m->session);
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
        pthread_mutex_lock(&f->speech);
        if (f->options.done)
            f->options.done(m, f->options.context);
        pthread_mutex_unlock(&f->speech);
    }
}

void fleet_run(struct fleet *f)
{
    size_t wanted = f->count < (size_t)f->options.jobs ? f->count : (size_t)f->options.jobs, started = 0;
    pthread_t *threads = xcalloc(wanted + 1, sizeof *threads);
    while (started < wanted && thread_start_sized(&threads[started], THREAD_STACK_SMALL, body, f))
        started++;
    if (!started)
        body(f);                     /* no thread to be had: one after the other, then */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

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
        pthread_mutex_destroy(&f->shares[i]->lock);
        pthread_cond_destroy(&f->shares[i]->left);
        free(f->shares[i]);
    }
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->speech);
    free(f->members);
    free(f->shares);
    free(f);
}
