/* watch_many - a watch of several environments: one process, a thread and a connection each, one stream of events. */
#ifndef SEEDOPS_CMD_WATCH_MANY_H
#define SEEDOPS_CMD_WATCH_MANY_H

#include "cmd/many.h"
#include "cmd/watch_tell.h"

/* Everything, face_close included; the exit code. */
int watch_many(struct watch_face *w, const struct selection *selection);

#endif
