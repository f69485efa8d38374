/* watch_tell - lines, bell, command. */
#include "cmd/watch_tell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/url.h"
#include "op/known.h"

enum { INTERVAL_MS = 10000, DRAIN_MS = 60000, LEAVE_MS = 5000 };

static const char *text_of(const char *text) { return text ? text : ""; }
static const char *ending(uint64_t count) { return count == 1 ? "" : "s"; }

void watcher_begin(struct watcher *who, const struct settings *settings, const struct environment *env,
                   struct arena *arena)
{
    *who = (struct watcher){.about = {.config = known_config(settings, env), .environment = env->name,
        .role = role_name(env->role), .target = env->has_url ? url_redacted(&env->url, arena) : ""}};
}

/* ---- telling ---- */

static void pass_to_command(struct watch_face *w, const struct watcher *who, const struct input *in, const char *id)
{
    struct str document = {0};
    const char *environment = who->about.environment;
    watch_event_json(&who->about, in, in->rate ? who->diagnosis : NULL, clock_wall_ms(), &document);
    if (!hook_give(w->hook, environment, in->name, str_take(&document)))
        log_line(&w->u.log, LOG_ERROR_LEVEL,
                 &(struct log_fields){.exit_code = -1, .environment = environment, .event = in->name, .event_id = id},
                 "%s of %s was not passed on: %d events wait for the command of --exec already", in->name, environment,
                 HOOK_WAITING);
}

/* Behind the event that it goes with: what happened is read first, then why. */
static void say_diagnosis(struct watch_face *w, struct watcher *who)
{
    const struct fact_diagnosis *d = &who->diagnosis->diagnosis;
    log_line(&w->u.log, LOG_WARN_LEVEL, &(struct log_fields){.exit_code = -1, .environment = who->about.environment},
             "diagnosis of %s: %s (%s): %s%s%s%s%s%s%s", who->about.environment, d->verdict, d->confidence,
             text_of(d->sentence), text_of(d->since)[0] ? " Not before " : "", text_of(d->since),
             text_of(d->until)[0] ? ", not after " : "", text_of(d->until), text_of(d->by)[0] ? ", by " : "", text_of(d->by));
    who->diagnosed = false;
}

static void take_alert(struct watch_face *w, struct watcher *who, const struct input *in)
{
    char id[64];
    watch_event_id(&who->about, in, id, sizeof id);
    log_line(&w->u.log, in->ok ? LOG_INFO_LEVEL : LOG_ERROR_LEVEL,
             &(struct log_fields){.exit_code = -1, .environment = who->about.environment, .event = in->name, .event_id = id,
                                  .suggestion = text_of(in->expect)[0] ? in->expect : NULL},
             "%s: %s", who->about.environment, in->text);
    if (in->rate && who->diagnosed)
        say_diagnosis(w, who);
    if (w->bell && !in->ok)
        dprintf(w->u.log.fd, "\a");
    if (w->hook)
        pass_to_command(w, who, in, id);
}

void watch_take(struct watch_face *w, struct watcher *who, const struct input *in)
{
    if (in->kind == IN_ALERT) {
        take_alert(w, who, in);
    } else if (in->kind == IN_DIAGNOSIS) {
        who->diagnosis = in;
        who->diagnosed = true;
    } else {
        w->rest(&w->u.face, in);
    }
}

/* ---- the command ---- */

struct watch_options watch_options_of(const struct options *options)
{
    return (struct watch_options){.interval_ms = options->interval_ms ? options->interval_ms : INTERVAL_MS,
        .stop_after_ms = options->timeout_ms, .until_bad = options->until_bad, .wake_fd = -1};
}

bool watch_start_hook(struct watch_face *w, struct err *err)
{
    const char *command = w->u.face.options->run;
    return !command || hook_start(&w->hook, command, err);
}

void watch_say_failures(struct watch_face *w)
{
    struct err err;
    struct hook_about about;
    while (w->hook && hook_failure(w->hook, &about, &err))
        log_line(&w->u.log, LOG_ERROR_LEVEL,
                 &(struct log_fields){.error = &err, .exit_code = -1, .environment = about.environment, .event = about.event},
                 "the command of --exec failed for %s of %s", about.event, about.environment);
}

bool watch_delivered(const struct watch_face *w) { return !w->hook || hook_idle(w->hook); }

void watch_close_hook(struct watch_face *w, bool cancelled)
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

void watch_put_sum(struct json_out *o, const struct watch_sum *sum)
{
    json_put_int(o, "looks", (int64_t)sum->looks);
    json_put_int(o, "events", (int64_t)sum->events);
    json_put_int(o, "round_trips", (int64_t)sum->round_trips);
    json_put_int(o, "settlings", (int64_t)sum->settlings);
}

void watch_say_summary(const struct watch_face *w, const struct watch_sum *sum, size_t environments, bool ok,
                       const struct err *err)
{
    const struct log_number numbers[] = {{"looks", (int64_t)sum->looks}, {"events", (int64_t)sum->events},
                                         {"roundTrips", (int64_t)sum->round_trips}, {"environments", (int64_t)environments}};
    char of[48] = "";
    struct log_fields fields = {.duration_seconds = (double)(clock_mono_ms() - w->u.started_ms) / 1000,
                                .exit_code = ok ? 0 : err_exit_code(err->class), .error = ok ? NULL : err,
                                .suggestion = !ok && err->hint[0] ? err->hint : NULL, .numbers = numbers,
                                .number_count = sizeof numbers / sizeof *numbers - !environments};
    if (environments)
        snprintf(of, sizeof of, " of %zu environment%s", environments, ending(environments));
    log_line(&w->u.log, ok ? LOG_INFO_LEVEL : LOG_ERROR_LEVEL, &fields, "watch%s ended: %llu look%s, %llu event%s", of,
             (unsigned long long)sum->looks, ending(sum->looks), (unsigned long long)sum->events, ending(sum->events));
}
