/* yaml - libyaml's events made into nodes; the tree and the stream (yaml_stream.c) share all of it. */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml_reader.h"

bool yaml_fail_at(struct yaml_reader *r, yaml_mark_t mark, const char *message)
{
    err_set(r->err, ERR_GENERAL, "%s", message);
    return err_at(r->err, r->file, yaml_line(r, mark), (unsigned)mark.column + 1);
}

/* libyaml asks for bytes. The distance to the last event bounds what one value can make it hold. */
static int give_bytes(void *data, unsigned char *out, size_t size, size_t *got)
{
    struct yaml_reader *r = data;
    if (r->source.total - r->event_total > YAML_SCALAR_MAX) {
        err_set(&r->source.err, ERR_GENERAL, "a value is too long");
        err_why(&r->source.err, "one value may have %d bytes", YAML_SCALAR_MAX);
        err_at(&r->source.err, r->file, r->source.line + 1, 0);
        r->source.failed = true;
        return 0;
    }
    return yaml_source_read(&r->source, out, size, got);
}

bool yaml_reader_start(struct yaml_reader *r, const char *file)
{
    r->file = r->source.file = file;
    if (!yaml_parser_initialize(&r->parser))
        err_abort("out of memory");
    yaml_parser_set_input(&r->parser, give_bytes, r);
    return true;
}

void yaml_reader_end(struct yaml_reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
    yaml_parser_delete(&r->parser);
}

/* The advice that libyaml's own words leave out. */
static void add_advice(struct yaml_reader *r)
{
    static const struct {
        const char *problem, *hint;
    } advice[] = {
        {"found character that cannot start any token",
         "indent with spaces, not tabs; quote a value that starts with @, ` or %"},
        {"found a tab character that violates indentation", "indent with spaces, not tabs"},
        {"mapping values are not allowed in this context", "quote a value that holds \": \""},
        {"did not find expected key",
         "look at the indentation and the quotes of this line and the one above"},
        {"could not find expected ':'",
         "look at the indentation and the quotes of this line and the one above"},
        {"found unexpected end of stream", "a quote or a bracket is not closed"},
    };
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
        if (r->parser.problem && strcmp(r->parser.problem, advice[i].problem) == 0)
            err_hint(r->err, "%s", advice[i].hint);
}

static bool fail_parser(struct yaml_reader *r)
{
    if (r->source.failed) {
        if (r->err)
            *r->err = r->source.err;
        return false;
    }
    if (r->parser.error == YAML_MEMORY_ERROR)
        err_abort("out of memory");
    yaml_fail_at(r, r->parser.problem_mark, "not valid YAML");
    const char *problem = r->parser.problem ? r->parser.problem : "unknown problem";
    if (r->parser.context)
        err_why(r->err, "%s (%s)", problem, r->parser.context);
    else
        err_why(r->err, "%s", problem);
    add_advice(r);
    return false;
}

/* Moves to the next event. */
bool yaml_next(struct yaml_reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
    if (!yaml_parser_parse(&r->parser, &r->event))
        return fail_parser(r);
    r->has_event = true;
    r->event_total = r->source.total;
    return true;
}

/* --- nodes --- */

static const char *const core_prefix = "tag:yaml.org,2002:";

/* Core tags say nothing that we would act on, except that !!str makes null a word. */
static const char *own_tag(struct arena *arena, const yaml_char_t *tag)
{
    static const char *const core[] = {"str", "null", "bool", "int", "float", "seq", "map"};
    const char *text = (const char *)tag;
    size_t prefix = strlen(core_prefix);
    if (!text || strcmp(text, "!") == 0)
        return NULL;
    if (strncmp(text, core_prefix, prefix) != 0)
        return arena_strdup(arena, text);
    for (size_t i = 0; i < sizeof core / sizeof *core; i++)
        if (strcmp(text + prefix, core[i]) == 0)
            return NULL;
    return arena_printf(arena, "!!%s", text + prefix);
}

static bool is_plain(const yaml_event_t *e)
{
    const char *tag = (const char *)e->data.scalar.tag;
    if (tag && strcmp(tag, "!") == 0)
        return false;
    if (tag && strncmp(tag, core_prefix, strlen(core_prefix)) == 0)
        return strcmp(tag + strlen(core_prefix), "str") != 0;
    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static struct yaml_node *new_node(struct yaml_reader *r, struct arena *arena, enum yaml_kind kind,
                                  const yaml_char_t *tag)
{
    struct yaml_node *n = arena_alloc(arena, sizeof *n);
    n->kind = kind;
    n->tag = own_tag(arena, tag);
    n->line = yaml_line(r, r->event.start_mark);
    n->column = (unsigned)r->event.start_mark.column + 1;
    r->nodes++;
    return n;
}

static bool check_event(struct yaml_reader *r, unsigned depth)
{
    yaml_mark_t mark = r->event.start_mark;
    if (r->event.type == YAML_ALIAS_EVENT) {
        yaml_fail_at(r, mark, "an alias is used");
        err_why(r->err, "aliases (*%s) are not allowed: a value stands where it is used",
                (const char *)r->event.data.alias.anchor);
        return err_hint(r->err, "write the value out");
    }
    if (r->nodes >= YAML_NODES_MAX) {
        yaml_fail_at(r, mark, "there are too many values");
        return err_why(r->err, "the limit is %d", YAML_NODES_MAX);
    }
    bool opens = r->event.type == YAML_SEQUENCE_START_EVENT || r->event.type == YAML_MAPPING_START_EVENT;
    if (opens && depth > YAML_DEPTH) {
        yaml_fail_at(r, mark, "nested too deep");
        return err_why(r->err, "the limit is %d levels", YAML_DEPTH);
    }
    return true;
}

bool yaml_read_scalar(struct yaml_reader *r, struct arena *arena, struct yaml_node **node)
{
    const char *text = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    if (length > YAML_SCALAR_MAX) {
        yaml_fail_at(r, r->event.start_mark, "a value is too long");
        return err_why(r->err, "it has %zu bytes; the limit is %d", length, YAML_SCALAR_MAX);
    }
    if (memchr(text, '\0', length)) {
        yaml_fail_at(r, r->event.start_mark, "a value holds a NUL byte");
        return err_why(r->err, "no text in PostgreSQL can hold one");
    }
    struct yaml_node *n = new_node(r, arena, YAML_SCALAR, r->event.data.scalar.tag);
    n->text = arena_strndup(arena, text, length);
    n->length = length;
    n->plain = is_plain(&r->event);
    *node = n;
    return true;
}

static void push(struct arena *arena, struct yaml_node ***array, size_t count, size_t *capacity,
                 struct yaml_node *node)
{
    if (count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 8;
        *array = arena_grow(arena, *array, count, *capacity, sizeof **array);
    }
    (*array)[count] = node;
}

static bool read_list(struct yaml_reader *r, struct arena *arena, unsigned depth, struct yaml_node **node)
{
    struct yaml_node *n = new_node(r, arena, YAML_LIST, r->event.data.sequence_start.tag);
    size_t capacity = 0;
    for (;;) {
        struct yaml_node *item;
        if (!yaml_next(r))
            return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (!yaml_read_node(r, arena, depth + 1, &item))
            return false;
        push(arena, &n->items, n->count, &capacity, item);
        n->count++;
    }
    *node = n;
    return true;
}

/* --- keys: each once --- */

static size_t slot_of(const struct yaml_key_set *set, const struct yaml_node *key)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < key->length; i++)
        hash = (hash ^ (unsigned char)key->text[i]) * 1099511628211u;
    size_t slot = (hash ^ hash >> 32) & (set->capacity - 1);
    while (set->slots[slot] && strcmp(set->slots[slot]->text, key->text) != 0)
        slot = (slot + 1) & (set->capacity - 1);
    return slot;
}

/* NULL if the key is new, else the one that was first. */
static struct yaml_node *key_set_add(struct yaml_key_set *set, struct arena *arena, struct yaml_node *key)
{
    if (set->count * 2 >= set->capacity) {
        struct yaml_key_set bigger = {.capacity = set->capacity ? set->capacity * 2 : 16, .count = set->count};
        bigger.slots = arena_alloc(arena, bigger.capacity * sizeof *bigger.slots);
        for (size_t i = 0; i < set->capacity; i++)
            if (set->slots[i])
                bigger.slots[slot_of(&bigger, set->slots[i])] = set->slots[i];
        *set = bigger;
    }
    size_t slot = slot_of(set, key);
    if (set->slots[slot])
        return set->slots[slot];
    set->slots[slot] = key;
    set->count++;
    return NULL;
}

/* The current event as a key: a scalar without a tag, not empty, not "<<", and not given before. */
bool yaml_read_key(struct yaml_reader *r, struct arena *arena, unsigned depth, struct yaml_key_set *seen,
                     struct yaml_node **key)
{
    yaml_mark_t mark = r->event.start_mark;
    if (!check_event(r, depth))
        return false;
    if (r->event.type != YAML_SCALAR_EVENT) {
        yaml_fail_at(r, mark, "a key is not a single word or text");
        return err_hint(r->err, "quote it if it starts with [ or {");
    }
    if (!yaml_read_scalar(r, arena, key))
        return false;
    struct yaml_node *k = *key;
    if (k->tag)
        return yaml_fail_at(r, mark, "a key has a tag");
    if (k->plain && k->length == 0)
        return yaml_fail_at(r, mark, "a key is empty");
    if (k->plain && strcmp(k->text, "<<") == 0) {
        yaml_fail_at(r, mark, "a merge key (<<) is used");
        return err_why(r->err, "merge keys are not allowed: a value stands where it is used");
    }
    struct yaml_node *first = key_set_add(seen, arena, k);
    if (!first)
        return true;
    err_set(r->err, ERR_GENERAL, "the key \"%.100s\" is given twice", k->text);
    err_why(r->err, "it was given first at %s:%u:%u", r->file, first->line, first->column);
    return err_at(r->err, r->file, k->line, k->column);
}

static bool read_map(struct yaml_reader *r, struct arena *arena, unsigned depth, struct yaml_node **node)
{
    struct yaml_node *n = new_node(r, arena, YAML_MAP, r->event.data.mapping_start.tag);
    struct yaml_key_set seen = {0};
    size_t key_capacity = 0, capacity = 0;
    for (;;) {
        struct yaml_node *key, *value;
        if (!yaml_next(r))
            return false;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        if (!yaml_read_key(r, arena, depth + 1, &seen, &key) || !yaml_next(r) ||
            !yaml_read_node(r, arena, depth + 1, &value))
            return false;
        push(arena, &n->keys, n->count, &key_capacity, key);
        push(arena, &n->items, n->count, &capacity, value);
        n->count++;
    }
    *node = n;
    return true;
}

/* The current event and all that belongs to it; leaves its last event current. */
bool yaml_read_node(struct yaml_reader *r, struct arena *arena, unsigned depth, struct yaml_node **node)
{
    if (!check_event(r, depth))
        return false;
    switch (r->event.type) {
    case YAML_SCALAR_EVENT: return yaml_read_scalar(r, arena, node);
    case YAML_SEQUENCE_START_EVENT: return read_list(r, arena, depth, node);
    case YAML_MAPPING_START_EVENT: return read_map(r, arena, depth, node);
    default: err_abort("libyaml gave an event out of order");
    }
}

/* --- documents --- */

/* To the first event of the only document; *empty if there is none. */
bool yaml_enter_document(struct yaml_reader *r, bool *empty)
{
    *empty = false;
    if (!yaml_next(r) || !yaml_next(r))   /* the stream's start, then the document's or the end */
        return false;
    if (r->event.type == YAML_STREAM_END_EVENT) {
        *empty = true;
        return true;
    }
    const yaml_event_t *e = &r->event;
    r->directives = e->type == YAML_DOCUMENT_START_EVENT &&
                    (e->data.document_start.version_directive ||
                     e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end);
    return yaml_next(r);
}

bool yaml_leave_document(struct yaml_reader *r)
{
    if (!yaml_next(r) || !yaml_next(r))
        return false;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return true;
    yaml_fail_at(r, r->event.start_mark, "a second document starts here");
    return err_hint(r->err, "one file holds one document: remove the line \"---\", or split the file");
}

static struct yaml_node *null_node(struct arena *arena)
{
    struct yaml_node *n = arena_alloc(arena, sizeof *n);
    n->text = "";
    n->plain = true;
    n->line = n->column = 1;
    return n;
}

bool yaml_parse(struct yaml_node **root, struct arena *arena, const char *file, const char *bytes,
                size_t length, struct err *err)
{
    *root = NULL;
    if (length > YAML_FILE_MAX) {
        err_set(err, ERR_GENERAL, "%s is too large", file);
        return err_why(err, "it has %zu bytes; the limit is %d", length, YAML_FILE_MAX);
    }
    struct yaml_reader r = {.source = {.fd = -1, .bytes = bytes, .length = length}, .err = err};
    yaml_reader_start(&r, file);
    bool empty, ok = yaml_enter_document(&r, &empty);
    if (ok && empty)
        *root = null_node(arena);
    else if (ok)
        ok = yaml_read_node(&r, arena, 1, root) && yaml_leave_document(&r);
    yaml_reader_end(&r);
    if (!ok)
        *root = NULL;
    return ok;
}

bool yaml_parse_file(struct yaml_node **root, struct arena *arena, const char *file, struct err *err)
{
    char *bytes;
    size_t length;
    *root = NULL;
    if (!file_read(file, YAML_FILE_MAX, &bytes, &length, err))
        return false;
    bool ok = yaml_parse(root, arena, file, bytes, length, err);
    free(bytes);
    return ok;
}
