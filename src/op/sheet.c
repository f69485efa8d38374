/* sheet - arrays and the pieces of SQL around them. */
#include "op/sheet.h"

#include <stdlib.h>
#include <string.h>

#include "diff/layout.h"
#include "diff/row.h"
#include "diff/typed.h"

void sheet_begin(struct sheet *s, const struct bound *bound, const bool *written)
{
    size_t count = bound->fixture->column_count;
    *s = (struct sheet){.bound = bound};
    s->columns = arena_alloc(&s->arena, count * sizeof *s->columns);
    bool *copy = arena_alloc(&s->arena, count * sizeof *copy);
    memcpy(copy, written, count * sizeof *copy);
    s->written = copy;
    s->rows = arena_alloc(&s->arena, SHEET_ROWS * sizeof *s->rows);
}

static bool is_key(const struct bound *b, size_t i)
{
    for (size_t k = 0; k < b->key_count; k++)
        if (b->key[k] == i)
            return true;
    return false;
}

static struct sheet_column column_of(const struct fixture_value *v)
{
    switch (v->kind) {
    case VALUE_ABSENT: return (struct sheet_column){.travel = TRAVEL_NOT};
    case VALUE_REF: return (struct sheet_column){.travel = TRAVEL_REF, .shape = v->ref};
    case VALUE_SQL: return (struct sheet_column){.travel = TRAVEL_SQL, .expression = v->text};
    default: return (struct sheet_column){.travel = TRAVEL_TEXT};
    }
}

static bool fits(const struct sheet_column *a, const struct sheet_column *b)
{
    if (a->travel != b->travel)
        return false;
    if (a->travel == TRAVEL_REF)
        return ref_same_shape(a->shape, b->shape);
    return a->travel != TRAVEL_SQL || strcmp(a->expression, b->expression) == 0;
}

bool sheet_add(struct sheet *s, const struct sheet_row *row, size_t bytes)
{
    for (size_t i = 0; i < s->bound->fixture->column_count; i++) {
        bool travels = s->written[i] || (!row->key && is_key(s->bound, i));
        struct sheet_column c = travels ? column_of(&row->row.values[i]) : (struct sheet_column){0};
        if (s->count == 0)
            s->columns[i] = c;
        else if (!fits(&s->columns[i], &c))
            return false;
    }
    s->rows[s->count++] = *row;
    s->bytes += bytes;
    return true;
}

bool sheet_full(const struct sheet *s) { return s->count == SHEET_ROWS || s->bytes >= SHEET_BYTES; }

void sheet_free(struct sheet *s)
{
    for (size_t i = 0; i < s->array_count; i++)
        str_free(&s->arrays[i]);
    free(s->arrays);
    free(s->origins);
    free(s->params);
    arena_free(&s->arena);
    *s = (struct sheet){0};
}

static struct str *new_array(struct sheet *s, const struct sheet_origin *origin)
{
    if (s->array_count == s->array_room) {
        s->array_room = s->array_room ? s->array_room * 2 : 16;
        s->arrays = xrealloc(s->arrays, s->array_room * sizeof *s->arrays);
        s->origins = xrealloc(s->origins, s->array_room * sizeof *s->origins);
    }
    s->origins[s->array_count] = *origin;
    s->arrays[s->array_count] = (struct str){0};
    return &s->arrays[s->array_count++];
}

const char *sheet_text(const struct sheet *s, size_t array, size_t row)
{
    const struct sheet_origin *o = &s->origins[array];
    return o->text ? o->text(&s->rows[row], o->index) : s->rows[row].row.values[o->column].ref->values[o->index];
}

size_t sheet_array(struct sheet *s, const struct sheet_origin *origin)
{
    struct str *array = new_array(s, origin);
    size_t n = s->array_count - 1;
    for (size_t r = 0; r < s->count; r++)
        typed_array_add(array, sheet_text(s, n, r));
    str_add_char(array, '}');
    return n;
}

static const char *text_of(const struct sheet_row *row, size_t i) { return row->row.values[i].text; }

static void fill_ref(struct sheet *s, size_t i)
{
    for (size_t k = 0; k < s->columns[i].shape->count; k++)
        sheet_array(s, &(struct sheet_origin){.what = SHEET_REF, .column = i, .index = k});
}

void sheet_fill(struct sheet *s)
{
    for (size_t i = 0; i < s->bound->fixture->column_count; i++) {
        s->columns[i].first = s->array_count;
        if (s->columns[i].travel == TRAVEL_TEXT)
            sheet_array(s, &(struct sheet_origin){SHEET_VALUE, i, text_of, i});
        else if (s->columns[i].travel == TRAVEL_REF)
            fill_ref(s, i);
    }
}

void sheet_source(const struct sheet *s, struct str *sql)
{
    str_add(sql, "ROWS FROM (");
    for (size_t a = 0; a < s->array_count; a++)
        str_printf(sql, "%spg_catalog.unnest($%zu::pg_catalog.text[])", a ? ", " : "", a + 1);
    str_add(sql, ") WITH ORDINALITY AS f(");
    for (size_t a = 0; a < s->array_count; a++)
        str_printf(sql, "a%zu, ", a);
    str_add(sql, "o)");
}

void sheet_parents(const struct sheet *s, struct str *sql)
{
    for (size_t i = 0; i < s->bound->fixture->column_count; i++) {
        const struct sheet_column *c = &s->columns[i];
        const struct db_table *parent = s->bound->refs[i].table;
        if (c->travel != TRAVEL_REF)
            continue;
        str_add(sql, " JOIN ");
        db_quote_relation(sql, parent->schema, parent->name);
        str_printf(sql, " r%zu ON ", i);
        for (size_t k = 0; k < c->shape->count; k++) {
            const struct db_column *key = db_table_column(parent, c->shape->keys[k]);
            str_printf(sql, "%sr%zu.", k ? " AND " : "", i);
            db_quote_identifier(sql, key->name);
            layout_equals(sql, &key->type);
            str_printf(sql, "f.a%zu", c->first + k);
            layout_cast(sql, &key->type);
        }
    }
}

void sheet_value(const struct sheet *s, size_t i, struct str *sql)
{
    const struct sheet_column *c = &s->columns[i];
    const struct db_column *live = &s->bound->table->columns[s->bound->columns[i]];
    if (c->travel == TRAVEL_SQL) {
        str_printf(sql, "(%s\n)", c->expression);   /* it may end in a comment */
    } else if (c->travel == TRAVEL_REF) {
        str_printf(sql, "r%zu.", i);
        db_quote_identifier(sql, c->shape->column ? c->shape->column : s->bound->refs[i].target);
    } else {
        str_printf(sql, "f.a%zu", c->first);
        layout_cast(sql, &live->type);
    }
}

void sheet_match_key(const struct sheet *s, struct str *sql)
{
    for (size_t k = 0; k < s->bound->key_count; k++) {
        size_t i = s->bound->key[k];
        const struct db_column *live = &s->bound->table->columns[s->bound->columns[i]];
        str_add(sql, k ? " AND " : "");
        layout_column_name(sql, "t", live->name);
        layout_equals(sql, &live->type);
        sheet_value(s, i, sql);
    }
}

void sheet_match_live_key(const struct sheet *s, size_t first, struct str *sql)
{
    for (size_t k = 0; k < s->bound->key_count; k++) {
        const struct db_column *live = &s->bound->table->columns[s->bound->columns[s->bound->key[k]]];
        str_add(sql, k ? " AND " : "");
        layout_column_name(sql, "t", live->name);
        layout_equals(sql, &live->type);
        str_printf(sql, "f.a%zu", first + k);
        layout_cast(sql, &live->type);
    }
}

const char *const *sheet_params(struct sheet *s)
{
    s->params = xrealloc(s->params, (s->array_count + 1) * sizeof *s->params);
    for (size_t a = 0; a < s->array_count; a++)
        s->params[a] = str_text(&s->arrays[a]);
    return s->params;
}
