/* watch - keeps looking and says what changed, of one environment; watch_many.c has several. */
#include "cmd/cmds.h"

#include <unistd.h>

#include "base/clock.h"
#include "cmd/watch_many.h"

static void on_event(struct face *face, const struct input *in)
{
    struct watch_face *w = (struct watch_face *)face;
    watch_take(w, &w->one, in);
}

static void woken(void *context) { watch_say_failures(context); }
static bool delivered(void *context) { return watch_delivered(context); }

static void print_document(const struct watch_face *w)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_bool(&o, "well", true);
    watch_put_sum(&o, &w->one.sum);
    json_put_int(&o, "duration_ms", clock_mono_ms() - w->u.started_ms);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static bool begin(struct watch_face *w, struct err *err)
{
    struct face *face = &w->u.face;
    bool ok = unattended_choose(&w->u, err);
    w->rest = face->on_event;
    face->on_event = on_event;
    w->bell = isatty(w->u.log.fd);
    if (!ok)
        return false;
    watcher_begin(&w->one, &face->settings, face->ctx.environment, &face->settings.arena);
    return watch_start_hook(w, err);
}

static int watch_one(struct watch_face *w)
{
    const struct options *options = w->u.face.options;
    struct err err = {0};
    bool begun = begin(w, &err), ok = begun;
    struct watch_options how = watch_options_of(options);
    how.woken = woken;
    how.delivered = delivered;
    how.wake_fd = w->hook ? hook_fd(w->hook) : -1;
    how.context = w;
    ok = ok && op_watch(&w->u.face.ctx, &how, &w->one.sum, &err);
    bool cancelled = !ok && err.class == ERR_CANCELLED;
    watch_close_hook(w, cancelled);
    if (begun && cancelled && !options->until_bad)
        ok = true;                   /* being stopped is how a watch ends */
    if (begun)
        watch_say_summary(w, &w->one.sum, 0, ok, &err);
    if (begun && ok && options->json)
        print_document(w);
    w->u.face.told = begun && !options->json;
    return face_close(&w->u.face, ok, &err);
}

int cmd_watch(const struct command *command, struct options *options)
{
    struct watch_face w = {0};
    struct err err = {0};
    struct selection selection = {0};
    if (!options->log_format && !options->json && isatty(STDOUT_FILENO))
        options->log_format = "text";
    if (!unattended_load(&w.u, command, options, &err) || !many_select(&w.u.face, &selection, &err))
        return face_close(&w.u.face, false, &err);
    return selection.several ? watch_many(&w, &selection) : watch_one(&w);
}
