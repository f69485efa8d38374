/* terminal - paints a grid, reads events, leaves the terminal as it was found, whatever happens. curses.c
 * implements it, the one file that knows ncurses; named so that nobody's <curses.h> finds this header. There
 * is one terminal a process. */
#ifndef SEEDOPS_UI_TERMINAL_H
#define SEEDOPS_UI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "grid.h"
#include "keys.h"

struct terminal;

/* LC_CTYPE from the environment, C.UTF-8 if that is not UTF-8. False: neither is, draw ASCII only. */
bool terminal_locale(void);
/* `color`: auto always never (NULL is auto: NO_COLOR counts). Signal handlers must be in place already:
 * curses installs its own where it finds the default. Refuses what is no terminal, an unknown TERM and one
 * that cannot place its cursor. */
bool terminal_open(struct terminal **terminal, const char *color, bool utf8, struct err *err);
void terminal_close(struct terminal *terminal);   /* NULL is fine; takes it */

void terminal_size(const struct terminal *terminal, int *columns, int *rows);
/* Asks the kernel for the size and takes it; false when it is what it was. */
bool terminal_resize(struct terminal *terminal);
/* True once the terminal has taken all that was painted: the time for the next frame. Behind a bad link that may be long;
 * a frame that does not wait for it piles up in memory, and in front of everything that follows. */
bool terminal_ready(struct terminal *terminal);
/* After terminal_ready() said no: readable when it is worth asking again; else -1. Borrowed. */
int terminal_taken_fd(const struct terminal *terminal);
/* Paints what differs from the last grid painted. A grid of another size is cut or padded. */
void terminal_draw(struct terminal *terminal, const struct grid *grid);
/* Forgets what is on the screen: the next draw paints all of it. */
void terminal_repaint(struct terminal *terminal);
void terminal_bell(struct terminal *terminal);
bool terminal_copy(struct terminal *terminal, const char *text, struct err *err);

/* Gives the screen back to the shell, and takes it again (suspend, an editor). */
void terminal_suspend(struct terminal *terminal);
void terminal_resume(struct terminal *terminal);

int terminal_fd(const struct terminal *terminal);
/* Reads what is there; false when the terminal is gone. Call it when poll says so: it does not wait then. */
bool terminal_read(struct terminal *terminal, int64_t now_ms);
bool terminal_event(struct terminal *terminal, int64_t now_ms, struct key_event *event);
int64_t terminal_deadline(const struct terminal *terminal);

/* For crash handlers: async-signal-safe, needs nothing, may be called at any time and more than once. */
void terminal_restore_now(void);
/* The same without a byte to the terminal, which may take none. */
void terminal_restore_settings(void);

#endif
