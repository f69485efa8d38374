/* wait - readiness with backoff: JSON log lines as case E4 has them, or text. */
#include "base/clock.h"
#include "cmd/cmds.h"
#include "cmd/unattended.h"

static void print_document(const struct unattended *u)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_bool(&o, "ready", true);
    json_put_int(&o, "attempts", u->attempts);
    json_put_int(&o, "duration_ms", clock_mono_ms() - u->started_ms);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

int cmd_wait(const struct command *command, struct options *options)
{
    struct unattended u;
    struct err err = {0};
    bool ok = unattended_begin(&u, command, options, &err) && unattended_wait(&u, &err);
    if (ok && options->json)
        print_document(&u);
    return face_close(&u.face, ok, &err);
}
