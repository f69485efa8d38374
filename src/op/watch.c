/* watch - keeps looking at one environment, and says what changed: once, as it is noticed, with a diagnosis taken while the
 * evidence is fresh.
 *
 * Look, decide (watch_decide.c, pure), tell, remember, wait: for weeks. What was told is kept in a file, so that a watch
 * that is started again neither repeats it nor misses what happened meanwhile. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "op/ops.h"
#include "op/typed_in.h"
#include "op/watch_decide.h"
#include "op/watch_look.h"
#include "op/way.h"

enum {
    LOCK_MS = 2000,                  /* for the watch that is just being replaced */
    KEEP_MS = 5 * 60 * 1000          /* how old the file may become while nothing changes */
};

struct watch {
    struct ctx *outer;               /* borrowed */
    struct ctx ctx;                  /* the sessions': what they emit passes through us */
    const struct watch_options *options;
    struct watch_key key;
    struct watch_eye eye;
    struct watch_state state;        /* as told */
    struct watch_state kept;         /* as it is in the file */
    int64_t kept_ms;                 /* monotonic */
    int lock_fd;                     /* -1: this watch remembers nothing */
    bool said_unkept, introduced;
    enum err_class away_class;       /* why it does not answer, as said last */
    struct typed_in typed;           /* for every connection that follows */
    uint64_t events;
};

/* ---- between the sessions and whoever listens ---- */

/* Attempts while the database is away are no news: the record would be full of them. */
static void pass_on(void *sink, struct input *in)
{
    struct watch *w = sink;
    if (in->kind == IN_CONNECTION && w->state.away)
        input_free(in);
    else
        ctx_emit(w->outer, in);
}

/* A person is there when a watch begins, and not when it connects again at night. */
static bool ask(void *asker, const struct question *question, struct answer *answer, struct err *err)
{
    struct watch *w = asker;
    bool keeps = question->kind == QUESTION_PASSWORD && !question->keeps_answer;
    int kept = keeps ? typed_in_find(&w->typed, question->title) : -1;
    if (kept >= 0) {
        *answer = (struct answer){.yes = true, .secret = secret_copy(w->typed.items[kept].secret)};
        return true;
    }
    if (w->state.mono_ms) {
        err_set(err, ERR_REFUSED, "%s", question->title);
        err_why(err, "nobody is asked while watching");
        return question->option ? err_hint(err, "%s would have answered", question->option) : false;
    }
    if (!ctx_ask(w->outer, question, answer, err))
        return false;
    if (keeps)
        typed_in_keep(&w->typed, question->title, answer->secret);
    return true;
}

/* ---- what is remembered ---- */

static void keep(struct watch *w)
{
    struct err err = {0};
    int64_t now = clock_mono_ms();
    bool due = !w->kept.wall_ms || !watch_same(&w->state, &w->kept) || now - w->kept_ms >= KEEP_MS;
    const struct watch_options *o = w->options;
    if (w->lock_fd < 0 || !w->state.wall_ms || !due || (o->delivered && !o->delivered(o->context)))
        return;
    w->kept_ms = now;
    if (!watch_state_write(&w->key, &w->state, &err)) {
        if (!w->said_unkept)
            ctx_log(w->outer, "warning", "what was told cannot be remembered: %s: %s", err.message, err.why);
        w->said_unkept = true;
        return;
    }
    struct str text = {0};
    w->said_unkept = false;
    watch_state_free(&w->kept);
    watch_state_format(&w->key, &w->state, &text);
    watch_state_parse(str_text(&text), text.length, &w->kept, &err);
    str_free(&text);
}

/* Where another watch has the file, this one goes on without, and takes it when that one ends. */
static void recall(struct watch *w, int timeout_ms)
{
    struct err err = {0};
    bool other;
    if (w->options->until_bad || w->lock_fd >= 0)
        return;
    bool first = timeout_ms > 0;
    if (!watch_state_lock(&w->key, timeout_ms, &w->lock_fd, &other, &err)) {
        if (first && other)
            ctx_log(w->outer, "warning", "another watch of %s is running: this one remembers nothing while it does",
                    w->key.environment);
        else if (first)
            ctx_log(w->outer, "warning", "what is told is not remembered: %s: %s", err.message, err.why);
        return;
    }
    if (!first)
        ctx_log(w->outer, "info", "the other watch of %s has ended: this one remembers from now on", w->key.environment);
    else if (!watch_state_read(&w->key, &w->kept, &err))
        ctx_log(w->outer, "warning", "%s: %s (%s)", err.message, err.why, err.at);
    else
        watch_state_read(&w->key, &w->state, &err);
}

/* ---- telling ---- */

static const char *const weights[] = {[WATCH_NEWS] = "news", [WATCH_GOOD] = "good", [WATCH_BAD] = "bad"};

/* A command of the table, for this environment. */
static char *next_step(const struct watch *w, const char *next)
{
    struct str out = {0};
    for (const char *at = next; at && *at;) {
        const char *word = strstr(at, "ENV");
        str_add_bytes(&out, at, word ? (size_t)(word - at) : strlen(at));
        if (word)
            str_add(&out, w->key.environment);
        at = word ? word + 3 : NULL;
    }
    return str_take(&out);
}

static void put_tables(struct input *in, const struct watch_event *event)
{
    in->tables = xcalloc(event->table_count + 1, sizeof *in->tables);
    for (; in->table_count < event->table_count; in->table_count++) {
        const struct watch_table *t = event->tables[in->table_count];
        in->tables[in->table_count] = (struct fact_table){.name = xstrdup(t->name), .class = xstrdup("context"),
            .rows = t->rows, .estimated = t->estimated, .held = t->held, .min_rows = t->floor, .fixture_rows = -1,
            .missing = -1, .changed = -1, .extra = -1, .allowed_changed = -1, .allowed_extra = -1, .bytes = -1,
            .note = xstrdup(t->there ? "" : "no such table")};
    }
}

static void put_migrations(struct input *in, const struct watch_event *event)
{
    in->migrations = xcalloc(event->migration_count + 1, sizeof *in->migrations);
    for (; in->migration_count < event->migration_count; in->migration_count++) {
        const struct watch_migration *m = event->migrations[in->migration_count];
        in->migrations[in->migration_count] = (struct fact_migration){.name = xstrdup(m->name),
            .state = xstrdup(migration_state_name(m->state)), .duration_ms = -1};
    }
}

static void tell_one(struct watch *w, const struct watch_event *event, int64_t before_ms, bool diagnosed)
{
    struct input *in = input_new(IN_ALERT);
    in->name = xstrdup(event->rule->name);
    in->title = xstrdup(weights[event->rule->weight]);
    in->text = xstrdup(event->text);
    in->expect = next_step(w, event->rule->next);
    in->number = event->serial;
    in->number2 = before_ms;
    in->rate = diagnosed;
    in->ok = event->rule->weight != WATCH_BAD;
    put_tables(in, event);
    put_migrations(in, event);
    if (w->eye.open)
        session_server_fact(&w->eye.session, &in->server);
    ctx_emit(w->outer, in);
    w->events++;
}

/* Whatever comes of it, the events are told. */
static bool diagnose(struct watch *w)
{
    struct err err = {0};
    struct diagnose_options how = {.reason = "watch"};
    if (!w->eye.open)
        return false;
    if (op_diagnose(&w->eye.session, &how, &err))
        return true;
    ctx_log(w->outer, "warning", "no diagnosis could be taken: %s: %s", err.message, err.why);
    return false;
}

static void tell(struct watch *w, const struct watch_event *events, size_t count, int64_t before_ms)
{
    bool wanted = false;
    for (size_t i = 0; i < count; i++)
        wanted = wanted || events[i].rule->diagnose;
    bool diagnosed = wanted && diagnose(w);
    for (size_t i = 0; i < count; i++)
        tell_one(w, &events[i], before_ms, diagnosed && events[i].rule->diagnose);
}

/* Refused is one thing, a password that is no longer right another. */
static void say_other_reason(struct watch *w, const struct watch_state *now, const struct err *err)
{
    if (now->away && w->state.away && w->away_class != ERR_NONE && err->class != w->away_class)
        ctx_log(w->outer, "info", "%s still does not answer: %s", w->key.environment, now->away_why);
    w->away_class = now->away ? err->class : ERR_NONE;
}

/* Once, at the first look that is answered: what is being watched. */
static void introduce(struct watch *w)
{
    const struct watch_state *s = &w->state;
    size_t lacking = 0;
    if (s->away || w->introduced)
        return;
    w->introduced = true;
    for (size_t i = 0; i < s->table_count; i++)
        lacking += s->tables[i].lacking;
    if (!s->table_count)
        ctx_log(w->outer, "warning", "no context table is declared: rows are not watched (seedops init writes a configuration)");
    enum err_class health = watch_health(s);
    ctx_log(w->outer, "info", "watching %s every %.3g s: %zu tables, %zu migrations, %s", w->key.environment,
            (double)w->options->interval_ms / 1000, s->table_count, s->migration_count,
            health == ERR_NONE ? "all well" : s->stranger ? "another database than is known" :
            lacking ? "rows are missing" : "migrations are not as they should be");
    for (size_t i = 0; i < w->eye.session.fixture_problems.count; i++) {
        const struct err *e = &w->eye.session.fixture_problems.items[i];
        ctx_log(w->outer, "warning", "%s: %s", e->at, e->message);
    }
}

/* ---- the round ---- */

/* What cannot be opened at all is an error of the configuration; everything else is news about the database. */
static bool hopeless(const struct watch *w, const struct watch_state *now, const struct err *err)
{
    return w->eye.looks == 1 && now->away &&
           (err->class == ERR_CONFIG || err->class == ERR_USAGE || err->class == ERR_REFUSED || err->class == ERR_DEPENDENCY);
}

static bool look_and_tell(struct watch *w, struct err *err)
{
    struct watch_state now;
    struct watch_event events[WATCH_EVENTS];
    if (!watch_look(&w->eye, &now, err) || hopeless(w, &now, err)) {
        watch_state_free(&now);
        return false;
    }
    int64_t before_ms = w->state.wall_ms;
    say_other_reason(w, &now, err);
    size_t count = watch_decide(&w->state, &now, events);
    watch_state_free(&w->state);
    w->state = now;                  /* the events live in its arena */
    introduce(w);
    tell(w, events, count, before_ms);
    return true;
}

static bool look(struct watch *w, struct err *err)
{
    const struct watch_options *o = w->options;
    bool brief = false;
    if (o->enter && !o->enter(o->context, &brief, err))
        return false;
    bool ok = look_and_tell(w, err);
    if (brief)
        watch_eye_close(&w->eye);
    if (o->leave)
        o->leave(o->context);
    return ok;
}

static bool bad_enough(const struct watch *w, struct err *err)
{
    enum err_class class = watch_health(&w->state);
    if (!w->options->until_bad || class == ERR_NONE)
        return false;
    if (w->state.away) {             /* err says why */
        err->class = err->class == ERR_NEVER_READY ? ERR_NEVER_READY : ERR_NOT_READY;
        return true;
    }
    err_set(err, class, "%s is not well", w->key.environment);
    err_hint(err, "seedops status %s", w->key.environment);
    return true;
}

static bool wait_until(struct watch *w, int64_t moment, struct err *err)
{
    const struct watch_options *o = w->options;
    for (int64_t left; (left = moment - clock_mono_ms()) > 0;) {
        struct pollfd fds[] = {{.fd = w->ctx.cancel_fd, .events = POLLIN}, {.fd = o->wake_fd, .events = POLLIN}};
        if (poll(fds, 2, (int)(left < 60000 ? left : 60000)) < 0 && errno != EINTR)
            return err_errno(err, ERR_GENERAL, errno, "cannot wait");
        if (fds[1].revents && o->woken)
            o->woken(o->context);
        if (fds[0].revents)
            return err_set(err, ERR_CANCELLED, "the watch was ended");
        keep(w);
    }
    return !ctx_cancelled(&w->ctx) || err_set(err, ERR_CANCELLED, "the watch was ended");
}

static bool watch_on(struct watch *w, struct err *err)
{
    const struct watch_options *o = w->options;
    int64_t began = clock_mono_ms(), end = o->stop_after_ms ? began + o->stop_after_ms : INT64_MAX;
    for (int64_t next = began - (o->phase_ms ? o->interval_ms - o->phase_ms : 0);;) {
        err_clear(err);
        if (!look(w, err) || bad_enough(w, err))
            return false;
        recall(w, 0);
        keep(w);
        int64_t now = clock_mono_ms();
        next = next + o->interval_ms > now ? next + o->interval_ms : now + o->interval_ms;
        if (next > end)
            return wait_until(w, end, err);
        if (!wait_until(w, next, err))
            return false;
    }
}

bool op_watch(struct ctx *ctx, const struct watch_options *options, struct watch_sum *sum, struct err *err)
{
    struct watch w = {.outer = ctx, .ctx = *ctx, .options = options, .lock_fd = -1,
        .key = {known_config(ctx->settings, ctx->environment), ctx->environment->name}};
    w.ctx.emit = pass_on;
    w.ctx.sink = &w;
    w.ctx.ask = ask;
    w.ctx.asker = &w;
    w.ctx.recorded = NULL;
    w.ctx.patience_ms = WATCH_PATIENCE_MS;
    w.ctx.place = NULL;
    w.ctx.way = NULL;                /* it holds one of its own */
    w.eye.ctx = &w.ctx;
    recall(&w, LOCK_MS);
    bool ok = watch_on(&w, err);
    if (options->woken)
        options->woken(options->context);
    keep(&w);
    *sum = (struct watch_sum){w.eye.looks, w.eye.round_trips, w.eye.settlings, w.events};
    watch_eye_close(&w.eye);
    way_leave(&w.ctx);
    watch_state_free(&w.state);
    watch_state_free(&w.kept);
    typed_in_free(&w.typed);
    if (w.lock_fd >= 0)
        close(w.lock_fd);
    return ok;
}
