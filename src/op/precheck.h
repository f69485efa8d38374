/* precheck - values are checked while rows are compared, once it is clear that many will be written: the server is busy
 * with its side of the comparison, or has none. One thread, which reads fixtures and asks nobody; where somebody has to be
 * asked, checking is done afterwards, as ever. */
#ifndef SEEDOPS_OP_PRECHECK_H
#define SEEDOPS_OP_PRECHECK_H

#include "op/declared.h"

struct precheck;

enum { PRECHECK_WORTH_ROWS = 500 };

/* Borrows both until it is taken or stopped. NULL: no thread is to be had. */
struct precheck *precheck_begin(const struct session *session, const struct declared *declared);
/* Waits for it. True: every value is fine. False, also for NULL: that is still to be found out. */
bool precheck_take(struct precheck *precheck);
/* Its answer is not wanted any more. NULL is fine. */
void precheck_stop(struct precheck *precheck);

#endif
