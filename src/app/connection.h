/* connection - what is told of the open environment's connection: its phases, and that it was lost. */
#ifndef SEEDOPS_APP_CONNECTION_H
#define SEEDOPS_APP_CONNECTION_H

#include "app/model.h"

struct str;

/* IN_CONNECTION. A connection that was lost while nothing ran is made again; nothing else is. */
void connection_event(struct model *m, const struct input *in, struct effects *effects);
/* "connect 41 ms, host key 2 ms, authenticate 88 ms": what is over, in its time. */
void connection_phases(const struct facts *facts, struct str *out);
/* Off, if it is on, and why. */
void connection_end_write_mode(struct model *m, const char *why);
void connection_forget(struct facts *facts);

#endif
