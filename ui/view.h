/* view - what the parts of the picture share. Every function draws from the model, changes nothing. */
#ifndef SEEDOPS_UI_VIEW_H
#define SEEDOPS_UI_VIEW_H

#include "app/layout.h"
#include "app/model.h"
#include "ui.h"

struct view {
    const struct model *m;
    struct grid *g;
    struct layout l;
    bool ascii;
};

/* ---- tables ---- */

/* A column keeps its width whatever the data; the growing ones share what is left. */
struct column {
    const char *title;
    int width;          /* without the two blanks behind it */
    bool right;
    int grow;           /* shares of the rest, 0: fixed */
    int from;           /* shown on screens at least this wide */
};
enum { COLUMNS_MOST = 12 };
struct table {
    const struct column *columns;
    int count;
    int x[COLUMNS_MOST], width[COLUMNS_MOST];   /* width 0: not shown */
};
struct table table_make(const struct view *v, const struct column *columns, int count);
void table_head(const struct view *v, const struct table *t);
void table_cell(const struct view *v, const struct table *t, int row, int column, enum style style,
                const char *text);
/* A number in full, or shortened ("48M") where it does not fit: never cut. "?" when unknown. */
void table_count(const struct view *v, const struct table *t, int row, int column, enum style style,
                 int64_t n, bool estimated);
/* How many rows differ: "·" for none, nothing for not compared. */
void table_difference(const struct view *v, const struct table *t, int row, int column, enum style style,
                      int64_t n);
/* Marks the row (screen row `row`, list row `nth`) if it is selected, and makes it clickable. */
void table_row(const struct view *v, int row, int64_t nth);

/* ---- pieces ---- */

/* Wraps at blanks into at most `rows` lines; the last is cut. Returns the lines used. */
int view_wrap(const struct view *v, int row, int column, int width, int rows, enum style style,
              const char *text);
/* Bytes of `text` that go on a line of `width` cells: up to its newline, or a blank where there is one; *skip
 * of what follows belongs to no line. */
size_t view_line(const char *text, int width, size_t *skip);
const char *view_count(char out[40], int64_t n, bool estimated);   /* "≈18 204", "?" unknown */
enum style view_role_style(const char *role);
/* Goes on in the blank line below it, where there is one. */
void view_sentence_line(const struct view *v, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Before there is anything to show: the Overview's sentence, on every screen alike. False: there is. */
bool view_unconnected(const struct view *v);
/* An empty list explains itself where its first row would be. */
void view_empty(const struct view *v, const char *text);
/* In place of a list row that is not here: on its way, or in a replay never recorded (`row` has no cells). */
void view_absent(const struct view *v, int row, int column, const struct fact_row *cells);
/* Cells of `text` on screen. */
int view_width(const char *text);

/* A box above the screen, its inside blank; clicks on it fall through to nothing. */
struct box { int row, column, rows, columns; };
struct box view_centred(const struct view *v, int rows, int columns);
void view_box(const struct view *v, const struct box *box, enum style style, const char *title);
/* Draws what is not ASCII anew: our marks by their stand-ins, all else as '?'. */
void view_ascii(struct grid *g);

/* ---- the parts ---- */

void view_header(const struct view *v);
void view_tabs(const struct view *v);
void view_message(const struct view *v);
void view_footer(const struct view *v);
void view_environments(const struct view *v);
void view_overview(const struct view *v);
void view_migrations(const struct view *v);
void view_tables(const struct view *v);
void view_diff(const struct view *v);
void view_diagnose(const struct view *v);
void view_activity(const struct view *v);
void view_log(const struct view *v);
void view_plan(const struct view *v);
void view_modal(const struct view *v);

/* sql.c: colours one line; `state` carries comments and dollar quotes from line to line (zeroed at the
 * start). */
struct sql_state { int comment_depth; char quote; char dollar[64]; };
void sql_draw(const struct view *v, struct sql_state *state, int row, int column, int width,
              const char *line);

#endif
