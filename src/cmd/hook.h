/* hook - runs a command for each event, on a thread of its own: one at a time, in order, each for half a minute at most.
 * Looking goes on meanwhile, and a command that hangs costs its own event. */
#ifndef SEEDOPS_CMD_HOOK_H
#define SEEDOPS_CMD_HOOK_H

#include <stdbool.h>

#include "base/err.h"

enum { HOOK_MS = 30000, HOOK_WAITING = 32 };   /* so many events of an environment wait */

struct hook;
struct hook_about { char environment[256], event[64]; };   /* what a command is run for, to be named in messages */

/* `command` is a line for the shell; borrowed until hook_close. */
bool hook_start(struct hook **hook, const char *command, struct err *err);
/* Takes `input`, which goes to the command's standard input. False: too many wait already, and this one does not go out. */
bool hook_give(struct hook *hook, const char *environment, const char *event, char *input);
/* True once for each command that failed: what about, and why. */
bool hook_failure(struct hook *hook, struct hook_about *about, struct err *err);
int hook_fd(const struct hook *hook);      /* readable when one has ended */
bool hook_idle(struct hook *hook);         /* everything given has been run */
/* Waits at most ms for what was given; what still runs then is ended, and *lost counts those that did not go out. NULL is
 * fine. */
void hook_close(struct hook *hook, int ms, int *lost);

#endif
