/* record - the session's journal as the console sees it: opened, written and closed by threads, so that a
 * directory that hangs stops nobody. Lines that come before it is open wait in memory. */
#ifndef SEEDOPS_RUN_RECORD_H
#define SEEDOPS_RUN_RECORD_H

#include <stdbool.h>

#include "journal/write.h"
#include "run/queue.h"

struct record;

/* Begins to open the journal; says how it went by an IN_JOURNAL. `state_dir` NULL is the user's own; with
 * `why_off` nothing is recorded. `quiet`: only trouble is said. The header's texts are copied; user and host are found out here, since asking
 * for them may take a while. */
struct record *record_start(const char *why_off, const char *state_dir, const struct journal_header *header,
                            const struct journal_limits *limits, bool quiet, struct queue *queue);
/* Takes the line. Main thread only. */
void record_line(struct record *record, char *line);
/* The encoded model after the lines so far; takes it. When it is wanted: journal/write.h. */
bool record_wants_checkpoint(struct record *record);
void record_checkpoint(struct record *record, int64_t offset_ms, char *model);
/* What was handed over is on disk, within the time; else it is not recorded. For workers: it waits. */
bool record_flush(struct record *record, int timeout_ms);
/* journal_sum. */
void record_sum(struct record *record, char *summary);
/* journal_place, likewise for workers. */
bool record_place(struct record *record, int timeout_ms, struct journal_place *place);
/* Ends the journal while the session goes on: nothing more is recorded. Main thread; waits for nothing. */
void record_stop(struct record *record);
/* Ends the journal, waiting at most timeout_ms. Gives its last hash in `hash` (65 bytes), "" for none. False: it was
 * left behind, the process must not free it. */
bool record_close(struct record *record, int timeout_ms, char *hash);

#endif
