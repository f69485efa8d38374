/* roam - walking around in a moment of a session: the console's own update() on a copy of the model, answered
 * from what the journal holds up to that moment, and by nothing else. What it does not hold is "not captured". */
#ifndef SEEDOPS_REPLAY_ROAM_H
#define SEEDOPS_REPLAY_ROAM_H

#include "replay/source.h"

struct roam;

/* Borrows the source. */
struct roam *roam_new(struct source *source);
void roam_free(struct roam *roam);
/* Takes a copy of the model as it was after input n and makes it the place to walk in. With a place left
 * before, its view (screen, selections, filters, what was open) is kept. */
void roam_enter(struct roam *roam, struct model *model, uint64_t n, int columns, int rows);
/* Forgets the place. */
void roam_leave(struct roam *roam);
bool roam_in(const struct roam *roam);
const struct model *roam_model(const struct roam *roam);     /* NULL: nowhere */
/* A message of the reviewer (takes it). False: it would leave the console, so it should leave the roaming. */
bool roam_input(struct roam *roam, struct input *in);
/* For the eye at another size: fits the model, the one after input n, to that size and to the moment `at_ms`;
 * rows that come into view are those that were recorded by then. */
void roam_fit(struct roam *roam, struct model *model, uint64_t n, int64_t at_ms, int columns, int rows);

/* The rows of a store that were recorded up to input n, sorted; given: roam_rows_free. */
struct roam_row { int64_t row; struct fact_row cells; };
struct roam_rows { struct roam_row *items; size_t count; bool all; };
void roam_rows_of(struct source *source, uint64_t store, uint64_t n, struct roam_rows *rows);
void roam_rows_free(struct roam_rows *rows);
/* The newest store named so that was announced in (since, n], 0: none; *announced is that input (given). */
uint64_t roam_store_of(struct source *source, const char *name, uint64_t since, uint64_t n,
                       struct input **announced);
/* The input after which all that was recorded up to n is of the environment that is open then. */
uint64_t roam_since(struct source *source, const char *environment, uint64_t n);

#endif
