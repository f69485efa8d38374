/* orphans - plain values of foreign keys that point at nobody, found before anything is written. */
#ifndef SEEDOPS_OP_ORPHANS_H
#define SEEDOPS_OP_ORPHANS_H

#include "op/plan.h"

/* Looks at what the plan writes, not at what is right already. False with each such value's place logged as a problem
 * (declared_problems), or when it could not be found out.
 *
 * Left to the server, which judges every write: a parent that is held or that we may not read; one whose new rows get
 * their keys from the server; and everything where triggers may make rows, unless the server has just `refused` the
 * same plan for a foreign key. One round trip, one more where a parent has no fixture, and one for every thousand
 * different values. */
bool orphans_check(struct session *s, const struct declared *d, const struct plan *plan, bool refused, struct err *err);

#endif
