/* replay - `seedops replay SESSION`. Loads no configuration and opens no environment. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"
#include "cmd/state_dirs.h"
#include "replay/replay.h"

static bool one_session(const struct options *options, struct err *err)
{
    if (options->operand_count == 1)
        return true;
    err_set(err, ERR_USAGE, "replay wants one session, not %d", options->operand_count);
    return err_hint(err, "seedops replay last, an id of seedops sessions, or a file");
}

int cmd_replay(const struct command *command, struct options *options)
{
    (void)command;
    struct err err = {0};
    char *path = NULL;
    struct state_dirs dirs = {0};
    struct replay_options replay = {.at = options->at, .color = options->color};
    int code = 0;
    bool ok = options_names(options, &err) && one_session(options, &err) &&
              options_size("dump", options->dump, &replay.dump_columns, &replay.dump_rows, &err) &&
              state_dirs_session(&dirs, &options->settings, options->operands[0], &path, &err);
    if (ok) {
        replay.path = path;
        code = replay_run(&replay, &err);
    } else {
        code = err_exit_code(err.class);
    }
    if (err.class != ERR_NONE)
        face_print_error(&err, false);
    free(path);
    state_dirs_free(&dirs);
    return code;
}
