/* advice - hints that can be pasted: "seedops migrate" becomes "seedops migrate production". */
#ifndef SEEDOPS_CMD_ADVICE_H
#define SEEDOPS_CMD_ADVICE_H

#include "base/err.h"

/* Puts `target` (an environment's name, or `--url "$URL"`; "" nothing) behind each command of ours that the
 * hint names, unless it stands there already. Operations speak of commands without knowing how this one was
 * told its environment. */
void advice_name_target(struct err *err, const char *target);

#endif
