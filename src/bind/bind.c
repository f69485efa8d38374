/* bind - names in fixtures become tables, columns and keys of the live catalogue. Every name that stands for
 * nothing is a problem with its place and the nearest name that does; a fixture with one is left out of the
 * set, so that the others can still be looked at. */
#include "bind/bind.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "bind/order.h"
#include "fixture/problems.h"

struct binding {
    const struct fixture_set *fixtures;
    const struct db_catalog *catalog;
    struct bound_set *set;
    struct problems *problems;
};

static bool say(struct binding *b, struct err *e, const char *file, unsigned line, unsigned column)
{
    err_at(e, file, line, column);
    return problems_add(b->problems, e);
}

static bool say_at_table(struct binding *b, struct err *e, const struct fixture *f)
{
    return say(b, e, f->file, f->table_line, f->table_column);
}

/* --- the table --- */

static bool bind_table(struct binding *b, struct bound *bound)
{
    const struct fixture *f = bound->fixture;
    const char *nearest = NULL;
    struct err e;
    bound->table = db_catalog_find(b->catalog, f->table, &nearest);
    if (!bound->table) {
        err_set(&e, ERR_FIXTURE, "there is no table \"%s\" in the database", f->table);
        if (nearest)
            err_hint(&e, "did you mean \"%s\"?", nearest);
        else
            err_hint(&e, "write the name as the database has it, capitals included; SCHEMA.NAME outside of the "
                         "search path; or migrate first");
        return say_at_table(b, &e, f);
    }
    if (bound->table->kind != 'r' && bound->table->kind != 'p') {
        err_set(&e, ERR_FIXTURE, "\"%s\" is no table of rows to seed", f->table);
        err_why(&e, "it is a view or a foreign table");
        return say_at_table(b, &e, f);
    }
    for (size_t i = 0; i < b->set->count; i++) {
        const struct bound *other = &b->set->items[i];
        if (other->table != bound->table)
            continue;
        err_set(&e, ERR_FIXTURE, "table \"%s\" has two fixtures", f->table);
        err_why(&e, "%s calls it \"%s\"", other->fixture->file, other->fixture->table);
        return say_at_table(b, &e, f);
    }
    return true;
}

/* --- columns --- */

static int find_column(const struct db_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static bool say_no_column(struct binding *b, const struct db_table *table, const char *name, const char *file,
                          unsigned line, unsigned column)
{
    const char **names = xcalloc(table->column_count, sizeof *names);
    for (size_t i = 0; i < table->column_count; i++)
        names[i] = table->columns[i].name;
    const char *nearest = problems_nearest(name, names, table->column_count);
    struct err e;
    err_set(&e, ERR_FIXTURE, "table \"%s\" has no column \"%s\"", table->name, name);
    if (nearest)
        err_hint(&e, "did you mean \"%s\"?", nearest);
    else
        err_hint(&e, "a migration may be pending: seedops migrate status");
    free(names);
    return say(b, &e, file, line, column);
}

static bool bind_columns(struct binding *b, struct bound *bound)
{
    const struct fixture *f = bound->fixture;
    bool ok = true;
    bound->columns = arena_alloc(&b->set->arena, f->column_count * sizeof *bound->columns);
    for (size_t i = 0; i < f->column_count; i++) {
        bound->columns[i] = find_column(bound->table, f->columns[i]);
        if (bound->columns[i] < 0)
            ok = say_no_column(b, bound->table, f->columns[i], f->column_files[i], f->column_lines[i],
                               f->column_columns[i]);
        else if (bound->table->columns[bound->columns[i]].generated && !fixture_ignores(f, f->columns[i])) {
            struct err e;
            err_set(&e, ERR_FIXTURE, "column \"%s\" is generated: the database computes it", f->columns[i]);
            err_hint(&e, "leave it out of the fixture");
            ok = say(b, &e, f->column_files[i], f->column_lines[i], f->column_columns[i]);
        }
    }
    for (size_t i = 0; i < f->ignore_count; i++) {
        if (find_column(bound->table, f->ignore[i]) < 0)
            ok = say_no_column(b, bound->table, f->ignore[i], f->file, f->ignore_line, f->ignore_column);
    }
    for (size_t i = 0; i < f->keep_count; i++) {
        if (find_column(bound->table, f->keep[i]) < 0)
            ok = say_no_column(b, bound->table, f->keep[i], f->file, f->keep_line, f->keep_column);
    }
    return ok;
}

/* --- the key --- */

/* "(id), (slug), (stationId, glacierId)": what could be a key. */
static void list_keys(const struct db_table *table, struct str *out)
{
    for (size_t i = 0; i < table->key_count; i++) {
        const struct db_key *key = &table->keys[i];
        str_add(out, i ? ", (" : "(");
        for (size_t k = 0; k < key->count; k++)
            str_printf(out, "%s%s", k ? ", " : "", table->columns[key->columns[k]].name);
        str_add_char(out, ')');
    }
}

static bool say_key(struct binding *b, const struct bound *bound, struct err *e)
{
    const struct fixture *f = bound->fixture;
    struct str keys = {0};
    list_keys(bound->table, &keys);
    if (keys.length)
        err_hint(e, "unique in this table: %s", str_text(&keys));
    else
        err_hint(e, "create a unique index on what identifies a row");
    str_free(&keys);
    if (f->key_count)
        return say(b, e, f->file, f->key_line, f->key_column);
    return say_at_table(b, e, f);
}

/* Without `key:` it is the primary key; its rows were not checked yet for repeating it. */
static bool take_primary_key(struct binding *b, struct bound *bound)
{
    const struct fixture *f = bound->fixture;
    const struct db_table *table = bound->table;
    const struct db_key *primary = db_table_primary_key(table);
    struct err e;
    if (!primary) {
        err_set(&e, ERR_FIXTURE, "table \"%s\" has no primary key, and the fixture names no key", table->name);
        return say_key(b, bound, &e);
    }
    const char **names = arena_alloc(&b->set->arena, primary->count * sizeof *names);
    bound->key = arena_alloc(&b->set->arena, primary->count * sizeof *bound->key);
    for (size_t i = 0; i < primary->count; i++) {
        names[i] = table->columns[primary->columns[i]].name;
        int column = fixture_column(f, names[i]);
        if (column < 0) {
            if (f->row_count == 0)
                return true;   /* no rows, no key needed: nothing will be looked up */
            err_set(&e, ERR_FIXTURE, "the rows do not give the primary key \"%s\"", names[i]);
            err_why(&e, "rows are found by the primary key where the fixture names no other key");
            return say_key(b, bound, &e);
        }
        bound->key[i] = (size_t)column;
    }
    bound->key_count = primary->count;
    bound->unique = primary;
    if (f->peeked)
        return true;
    struct err_list found = {0};
    bool ok = fixture_check_key(f, names, primary->count, &b->fixtures->options, &bound->order, &found);
    for (size_t i = 0; i < found.count; i++)
        problems_add(b->problems, &found.items[i]);
    err_list_free(&found);
    return ok;
}

static bool bind_key(struct binding *b, struct bound *bound)
{
    const struct fixture *f = bound->fixture;
    if (f->key_count == 0)
        return take_primary_key(b, bound);
    size_t *columns = arena_alloc(&b->set->arena, f->key_count * sizeof *columns);
    struct str names = {0};
    struct err e;
    bound->key = arena_alloc(&b->set->arena, f->key_count * sizeof *bound->key);
    bound->key_count = f->key_count;
    bound->order = f->order;
    for (size_t i = 0; i < f->key_count; i++) {
        bound->key[i] = (size_t)fixture_column(f, f->key[i]);   /* load made it a column */
        columns[i] = (size_t)bound->columns[bound->key[i]];
        str_printf(&names, "%s%s", i ? ", " : "", f->key[i]);
    }
    bound->unique = db_table_key(bound->table, columns, f->key_count);
    bool ok = bound->unique != NULL;
    if (!ok) {
        err_set(&e, ERR_FIXTURE, "the key (%s) has no unique index in table \"%s\"", str_text(&names),
                bound->table->name);
        err_why(&e, "without one, two writers could add the same row");
        say_key(b, bound, &e);
    }
    str_free(&names);
    return ok;
}

/* --- references --- */

/* The foreign key a column is part of: one of its own rather than a compound one. */
static const struct db_foreign_key *foreign_key_of(const struct db_table *table, size_t column, size_t *place)
{
    const struct db_foreign_key *found = NULL;
    for (size_t i = 0; i < table->foreign_key_count; i++) {
        const struct db_foreign_key *key = &table->foreign_keys[i];
        for (size_t k = 0; k < key->count; k++) {
            if (key->columns[k] == column && (!found || key->count < found->count)) {
                found = key;
                *place = k;
            }
        }
    }
    return found;
}

static bool say_ref(struct binding *b, const struct fixture *f, size_t column, struct err *e)
{
    return say(b, e, f->column_files[column], f->column_lines[column], f->column_columns[column]);
}

/* The column to take where neither the !ref nor a foreign key says: the primary key's only one. */
static const char *only_primary(const struct db_table *table)
{
    const struct db_key *primary = table->details ? db_table_primary_key(table) : NULL;
    return primary && primary->count == 1 ? table->columns[primary->columns[0]].name : NULL;
}

static bool check_ref_columns(struct binding *b, const struct fixture *f, size_t column,
                              const struct bound_ref *to)
{
    const struct fixture_ref *ref = f->column_refs[column];
    bool ok = true;
    if (!to->table->details)
        return true;   /* only its name is known: the server will say */
    for (size_t i = 0; i <= ref->count; i++) {
        const char *name = i < ref->count ? ref->keys[i] : to->target;
        if (find_column(to->table, name) < 0)
            ok = say_no_column(b, to->table, name, f->column_files[column], f->column_lines[column],
                               f->column_columns[column]);
    }
    return ok;
}

static bool bind_ref(struct binding *b, struct bound *bound, size_t column)
{
    const struct fixture *f = bound->fixture;
    const struct fixture_ref *ref = f->column_refs[column];
    struct bound_ref *to = &bound->refs[column];
    const char *nearest = NULL;
    size_t place = 0;
    struct err e;
    const struct db_foreign_key *key = foreign_key_of(bound->table, (size_t)bound->columns[column], &place);
    to->table = db_catalog_find(b->catalog, ref->table, &nearest);
    if (!to->table) {
        err_set(&e, ERR_FIXTURE, "!ref names table \"%s\", which the database does not have", ref->table);
        if (nearest)
            err_hint(&e, "did you mean \"%s\"?", nearest);
        return say_ref(b, f, column, &e);
    }
    if (key && key->target != to->table->oid) {
        err_set(&e, ERR_FIXTURE, "column \"%s\" references \"%s\", not \"%s\"", f->columns[column],
                key->target_name, ref->table);
        err_why(&e, "by the constraint \"%s\"", key->name);
        return say_ref(b, f, column, &e);
    }
    to->target = ref->column ? ref->column : key ? key->target_columns[place] : only_primary(to->table);
    if (!to->target) {
        err_set(&e, ERR_FIXTURE, "!ref does not say which column of \"%s\" to take", ref->table);
        err_why(&e, "there is no foreign key, and no primary key of one column");
        err_hint(&e, "write !ref {table: %s, column: NAME, ...}", ref->table);
        return say_ref(b, f, column, &e);
    }
    return check_ref_columns(b, f, column, to);
}

static bool bind_refs(struct binding *b, struct bound *bound)
{
    bool ok = true;
    bound->refs = arena_alloc(&b->set->arena, bound->fixture->column_count * sizeof *bound->refs);
    for (size_t i = 0; i < bound->fixture->column_count; i++) {
        if (bound->fixture->column_refs[i] && !bind_ref(b, bound, i))
            ok = false;
    }
    return ok;
}

/* --- all of them, in order --- */

static bool bind_fixture(struct binding *b, const struct fixture *f)
{
    struct bound bound = {.fixture = f};
    if (!bind_table(b, &bound) || !bind_columns(b, &bound))
        return false;
    /* A wrong key doesn't hide wrong references. */
    bool key = bind_key(b, &bound), refs = bind_refs(b, &bound), ok = key && refs;
    if (ok)
        b->set->items[b->set->count++] = bound;
    return ok;
}

static size_t index_of_table(const struct bound_set *set, uint32_t oid)
{
    size_t i = 0;
    while (i < set->count && set->items[i].table->oid != oid)
        i++;
    return i;
}

static struct order_ref *collect_refs(const struct bound_set *set, size_t *count)
{
    size_t most = 0;
    *count = 0;
    for (size_t i = 0; i < set->count; i++)
        most += set->items[i].fixture->column_count;
    struct order_ref *refs = xcalloc(most, sizeof *refs);
    for (size_t i = 0; i < set->count; i++) {
        const struct bound *bound = &set->items[i];
        for (size_t c = 0; c < bound->fixture->column_count; c++) {
            size_t place, parent;
            if (!bound->refs[c].table || foreign_key_of(bound->table, (size_t)bound->columns[c], &place))
                continue;
            parent = index_of_table(set, bound->refs[c].table->oid);
            if (parent < set->count)
                refs[(*count)++] = (struct order_ref){.child = i, .parent = parent};
        }
    }
    return refs;
}

static bool put_in_order(struct binding *b)
{
    struct bound_set *set = b->set;
    struct db_table **tables = xcalloc(set->count, sizeof *tables);
    size_t *order = xcalloc(set->count, sizeof *order), ref_count, first = 0;
    struct order_ref *refs = collect_refs(set, &ref_count);
    struct bound *sorted = arena_alloc(&set->arena, set->count * sizeof *sorted);
    struct err e;
    for (size_t i = 0; i < set->count; i++)
        tables[i] = set->items[i].table;
    bool ok = order_tables_refs(tables, set->count, refs, ref_count, order, &set->deferred, &first, &e);
    for (size_t i = 0; ok && i < set->count; i++)
        sorted[i] = set->items[order[i]];
    if (ok)
        set->items = sorted;
    else
        say_at_table(b, &e, set->items[first].fixture);
    free(refs);
    free(order);
    free(tables);
    return ok;
}

bool bind_fixtures(struct bound_set *set, const struct fixture_set *fixtures, const struct db_catalog *catalog,
                   struct err_list *list)
{
    struct problems problems = {.to = list};
    struct binding b = {fixtures, catalog, set, &problems};
    *set = (struct bound_set){0};
    set->items = arena_alloc(&set->arena, fixtures->count * sizeof *set->items);
    for (size_t i = 0; i < fixtures->count; i++)
        bind_fixture(&b, &fixtures->items[i]);
    put_in_order(&b);
    return problems_end(&problems);
}

void bound_set_free(struct bound_set *set)
{
    arena_free(&set->arena);
    *set = (struct bound_set){0};
}

const struct bound *bound_of_table(const struct bound_set *set, uint32_t oid)
{
    size_t i = index_of_table(set, oid);
    return i < set->count ? &set->items[i] : NULL;
}

bool bound_is_sendable(const struct fixture_value *value)
{
    return value->kind == VALUE_NULL || value->kind == VALUE_TEXT || value->kind == VALUE_JSON
           || value->kind == VALUE_ENV;
}

bool bound_text(const struct bound *bound, size_t column, const struct fixture_value *value,
                struct arena *arena, const char **text, struct err *err)
{
    const struct db_column *live = &bound->table->columns[bound->columns[column]];
    const struct db_type *type = &live->type;
    *text = NULL;
    if (value->kind == VALUE_NULL)
        return true;
    if (type->base[0] == 'j' && (strcmp(type->base, "json") == 0 || strcmp(type->base, "jsonb") == 0))
        *text = fixture_json_text(value, arena);
    else if (type->category == 'A')
        *text = fixture_array_text(value, arena, err);
    else if (value->kind != VALUE_JSON)
        *text = value->text;
    else {
        err_set(err, ERR_FIXTURE, "a list or mapping in column \"%s\", which has the type %s", live->name,
                type->name);
        err_hint(err, "only json, jsonb and array columns take one");
    }
    return *text != NULL;
}
