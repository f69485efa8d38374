/* catalog_take - the catalogue made of its probes' answers. Rows come ordered by table, so each list of a
 * table is one run of rows. */
#include <stdlib.h>
#include <string.h>

#include "db/catalog.h"
#include "db/catalog_parts.h"

enum { DOMAIN_DEPTH = 32, TYPMOD_HEADER = 4 };

struct types {                       /* pg_type rows, sorted by oid; labels of enums beside */
    const struct db_result *rows, *labels;
    struct { uint32_t oid; size_t row; } *index;
    size_t count;
};

static uint32_t oid_at(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_value(r, row, column);
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static char char_at(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_value(r, row, column);
    return text ? text[0] : '\0';
}

static const char *text_at(struct arena *arena, const struct db_result *r, size_t row, size_t column)
{
    return arena_strdup(arena, db_value(r, row, column));
}

/* Rows from `row` on that belong to the same table (column 0). */
static size_t run_length(const struct db_result *r, size_t row)
{
    uint32_t oid = oid_at(r, row, 0);
    size_t end = row + 1;
    while (end < db_rows(r) && oid_at(r, end, 0) == oid)
        end++;
    return end - row;
}

static int compare_index(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void types_index(struct types *types, struct arena *arena)
{
    types->count = db_rows(types->rows);
    types->index = arena_alloc(arena, types->count * sizeof *types->index);
    for (size_t i = 0; i < types->count; i++) {
        types->index[i].oid = oid_at(types->rows, i, 0);
        types->index[i].row = i;
    }
    if (types->count)
        qsort(types->index, types->count, sizeof *types->index, compare_index);
}

static bool types_find(const struct types *types, uint32_t oid, size_t *row)
{
    for (size_t low = 0, high = types->count; low < high;) {
        size_t middle = (low + high) / 2;
        if (types->index[middle].oid == oid) {
            *row = types->index[middle].row;
            return true;
        }
        if (types->index[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void set_labels(struct db_type *type, const struct types *types, uint32_t oid, struct arena *arena)
{
    const struct db_result *r = types->labels;
    size_t row = 0, end = db_rows(r);
    while (row < end) {              /* the first row that is not below oid */
        size_t middle = (row + end) / 2;
        if (oid_at(r, middle, 0) < oid)
            row = middle + 1;
        else
            end = middle;
    }
    if (row == db_rows(r) || oid_at(r, row, 0) != oid)
        return;
    size_t count = run_length(r, row);
    type->labels = arena_alloc(arena, count * sizeof *type->labels);
    for (; type->label_count < count; type->label_count++)
        type->labels[type->label_count] = text_at(arena, r, row + type->label_count, 1);
}

/* Row of the type that domain upon domain is made of. */
static bool unwind(const struct types *types, size_t *row)
{
    for (int depth = 0; depth < DOMAIN_DEPTH && char_at(types->rows, *row, 2) == 'd'; depth++)
        if (!types_find(types, oid_at(types->rows, *row, 4), row))
            return false;
    return true;
}

/* An array's equality is its elements'; a record's may fail when it is used, so it counts as none. */
static const char *equality_of(const struct types *types, size_t row, struct arena *arena)
{
    uint32_t element = oid_at(types->rows, row, 8);
    size_t inner = row;
    if (element && (!types_find(types, element, &inner) || !unwind(types, &inner)))
        return NULL;
    if (char_at(types->rows, inner, 2) == 'c' || !db_value(types->rows, inner, 9))
        return NULL;
    return text_at(arena, types->rows, row, 9);
}

static void set_modifier(struct db_type *type, int modifier)
{
    type->max_length = type->precision = type->scale = -1;
    if (modifier < TYPMOD_HEADER)
        return;
    if (strcmp(type->base, "varchar") == 0 || strcmp(type->base, "bpchar") == 0)
        type->max_length = modifier - TYPMOD_HEADER;
    if (strcmp(type->base, "numeric") == 0) {
        type->precision = ((modifier - TYPMOD_HEADER) >> 16) & 0xffff;
        /* since 15 the scale may be negative: 11 bits, two's complement */
        type->scale = (((modifier - TYPMOD_HEADER) & 0x7ff) ^ 1024) - 1024;
    }
}

static void set_type(struct db_column *column, const struct types *types, int modifier, struct arena *arena)
{
    struct db_type *type = &column->type;
    size_t row;
    type->base = "";
    if (!types_find(types, type->oid, &row))
        return;
    type->kind = char_at(types->rows, row, 2);
    type->category = char_at(types->rows, row, 3);
    for (int depth = 0; depth < DOMAIN_DEPTH && char_at(types->rows, row, 2) == 'd'; depth++) {
        type->domain_not_null = type->domain_not_null || db_bool(types->rows, row, 6);
        column->has_default = column->has_default || db_bool(types->rows, row, 7);
        if (modifier < 0)
            modifier = (int)db_int(types->rows, row, 5, -1);
        if (!types_find(types, oid_at(types->rows, row, 4), &row))
            return;
    }
    type->base = text_at(arena, types->rows, row, 1);
    type->base_oid = oid_at(types->rows, row, 0);
    type->equality = equality_of(types, row, arena);
    type->has_equality = type->equality != NULL;
    set_modifier(type, modifier);
    if (char_at(types->rows, row, 2) == 'e')
        set_labels(type, types, oid_at(types->rows, row, 0), arena);
}

static void take_tables(struct db_catalog *catalog, const struct db_result *r)
{
    struct arena *arena = &catalog->arena;
    catalog->count = db_rows(r);
    catalog->tables = arena_alloc(arena, catalog->count * sizeof *catalog->tables);
    catalog->by_oid = arena_alloc(arena, catalog->count * sizeof *catalog->by_oid);
    for (size_t i = 0; i < catalog->count; i++) {
        catalog->tables[i] = (struct db_table){
            .oid = oid_at(r, i, 0), .schema = text_at(arena, r, i, 1), .name = text_at(arena, r, i, 2),
            .kind = char_at(r, i, 3), .details = db_bool(r, i, 4), .pages = db_int(r, i, 5, -1),
            .reltuples = db_value(r, i, 6) ? atof(db_value(r, i, 6)) : -1, .bytes = db_int(r, i, 7, -1),
            .live = db_int(r, i, 8, 0), .inserted = db_int(r, i, 9, 0), .deleted = db_int(r, i, 10, 0),
            .dead = db_int(r, i, 11, 0), .can_select = db_bool(r, i, 12), .can_insert = db_bool(r, i, 13),
            .can_update = db_bool(r, i, 14), .can_delete = db_bool(r, i, 15),
            .row_security = db_bool(r, i, 16), .has_triggers = db_bool(r, i, 17),
            .filenode = (uint32_t)db_int(r, i, 18, 0),
            .autovacuum_off = db_bool(r, i, 19),
            .heap_bytes = -1, .index_excess = -1,
        };
        catalog->by_oid[i] = &catalog->tables[i];
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(struct db_table *const *)a)->name, (*(struct db_table *const *)b)->name);
}

/* Of several tables of one name the one whose schema comes first on the path is visible. */
static void mark_on_path(struct db_catalog *catalog, const struct db_result *path)
{
    struct db_table **by_name = xcalloc(catalog->count, sizeof *by_name);
    memcpy(by_name, catalog->by_oid, catalog->count * sizeof *by_name);
    if (catalog->count)
        qsort(by_name, catalog->count, sizeof *by_name, compare_names);
    for (size_t from = 0, to; from < catalog->count; from = to) {
        for (to = from + 1; to < catalog->count && strcmp(by_name[to]->name, by_name[from]->name) == 0;)
            to++;
        bool found = false;
        for (size_t place = 0; place < db_rows(path) && !found; place++)
            for (size_t i = from; i < to && !found; i++)
                found = by_name[i]->on_path = strcmp(by_name[i]->schema, db_value(path, place, 0)) == 0;
    }
    free(by_name);
}

static int compare_oid(const void *a, const void *b)
{
    uint32_t x = (*(struct db_table *const *)a)->oid, y = (*(struct db_table *const *)b)->oid;
    return x < y ? -1 : x > y;
}

static void take_sizes(struct db_catalog *catalog, const struct db_probe *sizes)
{
    for (size_t i = 0; i < catalog->count; i++) {
        struct db_table *t = &catalog->tables[i];
        bool has_file = t->kind == 'r' || t->kind == 'm';
        if (t->details)
            t->bytes = t->heap_bytes = t->index_excess = has_file ? -1 : 0;
    }
    for (size_t i = 0; sizes->ok && i < db_rows(sizes->result); i++) {
        struct db_table *t = db_catalog_by_oid(catalog, oid_at(sizes->result, i, 0));
        if (!t)
            continue;
        t->heap_bytes = db_int(sizes->result, i, 1, -1);
        t->bytes = db_int(sizes->result, i, 2, -1);
        t->index_excess = db_int(sizes->result, i, 3, t->heap_bytes < 0 ? -1 : 0);
    }
}

static void take_columns(struct db_catalog *catalog, const struct db_result *r, const struct types *types)
{
    struct arena *arena = &catalog->arena;
    for (size_t row = 0, n; row < db_rows(r); row += n) {
        n = run_length(r, row);
        struct db_table *t = db_catalog_by_oid(catalog, oid_at(r, row, 0));
        if (!t)
            continue;
        t->columns = arena_alloc(arena, n * sizeof *t->columns);
        for (size_t i = row; i < row + n; i++) {
            struct db_column *c = &t->columns[t->column_count++];
            char identity = char_at(r, i, 5);
            *c = (struct db_column){
                .name = text_at(arena, r, i, 1), .number = (int)db_int(r, i, 2, 0),
                .not_null = db_bool(r, i, 3),
                .generated = char_at(r, i, 6) != '\0', .identity = identity != '\0',
                .identity_always = identity == 'a', .can_select = db_bool(r, i, 10),
                .can_insert = db_bool(r, i, 11), .can_update = db_bool(r, i, 12)};
            c->has_default = db_bool(r, i, 4) && !c->generated;
            c->type.oid = oid_at(r, i, 7);
            c->type.name = text_at(arena, r, i, 9);
            c->type.bytewise = db_bool(r, i, 14);
            c->sequence = text_at(arena, r, i, 13);
            set_type(c, types, (int)db_int(r, i, 8, -1), arena);
        }
    }
}

static bool column_index(const struct db_table *t, int number, size_t *index)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].number == number) {
            *index = i;
            return true;
        }
    }
    return false;
}

static struct db_column *column_of(struct db_catalog *catalog, const struct db_result *r, size_t row)
{
    struct db_table *t = db_catalog_by_oid(catalog, oid_at(r, row, 0));
    size_t index;
    return t && column_index(t, (int)db_int(r, row, 1, 0), &index) ? &t->columns[index] : NULL;
}

static void take_defaults(struct db_catalog *catalog, const struct db_probe *defaults)
{
    for (size_t i = 0; defaults->ok && i < db_rows(defaults->result); i++) {
        struct db_column *c = column_of(catalog, defaults->result, i);
        if (!c || c->generated)
            continue;
        c->default_text = text_at(&catalog->arena, defaults->result, i, 2);
        c->default_constant = c->default_text && db_bool(defaults->result, i, 3);
    }
}

/* indkey "3 1 7": the first `count` are the key's own, the rest only included. */
static bool read_key_columns(const struct db_table *t, struct db_key *key, const char *numbers, size_t count)
{
    char *end;
    for (key->count = 0; key->count < count; key->count++, numbers = end) {
        long number = strtol(numbers, &end, 10);
        if (end == numbers || !column_index(t, (int)number, &key->columns[key->count]))
            return false;
    }
    return count > 0;
}

static void take_keys(struct db_catalog *catalog, const struct db_result *r)
{
    struct arena *arena = &catalog->arena;
    for (size_t row = 0, n; row < db_rows(r); row += n) {
        n = run_length(r, row);
        struct db_table *t = db_catalog_by_oid(catalog, oid_at(r, row, 0));
        if (!t)
            continue;
        t->keys = arena_alloc(arena, n * sizeof *t->keys);
        for (size_t i = row; i < row + n; i++) {
            size_t count = (size_t)db_int(r, i, 5, 0);
            struct db_key key = {.name = text_at(arena, r, i, 1), .primary = db_bool(r, i, 2),
                                 .deferrable = db_bool(r, i, 3), .nulls_not_distinct = db_bool(r, i, 4),
                                 .columns = arena_alloc(arena, count * sizeof *key.columns)};
            if (read_key_columns(t, &key, db_value(r, i, 6), count))
                t->keys[t->key_count++] = key;
        }
    }
}

/* A row a column; ord 1 begins a key. */
static void take_foreign_keys(struct db_catalog *catalog, const struct db_result *r)
{
    struct arena *arena = &catalog->arena;
    for (size_t row = 0, n; row < db_rows(r); row += n) {
        n = run_length(r, row);
        struct db_table *t = db_catalog_by_oid(catalog, oid_at(r, row, 0));
        if (!t)
            continue;
        t->foreign_keys = arena_alloc(arena, n * sizeof *t->foreign_keys);
        struct db_foreign_key *key = NULL;
        for (size_t i = row; i < row + n; i++) {
            if (db_int(r, i, 9, 0) == 1) {
                const struct db_table *target = db_catalog_by_oid(catalog, oid_at(r, i, 2));
                key = &t->foreign_keys[t->foreign_key_count++];
                *key = (struct db_foreign_key){
                    .name = text_at(arena, r, i, 1), .target = oid_at(r, i, 2),
                    .target_schema = target ? target->schema : "", .target_name = target ? target->name : "",
                    .on_delete = char_at(r, i, 3), .on_update = char_at(r, i, 4),
                    .deferrable = db_bool(r, i, 5), .initially_deferred = db_bool(r, i, 6),
                    .columns = arena_alloc(arena, (row + n - i) * sizeof *key->columns),
                    .target_columns = arena_alloc(arena, (row + n - i) * sizeof *key->target_columns)};
            }
            if (!key || !column_index(t, (int)db_int(r, i, 7, 0), &key->columns[key->count]))
                continue;
            key->target_columns[key->count++] = text_at(arena, r, i, 8);
        }
    }
}

static bool all_needed(const struct db_probe *probes, size_t count, struct err *err)
{
    if (count != CATALOG_PARTS && count != CATALOG_LISTED && count != CATALOG_NAMED)
        return err_set(err, ERR_GENERAL, "the catalogue was asked with other probes than it is read with");
    for (size_t i = 0; i < count; i++) {
        if (probes[i].ok || i == CATALOG_SIZES || i == CATALOG_DEFAULTS)
            continue;
        if (err)
            *err = probes[i].err;
        return err_context(err, "cannot read the catalogue (%s)", probes[i].name);
    }
    return true;
}

static void take_details(struct db_catalog *catalog, const struct db_probe *probes)
{
    struct types types = {.rows = probes[CATALOG_TYPES].result, .labels = probes[CATALOG_LABELS].result};
    types_index(&types, &catalog->arena);
    take_columns(catalog, probes[CATALOG_COLUMNS].result, &types);
    take_defaults(catalog, &probes[CATALOG_DEFAULTS]);
    take_keys(catalog, probes[CATALOG_KEYS].result);
    take_foreign_keys(catalog, probes[CATALOG_FOREIGN_KEYS].result);
}

bool db_catalog_take(struct db_catalog *catalog, const struct db_probe *probes, size_t count, struct err *err)
{
    *catalog = (struct db_catalog){0};
    if (!all_needed(probes, count, err))
        return false;
    const struct db_result *path = probes[CATALOG_PATH].result;
    catalog->default_schema = db_rows(path) ? text_at(&catalog->arena, path, 0, 0) : "";
    take_tables(catalog, probes[CATALOG_TABLES].result);
    mark_on_path(catalog, path);
    if (catalog->count)
        qsort(catalog->by_oid, catalog->count, sizeof *catalog->by_oid, compare_oid);
    if (count >= CATALOG_LISTED)
        take_sizes(catalog, &probes[CATALOG_SIZES]);
    if (count == CATALOG_PARTS)
        take_details(catalog, probes);
    return true;
}
