/* read - a journal from disk, line by line, with its chain checked. Written by no friend: every byte is
 * checked, and whatever is wrong is said with the line it is on. */
#ifndef SEEDOPS_JOURNAL_READ_H
#define SEEDOPS_JOURNAL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "journal/header.h"

struct journal_reader;

enum journal_end {
    JOURNAL_END_CLOSED,   /* by its end line */
    JOURNAL_END_CONTINUED,/* in the next segment */
    JOURNAL_END_OPEN,     /* after a whole line: the session still runs, or was killed */
    JOURNAL_END_CUT       /* in the middle of a line: killed, or the disk was full */
};

struct journal_summary {
    uint64_t lines;           /* the number of the last input */
    uint64_t checkpoints;
    uint64_t unknown;         /* lines of kinds that are not known here, in a journal of a newer format */
    enum journal_end end;
    unsigned line;            /* where reading ended, in the last file: of the end, or of the line that is not there */
    char hash[HASH_HEX];      /* of the last whole line */
    char failure[256];        /* why recording stopped before the session did, from the end line; "" */
};

/* Opens and checks the header. */
bool journal_read_open(struct journal_reader **reader, const char *path, struct err *err);
/* The same from a descriptor, which is read by place and stays the caller's. */
bool journal_read_fd(struct journal_reader **reader, const char *name, int fd, struct err *err);
/* Opens a regular file for reading; whatever else it is, nothing waits for it. */
bool journal_open_read(int *fd, const char *path, struct err *err);
/* The same over bytes in memory, which must outlive the reader; `name` is for messages. */
bool journal_read_bytes(struct journal_reader **reader, const char *name, const char *bytes, size_t length,
                        struct err *err);
/* Borrows until close. Texts that were absent are "". */
const struct journal_header *journal_read_header(const struct journal_reader *reader);
/* The next input as it was handed to journal_line (borrows until the next call; NUL-terminated). *input
 * NULL: the end. False with the line in err->at when the chain is broken or the line is not one of a
 * journal. */
bool journal_read_next(struct journal_reader *reader, const char **input, size_t *length, struct err *err);
/* What was read so far; `end` holds once *input was NULL. */
void journal_read_summary(const struct journal_reader *reader, struct journal_summary *summary);
void journal_read_close(struct journal_reader *reader);

/* Reads all of it; false names the first bad line. */
bool journal_verify(const char *path, struct journal_summary *summary, struct err *err);

#endif
