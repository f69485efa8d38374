/* codec - structs described by tables: encode to JSON, decode, copy, compare, free.
 *
 * One table row a field; the journal, the checkpoints (the model is described the same way), the screen
 * scripts and the tests all go through it. decode(encode(x)) = x is tested for every type. Fields that hold
 * their zero value are left out of the JSON. Decoding is for hostile input: kinds, ranges and sizes are
 * checked, unknown keys are ignored. */
#ifndef SEEDOPS_EVENT_CODEC_H
#define SEEDOPS_EVENT_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "event/types.h"

enum field_kind {
    FIELD_BOOL, FIELD_INT /* int */, FIELD_I64, FIELD_U64 /* as text */, FIELD_ENUM /* int-sized, by name */,
    FIELD_TEXT   /* char *, owned, may be NULL */,
    FIELD_CHARS  /* char[size] */,
    FIELD_STRUCT /* embedded */,
    FIELD_LIST   /* pointer + size_t count, owned elements of `type` */
};

struct type;
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset, size;
    const struct type *type;             /* STRUCT, LIST */
    size_t count_offset;                 /* LIST: of the size_t */
    const char *const *names; int name_count;   /* ENUM */
};
struct type {
    const char *name;
    size_t size;
    const struct field *fields;
    size_t field_count;
};

#define CODEC_FIELD(s, member, kind_) {.name = #member, .kind = kind_, .offset = offsetof(s, member), .size = sizeof(((s *)0)->member)}
#define CODEC_STRUCT(s, member, type_) {.name = #member, .kind = FIELD_STRUCT, .offset = offsetof(s, member), .size = sizeof(((s *)0)->member), .type = type_}
#define CODEC_LIST(s, member, counter, type_) {.name = #member, .kind = FIELD_LIST, .offset = offsetof(s, member), .size = sizeof(((s *)0)->member), .type = type_, .count_offset = offsetof(s, counter)}
#define CODEC_ENUM(s, member, names_, count_) {.name = #member, .kind = FIELD_ENUM, .offset = offsetof(s, member), .size = sizeof(((s *)0)->member), .names = names_, .name_count = count_}

void codec_encode(const struct type *type, const void *value, struct json_out *out);
/* Into zeroed memory; on failure what was decoded so far is freed. */
bool codec_decode(const struct type *type, void *value, const struct json *json, struct err *err);
void codec_free(const struct type *type, void *value);       /* frees what it owns and zeroes it */
void codec_copy(const struct type *type, void *to, const void *from);   /* deep; `to` is raw memory */
bool codec_equal(const struct type *type, const void *a, const void *b);   /* NULL text equals "" */
size_t codec_size(const struct type *type, const void *value);   /* bytes it takes with all it owns, roughly */

extern const struct type type_input, type_text_item, type_fact_environment, type_fact_identity, type_fact_server,
    type_fact_ledger,
    type_fact_migration, type_fact_table, type_fact_guard, type_fact_backend, type_fact_row, type_fact_step,
    type_fact_count, type_fact_evidence, type_fact_alternative, type_fact_denied, type_fact_next,
    type_fact_table_verdict, type_fact_diagnosis, type_input_error;

/* One input as one JSON object without newline, and back (given; input_free). */
void input_encode(const struct input *in, struct str *out);
bool input_decode(const char *line, size_t length, struct input **in, struct err *err);

#endif
