/* refs - a !ref, and a plain value of a foreign key, must find one row: declared in the target's fixture, or live in
 * the database.
 *
 * The target fixture's keys are held as sorted hashes, eight bytes a row, once for each combination of columns
 * that references use. What is not among them is looked up on the server, a batch at a time, by the columns'
 * own equality. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "bind/refs.h"

struct refs *refs_new(const struct checking *c)
{
    struct refs *refs = xcalloc(1, sizeof *refs);
    refs->c = c;
    return refs;
}

void refs_free(struct refs *refs)
{
    for (struct index *i = refs->indexes; i; i = i->next) {
        free(i->hashes);
        free(i->found);
        free(i->pending);
        arena_free(&i->texts);
    }
    arena_free(&refs->arena);
    free(refs);
}

/* --- what the target's fixture declares --- */

uint64_t refs_hash(const char *const *texts, size_t count)
{
    static const unsigned char seed[crypto_generichash_KEYBYTES] = "seedops reference";
    crypto_generichash_state state;
    uint64_t hash[2];
    crypto_generichash_init(&state, seed, sizeof seed, sizeof hash);
    for (size_t i = 0; i < count; i++)
        crypto_generichash_update(&state, (const unsigned char *)texts[i], strlen(texts[i]) + 1);
    crypto_generichash_final(&state, (unsigned char *)hash, sizeof hash);
    return hash[0];
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

bool refs_key_of_row(const struct index *index, const int *columns, const struct fixture_row *row, const char **texts)
{
    for (size_t i = 0; i < index->count; i++) {
        const struct fixture_value *v = columns[i] < 0 ? NULL : &row->values[columns[i]];
        if (!v || (v->kind != VALUE_TEXT && v->kind != VALUE_ENV))
            return false;
        texts[i] = v->text;
    }
    return true;
}

static bool read_declared(struct refs *refs, struct index *index, struct err *err)
{
    const struct fixture *f = index->fixture->fixture;
    const char **texts = arena_alloc(&refs->arena, index->count * sizeof *texts);
    int *columns = arena_alloc(&refs->arena, index->count * sizeof *columns);
    struct fixture_reader *reader;
    const struct fixture_row *row;
    size_t capacity = 0;
    for (size_t i = 0; i < index->count; i++)
        columns[i] = fixture_column(f, index->names[i]);
    if (!fixture_open(&reader, f, refs->c->options, err))
        return false;
    bool ok;
    while ((ok = fixture_next(reader, &row, err)) && row) {
        if (!refs_key_of_row(index, columns, row, texts))
            continue;
        if (index->hash_count == capacity) {
            capacity = capacity ? capacity * 2 : 256;
            index->hashes = xrealloc(index->hashes, capacity * sizeof *index->hashes);
        }
        index->hashes[index->hash_count++] = refs_hash(texts, index->count);
    }
    fixture_close(reader);
    if (index->hash_count)
        qsort(index->hashes, index->hash_count, sizeof *index->hashes, by_value);
    return ok;
}

/* --- which columns, and do they identify a row? --- */

static bool same_names(const struct index *index, const char *const *names, size_t count)
{
    if (index->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(index->names[i], names[i]) != 0)
            return false;
    }
    return true;
}

static bool is_fixture_key(const struct index *index)
{
    const struct fixture *f = index->fixture ? index->fixture->fixture : NULL;
    size_t found = 0;
    for (size_t i = 0; f && i < index->count; i++) {
        for (size_t k = 0; k < f->key_count; k++)
            found += strcmp(index->names[i], f->key[k]) == 0;
    }
    return f && f->key_count && found == index->count && found == f->key_count;
}

/* A key that is not unique finds any row or none. */
static bool check_columns(struct refs *refs, struct index *index, const struct bound *from,
                          const struct fixture_row *row, const struct fixture_value *value)
{
    const struct db_table *target = index->target;
    size_t *columns = arena_alloc(&refs->arena, index->count * sizeof *columns);
    struct err e;
    if (!target->details)
        return true;
    for (size_t i = 0; i < index->count; i++) {
        const struct db_column *live = db_table_column(target, index->names[i]);
        if (live) {
            columns[i] = (size_t)(live - target->columns);
            continue;
        }
        err_set(&e, ERR_FIXTURE, "!ref: table \"%s\" has no column \"%s\"", target->name, index->names[i]);
        fixture_at(&e, from->fixture, row, value);
        return problems_add(refs->c->problems, &e);
    }
    if (db_table_key(target, columns, index->count) || is_fixture_key(index))
        return true;
    err_set(&e, ERR_FIXTURE, "!ref: \"%s\" does not identify a row of \"%s\"", index->names[0], target->name);
    if (index->count > 1)
        err_set(&e, ERR_FIXTURE, "!ref: the columns given do not identify a row of \"%s\"", target->name);
    err_why(&e, "there is no unique index on exactly these columns");
    fixture_at(&e, from->fixture, row, value);
    return problems_add(refs->c->problems, &e);
}

/* *fresh: it was made now, and nothing is declared in it yet. */
static struct index *index_of(struct refs *refs, const struct db_table *target, const char *const *names, size_t count,
                              bool *fresh)
{
    *fresh = false;
    for (struct index *i = refs->indexes; i; i = i->next) {
        if (i->target == target && same_names(i, names, count))
            return i;
    }
    struct index *index = arena_alloc(&refs->arena, sizeof *index);
    index->target = target;
    index->fixture = bound_of_table(refs->c->set, target->oid);
    index->count = count;
    index->names = arena_alloc(&refs->arena, count * sizeof *index->names);
    for (size_t i = 0; i < count; i++)
        index->names[i] = arena_strdup(&refs->arena, names[i]);
    index->next = refs->indexes;
    refs->indexes = index;
    *fresh = true;
    return index;
}

/* --- collecting --- */

static bool is_declared(const struct index *index, uint64_t hash)
{
    return index->hash_count && bsearch(&hash, index->hashes, index->hash_count, sizeof hash, by_value);
}

static bool was_found(const struct index *index, uint64_t hash)
{
    return index->found && index->found[hash % REFS_FOUND] == hash;
}

static bool wait_for_server(struct refs *refs, struct index *index, const struct pending *reference,
                            const char *const *values, struct err *err)
{
    uint64_t hash = refs_hash(values, index->count);
    if (is_declared(index, hash) || was_found(index, hash))
        return true;
    if (!index->pending)
        index->pending = xcalloc(BATCH_ROWS, sizeof *index->pending);
    struct pending *p = &index->pending[index->pending_count++];
    *p = *reference;
    p->hash = hash;
    p->values = arena_alloc(&index->texts, index->count * sizeof *p->values);
    for (size_t i = 0; i < index->count; i++)
        p->values[i] = arena_strdup(&index->texts, values[i]);
    return index->pending_count < BATCH_ROWS || refs_ask(refs, err);
}

bool refs_add(struct refs *refs, const struct bound *from, size_t column, const struct fixture_row *row,
              const struct fixture_value *value, struct err *err)
{
    const struct fixture_ref *ref = value->ref;
    struct pending p = {.from = from, .place = *value, .row_line = row->line, .row_column = row->column};
    bool fresh;
    struct index *index = index_of(refs, from->refs[column].table, ref->keys, ref->count, &fresh);
    if (fresh)
        index->usable = check_columns(refs, index, from, row, value);
    if (fresh && index->usable && index->fixture && !read_declared(refs, index, err))
        return false;
    return !index->usable || wait_for_server(refs, index, &p, ref->values, err);
}

bool refs_add_plain(struct refs *refs, const struct refs_plain *plain, struct err *err)
{
    struct pending p = {.from = plain->from, .foreign = plain->foreign, .place = *plain->place, .secret = plain->secret,
                        .row_line = plain->row->line, .row_column = plain->row->column};
    bool fresh;
    struct index *index = index_of(refs, plain->target, plain->foreign->target_columns, plain->foreign->count, &fresh);
    index->usable = index->optional = true;
    if (fresh && index->fixture && !read_declared(refs, index, err))
        return false;
    return wait_for_server(refs, index, &p, plain->values, err);
}

bool refs_flush(struct refs *refs, struct err *err) { return refs_ask(refs, err); }
