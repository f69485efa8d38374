/* settings_reader - walking a YAML tree by tables of keys: places, types, ${VAR}. Knows no key by name. */
#ifndef SEEDOPS_CONFIG_SETTINGS_READER_H
#define SEEDOPS_CONFIG_SETTINGS_READER_H

#include "base/str.h"
#include "base/yaml.h"
#include "config/settings_part.h"

struct reader {
    struct settings *settings;
    const char *file;                 /* as messages name it */
    char where[192];                  /* the value being read: "environments.production.tunnel" */
    struct environment *environment;  /* being read; NULL outside of one */
    struct err *err;
};

struct reader_key {
    const char *name;
    bool (*read)(struct reader *r, const struct yaml_node *node, void *target);
    size_t offset;                    /* of what `read` fills, from the mapping's target */
};

/* Appends to r->where; gives what reader_leave takes to undo it. */
size_t reader_enter(struct reader *r, const char *name);
void reader_leave(struct reader *r, size_t before);
/* "... must be WANTED", with what it is and its place. */
bool reader_wrong_type(struct reader *r, const struct yaml_node *node, const char *wanted);
/* `keys` ends with a NULL name. An empty value is an empty mapping. */
bool reader_map(struct reader *r, const struct yaml_node *node, const struct reader_key *keys, void *target);

enum reader_expansion { READER_EXPANDED, READER_NOT_SET, READER_MALFORMED };
/* The text with ${NAME} replaced; "$${" stands for "${", any other '$' for itself. READER_NOT_SET: the error
 * is in r->err, or inside of an environment in its url_error. */
enum reader_expansion reader_expand(struct reader *r, const struct yaml_node *node, struct str *out);

/* A scalar of at least one byte and without a tag. */
bool reader_want_text(struct reader *r, const struct yaml_node *node);
/* These fit struct reader_key: target is a const char * (raw: not expanded, for commands; path: made
 * absolute), a bool, an int64_t. Inside of an environment a missing variable leaves the target alone. */
bool reader_raw(struct reader *r, const struct yaml_node *node, void *target);
bool reader_text(struct reader *r, const struct yaml_node *node, void *target);
bool reader_path(struct reader *r, const struct yaml_node *node, void *target);
bool reader_bool(struct reader *r, const struct yaml_node *node, void *target);
bool reader_rows(struct reader *r, const struct yaml_node *node, void *target);
/* Bytes: a whole number followed by KiB, MiB, GiB or nothing. */
bool reader_size(struct reader *r, const struct yaml_node *node, void *target);

struct reader_list { const char **items; size_t count; };
bool reader_list(struct reader *r, const struct yaml_node *node, struct reader_list *list);
/* One of `words` (NULL-terminated): its index, or an error that names them. */
bool reader_word(struct reader *r, const struct yaml_node *node, const char *const *words, int *index);

/* ---- settings_tunnel.c ---- */
bool settings_read_tunnel(struct reader *r, const struct yaml_node *node, void *target);   /* a struct environment */

#endif
