/* written - what the commands that write have in common: the plan before, the counts after, as text and as the one
 * document of --json (FORMATS). */
#ifndef SEEDOPS_CMD_WRITTEN_H
#define SEEDOPS_CMD_WRITTEN_H

#include "base/json.h"
#include "base/str.h"
#include "event/types.h"

struct written {
    const struct input *plan, *outcome;   /* IN_PLAN, IN_OUTCOME; NULL: there was none */
    bool applied;
    const char *safepoint;                /* NULL or "": none */
    bool keeps;                           /* a restore says what it kept itself, beside the safepoint it read */
    const char *kept;                     /* NULL or "": nothing */
    void (*more)(struct json_out *out, void *context);   /* more members of the plan; NULL: none */
    void *context;
};

/* {"plan":{"digest","steps"...},"applied","before","after","duration_ms","safepoint"} on stdout. */
void written_print_json(const struct written *written);
/* "before" or "after": rows by table, null where they were not counted. `outcome` may be NULL. */
void written_json_counts(struct json_out *out, const char *key, const struct input *outcome, bool after);

/* What the plan says before anything else, if it does. */
void written_add_first(struct str *out, const struct input *plan);
/* A line a step, and the plan's digest. */
void written_add_steps(struct str *out, const struct input *plan);
/* Tables whose number of rows changed, a line each. */
void written_add_counts(struct str *out, const struct input *outcome);
void written_print_text(const struct str *text);

#endif
