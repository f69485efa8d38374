/* ctx - how an operation reports, asks, waits and notices that it is no longer wanted. */
#include "op/ctx.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "op/onrecord.h"

void ctx_emit(struct ctx *ctx, struct input *in)
{
    if (in->kind != IN_PROGRESS && in->kind != IN_STATEMENT)
        onrecord_flush(ctx);
    in->request = ctx->request;
    in->generation = ctx->generation;
    if (ctx->emit)
        ctx->emit(ctx->sink, in);
    else
        input_free(in);
}

void ctx_log(struct ctx *ctx, const char *level, const char *format, ...)
{
    struct input *in = input_new(IN_LOG);
    va_list args;
    va_start(args, format);
    /* whole, however long: evidence that is cut is no evidence */
    if (vasprintf(&in->text, format, args) < 0)
        err_abort("ctx_log: out of memory");
    va_end(args);
    in->name = xstrdup(level);
    ctx_emit(ctx, in);
}

void ctx_progress(struct ctx *ctx, const char *what, int64_t done, int64_t total, bool last)
{
    int64_t now = clock_mono_ms();
    if (done < ctx->progress_done || !ctx->progress_started_ms) {
        ctx->progress_started_ms = now;
        ctx->progress_shown_ms = 0;
    }
    ctx->progress_done = done;
    if (!last && now - ctx->progress_shown_ms < 100)
        return;
    ctx->progress_shown_ms = now;
    int64_t elapsed = now - ctx->progress_started_ms;
    struct input *in = input_new(IN_PROGRESS);
    in->name = xstrdup(what);
    in->number = done;
    in->number2 = total;
    in->rate = elapsed > 0 ? done * 1000 / elapsed : 0;
    ctx_emit(ctx, in);
}

bool ctx_ask(struct ctx *ctx, const struct question *question, struct answer *answer, struct err *err)
{
    if (ctx->ask)
        return ctx->ask(ctx->asker, question, answer, err);
    err_set(err, ERR_REFUSED, "%s", question->title);
    err_why(err, "there is no terminal to ask on");
    if (question->option)
        err_hint(err, "%s would have answered", question->option);
    return false;
}

bool ctx_cancelled(const struct ctx *ctx)
{
    struct pollfd p = {.fd = ctx->cancel_fd, .events = POLLIN};
    return ctx->cancel_fd >= 0 && poll(&p, 1, 0) > 0;
}

bool ctx_sleep(struct ctx *ctx, int ms, struct err *err)
{
    int64_t end = clock_mono_ms() + ms;
    struct pollfd p = {.fd = ctx->cancel_fd, .events = POLLIN};
    for (int64_t left = ms; left > 0; left = end - clock_mono_ms()) {
        int n = poll(&p, ctx->cancel_fd >= 0 ? 1 : 0, (int)left);
        if (n > 0)
            return err_set(err, ERR_CANCELLED, "cancelled while waiting");
        if (n < 0 && errno != EINTR)
            return err_errno(err, ERR_GENERAL, errno, "cannot wait");
    }
    return true;
}
