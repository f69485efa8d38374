/* preserve - keeps what deleted rows may be read back from, and takes that back. */
#ifndef SEEDOPS_PRESERVE_PRESERVE_H
#define SEEDOPS_PRESERVE_PRESERVE_H

#include "op/session.h"

/* Keeps what deleted rows may still be read back from (SAFETY 5): evidence into the journal, a replication
 * slot, autovacuum off, heap pages into an archive; undo takes back what was changed in the database. Emits IN_PLAN (a
 * step "by hand" is a command for someone with more rights), IN_PROGRESS, IN_OUTCOME (text: the archive). */
struct preserve_options {
    bool undo, dry_run;
    const char *const *tables;     /* as named; count 0: those that lost their rows */
    size_t count;
    const char *output;            /* the archive's directory; NULL: below the state directory */
    const char *seen;              /* digest of the plan that was confirmed; NULL: any */
};
bool op_preserve(struct session *s, const struct preserve_options *options, struct err *err);

#endif
