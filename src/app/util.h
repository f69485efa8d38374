/* util - owned texts and ASCII comparison, for the pure rooms: no locale decides what a letter is. */
#ifndef SEEDOPS_APP_UTIL_H
#define SEEDOPS_APP_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

const char *or_empty(const char *text);                  /* NULL reads as "" */
bool text_same(const char *a, const char *b);            /* NULL equals "" */
bool text_is_empty(const char *text);
void text_replace(char **place, const char *text);       /* frees the old, copies the new (NULL: NULL) */
bool text_holds(const char *text, const char *needle);   /* ASCII case ignored; every text holds "" */
/* True if the row's text passes a filter: holds it, or with a leading '!' does not. */
bool text_passes(const char *text, const char *filter);
/* How well `query`'s letters occur in `text` in order: -1 not at all, else more is better. */
int text_fuzzy(const char *text, const char *query);
int64_t clamp(int64_t n, int64_t least, int64_t most);

#endif
