/* yaml_flat - a list of flat rows read without libyaml: a line a value, every row a block mapping, or a row a line.
 *
 *   - code: S1            # no: a comment behind a value
 *     name: a b           plain, 'single' or "double" quoted, each on one line
 *     note:               nothing: null
 *   - {code: S2, name: "a, b"}      or a flow mapping of such values, on one line
 *
 * Blank lines and lines that are comments may stand between. What is read is exactly what libyaml reads; whatever
 * else YAML has (nested and block values, tags, anchors, folded lines, tabs, odd keys, errors) is *odd*: nothing is
 * consumed, and libyaml is to read from there. The fuzz target flat compares the two. Private to yaml_stream.c. */
#ifndef SEEDOPS_BASE_YAML_FLAT_H
#define SEEDOPS_BASE_YAML_FLAT_H

#include <stdint.h>

#include "base/yaml.h"

struct yaml_flat {
    int fd;                     /* borrowed; read by offset */
    uint64_t offset;            /* in the file, of the next unread byte's line */
    unsigned line;              /* 1-based, of the same */
    unsigned dash;              /* column of the list's dashes, 0-based */
    uint64_t filled;            /* in the file, behind what is in the buffer */
    char *buffer;
    size_t start, end, room;
    bool at_end;
    struct flat_pair *pairs;    /* of the item in hand */
    size_t pair_count, pair_room, known_pairs;
    char *known;                /* keys of the item before, each with a NUL: an item with the same has none twice */
    size_t known_length, known_room;
};

/* To the beginning of the file, which has about `size` bytes. */
void yaml_flat_open(struct yaml_flat *flat, int fd, uint64_t size);
/* Over `lines` lines. False: it meets a line end that only libyaml counts, or the end; it is of no use any more. */
bool yaml_flat_skip(struct yaml_flat *flat, unsigned lines);
/* True if the next line begins with that many spaces and a dash: the list's dashes stand there from now on. */
bool yaml_flat_enter(struct yaml_flat *flat, unsigned dash);
/* The next item, in `arena`, and the reader behind it. False: it is odd, or the list is over, or cannot be read. */
bool yaml_flat_item(struct yaml_flat *flat, struct arena *arena, struct yaml_node **item);
void yaml_flat_close(struct yaml_flat *flat);

#endif
