/* lineage - whose fixtures are these? (SAFETY 5): how the session's set stands to the ones applied here before.
 *
 * Known from the database's trail where it keeps one, else from this machine's known_databases. A set that was applied
 * before another is older, for certain. One never applied here is taken for newer if its files are dated later, as a
 * new checkout's or image's are; what cannot be told is said to be unknown. */
#ifndef SEEDOPS_OP_LINEAGE_H
#define SEEDOPS_OP_LINEAGE_H

#include "op/session.h"

enum lineage {
    LINEAGE_FIRST,        /* none was applied here before, as far as is known */
    LINEAGE_SAME,         /* it is the one that was applied last */
    LINEAGE_NEWER,        /* never applied here, and dated later than the last one */
    LINEAGE_OLDER,        /* applied before the last one, or dated before it */
    LINEAGE_UNKNOWN       /* neither */
};

/* The session's own set: digest, commit, date; applied now, by us. Reads the fixtures if that was not done. */
void lineage_own(const struct session *s, struct applied_set *set);
const char *lineage_user(void);                       /* the user who runs us; borrows until the next call */
const char *lineage_host(char *out, size_t size);

/* Pure: `sets` newest first. */
enum lineage lineage_judge(const struct applied_set *own, const struct applied_set *sets, size_t count);
const char *lineage_name(enum lineage lineage);       /* "first" "same" "newer" "older" "unknown" */
/* How the session's fixtures stand to what was applied here. `sentence` (may be NULL) gets what a plan says first,
 * "" when there is nothing to say. */
enum lineage lineage_of(const struct session *s, struct str *sentence);
/* True where boot and provision skip the seed: older, or unknown beside the last one. */
bool lineage_stale(enum lineage lineage);
/* Notes the session's set in known_databases as the newest that was applied here. */
void lineage_remember(struct session *s);

#endif
