/* spool - records in the order they came, in memory while they are few, else in an unlinked temporary file. */
#ifndef SEEDOPS_DIFF_SPOOL_H
#define SEEDOPS_DIFF_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct spool {
    struct str memory;       /* records not yet written out */
    size_t limit;            /* bytes kept in memory before they are written; 0: 256 KiB */
    int fd;                  /* valid when spilled */
    bool spilled;
    uint64_t count;
    uint64_t written, at;    /* bytes in the file; where reading stands (file, then memory) */
    struct str page;         /* what was read from the file */
    size_t page_at;
};

/* A zeroed struct is an empty spool. */
bool spool_add(struct spool *s, const void *bytes, size_t length, struct err *err);
/* Reading starts over; nothing may be added between this and the last spool_next. */
void spool_rewind(struct spool *s);
/* *bytes NULL: the end. They borrow until the next call. */
bool spool_next(struct spool *s, const char **bytes, size_t *length, struct err *err);
void spool_free(struct spool *s);

/* write and pread that go on after short counts and EINTR. */
bool spool_write_all(int fd, const char *bytes, size_t length, struct err *err);
bool spool_read_all(int fd, char *bytes, size_t length, uint64_t at, struct err *err);

#endif
