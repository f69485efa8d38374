/* state_dirs - where sessions and safepoints may lie: below the user's own state directory, and below each `state_dir`
 * of the configuration at hand. Looking needs no configuration, so one that cannot be read is said and left out. */
#ifndef SEEDOPS_CMD_STATE_DIRS_H
#define SEEDOPS_CMD_STATE_DIRS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/settings.h"

struct state_dirs { char **items; size_t count; };

/* False where there is none at all. */
bool state_dirs_find(struct state_dirs *dirs, const struct settings_options *options, struct err *err);
/* The session that a word means (replay_find); looks for the directories, once, if it is no file's path. */
bool state_dirs_session(struct state_dirs *dirs, const struct settings_options *options, const char *name, char **path,
                        struct err *err);
void state_dirs_free(struct state_dirs *dirs);

#endif
