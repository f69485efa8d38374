/* order - tables in the order of their foreign keys: parents first; cycles named or broken where deferrable. */
#ifndef SEEDOPS_BIND_ORDER_H
#define SEEDOPS_BIND_ORDER_H

#include "base/err.h"
#include "db/catalog.h"

/* `order` gets `count` indexes into `tables`. A cycle through a foreign key that is deferrable, or whose
 * columns are nullable, is broken there (*deferred becomes true: SET CONSTRAINTS ALL DEFERRED is wanted);
 * any other cycle of two tables or more is an error that names the tables and keys in order. Self references
 * are no cycle between tables. */
bool order_tables(struct db_table *const *tables, size_t count, size_t *order, bool *deferred, struct err *err);

#endif
