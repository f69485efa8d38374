/* internal - what the files of this room share: the store's inside, and reading rows in order. */
#ifndef SEEDOPS_STORE_INTERNAL_H
#define SEEDOPS_STORE_INTERNAL_H

#include "base/str.h"
#include "store/store.h"
#include "store/window.h"

#define NO_VALUE UINT32_MAX

struct store_file {
    int fd;
    uint64_t written;
    struct str pending;
};

struct store {
    struct store_file data, index;
    uint64_t count;
};

bool store_flush(struct store *store, struct err *err);
/* Closes a row whose bytes were just added to data.pending. */
bool store_row_end(struct store *store, struct err *err);

/* Reads rows of a store that is not changed meanwhile. */
struct scan {
    struct window data, index;
    uint64_t start, text, end;   /* of the current row: the record, its cells' text, behind it */
    size_t count;                /* cells */
};

bool scan_start(struct scan *scan, struct store *store, struct err *err);
void scan_end(struct scan *scan);
bool scan_row(struct scan *scan, uint64_t row, bool backwards, struct err *err);
/* length <= WINDOW_SIZE; NULL on failure; borrows until the next call */
const char *scan_bytes(struct scan *scan, uint64_t offset, size_t length, bool backwards, struct err *err);

#endif
