/* view - a model drawn into a grid: the frame, the screen in it, and what is open above. */
#include "view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/human.h"
#include "app/list.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"
#include "base/text.h"

/* ---- tables ---- */

struct table table_make(const struct view *v, const struct column *columns, int count)
{
    struct table t = {.columns = columns, .count = count};
    int rest = v->g->columns - 3, shares = 0;
    for (int i = 0; i < count; i++) {
        if (v->g->columns < columns[i].from)
            continue;
        t.width[i] = columns[i].width;
        rest -= columns[i].width + 2;
        shares += columns[i].grow;
    }
    for (int i = count - 1; rest < -2 && i > 0; i--)      /* never beyond the edge: the last ones go first */
        if (t.width[i]) {
            rest += t.width[i] + 2;
            shares -= columns[i].grow;
            t.width[i] = 0;
        }
    for (int i = 0, x = 3; i < count; i++) {
        if (!t.width[i])
            continue;
        if (rest > 0 && columns[i].grow)
            t.width[i] += rest * columns[i].grow / shares;
        t.x[i] = x;
        x += t.width[i] + 2;
    }
    return t;
}

void table_cell(const struct view *v, const struct table *t, int row, int column, enum style style,
                const char *text)
{
    if (!t->width[column])
        return;
    if (t->columns[column].right)
        grid_right(v->g, row, t->x[column], t->width[column], style, text);
    else
        grid_text(v->g, row, t->x[column], t->width[column], style, text);
}

void table_head(const struct view *v, const struct table *t)
{
    for (int i = 0; i < t->count; i++)
        table_cell(v, t, v->l.head_row, i, STYLE_DIM, t->columns[i].title);
}

void table_count(const struct view *v, const struct table *t, int row, int column, enum style style,
                 int64_t n, bool estimated)
{
    char text[40], shortened[HUMAN];
    view_count(text, n, estimated);
    if (view_width(text) > t->width[column])
        snprintf(text, sizeof text, "%s%s", estimated ? "\xe2\x89\x88" : "", human_short(shortened, n));
    table_cell(v, t, row, column, style, text);
}

void table_difference(const struct view *v, const struct table *t, int row, int column, enum style style,
                      int64_t n)
{
    if (n == 0)
        table_cell(v, t, row, column, STYLE_DIM, "\xc2\xb7");   /* · */
    else if (n > 0)
        table_count(v, t, row, column, style, n, false);
}

void table_row(const struct view *v, int row, int64_t nth)
{
    grid_hit(v->g, row, 0, 1, v->g->columns, "select", nth);
    if (screen_list(v->m)->selected != nth)
        return;
    grid_restyle(v->g, row, 0, v->g->columns, STYLE_SELECTED);
    grid_text(v->g, row, 1, 1, STYLE_SELECTED, "\xe2\x96\xb8");   /* ▸ */
}

/* ---- pieces ---- */

int view_width(const char *text) { return text_width(or_empty(text)); }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The last blank up to `at`; not one behind a digit, if `whole`: a number stays together, and with what it counts. */
static size_t last_blank(const char *text, size_t at, bool whole)
{
    while (at > 0 && (text[at] != ' ' || (whole && is_digit(text[at - 1]))))
        at--;
    return at;
}

size_t view_line(const char *text, int width, size_t *skip)
{
    const char *newline = strchr(text, '\n');
    size_t length = newline ? (size_t)(newline - text) : strlen(text);
    struct str line = {0};
    str_add_bytes(&line, text, length);
    int used;
    size_t fit = text_fit(str_text(&line), width, &used);
    str_free(&line);
    *skip = 1;
    if (fit >= length)
        return length;
    size_t at = last_blank(text, fit, true);
    if (at == 0)
        at = last_blank(text, fit, false);
    if (at == 0) {
        *skip = 0;
        return fit ? fit : 1;
    }
    return at;
}

int view_wrap(const struct view *v, int row, int column, int width, int rows, enum style style,
              const char *text)
{
    int used = 0;
    text = or_empty(text);
    while (*text && used < rows && width > 0) {
        size_t skip, length = view_line(text, width, &skip);
        struct str line = {0};
        if (used == rows - 1)
            str_add_bytes(&line, text,
                          strcspn(text, "\n")); /* the last one: the grid cuts what is too long */
        else
            str_add_bytes(&line, text, length);
        grid_text(v->g, row + used, column, width, style, str_text(&line));
        str_free(&line);
        used++;
        text += length;
        text += *text ? skip : 0;
    }
    return used;
}

const char *view_count(char out[40], int64_t n, bool estimated)
{
    char digits[HUMAN];
    if (n < 0)
        snprintf(out, 40, "?");
    else
        snprintf(out, 40, "%s%s", estimated ? "\xe2\x89\x88" : "", human_count(digits, n));   /* ≈ */
    return out;
}

enum style view_role_style(const char *role)
{
    if (text_same(role, "production"))
        return STYLE_PRODUCTION;
    return text_same(role, "staging") ? STYLE_STAGING : STYLE_LOCAL;
}

void view_sentence_line(const struct view *v, enum style style, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    view_wrap(v, v->l.sentence_row, 1, v->g->columns - 2, v->l.head_row - v->l.sentence_row, style, line);
}

void view_absent(const struct view *v, int row, int column, const struct fact_row *cells)
{
    grid_text(v->g, row, column, 14, STYLE_DIM, cells ? "not captured" : "\xe2\x80\xa6");
}

void view_empty(const struct view *v, const char *text)
{
    view_wrap(v, v->l.list_row, 3, v->g->columns - 6, v->l.list_rows, STYLE_DIM, text);
}

/* ---- the whole ---- */

static void rule(const struct view *v, int row)
{
    grid_fill(v->g, row, 0, 1, v->g->columns, STYLE_RULE, "\xe2\x94\x80");   /* ─ */
}

static void draw_too_small(const struct view *v)
{
    char text[64];
    int row = v->g->rows / 2;
    snprintf(text, sizeof text, "needs %dx%d, has %dx%d", LEAST_COLUMNS, LEAST_ROWS, v->g->columns,
             v->g->rows);
    int width = (int)strlen(text), column = v->g->columns > width ? (v->g->columns - width) / 2 : 0;
    if (v->g->rows > 1)
        grid_text(v->g, row - 1, column, v->g->columns, STYLE_WARN, "Too small");
    grid_text(v->g, row, column, v->g->columns, STYLE_WARN, text);
}

static bool same_letter(char a, char b)
{
    a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
    b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
    return a == b;
}

/* Cells from `column` on that spell `needle`; 0: they do not. */
static int cells_spelling(const struct grid *g, int row, int column, const char *needle)
{
    int at = column;
    for (; *needle && at < g->columns; at++)
        for (const char *p = g->cells[row * g->columns + at].text; *p; p++, needle++)
            if (!*needle || !same_letter(*p, *needle))
                return 0;
    return *needle ? 0 : at - column;
}

/* What is searched for stands out wherever the list shows it. */
static void mark_matches(const struct view *v)
{
    const char *needle = screen_list(v->m)->search;
    if (text_is_empty(needle))
        return;
    for (int row = v->l.list_row; row < v->l.list_row + v->l.list_rows + v->l.title_rows && row < v->g->rows;
         row++)
        for (int column = 3; column < v->g->columns; column++)
            grid_restyle(v->g, row, column, cells_spelling(v->g, row, column, needle), STYLE_MATCH);
}

static void draw_screen(const struct view *v)
{
    static void (*const draw[SCREEN_COUNT])(const struct view *) = {
        [SCREEN_ENVIRONMENTS] = view_environments, [SCREEN_OVERVIEW] = view_overview,
        [SCREEN_MIGRATIONS] = view_migrations, [SCREEN_TABLES] = view_tables, [SCREEN_PLAN] = view_plan, [SCREEN_DIFF] = view_diff,
        [SCREEN_DIAGNOSE] = view_diagnose,
        [SCREEN_ACTIVITY] = view_activity, [SCREEN_LOG] = view_log,
    };
    view_header(v);
    view_tabs(v);
    rule(v, 2);
    draw[v->m->screen](v);
    mark_matches(v);
    view_message(v);
    rule(v, v->l.rule_row);
    view_footer(v);
    view_modal(v);
}

/* What stands for our marks where the terminal has no Unicode; all else that is not ASCII becomes '?'. */
void view_ascii(struct grid *g)
{
    static const struct { const char *mark; char ascii; } marks[] = {
        {"\xe2\x80\xa6", '.'}, {"\xe2\x94\x80", '-'}, {"\xe2\x94\x82", '|'}, {"\xe2\x94\x8c", '+'},
        {"\xe2\x94\x90", '+'}, {"\xe2\x94\x94", '+'}, {"\xe2\x94\x98", '+'}, {"\xe2\x96\xb8", '>'},
        {"\xe2\x89\x88", '~'}, {"\xc2\xb7", '.'}, {"\xe2\x9c\x93", '+'}, {"\xe2\x9c\x97", 'X'},
        {"\xe2\x96\x8c", '['}, {"\xe2\x96\x90", ']'}, {"\xe2\x94\x81", '='}, {"\xe2\x86\x92", '>'},
        {"\xe2\x88\x92", '-'}, {"\xe2\x89\xa0", '!'}, {"\xe2\x87\xa2", '>'}, {"\xe2\x97\x8f", '*'},
        {"\xe2\x9a\xa0", '!'}, {"\xe2\x96\x8f", '_'}, {"\xe2\x97\x8b", 'o'},
        {"\xe2\x96\xb6", '>'}, {"\xe2\x80\x96", '|'}, {"\xe2\x97\x86", 'A'}, {"\xe2\x97\x87", 'N'},
        {"\xc3\x97", 'x'},
    };
    for (int i = 0; i < g->rows * g->columns; i++) {
        struct cell *cell = &g->cells[i];
        if (!((unsigned char)cell->text[0] & 0x80))
            continue;
        char ascii = '?';
        for (size_t n = 0; n < sizeof marks / sizeof marks[0]; n++)
            if (strcmp(cell->text, marks[n].mark) == 0)
                ascii = marks[n].ascii;
        if (cell->width == 2)
            cell[1] = (struct cell){.text = " ", .style = cell->style, .width = 1};
        *cell = (struct cell){.text = {ascii, '\0'}, .style = cell->style, .width = 1};
    }
}

void view_draw(const struct model *m, const struct view_options *options, struct grid *g)
{
    struct view v = {.m = m, .g = g, .l = layout_of(m), .ascii = options && options->ascii};
    grid_init(g, g->rows, g->columns);
    if (g->columns < LEAST_COLUMNS || g->rows < LEAST_ROWS || v.l.too_small)
        draw_too_small(&v);
    else
        draw_screen(&v);
    if (v.ascii)
        view_ascii(g);
}
