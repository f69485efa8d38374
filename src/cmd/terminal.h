/* terminal - a command's use of the terminal device: questions, and one line of progress. */
#ifndef SEEDOPS_CMD_TERMINAL_H
#define SEEDOPS_CMD_TERMINAL_H

#include "op/ctx.h"

/* On /dev/tty, never stdin, until cancel_fd is readable. Without a terminal: an error that names the option. */
bool terminal_ask(const struct question *question, int cancel_fd, struct answer *answer, struct err *err);
/* One line on stderr, overwritten in place; nothing when stderr is no terminal or under a second has passed. */
void terminal_progress(const char *what, int64_t done, int64_t total, int64_t rate);
void terminal_progress_end(void);

#endif
