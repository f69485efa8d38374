/* search - lines are looked through as they stand, and decoded only where that finds something: names of
 * members are not what anybody searches for. */
#include "replay/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/util.h"
#include "base/json.h"
#include "base/str.h"
#include "event/codec.h"

void search_end(struct search *s)
{
    free(s->needle);
    free(s->encoded);
    *s = (struct search){0};
}

void search_start(struct search *s, const char *needle, uint64_t n, bool backwards)
{
    struct str quoted = {0};
    struct json_out out;
    search_end(s);
    json_begin(&out, &quoted);
    json_text(&out, needle);
    s->needle = xstrdup(needle);
    s->encoded = quoted.length > 2 ? xstrndup(quoted.text + 1, quoted.length - 2) : xstrdup("");
    s->backwards = backwards;
    s->at = backwards ? (n > 0 ? n - 1 : 0) : n + 1;
    str_free(&quoted);
}

/* ---- one input ---- */

static const char *value_text(const struct type *type, const void *value, const char *needle);

static const char *field_text(const struct field *f, const void *value, const char *needle)
{
    const char *at = (const char *)value + f->offset;
    if (f->kind == FIELD_TEXT) {
        const char *text = *(char *const *)(const void *)at;
        return text && text_holds(text, needle) ? text : NULL;
    }
    if (f->kind == FIELD_STRUCT)
        return value_text(f->type, at, needle);
    if (f->kind != FIELD_LIST)
        return NULL;
    size_t count = *(const size_t *)(const void *)((const char *)value + f->count_offset);
    const char *items = *(void *const *)(const void *)at, *found = NULL;
    for (size_t i = 0; i < count && !found; i++)
        found = value_text(f->type, items + i * f->type->size, needle);
    return found;
}

static const char *value_text(const struct type *type, const void *value, const char *needle)
{
    const char *found = NULL;
    for (size_t i = 0; i < type->field_count && !found; i++)
        found = field_text(&type->fields[i], value, needle);
    return found;
}

const char *search_text(const struct input *in, const char *needle) { return value_text(&type_input, in, needle); }

void search_excerpt(const struct input *in, const char *needle, char *out, size_t size)
{
    enum { BEFORE = 20 };
    const char *text = search_text(in, needle), *hit = text ? strcasestr(text, needle) : NULL, *from = hit;
    for (int i = 0; from && from > text && i < BEFORE; i++)
        from--;
    while (from && from > text && ((unsigned char)*from & 0xc0) == 0x80)
        from--;
    snprintf(out, size, "#%llu %s: %s%s", (unsigned long long)in->sequence, input_kind_name(in->kind),
             from && from > text ? "..." : "", from ? from : or_empty(text));
}

/* ---- all of them ---- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

/* text_holds() over bytes that are not ended: looks for the first letter in either case, then for the rest. */
static bool line_holds(const char *line, size_t length, const char *needle)
{
    size_t size = strlen(needle);
    if (!size || size > length)
        return !size;
    char first = lower(*needle), other = first >= 'a' && first <= 'z' ? (char)(first - 32) : first;
    for (size_t i = 0; i + size <= length; i++) {
        if (line[i] != first && line[i] != other)
            continue;
        size_t k = 1;
        while (k < size && lower(line[i + k]) == lower(needle[k]))
            k++;
        if (k == size)
            return true;
    }
    return false;
}

static bool holds(const struct search *s, struct source *source, uint64_t n)
{
    size_t length;
    const char *line = source_line(source, n, &length);
    if (!line || !line_holds(line, length, s->encoded))
        return false;
    struct input *in = source_input(source, n, NULL);
    bool found = in && search_text(in, s->needle);
    input_free(in);
    return found;
}

bool search_work(struct search *s, struct source *source, size_t bytes, uint64_t *found)
{
    *found = 0;
    for (size_t done = 0; s->at >= 1 && s->at <= source_timeline(source)->count;
         s->at += s->backwards ? UINT64_MAX : 1) {
        if (done > bytes)
            return false;
        done += source_length(source, s->at) + 64;
        if (!holds(s, source, s->at))
            continue;
        *found = s->at;
        return true;
    }
    return true;
}
