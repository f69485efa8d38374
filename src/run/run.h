/* run - the console: terminal, queue, workers, journal around the pure heart. */
#ifndef SEEDOPS_RUN_RUN_H
#define SEEDOPS_RUN_RUN_H

#include "config/settings.h"

struct run_options {
    struct settings *settings;
    const char *environment;    /* NULL: the environment list */
    int dump_columns, dump_rows;/* > 0: draw that screen as text on stdout once settled, and leave */
    const char *dump_screen;    /* "overview" (NULL), "migrations" ... */
    const char *color;          /* auto always never */
};

/* The screens that --screen may name: whether `name` is one, and all of them for a message. */
bool run_screen_known(const char *name);
const char *run_screen_names(void);
/* Returns the exit code. */
int run_console(const struct run_options *options);

#endif
