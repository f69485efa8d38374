/* sorter - an external merge sort: (key, payload) in, ascending byte order of the keys out.
 *
 * At most `memory` bytes of records are held; beyond that sorted runs go to an unlinked temporary file. Equal
 * keys keep their order. */
#ifndef SEEDOPS_DIFF_SORTER_H
#define SEEDOPS_DIFF_SORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sorter;
struct sorted { const char *key, *payload; size_t key_length, payload_length; };

struct sorter *sorter_new(size_t memory);
bool sorter_add(struct sorter *s, const struct sorted *record, struct err *err);
uint64_t sorter_count(const struct sorter *s);
/* After the last add, before the first next. May be called again to start over. */
bool sorter_finish(struct sorter *s, struct err *err);
/* out->key NULL: the end. It borrows until the next call. */
bool sorter_next(struct sorter *s, struct sorted *out, struct err *err);
void sorter_free(struct sorter *s);   /* NULL is fine */

/* Ascending bytes, the shorter first: what ORDER BY ... COLLATE "C" does in UTF-8. */
int sorted_compare(const struct sorted *a, const struct sorted *b);

#endif
