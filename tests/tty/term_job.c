/* term_job - the program as a job of a small shell, and what it writes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "term.h"

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct report { char what; pid_t program; int status; };   /* p: its id, s: stopped, e: ended */

static void say(int fd, char what, pid_t program, int status)
{
    struct report report = {what, program, status};
    ssize_t ignored = write(fd, &report, sizeof report);
    (void)ignored;
}

static void run_program(void)
{
    pid_t self = getpid();
    setpgid(self, self);
    tcsetpgrp(STDIN_FILENO, self);
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(t.argv[0], t.argv);
    fprintf(stderr, "%s: %s\n", t.argv[0], strerror(errno));
    _exit(127);
}

/* What an interactive shell does for one job: the terminal goes to it, and back when it stops. */
static _Noreturn void lead(int reports)
{
    signal(SIGTTOU, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGUSR1);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    pid_t program = fork();
    if (program == 0)
        run_program();
    setpgid(program, program);
    tcsetpgrp(STDIN_FILENO, program);
    say(reports, 'p', program, 0);
    for (;;) {
        int number, status;
        sigwait(&awaited, &number);
        if (number == SIGUSR1) {
            tcsetpgrp(STDIN_FILENO, program);
            kill(-program, SIGCONT);
        }
        while (waitpid(program, &status, WUNTRACED | WNOHANG) == program) {
            if (!WIFSTOPPED(status)) {
                say(reports, 'e', program, status);
                for (;;)     /* the terminal stays open to be looked at; the driver's end is ours */
                    pause();
            }
            tcsetpgrp(STDIN_FILENO, getpgrp());
            say(reports, 's', program, status);
        }
    }
}

void start(void)
{
    struct winsize size = {.ws_row = (unsigned short)t.rows, .ws_col = (unsigned short)t.columns};
    int pipe_fds[2];
    make_screen();
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        fail("pipe: %s", strerror(errno));
    t.leader = forkpty(&t.master, NULL, NULL, &size);
    if (t.leader < 0)
        fail("forkpty: %s", strerror(errno));
    if (t.leader == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        lead(pipe_fds[1]);
    }
    close(pipe_fds[1]);
    fcntl(t.master, F_SETFD, FD_CLOEXEC);
    t.reports = pipe_fds[0];
    struct report report;
    if (read(t.reports, &report, sizeof report) != sizeof report)
        fail("the program could not be started");
    t.program = report.program;
}

/* How many bytes at the end begin a character that is not whole yet. */
static size_t incomplete(const char *bytes, size_t length)
{
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        unsigned char c = (unsigned char)bytes[length - back];
        if ((c & 0xc0) != 0x80)
            return c >= 0xc0 && back < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) ? back : 0;
    }
    return 0;
}

static void take_output(const char *bytes, size_t length)
{
    if (t.output_length + length + 1 > t.output_capacity) {
        t.output_capacity = (t.output_length + length + 1) * 2;
        t.output = realloc(t.output, t.output_capacity);
    }
    memcpy(t.output + t.output_length, bytes, length);
    t.output_length += length;
    t.output[t.output_length] = '\0';
    /* libvterm forgets how a character began where an escape sequence follows the rest of it */
    size_t whole = t.output_length - incomplete(t.output, t.output_length);
    vterm_input_write(t.vterm, t.output + t.shown_length, whole - t.shown_length);
    t.shown_length = whole;
    vterm_screen_flush_damage(t.screen);
}

void step(int ms)
{
    struct pollfd fds[] = {{.fd = t.deaf ? -1 : t.master, .events = POLLIN},
                           {.fd = t.reports, .events = POLLIN}};
    if (poll(fds, 2, ms) <= 0)
        return;
    if (fds[0].revents) {
        char bytes[65536];
        ssize_t n = read(t.master, bytes, sizeof bytes);
        if (n > 0) {
            take_output(bytes, (size_t)n);
        } else if (n < 0 && errno == EIO) {   /* nobody has it open any more */
            close(t.master);
            t.master = -1;
        }
    } else if (fds[1].revents) {              /* only once all output before it is taken */
        struct report report;
        if (read(t.reports, &report, sizeof report) != sizeof report) {
            close(t.reports);
            t.reports = -1;
        } else if (report.what == 's') {
            t.stopped = true;
        } else {
            t.ended = true;
            t.status = report.status;
        }
    }
}

void settle(void)
{
    for (size_t before = SIZE_MAX; before != t.output_length;) {
        before = t.output_length;
        step(0);
    }
}

void wait_until(bool (*holds)(const char *argument), const char *argument, const char *complaint)
{
    int64_t end = now_ms() + t.timeout_ms;
    while (!holds(argument)) {
        int64_t left = end - now_ms();
        if (left <= 0)
            fail("%s within %d ms", complaint, t.timeout_ms);
        if (t.ended) {
            settle();
            if (holds(argument))
                return;
            fail("%s, and the program has ended", complaint);
        }
        step((int)left);
    }
}
