/* refs - a !ref must find one row: declared in the target's fixture, or live in the database.
 *
 * The target fixture's keys are held as sorted hashes, eight bytes a row, once for each combination of columns
 * that references use. What is not among them is looked up on the server, a batch at a time, by the columns'
 * own equality. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "bind/parts.h"

/* The keys of one target by one combination of columns. */
struct index {
    struct index *next;
    const struct db_table *target;
    const char **names;
    size_t count;
    const struct bound *fixture;    /* the target's, or NULL */
    uint64_t *hashes;
    size_t hash_count;
    bool usable;                    /* the columns exist and identify a row */
    /* references that are no declared row, waiting for the server */
    struct pending *pending;
    size_t pending_count;
    struct arena texts;
};

struct pending {
    const struct bound *from;
    const char **values;
    struct fixture_value place;
    unsigned row_line, row_column;
    bool missing;                   /* the database has no such row */
};

struct refs {
    const struct checking *c;
    struct index *indexes;
    struct arena arena;
};

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
        free(i->pending);
        arena_free(&i->texts);
    }
    arena_free(&refs->arena);
    free(refs);
}

/* --- what the target's fixture declares --- */

static uint64_t hash_of(const char *const *texts, size_t count)
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

/* A row's texts of the index's columns; false if one has none that is known before it is written. */
static bool key_of_row(const struct index *index, const int *columns, const struct fixture_row *row,
                       const char **texts)
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
        if (!key_of_row(index, columns, row, texts))
            continue;
        if (index->hash_count == capacity) {
            capacity = capacity ? capacity * 2 : 256;
            index->hashes = xrealloc(index->hashes, capacity * sizeof *index->hashes);
        }
        index->hashes[index->hash_count++] = hash_of(texts, index->count);
    }
    fixture_close(reader);
    if (index->hash_count)
        qsort(index->hashes, index->hash_count, sizeof *index->hashes, by_value);
    return ok;
}

/* --- which columns, and do they identify a row? --- */

static bool same_names(const struct index *index, const struct fixture_ref *ref)
{
    if (index->count != ref->count)
        return false;
    for (size_t i = 0; i < ref->count; i++) {
        if (strcmp(index->names[i], ref->keys[i]) != 0)
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

static bool find_index(struct refs *refs, const struct bound *from, size_t column, const struct fixture_row *row,
                       const struct fixture_value *value, struct index **found, struct err *err)
{
    const struct fixture_ref *ref = value->ref;
    const struct db_table *target = from->refs[column].table;
    for (struct index *i = refs->indexes; i; i = i->next) {
        if (i->target == target && same_names(i, ref)) {
            *found = i;
            return true;
        }
    }
    struct index *index = arena_alloc(&refs->arena, sizeof *index);
    index->target = target;
    index->fixture = bound_of_table(refs->c->set, target->oid);
    index->count = ref->count;
    index->names = arena_alloc(&refs->arena, ref->count * sizeof *index->names);
    for (size_t i = 0; i < ref->count; i++)
        index->names[i] = arena_strdup(&refs->arena, ref->keys[i]);
    index->next = refs->indexes;
    refs->indexes = *found = index;
    index->usable = check_columns(refs, index, from, row, value);
    return !index->usable || !index->fixture || read_declared(refs, index, err);
}

/* --- the server --- */

/* What a text is cast to before it is compared: without a length, which a cast would cut it to. */
static const char *comparable_type(const struct db_column *live)
{
    if (!live || live->type.max_length >= 0)
        return live && strcmp(live->type.base, "bpchar") == 0 ? "bpchar" : "text";
    return live->type.precision >= 0 ? "numeric" : live->type.name;
}

static void lookup_sql(const struct index *index, struct str *sql)
{
    str_add(sql, "SELECT i, n FROM (SELECT i, (SELECT count(*) FROM (SELECT FROM ");
    db_quote_relation(sql, index->target->schema, index->target->name);
    str_add(sql, " t WHERE ");
    for (size_t i = 0; i < index->count; i++) {
        const struct db_column *live =
            index->target->details ? db_table_column(index->target, index->names[i]) : NULL;
        str_printf(sql, "%st.", i ? " AND " : "");
        db_quote_identifier(sql, index->names[i]);
        /* A table that was not looked at in detail is compared as text. */
        str_printf(sql, "%s %s u.c%zu::%s", live ? "" : "::text",
                   live && live->type.equality ? live->type.equality : "=", i, comparable_type(live));
    }
    str_add(sql, " LIMIT 2) m) AS n FROM unnest(");
    for (size_t i = 0; i < index->count; i++)
        str_printf(sql, "%s$%zu::text[]", i ? ", " : "", i + 1);
    str_add(sql, ") WITH ORDINALITY AS u(");
    for (size_t i = 0; i < index->count; i++)
        str_printf(sql, "c%zu, ", i);
    str_add(sql, "i)) q WHERE n <> 1 ORDER BY i");
}

static void say_nobody(struct refs *refs, const struct index *index, const struct pending *p, bool several,
                       const char *why)
{
    struct str key = {0};
    struct err e;
    for (size_t i = 0; i < index->count; i++)
        str_printf(&key, "%s%s = \"%s\"", i ? ", " : "", index->names[i], p->values[i]);
    if (several) {
        err_set(&e, ERR_FIXTURE, "!ref is ambiguous: more than one row of \"%s\" has %s", index->target->name,
                str_text(&key));
    } else {
        err_set(&e, ERR_FIXTURE, "!ref to nobody: no row of \"%s\" has %s", index->target->name, str_text(&key));
        err_why(&e, "%s", why ? why : index->fixture ? "neither its fixture nor the database has one"
                                                     : "the database has none, and no fixture declares one");
    }
    const struct fixture_row row = {.line = p->row_line, .column = p->row_column};
    fixture_at(&e, p->from->fixture, &row, &p->place);
    problems_add(refs->c->problems, &e);
    str_free(&key);
}

static void note_missing(struct refs *refs, const struct index *index, size_t from, const struct db_result *result)
{
    for (size_t r = 0; r < db_rows(result); r++) {
        size_t i = from + (size_t)db_int(result, r, 0, 1) - 1;
        if (i < index->pending_count && db_int(result, r, 1, 0) > 1)
            say_nobody(refs, index, &index->pending[i], true, NULL);
        else if (i < index->pending_count)
            index->pending[i].missing = true;
    }
}

/* Looks up pending references [from, to). A value that is none of its column's type fails the whole question:
 * it is halved until that one stands alone. */
static bool look_up(struct refs *refs, const struct index *index, size_t from, size_t to, struct err *err)
{
    struct str sql = {0}, *arrays = xcalloc(index->count, sizeof *arrays);
    const char **params = xcalloc(index->count, sizeof *params);
    lookup_sql(index, &sql);
    for (size_t k = 0; k < index->count; k++) {
        str_add_char(&arrays[k], '{');
        for (size_t i = from; i < to; i++)
            parts_add_element(&arrays[k], index->pending[i].values[k]);
        str_add_char(&arrays[k], '}');
        params[k] = str_text(&arrays[k]);
    }
    struct db_probe probe = {.name = "references", .sql = str_text(&sql), .count = index->count,
                             .params = params, .statement_timeout_ms = PROBE_TIMEOUT_MS};
    bool ok = db_pipeline(refs->c->db, &probe, 1, err);
    if (ok && probe.ok)
        note_missing(refs, index, from, probe.result);
    else if (ok && !parts_is_data_error(&probe.err)) {
        *err = probe.err;
        ok = err_context(err, "cannot look up references to \"%s\"", index->target->name);
    } else if (ok && to - from == 1) {
        say_nobody(refs, index, &index->pending[from], false, probe.err.message);
    } else if (ok) {
        size_t middle = from + (to - from) / 2;
        ok = look_up(refs, index, from, middle, err) && look_up(refs, index, middle, to, err);
    }
    for (size_t k = 0; k < index->count; k++)
        str_free(&arrays[k]);
    db_probes_free(&probe, 1);
    free(arrays);
    free(params);
    str_free(&sql);
    return ok;
}

/* --- declared, but written differently: 1 and 01, Alpha and alpha in citext --- */

/* True if texts tell all there is to know of equality. */
static bool compares_as_text(const struct index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        const struct db_column *live =
            index->target->details ? db_table_column(index->target, index->names[i]) : NULL;
        if (live && !live->type.label_count && strcmp(live->type.base, "text") != 0
            && strcmp(live->type.base, "varchar") != 0)
            return false;
    }
    return true;
}

/* Which of the missing ones (the first half of the parameters) equal a declared key (the second). */
static void alike_sql(const struct index *index, struct str *sql)
{
    str_add(sql, "SELECT DISTINCT m.i FROM ");
    for (size_t side = 0; side < 2; side++) {
        str_add(sql, side ? " JOIN unnest(" : "unnest(");
        for (size_t i = 0; i < index->count; i++)
            str_printf(sql, "%s$%zu::text[]", i ? ", " : "", side * index->count + i + 1);
        str_add(sql, side ? ") AS d(" : ") WITH ORDINALITY AS m(");
        for (size_t i = 0; i < index->count; i++)
            str_printf(sql, "%sc%zu", i ? ", " : "", i);
        str_add(sql, side ? ") ON " : ", i)");
    }
    for (size_t i = 0; i < index->count; i++) {
        const struct db_column *live = db_table_column(index->target, index->names[i]);
        const char *type = comparable_type(live);
        str_printf(sql, "%sm.c%zu::%s %s d.c%zu::%s", i ? " AND " : "", i, type,
                   live->type.equality ? live->type.equality : "=", i, type);
    }
}

/* Asks about one batch of declared keys; the ones that equal a missing reference settle it. */
static bool ask_alike(struct refs *refs, struct index *index, const char *const *params, struct err *err)
{
    struct str sql = {0};
    alike_sql(index, &sql);
    struct db_probe probe = {.name = "declared keys", .sql = str_text(&sql), .count = 2 * index->count,
                             .params = params, .statement_timeout_ms = PROBE_TIMEOUT_MS};
    bool ok = db_pipeline(refs->c->db, &probe, 1, err);
    /* A declared key that is no value of its column is said where its own table is checked. */
    for (size_t r = 0; ok && probe.ok && r < db_rows(probe.result); r++) {
        size_t i = (size_t)db_int(probe.result, r, 0, 1) - 1;
        if (i < index->pending_count)
            index->pending[i].missing = false;
    }
    db_probes_free(&probe, 1);
    str_free(&sql);
    return ok;
}

static void begin_arrays(struct str *arrays, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        str_reset(&arrays[k]);
        str_add_char(&arrays[k], '{');
    }
}

static void end_arrays(struct str *arrays, size_t count, const char **params)
{
    for (size_t k = 0; k < count; k++) {
        str_add_char(&arrays[k], '}');
        params[k] = str_text(&arrays[k]);
    }
}

/* Streams the target's fixture past the missing references, which are the first `count` parameters. */
static bool read_alike(struct refs *refs, struct index *index, struct str *arrays, const char **params,
                       struct err *err)
{
    size_t count = index->count, batch = 0;
    const char **texts = arena_alloc(&index->texts, count * sizeof *texts);
    int *columns = arena_alloc(&index->texts, count * sizeof *columns);
    struct fixture_reader *reader;
    const struct fixture_row *row;
    for (size_t i = 0; i < count; i++)
        columns[i] = fixture_column(index->fixture->fixture, index->names[i]);
    if (!fixture_open(&reader, index->fixture->fixture, refs->c->options, err))
        return false;
    begin_arrays(arrays + count, count);
    bool ok;
    while ((ok = fixture_next(reader, &row, err)) && (row || batch)) {
        bool key = row && key_of_row(index, columns, row, texts);
        for (size_t k = 0; key && k < count; k++)
            parts_add_element(&arrays[count + k], texts[k]);
        batch += key;
        if (row && batch < BATCH_ROWS)
            continue;
        end_arrays(arrays + count, count, params + count);
        ok = ask_alike(refs, index, params, err);
        if (!ok || !row)
            break;
        begin_arrays(arrays + count, count);
        batch = 0;
    }
    fixture_close(reader);
    return ok;
}

static bool find_alike(struct refs *refs, struct index *index, struct err *err)
{
    struct str *arrays = xcalloc(2 * index->count, sizeof *arrays);
    const char **params = xcalloc(2 * index->count, sizeof *params);
    begin_arrays(arrays, index->count);
    for (size_t i = 0; i < index->pending_count; i++) {
        const struct pending *p = &index->pending[i];
        /* The others keep their place, but not their text. */
        for (size_t k = 0; k < index->count; k++) {
            if (p->missing)
                parts_add_element(&arrays[k], p->values[k]);
            else
                str_add(&arrays[k], arrays[k].length > 1 ? ",NULL" : "NULL");
        }
    }
    end_arrays(arrays, index->count, params);
    bool ok = read_alike(refs, index, arrays, params, err);
    for (size_t k = 0; k < 2 * index->count; k++)
        str_free(&arrays[k]);
    free(arrays);
    free(params);
    return ok;
}

static bool settle_missing(struct refs *refs, struct index *index, struct err *err)
{
    bool any = false, ok = true;
    for (size_t i = 0; i < index->pending_count; i++)
        any = any || index->pending[i].missing;
    if (any && index->hash_count && !compares_as_text(index))
        ok = find_alike(refs, index, err);
    for (size_t i = 0; ok && i < index->pending_count; i++) {
        if (index->pending[i].missing)
            say_nobody(refs, index, &index->pending[i], false, NULL);
    }
    return ok;
}

static bool flush_index(struct refs *refs, struct index *index, struct err *err)
{
    /* A table that is known to be empty is not read (SAFETY 4): nothing in it is to be found. */
    for (size_t i = 0; index->target->known_empty && i < index->pending_count; i++)
        index->pending[i].missing = true;
    bool ok = index->pending_count == 0 || index->target->known_empty
              || look_up(refs, index, 0, index->pending_count, err);
    ok = ok && settle_missing(refs, index, err);
    index->pending_count = 0;
    arena_reset(&index->texts);
    return ok;
}

bool refs_add(struct refs *refs, const struct bound *from, size_t column, const struct fixture_row *row,
              const struct fixture_value *value, struct err *err)
{
    struct index *index;
    if (!find_index(refs, from, column, row, value, &index, err))
        return false;
    if (!index->usable)
        return true;
    uint64_t hash = hash_of(value->ref->values, index->count);
    if (index->hash_count && bsearch(&hash, index->hashes, index->hash_count, sizeof hash, by_value))
        return true;
    if (!index->pending)
        index->pending = xcalloc(BATCH_ROWS, sizeof *index->pending);
    struct pending *p = &index->pending[index->pending_count++];
    *p = (struct pending){.from = from, .place = *value, .row_line = row->line, .row_column = row->column};
    p->values = arena_alloc(&index->texts, index->count * sizeof *p->values);
    for (size_t i = 0; i < index->count; i++)
        p->values[i] = arena_strdup(&index->texts, value->ref->values[i]);
    return index->pending_count < BATCH_ROWS || flush_index(refs, index, err);
}

bool refs_flush(struct refs *refs, struct err *err)
{
    for (struct index *i = refs->indexes; i; i = i->next) {
        if (!flush_index(refs, i, err))
            return false;
    }
    return true;
}
