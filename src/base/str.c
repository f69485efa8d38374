/* str - a growing byte string. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void str_reserve(struct str *s, size_t more)
{
    size_t need = s->length + more + 1;
    if (need <= s->capacity)
        return;
    size_t want = s->capacity ? s->capacity : 64;
    while (want < need)
        want *= 2;
    s->text = xrealloc(s->text, want);
    s->capacity = want;
}

void str_add_bytes(struct str *s, const void *bytes, size_t length)
{
    str_reserve(s, length);
    if (length)
        memcpy(s->text + s->length, bytes, length);
    s->length += length;
    s->text[s->length] = '\0';
}

void str_add(struct str *s, const char *text) { str_add_bytes(s, text, strlen(text)); }

void str_add_char(struct str *s, char c)
{
    str_reserve(s, 1);
    s->text[s->length++] = c;
    s->text[s->length] = '\0';
}

void str_printf(struct str *s, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        err_abort("str_printf: bad format");
    str_reserve(s, (size_t)length);
    vsnprintf(s->text + s->length, (size_t)length + 1, format, again);
    va_end(again);
    s->length += (size_t)length;
}

void str_reset(struct str *s)
{
    s->length = 0;
    if (s->text)
        s->text[0] = '\0';
}

void str_free(struct str *s)
{
    free(s->text);
    *s = (struct str){0};
}

const char *str_text(const struct str *s) { return s->text ? s->text : ""; }

char *str_take(struct str *s)
{
    char *text = s->text ? s->text : xstrdup("");
    *s = (struct str){0};
    return text;
}
