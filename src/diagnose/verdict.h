/* verdict - the words of a diagnosis, as FORMATS has them. */
#ifndef SEEDOPS_DIAGNOSE_VERDICT_H
#define SEEDOPS_DIAGNOSE_VERDICT_H

enum verdict {
    VERDICT_HEALTHY, VERDICT_NEVER_SEEDED, VERDICT_ROLLED_BACK, VERDICT_DELETED, VERDICT_TRUNCATED,
    VERDICT_RECREATED, VERDICT_REINITIALISED, VERDICT_RESTORED_EMPTY, VERDICT_WRONG_DATABASE, VERDICT_WRONG_SCHEMA,
    VERDICT_HIDDEN_BY_RLS, VERDICT_NO_PRIVILEGE, VERDICT_STALE_REPLICA, VERDICT_DETACHED, VERDICT_RENAMED,
    VERDICT_UNLOGGED, VERDICT_LOADING, VERDICT_PREPARED, VERDICT_SCHEMA_MISSING, VERDICT_COUNT
};
enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH, CONFIDENCE_CERTAIN, CONFIDENCE_COUNT };

const char *verdict_name(enum verdict verdict);             /* "never-seeded" */
const char *confidence_name(enum confidence confidence);    /* "medium" */
/* What it means, one clause that continues "The rows ...": "were deleted by SQL". */
const char *verdict_meaning(enum verdict verdict);
/* By name; VERDICT_COUNT, CONFIDENCE_COUNT for none of them. NULL is none. */
enum verdict verdict_find(const char *name);
enum confidence confidence_find(const char *name);

#endif
