/* write - carries a plan out, inside a transaction that the caller opened.
 *
 * INSERT ... ON CONFLICT DO NOTHING (COPY into a table that was empty) and UPDATE only where the row still has the values that were read: whoever
 * was faster makes a count differ, and that is an ERR_CONFLICT naming the row (SAFETY 5). */
#ifndef SEEDOPS_OP_WRITE_H
#define SEEDOPS_OP_WRITE_H

#include "op/plan.h"

/* True if plan->values_late would change anything: a foreign key points at a table that is written after its own, or at
 * its own, and may be NULL until then. */
bool write_can_wait(const struct plan *plan);
bool write_plan(struct session *s, struct db *db, struct plan *plan, struct err *err);
/* setval for serial and identity columns the plan wrote, where the sequence is behind. Last before COMMIT:
 * a rollback does not take it back. */
bool write_sequences(struct db *db, const struct plan *plan, struct err *err);
/* One of them: `sequence` (quoted) goes past the m that `highest` selects, never back. */
void write_sequence_sql(struct str *sql, const char *sequence, const char *highest);

#endif
