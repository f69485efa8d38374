/* safepoint_format - bytes of the frames, both ways. */
#include "plan/safepoint_format.h"

#include <sodium.h>
#include <string.h>

static const char *const tags[BLOCK_TAGS] = {
    [BLOCK_HEAD] = "HEAD", [BLOCK_TABLE] = "TABL", [BLOCK_ROWS] = "ROWS", [BLOCK_TAIL] = "TAIL",
};

const char *format_tag(enum block_tag tag) { return tags[tag]; }

static unsigned char *put(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *to++ = (unsigned char)(value >> 8 * i);
    return to;
}

static uint64_t get(const unsigned char *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

void format_frame(unsigned char *to, uint32_t length)
{
    put(put(to, SAFEPOINT_MAGIC, 4), length, 4);
}

bool format_is_frame(const unsigned char *from, uint32_t length)
{
    return get(from, 4) == SAFEPOINT_MAGIC && get(from + 4, 4) == length;
}

static void put_facts(const struct block *block, unsigned char to[BLOCK_FACTS])
{
    memcpy(to, tags[block->tag], 4);
    to = put(to + 4, block->section, 4);
    to = put(to, block->raw, 4);
    to = put(to, block->packed, 4);
    put(to, block->number, 8);
}

void format_check(struct block *block, const void *packed)
{
    unsigned char facts[BLOCK_FACTS];
    crypto_generichash_state state;
    put_facts(block, facts);
    crypto_generichash_init(&state, NULL, 0, CHECK_BYTES);
    crypto_generichash_update(&state, facts, sizeof facts);
    crypto_generichash_update(&state, packed, block->packed);
    crypto_generichash_final(&state, block->check, CHECK_BYTES);
}

void format_block(const struct block *block, unsigned char to[BLOCK_BYTES])
{
    format_frame(to, BLOCK_FACTS + CHECK_BYTES);
    put_facts(block, to + FRAME_BYTES);
    memcpy(to + FRAME_BYTES + BLOCK_FACTS, block->check, CHECK_BYTES);
}

bool format_read_block(const unsigned char from[BLOCK_BYTES], struct block *block)
{
    int tag = 0;
    if (!format_is_frame(from, BLOCK_FACTS + CHECK_BYTES))
        return false;
    from += FRAME_BYTES;
    while (tag < BLOCK_TAGS && memcmp(from, tags[tag], 4) != 0)
        tag++;
    if (tag == BLOCK_TAGS)
        return false;
    *block = (struct block){.tag = tag, .section = (uint32_t)get(from + 4, 4), .raw = (uint32_t)get(from + 8, 4),
                            .packed = (uint32_t)get(from + 12, 4), .number = get(from + 16, 8)};
    memcpy(block->check, from + BLOCK_FACTS, CHECK_BYTES);
    return block->raw > 0 && block->raw <= BLOCK_RAW_MAX && block->packed > 0 && block->packed <= BLOCK_PACKED_MAX &&
           block->section < SECTIONS_MAX;
}

void format_foot(uint64_t tail, unsigned char to[FOOT_BYTES])
{
    format_frame(to, FOOT_BYTES - FRAME_BYTES);
    memcpy(put(to + FRAME_BYTES, tail, 8), SAFEPOINT_FOOT, sizeof SAFEPOINT_FOOT - 1);
}

bool format_read_foot(const unsigned char from[FOOT_BYTES], uint64_t *tail)
{
    if (!format_is_frame(from, FOOT_BYTES - FRAME_BYTES) ||
        memcmp(from + FRAME_BYTES + 8, SAFEPOINT_FOOT, sizeof SAFEPOINT_FOOT - 1) != 0)
        return false;
    *tail = get(from + FRAME_BYTES, 8);
    return true;
}
