/* tids - a set of row places (block and offset) in one table, as PostgreSQL's ctid has them.
 *
 * A place names a row within one snapshot only. A table's neighbours share 16 bytes, so a million rows that lie
 * together cost about half a megabyte, and even scattered ones no more than 32 bytes each. */
#ifndef SEEDOPS_PLAN_TIDS_H
#define SEEDOPS_PLAN_TIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct tids {
    struct tids_word *words;       /* open addressing; in order of place once sorted */
    size_t capacity, used;
    uint64_t count;
    bool sorted;
};

/* A zeroed struct is an empty set. Not after tids_sort. True if the place is new. */
bool tids_add(struct tids *t, uint32_t block, uint16_t offset);
bool tids_has(const struct tids *t, uint32_t block, uint16_t offset);
/* "(12,3)"; false if it is no such text. */
bool tids_parse(const char *text, uint32_t *block, uint16_t *offset);
/* From here on the set is read in order; before, in no order. */
void tids_sort(struct tids *t);
void tids_free(struct tids *t);

struct tids_cursor { size_t word; unsigned bit; };
bool tids_next(const struct tids *t, struct tids_cursor *at, uint32_t *block, uint16_t *offset);
/* The next places, at most `most`, as an array's text: {"(0,1)","(0,2)"}. Those of `except` (may be NULL) are left
 * out. Gives how many; 0 at the end. */
size_t tids_batch(const struct tids *t, struct tids_cursor *at, const struct tids *except, size_t most,
                  struct str *out);

#endif
