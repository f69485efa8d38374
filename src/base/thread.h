/* thread - a thread that lives long: workers, the recorder, a tunnel. */
#ifndef SEEDOPS_BASE_THREAD_H
#define SEEDOPS_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* All signals blocked but those of a crash, small stack. False: the system has no thread left. */
bool thread_start(pthread_t *thread, void *(*body)(void *), void *argument);

#endif
