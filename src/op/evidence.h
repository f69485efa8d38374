/* evidence - what the catalogue knows of tables that lost rows, on record before a write changes it (SAFETY 4). */
#ifndef SEEDOPS_OP_EVIDENCE_H
#define SEEDOPS_OP_EVIDENCE_H

#include "op/session.h"

/* One IN_LOG (level "evidence", JSON) a table, then the IN_DIAGNOSIS of all of them, in two round trips and without a
 * scan; then waits until the record has them. What cannot be read, or is not on disk, is a warning: false only when
 * the connection failed. */
bool evidence_record(struct session *s, const struct db_table *const *tables, size_t count, struct err *err);

#endif
