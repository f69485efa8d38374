/* json_write - JSON out: a stream into a str, with commas taken care of. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { DEEPEST = sizeof((struct json_out *)0)->comma / sizeof(bool) };

void json_begin(struct json_out *o, struct str *to) { *o = (struct json_out){.to = to}; }

static void before_value(struct json_out *o)
{
    if (!o->after_key && o->comma[o->depth])
        str_add_char(o->to, ',');
    o->after_key = false;
    o->comma[o->depth] = true;
}

static void open_with(struct json_out *o, char bracket)
{
    before_value(o);
    str_add_char(o->to, bracket);
    if (++o->depth >= DEEPEST)
        err_abort("JSON is written too deep");
    o->comma[o->depth] = false;
}

static void close_with(struct json_out *o, char bracket)
{
    if (o->depth == 0)
        err_abort("JSON is closed more often than opened");
    o->depth--;
    str_add_char(o->to, bracket);
}

void json_object(struct json_out *o) { open_with(o, '{'); }
void json_object_end(struct json_out *o) { close_with(o, '}'); }
void json_array(struct json_out *o) { open_with(o, '['); }
void json_array_end(struct json_out *o) { close_with(o, ']'); }

/* JSON only asks for C0, quote and backslash; C1 and bidi controls are escaped too because the document may
 * well end up on a terminal. */
static bool needs_escape(int32_t c)
{
    return c < 0x20 || c == '"' || c == '\\' || (c >= 0x7f && c <= 0x9f) || c == 0x061c ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void add_escape(struct str *s, int32_t c)
{
    switch (c) {
    case '"': str_add(s, "\\\""); break;
    case '\\': str_add(s, "\\\\"); break;
    case '\n': str_add(s, "\\n"); break;
    case '\r': str_add(s, "\\r"); break;
    case '\t': str_add(s, "\\t"); break;
    default: str_printf(s, "\\u%04x", (unsigned)c);
    }
}

/* How many of the next characters are printable ASCII that stands for itself: most of what is written is. */
static size_t plain_run(const char *text, size_t length)
{
    size_t n = 0;
    while (n < length && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

static void add_quoted(struct str *s, const char *text, size_t length)
{
    str_add_char(s, '"');
    size_t start = 0, i = 0;
    while ((i += plain_run(text + i, length - i)) < length) {
        int32_t point;
        size_t taken = text_decode(text + i, length - i, &point);
        if (point < 0 || needs_escape(point)) {
            str_add_bytes(s, text + start, i - start);
            if (point < 0)
                str_add(s, "\uFFFD");
            else
                add_escape(s, point);
            start = i + taken;
        }
        i += taken;
    }
    str_add_bytes(s, text + start, length - start);
    str_add_char(s, '"');
}

void json_key(struct json_out *o, const char *key)
{
    before_value(o);
    add_quoted(o->to, key, strlen(key));
    str_add_char(o->to, ':');
    o->after_key = true;
}

void json_text_bytes(struct json_out *o, const char *text, size_t length)
{
    if (!text) {
        json_null(o);
        return;
    }
    before_value(o);
    add_quoted(o->to, text, length);
}

void json_text(struct json_out *o, const char *text) { json_text_bytes(o, text, text ? strlen(text) : 0); }

void json_int(struct json_out *o, int64_t value)
{
    before_value(o);
    str_printf(o->to, "%lld", (long long)value);
}

/* The shortest text that reads back as the same number; JSON has no word for infinity and NaN. */
void json_double(struct json_out *o, double value)
{
    if (!isfinite(value)) {
        json_null(o);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    before_value(o);
    str_add(o->to, text);
}

void json_bool(struct json_out *o, bool value)
{
    before_value(o);
    str_add(o->to, value ? "true" : "false");
}

void json_raw(struct json_out *o, const char *written)
{
    before_value(o);
    str_add(o->to, written);
}

void json_null(struct json_out *o)
{
    before_value(o);
    str_add(o->to, "null");
}

void json_put_text(struct json_out *o, const char *key, const char *text)
{
    json_key(o, key);
    json_text(o, text);
}

void json_put_int(struct json_out *o, const char *key, int64_t value)
{
    json_key(o, key);
    json_int(o, value);
}

void json_put_known(struct json_out *o, const char *key, int64_t value)
{
    json_key(o, key);
    if (value < 0)
        json_null(o);
    else
        json_int(o, value);
}

void json_put_bool(struct json_out *o, const char *key, bool value)
{
    json_key(o, key);
    json_bool(o, value);
}

void json_put_list(struct json_out *o, const char *key, const void *items, size_t count, size_t size,
                   void (*put)(struct json_out *o, const void *item))
{
    json_key(o, key);
    json_array(o);
    for (size_t i = 0; i < count; i++) {
        json_object(o);
        put(o, (const char *)items + i * size);
        json_object_end(o);
    }
    json_array_end(o);
}
