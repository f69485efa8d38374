/* capture - live rows as a fixture, on stdout or into --output FILE. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

enum { FIXTURE_MODE = 0644 };

/* A fixture that somebody wrote is worth more than what can be read again. */
static bool write_new(const char *path, const struct str *text, struct err *err)
{
    if (access(path, F_OK) == 0) {
        err_set(err, ERR_GENERAL, "%s exists and is not overwritten", path);
        return err_hint(err, "name another file, or move it away first");
    }
    if (!file_write_atomic(path, str_text(text), text->length, FIXTURE_MODE, err))
        return err_hint(err, "is the directory there, and may you write in it?");
    fprintf(stderr, "seedops: wrote %s\n", path);
    return true;
}

/* The fixture itself, or where it was written. */
static void print_json(const char *table, const char *output, const struct str *fixture)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_text(&o, "table", table);
    json_put_text(&o, "output", output);
    json_put_text(&o, "fixture", output ? NULL : str_text(fixture));
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

int cmd_capture(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    struct str out = {0};
    bool ok = face_open_patiently(&face, command, options, &err);
    if (ok && options->operand_count != 1) {
        ok = err_set(&err, ERR_USAGE, "capture takes one table");
        err_hint(&err, "usage: seedops %s %s", command->name, command->operands);
    }
    ok = ok && op_capture(&face.session, options->operands[0], &out, &err);
    if (ok && options->output)
        ok = write_new(options->output, &out, &err);
    if (ok && options->json)
        print_json(options->operands[0], options->output, &out);
    else if (ok && !options->output)
        fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&out);
    return face_close(&face, ok, &err);
}
