/* thread - pthread_create with what every long-lived thread of ours wants. */
#include "base/thread.h"

#include <signal.h>

/* Enough for an operation's own frames, of which errors are the largest; sanitizers make frames bigger. */
enum { STACK_BYTES = 1024 * 1024 };

bool thread_start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    /* a crash in a thread must reach its handler, or the terminal stays as curses left it */
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t blocked, old;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigdelset(&blocked, crashes[i]);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &blocked, &old);
    int failed = pthread_create(thread, &attributes, body, argument);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}
