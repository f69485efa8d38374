/* wait - readiness with backoff: JSON log lines as case E4 has them, or text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"

enum { DEFAULT_DEADLINE_MS = 300000 };   /* case E1 */

/* The face must come first: on_event gets it back as the whole. */
struct waiting {
    struct face face;
    struct log log;
};

static void attempt_line(struct face *face, const struct input *in)
{
    struct waiting *w = (struct waiting *)face;
    if (in->kind == IN_CONNECTION && in->text && in->text[0])
        log_line(&w->log, LOG_INFO_LEVEL, NULL, "attempt %lld: %s", (long long)in->number, in->text);
    else if (in->kind == IN_LOG)
        log_line(&w->log, LOG_INFO_LEVEL, NULL, "%s", in->text);
}

static bool open_log(const struct options *options, struct log *log, struct err *err)
{
    const char *format = options->log_format, *level = getenv("LOG_LEVEL");
    *log = (struct log){.fd = options->json ? STDERR_FILENO : STDOUT_FILENO,
                        .json = !format || strcmp(format, "json") == 0};
    if (log_level_parse(level, &log->least))
        return true;
    err_set(err, ERR_USAGE, "LOG_LEVEL does not know \"%s\"", level);
    return err_hint(err, "use debug, info, warn or error");
}

/* --timeout, then DB_TIMEOUT (empty counts as not set), then five minutes. */
static bool deadline(const struct options *options, int64_t *ms, struct err *err)
{
    *ms = options->timeout_ms ? options->timeout_ms : DEFAULT_DEADLINE_MS;
    const char *variable = getenv("DB_TIMEOUT");
    if (options->timeout_ms || !variable || !*variable)
        return true;
    char *end;
    *ms = strtoll(variable, &end, 10);
    if (*end == '\0' && *ms > 0 && *ms <= OPTION_MS_MAX)
        return true;
    err_set(err, ERR_USAGE, "DB_TIMEOUT must be a number of milliseconds above zero, not \"%s\"", variable);
    return err_hint(err, "for example DB_TIMEOUT=300000");
}

static void print_ready(const struct waiting *w, int attempts, int64_t ms)
{
    if (!w->face.options->json) {
        log_line(&w->log, LOG_INFO_LEVEL, &(struct log_fields){.duration_seconds = (double)ms / 1000, .exit_code = -1},
                 "%s is ready after %d attempt%s", w->face.ctx.environment->name, attempts, attempts == 1 ? "" : "s");
        return;
    }
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_bool(&o, "ready", true);
    json_put_int(&o, "attempts", attempts);
    json_put_int(&o, "duration_ms", ms);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

int cmd_wait(const struct command *command, struct options *options)
{
    struct waiting w = {0};
    struct err err = {0};
    int attempts = 0;
    int64_t deadline_ms = 0, started = clock_mono_ms();
    if (!options->log_format)
        options->log_format = "json";
    bool ok = face_prepare(&w.face, command, options, &err) && open_log(options, &w.log, &err) &&
              deadline(options, &deadline_ms, &err);
    w.face.on_event = attempt_line;
    ok = ok && op_wait(&w.face.ctx, deadline_ms, &attempts, &err);
    if (ok)
        print_ready(&w, attempts, clock_mono_ms() - started);
    return face_close(&w.face, ok, &err);
}
