/* safepoint_format - how a safepoint's file is laid out. Writer and reader only.
 *
 *   start     skippable frame: "seedops safepoint 1\n"
 *   block     skippable frame: struct block, with the check of what follows; then a zstd frame
 *   ...
 *   foot      skippable frame: where the last block begins, so that a list need not read everything
 *
 * Blocks: one HEAD (a JSON line: whose, when, why, the plan), then for each section a TABL (a JSON line: table,
 * columns, key, kind) and its ROWS (COPY text, cut anywhere), then one TAIL (a JSON line: rows of each section, and
 * the check over the checks of all blocks before it). Numbers are little-endian. Every zstd tool skips skippable
 * frames, so what it shows of a file is the text of the blocks. */
#ifndef SEEDOPS_PLAN_SAFEPOINT_FORMAT_H
#define SEEDOPS_PLAN_SAFEPOINT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define SAFEPOINT_START "seedops safepoint 1\n"
#define SAFEPOINT_FOOT "seedops safe end\n"
#define SAFEPOINT_SUFFIX ".safepoint"
#define SAFEPOINT_PARTIAL ".partial"

enum {
    SAFEPOINT_FORMAT = 1,
    SAFEPOINT_MAGIC = 0x184D2A5A,            /* of our skippable frames, one of sixteen that zstd sets aside */
    FRAME_BYTES = 8,                         /* magic and length of a skippable frame */
    START_BYTES = FRAME_BYTES + sizeof SAFEPOINT_START - 1,
    CHECK_BYTES = 32,                        /* BLAKE2b */
    BLOCK_FACTS = 24,                        /* a struct block in the file, without its check */
    BLOCK_BYTES = FRAME_BYTES + BLOCK_FACTS + CHECK_BYTES,
    FOOT_BYTES = FRAME_BYTES + 8 + sizeof SAFEPOINT_FOOT - 1,
    BLOCK_RAW_MAX = 1024 * 1024,             /* of text in a block */
    BLOCK_PACKED_MAX = BLOCK_RAW_MAX + BLOCK_RAW_MAX / 128 + 512,
    SECTIONS_MAX = 100000                    /* a reader's bound, not a writer's wish */
};

enum block_tag { BLOCK_HEAD, BLOCK_TABLE, BLOCK_ROWS, BLOCK_TAIL, BLOCK_TAGS };

struct block {
    enum block_tag tag;                      /* "HEAD" "TABL" "ROWS" "TAIL" in the file */
    uint32_t section;                        /* the TABL it belongs to, from 0; 0 for HEAD and TAIL */
    uint32_t raw, packed;                    /* bytes of text, and of the frame that follows */
    uint64_t number;                         /* of the block, from 0 */
    unsigned char check[CHECK_BYTES];        /* over the facts above and the packed bytes */
};

/* A skippable frame's header for `length` bytes. */
void format_frame(unsigned char *to, uint32_t length);
/* True if `from` is one of ours of exactly `length` bytes. */
bool format_is_frame(const unsigned char *from, uint32_t length);
/* Fills block->check. */
void format_check(struct block *block, const void *packed);
void format_block(const struct block *block, unsigned char to[BLOCK_BYTES]);
/* False if it is no block, or says lengths that no block has. */
bool format_read_block(const unsigned char from[BLOCK_BYTES], struct block *block);
void format_foot(uint64_t tail, unsigned char to[FOOT_BYTES]);
bool format_read_foot(const unsigned char from[FOOT_BYTES], uint64_t *tail);
const char *format_tag(enum block_tag tag);

#endif
