/* tidcount - counts the rows of a table without a heap scan, so that nothing is pruned (SAFETY 4). */
#ifndef SEEDOPS_OP_TIDCOUNT_H
#define SEEDOPS_OP_TIDCOUNT_H

#include <stdint.h>

#include "db/catalog.h"

/* *rows is -1 when it was not counted: the table is too large, or the planner would not promise a Tid Scan. */
bool tid_count(struct db *db, const struct db_table *table, int64_t *rows, struct err *err);

#endif
