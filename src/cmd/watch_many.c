/* watch_many - a fleet that lasts, each member watched as one alone is. What speaks does so one at a time (fleet.h), so that
 * lines, bell and command are what they are for one. */
#include "cmd/watch_many.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

struct crowd {
    struct watch_face *w;
    struct fleet *fleet;
    int64_t end_ms;                  /* monotonic; 0: until it is told to */
    bool enough;                     /* --until-bad, and something is */
    struct err unlisted;             /* an environment whose databases nobody could name */
};

/* What a member keeps. */
struct place {
    struct watcher who;
    struct crowd *crowd;
    struct input *diagnosis;         /* the newest */
};

/* ---- one of them ---- */

static bool enter(void *member, bool *brief, struct err *err) { return fleet_enter(member, brief, err); }
static void leave(void *member) { fleet_leave(member); }

static bool delivered(void *context)
{
    const struct fleet_member *member = context;
    const struct place *place = member->own;
    return watch_delivered(place->crowd->w);
}

static bool work(struct fleet_member *member, void *context, struct err *err)
{
    const struct crowd *crowd = context;
    struct place *place = member->own;
    struct watch_options how = watch_options_of(crowd->w->u.face.options);
    how.phase_ms = (int64_t)((double)how.interval_ms * fleet_phase(member));
    how.enter = enter;
    how.leave = leave;
    how.delivered = delivered;
    how.context = member;
    if (crowd->end_ms) {
        how.stop_after_ms = crowd->end_ms - clock_mono_ms();
        how.stop_after_ms = how.stop_after_ms > 1 ? how.stop_after_ms : 1;
    }
    return op_watch(&member->ctx, &how, &place->who.sum, err);
}

static void joined(struct fleet_member *member, void *context)
{
    struct place *place = xcalloc(1, sizeof *place);
    place->crowd = context;
    watcher_begin(&place->who, &member->settings, member->environment, &member->settings.arena);
    member->own = place;
}

/* An environment with journal: off is not recorded, as alone. */
static void hear(struct fleet_member *member, void *context, struct input *in)
{
    struct crowd *crowd = context;
    struct place *place = member->own;
    if (member->environment->journal)
        face_record(&crowd->w->u.face, in);
    watch_take(crowd->w, &place->who, in);
    if (in->kind != IN_DIAGNOSIS) {
        input_free(in);
        return;
    }
    input_free(place->diagnosis);
    place->diagnosis = in;
}

/* ---- one that does not go on ---- */

static bool was_stopped(const struct fleet_member *member) { return member->err.class == ERR_CANCELLED; }

static void say_error(struct crowd *crowd, const char *environment, const struct err *err, const char *what)
{
    log_line(&crowd->w->u.log, LOG_ERROR_LEVEL,
             &(struct log_fields){.error = err, .exit_code = -1, .environment = environment,
                                  .suggestion = err->hint[0] ? err->hint : NULL}, "%s%s", environment, what);
}

static void end_all(struct crowd *crowd)
{
    if (!crowd->w->u.face.options->until_bad)
        return;
    crowd->enough = true;
    face_cancel(&crowd->w->u.face);
}

static void done(struct fleet_member *member, void *context)
{
    struct crowd *crowd = context;
    if (member->ok || was_stopped(member))
        return;
    if (!crowd->w->u.face.options->until_bad)
        say_error(crowd, member->environment->name, &member->err, " is not watched");
    end_all(crowd);
}

static void unlisted(const struct environment *environment, const struct err *err, void *context)
{
    struct crowd *crowd = context;
    crowd->unlisted = *err;
    say_error(crowd, environment->name, err, ": its databases are not known, and not watched");
    end_all(crowd);
}

static void woken(void *context)
{
    const struct crowd *crowd = context;
    watch_say_failures(crowd->w);
}

/* ---- the end ---- */

static struct watch_sum sum_of(struct fleet *fleet)
{
    struct watch_sum all = {0};
    for (size_t i = 0; i < fleet_count(fleet); i++) {
        const struct place *place = fleet_member(fleet, i)->own;
        const struct watch_sum *one = &place->who.sum;
        all.looks += one->looks;
        all.events += one->events;
        all.round_trips += one->round_trips;
        all.settlings += one->settlings;
    }
    return all;
}

/* The worst of those that ended by themselves; else being stopped, which is no error unless something bad was waited for. */
static bool outcome(struct crowd *crowd, struct err *err)
{
    bool stopped = ctx_cancelled(&crowd->w->u.face.ctx) && !crowd->enough;
    size_t bad = 0;
    for (size_t i = 0; i < fleet_count(crowd->fleet); i++) {
        const struct fleet_member *member = fleet_member(crowd->fleet, i);
        if (member->ok || was_stopped(member))
            continue;
        bad++;
        if (many_worse(member->err.class, err->class) > 0)
            *err = member->err;
    }
    if (!bad && (crowd->enough || (!stopped && !fleet_count(crowd->fleet))) && crowd->unlisted.class != ERR_NONE)
        *err = crowd->unlisted;
    else if (!bad && stopped && crowd->w->u.face.options->until_bad)
        err_set(err, ERR_CANCELLED, "the watch was ended");
    return err->class == ERR_NONE;
}

static void put_member(struct json_out *o, const struct fleet_member *member)
{
    const struct place *place = member->own;
    bool ok = member->ok || was_stopped(member);
    json_object(o);
    json_put_text(o, "environment", member->environment->name);
    json_put_text(o, "database", member->environment->database);
    json_put_text(o, "target", place->who.about.target);
    json_put_int(o, "exit_code", ok ? 0 : err_exit_code(member->err.class));
    watch_put_sum(o, &place->who.sum);
    if (ok)
        json_put_text(o, "error", NULL);
    else
        face_put_error(o, &member->err);
    json_object_end(o);
}

static void print_document(const struct crowd *crowd, const struct watch_sum *sum, bool well, int exit_code)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_bool(&o, "well", well);
    watch_put_sum(&o, sum);
    json_put_int(&o, "duration_ms", clock_mono_ms() - crowd->w->u.started_ms);
    json_key(&o, "environments");
    json_array(&o);
    for (size_t i = 0; i < fleet_count(crowd->fleet); i++)
        put_member(&o, fleet_member(crowd->fleet, i));
    json_array_end(&o);
    json_put_int(&o, "exit_code", exit_code);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static void free_places(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet_count(fleet); i++) {
        struct place *place = fleet_member(fleet, i)->own;
        input_free(place->diagnosis);
        free(place);
    }
}

/* ---- all of it ---- */

static bool begin(struct crowd *crowd, const struct selection *selection, const struct fleet_options *options, struct err *err)
{
    struct watch_face *w = crowd->w;
    struct face *face = &w->u.face;
    face->many = true;
    unattended_listen(&w->u);
    w->rest = face->on_event;
    w->bell = isatty(w->u.log.fd);
    face_begin(face, many_whole(face));
    if (w->u.unreadable.class != ERR_NONE) {
        *err = w->u.unreadable;
        return false;
    }
    return watch_start_hook(w, err) && fleet_open(&crowd->fleet, selection, options, err);
}

static int watch_all(struct crowd *crowd, struct err *err)
{
    struct watch_face *w = crowd->w;
    fleet_run(crowd->fleet);
    bool ok = outcome(crowd, err);
    watch_say_failures(w);
    watch_close_hook(w, ctx_cancelled(&w->u.face.ctx) && !crowd->enough);
    struct watch_sum sum = sum_of(crowd->fleet);
    int code = ok ? 0 : err_exit_code(err->class);
    watch_say_summary(w, &sum, fleet_count(crowd->fleet), ok, err);
    if (w->u.face.options->json)
        print_document(crowd, &sum, ok, code);
    free_places(crowd->fleet);
    fleet_free(crowd->fleet);
    w->u.face.told = true;
    return face_close(&w->u.face, ok, err);
}

int watch_many(struct watch_face *w, const struct selection *selection)
{
    struct crowd crowd = {.w = w};
    struct err err = {0};
    const struct options *options = w->u.face.options;
    struct fleet_lasting lasting = {.wake_fd = -1, .woken = woken, .joined = joined, .unlisted = unlisted};
    struct fleet_options how = {.ctx = &w->u.face.ctx, .jobs = (int)options->jobs, .work = work, .hear = hear, .done = done,
                                .lasting = &lasting, .context = &crowd};
    if (options->timeout_ms)
        lasting.end_ms = crowd.end_ms = w->u.started_ms + options->timeout_ms;
    if (!begin(&crowd, selection, &how, &err)) {
        watch_close_hook(w, true);
        return face_close(&w->u.face, false, &err);
    }
    lasting.wake_fd = w->hook ? hook_fd(w->hook) : -1;
    return watch_all(&crowd, &err);
}
