/* term_screen - the emulator, and what it shows. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "term.h"

char *screen_text(void)
{
    size_t size = (size_t)t.rows * ((size_t)t.columns * VTERM_MAX_CHARS_PER_CELL * 4 + 1) + 1, used = 0;
    char *text = malloc(size);
    for (int row = 0; row < t.rows; row++) {
        VTermRect rect = {.start_row = row, .end_row = row + 1, .start_col = 0, .end_col = t.columns};
        used += vterm_screen_get_text(t.screen, text + used, size - used - 1, rect);
        while (used && text[used - 1] == ' ')
            used--;
        text[used++] = '\n';
    }
    text[used] = '\0';
    return text;
}

bool screen_shows(const char *wanted)
{
    char *text = screen_text();
    bool found = strstr(text, wanted) != NULL;
    free(text);
    return found;
}

bool screen_colored(void)
{
    for (int row = 0; row < t.rows; row++)
        for (int column = 0; column < t.columns; column++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(t.screen, (VTermPos){.row = row, .col = column}, &cell);
            if (!VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg))
                return true;
        }
    return false;
}

_Noreturn void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "term: line %d: %s: ", t.line, t.command);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    if (t.screen) {
        char *text = screen_text();
        fprintf(stderr, "%s", text);
        free(text);
    }
    if (t.program && !t.ended)
        kill(-t.program, SIGKILL);
    exit(1);
}

static int set_property(VTermProp property, VTermValue *value, void *user)
{
    (void)user;
    if (property == VTERM_PROP_CURSORVISIBLE)
        t.cursor_visible = value->boolean;
    if (property == VTERM_PROP_ALTSCREEN)
        t.altscreen = value->boolean;
    return 1;
}

static void answer(const char *bytes, size_t length, void *user)
{
    (void)user;
    ssize_t ignored = t.master >= 0 ? write(t.master, bytes, length) : 0;
    (void)ignored;
}

void make_screen(void)
{
    static const VTermScreenCallbacks callbacks = {.settermprop = set_property};
    t.vterm = vterm_new(t.rows, t.columns);
    vterm_set_utf8(t.vterm, 1);
    vterm_output_set_callback(t.vterm, answer, NULL);
    t.screen = vterm_obtain_screen(t.vterm);
    vterm_screen_set_callbacks(t.screen, &callbacks, NULL);
    vterm_screen_enable_altscreen(t.screen, 1);
    vterm_screen_reset(t.screen, 1);
}
