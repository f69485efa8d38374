/* yaml_reader - what the tree (yaml.c) and the stream (yaml_stream.c) share: libyaml's events, one at a time, and
 * nodes made of them. Private to the two; no one else knows libyaml. */
#ifndef SEEDOPS_BASE_YAML_READER_H
#define SEEDOPS_BASE_YAML_READER_H

#include <yaml.h>

#include "base/yaml.h"
#include "base/yaml_source.h"

struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event;          /* the current one */
    bool has_event;
    struct yaml_source source;
    uint64_t event_total;        /* bytes the source had given when the last event came */
    size_t nodes;                /* of this tree or item */
    const char *file;
    bool directives;             /* the document has some: its tags may mean something else */
    unsigned line_base;          /* what the file's lines are ahead of libyaml's, where it began in the middle */
    struct err *err;             /* of the running call */
};

/* The keys of a mapping, each once. */
struct yaml_key_set {
    struct yaml_node **slots;    /* open addressing; NULL is free */
    size_t capacity, count;
};

static inline unsigned yaml_line(const struct yaml_reader *r, yaml_mark_t mark)
{
    return (unsigned)mark.line + 1 + r->line_base;
}

bool yaml_reader_start(struct yaml_reader *r, const char *file);
void yaml_reader_end(struct yaml_reader *r);
bool yaml_fail_at(struct yaml_reader *r, yaml_mark_t mark, const char *message);
/* Moves to the next event. */
bool yaml_next(struct yaml_reader *r);
/* The current event and all that belongs to it; leaves its last event current. */
bool yaml_read_node(struct yaml_reader *r, struct arena *arena, unsigned depth, struct yaml_node **node);
bool yaml_read_scalar(struct yaml_reader *r, struct arena *arena, struct yaml_node **node);
/* The current event as a key: a scalar without a tag, not empty, not "<<", and not in `seen`. */
bool yaml_read_key(struct yaml_reader *r, struct arena *arena, unsigned depth, struct yaml_key_set *seen,
                   struct yaml_node **key);
/* To the first event of the only document; *empty if there is none. */
bool yaml_enter_document(struct yaml_reader *r, bool *empty);
bool yaml_leave_document(struct yaml_reader *r);

#endif
