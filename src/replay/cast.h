/* cast - a session as an asciicast (version 2 or 3), for people without this tool: of any size, with its marks.
 * The same journal and size give the same bytes. */
#ifndef SEEDOPS_REPLAY_CAST_H
#define SEEDOPS_REPLAY_CAST_H

#include "replay/source.h"

struct str;

/* Columns and rows 0: as it was recorded. `write` takes the lines as they come; false ends it. */
bool cast_write(struct source *source, int version, int columns, int rows,
                bool (*write)(void *to, const struct str *line), void *to);

#endif
