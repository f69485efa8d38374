/* rowhash - a row's text as record_out writes it, and lookup3 over it, which PostgreSQL's partitions depend on: it does
 * not change. */
#include "diff/rowhash.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

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

/* Characters that make a field of a row's text quoted. */
static bool is_special(unsigned char c)
{
    static const bool special[256] = {['"'] = true, ['\\'] = true, ['('] = true, [')'] = true, [','] = true,
                                      [' '] = true, ['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true,
                                      ['\r'] = true};
    return special[c];
}

/* record_out: a field is quoted where it is empty or holds what the row's own text is made of. */
static void add_field(struct str *out, const char *text)
{
    size_t length = strlen(text), plain = 0;
    while (plain < length && !is_special((unsigned char)text[plain]))
        plain++;
    str_reserve(out, 2 * length + 3);
    char *to = out->text + out->length;
    if (length && plain == length) {
        memcpy(to, text, length);
        to += length;
    } else {
        *to++ = '"';
        for (size_t i = 0; i < length; i++) {
            if (text[i] == '"' || text[i] == '\\')
                *to++ = text[i];
            *to++ = text[i];
        }
        *to++ = '"';
    }
    out->length = (size_t)(to - out->text);
    *to = '\0';
}

void rowhash_begin(struct rowhash *h, const struct layout *l)
{
    enum { INT8 = 20, INT2 = 21, INT4 = 23, UUID = 2950 };   /* of pg_type.dat: no other type has them */
    const struct db_type *first = l->bound->key_count == 1 ? &l->columns[l->bound->key[0]].live->type : NULL;
    *h = (struct rowhash){.layout = l};
    h->plain_key = first && (first->bytewise || first->oid == INT8 || first->oid == INT4 || first->oid == INT2 ||
                             first->oid == UUID);
}

const char *rowhash_printed(struct rowhash *h, size_t column, const char *text)
{
    return printed(&h->layout->columns[column].live->type, text, &h->room);
}

static bool add_value(struct rowhash *h, size_t column, const struct fixture_value *v)
{
    if (v->kind == VALUE_NULL)
        return true;
    if (v->kind != VALUE_TEXT)
        return false;
    add_field(&h->text, rowhash_printed(h, column, v->text));
    return true;
}

/* Settling leaves such texts as they are. */
bool rowhash_of_raw_key(struct rowhash *h, const struct fixture_row *row, uint64_t *key)
{
    size_t column = h->layout->bound->key[0];
    const struct fixture_value *v = &row->values[column];
    if (!h->plain_key || v->kind != VALUE_TEXT)
        return false;
    const char *text = rowhash_printed(h, column, v->text);
    *key = rowhash_text(text, strlen(text));
    return true;
}

static bool hash_key(struct rowhash *h, const struct fixture_row *row, uint64_t *key)
{
    const struct bound *b = h->layout->bound;
    if (h->plain_key)
        return rowhash_of_raw_key(h, row, key);
    str_reset(&h->text);
    bool ok = true;
    for (size_t k = 0; ok && k < b->key_count; k++) {
        str_add_char(&h->text, k ? ',' : '(');
        ok = add_value(h, b->key[k], &row->values[b->key[k]]);
    }
    str_add_char(&h->text, ')');
    *key = rowhash_text(h->text.text, h->text.length);
    return ok;
}

bool rowhash_of(struct rowhash *h, const struct fixture_row *row, uint64_t *key, uint64_t *all)
{
    const struct layout *l = h->layout;
    bool ok = hash_key(h, row, key);
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

bool rowhash_same_key(struct rowhash *h, const struct fixture_row *row, char *const *fields)
{
    const struct layout *l = h->layout;
    for (size_t k = 0; k < l->bound->key_count; k++) {
        size_t i = l->bound->key[k];
        const struct fixture_value *v = &row->values[i];
        if (v->kind != VALUE_TEXT || strcmp(rowhash_printed(h, i, v->text), fields[l->columns[i].field]) != 0)
            return false;
    }
    return true;
}

static void add_live(struct rowhash *h, const char *text)
{
    str_add_char(&h->text, h->text.length ? ',' : '(');
    if (text)
        add_field(&h->text, text);
}

void rowhash_of_live(struct rowhash *h, char *const *fields, uint64_t *key, uint64_t *all)
{
    const struct layout *l = h->layout;
    const char *first = fields[l->columns[l->bound->key[0]].field];
    str_reset(&h->text);
    for (size_t k = 0; !h->plain_key && k < l->bound->key_count; k++)
        add_live(h, fields[l->columns[l->bound->key[k]].field]);
    str_add_char(&h->text, ')');
    *key = h->plain_key ? rowhash_text(first, strlen(first)) : rowhash_text(h->text.text, h->text.length);
    str_reset(&h->text);
    for (size_t i = 0; i < l->bound->fixture->column_count; i++)
        if (l->columns[i].field >= 0)
            add_live(h, fields[l->columns[i].field]);
    str_add_char(&h->text, ')');
    *all = rowhash_text(h->text.text, h->text.length);
}

/* ---- standing for each other ---- */

/* Words that mean the same whenever and wherever they are read. "today" is another day tomorrow, and the name of a zone
 * is what some table of zones says. */
static bool timeless(const char *text)
{
    static const char *const words[] = {"t", "z", "e", "infinity", "inf", "nan", "bc", "ad", "null", "empty"};
    for (const char *at = text; *at;) {
        size_t length = 0, i = 0;
        while (isalpha((unsigned char)at[length]))
            length++;
        if (length == 0) {
            at++;
            continue;
        }
        while (i < sizeof words / sizeof *words &&
               !(strlen(words[i]) == length && strncasecmp(at, words[i], length) == 0))
            i++;
        if (i == sizeof words / sizeof *words)
            return false;
        at += length;
    }
    return true;
}

/* Dates that begin with their year: of others the server's settings say which is the day. */
static bool year_first(const char *text)
{
    char before = '\0';
    for (const char *at = text; *at;) {
        size_t digits = strspn(at, "0123456789");
        bool part = before != '-' && before != ':' && digits > 0 && digits < 4;
        if (part && (at[digits] == '-' || at[digits] == '/' || at[digits] == '.'))
            return false;
        at += digits ? digits : 1;
        before = at[-1];
    }
    return true;
}

static bool is_word(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

/* Types of the server's own, also as arrays ("_int4"), whose equality no collation, no other type and no setting has a
 * part in. A text is what it is: where two are equal without being the same, a collation says so. */
static bool may_differ(const struct db_type *type, const char *text)
{
    enum { OWN_TYPES = 10000 };
    static const char *const any[] = {"bool", "json", "jsonb", "bytea", "uuid", "interval", NULL};
    static const char *const numbers[] = {
        "int2", "int4", "int8", "float4", "float8", "numeric", "inet", "cidr", "macaddr", "macaddr8", "bit", "varbit",
        "int4range", "int8range", "numrange", "int4multirange", "int8multirange", "nummultirange", NULL};
    static const char *const times[] = {
        "date", "time", "timetz", "timestamp", "timestamptz", "daterange", "tsrange", "tstzrange", "datemultirange",
        "tsmultirange", "tstzmultirange", NULL};
    const char *base = type->base + (type->base[0] == '_');
    if (type->base_oid >= OWN_TYPES)
        return false;
    return is_word(base, any) || (is_word(base, numbers) && timeless(text)) ||
           (is_word(base, times) && timeless(text) && year_first(text));
}

bool rowhash_may_stand(struct rowhash *h, const struct fixture_row *row, char *const *fields)
{
    const struct layout *l = h->layout;
    for (size_t i = 0; i < l->bound->fixture->column_count; i++) {
        const struct fixture_value *v = &row->values[i];
        const char *live = l->columns[i].field >= 0 ? fields[l->columns[i].field] : NULL;
        if (l->columns[i].field < 0 || (v->kind == VALUE_NULL && !live))
            continue;
        if (v->kind != VALUE_TEXT || !live)
            return false;
        if (strcmp(v->text, live) != 0 && strcmp(rowhash_printed(h, i, v->text), live) != 0 &&
            !may_differ(&l->columns[i].live->type, v->text))
            return false;
    }
    return true;
}

void rowhash_free(struct rowhash *h)
{
    str_free(&h->text);
    str_free(&h->room);
}

void rowhash_sql_all(const struct rowhash *h, struct str *sql)
{
    str_printf(sql, "pg_catalog.hashtextextended(ROW(%s)::pg_catalog.text, 0)", h->layout->fields);
}

void rowhash_sql_key(const struct rowhash *h, struct str *sql)
{
    const struct layout *l = h->layout;
    str_add(sql, h->plain_key ? "pg_catalog.hashtextextended(" : "pg_catalog.hashtextextended(ROW(");
    for (size_t k = 0; k < l->bound->key_count; k++) {
        str_add(sql, k ? ", " : "");
        layout_column_name(sql, "t", l->columns[l->bound->key[k]].live->name);
    }
    str_add(sql, h->plain_key ? "::pg_catalog.text COLLATE pg_catalog.\"C\", 0)" : ")::pg_catalog.text, 0)");
}
