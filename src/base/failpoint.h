/* failpoint - places where a test makes a protocol fail: the process dies, stops, or the step reports an error.
 *
 *   SEEDOPS_FAIL=prune-saved:kill    SIGKILL, as `kill -9` at that very step
 *   SEEDOPS_FAIL=prune-saved:pause   SIGSTOP, until someone sends SIGCONT
 *   SEEDOPS_FAIL=prune-saved:error   the step fails
 *
 * Only builds made with --enable-failpoints or --enable-asan look at the variable; in others every point is the
 * constant true. The table is the whole list: a step of a protocol that can lose rows has its row here, and the
 * fault tests run through all of them. */
#ifndef SEEDOPS_BASE_FAILPOINT_H
#define SEEDOPS_BASE_FAILPOINT_H

#include <stdbool.h>

#include "base/err.h"

/* In the order in which an operation passes them. */
#define FAILPOINTS(X) \
    X(PRUNE_PLANNED, "prune-planned", "the plan is made and confirmed, nothing was begun") \
    X(PRUNE_LOCKED, "prune-locked", "the doomed rows are locked") \
    X(PRUNE_SAVING, "prune-saving", "the safepoint is begun, some rows are in it") \
    X(PRUNE_SAVED, "prune-saved", "every row is in the safepoint, which has no end and no name yet") \
    X(PRUNE_SAFE, "prune-safe", "the safepoint is whole, on the disk and under its name") \
    X(PRUNE_DELETING, "prune-deleting", "the first table's rows are deleted") \
    X(PRUNE_DELETED, "prune-deleted", "all rows are deleted") \
    X(PRUNE_CHECKED, "prune-checked", "what was deleted was compared with the plan") \
    X(RESET_SEEDED, "reset-seeded", "reset, converge: the fixtures' rows are written") \
    X(PRUNE_COMMIT, "prune-commit", "just before COMMIT is sent") \
    X(PRUNE_DONE, "prune-done", "committed, and not yet reported") \
    X(RESTORE_LOADED, "restore-loaded", "the saved rows are in temporary tables") \
    X(RESTORE_PLANNED, "restore-planned", "the plan is made and confirmed, nothing was begun") \
    X(RESTORE_BEGUN, "restore-begun", "the writing transaction is begun") \
    X(RESTORE_WRITING, "restore-writing", "the first rows are inserted or set back") \
    X(RESTORE_WRITTEN, "restore-written", "all rows are, deferred constraints not yet checked") \
    X(RESTORE_CHECKED, "restore-checked", "what was written was compared with the safepoint") \
    X(RESTORE_COMMIT, "restore-commit", "just before COMMIT is sent") \
    X(RESTORE_DONE, "restore-done", "committed, and not yet reported")

#define FAILPOINT_ENUM(id, name, help) FAIL_##id,
enum failpoint { FAILPOINTS(FAILPOINT_ENUM) FAILPOINT_COUNT };
#undef FAILPOINT_ENUM

/* False with ERR_GENERAL where SEEDOPS_FAIL asks for an error here; true otherwise (or never). */
#ifdef SEEDOPS_FAILPOINTS
bool failpoint(enum failpoint point, struct err *err);
#else
static inline bool failpoint(enum failpoint point, struct err *err)
{
    (void)point;
    (void)err;
    return true;
}
#endif

const char *failpoint_name(enum failpoint point);

#endif
