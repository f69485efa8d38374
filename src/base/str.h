/* str - a growing byte string, always NUL-terminated once something was added. */
#ifndef SEEDOPS_BASE_STR_H
#define SEEDOPS_BASE_STR_H

#include <stddef.h>

struct str {
    char *text;          /* NULL while empty and never used; str_text() gives "" then */
    size_t length, capacity;
};

void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *bytes, size_t length);
void str_add_char(struct str *s, char c);
void str_printf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_reserve(struct str *s, size_t more);   /* so that adding `more` bytes does not move the text */
void str_reset(struct str *s);            /* empties, keeps the memory */
void str_free(struct str *s);
const char *str_text(const struct str *s); /* borrows until the next change; never NULL */
char *str_take(struct str *s);             /* gives the text (never NULL) and leaves *s empty */

#endif
