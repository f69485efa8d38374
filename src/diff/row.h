/* row - fixture rows made ready to compare and to write, and carried through spools.
 *
 * Settled: every value that can be sent to the server is the text to send (bound_text), marked as such, so that
 * it no longer hangs on the file it came from. */
#ifndef SEEDOPS_DIFF_ROW_H
#define SEEDOPS_DIFF_ROW_H

#include "base/arena.h"
#include "base/str.h"
#include "bind/bind.h"

/* A copy in `arena` with its values settled; texts still borrow from `row` where they need no change. */
bool row_settle(const struct bound *bound, const struct fixture_row *row, struct arena *arena,
                struct fixture_row *out, struct err *err);
/* Appends a settled row as bytes; gives one back, all of it in `arena`. */
void row_pack(const struct bound *bound, const struct fixture_row *row, struct str *out);
/* *bytes is moved past what was read. */
void row_unpack(const struct bound *bound, const char **bytes, struct arena *arena, struct fixture_row *out);
/* The same, but the texts are where they were packed. */
void row_view(const struct bound *bound, const char **bytes, struct arena *arena, struct fixture_row *out);

/* Single values, for whoever packs more than rows. NULL differs from "". */
void pack_u32(struct str *out, uint32_t value);
void pack_text(struct str *out, const char *text);
uint32_t unpack_u32(const char **bytes);
const char *unpack_text(const char **bytes, struct arena *arena);   /* arena NULL: where it was packed */

/* Two references of one shape name the same table, the same columns of it, and take the same column. */
bool ref_same_shape(const struct fixture_ref *a, const struct fixture_ref *b);
/* What people see of a value: the text, a reference's natural key, "[REDACTED]", "(SQL) now()". NULL for NULL.
 * `secret`: the column is. */
const char *row_shown(const struct fixture_value *value, bool secret, struct arena *arena);

#endif
