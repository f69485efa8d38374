/* accept - the operator's word that the database which answers now is the right one. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "op/ops.h"

static void emit_outcome(struct session *s, int64_t began_ms, bool written)
{
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup("envs --accept");
    in->ok = true;
    in->text = xstrdup(s->known.now_text);
    in->number = clock_mono_ms() - began_ms;
    in->number2 = written;
    ctx_emit(s->ctx, in);
}

/* What --accept can settle: a copy that only its mark shows is marked anew, and an identity that is not told stays so. */
static bool has_something(const struct known *known)
{
    return known->state == KNOWN_CHANGED || (known->known_as[0] && !known->doubtful) ||
           (known->mark_non_local && known->marked_as[0]);
}

static bool ask_name(struct session *s, struct err *err)
{
    struct ctx *ctx = s->ctx;
    const char *name = ctx->environment->name;
    char title[160], option[160];
    struct answer answer = {0};
    snprintf(title, sizeof title, "Accept this database as %.100s?", name);
    snprintf(option, sizeof option, "--confirm %.100s", name);
    struct question q = {.kind = QUESTION_NAME, .title = title, .expect = name, .option = option,
                         .text = "Only if you know why it is another one: a new server, an upgrade, a failover, a restore."};
    if (!ctx_ask(ctx, &q, &answer, err))
        return false;
    if (!answer.yes) {
        err_set(err, ERR_REFUSED, "what was typed is not the environment's name: nothing was accepted");
        return err_hint(err, "the name is %s", name);
    }
    ctx->confirm = name;
    return true;
}

bool op_accept(struct session *s, void (*show)(void *context, const struct known *known), void *context, struct err *err)
{
    struct ctx *ctx = s->ctx;
    struct guard_answer answer;
    int64_t began = clock_mono_ms();
    if (!session_look(s, true, err))
        return false;
    if (show)
        show(context, &s->known);
    if (s->known.state == KNOWN_UNKNOWN && s->known.doubtful) {
        err_set(err, ERR_REFUSED, "what cannot be told apart cannot be accepted");
        err_why(err, "the server does not tell its identity to %s", s->identity.user);
        return err_hint(err, "as a superuser: GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO its role");
    }
    if (!has_something(&s->known)) {
        emit_outcome(s, began, false);
        return true;
    }
    ctx->accepts_identity = true;
    bool ok = session_guard(s, GUARD_KEEP, &answer, err);
    if (!ok && err->class == ERR_REFUSED && answer.needs_name && ctx->face == GUARD_COMMAND && !ctx->confirm)
        ok = ask_name(s, err) && session_guard(s, GUARD_KEEP, &answer, err);
    ctx->accepts_identity = false;
    if (!ok || !known_accept(s, err))
        return false;
    emit_outcome(s, began, true);
    return true;
}
