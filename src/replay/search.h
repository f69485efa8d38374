/* search - which input holds a text: what was typed, a statement, a table, a row, an SQLSTATE. */
#ifndef SEEDOPS_REPLAY_SEARCH_H
#define SEEDOPS_REPLAY_SEARCH_H

#include "replay/source.h"

struct search {
    uint64_t at;             /* the next to look at; 0: through */
    bool backwards;
    char *needle, *encoded;  /* as it would stand in a line */
};

/* From input n on, not n itself. */
void search_start(struct search *search, const char *needle, uint64_t n, bool backwards);
/* Looks through about `bytes` of lines. True when it is through: *found is the input, 0 none. */
bool search_work(struct search *search, struct source *source, size_t bytes, uint64_t *found);
void search_end(struct search *search);
/* True if some text of the input holds the needle, ASCII case ignored. */
bool search_holds(const struct input *in, const char *needle);

#endif
