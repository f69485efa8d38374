/* diagnosis - a diagnosis as rows to read and words to say. Pure; Overview, Diagnose and commands share it. */
#ifndef SEEDOPS_APP_DIAGNOSIS_H
#define SEEDOPS_APP_DIAGNOSIS_H

#include "app/model.h"

/* True if a context table has fewer rows than it should, or cannot be read: then it is worth asking why. */
bool diagnosis_wanted(const struct fact_ledger *ledger, const struct fact_table *tables, size_t count);

enum diagnosis_part { PART_NEXT, PART_TABLE, PART_EVIDENCE, PART_DENIED, PART_ALTERNATIVE, PART_COUNT };

struct diagnosis_row { enum diagnosis_part part; size_t index; };

/* The page's rows in the order they are read: what to do, the tables, what says so, what could not be read, what else
 * it might be. */
int64_t diagnosis_rows(const struct fact_diagnosis *d);
bool diagnosis_row(const struct fact_diagnosis *d, int64_t n, struct diagnosis_row *row);   /* false: beyond the end */

/* "DELETED" for the verdict's name, "deleted"; at most 20 bytes with the NUL. */
void diagnosis_word(const char *verdict, char out[20]);
/* "Deleted by SQL": begins a sentence; the name itself where it is not one of ours. */
const char *diagnosis_phrase(const char *verdict);
/* "between 11:52:10 and 12:08:44 UTC", with the day where it is not that of `wall_ms` (0: unknown); "" unknown. */
void diagnosis_time(const struct fact_diagnosis *d, int64_t wall_ms, char *out, size_t size);
/* " ✓" for certain and high, "?" for what is less; never by colour alone. */
const char *diagnosis_mark(const struct fact_evidence *evidence);

#endif
