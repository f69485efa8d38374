/* rowhash - a row's text as record_out writes it, and lookup3 over it, which PostgreSQL's partitions depend on: it does
 * not change. */
#include "diff/rowhash.h"

#include <string.h>

#include "diff/normal.h"

static uint32_t turn(uint32_t x, int k) { return x << k | x >> (32 - k); }

struct lanes { uint32_t a, b, c; };

static void mix(struct lanes *s)
{
    s->a -= s->c, s->a ^= turn(s->c, 4), s->c += s->b;
    s->b -= s->a, s->b ^= turn(s->a, 6), s->a += s->c;
    s->c -= s->b, s->c ^= turn(s->b, 8), s->b += s->a;
    s->a -= s->c, s->a ^= turn(s->c, 16), s->c += s->b;
    s->b -= s->a, s->b ^= turn(s->a, 19), s->a += s->c;
    s->c -= s->b, s->c ^= turn(s->b, 4), s->b += s->a;
}

static void finish(struct lanes *s)
{
    s->c ^= s->b, s->c -= turn(s->b, 14);
    s->a ^= s->c, s->a -= turn(s->c, 11);
    s->b ^= s->a, s->b -= turn(s->a, 25);
    s->c ^= s->b, s->c -= turn(s->b, 16);
    s->a ^= s->c, s->a -= turn(s->c, 4);
    s->b ^= s->a, s->b -= turn(s->a, 14);
    s->c ^= s->b, s->c -= turn(s->b, 24);
}

static uint32_t word(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint64_t rowhash_text(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    uint32_t first = 0x9e3779b9u + (uint32_t)length + 3923095u;
    struct lanes s = {first, first, first};
    for (; length >= 12; at += 12, length -= 12) {
        s.a += word(at);
        s.b += word(at + 4);
        s.c += word(at + 8);
        mix(&s);
    }
    unsigned char tail[12] = {0};
    memcpy(tail, at, length);
    s.a += word(tail);
    s.b += word(tail + 4);
    s.c += word(tail + 8) << 8;      /* the lowest byte of c is the length's */
    finish(&s);
    return (uint64_t)s.b << 32 | s.c;
}

/* ---- a row's text ---- */

const char *rowhash_unsuited(const struct layout *l)
{
    const struct bound *b = l->bound;
    if (b->table->kind != 'r' && b->table->kind != 'p')
        return "it is no ordinary table";
    if (l->places || l->parents[0] || b->key_count == 0)
        return "its rows refer to others by their natural keys";
    if (b->fixture->has_secret)
        return "it has secret values";
    return NULL;
}

/* The digits behind the point that a numeric(p,s) is printed with. */
static const char *pad_scale(const struct db_type *type, const char *form, struct str *room)
{
    if (strspn(form, "-0123456789.") != strlen(form))
        return form;
    if (form != room->text) {
        str_reset(room);
        str_add(room, form);
    }
    const char *point = strchr(room->text, '.');
    int have = point ? (int)strlen(point + 1) : 0;
    if (type->scale > 0 && !point)
        str_add_char(room, '.');
    for (; have < type->scale; have++)
        str_add_char(room, '0');
    return room->text;
}

static const char *pad_length(const struct db_type *type, const char *form, struct str *room)
{
    if (form != room->text) {
        str_reset(room);
        str_add(room, form);
    }
    int have = 0;
    for (const char *at = room->text; at && *at; at++)
        have += ((unsigned char)*at & 0xc0) != 0x80;
    for (; have < type->max_length; have++)
        str_add_char(room, ' ');
    return str_text(room);
}

/* As the server prints it, as far as is known here. JSON is left alone: white space is part of a json. */
static const char *printed(const struct db_type *type, const char *text, struct str *room)
{
    if (strcmp(type->base, "json") == 0 || strcmp(type->base, "jsonb") == 0)
        return text;
    bool numeric = strcmp(type->base, "numeric") == 0;
    if (numeric && type->scale < 0)
        return text;                 /* 1.0 and 1.00 are printed as they came */
    const char *form = normal_form(type, text, room);
    if (numeric)
        return pad_scale(type, form, room);
    return strcmp(type->base, "bpchar") == 0 ? pad_length(type, form, room) : form;
}

/* record_out: a field is quoted where it is empty or holds what the row's own text is made of. */
static void add_field(struct str *out, const char *text)
{
    static const char special[] = "\"\\(), \t\n\v\f\r";
    size_t length = strlen(text), plain = strcspn(text, special);
    if (length && plain == length) {
        str_add_bytes(out, text, length);
        return;
    }
    str_add_char(out, '"');
    for (const char *at = text; *at;) {
        size_t run = strcspn(at, "\"\\");
        str_add_bytes(out, at, run);
        at += run;
        if (*at) {
            str_add_char(out, *at);
            str_add_char(out, *at++);
        }
    }
    str_add_char(out, '"');
}

static bool add_value(struct rowhash *h, size_t column, const struct fixture_value *v)
{
    if (v->kind == VALUE_NULL)
        return true;
    if (v->kind != VALUE_TEXT)
        return false;
    add_field(&h->text, printed(&h->layout->columns[column].live->type, v->text, &h->room));
    return true;
}

bool rowhash_of(struct rowhash *h, const struct fixture_row *row, uint64_t *key, uint64_t *all)
{
    const struct layout *l = h->layout;
    bool ok = true;
    str_reset(&h->text);
    for (size_t k = 0; ok && k < l->bound->key_count; k++) {
        str_add_char(&h->text, k ? ',' : '(');
        ok = add_value(h, l->bound->key[k], &row->values[l->bound->key[k]]);
    }
    str_add_char(&h->text, ')');
    *key = rowhash_text(h->text.text, h->text.length);
    str_reset(&h->text);
    for (size_t i = 0; ok && i < l->bound->fixture->column_count; i++) {
        if (l->columns[i].field < 0)
            continue;
        str_add_char(&h->text, h->text.length ? ',' : '(');
        ok = add_value(h, i, &row->values[i]);
    }
    str_add_char(&h->text, ')');
    *all = rowhash_text(h->text.text, h->text.length);
    return ok;
}

void rowhash_free(struct rowhash *h)
{
    str_free(&h->text);
    str_free(&h->room);
}

void rowhash_sql_all(const struct layout *l, struct str *sql)
{
    str_printf(sql, "pg_catalog.hashtextextended(ROW(%s)::pg_catalog.text, 0)", l->fields);
}

void rowhash_sql_key(const struct layout *l, struct str *sql)
{
    str_add(sql, "pg_catalog.hashtextextended(ROW(");
    for (size_t k = 0; k < l->bound->key_count; k++) {
        str_add(sql, k ? ", " : "");
        layout_column_name(sql, "t", l->columns[l->bound->key[k]].live->name);
    }
    str_add(sql, ")::pg_catalog.text, 0)");
}
