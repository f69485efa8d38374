/* spawn - run a helper command (password_command, migrations.before, git rev-parse). */
#ifndef SEEDOPS_BASE_SPAWN_H
#define SEEDOPS_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct spawn_options {
    const char *const *argv;   /* NULL-terminated; or */
    const char *shell;         /* a line for /bin/sh -c */
    const char *directory;     /* NULL: ours */
    int timeout_ms;            /* <= 0: none */
    size_t output_limit;       /* bytes of stdout kept; more is an error */
    int cancel_fd;             /* readable: stop; -1: none */
    const char *input;         /* what it reads on its standard input; NULL: /dev/null */
};

/* Runs without a controlling terminal, signals unblocked, our other descriptors
 * closed. Appends stdout to *out; *status is the exit status (128 + n for signal n, -1 if it was not run to
 * its end). False unless it is 0; `why` is then the first line of stderr. Whatever it left running is
 * ended. */
bool spawn_run(const struct spawn_options *options, struct str *out, int *status, struct err *err);

/* A helper that goes on: its input and output are a socket, its standard error is kept. */
struct spawned;
/* `line` for /bin/sh, started as above. *io is our end of the socket: given. */
bool spawn_start(struct spawned **spawned, const char *line, int *io, struct err *err);
/* The last line that it wrote to standard error; false: none. */
bool spawn_complaint(struct spawned *spawned, char *out, size_t size);
/* Ends it and what it started, within half a second. NULL is fine. */
void spawn_stop(struct spawned *spawned);

#endif
