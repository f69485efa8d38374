/* wait - readiness: nothing runs before the database answers (cases D1, D2, E1).
 *
 * Only "not ready yet" is tried again; what will never be ready ends the wait at once. The last try comes
 * shortly before the deadline rather than after it. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "db/sqlstate.h"
#include "op/ops.h"

enum {
    FIRST_MS = 1000, LONGEST_MS = 30000, JITTER_PERCENT = 30, ATTEMPTS_MAX = 60,
    TRY_MS = 10000,                  /* of one attempt */
    LAST_TRY_MS = 1000               /* kept before the deadline for the last one */
};

int op_wait_backoff(int attempt)
{
    int ms = attempt < 5 ? FIRST_MS << attempt : LONGEST_MS;
    return ms + (int)clock_jitter((uint32_t)(ms / 100 * JITTER_PERCENT) + 1);
}

/* Logging in is not enough: a pooler lets clients in while its server is away. What answered is kept in ctx->ready. */
static bool try_once(struct ctx *ctx, struct secret **password, int timeout_ms, struct err *err)
{
    struct db *db;
    if (!session_login(ctx, &ctx->environment->url, password, timeout_ms, &db, err))
        return false;
    bool ok = db_run(db, "SELECT 1", timeout_ms, NULL, NULL, err);
    if (ok)
        ctx->ready = db;
    else
        db_close(db);
    if (!ok && err->class != ERR_CANCELLED) {
        char sqlstate[sizeof err->sqlstate], text[sizeof err->message];
        memcpy(sqlstate, err->sqlstate, sizeof sqlstate);
        memcpy(text, err->message, sizeof text);
        sqlstate_sort_connect(err, sqlstate, text, 0);
        if (err->class == ERR_NEVER_READY && !*sqlstate)
            err->class = ERR_NOT_READY;      /* lost or silent without a word: worth another try */
        err_context(err, "logged in, but the first query failed");
    }
    return ok;
}

static void report(struct ctx *ctx, int attempt, int64_t delay_ms, const struct err *err)
{
    struct input *in = input_new(IN_CONNECTION);
    struct str text = {0};
    if (err) {
        str_printf(&text, "%s", err->message);
        if (*err->why)
            str_printf(&text, ": %s", err->why);
        if (delay_ms > 0)
            str_printf(&text, "; next try in %.1f s", (double)delay_ms / 1000);
    }
    in->name = xstrdup("attempt");
    in->text = str_take(&text);
    in->number = attempt;
    in->number2 = delay_ms;
    in->ok = !err;
    ctx_emit(ctx, in);
}

/* How long to wait before the next try; 0 when there is no time for one. */
static int64_t pause_before_next(int attempt, int64_t left_ms)
{
    int64_t delay = op_wait_backoff(attempt);
    if (left_ms <= LAST_TRY_MS)
        return 0;
    return delay < left_ms - LAST_TRY_MS ? delay : left_ms - LAST_TRY_MS;
}

bool op_wait(struct ctx *ctx, int64_t deadline_ms, int *attempts, struct err *err)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    struct secret *password = NULL;
    struct err last = {0};
    bool ready = false;

    if (ctx->environment->url_error.class != ERR_NONE) {
        if (err)
            *err = ctx->environment->url_error;
        return false;
    }
    db_close(ctx->ready);
    ctx->ready = NULL;
    for (*attempts = 0; !ready && *attempts < ATTEMPTS_MAX;) {
        int64_t left = deadline - clock_mono_ms();
        ready = try_once(ctx, &password, (int)(left < 1 ? 1 : left < TRY_MS ? left : TRY_MS), &last);
        ++*attempts;
        bool again = !ready && last.class == ERR_NOT_READY && *attempts < ATTEMPTS_MAX;
        int64_t delay = again ? pause_before_next(*attempts - 1, deadline - clock_mono_ms()) : 0;
        report(ctx, *attempts, delay, ready ? NULL : &last);
        if (delay == 0 || !ctx_sleep(ctx, (int)delay, &last))
            break;
    }
    secret_free(password);
    if (ready)
        return true;
    if (last.class == ERR_NOT_READY)
        err_context(&last, "not ready after %d attempt%s", *attempts, *attempts == 1 ? "" : "s");
    if (err)
        *err = last;
    return false;
}
