/* paint - one table of looks, for terminals (SGR) and for HTML (CSS). The grid is clean already: controls
 * were made visible when they were put into it. */
#include "replay/paint.h"

#include <string.h>

#include "base/text.h"

static const struct { const char *sgr, *css; } looks[STYLE_COUNT] = {
    [STYLE_PLAIN] = {"", ""}, [STYLE_DIM] = {"2", "opacity:.6"}, [STYLE_BOLD] = {"1", "font-weight:bold"},
    [STYLE_TITLE] = {"1;36", "font-weight:bold;color:#2bb"}, [STYLE_SELECTED] = {"7", "background:#ccc;color:#111"},
    [STYLE_KEY] = {"1;36", "font-weight:bold;color:#2bb"}, [STYLE_RULE] = {"2", "opacity:.5"},
    [STYLE_GOOD] = {"32", "color:#5c5"}, [STYLE_WARN] = {"1;33", "font-weight:bold;color:#dc4"},
    [STYLE_BAD] = {"1;31", "font-weight:bold;color:#f66"}, [STYLE_ADDED] = {"32", "color:#5c5"},
    [STYLE_CHANGED] = {"33", "color:#dc4"}, [STYLE_REMOVED] = {"31", "color:#f66"},
    [STYLE_HELD] = {"1;35", "font-weight:bold;color:#d7d"},
    [STYLE_LOCAL] = {"1;7;32", "font-weight:bold;background:#5c5;color:#111"},
    [STYLE_STAGING] = {"1;7;33", "font-weight:bold;background:#dc4;color:#111"},
    [STYLE_PRODUCTION] = {"1;37;41", "font-weight:bold;background:#c22;color:#fff"},
    [STYLE_WRITE_MODE] = {"1;30;43", "font-weight:bold;background:#dc4;color:#111"},
    [STYLE_DIALOG] = {"", ""}, [STYLE_FIELD] = {"4", "text-decoration:underline"}, [STYLE_BUTTON] = {"", ""},
    [STYLE_BUTTON_FOCUS] = {"1;7", "font-weight:bold;background:#ccc;color:#111"},
    [STYLE_SQL_KEYWORD] = {"1;36", "font-weight:bold;color:#2bb"}, [STYLE_SQL_STRING] = {"32", "color:#5c5"},
    [STYLE_SQL_COMMENT] = {"2", "opacity:.6"},
    [STYLE_MATCH] = {"1;7;33", "font-weight:bold;background:#dc4;color:#111"},
};

static const char *sgr_of(uint8_t style) { return looks[style].sgr ? looks[style].sgr : ""; }
static const char *css_of(uint8_t style) { return looks[style].css ? looks[style].css : ""; }

/* ---- a terminal ---- */

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->style == b->style && a->width == b->width && strcmp(a->text, b->text) == 0;
}

struct pen { int row, column, style; };

/* Terminals differ in how wide they think a cluster is: after one that is not plain the cursor is placed anew. */
static bool is_plain(const struct cell *cell) { return cell->width == 1 && strlen(cell->text) <= 3; }

static void put_cell(struct str *out, struct pen *pen, int row, int column, const struct cell *cell)
{
    if (pen->row != row || pen->column != column)
        str_printf(out, "\033[%d;%dH", row + 1, column + 1);
    if (pen->style != cell->style)
        str_printf(out, *sgr_of(cell->style) ? "\033[0;%sm" : "\033[0m", sgr_of(cell->style));
    str_add(out, cell->text);
    *pen = (struct pen){.row = row, .column = is_plain(cell) ? column + 1 : -1, .style = cell->style};
}

static void put_row(struct str *out, struct pen *pen, const struct grid *from, const struct grid *to, int row)
{
    static const struct cell empty = {.text = " ", .style = STYLE_PLAIN, .width = 1};
    for (int column = 0; column < to->columns; column++) {
        const struct cell *cell = &to->cells[row * to->columns + column];
        const struct cell *was = from ? &from->cells[row * to->columns + column] : &empty;
        if (cell->width && !same_cell(cell, was))
            put_cell(out, pen, row, column, cell);
    }
}

void paint_terminal(struct str *out, const struct grid *from, const struct grid *to)
{
    struct pen pen = {.row = -1, .column = -1, .style = -1};
    size_t start = out->length;
    if (!from)
        str_add(out, "\033[0m\033[2J\033[H\033[?25l");
    for (int row = 0; row < to->rows; row++)
        put_row(out, &pen, from, to, row);
    bool moved = !from || from->cursor_row != to->cursor_row || from->cursor_column != to->cursor_column;
    if (pen.style > 0)
        str_add(out, "\033[0m");
    if (to->cursor_row >= 0 && (moved || out->length > start))
        str_printf(out, "\033[%d;%dH", to->cursor_row + 1, to->cursor_column + 1);
    if (moved && from)
        str_add(out, to->cursor_row >= 0 ? "\033[?25h" : "\033[?25l");
}

/* ---- HTML ---- */

static void escape(struct str *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        switch (text[i]) {
        case '&': str_add(out, "&amp;"); break;
        case '<': str_add(out, "&lt;"); break;
        case '>': str_add(out, "&gt;"); break;
        case '"': str_add(out, "&quot;"); break;
        case '\'': str_add(out, "&#39;"); break;
        default: str_add_char(out, text[i]); break;
        }
}

void paint_html_text(struct str *out, const char *text)
{
    struct str visible = {0};
    text_visible(&visible, text ? text : "", text ? strlen(text) : 0);
    escape(out, str_text(&visible), visible.length);
    str_free(&visible);
}

void paint_css(struct str *out)
{
    for (int style = 0; style < STYLE_COUNT; style++)
        if (*css_of((uint8_t)style))
            str_printf(out, ".s%d{%s}\n", style, css_of((uint8_t)style));
}

void paint_html(struct str *out, const struct grid *g)
{
    str_add(out, "<pre class=\"screen\">");
    for (int row = 0; row < g->rows; row++) {
        int open = STYLE_PLAIN;
        for (int column = 0; column < g->columns; column++) {
            const struct cell *cell = &g->cells[row * g->columns + column];
            int style = *css_of(cell->style) ? cell->style : STYLE_PLAIN;
            if (style != open && open != STYLE_PLAIN)
                str_add(out, "</span>");
            if (style != open && style != STYLE_PLAIN)
                str_printf(out, "<span class=\"s%d\">", style);
            open = style;
            escape(out, cell->text, strlen(cell->text));
        }
        str_add(out, open != STYLE_PLAIN ? "</span>\n" : "\n");
    }
    str_add(out, "</pre>\n");
}
