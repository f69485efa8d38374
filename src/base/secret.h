/* secret - bytes that must not be paged out, dumped, logged or journaled (libsodium's guarded memory). */
#ifndef SEEDOPS_BASE_SECRET_H
#define SEEDOPS_BASE_SECRET_H

#include <stddef.h>

enum { SECRET_MAX = 1023 };

struct secret;                       /* NULL is the empty secret everywhere below */

struct secret *secret_new(const char *text, size_t length);   /* cut at SECRET_MAX; free with secret_free */
struct secret *secret_copy(const struct secret *s);
void secret_free(struct secret *s);
const char *secret_text(const struct secret *s);   /* NUL-terminated; borrows; "" for NULL */
size_t secret_length(const struct secret *s);
/* For typing into: appends or removes one UTF-8 character; *s may be NULL before. */
void secret_append(struct secret **s, const char *bytes, size_t length);
void secret_backspace(struct secret *s);
/* Overwrites a C string in place (argv, getenv copies). */
void secret_wipe(char *text);

#endif
