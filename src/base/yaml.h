/* yaml - YAML as a tree or as a stream, with places. Behind it libyaml, and yaml_flat.h for rows that are a line a
 * value; nobody else knows them. Configuration and fixtures both read through it, so a duplicate key or a bad byte
 * means the same in both.
 *
 * Scalars keep their text and whether they were plain: only a plain null, Null, NULL, ~ or empty scalar is
 * null (core schema). Duplicate keys, aliases, merge keys and a second document are errors with their place;
 * depth, scalar size and file size are bounded and the limits are in the messages. Errors come with the class
 * ERR_GENERAL and their place in `at`; callers set the class that their file has. */
#ifndef SEEDOPS_BASE_YAML_H
#define SEEDOPS_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum {
    YAML_DEPTH = 64,                      /* nested lists and mappings */
    YAML_SCALAR_MAX = 16 * 1024 * 1024,   /* bytes of one value (also: between one value and the next) */
    YAML_FILE_MAX = 64 * 1024 * 1024,     /* bytes of a tree's document; a stream has no such limit */
    YAML_NODES_MAX = 1000 * 1000          /* nodes of a tree, or of one item of a stream */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    const char *tag;          /* "!ref", "!env" ...; NULL for none or a core tag (!!str: then not plain) */
    const char *text;         /* scalar: NUL-terminated UTF-8; may not hold NUL */
    size_t length;
    bool plain;
    struct yaml_node **items; /* list items, or map values in order */
    struct yaml_node **keys;  /* map keys (scalars), parallel to items */
    size_t count;
    unsigned line, column;    /* 1-based */
};

/* A whole document into `arena`. `file` is for messages. An empty document gives a null scalar. */
bool yaml_parse(struct yaml_node **root, struct arena *arena, const char *file, const char *bytes,
                size_t length, struct err *err);
bool yaml_parse_file(struct yaml_node **root, struct arena *arena, const char *file, struct err *err);
bool yaml_is_null(const struct yaml_node *node);
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);   /* NULL: absent */

/* The same file as a stream, for fixtures of any size: the mapping at the root is read key by key; the
 * items of one list value ("rows") are handed over one at a time, each in an arena of the caller's. */
struct yaml_stream;
bool yaml_stream_open(struct yaml_stream **stream, const char *file, struct err *err);
/* Next key of the root mapping in *key, its value in *value (in `arena`), except that the value of
 * `list_key` is not read: *value is NULL and yaml_stream_item gives its items (those not asked for are
 * skipped by the next call). *key NULL: the end. An empty or null document has no keys; any other root is an
 * error. */
bool yaml_stream_key(struct yaml_stream *stream, struct arena *arena, const char *list_key,
                     struct yaml_node **key, struct yaml_node **value, struct err *err);
/* True where yaml_stream_key has just come to the list key and its value is a list. */
bool yaml_stream_at_list(const struct yaml_stream *stream);
/* Next item, in `arena`, which is not emptied; *item NULL: the list is over. If the value of the list key is no
 * list (a scalar such as `!csv file`), the first call gives that node with *is_list false. */
bool yaml_stream_item(struct yaml_stream *stream, struct arena *arena, struct yaml_node **item,
                      bool *is_list, struct err *err);
/* Before the list: its items are read by libyaml alone, also where they are flat. For whoever compares the two. */
void yaml_stream_libyaml_only(struct yaml_stream *stream);
void yaml_stream_close(struct yaml_stream *stream);
/* True for what the core schema reads as a number or boolean (only json columns care). Not every such number
 * is one in JSON: 0x1F, 0o7, .5, 5. and +1 are not. */
bool yaml_core_number(const char *text);
bool yaml_core_bool(const char *text, bool *value);

#endif
