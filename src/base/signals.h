/* signals - handlers that only write a byte to a pipe, and a crash that leaves the terminal usable. */
#ifndef SEEDOPS_BASE_SIGNALS_H
#define SEEDOPS_BASE_SIGNALS_H

enum {
    SIGNAL_SUSPEND = 1, SIGNAL_CONTINUE = 2, SIGNAL_SIZE = 4, SIGNAL_HANGUP = 8, SIGNAL_TERMINATE = 16,
    SIGNAL_INTERRUPT = 32
};

/* Once, before curses and before any thread. Both are async-signal-safe: `restore` writes to the terminal and
 * puts its settings back, `settings` does the latter only. */
void signals_install(void (*restore)(void), void (*settings)(void));
int signals_fd(void);                 /* readable when one came */
unsigned signals_take(void);          /* SIGNAL_* bits since the last call */
/* Stops the process as SIGTSTP does by itself; returns when it goes on. */
void signals_stop_here(void);
/* While an editor has the terminal its interrupts are not ours. */
void signals_ignore_interrupt(int ignore);

#endif
