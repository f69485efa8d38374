/* stores - the console's row sets by number: an operation appends to one while the pages worker reads it. */
#ifndef SEEDOPS_RUN_STORES_H
#define SEEDOPS_RUN_STORES_H

#include "event/types.h"
#include "store/store.h"

struct stores;
struct stores *stores_new(void);
void stores_free(struct stores *stores);    /* no thread may use it any more */

/* A new store under a number of its own (never 0, never used again), shown as `name`. */
bool stores_add(struct stores *stores, const char *name, uint64_t *id, struct err *err);
bool stores_append(struct stores *stores, uint64_t id, const char *const *cells, size_t count,
                   struct err *err);
void stores_drop(struct stores *stores, uint64_t id);   /* unknown: nothing */
uint64_t stores_count(struct stores *stores, uint64_t id);

/* An IN_PAGE (given) of rows [first, first + want). */
bool stores_page(struct stores *stores, uint64_t id, uint64_t first, size_t want, struct input **page,
                 struct err *err);
/* *row is UINT64_MAX when nothing was found. */
bool stores_search(struct stores *stores, uint64_t id, const char *needle, uint64_t from, bool backwards,
                   int cancel_fd, uint64_t *row, struct err *err);
/* A new store of the rows that hold `needle`, under the old one's name; *name is given. */
bool stores_filter(struct stores *stores, uint64_t id, const char *needle, int cancel_fd, uint64_t *filtered,
                   char **name, struct err *err);

#endif
