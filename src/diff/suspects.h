/* suspects - sends what match left undecided to the server, in batches (typed.h), and reports what comes of it. */
#ifndef SEEDOPS_DIFF_SUSPECTS_H
#define SEEDOPS_DIFF_SUSPECTS_H

#include "diff/match.h"

/* "BEGIN ...; SET LOCAL ...; " of a comparison's transaction. */
extern const char diff_begin[];
bool suspects_decide(struct db *db, struct match *m, struct err *err);

#endif
