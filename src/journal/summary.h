/* summary - a session in a few words: what `seedops sessions` lists without reading the whole journal. Gathered
 * while it is recorded and put into the end line; of a session that was killed, gathered from its inputs. */
#ifndef SEEDOPS_JOURNAL_SUMMARY_H
#define SEEDOPS_JOURNAL_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "event/types.h"

enum { SUMMARY_NAMES = 64, SUMMARY_DATABASES = 16, SUMMARY_NAME = 128 };

struct summary_names {           /* each once, in the order they came; more than SUMMARY_NAMES are left out */
    char (*items)[SUMMARY_NAME];
    size_t count;
};

struct summary_database { char environment[SUMMARY_NAME], target[256], identifier[32], database[64]; int64_t oid; };

struct summary {
    int64_t duration_ms;
    struct summary_database *databases;
    size_t database_count;
    struct summary_names actions;     /* operations that ended, refused ones included: "seed", "migrate" */
    struct summary_names tables;      /* compared or written */
    int64_t done, failed, refused;    /* operations; cancelled ones are failed */
    int64_t written;                  /* rows */
    int64_t notes;
};

/* Every input, in order. */
void summary_take(struct summary *summary, const struct input *in);
/* As the value of a key. Decoding takes what a hostile journal says, bounded. */
void summary_encode(const struct summary *summary, struct json_out *out);
void summary_decode(struct summary *summary, const struct json *json);
void summary_free(struct summary *summary);
bool summary_has(const struct summary_names *names, const char *name);
/* "refused", "failed" or "ok": the worst of it. */
const char *summary_outcome(const struct summary *summary);

#endif
