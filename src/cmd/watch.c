/* watch - keeps looking and says what changed: log lines, the terminal's bell, and a command for each event. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/cmds.h"
#include "cmd/hook.h"
#include "cmd/unattended.h"
#include "cmd/watch_event.h"
#include "config/url.h"
#include "op/known.h"

enum { INTERVAL_MS = 10000, DRAIN_MS = 60000, LEAVE_MS = 5000 };

struct watch_face {
    struct unattended u;             /* first: the event's way back to the rest */
    void (*rest)(struct face *face, const struct input *in);
    struct watch_about about;
    struct hook *hook;               /* NULL: no --exec */
    bool bell, diagnosed;            /* diagnosed: one came that is not yet said */
    struct watch_sum sum;
};

static const char *text_of(const char *text) { return text ? text : ""; }

/* ---- telling ---- */

static enum log_level level_of(const struct input *alert)
{
    return alert->ok ? LOG_INFO_LEVEL : LOG_ERROR_LEVEL;
}

static void pass_to_command(struct watch_face *w, const struct input *in, const char *id)
{
    struct str document = {0};
    const struct input *diagnosis = in->rate ? w->u.face.last[IN_DIAGNOSIS] : NULL;
    watch_event_json(&w->about, in, diagnosis, clock_wall_ms(), &document);
    if (!hook_give(w->hook, in->name, str_take(&document)))
        log_line(&w->u.log, LOG_ERROR_LEVEL, &(struct log_fields){.exit_code = -1, .event = in->name, .event_id = id},
                 "%s was not passed on: %d events wait for the command of --exec already", in->name, HOOK_WAITING);
}

/* Behind the event that it goes with: what happened is read first, then why. */
static void say_diagnosis(struct watch_face *w, const struct fact_diagnosis *d)
{
    log_line(&w->u.log, LOG_WARN_LEVEL, &(struct log_fields){.exit_code = -1},
             "diagnosis: %s (%s): %s%s%s%s%s%s%s", d->verdict, d->confidence, text_of(d->sentence),
             text_of(d->since)[0] ? " Not before " : "", text_of(d->since), text_of(d->until)[0] ? ", not after " : "",
             text_of(d->until), text_of(d->by)[0] ? ", by " : "", text_of(d->by));
    w->diagnosed = false;
}

static void take_alert(struct watch_face *w, const struct input *in)
{
    char id[64];
    watch_event_id(&w->about, in, id, sizeof id);
    log_line(&w->u.log, level_of(in),
             &(struct log_fields){.exit_code = -1, .event = in->name, .event_id = id,
                                  .suggestion = text_of(in->expect)[0] ? in->expect : NULL},
             "%s: %s", w->about.environment, in->text);
    if (in->rate && w->diagnosed)
        say_diagnosis(w, &w->u.face.last[IN_DIAGNOSIS]->diagnosis);
    if (w->bell && !in->ok)
        dprintf(w->u.log.fd, "\a");
    if (w->hook)
        pass_to_command(w, in, id);
}

static void on_event(struct face *face, const struct input *in)
{
    struct watch_face *w = (struct watch_face *)face;
    if (in->kind == IN_ALERT)
        take_alert(w, in);
    else if (in->kind == IN_DIAGNOSIS)
        w->diagnosed = true;
    else
        w->rest(face, in);
}

/* ---- the command ---- */

static void say_failures(void *context)
{
    struct watch_face *w = context;
    struct err err;
    char about[64];
    while (w->hook && hook_failure(w->hook, about, &err))
        log_line(&w->u.log, LOG_ERROR_LEVEL, &(struct log_fields){.error = &err, .exit_code = -1, .event = about},
                 "the command of --exec failed for %s", about);
}

static bool delivered(void *context)
{
    const struct watch_face *w = context;
    return !w->hook || hook_idle(w->hook);
}

static void close_hook(struct watch_face *w, bool cancelled)
{
    int lost;
    if (!w->hook)
        return;
    hook_close(w->hook, cancelled ? LEAVE_MS : DRAIN_MS, &lost);
    w->hook = NULL;
    if (lost)
        log_line(&w->u.log, LOG_ERROR_LEVEL, NULL, "%d event%s not passed on to the command of --exec", lost,
                 lost == 1 ? " was" : "s were");
}

/* ---- the end ---- */

static void print_document(const struct watch_face *w, bool well)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_bool(&o, "well", well);
    json_put_int(&o, "looks", (int64_t)w->sum.looks);
    json_put_int(&o, "events", (int64_t)w->sum.events);
    json_put_int(&o, "round_trips", (int64_t)w->sum.round_trips);
    json_put_int(&o, "settlings", (int64_t)w->sum.settlings);
    json_put_int(&o, "duration_ms", clock_mono_ms() - w->u.started_ms);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static void say_summary(const struct watch_face *w, bool ok, const struct err *err, int exit_code)
{
    const struct log_number numbers[] = {{"looks", (int64_t)w->sum.looks}, {"events", (int64_t)w->sum.events},
                                         {"roundTrips", (int64_t)w->sum.round_trips}};
    double seconds = (double)(clock_mono_ms() - w->u.started_ms) / 1000;
    struct log_fields fields = {.duration_seconds = seconds, .exit_code = exit_code, .error = ok ? NULL : err,
                                .suggestion = !ok && err->hint[0] ? err->hint : NULL, .numbers = numbers,
                                .number_count = sizeof numbers / sizeof *numbers};
    log_line(&w->u.log, ok ? LOG_INFO_LEVEL : LOG_ERROR_LEVEL, &fields, "watch ended: %llu looks, %llu events",
             (unsigned long long)w->sum.looks, (unsigned long long)w->sum.events);
}

static bool begin(struct watch_face *w, const struct command *command, struct options *options, struct err *err)
{
    if (!options->log_format && !options->json && isatty(STDOUT_FILENO))
        options->log_format = "text";
    bool ok = unattended_begin(&w->u, command, options, err);
    const struct environment *env = w->u.face.ctx.environment;
    w->rest = w->u.face.on_event;
    w->u.face.on_event = on_event;
    w->bell = isatty(w->u.log.fd);
    if (!ok)
        return false;
    w->about = (struct watch_about){.config = known_config(&w->u.face.settings, env), .environment = env->name,
        .role = role_name(env->role), .target = env->has_url ? url_redacted(&env->url, &w->u.face.settings.arena) : ""};
    return !options->run || hook_start(&w->hook, options->run, err);
}

int cmd_watch(const struct command *command, struct options *options)
{
    struct watch_face w = {0};
    struct err err = {0};
    bool begun = begin(&w, command, options, &err), ok = begun;
    struct watch_options how = {.interval_ms = options->interval_ms ? options->interval_ms : INTERVAL_MS,
        .stop_after_ms = options->timeout_ms, .until_bad = options->until_bad, .woken = say_failures, .delivered = delivered,
        .wake_fd = w.hook ? hook_fd(w.hook) : -1, .context = &w};
    ok = ok && op_watch(&w.u.face.ctx, &how, &w.sum, &err);
    bool cancelled = !ok && err.class == ERR_CANCELLED;
    close_hook(&w, cancelled);
    if (begun && cancelled && !options->until_bad)
        ok = true;                   /* being stopped is how a watch ends */
    if (begun)
        say_summary(&w, ok, &err, ok ? 0 : err_exit_code(err.class));
    if (begun && ok && options->json)
        print_document(&w, true);
    w.u.face.told = begun && !options->json;
    return face_close(&w.u.face, ok, &err);
}
