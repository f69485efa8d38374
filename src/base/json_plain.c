/* json_plain - the part of JSON's grammar that nothing about a version, an encoding or a limit can make wrong. Each
 * function returns the place behind what it read, NULL for anything else. */
#include <string.h>

#include "base/json.h"

enum { DEPTH_MOST = 32, BYTES_MOST = 1024 * 1024, DIGITS_MOST = 18, KEYS_MOST = 32 };

struct key { const char *from; size_t length; };

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

/* A key with an escape may be the same as another without. */
static const char *skip_text(const char *at, bool key)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\' && (key || *++at == '\0' || !strchr("\"\\/bfnrt", *at)))
            return NULL;
    }
    return at + 1;
}

static size_t digits(const char *at)
{
    size_t count = 0;
    while (at[count] >= '0' && at[count] <= '9')
        count++;
    return count;
}

static const char *skip_number(const char *at)
{
    at += *at == '-';
    size_t whole = digits(at), fraction = 0;
    if (!whole || whole > DIGITS_MOST || (whole > 1 && *at == '0'))
        return NULL;
    at += whole;
    if (*at == '.') {
        fraction = digits(at + 1);
        if (!fraction || fraction > DIGITS_MOST)
            return NULL;
        at += 1 + fraction;
    }
    return *at == 'e' || *at == 'E' ? NULL : at;
}

/* The key at `at` and its colon; a key given twice is nothing that readers agree on. */
static const char *skip_key(const char *at, struct key *keys, size_t *count)
{
    const char *end = skip_text(at, true);
    if (!end || *count == KEYS_MOST)
        return NULL;
    struct key key = {.from = at, .length = (size_t)(end - at)};
    for (size_t i = 0; i < *count; i++)
        if (keys[i].length == key.length && memcmp(keys[i].from, key.from, key.length) == 0)
            return NULL;
    keys[(*count)++] = key;
    at = skip_space(end);
    return *at == ':' ? skip_space(at + 1) : NULL;
}

static const char *skip_value(const char *at, int depth);

/* The members of an object or a list, its bracket read already. */
static const char *skip_members(const char *at, char end, int depth)
{
    struct key keys[KEYS_MOST];
    size_t count = 0;
    at = skip_space(at);
    if (*at == end)
        return at + 1;
    for (;;) {
        if (end == '}' && !(at = skip_key(at, keys, &count)))
            return NULL;
        at = skip_value(at, depth + 1);
        if (!at)
            return NULL;
        at = skip_space(at);
        if (*at == end)
            return at + 1;
        if (*at != ',')
            return NULL;
        at = skip_space(at + 1);
    }
}

static const char *skip_value(const char *at, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    if (depth > DEPTH_MOST)
        return NULL;
    if (*at == '{' || *at == '[')
        return skip_members(at + 1, *at == '{' ? '}' : ']', depth);
    if (*at == '"')
        return skip_text(at, false);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (*at == *words[i] && strncmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    return skip_number(at);
}

bool json_is_plain(const char *text, size_t length)
{
    if (length > BYTES_MOST)
        return false;
    const char *rest = skip_value(skip_space(text), 0);
    return rest && skip_space(rest) == text + length;
}
