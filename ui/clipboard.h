/* clipboard - text for the terminal's clipboard as an OSC 52 sequence: works over SSH and inside tmux. */
#ifndef SEEDOPS_UI_CLIPBOARD_H
#define SEEDOPS_UI_CLIPBOARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* What terminals take: xterm's buffer, in base64 characters. */
enum { CLIPBOARD_LIMIT = 74994 };

/* Appends the sequence to `out`; `tmux` wraps it so that tmux passes it on. Refuses what is too long. */
bool clipboard_sequence(struct str *out, const char *text, size_t length, bool tmux, struct err *err);

#endif
