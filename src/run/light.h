/* light - what one look at an environment comes to: the line that a list of many shows of it. */
#ifndef SEEDOPS_RUN_LIGHT_H
#define SEEDOPS_RUN_LIGHT_H

#include "base/err.h"
#include "config/settings.h"
#include "event/types.h"

/* What is known without asking: name, role, target, groups; the lights as `state`. Free with codec_free. */
void light_unlit(struct fact_environment *fact, const struct settings *settings, const struct environment *environment,
                 const char *state);
/* From a complete IN_STATUS. `command`: told by a command, what to type instead of keys. */
void light_status(struct fact_environment *fact, const struct input *status, bool command);
/* It answered; nothing else is known. */
void light_reached(struct fact_environment *fact);
/* It could not be asked. */
void light_error(struct fact_environment *fact, const struct err *err);

#endif
