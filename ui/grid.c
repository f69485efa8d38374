/* grid - cells, and the only way text gets into them: made visible, cut to width, wide halves kept whole.
 * Knows no terminal; called by the views, the painter and the tests. */
#include "grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/text.h"

static const char ellipsis[] = "\xe2\x80\xa6";      /* … */
static const char replacement[] = "\xef\xbf\xbd";   /* U+FFFD: a cluster that fits no cell */

void grid_init(struct grid *g, int rows, int columns)
{
    if (rows != g->rows || columns != g->columns || !g->cells) {
        free(g->cells);
        g->rows = rows > 0 ? rows : 0;
        g->columns = columns > 0 ? columns : 0;
        g->cells = xcalloc((size_t)g->rows * (size_t)g->columns, sizeof *g->cells);
    }
    for (int i = 0; i < g->rows * g->columns; i++)
        g->cells[i] = (struct cell){.text = " ", .style = STYLE_PLAIN, .width = 1};
    g->cursor_row = g->cursor_column = -1;
    g->hit_count = 0;
}

void grid_free(struct grid *g)
{
    free(g->cells);
    free(g->hits);
    *g = (struct grid){0};
}

static struct cell *cell_at(struct grid *g, int row, int column)
{
    return &g->cells[row * g->columns + column];
}

static void blank(struct cell *cell)
{
    memcpy(cell->text, " ", 2);
    cell->width = 1;
}

/* Puts one cluster where it fits whole. A wide one that is half overwritten loses its other half. */
static void put(struct grid *g, int row, int column, const char *bytes, size_t length, int width,
                enum style style)
{
    struct cell *cell = cell_at(g, row, column);
    if (cell->width == 0 && column > 0)
        blank(cell - 1);
    if (column + width < g->columns && cell_at(g, row, column + width)->width == 0)
        blank(cell_at(g, row, column + width));
    memcpy(cell->text, bytes, length);
    cell->text[length] = '\0';
    cell->style = (uint8_t)style;
    cell->width = (uint8_t)width;
    if (width == 2)
        cell[1] = (struct cell){.text = "", .style = (uint8_t)style, .width = 0};
}

/* The next cluster of *text as the cells will show it: itself, its visible escape (ASCII), or U+FFFD. */
static size_t next_shown(const char **text, struct str *escape, const char **shown, int *cells)
{
    bool visible;
    size_t length = text_cluster(*text, strlen(*text), cells, &visible);
    *shown = *text;
    *text += length;
    if (!visible) {
        str_reset(escape);
        text_visible(escape, *shown, length);
        *shown = str_text(escape);
        *cells = (int)escape->length;
        return escape->length;
    }
    if (length >= CELL_BYTES || *cells <= 0) {
        *shown = replacement;
        *cells = *cells == 2 ? 2 : 1;
        return sizeof replacement - 1;
    }
    return length;
}

/* True if all of `text` takes at most `width` cells; never looks further than that. */
static bool fits(const char *text, int width)
{
    struct str escape = {0};
    int used = 0;
    while (*text && used <= width) {
        const char *shown;
        int cells;
        next_shown(&text, &escape, &shown, &cells);
        used += cells;
    }
    str_free(&escape);
    return used <= width;
}

int grid_text(struct grid *g, int row, int column, int width, enum style style, const char *text)
{
    if (!text || row < 0 || row >= g->rows || column < 0 || column >= g->columns)
        return 0;
    if (width > g->columns - column)
        width = g->columns - column;
    if (width <= 0)
        return 0;
    bool whole = fits(text, width);
    int limit = whole ? width : width - 1, used = 0;
    struct str escape = {0};
    while (*text) {
        const char *shown;
        int cells;
        size_t length = next_shown(&text, &escape, &shown, &cells);
        bool escaped = shown == escape.text;
        if (!escaped && used + cells > limit)
            break;
        if (!escaped)
            put(g, row, column + used, shown, length, cells, style);
        for (int i = 0; escaped && i < cells && used + i < limit; i++)
            put(g, row, column + used + i, shown + i, 1, 1, style);
        used += cells;
        if (used >= limit)
            break;
    }
    if (used > limit)
        used = limit;
    if (!whole)
        put(g, row, column + used++, ellipsis, sizeof ellipsis - 1, 1, style);
    str_free(&escape);
    return used;
}

int grid_printf(struct grid *g, int row, int column, int width, enum style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char small[1024];
    int length = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (length < 0)
        return 0;
    if ((size_t)length < sizeof small)
        return grid_text(g, row, column, width, style, small);
    char *large = xmalloc((size_t)length + 1);
    va_start(args, format);
    vsnprintf(large, (size_t)length + 1, format, args);
    va_end(args);
    int used = grid_text(g, row, column, width, style, large);
    free(large);
    return used;
}

int grid_right(struct grid *g, int row, int column, int width, enum style style, const char *text)
{
    if (!text || width <= 0)
        return 0;
    int need = 0;
    if (fits(text, width)) {
        struct str escape = {0};
        for (const char *p = text; *p;) {
            const char *shown;
            int cells;
            next_shown(&p, &escape, &shown, &cells);
            need += cells;
        }
        str_free(&escape);
        return grid_text(g, row, column + width - need, need, style, text);
    }
    return grid_text(g, row, column, width, style, text);
}

void grid_fill(struct grid *g, int row, int column, int rows, int columns, enum style style,
               const char *cluster)
{
    for (int r = row < 0 ? 0 : row; r < row + rows && r < g->rows; r++)
        for (int c = column < 0 ? 0 : column; c < column + columns && c < g->columns; c++)
            put(g, r, c, cluster, strlen(cluster), 1, style);
}

void grid_restyle(struct grid *g, int row, int column, int columns, enum style style)
{
    if (row < 0 || row >= g->rows)
        return;
    for (int c = column < 0 ? 0 : column; c < column + columns && c < g->columns; c++)
        cell_at(g, row, c)->style = (uint8_t)style;
}

void grid_hit(struct grid *g, int row, int column, int rows, int columns, const char *action, int64_t number)
{
    if (g->hit_count == g->hit_capacity) {
        g->hit_capacity = g->hit_capacity ? g->hit_capacity * 2 : 32;
        g->hits = xrealloc(g->hits, g->hit_capacity * sizeof *g->hits);
    }
    struct hit *hit = &g->hits[g->hit_count++];
    *hit = (struct hit){.row = row, .column = column, .rows = rows, .columns = columns, .number = number};
    snprintf(hit->action, sizeof hit->action, "%s", action);
}

const struct hit *grid_hit_at(const struct grid *g, int row, int column)
{
    for (size_t i = g->hit_count; i-- > 0;) {   /* what was drawn last lies on top */
        const struct hit *hit = &g->hits[i];
        if (row >= hit->row && row < hit->row + hit->rows && column >= hit->column
            && column < hit->column + hit->columns)
            return hit;
    }
    return NULL;
}

static void trim_blanks(struct str *out, size_t from)
{
    while (out->length > from && out->text[out->length - 1] == ' ')
        out->text[--out->length] = '\0';
}

void grid_print(const struct grid *g, struct str *out)
{
    for (int row = 0; row < g->rows; row++) {
        size_t start = out->length;
        for (int column = 0; column < g->columns; column++)
            str_add(out, g->cells[row * g->columns + column].text);
        trim_blanks(out, start);
        str_add_char(out, '\n');
    }
}

/* One letter a style role, in the order of enum style. */
static const char style_letters[STYLE_COUNT + 1] = " dbTSkrGWB+~-hLYPwDFuUKsc/";

void grid_print_styles(const struct grid *g, struct str *out)
{
    grid_print(g, out);
    for (int row = 0; row < g->rows; row++) {
        size_t start = out->length;
        for (int column = 0; column < g->columns; column++)
            str_add_char(out, style_letters[g->cells[row * g->columns + column].style]);
        trim_blanks(out, start);
        str_add_char(out, '\n');
    }
}
