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

#endif
