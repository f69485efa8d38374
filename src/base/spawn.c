/* spawn - fork, exec, and a loop that ends by itself: at the end, the deadline, the limit or a cancel. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

enum { STDERR_KEPT = 4096, GRACE_MS = 500, LONGEST_TICK_MS = 50 };

struct child {
    pid_t pid;
    int out, err;        /* our ends; -1 once at their end */
    int64_t deadline;    /* 0: none */
    struct str complaint;
    bool exited;         /* but not reaped yet: its group's number is still its own */
};

struct ends {
    int in, out, err, report;
    int highest;         /* where no close_range exists */
};

static void close_from(int first, int highest)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0)
        return;
#endif
    for (int fd = first; fd < highest; fd++)
        close(fd);
}

/* Between fork and exec other threads' locks may be held for ever: only async-signal-safe calls here. */
static _Noreturn void become(const struct spawn_options *options, char *const *argv, const struct ends *ends)
{
    sigset_t none;
    setsid();
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int report = fcntl(ends->report, F_DUPFD_CLOEXEC, 3);
    if (report >= 0 && dup2(ends->in, 0) >= 0 && dup2(ends->out, 1) >= 0 && dup2(ends->err, 2) >= 0) {
        if (report != 3) {
            dup2(report, 3);
            fcntl(3, F_SETFD, FD_CLOEXEC);
        }
        close_from(4, ends->highest);
        report = 3;
        if (!options->directory || chdir(options->directory) == 0)
            execvp(argv[0], argv);
    }
    int reason = errno;
    ssize_t ignored = write(report, &reason, sizeof reason);
    (void)ignored;
    _exit(127);
}

/* The command's first word: the rest may hold what should not be shown. */
static void name_of(const struct spawn_options *options, char *out, size_t size)
{
    const char *text = options->argv ? options->argv[0] : options->shell;
    size_t length = options->argv ? strlen(text) : strcspn(text, " \t\n");
    char *word = xstrndup(text, length);
    text_visible_buf(out, size, word);
    free(word);
}

/* A file rather than a pipe: the command may read it whenever it likes, all of it or none. */
static int open_input(const char *input)
{
    int fd;
    if (!input)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
#ifdef MFD_CLOEXEC
    fd = memfd_create("seedops", MFD_CLOEXEC);
#else
    if (!file_temporary(&fd, NULL))
        return -1;
#endif
    size_t length = strlen(input), done = 0;
    while (fd >= 0 && done < length) {
        ssize_t put = write(fd, input + done, length - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)put;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Both ends of standard output and error, and what is read from. */
static bool open_short(const char *input, int *p)
{
    p[0] = open_input(input);
    return p[0] >= 0 && pipe2(p + 1, O_CLOEXEC) == 0 && pipe2(p + 3, O_CLOEXEC) == 0;
}

/* The same for a helper that goes on: one socket, and a file that need not be emptied. */
static bool open_long(int *p)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p + 1) != 0 || !file_temporary(&p[3], NULL))
        return false;
    p[0] = fcntl(p[2], F_DUPFD_CLOEXEC, 0);
    p[4] = fcntl(p[3], F_DUPFD_CLOEXEC, 0);
    return p[0] >= 0 && p[4] >= 0;
}

static bool open_pipes(const char *input, bool goes_on, int in_out_err_report[7], struct err *err)
{
    int *p = in_out_err_report;
    for (int i = 0; i < 7; i++)
        p[i] = -1;
    if (!(goes_on ? open_long(p) : open_short(input, p)) || pipe2(p + 5, O_CLOEXEC) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot make a pipe");
    for (int i = 0; i < 7; i++) {
        if (p[i] > STDERR_FILENO)
            continue;
        int low = p[i];   /* someone closed our own 0, 1 or 2: the child's would go there, over each other */
        p[i] = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close(low);
    }
    return true;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Waits for exec: the report's end means that it worked, a number says why not. */
static int exec_failure(int report)
{
    int reason = 0;
    ssize_t got;
    do {
        got = read(report, &reason, sizeof reason);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof reason ? reason : 0;
}

static bool start(const struct spawn_options *options, bool goes_on, const char *name, struct child *c,
                  struct err *err)
{
    const char *const shell_argv[] = {"/bin/sh", "-c", options->shell, NULL};
    char *const *argv = (char *const *)(options->argv ? options->argv : shell_argv);
    int fds[7], failure = 0;
    bool ok = open_pipes(options->input, goes_on, fds, err);
    if (ok) {
        struct ends ends = {fds[0], fds[2], fds[4], fds[6], (int)sysconf(_SC_OPEN_MAX)};
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);   /* no handler of ours may run in the child */
        c->pid = fork();
        if (c->pid == 0)
            become(options, argv, &ends);
        failure = c->pid < 0 ? errno : 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        close_fd(&fds[6]);
        if (c->pid > 0 && (failure = exec_failure(fds[5])) != 0)
            waitpid(c->pid, NULL, 0);
        ok = failure == 0;
        if (!ok)
            err_errno(err, failure == ENOENT ? ERR_DEPENDENCY : ERR_GENERAL, failure, "cannot run %s", name);
    }
    if (ok) {
        c->out = fds[1];
        c->err = fds[3];
        fds[1] = fds[3] = -1;
        fcntl(c->out, F_SETFL, O_NONBLOCK);
        fcntl(c->err, F_SETFL, O_NONBLOCK);
    }
    for (int i = 0; i < 7; i++)
        close_fd(&fds[i]);
    return ok;
}

static bool has_exited(struct child *c)
{
    siginfo_t info = {0};
    if (!c->exited && waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        c->exited = info.si_pid == c->pid;
    return c->exited;
}

/* Reads what is there; false once more than `limit` has come. */
static bool drain(int *fd, struct str *to, size_t limit, bool cut)
{
    char bytes[4096];
    bool ok = true;
    while (ok && *fd >= 0) {
        ssize_t got = read(*fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) {
            close_fd(fd);
            break;
        }
        size_t room = limit - to->length, take = (size_t)got < room ? (size_t)got : room;
        str_add_bytes(to, bytes, take);
        ok = cut || (size_t)got <= room;
    }
    explicit_bzero(bytes, sizeof bytes);   /* it may have been a password */
    return ok;
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&p, 1, 0) > 0;
}

/* Ends what still runs of the group, first kindly; then reaps. Returns the wait status. */
static int finish(struct child *c)
{
    if (!has_exited(c)) {
        kill(-c->pid, SIGTERM);
        int64_t end = clock_mono_ms() + GRACE_MS;
        while (!has_exited(c) && clock_mono_ms() < end)
            poll(NULL, 0, 5);
    }
    kill(-c->pid, SIGKILL);   /* also what the command left behind in the background */
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close_fd(&c->out);
    close_fd(&c->err);
    return status;
}

/* Until it has exited. Its pipes do not decide: a background process may hold them for ever, or the command
 * may close them early. So the wait is also by the clock, in steps that grow. */
static bool watch(const struct spawn_options *options, const char *name, struct child *c, struct str *out,
                  struct err *err)
{
    for (int tick = 1;; tick = tick * 2 < LONGEST_TICK_MS ? tick * 2 : LONGEST_TICK_MS) {
        bool over = has_exited(c);   /* before reading: what it wrote is then there */
        size_t before = out->length;
        if (!drain(&c->out, out, options->output_limit, false)) {
            err_set(err, ERR_GENERAL, "%s wrote too much", name);
            return err_why(err, "the limit is %zu bytes", options->output_limit);
        }
        drain(&c->err, &c->complaint, STDERR_KEPT, true);
        if (over)
            return true;
        if (is_readable(options->cancel_fd))
            return err_set(err, ERR_CANCELLED, "%s was cancelled", name);
        if (c->deadline && clock_mono_ms() >= c->deadline) {
            err_set(err, ERR_GENERAL, "%s did not end in time", name);
            return err_why(err, "it was given %d ms", options->timeout_ms);
        }
        if (out->length != before)
            tick = 1;
        struct pollfd fds[] = {{.fd = c->out, .events = POLLIN}, {.fd = c->err, .events = POLLIN},
                               {.fd = options->cancel_fd, .events = POLLIN}};
        poll(fds, 3, tick);
    }
}

static bool judge(const struct child *c, const char *name, int waited, int *status, struct err *err)
{
    if (WIFEXITED(waited) && WEXITSTATUS(waited) == 0) {
        *status = 0;
        return true;
    }
    if (WIFSIGNALED(waited)) {
        *status = 128 + WTERMSIG(waited);   /* as a shell has it */
        err_set(err, ERR_GENERAL, "%s was ended by signal %d", name, WTERMSIG(waited));
    } else {
        *status = WEXITSTATUS(waited);
        err_set(err, ERR_GENERAL, "%s failed with exit status %d", name, *status);
    }
    const char *complaint = str_text(&c->complaint);
    return err_why(err, "%.*s", (int)strcspn(complaint, "\r\n"), complaint);
}

bool spawn_run(const struct spawn_options *options, struct str *out, int *status, struct err *err)
{
    char name[64];
    struct child c = {.out = -1, .err = -1};
    *status = -1;
    name_of(options, name, sizeof name);
    if (options->timeout_ms > 0)
        c.deadline = clock_mono_ms() + options->timeout_ms;
    if (options->output_limit <= 64 * 1024)
        str_reserve(out, options->output_limit);   /* growing would leave copies of a password behind */
    if (!start(options, false, name, &c, err))
        return false;
    bool ok = watch(options, name, &c, out, err);
    int waited = finish(&c);
    if (ok)
        ok = judge(&c, name, waited, status, err);
    str_free(&c.complaint);
    return ok;
}

struct spawned { struct child child; };

bool spawn_start(struct spawned **spawned, const char *line, int *io, struct err *err)
{
    char name[64];
    const struct spawn_options options = {.shell = line, .cancel_fd = -1};
    struct spawned *s = xcalloc(1, sizeof *s);
    *s = (struct spawned){.child = {.out = -1, .err = -1}};
    name_of(&options, name, sizeof name);
    if (!start(&options, true, name, &s->child, err)) {
        free(s);
        *spawned = NULL;
        return false;
    }
    *io = s->child.out;
    s->child.out = -1;
    *spawned = s;
    return true;
}

bool spawn_complaint(struct spawned *spawned, char *out, size_t size)
{
    char text[STDERR_KEPT + 1];
    off_t end = lseek(spawned->child.err, 0, SEEK_END);
    off_t from = end > STDERR_KEPT ? end - STDERR_KEPT : 0;
    ssize_t got = end > 0 ? pread(spawned->child.err, text, STDERR_KEPT, from) : 0;
    while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == '\r'))
        got--;
    if (got <= 0)
        return false;
    text[got] = '\0';
    const char *line = strrchr(text, '\n');
    snprintf(out, size, "%s", line ? line + 1 : text);
    return true;
}

void spawn_stop(struct spawned *spawned)
{
    if (!spawned)
        return;
    finish(&spawned->child);
    free(spawned);
}
