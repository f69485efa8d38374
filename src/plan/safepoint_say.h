/* safepoint_say - the JSON lines of a safepoint, read. Texts go to the arena; errors carry only a message. */
#ifndef SEEDOPS_PLAN_SAFEPOINT_SAY_H
#define SEEDOPS_PLAN_SAFEPOINT_SAY_H

#include "base/arena.h"
#include "plan/safepoint_read.h"

struct say_tail { uint64_t blocks; const char *check; };

bool say_head(struct arena *arena, struct safepoint_info *info, const char *line, size_t length, struct err *err);
bool say_table(struct arena *arena, struct safepoint_table *table, const char *line, size_t length, struct err *err);
bool say_end(struct arena *arena, struct safepoint_info *info, struct say_tail *tail, const char *line, size_t length,
             struct err *err);

#endif
