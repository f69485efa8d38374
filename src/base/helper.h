/* helper - a blocking call (libc's or a library's) on a detached thread, watched through a descriptor. */
#ifndef SEEDOPS_BASE_HELPER_H
#define SEEDOPS_BASE_HELPER_H

#include <stdbool.h>

struct helper;
/* Runs run(job) on a detached thread with all signals blocked; drop(job) once both sides are done with it. */
bool helper_start(struct helper **helper, void (*run)(void *job), void (*drop)(void *job), void *job);
int helper_fd(const struct helper *helper);    /* readable when run() has returned */
bool helper_finished(const struct helper *helper);   /* run() has returned, its results may be read */
void helper_release(struct helper *helper);    /* lets go; the thread ends by itself. NULL is fine */

#endif
