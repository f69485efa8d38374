/* restore - puts back what a safepoint holds. */
#ifndef SEEDOPS_RESTORE_RESTORE_H
#define SEEDOPS_RESTORE_RESTORE_H

#include "op/session.h"

/* Plan, guard, one transaction, compare, report (SAFETY 5 "Restore"). Newer values
 * that are overwritten go into a safepoint first. Emits IN_PLAN, IN_PROGRESS, IN_OUTCOME (counts before and after;
 * text: that safepoint). */
struct restore_options {
    const char *path;          /* of the safepoint's file */
    const char *safepoint_dir; /* of newer values that are overwritten; NULL: the environment's */
    const char *changed;       /* rows changed since: "leave", "overwrite"; NULL: asked */
    const char *plan_digest;   /* this plan (its first 12 digits will do) or none; NULL: any */
    bool dry_run;
    bool partial;              /* also when some of it cannot be put back */
    bool renumber;             /* rows that are there under other numbers count as there; what refers to them follows */
};
bool op_restore(struct session *s, const struct restore_options *options, struct err *err);

#endif
