/* masked - SQL that others wrote, without what it says of rows: a literal may be a secret, and nobody can tell which
 * column it was for. Names, keywords and $1 stay. Pure. */
#ifndef SEEDOPS_OP_MASKED_H
#define SEEDOPS_OP_MASKED_H

#include "base/str.h"

/* Appends `sql` on one line: literals as '...', numbers as "...", comments left out. Where quotes can't be followed for
 * sure (a backslash in a plain literal, a name without an end) the rest is left out. */
void masked_sql(struct str *out, const char *sql);
/* Gives it; cut at a character's beginning to at most `most` bytes. */
char *masked_copy(const char *sql, size_t most);

#endif
