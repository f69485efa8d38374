/* list - selection, filter and search over a screen's rows, wherever they are kept; and the pages of those
 * that lie in a store. */
#ifndef SEEDOPS_APP_LIST_H
#define SEEDOPS_APP_LIST_H

#include "app/model.h"

/* Rows that the current list of the current screen shows (its filter applied). */
int64_t list_count(const struct model *m);
/* The `nth` shown row's index among all rows in memory, or -1. */
int64_t list_index(const struct model *m, int64_t nth);
/* The selected row's index, or -1 when there is none. */
/* The next row that is shown after that one, -1: it is the last. For who draws a page of a long list. */
int64_t list_after(const struct model *m, int64_t row);
int64_t list_selected(const struct model *m);
void list_select(struct model *m, int64_t nth);
/* Moves to the next row that holds the search text, from the selected one on (or including it). */
void list_search(struct model *m, bool backwards, bool from_here, struct effects *effects);
void list_filter(struct model *m, const char *filter, struct effects *effects);
/* After every input: selection within rows, top within bounds, the viewport's pages asked for. */
void list_settle(struct model *m, struct effects *effects);

/* A row of a store, or NULL while its page is not here. */
const struct fact_row *rowset_row(const struct rowset *rs, int64_t row);
const char *rowset_cell(const struct rowset *rs, int64_t row, size_t cell);   /* "" for none */
/* Forgets the rows and drops their stores. */
void rowset_reset(struct rowset *rs, struct effects *effects);
/* IN_STORE: a store for these rows, or more of it. */
void rowset_store(struct rowset *rs, const struct input *in, struct effects *effects);
/* IN_STORE in answer to EFFECT_FILTER. */
void rowset_filtered(struct rowset *rs, const struct input *in, struct effects *effects);
void rowset_unfilter(struct rowset *rs, struct effects *effects);
void rowset_page(struct rowset *rs, const struct input *in);
void rowset_want(struct model *m, struct rowset *rs, int64_t top, int64_t rows, struct effects *effects);

#endif
