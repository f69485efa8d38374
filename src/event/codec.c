/* codec - one walk over a type's table for each of encode, decode, copy, compare and free.
 *
 * JSON cannot hold bytes that are no UTF-8; such a text becomes {"hex": ...}, so that what an operation
 * reported and what a replay reads are the same bytes. Knows no field by name. */
#include "event/codec.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    LIST_MAX = 1 << 16,          /* elements of one list: more is no input of ours */
    LINE_MAX_BYTES = 16 << 20    /* one line of a journal or script */
};

static const void *at(const void *value, const struct field *f) { return (const char *)value + f->offset; }
static void *at_mut(void *value, const struct field *f) { return (char *)value + f->offset; }

static const char *text_at(const void *value, const struct field *f)
{
    return *(char *const *)at(value, f);
}

static size_t list_count(const void *value, const struct field *f)
{
    return *(const size_t *)(const void *)((const char *)value + f->count_offset);
}

static size_t *list_count_mut(void *value, const struct field *f)
{
    return (size_t *)(void *)((char *)value + f->count_offset);
}

static const char *list_item(const void *value, const struct field *f, size_t i)
{
    return (const char *)*(void *const *)at(value, f) + i * f->type->size;
}

/* ---- zero values: left out of the JSON ---- */

static bool field_is_zero(const struct field *f, const void *value);

static bool value_is_zero(const struct type *type, const void *value)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (!field_is_zero(&type->fields[i], value))
            return false;
    return true;
}

static bool field_is_zero(const struct field *f, const void *value)
{
    switch (f->kind) {
    case FIELD_BOOL: return !*(const bool *)at(value, f);
    case FIELD_INT:
    case FIELD_ENUM: return *(const int *)at(value, f) == 0;
    case FIELD_I64:
    case FIELD_U64: return *(const int64_t *)at(value, f) == 0;
    case FIELD_TEXT: return text_at(value, f) == NULL;
    case FIELD_CHARS: return *(const char *)at(value, f) == '\0';
    case FIELD_STRUCT: return value_is_zero(f->type, at(value, f));
    case FIELD_LIST: return list_count(value, f) == 0;
    }
    return true;
}

/* ---- encode ---- */

static void encode_text(const char *text, struct json_out *out)
{
    size_t length = strlen(text);
    if (text_valid(text, length, NULL)) {
        json_text_bytes(out, text, length);
        return;
    }
    static const char digits[] = "0123456789abcdef";
    struct str hex = {0};
    for (size_t i = 0; i < length; i++) {
        str_add_char(&hex, digits[(unsigned char)text[i] >> 4]);
        str_add_char(&hex, digits[(unsigned char)text[i] & 15]);
    }
    json_object(out);
    json_put_text(out, "hex", str_text(&hex));
    json_object_end(out);
    str_free(&hex);
}

static void encode_u64(uint64_t n, struct json_out *out)
{
    struct str digits = {0};
    str_printf(&digits, "%llu", (unsigned long long)n);
    json_text(out, str_text(&digits));
    str_free(&digits);
}

static void encode_field(const struct field *f, const void *value, struct json_out *out)
{
    json_key(out, f->name);
    switch (f->kind) {
    case FIELD_BOOL: json_bool(out, *(const bool *)at(value, f)); break;
    case FIELD_INT: json_int(out, *(const int *)at(value, f)); break;
    case FIELD_I64: json_int(out, *(const int64_t *)at(value, f)); break;
    case FIELD_U64: encode_u64(*(const uint64_t *)at(value, f), out); break;
    case FIELD_ENUM: json_text(out, f->names[*(const int *)at(value, f)]); break;
    case FIELD_TEXT: encode_text(text_at(value, f), out); break;
    case FIELD_CHARS: encode_text(at(value, f), out); break;
    case FIELD_STRUCT: codec_encode(f->type, at(value, f), out); break;
    case FIELD_LIST:
        json_array(out);
        for (size_t i = 0; i < list_count(value, f); i++)
            codec_encode(f->type, list_item(value, f, i), out);
        json_array_end(out);
        break;
    }
}

void codec_encode(const struct type *type, const void *value, struct json_out *out)
{
    json_object(out);
    for (size_t i = 0; i < type->field_count; i++)
        if (!field_is_zero(&type->fields[i], value))
            encode_field(&type->fields[i], value, out);
    json_object_end(out);
}

/* ---- decode ---- */

static bool decode_wrong(const struct field *f, const char *want, struct err *err)
{
    return err_set(err, ERR_GENERAL, "\"%s\" is not %s", f->name, want);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* {"hex": "..."}; gives the bytes, or NULL if it is none of ours. A NUL would end the text early. */
static char *decode_hex(const struct json *json)
{
    const char *hex = json_text_of(json_get(json, "hex"));
    size_t length = hex ? strlen(hex) : 1;
    if (length % 2)
        return NULL;
    char *bytes = xmalloc(length / 2 + 1);
    for (size_t i = 0; i < length / 2; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0 || high + low == 0) {
            free(bytes);
            return NULL;
        }
        bytes[i] = (char)(high << 4 | low);
    }
    bytes[length / 2] = '\0';
    return bytes;
}

/* Gives the text; NULL with err set. */
static char *decode_text(const struct field *f, const struct json *json, struct err *err)
{
    char *text = json_is_text(json) ? xstrdup(json_text_of(json))
               : json_is_object(json) ? decode_hex(json) : NULL;
    if (!text)
        decode_wrong(f, "a text", err);
    return text;
}

static bool decode_u64(const struct field *f, const struct json *json, uint64_t *out, struct err *err)
{
    const char *digits = json_text_of(json);
    uint64_t n = 0;
    if (!digits || !*digits)
        return decode_wrong(f, "a number written as text", err);
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9' || n > (UINT64_MAX - (uint64_t)(*digits - '0')) / 10)
            return decode_wrong(f, "a number written as text", err);
        n = n * 10 + (uint64_t)(*digits - '0');
    }
    *out = n;
    return true;
}

static bool decode_enum(const struct field *f, const struct json *json, int *out, struct err *err)
{
    const char *name = json_text_of(json);
    for (int i = 0; name && i < f->name_count; i++)
        if (f->names[i] && strcmp(f->names[i], name) == 0) {
            *out = i;
            return true;
        }
    return decode_wrong(f, "one of its names", err);
}

static bool decode_list(const struct field *f, const struct json *json, void *value, struct err *err)
{
    if (!json_is_array(json))
        return decode_wrong(f, "a list", err);
    size_t count = json_count(json);
    if (count > LIST_MAX)
        return decode_wrong(f, "a list of at most 65536 elements", err);
    if (count == 0)
        return true;
    char *items = xcalloc(count, f->type->size);
    *(void **)at_mut(value, f) = items;
    *list_count_mut(value, f) = count;
    for (size_t i = 0; i < count; i++)
        if (!codec_decode(f->type, items + i * f->type->size, json_at(json, i), err))
            return err_context(err, "%s", f->name);
    return true;
}

static bool decode_chars(const struct field *f, const struct json *json, char *out, struct err *err)
{
    char *text = decode_text(f, json, err);
    if (!text)
        return false;
    size_t length = strlen(text);
    bool fits = length < f->size;
    if (fits)
        memcpy(out, text, length + 1);
    free(text);
    return fits || decode_wrong(f, "short enough", err);
}

static bool decode_int(const struct field *f, const struct json *json, int64_t least, int64_t most,
                       int64_t *out, struct err *err)
{
    if (!json_is_int(json))
        return decode_wrong(f, "a whole number", err);
    *out = json_int_of(json, 0);
    if (*out < least || *out > most)
        return decode_wrong(f, "in range", err);
    return true;
}

static bool decode_field(const struct field *f, const struct json *json, void *value, struct err *err)
{
    void *place = at_mut(value, f);
    int64_t n;
    switch (f->kind) {
    case FIELD_BOOL:
        if (!json_is_bool(json))
            return decode_wrong(f, "true or false", err);
        *(bool *)place = json_bool_of(json, false);
        return true;
    case FIELD_INT:
        if (!decode_int(f, json, INT_MIN, INT_MAX, &n, err))
            return false;
        *(int *)place = (int)n;
        return true;
    case FIELD_I64: return decode_int(f, json, INT64_MIN, INT64_MAX, place, err);
    case FIELD_U64: return decode_u64(f, json, place, err);
    case FIELD_ENUM: return decode_enum(f, json, place, err);
    case FIELD_TEXT: return (*(char **)place = decode_text(f, json, err)) != NULL;
    case FIELD_CHARS: return decode_chars(f, json, place, err);
    case FIELD_STRUCT: return codec_decode(f->type, place, json, err) || err_context(err, "%s", f->name);
    case FIELD_LIST: return decode_list(f, json, value, err);
    }
    return true;
}

bool codec_decode(const struct type *type, void *value, const struct json *json, struct err *err)
{
    if (!json_is_object(json))
        return err_set(err, ERR_GENERAL, "%s: not an object", type->name);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct json *member = json_get(json, type->fields[i].name);
        if (!member || json_is_null(member) || decode_field(&type->fields[i], member, value, err))
            continue;
        codec_free(type, value);
        return false;
    }
    return true;
}

/* ---- free, copy, compare ---- */

static void free_field(const struct field *f, void *value)
{
    if (f->kind == FIELD_TEXT) {
        free(*(char **)at_mut(value, f));
    } else if (f->kind == FIELD_STRUCT) {
        codec_free(f->type, at_mut(value, f));
    } else if (f->kind == FIELD_LIST) {
        char *items = *(void **)at_mut(value, f);
        for (size_t i = 0; items && i < list_count(value, f); i++)
            codec_free(f->type, items + i * f->type->size);
        free(items);
    }
}

void codec_free(const struct type *type, void *value)
{
    for (size_t i = 0; i < type->field_count; i++)
        free_field(&type->fields[i], value);
    memset(value, 0, type->size);
}

static void copy_list(const struct field *f, void *to, const void *from)
{
    size_t count = list_count(from, f);
    char *items = count ? xcalloc(count, f->type->size) : NULL;
    for (size_t i = 0; i < count; i++)
        codec_copy(f->type, items + i * f->type->size, list_item(from, f, i));
    *(void **)at_mut(to, f) = items;
    *list_count_mut(to, f) = count;
}

void codec_copy(const struct type *type, void *to, const void *from)
{
    memset(to, 0, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *f = &type->fields[i];
        if (f->kind == FIELD_TEXT)
            *(char **)at_mut(to, f) = xstrdup(text_at(from, f));
        else if (f->kind == FIELD_STRUCT)
            codec_copy(f->type, at_mut(to, f), at(from, f));
        else if (f->kind == FIELD_LIST)
            copy_list(f, to, from);
        else
            memcpy(at_mut(to, f), at(from, f), f->size);
    }
}

static bool equal_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool equal_list(const struct field *f, const void *a, const void *b)
{
    if (list_count(a, f) != list_count(b, f))
        return false;
    for (size_t i = 0; i < list_count(a, f); i++)
        if (!codec_equal(f->type, list_item(a, f, i), list_item(b, f, i)))
            return false;
    return true;
}

static bool equal_field(const struct field *f, const void *a, const void *b)
{
    switch (f->kind) {
    case FIELD_BOOL: return *(const bool *)at(a, f) == *(const bool *)at(b, f);
    case FIELD_INT:
    case FIELD_ENUM: return *(const int *)at(a, f) == *(const int *)at(b, f);
    case FIELD_I64:
    case FIELD_U64: return *(const int64_t *)at(a, f) == *(const int64_t *)at(b, f);
    case FIELD_TEXT: return equal_text(text_at(a, f), text_at(b, f));
    case FIELD_CHARS: return strcmp(at(a, f), at(b, f)) == 0;
    case FIELD_STRUCT: return codec_equal(f->type, at(a, f), at(b, f));
    case FIELD_LIST: return equal_list(f, a, b);
    }
    return false;
}

bool codec_equal(const struct type *type, const void *a, const void *b)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (!equal_field(&type->fields[i], a, b))
            return false;
    return true;
}

static size_t owned_size(const struct field *f, const void *value)
{
    enum { OVERHEAD = 16 };      /* of an allocation */
    if (f->kind == FIELD_TEXT)
        return text_at(value, f) ? strlen(text_at(value, f)) + 1 + OVERHEAD : 0;
    if (f->kind == FIELD_STRUCT)
        return codec_size(f->type, at(value, f)) - f->type->size;
    size_t size = 0;
    if (f->kind == FIELD_LIST)
        for (size_t i = 0; i < list_count(value, f); i++)
            size += codec_size(f->type, list_item(value, f, i));
    return size ? size + OVERHEAD : 0;
}

size_t codec_size(const struct type *type, const void *value)
{
    size_t size = type->size;
    for (size_t i = 0; i < type->field_count; i++)
        size += owned_size(&type->fields[i], value);
    return size;
}

/* ---- inputs as lines ---- */

void input_encode(const struct input *in, struct str *out)
{
    struct json_out json;
    json_begin(&json, out);
    codec_encode(&type_input, in, &json);
}

bool input_decode(const char *line, size_t length, struct input **in, struct err *err)
{
    struct json *root = NULL;
    *in = NULL;
    if (length > LINE_MAX_BYTES)
        return err_set(err, ERR_GENERAL, "a line of %zu bytes is longer than an input can be", length);
    if (!json_parse(&root, line, length, err))
        return false;
    struct input *decoded = input_new(IN_NONE);
    bool ok = codec_decode(&type_input, decoded, root, err);
    json_free(root);
    if (!ok) {
        free(decoded);
        return false;
    }
    *in = decoded;
    return true;
}
