/* session_guard - what the guard, and the screens, need to know of a session. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "op/onrecord.h"
#include "op/session.h"
#include "op/way.h"

/* ---- guard ---- */

static enum guard_tri tri(bool yes) { return yes ? GUARD_YES : GUARD_NO; }

static enum guard_tri sees_our_socket(const struct db_identity *identity, const struct db_peer *peer)
{
    if (!identity->client_seen || peer->own_port == 0)
        return GUARD_UNKNOWN;
    return tri(identity->client_port == peer->own_port &&
               strcmp(identity->client_address, peer->own_address) == 0);
}

/* Only PostgreSQL itself is known not to forward; anything else at the socket's other end may. */
static enum guard_tri peer_forwards(const struct db_peer *peer)
{
    if (!peer->peer_program[0])
        return GUARD_UNKNOWN;
    return tri(strcmp(peer->peer_program, "postgres") != 0 && strcmp(peer->peer_program, "postmaster") != 0);
}

/* How a command line names the environment, for the line that would allow an action. */
static const char *command_line_target(const struct settings *settings, const struct environment *env)
{
    if (!env->from_url)
        return NULL;
    return env == settings->url_environment ? "--url \"$URL\"" : "";
}

const char *session_command_target(const struct session *s)
{
    const char *target = command_line_target(s->ctx->settings, s->ctx->environment);
    return target ? target : s->ctx->environment->name;
}

void session_guard_facts(const struct session *s, struct guard_facts *facts)
{
    const struct environment *env = s->ctx->environment;
    bool own = s->direct && s->direct != s->db;
    const struct db_identity *identity = own ? &s->direct_identity : &s->identity;
    const struct db_peer *peer = own ? &s->direct_peer : &s->peer;
    *facts = (struct guard_facts){
        .environment = env->name,
        .role_production = env->role == ROLE_PRODUCTION,
        .role_local = env->role == ROLE_LOCAL,
        .target = command_line_target(s->ctx->settings, env),
        .tunnel = env->tunnel,
        .unix_socket = db_facts(own ? s->direct : s->db)->unix_socket,
        .loopback = tri(peer->loopback),
        .sees_our_socket = sees_our_socket(identity, peer),
        .container_here = tri(peer->container_network),
        .peer_forwards = peer_forwards(peer),
        .peer_program = peer->peer_program,
        .in_recovery = identity->in_recovery,
        .transaction_pooler = identity->transaction_pooler,
        .allow_prod_seed = getenv(GUARD_VARIABLE),
    };
    known_guard_facts(own ? &s->direct_known : &s->known, facts);
}

static bool refused(const struct session *s, enum guard_class class, const struct guard_answer *answer,
                    struct err *err)
{
    const struct ctx *ctx = s->ctx;
    err_set(err, ERR_REFUSED, "%s is refused on %s", ctx->action ? ctx->action : guard_class_name(class),
            ctx->environment->name);
    struct str why = {0};
    for (size_t i = 0; i < answer->reason_count; i++)
        str_printf(&why, "%s%s", i ? " " : "", answer->reasons[i]);
    err_why(err, "%s", str_text(&why));
    str_free(&why);
    if (answer->allow_line[0])
        return err_hint(err, "%s", answer->allow_line);
    return answer->needs_name && ctx->face == GUARD_COMMAND ? err_hint(err, "add --confirm %s", ctx->environment->name)
                                                            : false;
}

/* SAFETY 6 and FORMATS "The journal": nothing is written before the line that asked for it is on disk. */
static bool allowed(struct session *s, enum guard_class class)
{
    if (class != GUARD_READ && s->ctx->recorded && !s->ctx->recorded(s->ctx->sink))
        ctx_log(s->ctx, "warning", "this session is not recorded");
    return true;
}

/* The console makes a plan before it asks for the names that the plan calls for: that they are missing is a question
 * still to come, not a refusal to report. */
static bool asks_first(const struct guard_facts *facts, struct guard_request request)
{
    struct guard_answer answer;
    if (request.face != GUARD_CONSOLE || (request.typed && request.typed[0]))
        return false;
    request.typed = facts->environment;
    request.typed_operational = request.operational;
    request.typed_operational_count = request.operational_count;
    return guard_decide(facts, &request, &answer);
}

/* The guard's answer, on record. False: nobody could be asked. `shows`: for people to see, with no action to follow. */
static bool decide(struct session *s, enum guard_class class, bool shows, struct guard_answer *answer, struct err *err)
{
    struct db *direct;
    if ((!s->met && !session_look(s, false, err)) || (class != GUARD_READ && !session_direct(s, &direct, err)))
        return false;
    struct guard_facts facts;
    session_guard_facts(s, &facts);
    struct guard_request request = {.class = class, .face = s->ctx->face, .write_mode = s->ctx->write_mode,
                                    .typed = s->ctx->confirm, .explicit_target = s->ctx->explicit_target,
                                    .accepts_identity = s->ctx->accepts_identity,
                                    .operational = s->ctx->operational,
                                    .operational_count = s->ctx->operational_count,
                                    .typed_operational = s->ctx->confirm_operational,
                                    .typed_operational_count = s->ctx->confirm_operational_count,
                                    .action = s->ctx->action_operands ? "" : s->ctx->action};
    if (guard_decide(&facts, &request, answer) || !shows || !asks_first(&facts, request))
        onrecord_guard(s->ctx, class, answer);
    return true;
}

void session_guard_shown(struct session *s, enum guard_class class, struct guard_answer *answer)
{
    struct err ignored = {0};
    decide(s, class, true, answer, &ignored);
}

bool session_guard(struct session *s, enum guard_class class, struct guard_answer *answer, struct err *err)
{
    struct guard_answer own;
    bool shows = answer != NULL;
    if (!answer)
        answer = &own;
    if (!decide(s, class, shows, answer, err))
        return false;
    return answer->allowed ? allowed(s, class) : refused(s, class, answer, err);
}

/* ---- facts for screens ---- */

/* Of what the look read anyway: a preserve is named until it is undone, whoever made it. */
static char *preserved(const struct session *s)
{
    struct str text = {0};
    size_t off = 0;
    for (size_t i = 0; i < s->catalog.count; i++)
        off += s->catalog.tables[i].autovacuum_off;
    if (off)
        str_printf(&text, "autovacuum off on %zu table%s", off, off == 1 ? "" : "s");
    if (s->identity.keep_slot[0])
        str_printf(&text, "%s%s keeps WAL", off ? ", " : "", s->identity.keep_slot);
    return str_take(&text);
}

void session_server_fact(const struct session *s, struct fact_server *fact)
{
    const struct environment *env = s->ctx->environment;
    const struct db_facts *facts = db_facts(s->db);
    const struct db_identity *identity = &s->identity;
    *fact = (struct fact_server){
        .ready = true,
        .environment = xstrdup(env->name),
        .role = xstrdup(role_name(env->role)),
        .target = xstrdup(url_redacted(&env->url, &s->ctx->settings->arena)),
        .way = xstrdup(way_shown(env, &env->url, &s->ctx->settings->arena)),
        .via = xstrdup(env->tunnel ? (facts->tls ? "ssh, tls" : "ssh")
                       : facts->unix_socket ? "unix socket" : facts->tls ? "tls" : "tcp"),
        .version = xstrdup(facts->server_version),
        .in_recovery = identity->in_recovery,
        .pooled = identity->transaction_pooler,
        .superuser = identity->superuser,
        .system_identifier = xstrdup(identity->system_identifier),
        .database = xstrdup(facts->database),
        .user = xstrdup(facts->user),
        .backend_pid = facts->backend_pid,
        .round_trips = (int64_t)db_round_trips(s->db),
        .preserved = preserved(s),
    };
    known_fact(&s->known, env, &fact->identity);
}
