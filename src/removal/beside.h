/* beside - a second connection that reads many rows into the safepoint while the first one deletes them.
 *
 * It takes over the first one's snapshot, so it sees each row as the transaction saw it before the first delete, whatever
 * is deleted meanwhile; nothing is committed before all of them are in the safepoint, and as many as were deleted. */
#ifndef SEEDOPS_REMOVAL_BESIDE_H
#define SEEDOPS_REMOVAL_BESIDE_H

#include "removal/removal.h"

/* Rows of the application's that a family has to lose for this to be worth a connection. */
enum { BESIDE_ROWS = 100000 };

/* NULL where it is not worth it, or there is no second connection to be had: then one does both. db_close it. */
struct db *beside_open(const struct removal *r);
/* Makes `beside` see what the transaction of `db` sees, with exact texts, and locks what the walk left for later, on both.
 * False: it cannot; `err` only if the transaction cannot go on either. */
bool beside_join(const struct removal *r, struct db *beside, struct db *db, const char *xid, struct err *err);

#endif
