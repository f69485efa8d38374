/* remember - what a healthy visit saw, for the day the rows are gone (facts: empty_database 4, "memory, not SQL").
 *
 * A database that was made anew looks from inside like one that was never seeded: only whoever saw it before can tell.
 * Costs no round trip: everything is in the catalogue that was read anyway. */
#ifndef SEEDOPS_OP_REMEMBER_H
#define SEEDOPS_OP_REMEMBER_H

#include "diagnose/evidence.h"
#include "event/types.h"
#include "op/session.h"

/* Notes a visit whose status found every context table at or above its floor; nothing when it did not. A state
 * directory that cannot be written is not waited for, and only said in the log. */
void remember_visit(struct session *s, const struct input *status);
/* Fills e->seen, and each table's, from the note; nothing without one. */
void remember_recall(struct session *s, struct evidence *e);
/* Notes when a diagnosis first found tables without the rows of the last healthy visit: later ones say so instead of
 * naming themselves. Only for the database that was healthy. */
void remember_loss(struct session *s, struct evidence *e);

#endif
