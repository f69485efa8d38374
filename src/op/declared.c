/* declared - fixtures meet the catalogue, and each table learns whether it is held. */
#include "op/declared.h"

#include <string.h>

#include "base/text.h"
#include "bind/validate.h"
#include "op/held.h"
#include "op/tidcount.h"

const struct table_rule *declared_rule(const struct session *s, const struct db_table *table)
{
    const struct settings *settings = s->ctx->settings;
    for (size_t i = 0; i < settings->table_count; i++)
        if (db_catalog_find(&s->catalog, settings->tables[i].name, NULL) == table)
            return &settings->tables[i];
    return NULL;
}

int64_t declared_rows(const struct session *s, const struct db_table *table)
{
    for (size_t i = 0; i < s->fixtures.count; i++)
        if (db_catalog_find(&s->catalog, s->fixtures.items[i].table, NULL) == table)
            return (int64_t)s->fixtures.items[i].row_count;
    return -1;
}

const char *declared_name(const struct session *s, const struct db_table *table)
{
    if (table->on_path || strcmp(table->schema, s->catalog.default_schema ? s->catalog.default_schema : "") == 0)
        return table->name;
    return arena_printf(&((struct session *)s)->catalog.arena, "%s.%s", table->schema, table->name);
}

struct diff_options declared_diff_options(const struct session *s, const struct bound *bound)
{
    const struct table_rule *rule = declared_rule(s, bound->table);
    return (struct diff_options){.fixtures = session_fixture_options(s),
                                 .secret_columns = rule ? rule->secret : NULL,
                                 .secret_count = rule ? rule->secret_count : 0};
}

bool declared_problems(struct session *s, struct err_list *problems, struct err *err)
{
    if (problems->count == 0)
        return true;
    for (size_t i = 0; i < problems->count && problems->count > 1; i++) {
        const struct err *p = &problems->items[i];
        ctx_log(s->ctx, "problem", "%s%s%s%s%s", p->at, p->at[0] ? ": " : "", p->message, p->why[0] ? ": " : "",
                p->why);
    }
    if (problems->count == 1) {
        *err = problems->items[0];
    } else {
        err_set(err, ERR_FIXTURE, "%zu problems in the fixtures", problems->count);
        err_why(err, "the first: %s", problems->items[0].message);
        err_hint(err, "nothing was written; each problem is listed with its place");
        memcpy(err->at, problems->items[0].at, sizeof err->at);
    }
    err_list_free(problems);
    return false;
}

static bool context_held(const struct session *s, const struct bound_set *set, const struct db_table *table)
{
    const struct table_rule *rule = declared_rule(s, table);
    const struct bound *own = bound_of_table(set, table->oid);
    if (!own && (!rule || rule->class != TABLE_CONTEXT))
        return false;
    return held_table(table, rule ? rule->min_rows : -1, own ? (int64_t)own->fixture->row_count : -1);
}

/* Held itself, or by a parent that its references would read. */
static void find_held(const struct session *s, struct declared *d)
{
    for (size_t i = 0; i < d->set.count; i++) {
        const struct bound *b = &d->set.items[i];
        d->evidence[i] = context_held(s, &d->set, b->table);
        d->held[i] = d->evidence[i] && !b->table->known_empty;
        for (size_t c = 0; c < b->fixture->column_count && !d->held[i]; c++) {
            const struct db_table *parent = b->refs[c].table;
            d->held[i] = parent && !parent->known_empty && context_held(s, &d->set, parent);
        }
    }
}

/* Adds the table where it is held and not among the `count` first. */
static void add_held(const struct session *s, const struct bound_set *set, const struct db_table *table,
                     const struct db_table **held, size_t *count)
{
    const struct db_table *own = table ? db_catalog_by_oid(&s->catalog, table->oid) : NULL;
    if (!own || own->known_empty || !context_held(s, set, own))
        return;
    for (size_t i = 0; i < *count; i++)
        if (held[i] == own)
            return;
    held[(*count)++] = own;
}

bool declared_count_held(struct session *s, struct declared *d, struct err *err)
{
    struct arena arena = {0};
    const struct db_table **held = arena_alloc(&arena, s->catalog.count * sizeof *held);
    int64_t *rows = arena_alloc(&arena, s->catalog.count * sizeof *rows);
    size_t count = 0;
    for (size_t i = 0; i < d->set.count; i++) {
        const struct bound *b = &d->set.items[i];
        add_held(s, &d->set, b->table, held, &count);
        for (size_t c = 0; c < b->fixture->column_count; c++)
            add_held(s, &d->set, b->refs[c].table, held, &count);
    }
    bool ok = tid_counts(s->db, held, count, rows, err);
    for (size_t i = 0; i < count; i++)
        db_catalog_by_oid(&s->catalog, held[i]->oid)->known_empty = rows[i] == 0;
    if (!ok && db_alive(s->db) && err->class != ERR_CANCELLED) {
        ctx_log(s->ctx, "warning", "a held table could not be counted by TID: %s", err->message);
        ok = true;
    }
    arena_free(&arena);
    find_held(s, d);
    return ok;
}

void declared_forget_counts(struct declared *d)
{
    for (size_t i = 0; i < d->set.count; i++) {
        d->set.items[i].table->known_empty = false;
        for (size_t c = 0; c < d->set.items[i].fixture->column_count; c++)
            if (d->set.items[i].refs[c].table)
                ((struct db_table *)d->set.items[i].refs[c].table)->known_empty = false;
    }
}

/* Fixtures that do not fit a schema whose migrations are not applied yet are no fault of theirs. */
static bool blame_migrations(const struct session *s, struct err *err)
{
    size_t pending = 0;
    for (size_t i = 0; s->ledger && i < s->ledger_state.count; i++)
        pending += s->ledger_state.migrations[i].state == MIGRATION_PENDING;
    if (pending == 0)
        return false;
    err_set(err, ERR_DIFFERENT, "%zu %s not applied yet, and the fixtures do not fit the tables as they are", pending,
            pending == 1 ? "migration is" : "migrations are");
    err_hint(err, "seedops migrate %s", s->ctx->environment->name);
    return true;
}

bool declared_load(struct session *s, struct declared *d, struct err *err)
{
    *d = (struct declared){0};
    if (!session_fixtures(s)) {
        struct err_list copy = {0};
        for (size_t i = 0; i < s->fixture_problems.count; i++)
            err_list_add(&copy, &s->fixture_problems.items[i]);
        return declared_problems(s, &copy, err);
    }
    if (!session_look(s, false, err))
        return false;
    struct err_list problems = {0};
    if (!bind_fixtures(&d->set, &s->fixtures, &s->catalog, &problems)) {
        bound_set_free(&d->set);
        if (!blame_migrations(s, err))
            return declared_problems(s, &problems, err);
        err_list_free(&problems);
        return false;
    }
    d->held = arena_alloc(&d->set.arena, d->set.count * sizeof *d->held);
    d->evidence = arena_alloc(&d->set.arena, d->set.count * sizeof *d->evidence);
    find_held(s, d);
    return true;
}

void declared_free(struct declared *d)
{
    bound_set_free(&d->set);
    *d = (struct declared){0};
}

const struct bound *declared_find(const struct declared *d, const char *name, struct err *err)
{
    const char *nearest = NULL;
    int distance = 4;
    for (size_t i = 0; i < d->set.count; i++) {
        const struct bound *b = &d->set.items[i];
        if (strcmp(b->fixture->table, name) == 0 || strcmp(b->table->name, name) == 0)
            return b;
        int far = text_distance(b->table->name, name);
        if (far < distance) {
            distance = far;
            nearest = b->table->name;
        }
    }
    err_set(err, ERR_USAGE, "no fixture declares a table \"%s\"", name);
    if (nearest)
        err_hint(err, "did you mean %s?", nearest);
    else
        err_hint(err, "without a name every fixture's table is meant");
    return NULL;
}

bool declared_held(const struct declared *d, const struct bound *bound)
{
    return d->held[bound - d->set.items];
}

bool declared_spared(const struct session *s, const struct declared *d, const struct db_table *table)
{
    return !bound_of_table(&d->set, table->oid) && !table->known_empty && context_held(s, &d->set, table);
}

bool declared_validate(struct session *s, const struct declared *d, struct err *err)
{
    struct err_list problems = {0};
    struct err why = {0};
    if (validate_rows(&d->set, &s->catalog, session_fixture_options(s), s->db, &problems, &why))
        return true;
    if (problems.count == 0) {
        *err = why;
        err_list_free(&problems);
        return false;
    }
    return declared_problems(s, &problems, err);
}

bool declared_place(struct session *s, const struct declared *d, struct err *err)
{
    if (strncmp(err->sqlstate, "22", 2) != 0 && strncmp(err->sqlstate, "23", 2) != 0)
        return false;
    struct err placed = {0};
    if (!declared_validate(s, d, &placed) && placed.class == ERR_FIXTURE)
        *err = placed;
    return false;
}
