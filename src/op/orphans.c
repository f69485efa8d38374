/* orphans - what a plan writes into the columns of foreign keys, looked up among the declared and the live rows. */
#include "op/orphans.h"

#include <stdlib.h>
#include <string.h>

#include "bind/parts.h"
#include "diff/row.h"

struct key_check {                   /* a foreign key that can be judged */
    const struct db_foreign_key *foreign;
    const struct db_table *target;   /* with details */
    size_t *columns;                 /* of the fixture, parallel to foreign->columns */
    const char **values;             /* of the row at hand */
};

struct check {
    struct session *session;
    const struct declared *declared;
    const struct plan *plan;
    struct refs *refs;
    struct db_catalog parents;       /* details of those that no fixture names */
    bool parents_loaded;
    struct arena arena, row_arena;
    /* of the table at hand */
    const struct table_plan *table;
    struct diff_options options;     /* its secret columns */
    struct key_check *keys;
    size_t key_count;
};

/* A trigger may change a value on its way in, or make the row that another one needs. */
static bool may_trigger(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct table_plan *t = &plan->tables[i];
        if ((t->insert_rows || t->updates.count) && t->bound->table->has_triggers)
            return true;
    }
    return false;
}

/* ---- parents ---- */

/* Parents without details: their names as the catalogue takes them, in the arena. */
static size_t unknown_parents(struct check *c, const char ***names)
{
    size_t count = 0;
    *names = NULL;
    for (size_t i = 0; i < c->plan->count; i++) {
        const struct table_plan *t = &c->plan->tables[i];
        const struct db_table *table = t->bound->table;
        for (size_t k = 0; (t->insert_rows || t->updates.count) && k < table->foreign_key_count; k++) {
            const struct db_table *parent = db_catalog_by_oid(&c->session->catalog, table->foreign_keys[k].target);
            if (!parent || parent->details)
                continue;
            *names = arena_grow(&c->arena, *names, count, count + 1, sizeof **names);
            (*names)[count++] = arena_printf(&c->arena, "%s.%s", parent->schema, parent->name);
        }
    }
    return count;
}

static bool load_parents(struct check *c, struct err *err)
{
    const char **names;
    size_t count = unknown_parents(c, &names);
    if (count == 0)
        return true;
    c->parents_loaded = db_catalog_load(c->session->db, &c->parents, names, count, false, err);
    return c->parents_loaded;
}

static const struct db_table *find_parent(struct check *c, uint32_t oid)
{
    const struct db_table *parent = db_catalog_by_oid(&c->session->catalog, oid);
    if (parent && !parent->details && c->parents_loaded)
        parent = db_catalog_by_oid(&c->parents, oid);
    return parent && parent->details ? parent : NULL;
}

/* The parent gets new rows whose key is not known before they are written. */
static bool keys_to_come(struct check *c, const struct db_foreign_key *foreign, bool *to_come, struct err *err)
{
    struct table_plan *t = NULL;
    struct plan_inserts inserts;
    struct fixture_row row;
    *to_come = false;
    for (size_t i = 0; i < c->plan->count; i++)
        if (c->plan->tables[i].bound->table->oid == foreign->target)
            t = &c->plan->tables[i];
    if (!t)
        return true;
    bool ok = plan_inserts_begin(&inserts, t, session_fixture_options(c->session), err), found = true;
    while (ok && found && !*to_come) {
        arena_reset(&c->row_arena);
        ok = plan_inserts_next(&inserts, &c->row_arena, &row, &found, err);
        for (size_t k = 0; ok && found && k < foreign->count; k++) {
            int i = fixture_column(t->bound->fixture, foreign->target_columns[k]);
            *to_come |= i < 0 || row.values[i].kind != VALUE_TEXT;
        }
    }
    plan_inserts_end(&inserts);
    return ok;
}

static bool may_look(struct check *c, const struct db_table *parent, const struct db_foreign_key *foreign)
{
    if (!parent || (!parent->known_empty && (!parent->can_select || parent->row_security)))
        return false;
    if (!declared_spared(c->session, c->declared, parent))
        return true;
    ctx_log(c->session->ctx, "info", "%s is held, so whether it has the rows that \"%s\" needs is left to the server",
            parent->name, foreign->name);
    return false;
}

/* ---- rows ---- */

static bool is_key(const struct bound *b, size_t column)
{
    for (size_t k = 0; k < b->key_count; k++)
        if (b->key[k] == column)
            return true;
    return false;
}

/* The server looks at a foreign key only where a value of it is written; of the others only the key's are known to be
 * as declared. */
static bool concerns(const struct bound *b, const struct key_check *key, const bool *changed)
{
    bool any = false;
    for (size_t k = 0; changed && k < key->foreign->count; k++) {
        any |= changed[key->columns[k]];
        if (!changed[key->columns[k]] && !is_key(b, key->columns[k]))
            return false;
    }
    return !changed || any;
}

static bool is_secret(const struct check *c, const char *column)
{
    for (size_t i = 0; i < c->options.secret_count; i++)
        if (strcmp(c->options.secret_columns[i], column) == 0)
            return true;
    return false;
}

/* A value that a default gave stands in the header's file, which the plan does not keep. */
static struct fixture_value place_of(const struct fixture *f, const struct fixture_value *value, size_t column)
{
    struct fixture_value place = *value;
    const struct fixture_value *given = &f->defaults[column];
    if (given->kind != VALUE_ABSENT && given->line == value->line && given->column == value->column)
        place.file = given->file;
    return place;
}

/* MATCH SIMPLE: one NULL, and the others do not count. A !ref is looked up where it is validated. */
static bool check_key(struct check *c, const struct key_check *key, const struct fixture_row *row, struct err *err)
{
    const struct bound *b = c->table->bound;
    struct refs_plain plain = {.from = b, .foreign = key->foreign, .target = key->target, .row = row,
                               .values = key->values};
    for (size_t k = 0; k < key->foreign->count; k++) {
        const struct fixture_value *value = &row->values[key->columns[k]];
        if (value->kind != VALUE_TEXT)
            return true;
        key->values[k] = value->text;
        plain.secret |= value->secret || is_secret(c, b->fixture->columns[key->columns[k]]);
    }
    struct fixture_value place = place_of(b->fixture, &row->values[key->columns[0]], key->columns[0]);
    plain.place = &place;
    return refs_add_plain(c->refs, &plain, err);
}

static bool check_row(struct check *c, const struct fixture_row *row, const bool *changed, struct err *err)
{
    for (size_t k = 0; k < c->key_count; k++)
        if (concerns(c->table->bound, &c->keys[k], changed) && !check_key(c, &c->keys[k], row, err))
            return false;
    return true;
}

static bool check_inserts(struct check *c, struct spool *spool, struct err *err)
{
    const char *bytes;
    size_t length;
    spool_rewind(spool);
    for (;;) {
        struct fixture_row row;
        if (!spool_next(spool, &bytes, &length, err))
            return false;
        if (!bytes)
            return true;
        arena_reset(&c->row_arena);
        row_unpack(c->table->bound, &bytes, &c->row_arena, &row);
        if (!check_row(c, &row, NULL, err))
            return false;
    }
}

static bool check_updates(struct check *c, struct spool *spool, struct err *err)
{
    const char *bytes;
    size_t length;
    spool_rewind(spool);
    for (;;) {
        struct plan_update update;
        if (!spool_next(spool, &bytes, &length, err))
            return false;
        if (!bytes)
            return true;
        arena_reset(&c->row_arena);
        plan_unpack_update(c->table->bound, bytes, &c->row_arena, &update);
        if (!check_row(c, &update.row, update.changed, err))
            return false;
    }
}

/* ---- tables ---- */

/* False if the fixture does not say every column of it. */
static bool map_columns(const struct bound *b, const struct db_foreign_key *foreign, size_t *columns)
{
    for (size_t k = 0; k < foreign->count; k++) {
        const struct db_column *live = &b->table->columns[foreign->columns[k]];
        int i = fixture_column(b->fixture, live->name);
        if (i < 0 || live->generated || fixture_ignores(b->fixture, live->name))
            return false;
        columns[k] = (size_t)i;
    }
    return true;
}

static bool find_keys(struct check *c, const struct table_plan *table, struct err *err)
{
    const struct db_table *live = table->bound->table;
    c->table = table;
    c->options = declared_diff_options(c->session, table->bound);
    c->keys = arena_alloc(&c->arena, live->foreign_key_count * sizeof *c->keys);
    c->key_count = 0;
    for (size_t k = 0; k < live->foreign_key_count; k++) {
        const struct db_foreign_key *foreign = &live->foreign_keys[k];
        struct key_check *key = &c->keys[c->key_count];
        bool to_come;
        *key = (struct key_check){.foreign = foreign, .target = find_parent(c, foreign->target)};
        key->columns = arena_alloc(&c->arena, foreign->count * sizeof *key->columns);
        key->values = arena_alloc(&c->arena, foreign->count * sizeof *key->values);
        if (!map_columns(table->bound, foreign, key->columns) || !may_look(c, key->target, foreign))
            continue;
        if (!keys_to_come(c, foreign, &to_come, err))
            return false;
        c->key_count += !to_come;
    }
    return true;
}

static bool check_table(struct check *c, struct table_plan *t, struct err *err)
{
    if (t->insert_rows == 0 && t->updates.count == 0)
        return true;
    if (!find_keys(c, t, err))
        return false;
    return c->key_count == 0 || (check_inserts(c, &t->inserts, err) && check_updates(c, &t->updates, err));
}

bool orphans_check(struct session *s, const struct declared *d, const struct plan *plan, bool refused, struct err *err)
{
    if (plan->rows == 0 || (!refused && may_trigger(plan)))
        return true;
    struct err_list list = {0};
    struct problems problems = {.to = &list};
    struct checking checking = {.set = &d->set, .catalog = &s->catalog, .options = session_fixture_options(s), .db = s->db,
                                .problems = &problems};
    struct check c = {.session = s, .declared = d, .plan = plan, .refs = refs_new(&checking)};
    bool ok = load_parents(&c, err);
    for (size_t i = 0; ok && i < plan->count && !problems_full(&problems); i++)
        ok = check_table(&c, &plan->tables[i], err);
    ok = ok && refs_flush(c.refs, err);
    refs_free(c.refs);
    arena_free(&c.arena);
    arena_free(&c.row_arena);
    if (c.parents_loaded)
        db_catalog_free(&c.parents);
    problems_end(&problems);
    if (!ok)
        err_list_free(&list);
    return ok && declared_problems(s, &list, err);
}
