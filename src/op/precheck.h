/* precheck - values are checked while rows are compared. For a table without a page that is sure to be wanted: all its
 * rows are missing, and while we work through them its server has nothing to do. One thread, which reads fixtures and
 * asks nobody; where somebody has to be asked, checking is done afterwards, as ever. */
#ifndef SEEDOPS_OP_PRECHECK_H
#define SEEDOPS_OP_PRECHECK_H

#include "op/declared.h"

struct precheck;

/* Borrows both until it is taken or stopped. NULL: not worth it, or no thread to be had. */
struct precheck *precheck_begin(const struct session *session, const struct declared *declared);
/* Waits for it. True: every value is fine. False, also for NULL: that is still to be found out. */
bool precheck_take(struct precheck *precheck);
/* Its answer is not wanted any more. NULL is fine. */
void precheck_stop(struct precheck *precheck);

#endif
