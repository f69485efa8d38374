/* watch_event - an event of a watch as the JSON document that --exec's command reads: schemas/watch-event.schema.json. */
#ifndef SEEDOPS_CMD_WATCH_EVENT_H
#define SEEDOPS_CMD_WATCH_EVENT_H

#include "base/str.h"
#include "event/types.h"

struct watch_about {                 /* what all events of one watch have in common */
    const char *config, *environment, *role, *target;   /* target redacted */
};

/* The same for the same event, told again after a kill; another one for every other. */
void watch_event_id(const struct watch_about *about, const struct input *alert, char *out, size_t size);
/* One line. `diagnosis` (an IN_DIAGNOSIS) may be NULL. wall_ms: now. */
void watch_event_json(const struct watch_about *about, const struct input *alert, const struct input *diagnosis,
                      int64_t wall_ms, struct str *out);

#endif
