/* paint - the terminal layer by itself, for tests/tty/terminal.sh: paints the lines of its arguments, then a
 * line for each event with how long after the one before it came. "q" leaves; "c" crashes; "z" suspends;
 * "y" copies. A resize repaints. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/signals.h"
#include "terminal.h"

static struct terminal *terminal;
static struct grid grid;
static int event_count;

static void paint(int argc, char **argv, const char *event)
{
    int columns, rows;
    terminal_size(terminal, &columns, &rows);
    grid_init(&grid, rows, columns);
    grid_printf(&grid, 0, 0, columns, STYLE_PRODUCTION, "%dx%d", columns, rows);
    for (int i = 1; i < argc; i++)
        grid_text(&grid, i, 0, columns, (enum style)(i % STYLE_COUNT), argv[i]);
    grid_printf(&grid, rows - 1, 0, columns, STYLE_GOOD, "event %d: %s", event_count, event);
    grid.cursor_row = event_count % 2 ? 0 : -1;
    grid.cursor_column = 3;
    terminal_draw(terminal, &grid);
}

/* False: leave. */
static bool act(const struct key_event *e, char *text, size_t size)
{
    struct err err = {0};
    event_count++;
    if (e->kind == KEY_EVENT_MOUSE)
        snprintf(text, size, "%s at %d,%d", e->name, e->row, e->column);
    else if (e->kind == KEY_EVENT_PASTE)
        snprintf(text, size, "paste of %zu bytes: %s", strlen(e->paste), e->paste);
    else
        snprintf(text, size, "key %s", e->name);
    if (strcmp(e->name, "c") == 0)
        raise(SIGSEGV);
    if (strcmp(e->name, "y") == 0 && !terminal_copy(terminal, "copied text", &err))
        snprintf(text, size, "%.200s", err.message);
    if (strcmp(e->name, "z") == 0) {
        terminal_suspend(terminal);
        signals_stop_here();
        terminal_resume(terminal);
    }
    return strcmp(e->name, "q") != 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    char text[1024] = "none";
    bool utf8 = terminal_locale();
    signals_install(terminal_restore_now, terminal_restore_settings);
    if (!terminal_open(&terminal, getenv("PAINT_COLOR"), utf8, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return err_exit_code(err.class);
    }
    for (bool go_on = true; go_on;) {
        paint(argc, argv, text);
        struct pollfd fds[] = {{.fd = terminal_fd(terminal), .events = POLLIN},
                               {.fd = signals_fd(), .events = POLLIN}};
        int64_t deadline = terminal_deadline(terminal), now = clock_mono_ms();
        poll(fds, 2, deadline < 0 ? -1 : deadline > now ? (int)(deadline - now) : 0);
        if (signals_take() & SIGNAL_SIZE)
            terminal_resize(terminal);
        struct key_event e;
        now = clock_mono_ms();
        if (fds[0].revents && !terminal_read(terminal, now))
            break;
        while (go_on && terminal_event(terminal, now, &e)) {
            go_on = act(&e, text, sizeof text);
            free(e.paste);
        }
    }
    terminal_close(terminal);
    grid_free(&grid);
    return 0;
}
