/* way - one tunnel an environment, shared by whoever connects there. */
#include "op/way.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/thread.h"
#include "op/session.h"
#include "op/typed_in.h"
#include "op/way_route.h"
#include "tunnel/tunnel.h"

/* A URL and a direct URL may lead to two places behind the same SSH server. */
enum { LEGS = 2, LOOK_MS = 100 };

struct leg {
    char *place;                     /* what its route leads to; NULL: unused */
    const struct tunnel_end *end;    /* the tunnel's */
};

struct way {
    struct way *next;
    const struct environment *environment;
    size_t holders;                  /* under the mutex of all ways; the rest under the way's own */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool opening;                    /* somebody is at it, and may be asking */
    struct tunnel *tunnel;           /* NULL: not open */
    struct leg legs[LEGS];           /* of this tunnel */
    struct err last;                 /* why the one before it ended; class ERR_NONE: nothing known */
    struct err failed;               /* why the last one did not open; class ERR_NONE: it did */
    bool failed_unasked;             /* and nobody could be asked */
    struct typed_in typed;              /* not asked again when a tunnel that broke is opened anew */
};

struct ways {
    pthread_mutex_t mutex;
    struct way *first;
};

/* ---- who holds what ---- */

struct ways *ways_new(void)
{
    struct ways *ways = xcalloc(1, sizeof *ways);
    pthread_mutex_init(&ways->mutex, NULL);
    return ways;
}

void ways_free(struct ways *ways)
{
    if (!ways)
        return;
    pthread_mutex_destroy(&ways->mutex);
    free(ways);
}

static struct way *way_new(const struct environment *environment)
{
    struct way *way = xcalloc(1, sizeof *way);
    way->environment = environment;
    pthread_mutex_init(&way->mutex, NULL);
    thread_cond_init(&way->changed);
    return way;
}

static void forget_legs(struct way *way)
{
    for (size_t i = 0; i < LEGS; i++)
        free(way->legs[i].place);
    memset(way->legs, 0, sizeof way->legs);
}

static void way_free(struct way *way)
{
    forget_legs(way);
    tunnel_close(way->tunnel);
    typed_in_free(&way->typed);
    pthread_cond_destroy(&way->changed);
    pthread_mutex_destroy(&way->mutex);
    free(way);
}

/* Databases that one declaration stands for are behind one tunnel. */
static const struct environment *declared(const struct environment *env) { return env->of ? env->of : env; }

static struct way *hold(struct ctx *ctx)
{
    struct ways *ways = ctx->ways;
    const struct environment *env = declared(ctx->environment);
    if (ctx->way)
        return ctx->way;
    pthread_mutex_lock(&ways->mutex);
    struct way *way = ways->first;
    while (way && way->environment != env)
        way = way->next;
    if (!way) {
        way = way_new(env);
        way->next = ways->first;
        ways->first = way;
    }
    way->holders++;
    pthread_mutex_unlock(&ways->mutex);
    ctx->way = way;
    return way;
}

void way_hold(struct ctx *ctx)
{
    if (ctx->environment->tunnel && ctx->ways)
        hold(ctx);
}

void way_leave(struct ctx *ctx)
{
    struct way *way = ctx->way;
    if (!way)
        return;
    ctx->way = NULL;
    pthread_mutex_lock(&ctx->ways->mutex);
    bool last = --way->holders == 0;
    for (struct way **at = &ctx->ways->first; last && *at; at = &(*at)->next)
        if (*at == way) {
            *at = way->next;
            break;
        }
    pthread_mutex_unlock(&ctx->ways->mutex);
    if (last)
        way_free(way);
}

/* ---- questions ---- */

struct asking {
    struct ctx *ctx;
    struct way *way;
    bool command_tried;              /* tunnel.password_command has had its turn */
    bool given[TYPED_IN_MOST];          /* asked for again, it was wrong */
};

static struct secret *recall(struct asking *asking, const char *title)
{
    int i = typed_in_find(&asking->way->typed, title);
    if (i < 0 || asking->given[i])
        return NULL;
    asking->given[i] = true;
    return secret_copy(asking->way->typed.items[i].secret);
}

/* A question that cannot be put now will not be answered by waiting either. */
static bool put_question(struct asking *asking, struct question *q, struct answer *answer, struct err *err)
{
    q->keeps_answer = true;
    if (ctx_ask(asking->ctx, q, answer, err))
        return true;
    if (!asking->ctx->ask)
        err_why(err, "%s: this wants an answer, open the environment to give it", q->title);
    if (err->class == ERR_REFUSED)
        err->class = ERR_NEVER_READY;
    return false;
}

static bool ask_secret(struct asking *asking, const struct tunnel_question *asked, struct secret **secret, struct err *err)
{
    const char *command = asking->ctx->environment->ssh_password_command;
    struct question q = {.kind = QUESTION_PASSWORD, .title = asked->title, .text = asked->text,
                         .option = "ssh-agent (ssh-add KEY), or tunnel.password_command"};
    struct answer answer = {0};
    if (command && !asking->command_tried) {
        asking->command_tried = true;
        return session_run_password(asking->ctx, command, "use ssh-agent instead", secret, err);
    }
    *secret = recall(asking, asked->title);
    if (*secret)
        return true;
    if (!put_question(asking, &q, &answer, err))
        return false;
    *secret = answer.secret;
    int kept = answer.secret ? typed_in_keep(&asking->way->typed, asked->title, answer.secret) : -1;
    if (kept >= 0)
        asking->given[kept] = true;
    return answer.secret || err_set(err, ERR_CANCELLED, "%s: not answered", asked->title);
}

static bool ask_yes(struct asking *asking, const struct tunnel_question *asked, bool *yes, struct err *err)
{
    struct question q = {.kind = QUESTION_YES, .title = asked->title, .text = asked->text,
                         .option = "the host's key in ~/.ssh/known_hosts (ssh-keyscan prints it; compare it first)"};
    struct answer answer = {0};
    bool ok = put_question(asking, &q, &answer, err);
    *yes = ok && answer.yes;
    return ok;
}

/* A code that a server asks for in clear is still nothing for a screen or a journal. */
static bool ask_text(struct asking *asking, const struct tunnel_question *asked, char *typed, size_t size, struct err *err)
{
    struct question q = {.kind = QUESTION_PASSWORD, .title = asked->title, .text = asked->text,
                         .option = "a terminal, or a key instead of a password,"};
    struct answer answer = {0};
    bool ok = put_question(asking, &q, &answer, err);
    snprintf(typed, size, "%s", answer.secret ? secret_text(answer.secret) : "");
    secret_free(answer.secret);
    return ok;
}

static bool ask(void *asker, const struct tunnel_question *q, bool *yes, struct secret **secret, char *typed, size_t size,
                struct err *err)
{
    switch (q->kind) {
    case TUNNEL_ASK_YES: return ask_yes(asker, q, yes, err);
    case TUNNEL_ASK_SECRET: return ask_secret(asker, q, secret, err);
    case TUNNEL_ASK_TEXT: return ask_text(asker, q, typed, size, err);
    }
    return false;
}

static void phase(void *sink, const char *name, const char *text, int64_t ms) { session_phase(sink, name, text, ms); }

/* ---- opening ---- */

/* With the mutex held. NULL: nothing leads there yet. */
static struct leg *find_leg(struct way *way, const char *place)
{
    for (size_t i = 0; i < LEGS; i++)
        if (way->legs[i].place && strcmp(way->legs[i].place, place) == 0)
            return &way->legs[i];
    return NULL;
}

static struct leg *note_leg(struct way *way, const char *place, const struct tunnel_end *end)
{
    struct leg *leg = &way->legs[way->legs[0].place ? 1 : 0];
    free(leg->place);
    *leg = (struct leg){.place = xstrdup(place), .end = end};
    return leg;
}

static void copy_end(const struct tunnel_end *at, const struct environment *env, struct way_end *end)
{
    *end = (struct way_end){.tunnelled = true};
    snprintf(end->hostaddr, sizeof end->hostaddr, "%s", at->hostaddr ? at->hostaddr : "");
    snprintf(end->port, sizeof end->port, "%s", at->port ? at->port : "");
    snprintf(end->socket_dir, sizeof end->socket_dir, "%s", at->socket_dir ? at->socket_dir : "");
    snprintf(end->through, sizeof end->through, "%s", env->ssh);
    end->db = (struct db_way){.hostaddr = at->hostaddr ? end->hostaddr : NULL, .port = end->port[0] ? end->port : NULL,
                              .socket_dir = at->socket_dir ? end->socket_dir : NULL, .through = end->through};
}

/* With the mutex held, which it gives up meanwhile: until nobody is opening it. */
static bool wait_turn(struct way *way, const struct ctx *ctx, struct err *err)
{
    while (way->opening) {
        struct timespec until = thread_deadline(LOOK_MS);
        pthread_cond_timedwait(&way->changed, &way->mutex, &until);
        if (ctx_cancelled(ctx))
            return err_set(err, ERR_CANCELLED, "cancelled while the tunnel was being opened");
    }
    return true;
}

/* With the mutex held: takes a dead tunnel out, and keeps what it has to say. */
static struct tunnel *take_dead(struct way *way)
{
    struct tunnel *dead = way->tunnel;
    way->tunnel = NULL;
    forget_legs(way);
    err_clear(&way->last);
    if (dead && !tunnel_reason(dead, &way->last))
        err_clear(&way->last);
    return dead;
}

static bool open_tunnel(struct way *way, struct ctx *ctx, const struct tunnel_route *route, int timeout_ms,
                        struct tunnel **out, struct err *err)
{
    struct asking asking = {.ctx = ctx, .way = way};
    struct tunnel_options options = {.ssh = ctx->environment->ssh, .route = *route, .cancel_fd = ctx->cancel_fd,
        .connect_timeout_ms = timeout_ms, .ask = ask, .asker = &asking, .phase = phase, .phase_sink = ctx};
    bool ok = tunnel_open(out, &options, err);
    for (int i = 0; i < TYPED_IN_MOST && !ok && err->class != ERR_NOT_READY && err->class != ERR_CANCELLED; i++)
        if (asking.given[i])
            typed_in_forget(&way->typed, i);   /* it may be what did not open it */
    return ok;
}

/* Opens without the mutex, for it may ask; whoever comes meanwhile waits for the outcome. */
static bool open_anew(struct way *way, struct ctx *ctx, const struct tunnel_route *route, int timeout_ms, struct err *err)
{
    struct tunnel *fresh = NULL, *dead = take_dead(way);
    way->opening = true;
    pthread_mutex_unlock(&way->mutex);
    tunnel_close(dead);
    bool ok = open_tunnel(way, ctx, route, timeout_ms, &fresh, err);
    pthread_mutex_lock(&way->mutex);
    way->opening = false;
    way->tunnel = ok ? fresh : NULL;
    way->failed = ok ? (struct err){0} : *err;
    way->failed_unasked = !ctx->ask;
    pthread_cond_broadcast(&way->changed);
    return ok;
}

/* With the mutex held: what came of it while we waited would come of it again, and each of 200 would wait for those
 * before it. */
static bool is_news_to_all(const struct way *way, const struct ctx *ctx)
{
    enum err_class class = way->failed.class;
    return class != ERR_NONE && class != ERR_CANCELLED && !(way->failed_unasked && ctx->ask);
}

/* With the mutex held: the place behind the tunnel as it stands, or a tunnel to it. */
static struct leg *lead_to(struct way *way, struct ctx *ctx, const struct tunnel_route *route, const char *place,
                           int timeout_ms, struct err *err)
{
    const struct tunnel_end *end;
    bool waited = way->opening;
    if (!wait_turn(way, ctx, err))
        return NULL;
    if (way->tunnel && tunnel_alive(way->tunnel)) {
        struct leg *leg = find_leg(way, place);
        if (leg)
            return leg;
        return tunnel_add(way->tunnel, route, &end, err) ? note_leg(way, place, end) : NULL;
    }
    if (waited && is_news_to_all(way, ctx)) {
        *err = way->failed;
        return NULL;
    }
    return open_anew(way, ctx, route, timeout_ms, err) ? note_leg(way, place, tunnel_end(way->tunnel)) : NULL;
}

bool way_open(struct ctx *ctx, const struct url *url, int timeout_ms, struct way_end *end, struct err *err)
{
    const struct environment *env = ctx->environment;
    struct arena arena = {0};
    struct tunnel_route route;
    *end = (struct way_end){0};
    if (!env->tunnel)
        return true;
    bool ok = way_route(env, url, &arena, &route, err) &&
              (!env->command || session_allow_command(ctx, "reach the database by forward or socket instead", err));
    if (ok) {
        struct way *way = hold(ctx);
        pthread_mutex_lock(&way->mutex);
        struct leg *leg = lead_to(way, ctx, &route, way_place(&route, &arena), timeout_ms, err);
        ok = leg != NULL;
        if (ok)
            copy_end(leg->end, env, end);
        pthread_mutex_unlock(&way->mutex);
    }
    arena_free(&arena);
    return ok;
}

bool way_broken(void *sink, struct err *err)
{
    const struct ctx *ctx = sink;
    struct way *way = ctx->way;
    struct err reason = {0};
    if (!way)
        return false;
    pthread_mutex_lock(&way->mutex);
    bool known = way->tunnel && tunnel_reason(way->tunnel, &reason);
    if (!way->tunnel && way->last.class != ERR_NONE) {
        reason = way->last;
        known = true;
    }
    pthread_mutex_unlock(&way->mutex);
    if (!known)
        return false;
    /* a session that broke while connecting may stand the next time */
    err->class = reason.class == ERR_LOST ? ERR_NOT_READY : reason.class;
    if (reason.sqlstate[0])
        err_sqlstate(err, reason.sqlstate);
    err_why(err, "%s%s%s", reason.message, reason.why[0] ? ": " : "", reason.why);
    if (reason.hint[0])
        err_hint(err, "%s", reason.hint);
    return true;
}

int64_t way_channel_ms(struct ctx *ctx)
{
    if (!ctx->way)
        return -1;
    pthread_mutex_lock(&ctx->way->mutex);
    int64_t ms = ctx->way->tunnel ? tunnel_channel_ms(ctx->way->tunnel) : -1;
    pthread_mutex_unlock(&ctx->way->mutex);
    return ms;
}
