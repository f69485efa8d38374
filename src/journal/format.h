/* format - what writer and readers of a journal agree on.
 *
 *     {"journal":2,"seedops":"0.1.0",...,"hash":"H0"}                      the header (header.h)
 *     {"n":1,"in":{...},"hash":"H1"}                                       input 1
 *     {"n":1,"checkpoint":{"offset_ms":9,"segment":1,"previous":-1,"model":{...}},"hash":"H2"}
 *     {"n":2,"end":{"lines":1,"summary":{...}},"hash":"H3"}                the end, unless the session was killed
 *
 * Inputs are numbered from 1 without a gap; every other line but the end carries the number of the input
 * before it. A line's hash is the SHA-256 of the hash before it (as 64 digits; none before the header) and of
 * the line's own bytes up to the comma before "hash". Lines have exactly this form: what is inside "in" and
 * "model" is copied, not rewritten.
 *
 * A checkpoint is the model after input n, at offset_ms of that input; `segment` and `previous` are where the
 * checkpoint before it begins (byte in that segment's file), -1: there is none.
 *
 * A long session has several files, its segments: ID.jsonl, ID.2.jsonl ... Each is a journal by itself. The
 * header of a later one names how many inputs came before it and the last hash of the one before it; the first
 * line after it is a checkpoint, if the session has a model. Only the last one has an end; those before it end
 * with {"n":N,"next":{"segment":K},...}. The oldest segments may have been dropped (caps): the headers of those
 * written after say how many.
 *
 * Format 1 had neither checkpoints nor segments, and is read. In a format newer than ours lines of unknown
 * kinds are skipped and counted; in ours they are damage. */
#ifndef SEEDOPS_JOURNAL_FORMAT_H
#define SEEDOPS_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

enum {
    JOURNAL_FORMAT = 2,
    JOURNAL_LINE_MAX = 16 * 1024 * 1024,
    /* bytes from that comma on */
    JOURNAL_TAIL = sizeof(",\"hash\":\"") - 1 + HASH_HEX - 1 + sizeof("\"}") - 1
};

/* Moves the chain on by the `length` bytes of a line without its tail. "" is the chain's beginning. */
void journal_chain(char hash[HASH_HEX], const char *bytes, size_t length);

/* The 64 digits in the tail of a line (without its newline), or NULL: it has no such tail. */
const char *journal_tail(const char *line, size_t length);

enum journal_kind { JOURNAL_INPUT, JOURNAL_CHECKPOINT, JOURNAL_END, JOURNAL_NEXT, JOURNAL_UNKNOWN };

struct journal_frame {
    enum journal_kind kind;
    uint64_t n;
    size_t at, length;   /* the object under the kind's name, within the line */
};

/* Takes a line (without its tail) apart by its form alone, in constant time; the object in it is not looked
 * into. False: no line of a journal after the header. */
bool journal_frame(const char *line, size_t length, struct journal_frame *frame);

struct journal_checkpoint {
    int64_t offset_ms;
    int64_t segment, previous;
    size_t model, model_length;   /* within the object */
};
/* The same for the object of a checkpoint. */
bool journal_checkpoint(const char *object, size_t length, struct journal_checkpoint *checkpoint);
/* The offset_ms of an input as input_encode() puts it, 0: none. A hint: the bytes are not parsed. */
int64_t journal_offset(const char *input, size_t length);

#endif
