/* notes - what a reviewer notes, in a file beside the journal: ID.notes.jsonl, or in the state directory where
 * the journal lies in a place that cannot be written. The journal itself stays as it was. */
#ifndef SEEDOPS_REPLAY_NOTES_H
#define SEEDOPS_REPLAY_NOTES_H

#include "replay/marks.h"
#include "replay/source.h"

/* Appends the notes of both places to the marks, each at its moment. Lines that are none are left out. */
void notes_read(const struct source *source, struct marks *marks);
/* Writes one (0600). `where` gets the file's path. */
bool notes_write(const struct source *source, uint64_t n, int64_t at_ms, const char *text, char where[512],
                 struct err *err);

#endif
