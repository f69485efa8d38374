/* json - JSON in and out. The only room that knows jansson; identifiers and LSNs are strings, integers
 * keep 64 bits.
 *
 * Writing streams into a str: json_begin_object/array, keys, values, end; commas are taken care of.
 * Reading gives a tree that lives until json_free of its root; every accessor takes NULL and gives the
 * "absent" value, so chains need no checks. */
#ifndef SEEDOPS_BASE_JSON_H
#define SEEDOPS_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* jansson exports functions of these three names and calls them itself: ours need others for the linker. */
#define json_object seedops_json_object
#define json_array seedops_json_array
#define json_null seedops_json_null

struct json_out {
    struct str *to;
    unsigned depth;
    bool comma[64];      /* by depth: a value was written already */
    bool after_key;
};

void json_begin(struct json_out *o, struct str *to);   /* borrows `to` until done */
void json_object(struct json_out *o);
void json_object_end(struct json_out *o);
void json_array(struct json_out *o);
void json_array_end(struct json_out *o);
void json_key(struct json_out *o, const char *key);
/* NULL writes null; invalid UTF-8 is written as U+FFFD */
void json_text(struct json_out *o, const char *text);
void json_text_bytes(struct json_out *o, const char *text, size_t length);
void json_int(struct json_out *o, int64_t value);
void json_double(struct json_out *o, double value);
void json_bool(struct json_out *o, bool value);
void json_null(struct json_out *o);
void json_raw(struct json_out *o, const char *written);   /* a value that this writer wrote before */
/* key and value in one call */
void json_put_text(struct json_out *o, const char *key, const char *text);
void json_put_int(struct json_out *o, const char *key, int64_t value);
void json_put_known(struct json_out *o, const char *key, int64_t value);   /* below zero: null */
void json_put_bool(struct json_out *o, const char *key, bool value);

/* A list of objects: `put` writes the members of each. */
void json_put_list(struct json_out *o, const char *key, const void *items, size_t count, size_t size,
                   void (*put)(struct json_out *o, const void *item));

struct json;
/* Parses a whole document (duplicate keys are refused, depth is bounded). Gives a root to json_free. */
bool json_parse(struct json **root, const char *bytes, size_t length, struct err *err);
/* True for a NUL-terminated value of UTF-8 that every reader takes for JSON, found without making anything of it. False
 * says nothing: it may be JSON all the same. */
bool json_is_plain(const char *text, size_t length);
void json_free(struct json *root);
const struct json *json_get(const struct json *object, const char *key);   /* NULL: absent */
const struct json *json_at(const struct json *array, size_t index);
size_t json_count(const struct json *array_or_object);
/* The members of an object in turn; NULL: there is no such one. `key` may be NULL. */
const struct json *json_member(const struct json *object, size_t index, const char **key);
bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
bool json_is_text(const struct json *v);
bool json_is_int(const struct json *v);
bool json_is_bool(const struct json *v);
bool json_is_null(const struct json *v);
/* NULL when absent or not a string; borrows from the root */
const char *json_text_of(const struct json *v);
int64_t json_int_of(const struct json *v, int64_t otherwise);
bool json_bool_of(const struct json *v, bool otherwise);

#endif
