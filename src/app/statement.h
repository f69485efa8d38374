/* statement - a statement that was run, as the Log and a report tell it: its text, what became of it, the values it
 * carried. Pure. */
#ifndef SEEDOPS_APP_STATEMENT_H
#define SEEDOPS_APP_STATEMENT_H

#include "base/str.h"
#include "event/types.h"

/* Appends; at most `rows` rows of values, and what of them is not there. */
void statement_say(const struct input *in, size_t rows, struct str *out);

#endif
