/* count - the counting itself, for operations that look at the counts before they report them. */
#ifndef SEEDOPS_OP_COUNT_H
#define SEEDOPS_OP_COUNT_H

#include "op/session.h"

/* *counted (given) is an IN_TABLE with a line a table. A held table has its TID count or an estimate.
 * floors_only: tables with a floor, and configured ones that are not there. */
bool count_tables(struct session *s, bool scan, bool floors_only, struct input **counted, struct err *err);

#endif
