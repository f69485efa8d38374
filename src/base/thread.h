/* thread - starting one as this program wants them: signals are the main thread's, stacks are small.
 *
 * Only those of a crash reach every thread: a crash must find its handler, or the terminal stays as curses left it. */
#ifndef SEEDOPS_BASE_THREAD_H
#define SEEDOPS_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
    /* Enough for an operation's own frames, of which errors are the largest. Many threads at once get the small one. */
    THREAD_STACK = 1024 * 1024,
    THREAD_STACK_SMALL = 256 * 1024
};

/* For hundreds of threads that live long: few heaps, so that what one gives back another one takes. Before they start. */
void thread_few_heaps(void);
/* With THREAD_STACK. False: the system has no thread left. */
bool thread_start(pthread_t *thread, void *(*body)(void *), void *argument);
bool thread_start_sized(pthread_t *thread, size_t stack, void *(*body)(void *), void *argument);

/* A condition whose waits end by the monotonic clock: the wall clock may jump, and a wait with it. */
void thread_cond_init(pthread_cond_t *cond);
/* The moment ms from now, for pthread_cond_timedwait on such a one. */
struct timespec thread_deadline(int ms);

#endif
