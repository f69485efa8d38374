/* layout - the select list of a comparison. */
#include "diff/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff/normal.h"
#include "diff/row.h"

const char layout_settings[] =
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'";

void layout_column_name(struct str *out, const char *alias, const char *column)
{
    str_add(out, alias);
    str_add_char(out, '.');
    db_quote_identifier(out, column);
}

void layout_equals(struct str *out, const struct db_type *type)
{
    str_printf(out, " %s ", type->equality ? type->equality : "OPERATOR(pg_catalog.=)");
}

void layout_cast(struct str *out, const struct db_type *type)
{
    bool own = type->kind == 'b';   /* of a domain the name itself, whatever it is over */
    if (own && strcmp(type->base, "varchar") == 0)
        str_add(out, "::pg_catalog.varchar");
    else if (own && strcmp(type->base, "bpchar") == 0)
        str_add(out, "::pg_catalog.bpchar");
    else
        str_printf(out, "::%s", type->name);
}

/* ---- the forms of references ---- */

static bool shapes_wanted(const struct bound *b, const struct fixture_ref *const *shapes)
{
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (b->refs[i].table && !shapes[i])
            return true;
    return false;
}

static void take_shapes(struct layout *l, const struct fixture_row *row, const struct fixture_ref **shapes)
{
    for (size_t i = 0; i < l->bound->fixture->column_count; i++) {
        const struct fixture_value *v = &row->values[i];
        if (shapes[i] || v->kind != VALUE_REF || !l->bound->refs[i].table)
            continue;
        struct fixture_ref *copy = arena_alloc(&l->arena, sizeof *copy);
        *copy = *v->ref;
        copy->table = arena_strdup(&l->arena, v->ref->table);
        copy->column = arena_strdup(&l->arena, v->ref->column);
        copy->keys = arena_alloc(&l->arena, copy->count * sizeof *copy->keys);
        for (size_t k = 0; k < copy->count; k++)
            copy->keys[k] = arena_strdup(&l->arena, v->ref->keys[k]);
        copy->values = NULL;
        shapes[i] = copy;
    }
}

static bool find_shapes(struct layout *l, const struct fixture_options *options,
                        const struct fixture_ref **shapes, struct err *err)
{
    if (!shapes_wanted(l->bound, shapes))
        return true;
    struct fixture_reader *reader;
    if (!fixture_open(&reader, l->bound->fixture, options, err))
        return false;
    const struct fixture_row *row;
    bool ok;
    while ((ok = fixture_next(reader, &row, err)) && row) {
        take_shapes(l, row, shapes);
        if (!shapes_wanted(l->bound, shapes))
            break;
    }
    fixture_close(reader);
    return ok;
}

const struct db_column *layout_target(const struct layout *l, size_t column, const struct fixture_ref *ref)
{
    const struct bound_ref *to = &l->bound->refs[column];
    return db_table_column(to->table, ref->column ? ref->column : to->target);
}

/* The parent can stand for the child's value only if the target is unique: else a child would show twice. */
static bool usable(const struct layout *l, size_t column, const struct fixture_ref *shape)
{
    const struct db_table *parent = l->bound->refs[column].table;
    const struct db_column *target = layout_target(l, column, shape);
    if (!target)
        return false;
    size_t index = (size_t)(target - parent->columns);
    if (!db_table_key(parent, &index, 1))
        return false;
    for (size_t k = 0; k < shape->count; k++)
        if (!db_table_column(parent, shape->keys[k]))
            return false;
    return true;
}

/* ---- the select list ---- */

static void add_field(struct layout *l, struct str *fields, const char *alias, const char *column)
{
    str_add(fields, l->field_count++ ? ", " : "");
    layout_column_name(fields, alias, column);
}

static void add_order(struct str *order, const char *alias, const struct db_column *column)
{
    bool text = strcmp(column->type.base, "text") == 0 || strcmp(column->type.base, "varchar") == 0;
    str_add(order, order->length ? ", " : "");
    layout_column_name(order, alias, column->name);
    if (!normal_is_number(&column->type))
        str_printf(order, "%s COLLATE pg_catalog.\"C\"", text ? "" : "::pg_catalog.text");
}

static void add_parent(struct layout *l, size_t column, struct str *fields, struct str *parents)
{
    struct layout_column *c = &l->columns[column];
    const struct db_table *parent = l->bound->refs[column].table;
    const struct db_column *target = layout_target(l, column, c->shape);
    char alias[24];
    snprintf(alias, sizeof alias, "p%zu", column);
    c->ref_field = (int)l->field_count;
    c->ref_columns = arena_alloc(&l->arena, c->shape->count * sizeof *c->ref_columns);
    for (size_t k = 0; k < c->shape->count; k++) {
        c->ref_columns[k] = db_table_column(parent, c->shape->keys[k]);
        if (parent->known_empty)
            str_add(fields, l->field_count++ ? ", NULL" : "NULL");
        else
            add_field(l, fields, alias, c->shape->keys[k]);
    }
    if (parent->known_empty)   /* not even joined: that would read it */
        return;
    str_add(parents, " LEFT JOIN ");
    db_quote_relation(parents, parent->schema, parent->name);
    str_printf(parents, " %s ON ", alias);
    layout_column_name(parents, alias, target->name);
    layout_equals(parents, &target->type);
    layout_column_name(parents, "t", c->live->name);
}

static void order_by_key(const struct layout *l, struct str *order)
{
    for (size_t k = 0; k < l->bound->key_count; k++) {
        const struct layout_column *c = &l->columns[l->bound->key[k]];
        char alias[24];
        snprintf(alias, sizeof alias, "p%zu", l->bound->key[k]);
        if (!c->shape)
            add_order(order, "t", c->live);
        bool joined = c->shape && !l->bound->refs[l->bound->key[k]].table->known_empty;
        for (size_t r = 0; joined && r < c->shape->count; r++)
            add_order(order, alias, c->ref_columns[r]);
    }
}

static void describe_columns(struct layout *l, const struct fixture_ref *const *shapes)
{
    const struct fixture *f = l->bound->fixture;
    for (size_t i = 0; i < f->column_count; i++) {
        struct layout_column *c = &l->columns[i];
        c->live = &l->bound->table->columns[l->bound->columns[i]];
        c->compared = !fixture_ignores(f, f->columns[i]) && !c->live->generated;
        c->keep = fixture_keeps(f, f->columns[i]);
        c->field = c->ref_field = -1;
        if (shapes[i] && usable(l, i, shapes[i]))
            c->shape = shapes[i];
    }
    for (size_t k = 0; k < l->bound->key_count; k++) {
        l->columns[l->bound->key[k]].key = true;
        l->columns[l->bound->key[k]].compared = false;   /* rows are the same row because their keys are equal */
    }
}

bool layout_make(struct layout *l, const struct bound *bound, const struct fixture_options *options,
                 struct err *err)
{
    *l = (struct layout){.bound = bound};
    size_t count = bound->fixture->column_count;
    const struct fixture_ref **shapes = arena_alloc(&l->arena, count * sizeof *shapes);
    l->columns = arena_alloc(&l->arena, count * sizeof *l->columns);
    if (!find_shapes(l, options, shapes, err)) {
        layout_free(l);
        return false;
    }
    describe_columns(l, shapes);
    struct str fields = {0}, parents = {0}, order = {0}, relation = {0};
    for (size_t i = 0; i < count; i++) {
        struct layout_column *c = &l->columns[i];
        if (!c->key && !c->compared)
            continue;
        c->field = (int)l->field_count;
        add_field(l, &fields, "t", c->live->name);
        if (c->shape)
            add_parent(l, i, &fields, &parents);
    }
    if (l->field_count == 0) {   /* a fixture without rows or key: its table's rows are only counted */
        str_add(&fields, "NULL");
        l->field_count = 1;
    }
    order_by_key(l, &order);
    db_quote_relation(&relation, bound->table->schema, bound->table->name);
    l->fields = arena_strdup(&l->arena, str_text(&fields));
    l->parents = arena_strdup(&l->arena, str_text(&parents));
    l->order = arena_strdup(&l->arena, str_text(&order));
    l->relation = arena_strdup(&l->arena, str_text(&relation));
    str_free(&fields);
    str_free(&parents);
    str_free(&order);
    str_free(&relation);
    return true;
}

void layout_add_places(struct layout *l)
{
    l->places = l->field_count;
    l->field_count += 2;
    l->fields = arena_printf(&l->arena, "%s, t.tableoid, t.ctid", l->fields);
}

void layout_free(struct layout *l)
{
    arena_free(&l->arena);
    *l = (struct layout){0};
}

char *layout_select(const struct layout *l)
{
    struct str sql = {0};
    str_printf(&sql, "SELECT %s FROM %s t%s", l->fields, l->relation, l->parents);
    if (l->order[0])
        str_printf(&sql, " ORDER BY %s", l->order);
    return str_take(&sql);
}

/* ---- merge keys ----
 * Each part ends in a zero byte, which no text of the server's holds, so that a shorter part sorts first. NULL
 * is a byte that UTF-8 never has: last, as the server sorts it. */

static void add_part(struct str *key, const struct db_type *type, const char *text, struct str *room)
{
    if (!text)
        str_add(key, "\xff");
    else if (normal_is_number(type))
        normal_add_sortable(key, normal_form(type, text, room));
    else
        str_add(key, normal_form(type, text, room));
    str_add_char(key, '\0');
}

void layout_live_key(const struct layout *l, char *const *fields, struct str *room, struct str *key)
{
    str_reset(key);
    for (size_t k = 0; k < l->bound->key_count; k++) {
        const struct layout_column *c = &l->columns[l->bound->key[k]];
        if (!c->shape)
            add_part(key, &c->live->type, fields[c->field], room);
        for (size_t r = 0; c->shape && r < c->shape->count; r++)
            add_part(key, &c->ref_columns[r]->type, fields[c->ref_field + (int)r], room);
    }
}

/* A reference of another form, or a plain value where others are references, gets a part that no live row has:
 * the server finds its partner. */
void layout_fixture_key(const struct layout *l, const struct fixture_row *row, struct str *room, struct str *key)
{
    str_reset(key);
    for (size_t k = 0; k < l->bound->key_count; k++) {
        const struct layout_column *c = &l->columns[l->bound->key[k]];
        const struct fixture_value *v = &row->values[l->bound->key[k]];
        bool ref = v->kind == VALUE_REF && c->shape && ref_same_shape(v->ref, c->shape);
        if (ref)
            for (size_t r = 0; r < c->shape->count; r++)
                add_part(key, &c->ref_columns[r]->type, v->ref->values[r], room);
        else if (!c->shape && v->kind == VALUE_TEXT)
            add_part(key, &c->live->type, v->text, room);
        else
            str_add(key, "\xfe");
    }
}
