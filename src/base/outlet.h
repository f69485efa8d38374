/* outlet - bytes for a descriptor that may take none for a while: a terminal behind a bad link, or one that was stopped.
 *
 * Whoever writes into outlet_fd() does not wait: a thread of the outlet's own carries the bytes on, and is the one that
 * waits. What is written while the outlet is behind fills a pipe of a MiB; whoever looks at outlet_behind() before
 * each frame never fills it. */
#ifndef SEEDOPS_BASE_OUTLET_H
#define SEEDOPS_BASE_OUTLET_H

#include <stdbool.h>

struct outlet;

/* Borrows `fd` until outlet_close. NULL: the system has no descriptor or thread left. */
struct outlet *outlet_open(int fd);
int outlet_fd(const struct outlet *outlet);        /* to write into; borrowed */
/* True while something written has not been taken yet. */
bool outlet_behind(struct outlet *outlet);
/* Readable once everything was taken; outlet_behind() takes the notice back. */
int outlet_taken_fd(const struct outlet *outlet);
/* Waits until everything was taken, at most `ms`; false: it was not. */
bool outlet_drain(struct outlet *outlet, int ms);
/* Takes it (NULL is fine). A thread that still waits for the descriptor is left behind with what it has: it ends
 * with the process. */
void outlet_close(struct outlet *outlet);

#endif
