/* store - row sets of any size on disk: an unlinked 0600 file with an index; append, page, search.
 *
 * Secrets are redacted before they come here. One writer thread; pages may be read by it too. */
#ifndef SEEDOPS_STORE_STORE_H
#define SEEDOPS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    STORE_PAGE_ROWS = 200,
    STORE_PAGE_BYTES = 64 * 1024,   /* of text in a page */
    STORE_CELLS_MAX = 2000          /* in a row; PostgreSQL has at most 1664 columns */
};

struct store;

struct store_row {
    const char **cells;      /* NULL: no value */
    size_t count;
};

bool store_new(struct store **store, struct err *err);
void store_free(struct store *store);
/* False when the disk is full: what came before can still be read. */
bool store_append(struct store *store, const char *const *cells, size_t count, struct err *err);
uint64_t store_count(const struct store *store);
/* Rows [first, first+want) into *rows (given; store_rows_free), at most 200 rows and 64 KiB: the longer the
 * page, the shorter long cells are cut (they end in "…"), and where even 16 bytes a cell are too much there
 * are fewer rows, but at least one. *got says how many. */
bool store_page(struct store *store, uint64_t first, size_t want, struct store_row **rows, size_t *got,
                struct err *err);
void store_rows_free(struct store_row *rows, size_t count);
/* First row at or after `from` (before, when backwards) with `needle` in any cell (ASCII case ignored);
 * UINT64_MAX when none. `cancel_fd` as everywhere. */
bool store_search(struct store *store, const char *needle, uint64_t from, bool backwards, int cancel_fd,
                  uint64_t *row, struct err *err);
/* A new store with the rows that hold `needle`, or with a leading '!' those that do not. */
bool store_filter(struct store *store, const char *needle, int cancel_fd, struct store **out,
                  struct err *err);

#endif
