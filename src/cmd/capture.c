/* capture - live rows as a fixture, on stdout or into --output FILE. */
#include <stdio.h>

#include "base/file.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

enum { FIXTURE_MODE = 0644 };

int cmd_capture(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    struct str out = {0};
    bool ok = face_open(&face, command, options, &err);
    if (ok && options->operand_count != 1) {
        ok = err_set(&err, ERR_USAGE, "capture takes one table");
        err_hint(&err, "usage: seedops %s %s", command->name, command->operands);
    }
    ok = ok && op_capture(&face.session, options->operands[0], &out, &err);
    if (ok && options->output)
        ok = file_write_atomic(options->output, str_text(&out), out.length, FIXTURE_MODE, &err);
    else if (ok)
        fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&out);
    return face_close(&face, ok, &err);
}
