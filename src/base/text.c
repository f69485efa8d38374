/* text - clusters and widths by utf8proc's tables; what cannot be shown becomes an escape. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/str.h"

/* A cluster longer than this is split: a letter under a thousand accents is an attack, not a script. */
enum { CLUSTER_POINTS = 16 };

size_t text_decode(const char *bytes, size_t length, int32_t *point)
{
    *point = -1;
    if (length == 0)
        return 0;
    unsigned char first = (unsigned char)bytes[0];
    if (first < 0x80) {
        *point = first;
        return 1;
    }
    utf8proc_int32_t decoded;
    utf8proc_ssize_t taken = utf8proc_iterate((const utf8proc_uint8_t *)bytes,
                                              length < 4 ? (utf8proc_ssize_t)length : 4, &decoded);
    if (taken <= 0)
        return 1;
    *point = decoded;
    return (size_t)taken;
}

bool text_valid(const char *bytes, size_t length, size_t *where)
{
    for (size_t i = 0; i < length;) {
        int32_t point;
        if ((unsigned char)bytes[i] < 0x80) {
            i++;
            continue;
        }
        size_t taken = text_decode(bytes + i, length - i, &point);
        if (point < 0) {
            if (where)
                *where = i;
            return false;
        }
        i += taken;
    }
    return true;
}

/* What a terminal would obey or swallow instead of showing. Zero-width characters count only at the start
 * of a cluster: behind a letter they are its accents and joiners. */
static bool is_unshowable(int32_t c)
{
    if (c < 0)
        return true;
    if (c < 0x7f)
        return c < 0x20;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CN:   /* unassigned: no two terminals agree on its width */
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:   /* bidi controls, zero-width marks, soft hyphen */
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return utf8proc_charwidth(c) <= 0;
    }
}

static bool is_regional(int32_t c) { return c >= 0x1f1e6 && c <= 0x1f1ff; }

/* Joiners and emoji tags are format characters, yet belong inside a cluster; nothing else of that kind
 * does. */
static bool continues(int32_t c)
{
    if (c < 0)
        return false;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
        return false;
    case UTF8PROC_CATEGORY_CF:
        return c == 0x200c || c == 0x200d || (c >= 0xe0020 && c <= 0xe007f);
    default:
        return true;
    }
}

size_t text_cluster(const char *bytes, size_t length, int *cells, bool *visible)
{
    *cells = 0;
    *visible = false;
    int32_t before, point;
    size_t end = text_decode(bytes, length, &before);
    if (is_unshowable(before))
        return end;
    *visible = true;
    *cells = before < 0x7f ? 1 : utf8proc_charwidth(before);
    if (end < length && before < 0x7f && (unsigned char)bytes[end] < 0x80)
        return end;   /* ASCII before ASCII: nearly all text */
    utf8proc_int32_t state = 0;
    bool regional = is_regional(before);
    for (int points = 1; points < CLUSTER_POINTS && end < length; points++) {
        size_t taken = text_decode(bytes + end, length - end, &point);
        if (!continues(point) || utf8proc_grapheme_break_stateful(before, point, &state))
            break;
        int width = utf8proc_charwidth(point);
        if (regional && is_regional(point))
            *cells = 2;
        else if (width > *cells)
            *cells = width;
        end += taken;
        before = point;
    }
    if (*cells > 2)
        *cells = 2;
    return end;
}

enum { LONGEST_ESCAPE = 16 };

/* The escape of one invisible cluster; returns its length, which is also its width. */
static int escape(char out[LONGEST_ESCAPE], const char *bytes, size_t length)
{
    int32_t point;
    text_decode(bytes, length, &point);
    switch (point) {
    case '\n': return snprintf(out, LONGEST_ESCAPE, "\\n");
    case '\t': return snprintf(out, LONGEST_ESCAPE, "\\t");
    case '\r': return snprintf(out, LONGEST_ESCAPE, "\\r");
    case 0x1b: return snprintf(out, LONGEST_ESCAPE, "\\e");
    default: break;
    }
    if (point < 0)
        return snprintf(out, LONGEST_ESCAPE, "\\x%02X", (unsigned)(unsigned char)bytes[0]);
    if (point < 0x80)
        return snprintf(out, LONGEST_ESCAPE, "\\x%02X", (unsigned)point);
    return snprintf(out, LONGEST_ESCAPE, "\\u{%04X}", (unsigned)point);
}

void text_visible(struct str *out, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        int cells;
        bool visible;
        size_t taken = text_cluster(bytes + i, length - i, &cells, &visible);
        if (visible) {
            str_add_bytes(out, bytes + i, taken);
        } else {
            char shown[LONGEST_ESCAPE];
            int shown_length = escape(shown, bytes + i, length - i);
            str_add_bytes(out, shown, (size_t)shown_length);
        }
        i += taken;
    }
}

char *text_visible_buf(char *out, size_t size, const char *text)
{
    if (size == 0)
        return out;
    size_t used = 0, length = strlen(text);
    for (size_t i = 0; i < length;) {
        int cells;
        bool visible;
        char shown[LONGEST_ESCAPE];
        size_t taken = text_cluster(text + i, length - i, &cells, &visible);
        size_t need = visible ? taken : (size_t)escape(shown, text + i, length - i);
        if (need >= size - used)
            break;
        memcpy(out + used, visible ? text + i : shown, need);
        used += need;
        i += taken;
    }
    out[used] = '\0';
    return out;
}

/* Bytes of the cluster at the start, and the cells it takes once it is made visible. */
static size_t shown_cluster(const char *text, size_t length, int *cells)
{
    bool visible;
    size_t taken = text_cluster(text, length, cells, &visible);
    if (!visible) {
        char shown[LONGEST_ESCAPE];
        *cells = escape(shown, text, length);
    }
    return taken;
}

int text_width(const char *text)
{
    int width = 0, cells;
    for (size_t i = 0, length = strlen(text); i < length; width += cells)
        i += shown_cluster(text + i, length - i, &cells);
    return width;
}

size_t text_fit(const char *text, int cells, int *used)
{
    size_t i = 0, length = strlen(text);
    *used = 0;
    while (i < length) {
        int width;
        size_t taken = shown_cluster(text + i, length - i, &width);
        if (width > cells - *used)
            break;
        *used += width;
        i += taken;
    }
    return i;
}

size_t text_length(const char *text)
{
    size_t points = 0;
    for (; *text; text++)
        points += ((unsigned char)*text & 0xc0) != 0x80;
    return points;
}

int text_distance(const char *a, const char *b)
{
    enum { LIMIT = 64, FAR = 99 };
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length >= LIMIT || b_length >= LIMIT)
        return FAR;
    int row[LIMIT];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int replace = diagonal + (a[i - 1] != b[j - 1]);
            int shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < shorter ? replace : shorter;
        }
    }
    return row[b_length];
}

static void add_csv(struct str *out, const char *text)
{
    str_add_char(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            str_add_char(out, '"');
        str_add_char(out, *text);
    }
    str_add_char(out, '"');
}

void text_add_csv_line(struct str *out, const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        str_add(out, i ? "," : "");
        if (cells[i])
            add_csv(out, cells[i]);
    }
    str_add_char(out, '\n');
}
