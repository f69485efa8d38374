/* keys - a small decoder for what terminals send: UTF-8, control keys, CSI and SS3 sequences, SGR mouse
 * reports, bracketed paste. curses' own getch is not used: it sleeps inside after an ESC, and gives a
 * paste key by key. */
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/text.h"

enum { DEFINED_MAX = 64, SEQUENCE_MAX = 32 };

struct defined { char sequence[SEQUENCE_MAX]; char name[KEYS_NAME]; };

struct keys {
    char *bytes;
    size_t length, capacity;
    int64_t last_ms;             /* when the newest byte came */
    bool pasting;
    struct str paste;
    struct defined defined[DEFINED_MAX];
    size_t defined_count;
};

static const char paste_begin[] = "\033[200~", paste_end[] = "\033[201~";

/* Final byte of CSI or SS3 without a number before it. */
static const struct { char final; const char *name; } letters[] = {
    {'A', "up"}, {'B', "down"}, {'C', "right"}, {'D', "left"}, {'H', "home"}, {'F', "end"},
    {'Z', "shift-tab"}, {'P', "f1"}, {'Q', "f2"}, {'R', "f3"}, {'S', "f4"}, {'M', "enter"},
};
/* CSI NUMBER ~ */
static const struct { int number; const char *name; } tildes[] = {
    {1, "home"}, {2, "insert"}, {3, "delete"}, {4, "end"}, {5, "pgup"}, {6, "pgdn"}, {7, "home"}, {8, "end"},
    {11, "f1"}, {12, "f2"}, {13, "f3"}, {14, "f4"}, {15, "f5"}, {17, "f6"}, {18, "f7"}, {19, "f8"},
    {20, "f9"}, {21, "f10"}, {23, "f11"}, {24, "f12"},
};

struct keys *keys_new(void) { return xcalloc(1, sizeof(struct keys)); }

void keys_free(struct keys *k)
{
    if (!k)
        return;
    if (k->bytes)
        explicit_bzero(k->bytes, k->capacity);
    free(k->bytes);
    if (k->paste.text)
        explicit_bzero(k->paste.text, k->paste.capacity);
    str_free(&k->paste);
    free(k);
}

void keys_define(struct keys *k, const char *sequence, const char *name)
{
    /* one byte is a character or a control key already (DEL, BS), and wins over terminfo's guess */
    size_t length = sequence ? strlen(sequence) : 0;
    if (length < 2 || length >= SEQUENCE_MAX || k->defined_count == DEFINED_MAX)
        return;
    struct defined *d = &k->defined[k->defined_count++];
    snprintf(d->sequence, sizeof d->sequence, "%s", sequence);
    snprintf(d->name, sizeof d->name, "%s", name);
}

void keys_feed(struct keys *k, const char *bytes, size_t length, int64_t now_ms)
{
    if (k->capacity - k->length < length) {
        /* not realloc: it could leave a copy of a password behind */
        size_t capacity = k->length + length + 4096;
        char *bigger = xmalloc(capacity);
        if (k->length)
            memcpy(bigger, k->bytes, k->length);
        if (k->bytes)
            explicit_bzero(k->bytes, k->capacity);
        free(k->bytes);
        k->bytes = bigger;
        k->capacity = capacity;
    }
    memcpy(k->bytes + k->length, bytes, length);
    k->length += length;
    k->last_ms = now_ms;
}

static void consume(struct keys *k, size_t n)
{
    memmove(k->bytes, k->bytes + n, k->length - n);
    explicit_bzero(k->bytes + k->length - n, n);
    k->length -= n;
}

static bool give_key(struct key_event *event, const char *prefix, const char *name)
{
    event->kind = KEY_EVENT_KEY;
    snprintf(event->name, sizeof event->name, "%s%s", prefix, name);
    return true;
}

/* A control character or DEL. */
static bool give_control(struct key_event *event, const char *prefix, unsigned char c)
{
    char name[8];
    switch (c) {
    case '\r':
    case '\n': return give_key(event, prefix, "enter");
    case '\t': return give_key(event, prefix, "tab");
    case 0x08:
    case 0x7f: return give_key(event, prefix, "backspace");
    case 0x1b: return give_key(event, prefix, "esc");
    case 0x00: return give_key(event, prefix, "ctrl-space");
    default:
        snprintf(name, sizeof name, "ctrl-%c", c < 27 ? 'a' + c - 1 : "\\]^_"[c - 28]);
        return give_key(event, prefix, name);
    }
}

enum verdict { NOT_YET, NOTHING, EVENT };   /* NOTHING: bytes were consumed, no event came of them */

/* One character at `at`, which may be half arrived. */
static enum verdict take_character(struct keys *k, size_t at, const char *prefix, bool waited,
                                   struct key_event *event)
{
    unsigned char c = (unsigned char)k->bytes[at];
    if (c < 0x20 || c == 0x7f) {
        consume(k, at + 1);
        give_control(event, prefix, c);
        return EVENT;
    }
    if (c == ' ') {
        consume(k, at + 1);
        give_key(event, prefix, "space");
        return EVENT;
    }
    size_t want = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : (c & 0xf8) == 0xf0 ? 4 : 1;
    if (k->length - at < want && !waited)
        return NOT_YET;
    int32_t point;
    size_t used = text_decode(k->bytes + at, k->length - at, &point);
    char name[8] = "";
    if (point >= 0)
        memcpy(name, k->bytes + at, used);
    consume(k, at + used);
    if (point < 0 || (point >= 0x80 && point < 0xa0))
        return NOTHING;
    give_key(event, prefix, name);
    explicit_bzero(name, sizeof name);
    return EVENT;
}

/* xterm's modifier parameter: 1 + shift 1, alt 2, control 4. */
static const char *modifier_prefix(int modifier)
{
    static const char *const names[] = {"", "shift-", "alt-", "alt-shift-",
                                        "ctrl-", "ctrl-shift-", "ctrl-alt-", "ctrl-alt-shift-"};
    return modifier >= 1 && modifier <= 8 ? names[modifier - 1] : "";
}

/* ESC [ < BUTTON ; COLUMN ; ROW followed by M (pressed) or m (released). */
static enum verdict give_mouse(const char *parameters, char final, struct key_event *event)
{
    int button, column, row;
    if (sscanf(parameters, "<%d;%d;%d", &button, &column, &row) != 3 || column < 1 || row < 1 || final != 'M')
        return NOTHING;
    const char *name = button == 0 ? "click" : button == 64 ? "wheel-up" : button == 65 ? "wheel-down" : NULL;
    if (!name)
        return NOTHING;
    event->kind = KEY_EVENT_MOUSE;
    snprintf(event->name, sizeof event->name, "%s", name);
    event->row = row - 1;
    event->column = column - 1;
    return EVENT;
}

static enum verdict give_csi(const char *parameters, char final, struct key_event *event)
{
    int first = 0, modifier = 1;
    if (parameters[0] == '<')
        return give_mouse(parameters, final, event);
    if (sscanf(parameters, "%d;%d", &first, &modifier) < 1)
        first = 0;
    const char *prefix = modifier_prefix(modifier);
    if (final == '~') {
        for (size_t i = 0; i < sizeof tildes / sizeof *tildes; i++)
            if (tildes[i].number == first)
                return give_key(event, prefix, tildes[i].name) ? EVENT : NOTHING;
        return NOTHING;
    }
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (letters[i].final == final)
            return give_key(event, prefix, letters[i].name) ? EVENT : NOTHING;
    return NOTHING;
}

/* ESC [ parameters final, parameters and intermediates being 0x20..0x3f. */
static enum verdict take_csi(struct keys *k, bool waited, struct key_event *event)
{
    char parameters[SEQUENCE_MAX] = "";
    size_t end = 2;
    while (end < k->length && k->bytes[end] >= 0x20 && k->bytes[end] <= 0x3f)
        end++;
    if (end == k->length) {
        /* cut off for good: what came of it is nothing anybody typed */
        if (waited || k->length > 64)
            return consume(k, k->length), NOTHING;
        return NOT_YET;
    }
    char final = k->bytes[end];
    size_t length = end - 2 < sizeof parameters - 1 ? end - 2 : sizeof parameters - 1;
    memcpy(parameters, k->bytes + 2, length);
    if (k->bytes[2] == '[' && end == 2) {        /* the Linux console's F1..F5: ESC [ [ A */
        if (k->length < 4)
            return waited ? (consume(k, k->length), NOTHING) : NOT_YET;
        char name[4] = {'f', (char)('1' + (k->bytes[3] - 'A')), 0};
        bool known = k->bytes[3] >= 'A' && k->bytes[3] <= 'E';
        consume(k, 4);
        return known && give_key(event, "", name) ? EVENT : NOTHING;
    }
    consume(k, final < 0x20 ? end : end + 1);   /* a control character inside is a key of its own */
    return give_csi(parameters, final, event);
}

static enum verdict take_escape(struct keys *k, bool waited, struct key_event *event)
{
    for (size_t i = 0; i < k->defined_count; i++) {
        size_t n = strlen(k->defined[i].sequence);
        if (k->length >= n && memcmp(k->bytes, k->defined[i].sequence, n) == 0) {
            consume(k, n);
            give_key(event, "", k->defined[i].name);
            return EVENT;
        }
    }
    if (k->length == 1 || k->bytes[1] == '\033') {
        if (k->length == 1 && !waited)
            return NOT_YET;
        consume(k, 1);
        give_key(event, "", "esc");
        return EVENT;
    }
    if (k->length == 2 && waited)                /* alt-[ and alt-O begin sequences too; time tells */
        return take_character(k, 1, "alt-", waited, event);
    if (k->bytes[1] == '[')
        return take_csi(k, waited, event);
    if (k->bytes[1] == 'O') {
        if (k->length < 3)
            return NOT_YET;
        char final = k->bytes[2];
        consume(k, 3);
        return give_csi("", final, event);
    }
    return take_character(k, 1, "alt-", waited, event);
}

static void add_pasted(struct keys *k, size_t n)
{
    for (size_t i = 0; i < n && k->paste.length < KEYS_PASTE_MAX; i++)
        str_add_char(&k->paste, k->bytes[i] == '\r' ? '\n' : k->bytes[i] ? k->bytes[i] : ' ');
    consume(k, n);
}

/* Collects until the end mark; a mark half arrived stays in the buffer. */
static enum verdict take_paste(struct keys *k, struct key_event *event)
{
    const size_t mark = sizeof paste_end - 1;
    const char *end = memmem(k->bytes, k->length, paste_end, mark);
    if (!end) {
        if (k->length > mark)
            add_pasted(k, k->length - mark);
        return NOT_YET;
    }
    add_pasted(k, (size_t)(end - k->bytes));
    consume(k, mark);
    k->pasting = false;
    event->kind = KEY_EVENT_PASTE;
    event->paste = str_take(&k->paste);
    return EVENT;
}

bool keys_next(struct keys *k, int64_t now_ms, struct key_event *event)
{
    const size_t mark = sizeof paste_begin - 1;
    memset(event, 0, sizeof *event);
    while (k->length) {
        bool waited = now_ms - k->last_ms >= KEYS_ESC_MS;
        enum verdict v;
        if (k->pasting)
            v = take_paste(k, event);
        else if (k->length >= mark && memcmp(k->bytes, paste_begin, mark) == 0)
            v = (consume(k, mark), k->pasting = true, NOTHING);
        else if (k->bytes[0] == '\033')
            v = take_escape(k, waited, event);
        else
            v = take_character(k, 0, "", waited, event);
        if (v != NOTHING)
            return v == EVENT;
    }
    return false;
}

int64_t keys_deadline(const struct keys *k)
{
    return k->length && !k->pasting ? k->last_ms + KEYS_ESC_MS : -1;
}
