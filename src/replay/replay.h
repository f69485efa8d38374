/* replay - `seedops replay`: the console fed by a journal. No operation, no connection and no configuration
 * can be reached from this room: it does not include theirs. */
#ifndef SEEDOPS_REPLAY_REPLAY_H
#define SEEDOPS_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct replay_options {
    const char *path;
    const char *at;             /* a moment as :at takes it; NULL: the start */
    const char *color;          /* auto always never */
    int dump_columns, dump_rows;/* > 0: print that screen at that moment and leave */
};

/* The word is a file's path, and no directory is looked in. */
bool replay_names_file(const char *name);
/* What a person names a session by: a file, an ID (or the start of one) or "last" of those below the state directories.
 * Gives the path: free(). */
bool replay_find(char *const *state_dirs, size_t count, const char *name, char **path, struct err *err);
/* Returns the exit code; *err says why it is not 0. */
int replay_run(const struct replay_options *options, struct err *err);

#endif
