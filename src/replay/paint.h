/* paint - a grid as the bytes a terminal understands, and as HTML: for casts and reports. Pure. */
#ifndef SEEDOPS_REPLAY_PAINT_H
#define SEEDOPS_REPLAY_PAINT_H

#include "base/str.h"
#include "grid.h"

/* What turns the screen `from` (NULL: an empty one) into `to`, of the same size. Nothing when they are equal. */
void paint_terminal(struct str *out, const struct grid *from, const struct grid *to);
/* A <pre>, its cells in spans of the classes that paint_css() styles. */
void paint_html(struct str *out, const struct grid *grid);
void paint_css(struct str *out);
/* `text` made visible, with HTML's own characters written out. */
void paint_html_text(struct str *out, const char *text);

#endif
