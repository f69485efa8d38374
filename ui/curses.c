/* curses - ncurses behind a grid. Keys are decoded by keys.c from the bytes themselves: getch would sleep
 * after an ESC and would split a paste. What curses writes goes through an outlet, since nobody may wait for a terminal:
 * a frame is painted once the one before it was taken. */
#include "terminal.h"

#include <ncurses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#undef columns      /* term.h makes it a macro */
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/outlet.h"
#include "clipboard.h"

/* How long leaving or stopping waits for a terminal to take what was painted. */
enum { DRAIN_MS = 500 };

struct terminal {
    SCREEN *screen;
    FILE *out;                /* what curses writes to: the terminal while it is set, the outlet while it is painted */
    struct outlet *outlet;
    struct termios working;   /* the terminal's settings while we have it */
    bool utf8, colors, suspended;
    bool refused;             /* a frame waits for the one before it */
    int columns, rows;
    struct grid painted;      /* what the screen shows */
    bool painted_valid;
    struct keys *keys;
    attr_t attributes[STYLE_COUNT];
    short pairs[STYLE_COUNT];
};

/* Mouse presses with SGR coordinates; bracketed paste. Both are ignored by terminals that know neither. */
static const char modes_on[] = "\033[?1000h\033[?1006h\033[?2004h";
static const char modes_off[] = "\033[?2004l\033[?1006l\033[?1000l";

/* For terminal_restore_now: prepared before anything can crash. */
static struct {
    volatile sig_atomic_t armed;
    struct termios termios;
    char bytes[512];
    size_t length;
} restore;

/* Roles to looks. Colours are the terminal's own palette, the background its default: -1. `plain` is the
 * look without colours; state is in the words and signs anyway. */
static const struct {
    attr_t colored, plain;
    short dark, light, back;
} looks[STYLE_COUNT] = {
    [STYLE_PLAIN] = {A_NORMAL, A_NORMAL, -1, -1, -1},
    [STYLE_DIM] = {A_DIM, A_DIM, -1, -1, -1},
    [STYLE_BOLD] = {A_BOLD, A_BOLD, -1, -1, -1},
    [STYLE_TITLE] = {A_BOLD, A_BOLD, COLOR_CYAN, COLOR_BLUE, -1},
    [STYLE_SELECTED] = {A_REVERSE, A_REVERSE, -1, -1, -1},
    [STYLE_KEY] = {A_BOLD, A_BOLD, COLOR_CYAN, COLOR_BLUE, -1},
    [STYLE_RULE] = {A_DIM, A_DIM, -1, -1, -1},
    [STYLE_GOOD] = {A_NORMAL, A_NORMAL, COLOR_GREEN, COLOR_GREEN, -1},
    [STYLE_WARN] = {A_BOLD, A_BOLD, COLOR_YELLOW, COLOR_MAGENTA, -1},
    [STYLE_BAD] = {A_BOLD, A_BOLD, COLOR_RED, COLOR_RED, -1},
    [STYLE_ADDED] = {A_NORMAL, A_NORMAL, COLOR_GREEN, COLOR_GREEN, -1},
    [STYLE_CHANGED] = {A_NORMAL, A_BOLD, COLOR_YELLOW, COLOR_MAGENTA, -1},
    [STYLE_REMOVED] = {A_NORMAL, A_UNDERLINE, COLOR_RED, COLOR_RED, -1},
    [STYLE_HELD] = {A_BOLD, A_BOLD, COLOR_MAGENTA, COLOR_MAGENTA, -1},
    [STYLE_LOCAL] = {A_BOLD | A_REVERSE, A_BOLD, COLOR_GREEN, COLOR_GREEN, -1},
    [STYLE_STAGING] = {A_BOLD | A_REVERSE, A_BOLD | A_UNDERLINE, COLOR_YELLOW, COLOR_BLUE, -1},
    [STYLE_PRODUCTION] = {A_BOLD, A_BOLD | A_REVERSE, COLOR_WHITE, COLOR_WHITE, COLOR_RED},
    [STYLE_WRITE_MODE] = {A_BOLD, A_BOLD | A_REVERSE, COLOR_BLACK, COLOR_BLACK, COLOR_YELLOW},
    [STYLE_DIALOG] = {A_NORMAL, A_NORMAL, -1, -1, -1},
    [STYLE_FIELD] = {A_UNDERLINE, A_UNDERLINE, -1, -1, -1},
    [STYLE_BUTTON] = {A_NORMAL, A_NORMAL, -1, -1, -1},
    [STYLE_BUTTON_FOCUS] = {A_REVERSE | A_BOLD, A_REVERSE | A_BOLD, -1, -1, -1},
    [STYLE_SQL_KEYWORD] = {A_BOLD, A_BOLD, COLOR_CYAN, COLOR_BLUE, -1},
    [STYLE_SQL_STRING] = {A_NORMAL, A_NORMAL, COLOR_GREEN, COLOR_GREEN, -1},
    [STYLE_SQL_COMMENT] = {A_DIM, A_DIM, -1, -1, -1},
    [STYLE_MATCH] = {A_REVERSE | A_BOLD, A_REVERSE | A_UNDERLINE, COLOR_YELLOW, COLOR_YELLOW, -1},
};

/* terminfo's names of the keys that terminals disagree about. */
static const struct { const char *capability, *name; } key_capabilities[] = {
    {"kcuu1", "up"}, {"kcud1", "down"}, {"kcub1", "left"}, {"kcuf1", "right"}, {"khome", "home"},
    {"kend", "end"}, {"kpp", "pgup"}, {"knp", "pgdn"}, {"kich1", "insert"},
    {"kdch1", "delete"}, {"kcbt", "shift-tab"},
    {"kf1", "f1"}, {"kf2", "f2"}, {"kf3", "f3"}, {"kf4", "f4"}, {"kf5", "f5"}, {"kf6", "f6"}, {"kf7", "f7"},
    {"kf8", "f8"}, {"kf9", "f9"}, {"kf10", "f10"}, {"kf11", "f11"}, {"kf12", "f12"}, {"kent", "enter"},
};

bool terminal_locale(void)
{
    /* LC_CTYPE only: numbers and messages stay as the code writes them */
    if (setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        return true;
    return setlocale(LC_CTYPE, "C.UTF-8") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Where curses writes from now on. */
static void write_to(struct terminal *t, int fd) { dup3(fd, fileno(t->out), O_CLOEXEC); }

static void write_all(struct terminal *t, const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(fileno(t->out), bytes, length);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
}

void terminal_restore_settings(void)
{
    if (restore.armed)
        tcsetattr(STDIN_FILENO, TCSANOW, &restore.termios);
}

void terminal_restore_now(void)
{
    if (!restore.armed)
        return;
    ssize_t ignored = write(STDOUT_FILENO, restore.bytes, restore.length);
    (void)ignored;
    terminal_restore_settings();
    restore.armed = 0;
}

/* Appends a capability without its padding ("$<5>"): nobody waits in a crash. */
static void restore_add(const char *capability)
{
    const char *text = tigetstr((char *)(uintptr_t)capability);
    if (!text || text == (char *)-1)
        return;
    for (; *text && restore.length < sizeof restore.bytes - 1; text++) {
        const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
        if (end)
            text = end;
        else
            restore.bytes[restore.length++] = *text;
    }
}

static void restore_prepare(void)
{
    restore.length = sizeof modes_off - 1;
    memcpy(restore.bytes, modes_off, restore.length);
    restore_add("sgr0");
    restore_add("cnorm");
    restore_add("rmkx");
    restore_add("rmcup");
}

/* newterm would exit or draw nonsense on these; so they are looked at first. */
static bool check_terminal(struct err *err)
{
    static const char hint[] = "`seedops status` shows the same as text and needs no terminal";
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        err_set(err, ERR_GENERAL, "the console needs a terminal; %s", hint);
        return false;
    }
    const char *term = getenv("TERM");
    if (!term || !*term)
        return err_set(err, ERR_GENERAL, "TERM is not set, so the console cannot draw; %s", hint);
    int status;
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
        return err_set(err, ERR_GENERAL, "the terminal type %.40s (TERM) is not known here; %s", term, hint);
    const char *place = tigetstr((char *)(uintptr_t)"cup");
    bool able = place && place != (char *)-1;
    del_curterm(cur_term);
    if (!able)
        return err_set(err, ERR_GENERAL, "a terminal of type %.40s (TERM) cannot place its cursor; %s", term,
                       hint);
    return true;
}

/* What the operator says counts; else COLORFGBG, "15;0" or "0;default;15": the last number is the background's. */
static bool light_background(void)
{
    const char *said = getenv("SEEDOPS_BACKGROUND");
    if (said && (strcmp(said, "light") == 0 || strcmp(said, "dark") == 0))
        return said[0] == 'l';
    const char *text = getenv("COLORFGBG"), *last = text ? strrchr(text, ';') : NULL;
    return last && (strcmp(last, ";7") == 0 || strcmp(last, ";15") == 0);
}

static bool want_colors(const char *color)
{
    if (color && strcmp(color, "never") == 0)
        return false;
    const char *no_color = getenv("NO_COLOR");
    if (no_color && *no_color && !(color && strcmp(color, "always") == 0))
        return false;
    return has_colors() && start_color() == OK && use_default_colors() == OK;
}

static void set_looks(struct terminal *t)
{
    bool light = light_background();
    for (int style = 0; style < STYLE_COUNT; style++) {
        short fore = light ? looks[style].light : looks[style].dark, back = looks[style].back;
        t->attributes[style] = t->colors ? looks[style].colored : looks[style].plain;
        if (t->colors && (fore >= 0 || back >= 0)
            && init_pair((short)(style + 1), fore, back) == OK)
            t->pairs[style] = (short)(style + 1);
    }
}

static void define_keys(struct keys *keys)
{
    for (size_t i = 0; i < sizeof key_capabilities / sizeof *key_capabilities; i++) {
        const char *sequence = tigetstr((char *)(uintptr_t)key_capabilities[i].capability);
        if (sequence && sequence != (char *)-1)
            keys_define(keys, sequence, key_capabilities[i].name);
    }
}

static bool open_output(struct terminal *t)
{
    int copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    t->out = copy < 0 ? NULL : fdopen(copy, "w");
    t->outlet = t->out ? outlet_open(STDOUT_FILENO) : NULL;
    t->screen = t->outlet ? newterm(NULL, t->out, stdin) : NULL;
    return t->screen != NULL;
}

static void close_output(struct terminal *t)
{
    if (t->screen)
        delscreen(t->screen);
    outlet_close(t->outlet);
    if (t->out)
        fclose(t->out);
    free(t);
}

bool terminal_open(struct terminal **terminal, const char *color, bool utf8, struct err *err)
{
    *terminal = NULL;
    if (!check_terminal(err))
        return false;
    if (tcgetattr(STDIN_FILENO, &restore.termios) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read the terminal's settings");
    struct terminal *t = xcalloc(1, sizeof *t);
    if (!open_output(t)) {
        close_output(t);
        return err_set(err, ERR_GENERAL, "the terminal cannot be set up; `seedops status` needs none");
    }
    restore_prepare();
    restore.armed = 1;
    err_on_abort(terminal_restore_now);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);    /* the terminal sends the sequences terminfo names */
    leaveok(stdscr, FALSE);
    scrollok(stdscr, FALSE);
    typeahead(-1);           /* keys waiting are not curses' to look at */
    t->utf8 = utf8;
    t->colors = want_colors(color);
    set_looks(t);
    t->keys = keys_new();
    define_keys(t->keys);
    getmaxyx(stdscr, t->rows, t->columns);
    tcgetattr(STDIN_FILENO, &t->working);
    write_to(t, outlet_fd(t->outlet));
    write_all(t, modes_on, sizeof modes_on - 1);
    *terminal = t;
    return true;
}

void terminal_close(struct terminal *t)
{
    if (!t)
        return;
    terminal_suspend(t);
    restore.armed = 0;
    err_on_abort(NULL);
    keys_free(t->keys);
    grid_free(&t->painted);
    close_output(t);
}

void terminal_suspend(struct terminal *t)
{
    if (t->suspended)
        return;
    write_all(t, modes_off, sizeof modes_off - 1);
    bool taken = outlet_drain(t->outlet, DRAIN_MS);
    if (taken)
        write_to(t, STDOUT_FILENO);
    endwin();
    /* endwin's idea of the shell's settings is from newterm; ours is from before it */
    tcsetattr(STDIN_FILENO, taken ? TCSADRAIN : TCSANOW, &restore.termios);
    restore.armed = 0;
    t->suspended = true;
}

void terminal_resume(struct terminal *t)
{
    /* the shell or the editor may have left other settings: what they are now is what goes back later */
    if (t->suspended)
        tcgetattr(STDIN_FILENO, &restore.termios);
    restore.armed = 1;
    t->suspended = false;
    reset_prog_mode();
    tcsetattr(STDIN_FILENO, TCSANOW, &t->working);   /* curses did so only if the terminal had taken everything */
    write_to(t, outlet_fd(t->outlet));
    terminal_repaint(t);
    doupdate();
    write_all(t, modes_on, sizeof modes_on - 1);
    terminal_resize(t);
}

void terminal_size(const struct terminal *t, int *columns, int *rows)
{
    *columns = t->columns;
    *rows = t->rows;
}

bool terminal_resize(struct terminal *t)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_row || !size.ws_col
        || (size.ws_row == t->rows && size.ws_col == t->columns))
        return false;
    t->rows = size.ws_row;
    t->columns = size.ws_col;
    resizeterm(t->rows, t->columns);
    terminal_repaint(t);
    return true;
}

void terminal_repaint(struct terminal *t)
{
    t->painted_valid = false;
    clearok(curscr, TRUE);
}

/* The cluster as curses wants it, if curses' library counts the same cells as the grid. */
static bool cell_wide(const struct terminal *t, const struct cell *cell, wchar_t *wide, size_t room)
{
    mbstate_t state = {0};
    const char *text = cell->text;
    size_t n = mbsrtowcs(wide, &text, room - 1, &state);
    if (n == (size_t)-1 || text || n == 0 || (!t->utf8 && wide[0] > 0x7e))
        return false;
    int cells = 0;
    for (size_t i = 0; i < n; i++) {
        int w = wcwidth(wide[i]);
        if (w < 0 || (i > 0 && w != 0))   /* one spacing character, then combining ones */
            return false;
        cells += w;
    }
    return cells == cell->width;
}

static void paint_cell(struct terminal *t, int row, int column, const struct cell *cell)
{
    wchar_t wide[CCHARW_MAX + 1];
    cchar_t character;
    attr_t attributes = t->attributes[cell->style];
    short pair = t->pairs[cell->style];
    if (cell_wide(t, cell, wide, CCHARW_MAX + 1)) {
        setcchar(&character, wide, attributes, pair, NULL);
        mvadd_wch(row, column, &character);
        return;
    }
    setcchar(&character, t->utf8 ? L"\uFFFD" : L"?", attributes, pair, NULL);
    mvadd_wch(row, column, &character);
    setcchar(&character, L" ", attributes, pair, NULL);
    for (int i = 1; i < cell->width; i++)
        mvadd_wch(row, column + i, &character);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->style == b->style && a->width == b->width && strcmp(a->text, b->text) == 0;
}

/* A grid of the terminal's size that looks like `grid`. */
static void remember(struct terminal *t, const struct grid *grid)
{
    if (t->painted.rows != grid->rows || t->painted.columns != grid->columns)
        grid_init(&t->painted, grid->rows, grid->columns);
    memcpy(t->painted.cells, grid->cells, (size_t)grid->rows * (size_t)grid->columns * sizeof *grid->cells);
    t->painted_valid = true;
}

bool terminal_ready(struct terminal *t)
{
    t->refused = outlet_behind(t->outlet);
    return !t->refused;
}

int terminal_taken_fd(const struct terminal *t) { return t->refused ? outlet_taken_fd(t->outlet) : -1; }

void terminal_draw(struct terminal *t, const struct grid *grid)
{
    if (t->suspended)
        return;
    bool all = !t->painted_valid || t->painted.rows != grid->rows || t->painted.columns != grid->columns;
    if (all)
        erase();
    int rows = grid->rows < t->rows ? grid->rows : t->rows;
    int columns = grid->columns < t->columns ? grid->columns : t->columns;
    for (int row = 0; row < rows; row++) {
        const struct cell *line = grid->cells + (size_t)row * (size_t)grid->columns;
        const struct cell *old = all ? NULL : t->painted.cells + (size_t)row * (size_t)grid->columns;
        for (int column = 0; column < columns; column++) {
            if (line[column].width == 0 || (old && same_cell(&line[column], &old[column])))
                continue;
            if (line[column].width == 2 && column + 1 >= columns)
                continue;    /* half of it would wrap */
            paint_cell(t, row, column, &line[column]);
        }
    }
    remember(t, grid);
    bool cursor = grid->cursor_row >= 0 && grid->cursor_row < rows && grid->cursor_column >= 0
        && grid->cursor_column < columns;
    curs_set(cursor);
    if (cursor)
        move(grid->cursor_row, grid->cursor_column);
    refresh();
}

void terminal_bell(struct terminal *t)
{
    if (!t->suspended)
        beep();
}

bool terminal_copy(struct terminal *t, const char *text, struct err *err)
{
    struct str sequence = {0};
    const char *tmux = getenv("TMUX");
    bool ok = clipboard_sequence(&sequence, text, strlen(text), tmux && *tmux, err);
    if (ok && !t->suspended)
        write_all(t, str_text(&sequence), sequence.length);
    str_free(&sequence);
    return ok;
}

int terminal_fd(const struct terminal *t)
{
    (void)t;
    return STDIN_FILENO;
}

bool terminal_read(struct terminal *t, int64_t now_ms)
{
    char bytes[4096];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n > 0)
        keys_feed(t->keys, bytes, (size_t)n, now_ms);
    bool alive = n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
    explicit_bzero(bytes, sizeof bytes);
    return alive;
}

bool terminal_event(struct terminal *t, int64_t now_ms, struct key_event *event)
{
    return keys_next(t->keys, now_ms, event);
}

int64_t terminal_deadline(const struct terminal *t) { return keys_deadline(t->keys); }
