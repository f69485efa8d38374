/* catalog - looking things up in a loaded catalogue, and loading it in one go. */
#include "db/catalog.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { SUGGEST_WITHIN = 3 };

bool db_catalog_load(struct db *db, struct db_catalog *catalog, const char *const *names, size_t count,
                     bool details_all, struct err *err)
{
    struct db_probe probes[CATALOG_PROBES];
    struct arena arena = {0};
    *catalog = (struct db_catalog){0};
    size_t n = db_catalog_probes(&arena, names, count, details_all, probes);
    bool ok = db_pipeline(db, probes, n, err);
    if (ok) {
        ok = db_catalog_take(catalog, probes, n, err);
        db_probes_free(probes, n);
    }
    arena_free(&arena);
    return ok;
}

void db_catalog_free(struct db_catalog *catalog)
{
    arena_free(&catalog->arena);
    *catalog = (struct db_catalog){0};
}

struct db_table *db_catalog_by_oid(const struct db_catalog *catalog, uint32_t oid)
{
    for (size_t low = 0, high = catalog->count; low < high;) {
        size_t middle = (low + high) / 2;
        struct db_table *t = catalog->by_oid[middle];
        if (t->oid == oid)
            return t;
        if (t->oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* By bare name: what the search path would find, then the default schema's own. */
static struct db_table *find_bare(const struct db_catalog *catalog, const char *name)
{
    struct db_table *in_default = NULL;
    for (size_t i = 0; i < catalog->count; i++) {
        struct db_table *t = &catalog->tables[i];
        if (strcmp(t->name, name) != 0)
            continue;
        if (t->on_path)
            return t;
        if (strcmp(t->schema, catalog->default_schema) == 0)
            in_default = t;
    }
    return in_default;
}

/* By "schema.name": either part may hold a dot of its own, so the whole is compared. */
static struct db_table *find_qualified(const struct db_catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->count; i++) {
        struct db_table *t = &catalog->tables[i];
        size_t schema = strlen(t->schema);
        if (strncmp(name, t->schema, schema) == 0 && name[schema] == '.' &&
            strcmp(name + schema + 1, t->name) == 0)
            return t;
    }
    return NULL;
}

static const char *nearest(const struct db_catalog *catalog, const char *name)
{
    const char *best = NULL;
    int best_distance = SUGGEST_WITHIN + 1;
    for (size_t i = 0; i < catalog->count; i++) {
        const char *one = catalog->tables[i].name;
        int distance = strcasecmp(one, name) == 0 ? 0 : text_distance(one, name);
        if (distance < best_distance) {
            best_distance = distance;
            best = one;
        }
    }
    return best;
}

struct db_table *db_catalog_find(const struct db_catalog *catalog, const char *name, const char **suggestion)
{
    struct db_table *t = find_bare(catalog, name);
    if (!t)
        t = find_qualified(catalog, name);
    if (suggestion)
        *suggestion = t ? NULL : nearest(catalog, name);
    return t;
}

struct db_column *db_table_column(const struct db_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}

static bool key_has(const struct db_key *key, size_t column)
{
    for (size_t i = 0; i < key->count; i++)
        if (key->columns[i] == column)
            return true;
    return false;
}

const struct db_key *db_table_key(const struct db_table *table, const size_t *columns, size_t count)
{
    for (size_t i = 0; i < table->key_count; i++) {
        const struct db_key *key = &table->keys[i];
        bool covers = key->count == count;
        for (size_t c = 0; covers && c < count; c++)
            covers = key_has(key, columns[c]);
        if (covers)
            return key;
    }
    return NULL;
}

const struct db_key *db_table_primary_key(const struct db_table *table)
{
    for (size_t i = 0; i < table->key_count; i++)
        if (table->keys[i].primary)
            return &table->keys[i];
    return NULL;
}
