/* file - a journal for walking around in: any input by its number, the nearest checkpoint before it, the
 * segments of a rotated session joined. Written by no friend: sizes are bounded, nothing in it is believed
 * that is not checked, and reading stops before the first line that is none.
 *
 * Opening looks at the form of every line (100 MB take about 50 ms) and parses none; memory is 16 bytes for
 * every sixteenth input. The chain is not checked: journal_file_verify() does that, on a thread if need be.
 * A file that is still being written is read as it was when it was opened. One thread uses a journal_file,
 * but for journal_file_verify. */
#ifndef SEEDOPS_JOURNAL_FILE_H
#define SEEDOPS_JOURNAL_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/header.h"
#include "journal/read.h"

struct journal_file;

struct journal_facts {
    uint64_t first, last;      /* the numbers of the inputs that can be read; last < first: none. `first` is over
                                * 1 when older segments were dropped, or are not beside the file */
    int64_t duration_ms;       /* offset of the last input */
    size_t segments, checkpoints;
    int dropped;               /* segments that the caps took away */
    uint64_t unknown;          /* lines of kinds that this seedops cannot show */
    bool newer;                /* the journal's format is newer than this seedops knows */
    enum journal_end end;
    char failure[256];         /* why recording stopped before the session did; "" */
    char hash[HASH_HEX];       /* in the tail of the last line that was read */
    bool damaged;              /* reading stops at `problem`: what is before it can be shown */
    struct err problem;
};

/* Opens the session that the file at `path` belongs to: its segments are found beside it by their names, never
 * by anything written in it. */
bool journal_file_open(struct journal_file **file, const char *path, struct err *err);
/* The same over bytes in memory, which must outlive it: a session of one segment. */
bool journal_file_bytes(struct journal_file **file, const char *name, const char *bytes, size_t length,
                        struct err *err);
void journal_file_close(struct journal_file *file);   /* NULL is fine */

/* Borrowed until close. The header is that of the first segment there is. */
const struct journal_header *journal_file_header(const struct journal_file *file);
const struct journal_facts *journal_file_facts(const struct journal_file *file);

/* Input n as it was handed to journal_line: not parsed yet (a forged one may hold a NUL of its own), ended by a NUL,
 * borrowed until the next call on `file`. Numbers in ascending order are read in passing. */
bool journal_file_input(struct journal_file *file, uint64_t n, const char **input, size_t *length, struct err *err);
/* The last input at or before that time, first - 1: none. */
uint64_t journal_file_at(struct journal_file *file, int64_t offset_ms);
/* Its offset_ms as the line says; 0 when it does not. */
int64_t journal_file_offset(struct journal_file *file, uint64_t n);

/* The model after the last checkpoint at or before input n: *model its JSON (borrowed until the next call),
 * *at the number of the input it stands after. *model NULL: there is none, begin with an empty model and input
 * first (*at = first - 1). */
bool journal_file_checkpoint(struct journal_file *file, uint64_t n, uint64_t *at, const char **model,
                             size_t *length, struct err *err);
/* The input that checkpoint i (from 0) stands after. */
uint64_t journal_file_checkpoint_at(const struct journal_file *file, size_t i);

/* Checks the whole chain, segment by segment, and that they belong together. May run on another thread while
 * the file is used; ends soon after *cancel (may be NULL) turns true, as ERR_CANCELLED. *done (may be NULL)
 * counts inputs. False names the first bad line. */
bool journal_file_verify(const struct journal_file *file, const atomic_bool *cancel, atomic_uint_fast64_t *done,
                         struct journal_summary *summary, struct err *err);

#endif
