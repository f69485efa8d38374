#include "journal/format.h"

#include <string.h>

void journal_chain(char hash[HASH_HEX], const char *bytes, size_t length)
{
    struct hash h;
    hash_init(&h);
    hash_add(&h, hash, strlen(hash));
    hash_add(&h, bytes, length);
    hash_hex(&h, hash);
}

const char *journal_tail(const char *line, size_t length)
{
    static const char before[] = ",\"hash\":\"";
    if (length < JOURNAL_TAIL)
        return NULL;
    const char *tail = line + length - JOURNAL_TAIL, *hash = tail + sizeof before - 1;
    if (memcmp(tail, before, sizeof before - 1) != 0 || memcmp(hash + HASH_HEX - 1, "\"}", 2) != 0)
        return NULL;
    return hash;
}

/* What is left to read of a line. */
struct cursor { const char *at, *end; };

static bool take(struct cursor *c, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* At most 18 digits, so that nothing overflows. */
static bool take_number(struct cursor *c, uint64_t *number)
{
    const char *start = c->at;
    *number = 0;
    while (c->at < c->end && c->at - start < 18 && *c->at >= '0' && *c->at <= '9')
        *number = *number * 10 + (uint64_t)(*c->at++ - '0');
    return c->at > start;
}

static bool take_signed(struct cursor *c, int64_t *number)
{
    uint64_t size;
    bool minus = take(c, "-");
    if (!take_number(c, &size))
        return false;
    *number = minus ? -(int64_t)size : (int64_t)size;
    return true;
}

static enum journal_kind take_kind(struct cursor *c)
{
    static const struct { const char *key; enum journal_kind kind; } kinds[] = {
        {"in\":", JOURNAL_INPUT}, {"checkpoint\":", JOURNAL_CHECKPOINT}, {"end\":", JOURNAL_END},
        {"next\":", JOURNAL_NEXT},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (take(c, kinds[i].key))
            return kinds[i].kind;
    return JOURNAL_UNKNOWN;
}

bool journal_frame(const char *line, size_t length, struct journal_frame *frame)
{
    struct cursor c = {line, line + length};
    *frame = (struct journal_frame){.kind = JOURNAL_UNKNOWN};
    if (!take(&c, "{\"n\":") || !take_number(&c, &frame->n) || !take(&c, ",\""))
        return false;
    frame->kind = take_kind(&c);
    frame->at = (size_t)(c.at - line);
    frame->length = length - frame->at;
    return frame->kind == JOURNAL_UNKNOWN || (frame->length >= 2 && c.at[0] == '{' && c.end[-1] == '}');
}

bool journal_checkpoint(const char *object, size_t length, struct journal_checkpoint *checkpoint)
{
    struct cursor c = {object, object + length};
    *checkpoint = (struct journal_checkpoint){0};
    if (!take(&c, "{\"offset_ms\":") || !take_signed(&c, &checkpoint->offset_ms) ||
        !take(&c, ",\"segment\":") || !take_signed(&c, &checkpoint->segment) ||
        !take(&c, ",\"previous\":") || !take_signed(&c, &checkpoint->previous) || !take(&c, ",\"model\":"))
        return false;
    checkpoint->model = (size_t)(c.at - object);
    if (length < checkpoint->model + 3 || *c.at != '{')
        return false;
    checkpoint->model_length = length - checkpoint->model - 1;
    return object[length - 2] == '}';
}

int64_t journal_offset(const char *input, size_t length)
{
    static const char key[] = "\"offset_ms\":";
    const char *found = memmem(input, length < 80 ? length : 80, key, sizeof key - 1);
    if (!found)
        return 0;
    struct cursor c = {found + sizeof key - 1, input + length};
    int64_t offset = 0;
    return take_signed(&c, &offset) && offset > 0 ? offset : 0;
}
