/* ui - the two pure faces of the console: a model drawn into a grid, and keys read as messages. */
#ifndef SEEDOPS_UI_UI_H
#define SEEDOPS_UI_UI_H

#include "app/app.h"
#include "grid.h"

struct view_options {
    bool ascii;             /* no Unicode drawing */
};

/* Draws the whole screen at the grid's size. Leaves the model as it was. */
void view_draw(const struct model *model, const struct view_options *options, struct grid *grid);

/* A key as the terminal layer names it: "a", "é", "ctrl-x", "enter", "esc", "up", "pgdn", "f1", "tab",
 * "shift-tab", "backspace", "space" ... Gives an IN_ACTION or IN_TEXT for what has focus (input_free), or NULL
 * if the key means nothing here. */
struct input *keymap_key(const struct model *model, const char *key);
/* A click or wheel ("click", "double", "wheel-up", "wheel-down") on what was drawn. */
struct input *keymap_mouse(const struct model *model, const struct grid *grid, const char *kind, int row, int column);
/* A bracketed paste: one message. */
struct input *keymap_paste(const struct model *model, const char *text);
/* True while what is typed goes to the runtime's locked buffer and only its length is a message. */
bool keymap_secret(const struct model *model);

#endif
