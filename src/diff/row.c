/* row - settle, pack and unpack. The packed form lives in this process only: native byte order, no version. */
#include "diff/row.h"

#include <string.h>

bool row_settle(const struct bound *bound, const struct fixture_row *row, struct arena *arena,
                struct fixture_row *out, struct err *err)
{
    size_t count = bound->fixture->column_count;
    *out = *row;
    out->values = arena_alloc(arena, count * sizeof *out->values);
    for (size_t i = 0; i < count; i++) {
        struct fixture_value *v = &out->values[i];
        *v = row->values[i];
        v->node = NULL;
        if (!bound_is_sendable(v))
            continue;
        const char *text;
        if (!bound_text(bound, i, &row->values[i], arena, &text, err))
            return false;
        v->kind = text ? VALUE_TEXT : VALUE_NULL;
        v->form = FORM_RAW;
        v->length = !text ? 0 : text == v->text ? v->length : strlen(text);
        v->text = text;
    }
    return true;
}

void pack_u32(struct str *out, uint32_t value) { str_add_bytes(out, &value, sizeof value); }

/* Length, text, NUL: so it can be used where it lies. */
void pack_text(struct str *out, const char *text)
{
    uint32_t length = text ? (uint32_t)strlen(text) : UINT32_MAX;
    str_reserve(out, sizeof length + (text ? length + 1 : 0));
    pack_u32(out, length);
    if (text)
        str_add_bytes(out, text, length + 1);
}

uint32_t unpack_u32(const char **bytes)
{
    uint32_t value;
    memcpy(&value, *bytes, sizeof value);
    *bytes += sizeof value;
    return value;
}

static const char *unpack_measured(const char **bytes, struct arena *arena, size_t *length)
{
    uint32_t packed = unpack_u32(bytes);
    *length = packed == UINT32_MAX ? 0 : packed;
    if (packed == UINT32_MAX)
        return NULL;
    const char *text = arena ? arena_strndup(arena, *bytes, packed) : *bytes;
    *bytes += packed + 1;
    return text;
}

const char *unpack_text(const char **bytes, struct arena *arena)
{
    size_t length;
    return unpack_measured(bytes, arena, &length);
}

static void pack_ref(const struct fixture_ref *ref, struct str *out)
{
    pack_text(out, ref->table);
    pack_text(out, ref->column);
    pack_u32(out, (uint32_t)ref->count);
    for (size_t i = 0; i < ref->count; i++) {
        pack_text(out, ref->keys[i]);
        pack_text(out, ref->values[i]);
    }
}

static struct fixture_ref *unpack_ref(const char **bytes, struct arena *arena)
{
    struct fixture_ref *ref = arena_alloc(arena, sizeof *ref);
    ref->table = unpack_text(bytes, arena);
    ref->column = unpack_text(bytes, arena);
    ref->count = unpack_u32(bytes);
    ref->keys = arena_alloc(arena, ref->count * sizeof *ref->keys);
    ref->values = arena_alloc(arena, ref->count * sizeof *ref->values);
    for (size_t i = 0; i < ref->count; i++) {
        ref->keys[i] = unpack_text(bytes, arena);
        ref->values[i] = unpack_text(bytes, arena);
    }
    return ref;
}

/* What goes before a value's text. */
struct packed_place {
    uint32_t line, column;
    uint8_t kind, secret;
};

/* A settled text, its place and all, in one go: nearly every value is one. */
static void pack_plain(const struct fixture_value *v, const struct packed_place *place, struct str *out)
{
    uint32_t length = (uint32_t)v->length;
    str_reserve(out, sizeof *place + sizeof length + v->length + 1);
    char *to = out->text + out->length;
    memcpy(to, place, sizeof *place);
    memcpy(to + sizeof *place, &length, sizeof length);
    memcpy(to + sizeof *place + sizeof length, v->text, v->length + 1);
    out->length += sizeof *place + sizeof length + v->length + 1;
    out->text[out->length] = '\0';
}

void row_pack(const struct bound *bound, const struct fixture_row *row, struct str *out)
{
    str_add_bytes(out, &row->number, sizeof row->number);
    pack_u32(out, row->line);
    pack_u32(out, row->column);
    for (size_t i = 0; i < bound->fixture->column_count; i++) {
        const struct fixture_value *v = &row->values[i];
        struct packed_place place = {.kind = (uint8_t)v->kind, .secret = v->secret, .line = v->line,
                                     .column = v->column};
        if (v->kind == VALUE_TEXT) {
            pack_plain(v, &place, out);
            continue;
        }
        str_add_bytes(out, &place, sizeof place);
        if (v->kind == VALUE_REF)
            pack_ref(v->ref, out);
        else if (v->kind != VALUE_NULL && v->kind != VALUE_ABSENT)
            pack_text(out, v->text);
    }
}

static void unpack(const struct bound *bound, const char **bytes, struct arena *arena, struct arena *texts,
                   struct fixture_row *out)
{
    size_t count = bound->fixture->column_count;
    *out = (struct fixture_row){.values = arena_alloc(arena, count * sizeof *out->values)};
    memcpy(&out->number, *bytes, sizeof out->number);
    *bytes += sizeof out->number;
    out->line = unpack_u32(bytes);
    out->column = unpack_u32(bytes);
    for (size_t i = 0; i < count; i++) {
        struct fixture_value *v = &out->values[i];
        struct packed_place place;
        memcpy(&place, *bytes, sizeof place);
        *bytes += sizeof place;
        v->kind = (enum value_kind)place.kind;
        v->secret = place.secret;
        v->line = place.line;
        v->column = place.column;
        if (v->kind == VALUE_REF)
            v->ref = unpack_ref(bytes, arena);
        else if (v->kind != VALUE_NULL && v->kind != VALUE_ABSENT)
            v->text = unpack_measured(bytes, texts, &v->length);
    }
}

void row_unpack(const struct bound *bound, const char **bytes, struct arena *arena, struct fixture_row *out)
{
    unpack(bound, bytes, arena, arena, out);
}

void row_view(const struct bound *bound, const char **bytes, struct arena *arena, struct fixture_row *out)
{
    unpack(bound, bytes, arena, NULL, out);
}

bool ref_same_shape(const struct fixture_ref *a, const struct fixture_ref *b)
{
    if (strcmp(a->table, b->table) != 0 || a->count != b->count)
        return false;
    if ((a->column != NULL) != (b->column != NULL) || (a->column && strcmp(a->column, b->column) != 0))
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->keys[i], b->keys[i]) != 0)
            return false;
    return true;
}

const char *row_shown(const struct fixture_value *value, bool secret, struct arena *arena)
{
    if (value->kind == VALUE_NULL || value->kind == VALUE_ABSENT)
        return NULL;
    if (secret || value->secret)
        return "[REDACTED]";
    if (value->kind == VALUE_SQL)
        return arena_printf(arena, "(SQL) %s", value->text);
    if (value->kind != VALUE_REF)
        return value->text;
    struct str text = {0};
    for (size_t i = 0; i < value->ref->count; i++) {
        str_add(&text, i ? ", " : "");
        str_add(&text, value->ref->values[i]);
    }
    const char *shown = arena_strdup(arena, str_text(&text));
    str_free(&text);
    return shown;
}
