/* terminal - questions on the terminal device, and progress on stderr. */
#include "cmd/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"

enum { EXPIRES_MS = 120000 };

/* A signal is seen by the descriptor that its handler wrote to: one that comes just before poll interrupts nothing. */
static bool read_line(int fd, int cancel_fd, int timeout_ms, char *line, size_t size, struct err *err)
{
    size_t used = 0;
    int64_t end = clock_mono_ms() + timeout_ms;
    for (;;) {
        struct pollfd p[] = {{.fd = cancel_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
        int n = poll(p, 2, (int)(end - clock_mono_ms() > 0 ? end - clock_mono_ms() : 0));
        if (n < 0 && errno == EINTR)
            continue;
        if (p[0].revents)
            return err_set(err, ERR_CANCELLED, "cancelled while asking");
        if (n == 0)
            return err_set(err, ERR_CANCELLED, "no answer within %d seconds", timeout_ms / 1000);
        char c;
        if (read(fd, &c, 1) != 1)
            return err_set(err, ERR_CANCELLED, "the terminal was closed while asking");
        if (c == '\n')
            break;
        if (used + 1 < size)
            line[used++] = c;
    }
    line[used] = '\0';
    return true;
}

static bool ask_on(int fd, const struct question *q, int cancel_fd, char *line, size_t size, struct err *err)
{
    struct str text = {0};
    text_visible(&text, q->title, strlen(q->title));
    str_add_char(&text, '\n');
    if (q->text && q->text[0]) {
        for (const char *line_at = q->text; *line_at;) {
            size_t length = strcspn(line_at, "\n");
            text_visible(&text, line_at, length);
            str_add_char(&text, '\n');
            line_at += length + (line_at[length] == '\n');
        }
    }
    static const char *const prompts[] = {[QUESTION_YES] = "Type yes to go on: ", [QUESTION_NAME] = "Type the name: ",
                                          [QUESTION_PASSWORD] = "Password: ", [QUESTION_CHOICE] = "y or n: "};
    str_add(&text, prompts[q->kind]);
    struct termios before, quiet;
    bool secret = q->kind == QUESTION_PASSWORD && tcgetattr(fd, &before) == 0;
    if (secret) {                    /* before the prompt: whoever sees it may type at once */
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fd, TCSAFLUSH, &quiet);
    }
    ssize_t ignored = write(fd, str_text(&text), text.length);
    str_free(&text);
    bool ok = read_line(fd, cancel_fd, q->expires_ms ? q->expires_ms : EXPIRES_MS, line, size, err);
    if (secret) {
        tcsetattr(fd, TCSAFLUSH, &before);
        ignored = write(fd, "\n", 1);
    }
    (void)ignored;
    return ok;
}

bool terminal_ask(const struct question *q, int cancel_fd, struct answer *answer, struct err *err)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        err_set(err, q->kind == QUESTION_PASSWORD ? ERR_NEVER_READY : ERR_REFUSED, "%s", q->title);
        err_why(err, "there is no terminal to ask on");
        return q->option ? err_hint(err, "%s would have answered", q->option) : false;
    }
    char line[SECRET_MAX + 1] = "";
    *answer = (struct answer){0};
    bool ok = ask_on(fd, q, cancel_fd, line, sizeof line, err);
    close(fd);
    if (ok) {
        answer->yes = q->kind == QUESTION_YES      ? strcmp(line, "yes") == 0
                      : q->kind == QUESTION_NAME   ? strcmp(line, q->expect) == 0
                      : q->kind == QUESTION_CHOICE ? strcmp(line, "y") == 0 || strcmp(line, "yes") == 0
                                                   : line[0] != '\0';
        if (q->kind == QUESTION_PASSWORD)
            answer->secret = secret_new(line, strlen(line));
        else
            snprintf(answer->typed, sizeof answer->typed, "%s", line);
    }
    explicit_bzero(line, sizeof line);   /* also of what was typed before a cancel, which has no end yet */
    return ok;
}

static struct { int64_t started_ms; bool shown; } progress;

void terminal_progress(const char *what, int64_t done, int64_t total, int64_t rate)
{
    int64_t now = clock_mono_ms();
    if (!progress.started_ms)
        progress.started_ms = now;
    if (now - progress.started_ms < 1000 || !isatty(STDERR_FILENO))
        return;
    progress.shown = true;
    if (total > 0)
        fprintf(stderr, "\r\033[K%s  %lld of %lld  %lld %%  %lld/s", what, (long long)done, (long long)total,
                (long long)(done * 100 / total), (long long)rate);
    else
        fprintf(stderr, "\r\033[K%s  %lld  %lld/s", what, (long long)done, (long long)rate);
}

void terminal_progress_end(void)
{
    if (progress.shown)
        fputs("\r\033[K", stderr);
    progress.shown = false;
    progress.started_ms = 0;
}
