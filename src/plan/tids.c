/* tids - 64 neighbouring places in a word, words in a hash table until they are sorted. */
#include "plan/tids.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* key: block and offset without its last six bits, plus one, so that zero is a free place. */
struct tids_word { uint64_t key, bits; };

enum { FIRST_CAPACITY = 16 };

static uint64_t key_of(uint32_t block, uint16_t offset) { return ((uint64_t)block << 10 | offset >> 6) + 1; }

static size_t place_of(const struct tids *t, uint64_t key)
{
    size_t at = (size_t)(key * 0x9E3779B97F4A7C15u >> 20) & (t->capacity - 1);
    while (t->words[at].key && t->words[at].key != key)
        at = (at + 1) & (t->capacity - 1);
    return at;
}

static void grow(struct tids *t)
{
    struct tids_word *old = t->words;
    size_t count = t->capacity;
    t->capacity = count ? count * 2 : FIRST_CAPACITY;
    t->words = xcalloc(t->capacity, sizeof *t->words);
    for (size_t i = 0; i < count; i++)
        if (old[i].key)
            t->words[place_of(t, old[i].key)] = old[i];
    free(old);
}

bool tids_add(struct tids *t, uint32_t block, uint16_t offset)
{
    if ((t->used + 1) * 4 > t->capacity * 3)
        grow(t);
    struct tids_word *word = &t->words[place_of(t, key_of(block, offset))];
    uint64_t bit = (uint64_t)1 << (offset & 63);
    if (word->bits & bit)
        return false;
    t->used += word->key == 0;
    word->key = key_of(block, offset);
    word->bits |= bit;
    t->count++;
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = ((const struct tids_word *)a)->key, y = ((const struct tids_word *)b)->key;
    return (x > y) - (x < y);
}

void tids_sort(struct tids *t)
{
    if (t->sorted)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < t->capacity; i++)
        if (t->words[i].key)
            t->words[kept++] = t->words[i];
    if (kept)
        qsort(t->words, kept, sizeof *t->words, compare);
    t->sorted = true;
}

bool tids_has(const struct tids *t, uint32_t block, uint16_t offset)
{
    struct tids_word wanted = {.key = key_of(block, offset)};
    const struct tids_word *word = NULL;
    if (t->used == 0)
        return false;
    if (t->sorted)
        word = bsearch(&wanted, t->words, t->used, sizeof wanted, compare);
    else
        word = &t->words[place_of(t, wanted.key)];
    return word && word->bits >> (offset & 63) & 1;
}

bool tids_parse(const char *text, uint32_t *block, uint16_t *offset)
{
    char *end;
    if (!text || *text != '(')
        return false;
    *block = (uint32_t)strtoul(text + 1, &end, 10);
    if (*end != ',')
        return false;
    *offset = (uint16_t)strtoul(end + 1, &end, 10);
    return *end == ')';
}

void tids_free(struct tids *t)
{
    free(t->words);
    *t = (struct tids){0};
}

bool tids_next(const struct tids *t, struct tids_cursor *at, uint32_t *block, uint16_t *offset)
{
    size_t words = t->sorted ? t->used : t->capacity;
    for (; at->word < words; at->word++, at->bit = 0)
        for (; at->bit < 64; at->bit++) {
            if (!(t->words[at->word].bits >> at->bit & 1))
                continue;
            uint64_t key = t->words[at->word].key - 1;
            *block = (uint32_t)(key >> 10);
            *offset = (uint16_t)((key & 1023) << 6 | at->bit++);
            return true;
        }
    return false;
}

size_t tids_batch(const struct tids *t, struct tids_cursor *at, const struct tids *except, size_t most,
                  struct str *out)
{
    size_t count = 0;
    uint32_t block;
    uint16_t offset;
    str_reset(out);
    while (count < most && tids_next(t, at, &block, &offset)) {
        if (except && tids_has(except, block, offset))
            continue;
        str_printf(out, "%s\"(%u,%u)\"", count++ ? "," : "{", block, offset);
    }
    if (count)
        str_add_char(out, '}');
    return count;
}
