/* soundness - what no fixture says and no constraint holds any more: references that point at nobody, sequences that
 * are behind their tables. */
#ifndef SEEDOPS_OP_SOUNDNESS_H
#define SEEDOPS_OP_SOUNDNESS_H

#include "op/session.h"

struct soundness_report {
    void *context;
    /* check: "references" or "sequences" */
    void (*finding)(void *context, const char *check, const char *text);
};

/* One round trip over the tables that are configured or have fixtures: each foreign key of a context table, and each
 * sequence of a column that a key begins with. No held table is read unless `scan`, neither are the ones that it refers
 * to. What may not be read, or takes longer than half a minute, is logged as a warning and no finding. */
bool soundness_check(struct session *s, bool scan, const struct soundness_report *report, struct err *err);

#endif
