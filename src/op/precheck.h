/* precheck - values are checked beside other work: while fixtures are read for a table that is empty, or rows are
 * compared and many of them turn out to be missing. One thread, which reads fixtures and asks nobody; where somebody has
 * to be asked, checking is done afterwards, as ever. */
#ifndef SEEDOPS_OP_PRECHECK_H
#define SEEDOPS_OP_PRECHECK_H

#include "bind/bind.h"

struct precheck;

enum { PRECHECK_WORTH_ROWS = 500 };

/* Borrows all of it until it is taken or stopped; of `db` the facts alone. NULL: no thread is to be had. */
struct precheck *precheck_begin(struct db *db, const struct bound_set *set, const struct fixture_options *options);
/* Waits for it. True: every value is fine. False, also for NULL: that is still to be found out. */
bool precheck_take(struct precheck *precheck);
/* Its answer is not wanted any more. NULL is fine. */
void precheck_stop(struct precheck *precheck);

#endif
