/* window - a sliding view of a file for scans in either direction: one pread for thousands of small
 * records. */
#ifndef SEEDOPS_STORE_WINDOW_H
#define SEEDOPS_STORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINDOW_SIZE = 256 * 1024 };

struct window {
    int fd;
    char *bytes;         /* WINDOW_SIZE; allocated at first use */
    uint64_t start;
    size_t length;
};

/* `length` (<= WINDOW_SIZE) bytes at `offset`; borrows until the next call. NULL with errno when the file
 * does not have them. Backwards: the window is laid so that what comes before is in it too. */
const char *window_at(struct window *w, uint64_t offset, size_t length, bool backwards);
void window_free(struct window *w);

#endif
