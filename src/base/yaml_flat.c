/* yaml_flat - an item is measured where it lies in the buffer, then copied into the arena and cut up there. */
#include "base/yaml_flat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { BUFFER = 256 * 1024, BUFFER_MOST = 4 * 1024 * 1024, KEY_MOST = 128, PAIRS_MOST = 2048 };

/* A key and its value, as offsets from the item's first byte. */
struct flat_pair {
    uint32_t key, key_length;
    uint32_t value, length;     /* quotes left out */
    char quote;                 /* '"', '\'', or 0 */
    unsigned line;              /* from the item's */
    uint32_t line_start;
    uint32_t skew;              /* bytes before it on its line that count for no column */
    bool escapes;
};

/* ---- bytes ---- */

void yaml_flat_open(struct yaml_flat *f, int fd, uint64_t size)
{
    size_t room = size < BUFFER ? (size_t)size + 1 : BUFFER;   /* one to spare: the end shows without growing */
    *f = (struct yaml_flat){.fd = fd, .line = 1, .room = room, .buffer = xmalloc(room + 1)};
}

void yaml_flat_close(struct yaml_flat *f)
{
    free(f->buffer);
    free(f->pairs);
    free(f->known);
    *f = (struct yaml_flat){.fd = -1};
}

/* More bytes behind those that are there. False: there are none, or what is there is too long already. */
static bool more(struct yaml_flat *f)
{
    if (f->at_end)
        return false;
    memmove(f->buffer, f->buffer + f->start, f->end - f->start);
    f->end -= f->start;
    f->start = 0;
    if (f->end == f->room) {
        if (f->room >= BUFFER_MOST)
            return false;
        f->room *= 2;
        f->buffer = xrealloc(f->buffer, f->room + 1);
    }
    ssize_t n;
    do
        n = pread(f->fd, f->buffer + f->end, f->room - f->end, (off_t)f->filled);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {               /* libyaml will meet the error, if it is one */
        f->at_end = true;
        return false;
    }
    f->filled += (uint64_t)n;
    f->end += (size_t)n;
    return true;
}

static void consume(struct yaml_flat *f, size_t length, unsigned lines)
{
    f->start += length;
    f->offset += length;
    f->line += lines;
}

/* Line ends that libyaml counts and we do not: CR, NEL, LS and PS. */
static bool has_other_break(const char *line, size_t length)
{
    static const char *const breaks[] = {"\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++)
        if (memmem(line, length, breaks[i], strlen(breaks[i])))
            return true;
    return false;
}

bool yaml_flat_skip(struct yaml_flat *f, unsigned lines)
{
    while (lines > 0) {
        char *from = f->buffer + f->start, *newline = memchr(from, '\n', f->end - f->start);
        if (!newline) {
            if (!more(f))
                return false;
            continue;
        }
        size_t length = (size_t)(newline + 1 - from);
        if (has_other_break(from, length))
            return false;
        consume(f, length, 1);
        lines--;
    }
    return true;
}

bool yaml_flat_enter(struct yaml_flat *f, unsigned dash)
{
    while (f->end - f->start <= dash)
        if (!more(f))
            return false;
    const char *from = f->buffer + f->start;
    f->dash = dash;
    return strspn(from, " ") >= dash && from[dash] == '-';
}

/* ---- measuring ---- */

enum found { FOUND, ODD, CUT };    /* CUT: more bytes are wanted */

struct scan {
    struct yaml_flat *f;
    const char *item, *p, *stop;   /* *stop is a line end that nothing runs over */
    unsigned line, key_column;
    bool flow;                     /* inside of { } */
    uint32_t skew;
};

enum { KEY_FIRST = 1, KEY_REST = 2, PLAIN_FIRST = 4, PLAIN_STOP = 8, QUOTED_STOP = 16, FLOW_STOP = 32 };

static const unsigned char *classes(void)
{
    static const unsigned char table[256] = {
#define CONTROL PLAIN_STOP | QUOTED_STOP | FLOW_STOP
        [0x00 ... 0x1f] = CONTROL, [0x7f] = CONTROL, [0x80 ... 0xff] = PLAIN_FIRST,
        ['0' ... '9'] = KEY_REST | PLAIN_FIRST, ['A' ... 'Z'] = KEY_FIRST | KEY_REST | PLAIN_FIRST,
        ['a' ... 'z'] = KEY_FIRST | KEY_REST | PLAIN_FIRST, ['_'] = KEY_FIRST | KEY_REST | PLAIN_FIRST,
        ['.'] = PLAIN_FIRST, ['/'] = PLAIN_FIRST, ['+'] = PLAIN_FIRST, ['('] = PLAIN_FIRST, ['$'] = PLAIN_FIRST,
        ['^'] = PLAIN_FIRST, ['~'] = PLAIN_FIRST, ['='] = PLAIN_FIRST, ['\\'] = PLAIN_FIRST | QUOTED_STOP,
        [':'] = PLAIN_STOP | FLOW_STOP, ['#'] = PLAIN_STOP | FLOW_STOP, ['"'] = QUOTED_STOP, ['\''] = QUOTED_STOP,
        [','] = FLOW_STOP, ['?'] = FLOW_STOP, ['['] = FLOW_STOP, [']'] = FLOW_STOP, ['{'] = FLOW_STOP, ['}'] = FLOW_STOP,
#undef CONTROL
    };
    return table;
}

static bool is(char c, unsigned char class) { return (classes()[(unsigned char)c] & class) != 0; }

/* Text beyond ASCII that libyaml takes, and takes for no line end. */
static bool allowed(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        int32_t c;
        size_t taken = text_decode(text + i, length - i, &c);
        if (c < 0 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff)
            return false;
        i += taken;
    }
    return true;
}

/* Behind the value only spaces, then the line's end. */
static enum found end_line(struct scan *s)
{
    while (*s->p == ' ')
        s->p++;
    if (*s->p != '\n')
        return ODD;
    if (s->p == s->stop)
        return CUT;
    s->p++;
    s->line++;
    return FOUND;
}

/* Behind a value of a flow mapping, at the comma or the brace. */
static enum found end_flow_value(struct scan *s)
{
    while (*s->p == ' ')
        s->p++;
    if (*s->p == ',' || *s->p == '}')
        return FOUND;
    return s->p == s->stop ? CUT : ODD;
}

static enum found end_value(struct scan *s) { return s->flow ? end_flow_value(s) : end_line(s); }

/* Several values on a line: what is not ASCII moves the columns of those behind it. */
static void count_skew(struct scan *s, const char *text, size_t length)
{
    for (size_t i = 0; s->flow && i < length; i++)
        s->skew += ((unsigned char)text[i] & 0xc0) == 0x80;
}

static enum found scan_plain(struct scan *s, struct flat_pair *pair)
{
    unsigned char stop = s->flow ? FLOW_STOP : PLAIN_STOP;
    const char *from = s->p;
    bool dash = *from == '-' && (is(from[1], KEY_REST) || from[1] == '.');
    unsigned char all = 0;
    if (!dash && !is(*from, PLAIN_FIRST))
        return ODD;
    for (;; s->p++) {
        while (!is(*s->p, stop))
            all |= (unsigned char)*s->p++;
        bool colon = *s->p == ':' && (s->flow ? is(s->p[1], KEY_REST) : s->p[1] != ' ' && s->p[1] != '\n');
        bool hash = *s->p == '#' && s->p[-1] != ' ';
        if (!colon && !hash)
            break;
    }
    const char *end = s->p;
    while (end[-1] == ' ')
        end--;
    pair->length = (uint32_t)(end - from);
    if (s->p != s->stop && all >= 0x80) {
        if (!allowed(from, pair->length))
            return ODD;
        count_skew(s, from, pair->length);
    }
    return end_value(s);
}

static enum found scan_quoted(struct scan *s, struct flat_pair *pair)
{
    const char *from = ++s->p;
    unsigned char all = 0;
    pair->value++;
    for (;; s->p++) {
        while (!is(*s->p, QUOTED_STOP))
            all |= (unsigned char)*s->p++;
        if (*s->p == '\\' && pair->quote == '"') {
            if (!strchr("\"\\/", s->p[1]) || !s->p[1])
                return ODD;
            pair->escapes = true;
            s->p++;
        } else if (*s->p == '\'' && pair->quote == '\'' && s->p[1] == '\'') {
            pair->escapes = true;
            s->p++;
        } else if (*s->p == pair->quote) {
            break;
        } else if (*s->p == '\n') {
            return s->p == s->stop ? CUT : ODD;
        } else if (*s->p != '\\' && *s->p != '"' && *s->p != '\'') {
            return ODD;
        }
    }
    pair->length = (uint32_t)(s->p - from);
    if (all >= 0x80) {
        if (!allowed(from, pair->length))
            return ODD;
        count_skew(s, from, pair->length);
    }
    s->p++;
    return end_value(s);
}

static struct flat_pair *add_pair(struct yaml_flat *f)
{
    if (f->pair_count == f->pair_room) {
        f->pair_room = f->pair_room ? f->pair_room * 2 : 32;
        f->pairs = xrealloc(f->pairs, f->pair_room * sizeof *f->pairs);
    }
    struct flat_pair *pair = &f->pairs[f->pair_count++];
    *pair = (struct flat_pair){0};
    return pair;
}

/* "key: value" and the line's end, or in a flow mapping what ends the value there. */
static enum found scan_pair(struct scan *s, const char *line_start)
{
    const char *key = s->p;
    if (!is(*key, KEY_FIRST) || s->f->pair_count >= PAIRS_MOST)
        return s->p == s->stop ? CUT : ODD;
    while (is(*s->p, KEY_REST))
        s->p++;
    if (s->p == s->stop)
        return CUT;
    if (*s->p != ':' || s->p - key > KEY_MOST)
        return ODD;
    struct flat_pair *pair = add_pair(s->f);
    pair->key = (uint32_t)(key - s->item);
    pair->key_length = (uint32_t)(s->p - key);
    pair->line = s->line;
    pair->line_start = (uint32_t)(line_start - s->item);
    pair->skew = s->skew;
    s->p++;
    const char *behind = s->p;
    while (*s->p == ' ')
        s->p++;
    pair->value = (uint32_t)(s->p - s->item);
    if (*s->p == '\n' && !s->flow) {
        pair->value = (uint32_t)(behind - s->item);
        return end_line(s);
    }
    if (s->p == s->stop)
        return CUT;
    if (s->p == behind)
        return ODD;
    pair->quote = *s->p == '"' || *s->p == '\'' ? *s->p : '\0';
    return pair->quote ? scan_quoted(s, pair) : scan_plain(s, pair);
}

/* Over blank lines and comments; s->p is then a line's first byte, *indent its spaces. */
static enum found next_line(struct scan *s, unsigned *indent)
{
    for (;;) {
        const char *from = s->p;
        while (*s->p == ' ')
            s->p++;
        *indent = (unsigned)(s->p - from);
        if (s->p == s->stop) {
            s->p = from;
            return s->f->at_end && *indent == 0 ? FOUND : CUT;
        }
        if (*s->p == '#')
            while (*s->p >= ' ' && *s->p < 0x7f)
                s->p++;
        if (s->p == s->stop)
            return CUT;
        if (*s->p != '\n') {
            bool comment = s->p != from + *indent;
            s->p = from;
            return comment ? ODD : FOUND;
        }
        s->p++;
        s->line++;
    }
}

/* "{key: value, ...}" on one line, and the line's end. */
static enum found scan_flow(struct scan *s, const char *line)
{
    s->flow = true;
    do {
        s->p++;
        while (*s->p == ' ')
            s->p++;
        enum found found = scan_pair(s, line);
        if (found != FOUND)
            return found;
    } while (*s->p == ',');
    s->flow = false;
    s->p++;
    return end_line(s);
}

static enum found scan_item(struct scan *s)
{
    struct yaml_flat *f = s->f;
    f->pair_count = 0;
    const char *line = s->p;
    unsigned indent;
    for (s->key_column = 0; *s->p == ' ' && s->key_column < f->dash; s->key_column++)
        s->p++;
    if (s->p == s->stop || s->p + 1 == s->stop)
        return CUT;
    if (s->key_column != f->dash || s->p[0] != '-' || s->p[1] != ' ')
        return ODD;
    for (s->p++; *s->p == ' ';)
        s->p++;
    s->key_column = (unsigned)(s->p - line);
    bool flow = *s->p == '{';
    for (;;) {
        enum found found = (flow ? scan_flow : scan_pair)(s, line);
        if (found != FOUND || (found = next_line(s, &indent)) != FOUND)
            return found;
        line = s->p;
        if (indent <= f->dash)
            return s->p == s->stop || s->p[indent] == '-' || is(s->p[indent], KEY_FIRST) ? FOUND : ODD;
        if (flow || indent != s->key_column)
            return ODD;
        s->p += indent;
    }
}

/* ---- keys ---- */

static bool same_keys(const struct yaml_flat *f, const char *item)
{
    const char *known = f->known, *end = known + f->known_length;
    if (f->pair_count != f->known_pairs)
        return false;
    for (size_t i = 0; i < f->pair_count; i++) {
        const struct flat_pair *pair = &f->pairs[i];
        if ((size_t)(end - known) <= pair->key_length || known[pair->key_length] != '\0' ||
            memcmp(known, item + pair->key, pair->key_length) != 0)
            return false;
        known += pair->key_length + 1;
    }
    return true;
}

static void remember_keys(struct yaml_flat *f, const char *item)
{
    size_t length = 0;
    for (size_t i = 0; i < f->pair_count; i++)
        length += f->pairs[i].key_length + 1;
    if (length > f->known_room) {
        f->known_room = length * 2;
        f->known = xrealloc(f->known, f->known_room);
    }
    char *to = f->known;
    for (size_t i = 0; i < f->pair_count; i++) {
        memcpy(to, item + f->pairs[i].key, f->pairs[i].key_length);
        to += f->pairs[i].key_length;
        *to++ = '\0';
    }
    f->known_length = length;
    f->known_pairs = f->pair_count;
}

/* A key given twice is odd: libyaml's caller says where. */
static bool keys_once(struct yaml_flat *f, const char *item)
{
    if (f->known_pairs && same_keys(f, item))
        return true;
    for (size_t i = 0; i < f->pair_count; i++)
        for (size_t k = 0; k < i; k++)
            if (f->pairs[i].key_length == f->pairs[k].key_length &&
                memcmp(item + f->pairs[i].key, item + f->pairs[k].key, f->pairs[i].key_length) == 0)
                return false;
    remember_keys(f, item);
    return true;
}

/* ---- nodes ---- */

static size_t unescape(char *text, size_t length, char quote)
{
    char *to = text;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == (quote == '"' ? '\\' : '\''))
            i++;
        *to++ = text[i];
    }
    return (size_t)(to - text);
}

static void fill_node(const struct yaml_flat *f, const struct flat_pair *pair, const char *item, uint32_t at, size_t length,
                      struct yaml_node *node)
{
    *node = (struct yaml_node){.kind = YAML_SCALAR, .text = item + at, .length = length, .plain = true,
                               .line = f->line + pair->line};
    node->column = at - pair->line_start - pair->skew + 1;
}

static struct yaml_node *make_item(const struct yaml_flat *f, const char *from, size_t length, unsigned key_column,
                                   struct arena *arena)
{
    size_t count = f->pair_count;
    char *item = arena_strndup(arena, from, length);
    struct yaml_node *map = arena_alloc(arena, (2 * count + 1) * sizeof *map), *node = map + 1;
    *map = (struct yaml_node){.kind = YAML_MAP, .count = count, .line = f->line, .column = key_column + 1};
    map->keys = arena_alloc(arena, 2 * count * sizeof *map->keys);
    map->items = map->keys + count;
    for (size_t i = 0; i < count; i++) {
        const struct flat_pair *pair = &f->pairs[i];
        map->keys[i] = node++;
        map->items[i] = node++;
        fill_node(f, pair, item, pair->key, pair->key_length, map->keys[i]);
        fill_node(f, pair, item, pair->value, pair->length, map->items[i]);
        map->items[i]->plain = !pair->quote;
        map->items[i]->column -= pair->quote != '\0';
    }
    for (size_t i = 0; i < count; i++) {
        const struct flat_pair *pair = &f->pairs[i];
        char *value = item + pair->value;
        if (pair->escapes)
            map->items[i]->length = unescape(value, pair->length, pair->quote);
        item[pair->key + pair->key_length] = '\0';
        value[map->items[i]->length] = '\0';
    }
    return map;
}

bool yaml_flat_item(struct yaml_flat *f, struct arena *arena, struct yaml_node **item)
{
    for (;;) {
        f->buffer[f->end] = '\n';
        const char *from = f->buffer + f->start;
        struct scan s = {.f = f, .item = from, .p = from, .stop = f->buffer + f->end};
        enum found found = s.p == s.stop ? CUT : scan_item(&s);
        bool at_edge = found == CUT || (found == ODD && s.stop - s.p <= 2);   /* it looked at one byte too many */
        if (at_edge && more(f))
            continue;
        if (found == CUT && f->at_end && s.p != s.stop) {   /* nothing comes any more: blank lines may end there */
            s = (struct scan){.f = f, .item = from, .p = from, .stop = f->buffer + f->end};
            found = scan_item(&s);
        }
        if (found != FOUND || !keys_once(f, from))
            return false;
        size_t length = (size_t)(s.p - from);
        *item = make_item(f, from, length, s.key_column, arena);
        consume(f, length, s.line);
        return true;
    }
}
