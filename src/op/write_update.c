/* write_update - rows that are changed, only where they still have the values that were read; and references that
 * could not be followed when their rows were inserted. */
#include <string.h>

#include "diff/layout.h"
#include "diff/row.h"
#include "op/writer.h"

static const char *key_text(const struct sheet_row *row, size_t k) { return row->key[k]; }
static const char *old_text(const struct sheet_row *row, size_t i) { return row->old[i]; }

static void set_list(const struct sheet *s, struct str *sql)
{
    bool first = true;
    for (size_t i = 0; i < s->bound->fixture->column_count; i++) {
        if (s->columns[i].travel == TRAVEL_NOT || (!s->rows[0].key && writer_is_key(s->bound, i)))
            continue;
        str_add(sql, first ? "" : ", ");
        first = false;
        db_quote_identifier(sql, s->bound->table->columns[s->bound->columns[i]].name);
        str_add(sql, " = ");
        sheet_value(s, i, sql);
    }
}

/* (t.c = what was read, or both NULL); a type without equality by the text it prints. */
static void still_as_read(struct sheet *s, size_t i, struct str *sql)
{
    const struct db_column *live = &s->bound->table->columns[s->bound->columns[i]];
    size_t array = sheet_array(s, &(struct sheet_origin){SHEET_OLD, i, old_text, i});
    str_add(sql, " AND (");
    layout_column_name(sql, "t", live->name);
    if (live->type.has_equality) {
        layout_equals(sql, &live->type);
        str_printf(sql, "f.a%zu", array);
        layout_cast(sql, &live->type);
    } else {
        str_printf(sql, "::pg_catalog.text OPERATOR(pg_catalog.=) f.a%zu", array);
    }
    str_add(sql, " OR (");
    layout_column_name(sql, "t", live->name);
    str_printf(sql, " IS NULL AND f.a%zu IS NULL))", array);
}

/* The conditions first: they add the arrays that the source then lists. */
static void update_sql(struct sheet *s, struct str *sql)
{
    struct str where = {0};
    if (s->rows[0].key) {
        size_t first = s->array_count;
        for (size_t k = 0; k < s->bound->key_count; k++)
            sheet_array(s, &(struct sheet_origin){SHEET_KEY, s->bound->key[k], key_text, k});
        sheet_match_live_key(s, first, &where);
    } else {
        sheet_match_key(s, &where);
    }
    for (size_t i = 0; s->rows[0].old && i < s->bound->fixture->column_count; i++)
        if (s->columns[i].travel != TRAVEL_NOT)
            still_as_read(s, i, &where);
    str_add(sql, "UPDATE ");
    db_quote_relation(sql, s->bound->table->schema, s->bound->table->name);
    str_add(sql, " AS t SET ");
    set_list(s, sql);
    str_add(sql, " FROM ");
    sheet_source(s, sql);
    sheet_parents(s, sql);
    str_printf(sql, " WHERE %s RETURNING f.o", str_text(&where));
    str_free(&where);
}

static bool name_not_updated(struct writer *w, const struct sheet *s, const struct db_result *result, struct err *err)
{
    struct arena arena = {0};
    bool *done = arena_alloc(&arena, s->count * sizeof *done);
    for (size_t i = 0; i < db_rows(result); i++) {
        int64_t o = db_int(result, i, 0, 0);
        if (o >= 1 && (uint64_t)o <= s->count)
            done[o - 1] = true;
    }
    size_t r = 0;
    while (r < s->count && done[r])
        r++;
    if (r < s->count)
        writer_conflict(w, &s->rows[r].row, "someone else changed or removed this row, or one it refers to, meanwhile", err);
    else
        err_set(err, ERR_CONFLICT, "%s: one row was changed twice", w->table->bound->fixture->table);
    arena_free(&arena);
    return false;
}

static bool all_updated(struct writer *w, struct sheet *s, const struct db_result *result, struct err *err)
{
    return db_rows(result) == s->count || name_not_updated(w, s, result, err);
}

/* ---- rows that differ ---- */

static bool writes_but_key(const struct writer *w, size_t column) { return !writer_is_key(w->table->bound, column); }

static void unpack_update(struct writer *w, const char *bytes, struct sheet_row *out)
{
    const struct bound *b = w->table->bound;
    struct plan_update update;
    plan_unpack_update(b, bytes, &w->arena, &update);
    *out = (struct sheet_row){.row = update.row, .key = update.key, .old = update.old};
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (!update.changed[i] && !writer_is_key(b, i))
            out->row.values[i].kind = VALUE_ABSENT;
}

static bool take_update(struct writer *w, const char *bytes, struct sheet_row *row, bool *skip, struct err *err)
{
    unpack_update(w, bytes, row);
    *skip = writer_has_late(w, &row->row);
    return *skip || writer_hash_passwords(w, &row->row, err);
}

static bool take_late_update(struct writer *w, const char *bytes, struct sheet_row *row, bool *skip, struct err *err)
{
    unpack_update(w, bytes, row);
    *skip = !writer_has_late(w, &row->row);
    return *skip || writer_hash_passwords(w, &row->row, err);
}

bool write_updates(struct writer *w, bool late, struct err *err)
{
    static const struct phase updating = {writes_but_key, take_update, update_sql, all_updated},
                              updating_late = {writes_but_key, take_late_update, update_sql, all_updated};
    return desk_write(w, &w->table->updates, late ? &updating_late : &updating, err);
}

/* ---- references of rows that were inserted ---- */

static bool writes_late(const struct writer *w, size_t column)
{
    return (w->late[column] || w->late_values[column]) && !writer_is_key(w->table->bound, column);
}

static bool take_late(struct writer *w, const char *bytes, struct sheet_row *row, bool *skip, struct err *err)
{
    (void)err;
    row_unpack(w->table->bound, &bytes, &w->arena, &row->row);
    *skip = !writer_has_late(w, &row->row);
    for (size_t i = 0; !*skip && i < w->table->bound->fixture->column_count; i++)
        if (writer_never_writes(w, i) || ((w->late[i] || w->late_values[i]) && !writer_is_late(w, i, row->row.values[i].kind)))
            row->row.values[i].kind = VALUE_ABSENT;
    return true;
}

bool write_late(struct writer *w, struct err *err)
{
    static const struct phase filling_in = {writes_late, take_late, update_sql, all_updated};
    return desk_write(w, &w->table->inserts, &filling_in, err);
}
