/* keep - the old values of rows that a seed changes, in a safepoint (SAFETY 5 "Seed"). Inserts need none. */
#ifndef SEEDOPS_OP_KEEP_H
#define SEEDOPS_OP_KEEP_H

#include "op/plan.h"
#include "plan/safepoint.h"

/* Inside the transaction that will write, before its first UPDATE: a section for every table of the plan that has
 * changed rows, with old and new values. */
bool keep_rows(struct session *s, struct db *db, struct plan *plan, struct safepoint *safepoint, struct err *err);

/* The same with a safepoint of its own, begun and finished here: *safepoint is NULL where nothing changes, and where
 * there is no place for one and none was asked for (`dir` NULL): a seed runs without a writable disk, and a line says
 * what is not kept. */
bool keep_changed(struct session *s, struct db *db, struct plan *plan, const char *dir, struct safepoint **safepoint,
                  struct err *err);

#endif
