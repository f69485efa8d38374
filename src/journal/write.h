/* write - the journal of a session: JSON lines, a hash chain, one write(2) a line, on a thread of its own.
 *
 * Never stops the operator: a full or hanging disk turns the state to failed and is shown. A full disk ends
 * the recording; a hanging one is failed while it hangs, and what was handed over meanwhile is written when
 * it answers. A NULL journal is one that is off: it takes lines and forgets them. */
#ifndef SEEDOPS_JOURNAL_WRITE_H
#define SEEDOPS_JOURNAL_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/caps.h"
#include "journal/header.h"

struct journal;

enum journal_state { JOURNAL_RECORDING, JOURNAL_OFF, JOURNAL_FAILED };

struct journal_options {
    bool announce;                 /* the last hash goes to the system's log, too */
    struct journal_limits limits;
    bool models;                   /* checkpoints come */
    /* Something for the Log (a segment was dropped ...); called on the journal's thread. May be NULL. */
    void (*say)(void *data, const char *level, const char *text);
    void *say_data;
};

/* Makes sessions/YYYYMMDDTHHMMSSmmmZ-PID-RANDOM.jsonl (0600 in 0700) under `state_dir`; `options` NULL:
 * no limits, no checkpoints. On failure (so with "",
 * no state directory) *journal is still given, in state JOURNAL_FAILED with the reason: callers go on. Waits
 * at most half a second. */
bool journal_open(struct journal **journal, const char *state_dir, const struct journal_header *header,
                  const struct journal_options *options, struct err *err);
/* Takes the encoded input (a JSON object without newline, at most 16 MiB; free()d by the journal thread).
 * Never blocks: when the queue of 64 MiB is full the line is dropped and the state becomes failed. */
void journal_line(struct journal *journal, char *line);
/* The encoded model after the lines handed over so far (a JSON object without newline; free()d likewise), and
 * its time. One that is too large is left out. */
void journal_checkpoint_line(struct journal *journal, int64_t offset_ms, char *model);
/* True when the lines since the last one are more than 8 times its size, or a new segment is due. */
bool journal_wants_checkpoint(struct journal *journal);
/* Waits until everything handed over so far is on disk (fdatasync), at most timeout_ms. Before a write.
 * True for a journal that is off: nothing is missing from it. */
bool journal_flush(struct journal *journal, int timeout_ms);
/* Starts bringing what was handed over so far to the disk, if a write was waited for before; waits for nothing itself.
 * After what a write came to. */
void journal_hasten(struct journal *journal);
/* Where the record stands, for who keeps it outside of the journal: the last line on disk. */
struct journal_place {
    char session[96];
    uint64_t inputs;
    char hash[65];
};
/* Waits as journal_flush does. False (also for a journal that is off): nothing is known to be on disk. */
bool journal_place(struct journal *journal, int timeout_ms, struct journal_place *place);
enum journal_state journal_state(const struct journal *journal);
/* Waits until the state is no longer `seen`, or journal_wake was called; gives the state. For a thread that has
 * nothing else to do; sleeps without a time-out while the disk has nothing to answer. */
enum journal_state journal_wait_change(struct journal *journal, enum journal_state seen);
void journal_wake(struct journal *journal);
const char *journal_path(const struct journal *journal);      /* of the first segment */
const char *journal_failure(const struct journal *journal);   /* "" while recording */
/* Gives the summary that the end line will hold: a JSON object (free()d by the journal). Replaces the last one. */
void journal_sum(struct journal *journal, char *summary);
/* Writes the end line, closes; of a session with a journal_flush everything before the end line is on disk then, and
 * with `hash` the end line, too (it waits at most 2 s). Gives the final chain hash in `hash` (65 bytes) if not NULL; ""
 * when the end could not be written. */
void journal_close(struct journal *journal, char *hash);

#endif
