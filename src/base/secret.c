/* secret - libsodium's guarded allocations: locked, not dumped, wiped when freed. */
#include "base/secret.h"

#include <sodium.h>
#include <string.h>

#include "base/err.h"

struct secret {
    size_t length;
    char text[SECRET_MAX + 1];
};

struct secret *secret_new(const char *text, size_t length)
{
    if (sodium_init() < 0)
        err_abort("libsodium cannot start");
    struct secret *s = sodium_malloc(sizeof *s);
    if (!s)
        err_abort("out of memory");
    s->length = length < SECRET_MAX ? length : SECRET_MAX;
    if (s->length)
        memcpy(s->text, text, s->length);
    memset(s->text + s->length, 0, sizeof s->text - s->length);   /* sodium_malloc fills with garbage */
    return s;
}

struct secret *secret_copy(const struct secret *s) { return s ? secret_new(s->text, s->length) : NULL; }
void secret_free(struct secret *s) { sodium_free(s); }
const char *secret_text(const struct secret *s) { return s ? s->text : ""; }
size_t secret_length(const struct secret *s) { return s ? s->length : 0; }

void secret_append(struct secret **s, const char *bytes, size_t length)
{
    if (!*s)
        *s = secret_new("", 0);
    if (length > SECRET_MAX - (*s)->length)
        return;   /* a character is appended whole or not at all */
    memcpy((*s)->text + (*s)->length, bytes, length);
    (*s)->length += length;
}

void secret_backspace(struct secret *s)
{
    if (!s || s->length == 0)
        return;
    do {
        s->length--;
    } while (s->length > 0 && ((unsigned char)s->text[s->length] & 0xc0) == 0x80);
    sodium_memzero(s->text + s->length, sizeof s->text - s->length);
}

void secret_wipe(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
}
