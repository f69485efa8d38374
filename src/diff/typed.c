/* typed - builds the one statement, and reads its answer.
 *
 *   SELECT f.o, <fields of the live row>, t.c OPERATOR(…=) f.a3::type, …
 *     FROM ROWS FROM (unnest($1::text[]), …) WITH ORDINALITY AS f(a0, …, o)
 *     JOIN relation t ON t.k OPERATOR(…=) f.a0::type
 *     LEFT JOIN <parents> */
#include "diff/typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff/row.h"

enum { BATCH_ROWS = 1000, BATCH_BYTES = 1024 * 1024 };

enum slot_kind { SLOT_NONE, SLOT_TEXT, SLOT_REF };

struct typed_slot {
    enum slot_kind kind;
    const struct fixture_ref *shape;
    size_t first;              /* its first array; one for a text, one a natural key column for a reference */
    int answer;                /* result column that says whether it is equal; -1: not asked */
};

void typed_array_add(struct str *array, const char *text)
{
    str_add_char(array, array->length ? ',' : '{');
    if (!text) {
        str_add(array, "NULL");
        return;
    }
    str_add_char(array, '"');
    for (const char *at = text; *at;) {
        size_t plain = strcspn(at, "\"\\");
        str_add_bytes(array, at, plain);
        at += plain;
        if (*at) {
            str_add_char(array, '\\');
            str_add_char(array, *at++);
        }
    }
    str_add_char(array, '"');
}

/* ---- filling ---- */

static bool slot_takes(const struct typed_slot *slot, const struct fixture_value *v)
{
    if (v->kind == VALUE_TEXT)
        return slot->kind != SLOT_REF;
    if (v->kind == VALUE_REF)
        return slot->kind == SLOT_NONE || (slot->kind == SLOT_REF && ref_same_shape(slot->shape, v->ref));
    return true;
}

static bool batch_takes(const struct match *m, const struct typed_batch *b, const struct fixture_row *row)
{
    for (size_t i = 0; i < m->bound->fixture->column_count; i++)
        if (!slot_takes(&b->slots[i], &row->values[i]))
            return false;
    return true;
}

static void batch_add(const struct match *m, struct typed_batch *b, const struct fixture_row *row, enum suspicion why)
{
    b->rows[b->count] = *row;
    b->why[b->count++] = why;
    if (why == SUSPECT_MISSING)
        return;
    b->asked++;
    for (size_t i = 0; i < m->bound->fixture->column_count; i++) {
        const struct fixture_value *v = &row->values[i];
        if (v->kind == VALUE_TEXT)
            b->slots[i].kind = SLOT_TEXT;
        if (v->kind == VALUE_REF)
            b->slots[i] = (struct typed_slot){.kind = SLOT_REF, .shape = v->ref};
    }
}

/* The next suspect's bytes into m->peeked; empty at the end. */
static bool peek(struct match *m, struct err *err)
{
    const char *bytes;
    size_t length;
    if (m->peeked.length)
        return true;
    if (!spool_next(&m->suspects, &bytes, &length, err))
        return false;
    if (bytes)
        str_add_bytes(&m->peeked, bytes, length);
    return true;
}

bool typed_fill(struct match *m, struct typed_batch *b, struct err *err)
{
    *b = (struct typed_batch){0};
    b->rows = arena_alloc(&b->arena, BATCH_ROWS * sizeof *b->rows);
    b->why = arena_alloc(&b->arena, BATCH_ROWS * sizeof *b->why);
    b->slots = arena_alloc(&b->arena, m->bound->fixture->column_count * sizeof *b->slots);
    while (b->count < BATCH_ROWS && b->bytes < BATCH_BYTES) {
        if (!peek(m, err))
            return false;
        if (!m->peeked.length)
            return true;
        struct fixture_row row;
        const char *at = m->peeked.text;
        enum suspicion why = (enum suspicion)*at++;
        row_unpack(m->bound, &at, &b->arena, &row);
        if (why != SUSPECT_MISSING && !batch_takes(m, b, &row))
            return true;
        b->bytes += m->peeked.length;
        batch_add(m, b, &row, why);
        str_reset(&m->peeked);
    }
    return true;
}

/* ---- asking ---- */

/* Casts array a<n> of f to the type of `column`. */
static void cast_array(struct str *sql, size_t n, const struct db_type *type)
{
    str_printf(sql, "f.a%zu", n);
    layout_cast(sql, type);
}

/* (SELECT r.target FROM parent r WHERE r.k = f.aN::type AND ...) */
static void parent_value(struct str *sql, const struct match *m, size_t column, const struct typed_slot *slot)
{
    const struct db_table *parent = m->bound->refs[column].table;
    const struct db_column *target = layout_target(&m->layout, column, slot->shape);
    if (parent->known_empty) {
        str_add(sql, "NULL");
        return;
    }
    str_add(sql, "(SELECT ");
    layout_column_name(sql, "r", target->name);
    str_add(sql, " FROM ");
    db_quote_relation(sql, parent->schema, parent->name);
    str_add(sql, " r WHERE ");
    for (size_t k = 0; k < slot->shape->count; k++) {
        const struct db_column *key = db_table_column(parent, slot->shape->keys[k]);
        str_add(sql, k ? " AND " : "");
        layout_column_name(sql, "r", key->name);
        layout_equals(sql, &key->type);
        cast_array(sql, slot->first + k, &key->type);
    }
    str_add_char(sql, ')');
}

/* t.c = <what the fixture says>; a type without equality is compared as jsonb, or as the text it prints. */
static void equality(struct str *sql, const struct match *m, size_t column, const struct typed_slot *slot)
{
    const struct db_column *live = m->layout.columns[column].live;
    const char *as = live->type.has_equality ? NULL
                     : strcmp(live->type.base, "json") == 0 ? "::pg_catalog.jsonb" : "::pg_catalog.text";
    bool ref = slot->kind == SLOT_REF;
    layout_column_name(sql, "t", live->name);
    if (as)
        str_printf(sql, "%s OPERATOR(pg_catalog.=) (", as);
    else
        layout_equals(sql, &live->type);
    if (ref)
        parent_value(sql, m, column, slot);
    else
        cast_array(sql, slot->first, &live->type);
    if (as)
        str_printf(sql, ")%s", as);
}

static void fill_arrays(const struct match *m, struct typed_batch *b, struct str *arrays)
{
    for (size_t r = 0; r < b->count; r++)
        for (size_t i = 0; i < m->bound->fixture->column_count && b->why[r] != SUSPECT_MISSING; i++) {
            const struct typed_slot *slot = &b->slots[i];
            const struct fixture_value *v = &b->rows[r].values[i];
            if (slot->kind == SLOT_TEXT)
                typed_array_add(&arrays[slot->first], v->kind == VALUE_TEXT ? v->text : NULL);
            for (size_t k = 0; slot->kind == SLOT_REF && k < slot->shape->count; k++)
                typed_array_add(&arrays[slot->first + k], v->kind == VALUE_REF ? v->ref->values[k] : NULL);
        }
}

static void number_slots(const struct match *m, struct typed_batch *b)
{
    int answer = 1 + (int)m->layout.field_count;
    for (size_t i = 0; i < m->bound->fixture->column_count; i++) {
        struct typed_slot *slot = &b->slots[i];
        const struct layout_column *c = &m->layout.columns[i];
        slot->answer = -1;
        if (!c->key && !c->compared)
            slot->kind = SLOT_NONE;
        if (slot->kind == SLOT_NONE)
            continue;
        slot->first = b->param_count;
        b->param_count += slot->kind == SLOT_REF ? slot->shape->count : 1;
        if (c->compared)
            slot->answer = answer++;
    }
}

static void join_on_key(struct str *sql, const struct match *m, const struct typed_batch *b)
{
    for (size_t k = 0; k < m->bound->key_count; k++) {
        size_t i = m->bound->key[k];
        const struct db_column *live = m->layout.columns[i].live;
        const struct typed_slot *slot = &b->slots[i];
        str_add(sql, k ? " AND " : "");
        layout_column_name(sql, "t", live->name);
        layout_equals(sql, &live->type);
        if (slot->kind == SLOT_REF)
            parent_value(sql, m, i, slot);
        else if (slot->kind == SLOT_TEXT)
            cast_array(sql, slot->first, &live->type);
        else
            str_add(sql, "NULL");
    }
}

void typed_ask(struct match *m, struct typed_batch *b)
{
    number_slots(m, b);
    struct str sql = {0}, *arrays = arena_alloc(&b->arena, (b->param_count + 1) * sizeof *arrays);
    fill_arrays(m, b, arrays);
    b->params = arena_alloc(&b->arena, (b->param_count + 1) * sizeof *b->params);
    str_printf(&sql, "SELECT f.o, %s", m->layout.fields);
    for (size_t i = 0; i < m->bound->fixture->column_count; i++)
        if (b->slots[i].answer >= 0) {
            str_add(&sql, ", ");
            equality(&sql, m, i, &b->slots[i]);
        }
    str_add(&sql, " FROM ROWS FROM (");
    for (size_t p = 0; p < b->param_count; p++) {
        str_add_char(&arrays[p], '}');
        b->params[p] = str_take(&arrays[p]);
        str_printf(&sql, "%spg_catalog.unnest($%zu::pg_catalog.text[])", p ? ", " : "", p + 1);
    }
    str_add(&sql, ") WITH ORDINALITY AS f(");
    for (size_t p = 0; p < b->param_count; p++)
        str_printf(&sql, "a%zu, ", p);
    str_printf(&sql, "o) JOIN %s t ON ", m->layout.relation);
    join_on_key(&sql, m, b);
    str_add(&sql, m->layout.parents);
    b->sql = str_take(&sql);
}

/* ---- answers ---- */

static bool decide_one(struct match *m, const struct typed_batch *b, size_t r, const struct db_result *result,
                       size_t at, struct err *err)
{
    struct arena arena = {0};
    size_t count = m->bound->fixture->column_count;
    char **fields = arena_alloc(&arena, m->layout.field_count * sizeof *fields);
    bool *equal = arena_alloc(&arena, count * sizeof *equal);
    for (size_t i = 0; i < m->layout.field_count; i++)
        fields[i] = (char *)db_value(result, at, 1 + i);
    for (size_t i = 0; i < count; i++)
        if (b->slots[i].answer >= 0)
            equal[i] = db_bool(result, at, (size_t)b->slots[i].answer);
    bool ok = match_decide(m, &b->rows[r], b->why[r] == SUSPECT_PAIRED, fields, equal, err);
    arena_free(&arena);
    return ok;
}

bool typed_take(struct match *m, struct typed_batch *b, const struct db_result *result, struct err *err)
{
    /* of those asked about: 1-based row of the answer; 0: none */
    size_t *at = arena_alloc(&b->arena, b->count * sizeof *at), ordinals = 0;
    for (size_t row = 0; result && row < db_rows(result); row++) {
        int64_t ordinal = db_int(result, row, 0, 0);
        if (ordinal >= 1 && (uint64_t)ordinal <= b->asked)
            at[ordinal - 1] = row + 1;
    }
    for (size_t r = 0; r < b->count; r++) {
        size_t found = b->why[r] == SUSPECT_MISSING ? 0 : at[ordinals++];
        bool ok = found ? decide_one(m, b, r, result, found - 1, err)
                        : match_decide(m, &b->rows[r], false, NULL, NULL, err);
        if (!ok)
            return false;
    }
    return true;
}

void typed_free(struct typed_batch *b)
{
    for (size_t i = 0; b->params && i < b->param_count; i++)
        free((char *)b->params[i]);
    free(b->sql);
    arena_free(&b->arena);
    *b = (struct typed_batch){0};
}
