/* look - the Environments screen: every environment looked at, many at once on threads with small stacks.
 *
 * Each answer is sent as the whole list, so that an event can be missed or come late without harm. */
#include "run/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "app/model.h"
#include "app/sentence.h"
#include "base/thread.h"
#include "op/health.h"
#include "op/ops.h"

enum { LOOKERS = 32 };

struct looking {
    struct side *side;
    const struct effect *effect;
    pthread_mutex_t mutex;
    struct fact_environment *facts;
    size_t count, next;
};

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = xstrdup(text);
}

/* With the mutex held: the list as it is now. */
static void send_list(struct looking *l)
{
    struct input *in = input_new(IN_ENVIRONMENTS);
    in->request = l->effect->request;
    in->environment_count = l->count;
    in->environments = xcalloc(l->count, sizeof *in->environments);
    for (size_t i = 0; i < l->count; i++) {
        const struct fact_environment *f = &l->facts[i];
        in->environments[i] = (struct fact_environment){
            .name = xstrdup(f->name), .role = xstrdup(f->role), .target = xstrdup(f->target),
            .reachable = xstrdup(f->reachable), .migrated = xstrdup(f->migrated),
            .seeded = xstrdup(f->seeded), .sentence = xstrdup(f->sentence),
            .identity = xstrdup(f->identity),
        };
    }
    queue_put(l->side->shared->queue, in, worker_cancelled(l->side->worker));
}

static const char *migrated_word(const struct fact_ledger *ledger)
{
    if (ledger->problem && *ledger->problem)
        return "error";
    return ledger->pending || ledger->failed || ledger->modified || ledger->missing ? "no" : "yes";
}

/* The worst that any table says: no, held, unknown, yes. */
static const char *seeded_word(const struct input *status)
{
    bool held = false, unknown = false;
    for (size_t i = 0; i < status->table_count; i++) {
        const struct fact_table *t = &status->tables[i];
        held |= t->held;
        if (!t->held && t->fixture_rows >= 0 && t->missing < 0)
            unknown = true;
        else if (!t->held && !health_table(t))
            return "no";
    }
    return held ? "held" : unknown ? "unknown" : "yes";
}

static void describe(struct fact_environment *fact, const struct input *status)
{
    set_text(&fact->reachable, "yes");
    set_text(&fact->migrated, migrated_word(&status->ledger));
    set_text(&fact->seeded, seeded_word(status));
    set_text(&fact->identity, status->server.identity.trouble ? status->server.identity.state : "");
    /* Borrowed for the length of the call: the list says what the Overview would. */
    struct facts facts = {.phase = (char *)"ready", .server = status->server, .ledger = status->ledger,
        .guard = status->guard, .tables = status->tables, .table_count = status->table_count,
        .problem = status->text, .status_complete = true};
    struct sentence sentence;
    sentence_make(&(struct sentence_input){.facts = &facts, .environment = fact->name}, &sentence);
    set_text(&fact->sentence, sentence.mood == MOOD_GOOD ? "" : sentence.text);
}

/* The sink of a look keeps the complete status and drops the rest. */
static void keep_status(void *sink, struct input *in)
{
    struct input **status = sink;
    if (in->kind == IN_STATUS && in->number == 1) {
        struct input *old = *status;
        *status = in;
        in = old;
    }
    input_free(in);
}

/* Opens, asks for the status, closes. Nobody is asked anything: a password that is missing is the finding. */
static bool look_at(struct looking *l, struct environment *environment, struct input **status,
                    struct err *err)
{
    struct opened *o = opened_new(l->side->shared, environment);
    o->ctx.emit = keep_status;
    o->ctx.sink = status;
    o->ctx.ask = NULL;
    o->ctx.request = l->effect->request;
    o->ctx.cancel_fd = worker_cancel_fd(l->side->worker);
    bool ok = session_open(&o->session, &o->ctx, err)
        && op_status(&o->session, &(struct status_options){.compare = true}, err);
    session_close(&o->session);
    opened_free(o);
    return ok;
}

static void *looker(void *argument)
{
    struct looking *l = argument;
    for (;;) {
        pthread_mutex_lock(&l->mutex);
        size_t at = l->next < l->count ? l->next++ : SIZE_MAX;
        pthread_mutex_unlock(&l->mutex);
        if (at == SIZE_MAX)
            return NULL;
        struct input *status = NULL;
        struct err err = {0};
        bool ok = look_at(l, &l->side->shared->settings->environments[at], &status, &err);
        pthread_mutex_lock(&l->mutex);
        struct fact_environment *fact = &l->facts[at];
        if (ok && status) {
            describe(fact, status);
        } else {
            set_text(&fact->reachable, err.class == ERR_NOT_READY ? "no" : "error");
            set_text(&fact->migrated, "unknown");
            set_text(&fact->seeded, "unknown");
            set_text(&fact->sentence, err.why[0] ? err.why : err.message);
        }
        send_list(l);
        pthread_mutex_unlock(&l->mutex);
        input_free(status);
    }
}

static void list_all(struct looking *l)
{
    struct settings *settings = l->side->shared->settings;
    struct arena arena = {0};
    l->count = settings->environment_count;
    l->facts = xcalloc(l->count, sizeof *l->facts);
    for (size_t i = 0; i < l->count; i++) {
        const struct environment *e = &settings->environments[i];
        bool known = e->url_error.class == ERR_NONE && e->has_url;
        l->facts[i] = (struct fact_environment){
            .name = xstrdup(e->name), .role = xstrdup(role_name(e->role)),
            .target = xstrdup(known ? url_redacted(&e->url, &arena) : ""),
            .reachable = xstrdup("checking"), .migrated = xstrdup("checking"), .seeded = xstrdup("checking"),
            .sentence = xstrdup(""),
        };
    }
    arena_free(&arena);
}

static void forget_all(struct looking *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct fact_environment *f = &l->facts[i];
        free(f->name);
        free(f->role);
        free(f->target);
        free(f->reachable);
        free(f->migrated);
        free(f->seeded);
        free(f->sentence);
        free(f->identity);
    }
    free(l->facts);
}

void look_work(void *context, const struct effect *effect)
{
    struct looking l = {.side = context, .effect = effect};
    pthread_t threads[LOOKERS];
    size_t started = 0;
    pthread_mutex_init(&l.mutex, NULL);
    list_all(&l);
    send_list(&l);
    while (started < LOOKERS && started < l.count && thread_start(&threads[started], looker, &l))
        started++;
    if (!started)
        looker(&l);          /* no thread to be had: one after the other, then */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&l.mutex);
    forget_all(&l);
    struct input *in = input_new(IN_OUTCOME);
    in->request = effect->request;
    in->name = xstrdup("environments");
    in->ok = true;
    queue_put(l.side->shared->queue, in, worker_cancelled(l.side->worker));
}
