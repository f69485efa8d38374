/* search - lines are looked through as they stand, and decoded only where that finds something: names of
 * members are not what anybody searches for. */
#include "replay/search.h"

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

static bool value_holds(const struct type *type, const void *value, const char *needle);

static bool field_holds(const struct field *f, const void *value, const char *needle)
{
    const char *at = (const char *)value + f->offset;
    if (f->kind == FIELD_TEXT) {
        const char *text = *(char *const *)(const void *)at;
        return text && text_holds(text, needle);
    }
    if (f->kind == FIELD_STRUCT)
        return value_holds(f->type, at, needle);
    if (f->kind != FIELD_LIST)
        return false;
    size_t count = *(const size_t *)(const void *)((const char *)value + f->count_offset);
    const char *items = *(void *const *)(const void *)at;
    for (size_t i = 0; i < count; i++)
        if (value_holds(f->type, items + i * f->type->size, needle))
            return true;
    return false;
}

static bool value_holds(const struct type *type, const void *value, const char *needle)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (field_holds(&type->fields[i], value, needle))
            return true;
    return false;
}

bool search_holds(const struct input *in, const char *needle) { return value_holds(&type_input, in, needle); }

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
    bool found = in && search_holds(in, s->needle);
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
