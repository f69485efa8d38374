/* yaml_source - reads, counts lines and columns as libyaml does, and refuses what YAML refuses. */
#include "base/yaml_source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static bool fail(struct yaml_source *s, const char *message)
{
    err_set(&s->err, ERR_GENERAL, "%s", message);
    err_at(&s->err, s->file, s->line + 1, s->column + 1);
    s->failed = true;
    return false;
}

static bool fail_byte(struct yaml_source *s, unsigned char byte)
{
    fail(s, "not valid UTF-8");
    err_why(&s->err, "the byte 0x%02X cannot stand here", byte);
    err_hint(&s->err, "convert the file: iconv -f ISO-8859-1 -t UTF-8 (or whatever it is in)");
    return false;
}

static bool fail_point(struct yaml_source *s, int32_t point)
{
    fail(s, "YAML does not allow this character");
    err_why(&s->err, "it is U+%04X", (unsigned)point);
    if (point < 0x100)
        err_hint(&s->err, "write it as \\x%02X in double quotes", (unsigned)point);
    else
        err_hint(&s->err, "write it as \\u%04X in double quotes", (unsigned)point);
    return false;
}

static bool is_allowed(int32_t c)
{
    if (c < 0x7f)
        return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
    return c == 0x85 || (c >= 0xa0 && c != 0xfeff && c != 0xfffe && c != 0xffff);
}

static bool is_break(int32_t c) { return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029; }

static bool take_point(struct yaml_source *s, int32_t c)
{
    if (!is_allowed(c) && !(c == 0xfeff && s->line == 0 && s->column == 0))
        return fail_point(s, c);
    bool crlf = c == '\n' && s->after_cr;
    s->after_cr = c == '\r';
    if (crlf)
        return true;   /* counted with its carriage return */
    if (is_break(c)) {
        s->line++;
        s->column = 0;
    } else {
        s->column++;
    }
    return true;
}

/* A sequence cut off by the end of a chunk is kept for the next; at the end of the file it is an error. */
static bool is_cut_off(const unsigned char *bytes, size_t length)
{
    size_t want = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc2 ? 2 : 1;
    if (length >= want || bytes[0] > 0xf4)
        return false;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
    return true;
}

static bool check_partial(struct yaml_source *s, const unsigned char *bytes, size_t length, size_t *used)
{
    *used = 0;
    while (s->partial_length > 0 && *used < length) {
        s->partial[s->partial_length++] = bytes[(*used)++];
        if (is_cut_off(s->partial, s->partial_length))
            continue;
        int32_t point;
        text_decode((const char *)s->partial, s->partial_length, &point);
        if (point < 0)
            return fail_byte(s, s->partial[0]);
        s->partial_length = 0;
        return take_point(s, point);
    }
    return true;
}

static bool check(struct yaml_source *s, const unsigned char *bytes, size_t length)
{
    size_t i;
    if (!check_partial(s, bytes, length, &i))
        return false;
    while (i < length) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f) {
            s->column++;
            s->after_cr = false;
            i++;
            continue;
        }
        int32_t point;
        size_t taken = text_decode((const char *)bytes + i, length - i, &point);
        if (point < 0 && is_cut_off(bytes + i, length - i)) {
            s->partial_length = length - i;
            memcpy(s->partial, bytes + i, s->partial_length);
            return true;
        }
        if (point < 0)
            return fail_byte(s, bytes[i]);
        if (!take_point(s, point))
            return false;
        i += taken;
    }
    return true;
}

static bool fetch(struct yaml_source *s, unsigned char *out, size_t size, size_t *got)
{
    if (s->fd < 0) {
        *got = s->length - s->used < size ? s->length - s->used : size;
        memcpy(out, s->bytes + s->used, *got);
        s->used += *got;
        return true;
    }
    ssize_t n;
    do {
        n = read(s->fd, out, size);
    } while (n < 0 && errno == EINTR);
    *got = n > 0 ? (size_t)n : 0;
    if (n >= 0)
        return true;
    err_errno(&s->err, ERR_GENERAL, errno, "cannot read %s", s->file);
    s->failed = true;
    return false;
}

bool yaml_source_read(struct yaml_source *s, unsigned char *out, size_t size, size_t *got)
{
    *got = 0;
    if (s->before) {
        *got = strlen(s->before);
        memcpy(out, s->before, *got < size ? *got : size);
        s->before = NULL;
        return true;
    }
    if (s->failed || !fetch(s, out, size, got))
        return false;
    if (*got == 0 && s->partial_length > 0)
        return fail_byte(s, s->partial[0]);
    s->total += *got;
    return check(s, out, *got);
}
