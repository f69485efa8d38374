/* session - opening an environment: connections, who is at the other end, ledger, fixtures. */
#include "op/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/thread.h"
#include "config/settings_many.h"
#include "op/onrecord.h"
#include "op/way.h"

/* ---- connecting ---- */

static struct input *connecting_begins(struct ctx *ctx)
{
    const struct environment *env = ctx->environment;
    struct arena arena = {0};
    struct input *in = input_new(IN_CONNECTION);
    ctx->connecting_since_ms = clock_mono_ms();
    in->server.environment = xstrdup(env->name);
    in->server.role = xstrdup(role_name(env->role));
    in->server.target = xstrdup(url_redacted(&env->url, &arena));
    in->server.way = xstrdup(way_shown(env, &env->url, &arena));
    arena_free(&arena);
    return in;
}

void session_phase(struct ctx *ctx, const char *phase, const char *text, int64_t ms)
{
    bool begins = strcmp(phase, "connecting") == 0, ends = strcmp(phase, "ready") == 0 || strcmp(phase, "failed") == 0;
    if (!begins && !ctx->connecting_since_ms)
        return;                      /* a connection beside the one that everything is about */
    struct input *in = begins ? connecting_begins(ctx) : input_new(IN_CONNECTION);
    in->name = xstrdup(phase);
    in->text = xstrdup(text);
    in->number = ends ? clock_mono_ms() - ctx->connecting_since_ms : ms;
    if (ends)
        ctx->connecting_since_ms = 0;
    ctx_emit(ctx, in);
}

static bool open_ledger(struct session *s)
{
    const struct settings *settings = s->ctx->settings;
    const struct environment *env = s->ctx->environment;
    struct ledger_options options = {.dir = settings->migrations_dir, .tool = settings->ledger,
        .table = settings->ledger_table, .checksum = settings->checksum,
        .schema = env->has_direct && env->direct.schema ? env->direct.schema : env->url.schema};
    return ledger_open(&s->ledger, &options, &s->ledger_error);
}

static void *read_migrations(void *session)
{
    open_ledger(session);
    return NULL;
}

/* The migrations are read while the connection is made, if it is not made yet. True: by *reader, until it is joined. */
static bool begin_reading(struct session *s, pthread_t *reader)
{
    const struct ctx *ctx = s->ctx;
    if (!ctx->settings->migrations_dir)
        return false;
    if (!ctx->ready && !ctx->common && thread_start(reader, read_migrations, s))
        return true;
    open_ledger(s);
    return false;
}

static struct fixture_options options_of(const struct ctx *ctx)
{
    const struct environment *env = ctx->environment;
    return (struct fixture_options){.environment = environment_declared(env),
                                    .production = env->role == ROLE_PRODUCTION, .base_dir = ctx->settings->base_dir,
                                    .cache = ctx->settings->cache_dir};
}

void session_read_ahead(struct ctx *ctx)
{
    struct fixture_options options = options_of(ctx);
    if (!ctx->onlooking && !ctx->common && !ctx->ahead)
        ctx->ahead = ahead_begin(ctx->settings->seeds_dir, &options);
}

/* The connection that op_wait found ready, where there is one. */
static bool connect_reading(struct session *s, struct err *err)
{
    struct ctx *ctx = s->ctx;
    s->db = ctx->ready;
    ctx->ready = NULL;
    return s->db || session_connect(ctx, &ctx->environment->url, &s->db, err);
}

bool session_open(struct session *s, struct ctx *ctx, struct err *err)
{
    *s = (struct session){.ctx = ctx};
    const struct environment *env = ctx->environment;
    if (env->url_error.class != ERR_NONE) {
        *err = env->url_error;
        return false;
    }
    s->fixture_options = options_of(ctx);
    session_read_ahead(ctx);
    s->ahead = ctx->ahead;
    ctx->ahead = NULL;
    pthread_t reader;
    bool reading = begin_reading(s, &reader);
    session_phase(ctx, "connecting", "", 0);
    bool ok = connect_reading(s, err);
    if (reading)
        pthread_join(reader, NULL);
    if (!ok) {
        session_phase(ctx, "failed", err->message, 0);
        session_close(s);
        return false;
    }
    session_phase(ctx, "ready", "", 0);
    return true;
}

static void forget_fixtures(struct session *s)
{
    if (s->fixtures_loaded && s->ctx->common)
        common_release(s->ctx->common, s);
    else if (s->fixtures_loaded)
        fixture_set_free(&s->fixtures);
    s->fixtures = (struct fixture_set){0};
    s->fixtures_loaded = false;
    err_list_free(&s->fixture_problems);
}

void session_close(struct session *s)
{
    known_settle(s);
    if (s->ctx)
        onrecord_end(s->ctx);
    if (s->direct != s->db)
        db_close(s->direct);
    db_close(s->db);
    if (s->ledger)
        ledger_close(s->ledger);
    ahead_stop(s->ahead);
    forget_fixtures(s);
    session_forget_look(s);
    *s = (struct session){0};
}

/* ---- fixtures ---- */

const struct fixture_options *session_fixture_options(const struct session *s) { return &s->fixture_options; }

bool session_fixtures(struct session *s)
{
    if (s->fixtures_loaded)
        return s->fixture_problems.count == 0;
    s->fixtures_loaded = true;
    if (s->ctx->common)
        common_fixtures(s->ctx->common, s);
    else if (s->ahead)
        ahead_take(s->ahead, &s->fixtures, &s->fixture_problems);
    else
        fixture_set_load(&s->fixtures, s->ctx->settings->seeds_dir, &s->fixture_options, &s->fixture_problems);
    s->ahead = NULL;
    return s->fixture_problems.count == 0;
}

void session_reread(struct session *s)
{
    session_forget_look(s);
    s->met = false;
    ahead_stop(s->ahead);
    s->ahead = NULL;
    forget_fixtures(s);
    if (s->ledger)
        ledger_close(s->ledger);
    s->ledger = NULL;
    err_clear(&s->ledger_error);
    err_clear(&s->ledger_problem);
    if (s->ctx->settings->migrations_dir)
        open_ledger(s);
}

/* ---- the direct connection ---- */

static bool refuse_pooler(const struct session *s, const struct db_identity *identity, struct err *err)
{
    const struct environment *env = s->ctx->environment;
    err_set(err, ERR_REFUSED, "%s is reached through a transaction pooler: nothing is written through it", env->name);
    err_why(err, "%s; session locks and DDL do not survive there", identity->pooler_reason);
    return err_hint(err, env->has_direct ? "direct_url of %s must be the unpooled URL (often port 5432)"
                                         : "set direct_url of %s (or DIRECT_URL, --direct-url) to the unpooled URL",
                    env->name);
}

/* Its identity and mark, in one round trip: both of its own server and role. */
static bool read_direct(struct session *s, struct err *err)
{
    struct db_probe probes[IDENTITY_PROBES + MARK_PROBES] = {0};
    size_t count = db_identity_probes(probes);
    mark_probes(probes + count);
    if (!db_pipeline(s->direct, probes, count + MARK_PROBES, err))
        return false;
    bool ok = db_identity_take(s->direct, s->ctx->environment->direct.pooled_hint, probes, count, &s->direct_identity, err);
    mark_take(probes + count, &s->direct_mark);
    db_probes_free(probes, count + MARK_PROBES);
    return ok;
}

/* The connection, and who is at its end: one without the other is no direct connection, or the next operation of
 * this session would write through a pooler that nobody looked for. */
static bool open_direct(struct session *s, struct err *err)
{
    const struct environment *env = s->ctx->environment;
    if (!session_connect(s->ctx, &env->direct, &s->direct, err))
        return err_context(err, "direct connection");
    if (!read_direct(s, err)) {
        db_close(s->direct);
        s->direct = NULL;
        return err_context(err, "direct connection");
    }
    db_peer_read(s->direct, &s->direct_identity, &s->direct_peer);
    onrecord_identity(s, true);
    known_visit(s);
    return true;
}

bool session_direct(struct session *s, struct db **direct, struct err *err)
{
    *direct = NULL;
    if (!s->direct && s->ctx->environment->has_direct) {
        if (!open_direct(s, err))
            return false;
    } else if (!s->direct) {
        if (!s->met && !session_look(s, false, err))
            return false;
        s->direct = s->db;
        s->direct_identity = s->identity;
        s->direct_peer = s->peer;
        s->direct_mark = s->mark;
        s->direct_known = s->known;
    }
    if (s->direct_identity.transaction_pooler)
        return refuse_pooler(s, &s->direct_identity, err);
    *direct = s->direct;
    return true;
}

static bool second(struct session *s, int cancel_fd, struct db **db, struct err *err)
{
    const struct environment *env = s->ctx->environment;
    struct ctx *ctx = s->ctx, as_it_was = *s->ctx;
    ctx->ask = NULL;
    ctx->cancel_fd = cancel_fd;
    bool ok = session_connect(ctx, env->has_direct ? &env->direct : &env->url, db, err);
    ctx->ask = as_it_was.ask;
    ctx->cancel_fd = as_it_was.cancel_fd;
    return ok || err_context(err, "second connection");
}

bool session_onlooker(struct session *s, struct db **db, struct err *err) { return second(s, -1, db, err); }
bool session_second(struct session *s, struct db **db, struct err *err) { return second(s, s->ctx->cancel_fd, db, err); }

enum { NEIGHBOUR_MS = 3000 };

bool session_neighbour(struct session *s, const char *database, struct secret **password, struct db **db,
                       struct err *err)
{
    struct ctx *ctx = s->ctx;
    struct url url;
    struct arena arena = {0};
    url_with_database(&url, &ctx->environment->url, &arena, database);
    bool (*ask)(void *, const struct question *, struct answer *, struct err *) = ctx->ask;
    ctx->ask = NULL;
    bool ok = session_login(ctx, &url, password, NEIGHBOUR_MS, db, err);
    ctx->ask = ask;
    arena_free(&arena);
    return ok;
}

/* What was decided about one server says nothing about another that answers at the same address now. */
static bool same_database(const struct db_identity *before, const struct db_identity *now, struct err *err)
{
    if (strcmp(before->system_identifier, now->system_identifier) == 0 && before->database_oid == now->database_oid)
        return true;
    err_set(err, ERR_UNKNOWN_OUTCOME, "another server or database answers at this address now");
    err_why(err, "identity %s, database %u before; %s, %u now", before->system_identifier, before->database_oid,
            now->system_identifier, now->database_oid);
    return err_hint(err, "find out which server was written to before anything is repeated");
}

bool session_reopen_direct(struct session *s, struct db **direct, struct err *err)
{
    const struct environment *env = s->ctx->environment;
    bool shared = s->direct == s->db;
    struct db *fresh;
    struct db_identity now;
    *direct = NULL;
    if (!session_connect(s->ctx, env->has_direct ? &env->direct : &env->url, &fresh, err))
        return err_context(err, "reconnecting");
    bool pooled = env->has_direct ? env->direct.pooled_hint : env->url.pooled_hint;
    if (!db_identity_read(fresh, pooled, &now, err) || !same_database(&s->direct_identity, &now, err)) {
        db_close(fresh);
        return err_context(err, "reconnecting");
    }
    db_close(s->direct);
    *direct = s->direct = fresh;
    s->direct_identity = now;
    db_peer_read(fresh, &now, &s->direct_peer);
    if (shared) {
        s->db = fresh;
        s->identity = now;
        s->peer = s->direct_peer;
    }
    return true;
}
