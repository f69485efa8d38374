/* copy_text - COPY's text format: fields by tabs, escapes by backslashes. Pure bytes, no connection. */
#include <string.h>

#include "base/str.h"
#include "db/copy.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads one escape after its backslash, at `in` (in < end); gives the byte and the place behind it. */
static const char *read_escape(const char *in, const char *end, char *byte)
{
    static const char names[] = "bfnrtv", bytes[] = "\b\f\n\r\t\v";
    const char *named = *in ? strchr(names, *in) : NULL;
    if (named) {
        *byte = bytes[named - names];
        return in + 1;
    }
    int value = 0, digits = 0;
    if (*in == 'x') {
        const char *at = in + 1;
        for (int d; digits < 2 && at < end && (d = hex_digit(*at)) >= 0; at++, digits++)
            value = value * 16 + d;
        if (digits) {
            *byte = (char)value;
            return at;
        }
    }
    for (; digits < 3 && in < end && *in >= '0' && *in <= '7'; in++, digits++)
        value = value * 8 + (*in - '0');
    if (digits) {
        *byte = (char)value;
        return in;
    }
    *byte = *in;
    return in + 1;
}

/* Unescapes [in, end) into `out` (out <= in); returns the place behind the last byte. */
static char *unescape(char *out, const char *in, const char *end)
{
    while (in < end) {
        const char *plain = memchr(in, '\\', (size_t)(end - in));
        size_t length = (size_t)((plain ? plain : end) - in);
        memmove(out, in, length);
        out += length;
        in += length;
        if (!plain)
            break;
        if (in + 1 == end) {         /* a lone backslash at the end stands for itself */
            *out++ = '\\';
            break;
        }
        in = read_escape(in + 1, end, out++);
    }
    return out;
}

size_t db_copy_split(char *row, size_t length, char **fields, size_t capacity)
{
    if (length && row[length - 1] == '\n')
        length--;
    char *end = row + length;
    size_t count = 0;
    for (char *at = row;; count++) {
        char *tab = at < end ? memchr(at, '\t', (size_t)(end - at)) : NULL;
        char *stop = tab ? tab : end;
        if (count < capacity) {
            bool null = stop - at == 2 && at[0] == '\\' && at[1] == 'N';
            fields[count] = null ? NULL : at;
            *(null ? stop : unescape(at, at, stop)) = '\0';
        }
        if (!tab)
            return count + 1;
        at = tab + 1;
    }
}

void db_copy_field(struct str *out, const char *value)
{
    if (!value) {
        str_add(out, "\\N");
        return;
    }
    for (size_t plain; *value; value++) {
        plain = strcspn(value, "\\\b\f\n\r\t\v");
        str_add_bytes(out, value, plain);
        value += plain;
        if (!*value)
            return;
        static const char bytes[] = "\b\f\n\r\t\v", names[] = "bfnrtv";
        str_add_char(out, '\\');
        str_add_char(out, *value == '\\' ? '\\' : names[strchr(bytes, *value) - bytes]);
    }
}
