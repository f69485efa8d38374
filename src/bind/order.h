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

/* The same with edges that no foreign key stands for: a !ref needs its target written first too. On a circle
 * *first (may be NULL) is one of its tables. */
struct order_ref {
    size_t child, parent;        /* indexes into tables */
};
bool order_tables_refs(struct db_table *const *tables, size_t count, const struct order_ref *refs,
                       size_t ref_count, size_t *order, bool *deferred, size_t *first, struct err *err);

#endif
