/* held - whether a table may still hold deleted rows that a scan would destroy (SAFETY 4). */
#ifndef SEEDOPS_OP_HELD_H
#define SEEDOPS_OP_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "db/catalog.h"

/* Rows the table is thought to hold, from counters and estimates alone; never a scan. */
int64_t held_estimate(const struct db_table *table);
/* A heap with pages whose counters have not seen all that happened: they began anew after a crash or a reset.
 * Only a count by TID tells whether rows are left (session_look makes it). */
bool held_unknown(const struct db_table *table);
/* True if a context table's heap has pages, rows were deleted from it, and hardly any are left: none, or less
 * than half its floor (without a floor, half its fixture's rows). min_rows and fixture_rows: -1 for none.
 * Such a table is not scanned unless the operator says so; a healthy count ends it. */
bool held_table(const struct db_table *table, int64_t min_rows, int64_t fixture_rows);

#endif
