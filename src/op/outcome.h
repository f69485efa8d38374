/* outcome - what became of a COMMIT whose answer never came (SAFETY 5.6). */
#ifndef SEEDOPS_OP_OUTCOME_H
#define SEEDOPS_OP_OUTCOME_H

#include "op/session.h"

/* Opens the session anew and asks for the noted transaction id. True: it was committed. Else ERR_LOST (it was
 * rolled back, nothing was written) or ERR_UNKNOWN_OUTCOME (it still cannot be said). */
bool outcome_find_out(struct session *s, const char *xid, struct err *err);

#endif
