/* tidcount - counts the rows of tables without a heap scan, so that nothing is pruned (SAFETY 4). */
#ifndef SEEDOPS_OP_TIDCOUNT_H
#define SEEDOPS_OP_TIDCOUNT_H

#include <stdint.h>

#include "db/catalog.h"

/* All tables in two round trips, however many they are; where one of them fails (it is locked, say), two for each. The
 * error is the last failed table's: false with it set, but the others' rows are there. rows[i] is -1 where nothing was
 * counted: the table is too large or no ordinary one, the planner would not promise a Tid Scan, or it failed. */
bool tid_counts(struct db *db, const struct db_table *const *tables, size_t count, int64_t *rows, struct err *err);

#endif
