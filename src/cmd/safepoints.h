/* safepoints - what restore --list and sessions say of one, and those of all state directories. */
#ifndef SEEDOPS_CMD_SAFEPOINTS_H
#define SEEDOPS_CMD_SAFEPOINTS_H

#include "base/json.h"
#include "base/str.h"
#include "cmd/state_dirs.h"
#include "plan/safepoint_read.h"

/* Its ID; below it age, size, before what it was made; what it holds. Or why it cannot be read. */
void safepoints_text(struct str *out, const struct safepoint_item *item, int64_t now_ms);
void safepoints_json(struct json_out *out, const struct safepoint_item *item);

/* A directory that cannot be read is said on stderr and left out. */
struct safepoints { struct safepoint_list *lists; size_t count; };
void safepoints_find(struct safepoints *safepoints, const struct state_dirs *dirs);
void safepoints_free(struct safepoints *safepoints);

#endif
