/* diff_row - the cells of a row in a diff's store, and the place of the selected one. */
#ifndef SEEDOPS_APP_DIFF_ROW_H
#define SEEDOPS_APP_DIFF_ROW_H

#include "app/model.h"

enum diff_cell_index {
    DIFF_KIND, DIFF_KEY, DIFF_COLUMN, DIFF_FIXTURE, DIFF_LIVE, DIFF_AT, DIFF_ALLOWED, DIFF_CELLS
};

/* File (given: free()) and line of the fixture row behind the selected difference; "" and 0: none. */
void diff_row_place(const struct model *m, char **file, int64_t *line);

#endif
