/* file - whole files, atomic writes, directories of state. */
#ifndef SEEDOPS_BASE_FILE_H
#define SEEDOPS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads a regular file of at most `limit` bytes; gives a NUL-terminated buffer to free(). */
bool file_read(const char *path, size_t limit, char **bytes, size_t *length, struct err *err);
/* Writes through a temporary file, fsync and rename; the directory must exist. */
bool file_write_atomic(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err);
/* Opens (0600) and locks a file whose content does not matter, waiting at most timeout_ms for another holder. Gives a
 * descriptor: closing it unlocks. */
bool file_lock(const char *path, int timeout_ms, int *fd, struct err *err);
/* mkdir -p with `mode` for the directories it makes. */
bool file_make_dirs(const char *path, mode_t mode, struct err *err);
/* An unlinked file of mode 0600 for row sets; gives a descriptor (close-on-exec). TMPDIR, else /tmp. */
bool file_temporary(int *fd, struct err *err);
/* Our own home: HOME counts only if our uid owns it (sudo), else the password database's. False without any. */
bool file_home(char *out, size_t size);
/* ${XDG_STATE_HOME:-~/.local/state}/seedops into out. False without any: callers go on and say what is not
 * recorded. */
bool file_state_dir(char *out, size_t size, struct err *err);
/* ${XDG_CONFIG_HOME:-~/.config}/seedops, by the same rule. */
bool file_config_dir(char *out, size_t size, struct err *err);
/* The path of what is kept about one environment of one configuration: KIND/HASH.json below the state directory.
 * Makes nothing. */
bool file_note_path(const char *kind, const char *config, const char *environment, char *out, size_t size,
                    struct err *err);
/* Joins with exactly one slash; an absolute `name` stands alone. */
char *file_join(const char *dir, const char *name);   /* gives: free() */
char *file_dirname(const char *path);                 /* gives: free() */

#endif
