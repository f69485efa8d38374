/* opened - an environment as its worker holds it: a session, and the one way an operation is run in it. */
#include "run/runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/diagnosis.h"
#include "base/clock.h"
#include "base/str.h"
#include "op/onrecord.h"
#include "op/ops.h"
#include "op/trail.h"

enum { READY_MS = 120000, FLUSH_MS = 2000 };

/* The list comes over the second connection, which does not know the first for ours. */
static void mark_own(struct shared *shared, struct input *in)
{
    for (size_t i = 0; i < in->backend_count; i++)
        for (size_t k = 0; k < 2; k++)
            if (in->backends[i].pid == atomic_load(&shared->own_pids[k]))
                in->backends[i].ours = true;
}

static void note_own(const struct opened *o)
{
    const struct db *connections[] = {o->open ? o->session.db : NULL, o->open ? o->session.direct : NULL};
    for (size_t k = 0; !o->aside && k < 2; k++)
        atomic_store(&o->shared->own_pids[k], connections[k] ? db_facts(connections[k])->backend_pid : 0);
}

static bool place(void *sink, struct journal_place *place)
{
    struct opened *o = sink;
    return o->shared->record && record_place(o->shared->record, FLUSH_MS, place);
}

static void emit(void *sink, struct input *in)
{
    struct opened *o = sink;
    if (in->kind == IN_OUTCOME)
        o->outcome_said = true;
    if (in->kind == IN_STATUS && in->number == 1)
        o->rows_missing = diagnosis_wanted(&in->ledger, in->tables, in->table_count);
    if (in->kind == IN_ACTIVITY)
        mark_own(o->shared, in);
    queue_put(o->shared->queue, in, o->worker ? worker_cancelled(o->worker) : NULL);
}

/* Where nobody listens any more. */
static void forget(void *sink, struct input *in)
{
    (void)sink;
    input_free(in);
}

struct opened *opened_new(struct shared *shared, struct environment *environment)
{
    struct opened *o = xcalloc(1, sizeof *o);
    o->shared = shared;
    o->settings = *shared->settings;
    o->settings.arena = (struct arena){0};
    o->ctx = (struct ctx){
        .settings = &o->settings, .environment = environment, .face = GUARD_CONSOLE, .cancel_fd = -1,
        .emit = emit, .sink = o, .place = place, .ways = shared->ways,
    };
    way_hold(&o->ctx);
    if (!shared->headless) {
        o->asker = (struct asker){.asks = shared->asks, .ctx = &o->ctx};
        o->ctx.ask = ask_console;
        o->ctx.asker = &o->asker;
    }
    return o;
}

static void disconnect(struct opened *o)
{
    if (o->open)
        session_close(&o->session);
    o->open = false;
}

static void destroy(struct opened *o)
{
    disconnect(o);
    way_leave(&o->ctx);
    arena_free(&o->settings.arena);
    free(o);
}

/* ---- the trail's last row: the journal's hash is final when no thread can add to it any more ---- */

struct partings {
    pthread_mutex_t mutex;
    struct opened *first;
};

struct partings *partings_new(void)
{
    struct partings *p = xcalloc(1, sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
    return p;
}

static void keep_for_parting(struct opened *o)
{
    struct partings *p = o->shared->partings;
    onrecord_end(&o->ctx);
    pthread_mutex_lock(&p->mutex);
    o->next = p->first;
    p->first = o;
    pthread_mutex_unlock(&p->mutex);
}

void partings_say(struct partings *p, const char *hash)
{
    while (p->first) {
        struct opened *o = p->first;
        struct err err = {0};
        p->first = o->next;
        o->ctx.emit = forget;
        if (!trail_end(&o->session, hash, &err))
            fprintf(stderr, "seedops: warning: %s: %s\n", err.message, err.why);
        destroy(o);
    }
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

void opened_free(void *opened)
{
    struct opened *o = opened;
    struct err err = {0};
    if (o->open && o->session.trailed && atomic_load(&o->shared->quitting)) {
        keep_for_parting(o);
        return;
    }
    if (o->open && !trail_end(&o->session, NULL, &err))
        ctx_log(&o->ctx, "warning", "%s: %s", err.message, err.why);
    destroy(o);
}

/* A server that starts up is waited for, each try visible; not by --dump, which shows what is. */
static bool connect_session(struct opened *o, struct err *err)
{
    if (session_open(&o->session, &o->ctx, err))
        return true;
    session_close(&o->session);
    if (err->class != ERR_NOT_READY || o->shared->headless)
        return false;
    int attempts = 0;
    err_clear(err);
    if (!op_wait(&o->ctx, READY_MS, &attempts, err))
        return false;
    if (session_open(&o->session, &o->ctx, err))
        return true;
    session_close(&o->session);
    return false;
}

static bool is_alive(const struct opened *o)
{
    return db_alive(o->session.db) && (!o->session.direct || db_alive(o->session.direct));
}

bool opened_ready(struct opened *o, struct err *err)
{
    if (o->open && is_alive(o))
        return true;
    disconnect(o);
    /* generations are the first connection's: what comes over the second is not dropped for the first's sake,
     * and must not make the first look old */
    o->ctx.generation = o->aside ? 0 : atomic_fetch_add(&o->shared->generation, 1) + 1;
    memset(&o->session, 0, sizeof o->session);
    o->open = connect_session(o, err);
    return o->open;
}

/* SAFETY 6: what is about to be done is on disk before it is done, or the operator reads that it is not. */
static void put_on_record(struct opened *o)
{
    if (o->shared->record && !record_flush(o->shared->record, FLUSH_MS))
        ctx_log(&o->ctx, "warning", "not recorded: the journal is not on disk");
}

static void say_outcome(struct opened *o, const char *name, bool ok, int64_t since_ms, const struct err *err)
{
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup(name);
    in->ok = ok;
    in->number = clock_mono_ms() - since_ms;
    if (!ok)
        input_set_error(in, err);
    ctx_emit(&o->ctx, in);
}

static void say_lost(struct opened *o, const struct err *err)
{
    struct input *in = input_new(IN_CONNECTION);
    in->name = xstrdup("lost");
    struct str text = {0};
    str_printf(&text, "%s%s%s", err->message, err->why[0] ? ": " : "", err->why);
    in->text = str_take(&text);
    ctx_emit(&o->ctx, in);
}

/* ---- while nothing runs ---- */

size_t opened_watched(void *opened, struct pollfd *fds)
{
    const struct opened *o = opened;
    struct db *connections[] = {o->open ? o->session.db : NULL, o->open ? o->session.direct : NULL};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        if (connections[i] && db_alive(connections[i]) && (i == 0 || connections[1] != connections[0]))
            fds[count++] = (struct pollfd){.fd = db_facts(connections[i])->socket, .events = POLLIN};
    return count;
}

/* Nothing was being done on it, so nothing is in doubt: it is made again, which update() asks for. */
void opened_heard(void *opened)
{
    struct opened *o = opened;
    struct db *connections[] = {o->session.db, o->session.direct};
    struct err err = {0};
    bool lost = false;
    o->ctx.request = 0;
    for (size_t i = 0; i < 2; i++)
        lost |= connections[i] && db_alive(connections[i]) && !db_listen(connections[i], &err);
    if (lost && !o->aside)
        say_lost(o, &err);
}

/* Files change while a console is open. A confirmed seed alone keeps what its plan was made of: a fixture that
 * changed since then fails it, rather than being written unseen. */
static bool reads_disk(const struct effect *effect)
{
    return (effect->kind != EFFECT_SEED && effect->kind != EFFECT_PRUNE) || effect->number == 1;
}

/* A connection may have died since it was last used, which only using it shows: what only reads is then tried
 * once more on a new one. A write is not: its operator decided by what the old connection showed. */
static bool run_operation(struct opened *o, const struct operation *operation, const struct effect *effect,
                          struct err *err)
{
    bool reused = o->open;
    if (!opened_ready(o, err))
        return false;
    if (reused && o->open && !o->aside && reads_disk(effect))
        session_reread(&o->session);
    if (operation->run(o, effect, err))
        return true;
    if (is_alive(o))
        return false;
    say_lost(o, err);
    if (operation->writes || ctx_cancelled(&o->ctx))
        return false;
    err_clear(err);
    return opened_ready(o, err) && operation->run(o, effect, err);
}

void opened_work(void *opened, const struct effect *effect)
{
    struct opened *o = opened;
    const struct operation *operation = operation_of(effect->kind);
    struct err err = {0};
    int64_t since_ms = clock_mono_ms();
    o->ctx.request = effect->request;
    o->ctx.confirm = effect->text && *effect->text ? effect->text : NULL;
    o->ctx.write_mode = effect->write_mode;
    o->ctx.progress_started_ms = o->ctx.progress_shown_ms = o->ctx.progress_done = 0;
    o->outcome_said = false;
    bool ok;
    if (ctx_cancelled(&o->ctx)) {
        ok = err_set(&err, ERR_CANCELLED, "%s was cancelled before it began", operation->name);
    } else {
        if (operation->writes)
            put_on_record(o);
        ok = run_operation(o, operation, effect, &err);
    }
    note_own(o);
    if (!ok || !o->outcome_said)
        say_outcome(o, operation->name, ok, since_ms, &err);
    o->ctx.confirm = NULL;
}
