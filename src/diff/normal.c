/* normal - one small function a family of types. A text it does not fully recognise is left as it is. */
#include "diff/normal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits(const char *s)
{
    size_t n = 0;
    while (digit(s[n]))
        n++;
    return n;
}

static const char *form_bool(const char *s, struct str *room)
{
    static const char *const yes[] = {"t", "true", "yes", "y", "on", "1"};
    static const char *const no[] = {"f", "false", "no", "n", "off", "0"};
    (void)room;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp(s, yes[i]) == 0)
            return "t";
        if (strcasecmp(s, no[i]) == 0)
            return "f";
    }
    return s;
}

/* [+-]digits[.digits]: no leading zeros, no trailing ones after the point, no sign on zero. */
static const char *form_decimal(const char *s, struct str *room)
{
    const char *at = s;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    size_t whole = digits(at), fraction = 0;
    const char *point = at + whole;
    if (*point == '.')
        fraction = digits(point + 1);
    if (whole + fraction == 0 || point[*point == '.' ? 1 + fraction : 0] != '\0')
        return s;
    while (whole > 1 && *at == '0')
        at++, whole--;
    while (fraction && point[fraction] == '0')
        fraction--;
    bool zero = fraction == 0 && (whole == 0 || (whole == 1 && *at == '0'));
    if (negative && !zero)
        str_add_char(room, '-');
    if (whole)
        str_add_bytes(room, at, whole);
    else
        str_add_char(room, '0');
    if (fraction) {
        str_add_char(room, '.');
        str_add_bytes(room, point + 1, fraction);
    }
    return str_text(room);
}

static const char *form_uuid(const char *s, struct str *room)
{
    if (strlen(s) != 36)
        return s;
    for (const char *at = s; *at; at++)
        str_add_char(room, (char)tolower((unsigned char)*at));
    return str_text(room);
}

static const char *form_padded(const char *s, struct str *room)
{
    size_t n = strlen(s);
    while (n && s[n - 1] == ' ')
        n--;
    str_add_bytes(room, s, n);
    return str_text(room);
}

static bool is_date(const char *s)
{
    return digits(s) == 4 && s[4] == '-' && digits(s + 5) == 2 && s[7] == '-' && digits(s + 8) == 2;
}

/* YYYY-MM-DD[(T| )HH:MM[:SS[.fraction]]][Z|+00[:00]] in the server's own writing for UTC. A zone other than UTC
 * is left to the server. */
static const char *form_time(const char *s, struct str *room, bool zone)
{
    if (!is_date(s))
        return s;
    const char *at = s + 10;
    str_add_bytes(room, s, 10);
    if (*at != 'T' && *at != ' ') {
        str_add(room, " 00:00:00");
    } else if (digits(at + 1) == 2 && at[3] == ':' && digits(at + 4) == 2) {
        str_add_char(room, ' ');
        str_add_bytes(room, at + 1, 5);
        at += 6;
        if (*at == ':' && digits(at + 1) == 2) {
            str_add_bytes(room, at, 3);
            at += 3;
        } else {
            str_add(room, ":00");
        }
        size_t fraction = *at == '.' ? digits(at + 1) : 0, kept = fraction;
        while (kept && at[kept] == '0')
            kept--;
        if (kept)
            str_add_bytes(room, at, kept + 1);
        at += fraction ? fraction + 1 : 0;
    } else {
        return s;
    }
    if (strcmp(at, "") != 0 && strcmp(at, "Z") != 0 && strcmp(at, "+00") != 0 && strcmp(at, "+00:00") != 0)
        return s;
    if (zone)
        str_add(room, "+00");
    return str_text(room);
}

static const char *form_timestamptz(const char *s, struct str *room) { return form_time(s, room, true); }
static const char *form_timestamp(const char *s, struct str *room) { return form_time(s, room, false); }

/* Without the white space between tokens. Key order stays: where it differs, the server compares. */
static const char *form_json(const char *s, struct str *room)
{
    bool quoted = false;
    for (const char *at = s; *at; at++) {
        if (!quoted && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
            continue;
        str_add_char(room, *at);
        if (*at == '"')
            quoted = !quoted;
        else if (quoted && *at == '\\' && at[1])
            str_add_char(room, *++at);
    }
    return str_text(room);
}

static const struct {
    const char *base;
    const char *(*form)(const char *text, struct str *room);
} forms[] = {
    {"bool", form_bool},       {"int2", form_decimal},         {"int4", form_decimal},
    {"int8", form_decimal},    {"numeric", form_decimal},      {"uuid", form_uuid},
    {"bpchar", form_padded},   {"timestamptz", form_timestamptz}, {"timestamp", form_timestamp},
    {"json", form_json},       {"jsonb", form_json},
};

const char *normal_form(const struct db_type *type, const char *text, struct str *room)
{
    str_reset(room);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (type->base[0] == forms[i].base[0] && strcmp(type->base, forms[i].base) == 0)
            return forms[i].form(text, room);
    return text;
}

bool normal_is_number(const struct db_type *type)
{
    static const char *const bases[] = {"int2", "int4", "int8", "numeric"};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        if (strcmp(type->base, bases[i]) == 0)
            return true;
    return false;
}

/* More digits are a greater number, of a negative one a smaller. */
void normal_add_sortable(struct str *out, const char *form)
{
    enum { ZERO = 0x80, DIGITS_MOST = 60, NO_NUMBER = 0xfd };
    bool negative = *form == '-';
    const char *at = form + negative;
    size_t whole = digits(at), fraction = at[whole] == '.' ? digits(at + whole + 1) + 1 : 0;
    if (whole == 0 || whole > DIGITS_MOST || at[whole + fraction]) {
        str_add_char(out, (char)NO_NUMBER);
        str_add(out, form);
        return;
    }
    str_add_char(out, (char)(negative ? ZERO - (int)whole : ZERO + (int)whole));
    for (; *at; at++)
        str_add_char(out, negative && digit(*at) ? (char)('0' + '9' - *at) : *at);
    if (negative)
        str_add_char(out, '~');     /* behind the point of a longer fraction */
}

bool normal_same(const struct db_type *type, const char *a, const char *b, struct str room[2])
{
    if (strcmp(a, b) == 0)
        return true;
    return strcmp(normal_form(type, a, &room[0]), normal_form(type, b, &room[1])) == 0;
}

/* ---- forms that decide ---- */

enum { BOOL = 16, INT8 = 20, INT2 = 21, INT4 = 23, UUID = 2950 };   /* of pg_type.dat: no other type has them */

/* No more digits than fit in any case. */
static bool is_whole(const char *s, size_t digits_most)
{
    s += *s == '-' || *s == '+';
    size_t n = digits(s);
    return n > 0 && n <= digits_most && s[n] == '\0';
}

static bool is_uuid(const char *s)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i = 0;
    while (shape[i] && (shape[i] == '-' ? s[i] == '-' : isxdigit((unsigned char)s[i]) != 0))
        i++;
    return i == sizeof shape - 1 && s[i] == '\0';
}

static bool is_label(const struct db_type *type, const char *s)
{
    size_t i = 0;
    while (i < type->label_count && strcmp(type->labels[i], s) != 0)
        i++;
    return i < type->label_count;
}

bool normal_decides(const struct db_type *type, const char *text)
{
    if (type->bytewise)
        return true;
    switch (type->oid) {
    case INT2: return is_whole(text, 4);
    case INT4: return is_whole(text, 9);
    case INT8: return is_whole(text, 18);
    case UUID: return is_uuid(text);
    case BOOL: return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "t") == 0 ||
                      strcmp(text, "f") == 0;
    }
    return type->kind == 'e' && is_label(type, text);
}
