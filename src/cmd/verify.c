/* verify - floors, migrations and fixtures, for CI: a line a finding, exit 4 when there is one. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

struct verify_face {
    struct face face;          /* first: the event's way back to the rest */
    bool json;
    struct str out;
    struct json_out writer;
};

/* Findings are results; everything else is a message. */
static void on_event(struct face *face, const struct input *in)
{
    struct verify_face *v = (struct verify_face *)face;
    if (in->kind != IN_LOG || !in->name || strcmp(in->name, "finding") != 0) {
        face_print_event(face, in);
    } else if (v->json) {
        json_text(&v->writer, in->text);
    } else {
        text_visible(&v->out, in->text, strlen(in->text));
        puts(str_text(&v->out));
        str_reset(&v->out);
    }
}

int cmd_verify(const struct command *command, struct options *options)
{
    struct verify_face v = {0};
    struct err err = {0};
    bool ok = face_open(&v.face, command, options, &err);
    v.json = options->json;
    v.face.on_event = on_event;
    if (v.json) {
        json_begin(&v.writer, &v.out);
        json_object(&v.writer);
        json_key(&v.writer, "findings");
        json_array(&v.writer);
    }
    ok = ok && op_verify(&v.face.session, options->scan, &err);
    bool verified = ok;
    ok = ok || err.class == ERR_DIFFERENT;
    if (ok && v.json) {
        json_array_end(&v.writer);
        json_put_bool(&v.writer, "verified", verified);
        json_object_end(&v.writer);
        face_write_json(&v.out);
    } else if (verified) {
        puts("verified: migrations, floors and fixtures hold");
    } else if (ok) {
        face_print_error(&err, false);
    }
    str_free(&v.out);
    int code = face_close(&v.face, ok, &err);
    return ok && !verified ? err_exit_code(ERR_DIFFERENT) : code;
}
