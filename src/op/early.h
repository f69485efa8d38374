/* early - what is asked while the fixtures are still being read: the look, and the first comparison's rows.
 *
 * A large fixture takes as long to read as its table takes to be sorted, and neither waits for the other. The headers say
 * which tables there are, the first rows what will be asked of the first one. That goes out; once the whole set is read
 * and bound, the comparison starts with the very same text and finds it under way (db_send_ahead), or with another, and then
 * it was in vain. Nothing is asked of rows where some may have been deleted: a scan could cost evidence (SAFETY 4). */
#ifndef SEEDOPS_OP_EARLY_H
#define SEEDOPS_OP_EARLY_H

#include "op/session.h"

/* `table`: the one that is compared first, as a person named it; NULL: the first in writing order. Does nothing where it
 * gains nothing. What goes wrong here goes wrong again where it is wanted, and is told there. */
void early_begin(struct session *s, const char *table);

#endif
