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
/* The first text of the input that holds the needle, ASCII case ignored; NULL: none does. Borrows. */
const char *search_text(const struct input *in, const char *needle);
/* "#84 statement: ... what stands around it", as a person reads what was found. */
void search_excerpt(const struct input *in, const char *needle, char *out, size_t size);

#endif
