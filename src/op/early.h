/* early - what is asked while the fixtures are still being read: the look, and the first comparison's rows.
 *
 * A large fixture takes as long to read as its table takes to be sorted, and neither waits for the other. The headers
 * say which tables there are, the first rows what will be asked of the first one. That goes out; once the whole set is
 * read and bound, the comparison starts with the very same text and finds it under way (db_send_ahead), or with
 * another, and then it was in vain. Where digests may be what pays, something is asked only where the fixture's rows
 * have to be read (fixture/known.c): then its digests are not known either, as a rule. Near that is rows, far the sum.
 * Nothing is asked of rows where some may have been deleted: a scan could cost evidence (SAFETY 4). */
#ifndef SEEDOPS_OP_EARLY_H
#define SEEDOPS_OP_EARLY_H

#include "diff/diff.h"
#include "op/precheck.h"
#include "op/session.h"

struct early {
    bool peeked, bound;
    struct fixture_set fixtures;   /* their headers and first rows */
    struct bound_set set;
    struct precheck *precheck;
};

/* `table`: the one that is compared first, as a person named it; NULL: the first in writing order. With `check` values
 * are checked, too, where tables are empty and so all rows sure to be missing. Does nothing where it gains nothing.
 * What goes wrong here goes wrong again where it is wanted, and is told there; a lost connection is told here: false.
 * Zeroes *e first; ended by early_end. */
bool early_begin(struct early *e, struct session *s, const char *table, enum diff_way way, bool check, struct err *err);
/* Once the fixtures are read, before what was looked at may be looked at again: stops what that would pull the ground
 * from under. */
void early_settle(struct early *e, struct session *s);
/* Waits. True: every value of `fixtures`, as they were loaded, is fine. False, also where none was checked: that is
 * still to be found out. */
bool early_checked(struct early *e, const struct fixture_set *fixtures);
void early_end(struct early *e);

#endif
