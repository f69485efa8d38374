/* util - owned texts, ASCII comparison, fuzzy matching. */
#include "app/util.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

const char *or_empty(const char *text) { return text ? text : ""; }
bool text_same(const char *a, const char *b) { return strcmp(or_empty(a), or_empty(b)) == 0; }
bool text_is_empty(const char *text) { return !text || !*text; }

void text_replace(char **place, const char *text)
{
    char *copy = xstrdup(text);   /* first: `text` may lie in *place */
    free(*place);
    *place = copy;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool text_holds(const char *text, const char *needle)
{
    for (;; text++) {
        size_t i = 0;
        while (needle[i] && lower(text[i]) == lower(needle[i]))
            i++;
        if (!needle[i])
            return true;
        if (!*text)
            return false;
    }
}

bool text_passes(const char *text, const char *filter)
{
    if (text_is_empty(filter))
        return true;
    return filter[0] == '!' ? !filter[1] || !text_holds(text, filter + 1) : text_holds(text, filter);
}

static bool is_word_char(char c)
{
    c = lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

int text_fuzzy(const char *text, const char *query)
{
    int score = *query && text_holds(text, query) ? 40 : 0, run = 0;   /* in one piece beats scattered */
    const char *start = text;
    for (; *query; query++) {
        if (*query == ' ')
            continue;
        while (*text && lower(*text) != lower(*query)) {
            text++;
            run = 0;
        }
        if (!*text)
            return -1;
        bool word_start = text == start || !is_word_char(text[-1]);
        score += 1 + run * 2 + (word_start ? 4 : 0);
        run++;
        text++;
    }
    return score;
}

int64_t clamp(int64_t n, int64_t least, int64_t most)
{
    if (n > most)
        n = most;
    return n < least ? least : n;
}
