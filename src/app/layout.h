/* layout - where the parts of the screen are: arithmetic on its size, shared by update (viewport) and view.
 * Depends on the size and the screen alone, so nothing moves when data arrives. */
#ifndef SEEDOPS_APP_LAYOUT_H
#define SEEDOPS_APP_LAYOUT_H

#include "app/model.h"

struct layout {
    bool too_small;
    int sentence_row, sentence_rows;
    int head_row;                /* column titles */
    int list_row, list_rows;
    int title_rows;              /* further rows below the list, for titles between its rows (Overview) */
    int detail_row, detail_rows; /* about the selected row, or the Overview's migrations */
    int message_row, rule_row, footer_row;
};

struct layout layout_of(const struct model *m);
/* Rows of a picking list (help, palette, menu) inside its box. */
int layout_pick_rows(const struct model *m);

#endif
