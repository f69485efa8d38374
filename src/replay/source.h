/* source - a recorded session as a numbered list of inputs: the one file of this room that reads a journal.
 *
 * Opening looks over the file once and keeps where each line is, when it came and what kind it is; inputs are
 * read again when they are wanted, so memory grows with the number of lines and not with their length. What
 * is in the file was written by no friend: a line that is broken ends what can be shown, and is named; a kind
 * of input that this seedops does not know is stepped over, and counted. */
#ifndef SEEDOPS_REPLAY_SOURCE_H
#define SEEDOPS_REPLAY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/app.h"
#include "journal/read.h"

struct source;

/* When each input came, by its number; inputs are numbered from 1, number 0 is the moment before the first. */
struct timeline {
    uint64_t count;
    const int64_t *offset_ms;        /* [1..count], never falling */
};
/* The last input at or before `ms`; 0: none. */
uint64_t timeline_at(const struct timeline *t, int64_t ms);
int64_t timeline_offset(const struct timeline *t, uint64_t n);   /* 0 for n = 0 */
int64_t timeline_length(const struct timeline *t);               /* offset of the last input */

bool source_open(struct source **source, const char *path, struct err *err);
/* The same over bytes in memory, which must outlive the source; `name` is for messages. */
bool source_bytes(struct source **source, const char *name, const char *bytes, size_t length, struct err *err);
void source_close(struct source *source);

const char *source_name(const struct source *source);
const struct journal_header *source_header(const struct source *source);
const struct timeline *source_timeline(const struct source *source);
/* Inputs of the session that came before what is left of its file: input 1 here is input before + 1 there. */
uint64_t source_before(const struct source *source);
/* IN_KIND_COUNT: a kind that is not known here. */
enum input_kind source_kind(const struct source *source, uint64_t n);
size_t source_length(const struct source *source, uint64_t n);   /* of the line, in bytes */
/* Input n (given; input_free), with its offset as the timeline has it. NULL and err: it cannot be read. */
struct input *source_input(struct source *source, uint64_t n, struct err *err);
/* The line as it stands in the file, NUL-terminated; borrows until the next call. NULL: cannot be read. */
const char *source_line(struct source *source, uint64_t n, size_t *length);

/* Pages and stores, in order: where the rows of a store were recorded. */
struct source_rows {
    uint64_t n;                      /* the input */
    uint64_t store;
    int64_t first;                   /* of a page; -1: the line announces the store */
};
const struct source_rows *source_rows(const struct source *source, size_t *count);

/* The newest checkpoint at or before n, decoded: the model after input *at (given; model_free). NULL: none. */
struct model *source_checkpoint(struct source *source, uint64_t n, uint64_t *at);
/* Where the newest one at or before n is, without reading it; 0: none. */
uint64_t source_checkpoint_at(const struct source *source, uint64_t n);

/* What is wrong with the file, as one sentence with its line; "" nothing. */
const char *source_problem(const struct source *source);
uint64_t source_unknown(const struct source *source);            /* inputs of kinds not known here */
bool source_newer(const struct source *source);                  /* written by a newer seedops */
int source_dropped(const struct source *source);                 /* segments that were dropped before these */
enum journal_end source_end(const struct source *source);
const char *source_failure(const struct source *source);         /* why recording stopped; "" it did not */
const char *source_hash(const struct source *source);            /* of its last line */

enum source_chain { CHAIN_UNCHECKED, CHAIN_WHOLE, CHAIN_BROKEN };
/* Checks the hash chain here and now. */
enum source_chain source_check(struct source *source, const struct err **err);
/* Starts checking the hash chain, on a thread; later calls change nothing. And how far that is. */
void source_verify(struct source *source);
/* *err: what is wrong with a broken one, else NULL; borrows until close. */
enum source_chain source_chain(const struct source *source, const struct err **err);

#endif
