/* mark - tells the database which environment it is, and has it keep a trail of writes. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

static void print_json(const struct face *face, const struct input *outcome, bool dry_run)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_text(&o, "environment", face->ctx.environment->name);
    json_put_text(&o, "role", role_name(face->ctx.environment->role));
    json_put_text(&o, "before", outcome->title && outcome->title[0] ? outcome->title : NULL);
    json_put_text(&o, "marked", outcome->text);
    json_put_bool(&o, "applied", outcome->number2 > 0);
    json_put_bool(&o, "dry_run", dry_run);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static void print_text(const struct input *outcome, bool dry_run)
{
    struct str out = {0};
    bool marked = outcome->title && outcome->title[0];
    str_add(&out, dry_run ? "would be marked as " : outcome->number2 ? "marked as " : "is marked already as ");
    text_visible(&out, outcome->text, strlen(outcome->text));
    if (marked && strcmp(outcome->title, outcome->text) != 0) {
        str_add(&out, "; it was marked as ");
        text_visible(&out, outcome->title, strlen(outcome->title));
    }
    str_add(&out, outcome->number2 ? "\nevery write leaves a row in seedops.actions from now on" : "");
    puts(str_text(&out));
    str_free(&out);
}

int cmd_mark(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    bool ok = face_open(&face, command, options, &err) && op_mark(&face.session, options->dry_run, &err);
    if (ok && options->json)
        print_json(&face, face.last[IN_OUTCOME], options->dry_run);
    else if (ok)
        print_text(face.last[IN_OUTCOME], options->dry_run);
    return face_close(&face, ok, &err);
}
