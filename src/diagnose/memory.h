/* memory - the note of the last healthy visit to an environment: ${XDG_STATE_HOME}/seedops/healthy/KEY.json.
 *
 * One file an environment, mode 0600, replaced whole by rename: two consoles at once leave the newer note or the older,
 * never half of each, so no lock is needed. Which databases environments are at all is known_databases' (config/pins):
 * that file guards writes and is strict; this one only makes verdicts surer, and a broken one is as good as none. */
#ifndef SEEDOPS_DIAGNOSE_MEMORY_H
#define SEEDOPS_DIAGNOSE_MEMORY_H

#include "base/err.h"
#include "base/str.h"
#include "diagnose/evidence.h"

struct memory_key { const char *config, *environment; };   /* as known_databases names them */

/* Gives the note; seen->healthy_ms 0 when there is none. Texts live in `arena`. False when it cannot be read. */
bool memory_read(const struct memory_key *key, struct arena *arena, struct seen *seen, struct err *err);
/* Replaces the note, unless the one there says the same and is younger than `fresh_ms`. */
bool memory_write(const struct memory_key *key, const struct seen *seen, int64_t fresh_ms, struct err *err);

/* The two halves, of bytes. */
bool memory_parse(const char *bytes, size_t length, struct arena *arena, struct seen *seen, struct err *err);
void memory_format(const struct memory_key *key, const struct seen *seen, struct str *out);

#endif
