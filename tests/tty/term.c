/* term - runs a program on a pseudo-terminal with a terminal emulator (libvterm) behind it, as a job of a
 * small shell, and plays a script against it.
 *
 *     term PROGRAM [ARGUMENT...] <script
 *
 * A script is a line a command; the first one that fails ends the run with exit 1, the line and the screen.
 *
 *     size COLUMNS ROWS     before anything else; 80 24 otherwise
 *     timeout MS            for everything that waits; 60000 otherwise: it only says when to give up
 *     type TEXT             the bytes of TEXT; \e \n \r \t \\ \xHH as in C
 *     key NAME...           enter esc tab backspace space up down left right pgup pgdn home end ctrl-X
 *     paste TEXT            bracketed
 *     click ROW COLUMN      from 0, as xterm reports it
 *     wait TEXT             until the screen shows TEXT;  gone TEXT: until it does not
 *     expect TEXT           it does now;  refute TEXT: it does not
 *     output TEXT           the program has written these bytes (escapes as above);  no-output TEXT
 *     screen                prints it
 *     colored | plain       some cell has a colour of its own, or none has
 *     cursor visible|hidden    altscreen on|off    echo on|off     wait for that
 *     resize COLUMNS ROWS
 *     signal NAME           to the program;  stopped: until it has stopped;  continue: as fg does
 *     hangup                closes the terminal
 *     deaf                  reads nothing any more, types ctrl-l until the terminal takes nothing more;  hears: reads again
 *     alive                 it still runs;  idle MS: until it has used no processor time for so long, nor woken up
 *     exit CODE | killed NAME     until it has ended so
 *     touch FILE            makes FILE: a marker for a test that runs beside the script
 *     mark | since MS       less than MS have gone by since the mark;  fewer | more BYTES: so many were written since then;  took NAME: prints the ms
 *     pace COUNT KEY...     presses them in turn, each when the one before it has moved the list's mark
 *     pace-while TEXT | KEY...    the same as long as the screen shows TEXT
 *     paced NAME            a line of them all: NAME, keys, median, 99th percentile and most ms, bytes written a key
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "term.h"

struct term t = {.rows = 24, .columns = 80, .timeout_ms = 60000, .master = -1, .reports = -1, .cursor_visible = true};

/* Undoes \e \n \r \t \\ \xHH in place; gives the length. */
static size_t unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (*at != '\\' || !at[1]) {
            *to++ = *at;
            continue;
        }
        char c = *++at;
        if (c == 'x' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
            char hex[3] = {at[1], at[2], 0};
            *to++ = (char)strtol(hex, NULL, 16);
            at += 2;
        } else {
            *to++ = c == 'e' ? '\033' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

static void send_bytes(const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(t.master, bytes, length);
        if (n < 0)
            fail("cannot write to the terminal: %s", strerror(errno));
        bytes += n;
        length -= (size_t)n;
        if (length)
            step(0);
    }
}

static void do_type(char *text) { send_bytes(text, unescape(text)); }

void press_keys(char *names)
{
    static const struct { const char *name, *bytes; } keys[] = {
        {"enter", "\r"}, {"esc", "\033"}, {"tab", "\t"}, {"shift-tab", "\033[Z"},
        {"backspace", "\177"}, {"space", " "},
        {"up", "\033OA"}, {"down", "\033OB"}, {"right", "\033OC"}, {"left", "\033OD"}, {"pgup", "\033[5~"},
        {"pgdn", "\033[6~"}, {"home", "\033OH"}, {"end", "\033OF"}, {"f1", "\033OP"},
    };
    for (char *rest, *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        const char *bytes = strlen(name) == 1 ? name : NULL;
        char control[2] = {0};
        if (strncmp(name, "ctrl-", 5) == 0 && name[5]) {
            control[0] = (char)(name[5] & 0x1f);
            bytes = control;
        }
        for (size_t i = 0; !bytes && i < sizeof keys / sizeof *keys; i++)
            if (strcmp(keys[i].name, name) == 0)
                bytes = keys[i].bytes;
        if (!bytes)
            fail("no key is called %s", name);
        send_bytes(bytes, strlen(bytes));
    }
}

static void do_key(char *names) { press_keys(names); }

static void do_paste(char *text)
{
    size_t length = unescape(text);
    send_bytes("\033[200~", 6);
    send_bytes(text, length);
    send_bytes("\033[201~", 6);
}

static void do_click(char *text)
{
    int row, column;
    char bytes[64];
    if (sscanf(text, "%d %d", &row, &column) != 2)
        fail("wants ROW COLUMN");
    snprintf(bytes, sizeof bytes, "\033[<0;%d;%dM\033[<0;%d;%dm", column + 1, row + 1, column + 1, row + 1);
    send_bytes(bytes, strlen(bytes));
}

static bool shows(const char *text) { return screen_shows(text); }
static bool shows_not(const char *text) { return !screen_shows(text); }
static void do_wait(char *text) { wait_until(shows, text, "not shown"); }
static void do_gone(char *text) { wait_until(shows_not, text, "still shown"); }

static void do_expect(char *text)
{
    settle();
    if (!screen_shows(text))
        fail("not shown");
}

static void do_refute(char *text)
{
    settle();
    if (screen_shows(text))
        fail("shown");
}

static bool wrote(const char *text)
{
    return t.output && memmem(t.output, t.output_length, text, strlen(text));
}

static void do_output(char *text)
{
    unescape(text);
    wait_until(wrote, text, "not written");
}

static void do_no_output(char *text)
{
    unescape(text);
    settle();
    if (wrote(text))
        fail("written");
}

static void do_screen(char *text)
{
    (void)text;
    settle();
    char *screen = screen_text();
    fputs(screen, stdout);
    free(screen);
}

static void do_colored(char *text)
{
    (void)text;
    settle();
    if (!screen_colored())
        fail("no cell has a colour");
}

static void do_plain(char *text)
{
    (void)text;
    settle();
    if (screen_colored())
        fail("a cell has a colour");
}

static bool cursor_is(const char *text) { return t.cursor_visible == (strcmp(text, "visible") == 0); }
static bool altscreen_is(const char *text) { return t.altscreen == (strcmp(text, "on") == 0); }
static bool echo_is(const char *text)
{
    struct termios settings;
    return t.master >= 0 && tcgetattr(t.master, &settings) == 0
        && !!(settings.c_lflag & ECHO) == (strcmp(text, "on") == 0);
}

static void do_cursor(char *text) { wait_until(cursor_is, text, "it is not"); }
static void do_altscreen(char *text) { wait_until(altscreen_is, text, "it is not"); }
static void do_echo(char *text) { wait_until(echo_is, text, "it is not"); }

static void do_resize(char *text)
{
    struct winsize size = {0};
    if (sscanf(text, "%d %d", &t.columns, &t.rows) != 2)
        fail("wants COLUMNS ROWS");
    settle();
    vterm_set_size(t.vterm, t.rows, t.columns);
    size.ws_row = (unsigned short)t.rows;
    size.ws_col = (unsigned short)t.columns;
    ioctl(t.master, TIOCSWINSZ, &size);
}

static int signal_number(const char *name)
{
    static const struct { const char *name; int number; } signals[] = {
        {"TERM", SIGTERM}, {"HUP", SIGHUP}, {"INT", SIGINT}, {"TSTP", SIGTSTP}, {"STOP", SIGSTOP},
        {"CONT", SIGCONT}, {"SEGV", SIGSEGV}, {"ABRT", SIGABRT}, {"BUS", SIGBUS}, {"KILL", SIGKILL},
        {"WINCH", SIGWINCH}, {"PIPE", SIGPIPE},
    };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (strcmp(signals[i].name, name) == 0)
            return signals[i].number;
    fail("no signal is called %s", name);
}

static void do_signal(char *text) { kill(t.program, signal_number(text)); }

static bool has_stopped(const char *text)
{
    (void)text;
    return t.stopped;
}

static void do_stopped(char *text) { wait_until(has_stopped, text, "it has not stopped"); }

static void do_continue(char *text)
{
    (void)text;
    if (!t.stopped)
        fail("it has not stopped");
    t.stopped = false;
    kill(t.leader, SIGUSR1);
}

static void do_hangup(char *text)
{
    (void)text;
    settle();
    close(t.master);
    t.master = -1;
}

/* Nobody reads what the program draws: in the end its terminal takes nothing more. */
static void do_deaf(char *text)
{
    (void)text;
    settle();
    t.deaf = true;
    struct pollfd slave = {.fd = open(ptsname(t.master), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), .events = POLLOUT};
    if (slave.fd < 0)
        fail("%s", strerror(errno));
    int64_t end = now_ms() + t.timeout_ms;
    while (poll(&slave, 1, 0) > 0) {
        if (now_ms() > end)
            fail("its terminal is not full within %d ms", t.timeout_ms);
        send_bytes("\f", 1);
        step(10);
    }
    close(slave.fd);
}

static void do_hears(char *text)
{
    (void)text;
    t.deaf = false;
}

static void do_alive(char *text)
{
    (void)text;
    settle();
    step(0);
    if (t.ended)
        fail("it has ended");
}

/* utime + stime in clock ticks. */
static long processor_ticks(void)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)t.program);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(line, sizeof line, f))
        fail("cannot read %s", path);
    fclose(f);
    unsigned long user = 0, system = 0;
    const char *after = strrchr(line, ')');
    static const char format[] = "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu";
    if (!after || sscanf(after + 2, format, &user, &system) != 2)
        fail("cannot read %s", path);
    return (long)(user + system);
}

/* How often its threads have gone to sleep: a loop that waits in between uses no time that a tick would show. */
static long sleeps(void)
{
    char path[300], line[256];
    long count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)t.program);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)t.program, task->d_name);
        FILE *f = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        for (long n; f && fgets(line, sizeof line, f);)
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
                count += n;
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return count;
}

static void do_idle(char *text)
{
    enum { SLEEPS_MOST = 4 };
    long used, slept;
    int64_t give_up = now_ms() + t.timeout_ms;
    do {                                 /* something asked for earlier may still be on its way */
        settle();
        long before = processor_ticks(), slept_before = sleeps();
        for (int64_t end = now_ms() + atoi(text), left; (left = end - now_ms()) > 0;)
            step((int)left);
        used = processor_ticks() - before;
        slept = sleeps() - slept_before;
    } while ((used > 1 || slept > SLEEPS_MOST) && now_ms() < give_up);
    if (used > 1 || slept > SLEEPS_MOST)
        fail("%ld clock ticks were used, and its threads woke %ld times", used, slept);
}

static bool has_ended(const char *text)
{
    (void)text;
    return t.ended;
}

static void do_exit(char *text)
{
    wait_until(has_ended, text, "it has not ended");
    if (!WIFEXITED(t.status))
        fail("it was killed by signal %d", WTERMSIG(t.status));
    if (WEXITSTATUS(t.status) != atoi(text))
        fail("it ended with %d", WEXITSTATUS(t.status));
    settle();
}

static void do_killed(char *text)
{
    wait_until(has_ended, text, "it has not ended");
    if (!WIFSIGNALED(t.status) || WTERMSIG(t.status) != signal_number(text))
        fail("it ended otherwise (status %#x)", (unsigned)t.status);
    settle();
}

static void do_touch(char *text)
{
    int fd = open(text, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        fail("%s", strerror(errno));
    close(fd);
}

static void do_mark(char *text)
{
    (void)text;
    if (t.program)
        settle();
    t.mark_ms = now_ms();
    t.mark_length = t.output_length;
}

static void do_since(char *text)
{
    int64_t gone = now_ms() - t.mark_ms;
    if (gone >= atoi(text))
        fail("%d ms have gone by", (int)gone);
}

static void do_took(char *name) { printf("%s\t%lld\n", name, (long long)(now_ms() - t.mark_ms)); }

static void written_since(const char *text, bool fewer)
{
    settle();
    size_t written = t.output_length - t.mark_length, bound = (size_t)atoi(text);
    if (fewer ? written >= bound : written <= bound)
        fail("%zu bytes were written since the mark", written);
}

static void do_fewer(char *text) { written_since(text, true); }
static void do_more(char *text) { written_since(text, false); }

static void do_pace(char *text)
{
    char *keys;
    long count = strtol(text, &keys, 10);
    pace(keys, count, NULL);
}

static void do_pace_while(char *text)
{
    char *keys = strstr(text, " | ");
    if (!keys)
        fail("wants TEXT | KEY...");
    *keys = '\0';
    pace(keys + 3, INT64_MAX, text);
}

static void do_paced(char *name) { pace_say(name); }

static void do_size(char *text)
{
    if (t.program || sscanf(text, "%d %d", &t.columns, &t.rows) != 2)
        fail("wants COLUMNS ROWS, before anything else");
}

static void do_timeout(char *text) { t.timeout_ms = atoi(text); }

static const struct { const char *name; void (*run)(char *text); bool before; } commands[] = {
    {"size", do_size, true}, {"timeout", do_timeout, true}, {"type", do_type, false}, {"key", do_key, false},
    {"paste", do_paste, false}, {"click", do_click, false}, {"wait", do_wait, false},
    {"gone", do_gone, false},
    {"expect", do_expect, false}, {"refute", do_refute, false}, {"output", do_output, false},
    {"no-output", do_no_output, false}, {"screen", do_screen, false}, {"colored", do_colored, false},
    {"plain", do_plain, false}, {"cursor", do_cursor, false}, {"altscreen", do_altscreen, false},
    {"echo", do_echo, false}, {"resize", do_resize, false}, {"signal", do_signal, false},
    {"stopped", do_stopped, false}, {"continue", do_continue, false}, {"hangup", do_hangup, false},
    {"deaf", do_deaf, false}, {"hears", do_hears, false}, {"alive", do_alive, false}, {"idle", do_idle, false}, {"exit", do_exit, false},
    {"killed", do_killed, false},
    {"touch", do_touch, false}, {"mark", do_mark, true}, {"since", do_since, false}, {"fewer", do_fewer, false}, {"more", do_more, false}, {"took", do_took, false},
    {"pace", do_pace, false}, {"pace-while", do_pace_while, false}, {"paced", do_paced, false},
};

static void run_line(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    line += strspn(line, " ");
    if (!*line || *line == '#')
        return;
    t.command = line;
    char *copy = strdup(line), *rest = copy + strcspn(copy, " ");
    if (*rest)
        *rest++ = '\0';
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, copy) == 0) {
            if (!commands[i].before && !t.program)
                start();
            commands[i].run(rest);
            free(copy);
            return;
        }
    fail("no such command");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: term PROGRAM [ARGUMENT...] <script\n", stderr);
        return 64;
    }
    t.argv = argv + 1;
    signal(SIGPIPE, SIG_IGN);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) >= 0) {
        t.line++;
        run_line(line);
    }
    t.command = "end of script";
    if (t.program && !t.ended)
        kill(-t.program, SIGKILL);
    vterm_free(t.vterm);
    free(t.output);
    free(line);
    return 0;
}
