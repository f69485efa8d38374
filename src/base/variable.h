/* variable - what an environment variable says: itself, or the file that NAME_FILE names, as containers have their
 * secrets, or a credential of that name from systemd. Empty counts as not set, wherever it stands. */
#ifndef SEEDOPS_BASE_VARIABLE_H
#define SEEDOPS_BASE_VARIABLE_H

#include "base/err.h"
#include "base/str.h"

enum variable_state {
    VARIABLE_SET,
    VARIABLE_UNSET,
    VARIABLE_EMPTY,       /* set to the empty string */
    VARIABLE_EMPTY_FILE,  /* there is a file for it, without a text */
    VARIABLE_BROKEN       /* a file is named and cannot be read: `err` (ERR_CONFIG) says which */
};

/* Appends the text to `out` when it is set; a file's without the line end it has. `getenv_fn` NULL: getenv. */
enum variable_state variable_read(const char *(*getenv_fn)(const char *), const char *name, struct str *out,
                                  struct err *err);
/* For a message about one that has no text: "NAME is ..." */
const char *variable_lack(enum variable_state state);

#endif
