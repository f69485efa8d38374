/* ahead - the fixtures are read while the connection is made: neither needs the other, and on a fast link both take
 * as long. One thread, which touches nothing but the files and its own set. */
#ifndef SEEDOPS_OP_AHEAD_H
#define SEEDOPS_OP_AHEAD_H

#include "fixture/fixture.h"

struct ahead;

/* Begins to load the fixtures under `dir`, which is copied, as are the options' texts. NULL: there is nothing to load,
 * or no thread to be had; they are then loaded in place, later. */
struct ahead *ahead_begin(const char *dir, const struct fixture_options *options);
/* Waits until it is known whether the rows of a large file have to be read, which goes on while this returns true. */
bool ahead_reads(struct ahead *ahead);
/* Waits for it and gives what was loaded. */
void ahead_take(struct ahead *ahead, struct fixture_set *set, struct err_list *problems);
/* What was loaded is not wanted; the thread ends at the next row. NULL is fine. */
void ahead_stop(struct ahead *ahead);

#endif
