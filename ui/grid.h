/* grid - a screen as cells: one grapheme cluster and one style role each. Views write it, curses paints it,
 * tests print it. Knows no colours and no terminal. */
#ifndef SEEDOPS_UI_GRID_H
#define SEEDOPS_UI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum style {
    STYLE_PLAIN, STYLE_DIM, STYLE_BOLD, STYLE_TITLE, STYLE_SELECTED, STYLE_KEY, STYLE_RULE,
    STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_ADDED, STYLE_CHANGED, STYLE_REMOVED, STYLE_HELD,
    STYLE_LOCAL, STYLE_STAGING, STYLE_PRODUCTION, STYLE_WRITE_MODE, STYLE_DIALOG, STYLE_FIELD,
    STYLE_BUTTON, STYLE_BUTTON_FOCUS, STYLE_SQL_KEYWORD, STYLE_SQL_STRING, STYLE_SQL_COMMENT, STYLE_MATCH,
    STYLE_COUNT
};

enum { CELL_BYTES = 24 };
struct cell {
    char text[CELL_BYTES];   /* a cluster, NUL-terminated; "" is the second half of a wide one */
    uint8_t style, width;    /* width 0 (second half), 1 or 2 */
};

/* A region that a mouse click turns into a message. */
struct hit { int row, column, rows, columns; char action[32]; int64_t number; };

struct grid {
    int rows, columns;
    struct cell *cells;
    int cursor_row, cursor_column;   /* -1: hidden */
    struct hit *hits;
    size_t hit_count, hit_capacity;
};

void grid_init(struct grid *g, int rows, int columns);   /* clears; may be called again with another size */
void grid_free(struct grid *g);
/* Writes text (made visible, cut to `width` cells; a cut one ends in "…"); returns the cells used. Outside
 * the grid nothing happens. */
int grid_text(struct grid *g, int row, int column, int width, enum style style, const char *text);
int grid_printf(struct grid *g, int row, int column, int width, enum style style, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* The same, aligned right within `width`. */
int grid_right(struct grid *g, int row, int column, int width, enum style style, const char *text);
void grid_fill(struct grid *g, int row, int column, int rows, int columns, enum style style, const char *cluster);
void grid_restyle(struct grid *g, int row, int column, int columns, enum style style);
void grid_hit(struct grid *g, int row, int column, int rows, int columns, const char *action, int64_t number);
const struct hit *grid_hit_at(const struct grid *g, int row, int column);
/* As text, a line a row, trailing blanks removed. */
struct str;
void grid_print(const struct grid *g, struct str *out);
/* The same with a second block of style letters, for golden screens that care. */
void grid_print_styles(const struct grid *g, struct str *out);

#endif
