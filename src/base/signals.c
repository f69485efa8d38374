/* signals - one byte a signal into a pipe; SIGSEGV and its kin restore the terminal and die of themselves. */
#include "base/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

static int signal_pipe[2] = {-1, -1};
static void (*restore_terminal)(void), (*restore_settings)(void);

/* Signal and the bit it becomes. */
static const struct { int number; unsigned bit; } noted[] = {
    {SIGTSTP, SIGNAL_SUSPEND}, {SIGCONT, SIGNAL_CONTINUE}, {SIGWINCH, SIGNAL_SIZE}, {SIGHUP, SIGNAL_HANGUP},
    {SIGTERM, SIGNAL_TERMINATE}, {SIGINT, SIGNAL_INTERRUPT},
};
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* Longer than run_console needs to end cleanly. */
enum { GRACE_S = 5, EXIT_CANCELLED = 130 };

/* The main thread did not get there: it hangs in a write to a terminal that takes no more. Nothing can be
 * told to that terminal; its settings can still be put back. */
static void give_up(int number)
{
    (void)number;
    restore_settings();
    _exit(EXIT_CANCELLED);
}

static void note(int number)
{
    if (number == SIGTERM || number == SIGHUP)
        alarm(GRACE_S);
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t ignored = write(signal_pipe[1], &byte, 1);   /* full: as many signals as matter are in it */
    (void)ignored;
    errno = saved;
}

static void crash(int number)
{
    restore_terminal();
    /* SA_RESETHAND gave the default back; it is delivered when this handler returns */
    raise(number);
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void signals_install(void (*restore)(void), void (*settings)(void))
{
    /* a stack overflow has no stack left for its handler */
    static char stack[16384];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    restore_terminal = restore;
    restore_settings = settings;
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        err_abort("no descriptor left for signals");
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++)
        handle(noted[i].number, note, SA_RESTART);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        handle(crashes[i], crash, (int)(SA_RESETHAND | SA_ONSTACK));
    handle(SIGALRM, give_up, 0);
    handle(SIGPIPE, SIG_IGN, 0);
    handle(SIGXFSZ, SIG_IGN, 0);
}

int signals_fd(void) { return signal_pipe[0]; }

unsigned signals_take(void)
{
    unsigned char bytes[256];
    unsigned bits = 0;
    for (ssize_t n; (n = read(signal_pipe[0], bytes, sizeof bytes)) > 0;)
        for (ssize_t i = 0; i < n; i++)
            for (size_t k = 0; k < sizeof noted / sizeof *noted; k++)
                if (noted[k].number == bytes[i])
                    bits |= noted[k].bit;
    return bits;
}

void signals_stop_here(void)
{
    handle(SIGTSTP, SIG_DFL, 0);
    raise(SIGTSTP);
    handle(SIGTSTP, note, SA_RESTART);
}

void signals_ignore_interrupt(int ignore)
{
    handle(SIGINT, ignore ? SIG_IGN : note, SA_RESTART);
}
