/* write - the statements of a seed.
 *
 *   table by table, parents first:   updates, then inserts (a unique value may move from one row to another)
 *   then, where a reference points at a table written later or at its own: those updates, and the reference
 *   columns of rows that were inserted without them
 *
 * Rows are gathered by shape on a desk and sent a sheet a statement. */
#include "op/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/copy.h"
#include "diff/layout.h"
#include "diff/row.h"
#include "op/sheet.h"

enum { DESK_SHEETS = 16, HASH_TEXT = 128, COPY_ROWS = 500, COPY_PAGE = 64 * 1024 };

struct writer {
    struct session *session;
    struct db *db;
    struct plan *plan;
    struct table_plan *table;
    size_t *order;                 /* plan tables as they are written */
    bool *late;                    /* parallel to fixture->columns: its references cannot be followed yet */
    bool *written;                 /* parallel to fixture->columns: what the statements now made write */
    bool (*send)(struct writer *w, struct sheet *sheet, struct err *err);
    struct arena arena;            /* of the rows on the desk */
    struct sheet sheets[DESK_SHEETS];
    size_t open, rows, bytes;
    uint64_t done;
};

/* ---- the desk ---- */

static void clear_desk(struct writer *w)
{
    for (size_t i = 0; i < w->open; i++)
        sheet_free(&w->sheets[i]);
    arena_free(&w->arena);
    w->open = w->rows = w->bytes = 0;
}

static bool send_all(struct writer *w, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->open; i++) {
        ok = w->send(w, &w->sheets[i], err);
        w->done += ok ? w->sheets[i].count : 0;
        ctx_progress(w->session->ctx, "seed", (int64_t)w->done, (int64_t)w->plan->rows, false);
    }
    clear_desk(w);
    return ok;
}

/* Memory of `row` is the writer's arena; it goes with the desk. */
static bool put_row(struct writer *w, const struct sheet_row *row, size_t bytes, struct err *err)
{
    size_t i = 0;
    while (i < w->open && !sheet_add(&w->sheets[i], row, bytes))
        i++;
    if (i == w->open) {
        if (i == DESK_SHEETS)
            return err_set(err, ERR_GENERAL, "too many shapes of rows at once");
        sheet_begin(&w->sheets[w->open++], w->table->bound, w->written);
        sheet_add(&w->sheets[i], row, bytes);
    }
    w->rows++;
    w->bytes += bytes;
    return true;
}

static bool desk_full(const struct writer *w)
{
    return w->rows == SHEET_ROWS || w->bytes >= SHEET_BYTES || w->open == DESK_SHEETS;
}

/* ---- rows ---- */

static bool hash_passwords(struct writer *w, struct fixture_row *row, struct err *err)
{
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++) {
        struct fixture_value *v = &row->values[i];
        if (v->kind != VALUE_ARGON2ID)
            continue;
        char text[HASH_TEXT];
        if (!fixture_argon2id_hash(v->text, text, err))
            return false;
        v->kind = VALUE_TEXT;
        v->text = arena_strdup(&w->arena, text);
    }
    return true;
}

static bool never_written(const struct writer *w, size_t i)
{
    const struct bound *b = w->table->bound;
    return fixture_ignores(b->fixture, b->fixture->columns[i]) || b->table->columns[b->columns[i]].generated;
}

static bool is_key(const struct bound *b, size_t i)
{
    for (size_t k = 0; k < b->key_count; k++)
        if (b->key[k] == i)
            return true;
    return false;
}

static const struct bound *bound_at(const struct writer *w, size_t place)
{
    return w->plan->tables[w->order[place]].bound;
}

static size_t place_of(const struct writer *w, uint32_t oid)
{
    size_t i = 0;
    while (i < w->plan->count && bound_at(w, i)->table->oid != oid)
        i++;
    return i;
}

/* A reference to the table itself, or to one that is written after it, is followed at the end where the column
 * may be NULL until then. */
static void find_late(struct writer *w, size_t place)
{
    const struct bound *b = w->table->bound;
    for (size_t i = 0; i < b->fixture->column_count; i++) {
        const struct db_table *parent = b->refs[i].table;
        size_t at = parent ? place_of(w, parent->oid) : 0;
        w->late[i] = parent && at < w->plan->count && at >= place && !is_key(b, i) &&
                     !b->table->columns[b->columns[i]].not_null;
    }
}

static int fixture_column_of(const struct bound *b, size_t live)
{
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if ((size_t)b->columns[i] == live)
            return (int)i;
    return -1;
}

/* A reference that may not be NULL needs its row before; so does a value of a foreign key that is not deferrable.
 * The fixtures' order breaks a cycle at a deferrable key, where references by natural key cannot be followed. */
static bool needs(const struct bound *b, const struct db_table *parent)
{
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (b->refs[i].table == parent && b->table->columns[b->columns[i]].not_null)
            return true;
    for (size_t k = 0; k < b->table->foreign_key_count; k++) {
        const struct db_foreign_key *fk = &b->table->foreign_keys[k];
        for (size_t c = 0; fk->target == parent->oid && !fk->deferrable && c < fk->count; c++) {
            int i = fixture_column_of(b, fk->columns[c]);
            if (i >= 0 && !b->refs[i].table)
                return true;
        }
    }
    return false;
}

static bool ready(const struct writer *w, size_t place)
{
    const struct bound *b = bound_at(w, place);
    for (size_t later = place + 1; later < w->plan->count; later++)
        if (needs(b, bound_at(w, later)->table))
            return false;
    return true;
}

/* The fixtures' order, with tables moved up that another one before them needs. */
static void choose_order(struct writer *w)
{
    w->order = xcalloc(w->plan->count, sizeof *w->order);
    for (size_t i = 0; i < w->plan->count; i++)
        w->order[i] = i;
    for (size_t place = 0; place < w->plan->count; place++) {
        size_t found = place;
        for (; found < w->plan->count; found++) {
            size_t here = w->order[found];
            memmove(w->order + place + 1, w->order + place, (found - place) * sizeof *w->order);
            w->order[place] = here;
            if (ready(w, place))
                break;
            memmove(w->order + place, w->order + place + 1, (found - place) * sizeof *w->order);
            w->order[found] = here;
        }
    }
}

static bool has_late(const struct writer *w, const struct fixture_row *row)
{
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
        if (w->late[i] && row->values[i].kind == VALUE_REF && !never_written(w, i))
            return true;
    return false;
}

static void name_row(const struct writer *w, const struct fixture_row *row, char *out, size_t size)
{
    const struct bound *b = w->table->bound;
    struct arena arena = {0};
    struct str text = {0};
    for (size_t k = 0; k < b->key_count; k++) {
        const char *shown = row_shown(&row->values[b->key[k]], false, &arena);
        str_printf(&text, "%s%s=%s", k ? ", " : "", b->fixture->columns[b->key[k]], shown ? shown : "NULL");
    }
    snprintf(out, size, "%s", str_text(&text));
    str_free(&text);
    arena_free(&arena);
}

static bool conflict(const struct writer *w, const struct fixture_row *row, const char *why, struct err *err)
{
    char name[256];
    name_row(w, row, name, sizeof name);
    err_set(err, ERR_CONFLICT, "%s (%s) was not as planned", w->table->bound->fixture->table, name);
    err_why(err, "%s", why);
    err_hint(err, "nothing was written; seedops diff shows how it stands now");
    return err_at(err, w->table->bound->fixture->rows_file, row->line, row->column);
}

/* What a phase writes: a key never changes, and is not sent where the live one is known. */
enum phase { PHASE_INSERT, PHASE_UPDATE, PHASE_LATE };

static void choose_columns(struct writer *w, enum phase phase)
{
    const struct bound *b = w->table->bound;
    for (size_t i = 0; i < b->fixture->column_count; i++)
        w->written[i] = phase == PHASE_INSERT || (!is_key(b, i) && (phase == PHASE_UPDATE || w->late[i]));
}

/* ---- INSERT ---- */

static void insert_columns(const struct sheet *s, struct str *names, struct str *values, bool *overriding)
{
    const struct bound *b = s->bound;
    for (size_t i = 0; i < b->fixture->column_count; i++) {
        if (s->columns[i].travel == TRAVEL_NOT)
            continue;
        const struct db_column *live = &b->table->columns[b->columns[i]];
        str_add(names, names->length ? ", " : "");
        db_quote_identifier(names, live->name);
        str_add(values, values->length ? ", " : "");
        sheet_value(s, i, values);
        *overriding |= live->identity_always;
    }
}

/* A deferrable key can be no arbiter: there a duplicate is an error, which is planned again like a conflict. */
static void on_conflict(const struct sheet *s, struct str *sql)
{
    const struct bound *b = s->bound;
    if (b->unique && b->unique->deferrable)
        return;
    str_add(sql, " ON CONFLICT (");
    for (size_t k = 0; k < b->key_count; k++) {
        str_add(sql, k ? ", " : "");
        db_quote_identifier(sql, b->table->columns[b->columns[b->key[k]]].name);
    }
    str_add(sql, ") DO NOTHING");
}

static void insert_sql(const struct sheet *s, struct str *sql)
{
    struct str names = {0}, values = {0};
    bool overriding = false;
    insert_columns(s, &names, &values, &overriding);
    str_add(sql, "INSERT INTO ");
    db_quote_relation(sql, s->bound->table->schema, s->bound->table->name);
    str_printf(sql, " (%s)%s SELECT %s FROM ", str_text(&names), overriding ? " OVERRIDING SYSTEM VALUE" : "",
               str_text(&values));
    sheet_source(s, sql);
    sheet_parents(s, sql);
    str_add(sql, " ORDER BY f.o");
    on_conflict(s, sql);
    str_free(&names);
    str_free(&values);
}

/* Fewer rows went in than were sent. Which one did not: it is there from someone else, or its parent is not. */
static bool name_not_inserted(struct writer *w, struct sheet *s, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    str_add(&sql, "SELECT f.o, t.xmin OPERATOR(pg_catalog.=) pg_catalog.pg_current_xact_id()::pg_catalog.xid FROM ");
    sheet_source(s, &sql);
    sheet_parents(s, &sql);
    str_add(&sql, " LEFT JOIN ");
    db_quote_relation(&sql, s->bound->table->schema, s->bound->table->name);
    str_add(&sql, " t ON ");
    sheet_match_key(s, &sql);
    str_add(&sql, " ORDER BY f.o");
    bool ok = db_query(w->db, str_text(&sql), s->array_count, sheet_params(s), &result, err);
    size_t at = 0, r = 0;
    while (ok && r < s->count && at < db_rows(result) && db_int(result, at, 0, 0) == (int64_t)r + 1 &&
           db_bool(result, at, 1))
        at++, r++;
    if (ok && r < s->count) {
        bool parent = at < db_rows(result) && db_int(result, at, 0, 0) == (int64_t)r + 1;
        conflict(w, &s->rows[r].row,
                 parent ? "someone else wrote this row meanwhile" : "the row it refers to is not there", err);
    } else if (ok) {
        err_set(err, ERR_CONFLICT, "%s took fewer rows than planned", w->table->bound->fixture->table);
        err_why(err, "a trigger or a rule may have left rows out");
    }
    db_result_free(result);
    str_free(&sql);
    return false;
}

static bool send_inserts(struct writer *w, struct sheet *s, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    sheet_fill(s);
    insert_sql(s, &sql);
    bool ok = db_query(w->db, str_text(&sql), s->array_count, sheet_params(s), &result, err);
    if (!ok)
        err_context(err, "seeding \"%s\"", w->table->bound->fixture->table);
    else if (db_affected(result) != (int64_t)s->count)
        ok = name_not_inserted(w, s, err);
    db_result_free(result);
    str_free(&sql);
    return ok;
}

/* ---- COPY ----
 * Into a table that was empty, plain rows go by COPY: whoever put one of them there meanwhile makes it fail with
 * a duplicate key, which is planned again like a count that differs. */

static bool can_copy(const struct writer *w)
{
    const struct table_plan *t = w->table;
    return t->plain && t->totals.live_rows == 0 && t->inserts.count >= COPY_ROWS && !t->bound->table->row_security &&
           (t->bound->table->kind == 'r' || t->bound->table->kind == 'p');
}

static bool copied(const struct writer *w, size_t i) { return w->table->given[i] && !never_written(w, i); }

static void copy_sql(const struct writer *w, struct str *sql)
{
    const struct bound *b = w->table->bound;
    bool first = true;
    str_add(sql, "COPY ");
    db_quote_relation(sql, b->table->schema, b->table->name);
    for (size_t i = 0; i < b->fixture->column_count; i++) {
        if (!copied(w, i))
            continue;
        str_add(sql, first ? " (" : ", ");
        first = false;
        db_quote_identifier(sql, b->table->columns[b->columns[i]].name);
    }
    str_add(sql, ") FROM STDIN");
}

static void copy_line(const struct writer *w, const struct fixture_row *row, struct str *out)
{
    bool first = true;
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++) {
        if (!copied(w, i))
            continue;
        str_add(out, first ? "" : "\t");
        first = false;
        db_copy_field(out, row->values[i].text);
    }
    str_add_char(out, '\n');
}

static bool copy_rows(struct writer *w, struct str *page, struct err *err)
{
    const char *bytes;
    size_t length;
    spool_rewind(&w->table->inserts);
    for (;;) {
        struct fixture_row row;
        if (!spool_next(&w->table->inserts, &bytes, &length, err))
            return false;
        if (bytes) {
            arena_reset(&w->arena);
            row_unpack(w->table->bound, &bytes, &w->arena, &row);
            if (!hash_passwords(w, &row, err))
                return false;
            copy_line(w, &row, page);
            w->done++;
        }
        if (page->length >= COPY_PAGE || !bytes) {
            if (!db_copy_in_put(w->db, str_text(page), page->length, err))
                return false;
            str_reset(page);
            ctx_progress(w->session->ctx, "seed", (int64_t)w->done, (int64_t)w->plan->rows, false);
        }
        if (!bytes)
            return true;
    }
}

static bool copy_inserts(struct writer *w, struct err *err)
{
    struct str sql = {0}, page = {0};
    int64_t rows = 0;
    copy_sql(w, &sql);
    bool ok = db_copy_in_begin(w->db, str_text(&sql), err);
    if (ok) {
        ok = copy_rows(w, &page, err);
        if (ok)
            ok = db_copy_in_end(w->db, NULL, &rows, err);
        else if (db_alive(w->db))
            db_copy_in_end(w->db, "seedops stopped", NULL, NULL);
    }
    if (!ok) {
        err_context(err, "seeding \"%s\"", w->table->bound->fixture->table);
    } else if ((uint64_t)rows != w->table->inserts.count) {
        ok = err_set(err, ERR_CONFLICT, "%s took fewer rows than planned", w->table->bound->fixture->table);
        err_why(err, "a trigger may have left rows out");
    }
    clear_desk(w);
    str_free(&sql);
    str_free(&page);
    return ok;
}

static bool write_inserts(struct writer *w, struct err *err)
{
    if (can_copy(w))
        return copy_inserts(w, err);
    struct spool *spool = &w->table->inserts;
    const char *bytes;
    size_t length;
    spool_rewind(spool);
    choose_columns(w, PHASE_INSERT);
    w->send = send_inserts;
    for (;;) {
        struct sheet_row row = {0};
        if (!spool_next(spool, &bytes, &length, err))
            return false;
        if (!bytes)
            return send_all(w, err);
        row_unpack(w->table->bound, &bytes, &w->arena, &row.row);
        for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
            if (never_written(w, i) || (w->late[i] && row.row.values[i].kind == VALUE_REF))
                row.row.values[i].kind = VALUE_ABSENT;
        if (!hash_passwords(w, &row.row, err) || !put_row(w, &row, length, err) ||
            (desk_full(w) && !send_all(w, err)))
            return false;
    }
}

/* ---- UPDATE ---- */

static const char *key_text(const struct sheet_row *row, size_t k) { return row->key[k]; }
static const char *old_text(const struct sheet_row *row, size_t i) { return row->old[i]; }

static void set_list(const struct sheet *s, struct str *sql)
{
    bool first = true;
    for (size_t i = 0; i < s->bound->fixture->column_count; i++) {
        if (s->columns[i].travel == TRAVEL_NOT || (!s->rows[0].key && is_key(s->bound, i)))
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
    size_t array = sheet_array(s, old_text, i);
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
            sheet_array(s, key_text, k);
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
        conflict(w, &s->rows[r].row, "someone else changed or removed this row, or one it refers to, meanwhile", err);
    else
        err_set(err, ERR_CONFLICT, "%s: one row was changed twice", w->table->bound->fixture->table);
    arena_free(&arena);
    return false;
}

static bool send_updates(struct writer *w, struct sheet *s, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    sheet_fill(s);
    update_sql(s, &sql);
    bool ok = db_query(w->db, str_text(&sql), s->array_count, sheet_params(s), &result, err);
    if (!ok)
        err_context(err, "seeding \"%s\"", w->table->bound->fixture->table);
    else if (db_rows(result) != s->count)
        ok = name_not_updated(w, s, result, err);
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static void unpack_update(struct writer *w, const char *bytes, struct sheet_row *out)
{
    const struct bound *b = w->table->bound;
    size_t columns = b->fixture->column_count;
    row_unpack(b, &bytes, &w->arena, &out->row);
    out->key = arena_alloc(&w->arena, b->key_count * sizeof *out->key);
    out->old = arena_alloc(&w->arena, columns * sizeof *out->old);
    bool *changed = arena_alloc(&w->arena, columns * sizeof *changed);
    for (size_t k = 0; k < b->key_count; k++)
        out->key[k] = unpack_text(&bytes, &w->arena);
    for (uint32_t n = unpack_u32(&bytes); n > 0; n--) {
        uint32_t i = unpack_u32(&bytes);
        out->old[i] = unpack_text(&bytes, &w->arena);
        changed[i] = true;
    }
    for (size_t i = 0; i < columns; i++)
        if (!changed[i] && !is_key(b, i))
            out->row.values[i].kind = VALUE_ABSENT;
}

static bool put_update(struct writer *w, const char *bytes, size_t length, bool late, struct err *err)
{
    struct sheet_row row = {0};
    unpack_update(w, bytes, &row);
    if (has_late(w, &row.row) != late)
        return true;
    return hash_passwords(w, &row.row, err) && put_row(w, &row, length, err) &&
           (!desk_full(w) || send_all(w, err));
}

static bool write_updates(struct writer *w, bool late, struct err *err)
{
    struct spool *spool = &w->table->updates;
    const char *bytes;
    size_t length;
    spool_rewind(spool);
    choose_columns(w, PHASE_UPDATE);
    w->send = send_updates;
    for (;;) {
        if (!spool_next(spool, &bytes, &length, err))
            return false;
        if (!bytes)
            return send_all(w, err);
        if (!put_update(w, bytes, length, late, err))
            return false;
    }
}

/* Rows that were inserted without references that could not be followed then. */
static bool write_late(struct writer *w, struct err *err)
{
    struct spool *spool = &w->table->inserts;
    const char *bytes;
    size_t length;
    spool_rewind(spool);
    choose_columns(w, PHASE_LATE);
    w->send = send_updates;
    for (;;) {
        struct sheet_row row = {0};
        if (!spool_next(spool, &bytes, &length, err))
            return false;
        if (!bytes)
            return send_all(w, err);
        row_unpack(w->table->bound, &bytes, &w->arena, &row.row);
        if (!has_late(w, &row.row))
            continue;
        for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
            if (never_written(w, i) || (w->late[i] && row.row.values[i].kind != VALUE_REF))
                row.row.values[i].kind = VALUE_ABSENT;
        if (!put_row(w, &row, length, err) || (desk_full(w) && !send_all(w, err)))
            return false;
    }
}

/* ---- the whole ---- */

static void begin_table(struct writer *w, size_t place)
{
    w->table = &w->plan->tables[w->order[place]];
    size_t columns = w->table->bound->fixture->column_count;
    w->late = xrealloc(w->late, columns * sizeof *w->late);
    w->written = xrealloc(w->written, columns * sizeof *w->written);
    find_late(w, place);
}

bool write_plan(struct session *s, struct db *db, struct plan *plan, struct err *err)
{
    struct writer w = {.session = s, .db = db, .plan = plan};
    bool ok = true;
    choose_order(&w);
    for (size_t i = 0; ok && i < plan->count; i++) {
        begin_table(&w, i);
        ok = write_updates(&w, false, err) && write_inserts(&w, err);
    }
    for (size_t i = 0; ok && i < plan->count; i++) {
        begin_table(&w, i);
        ok = write_updates(&w, true, err) && write_late(&w, err);
    }
    clear_desk(&w);
    free(w.order);
    free(w.late);
    free(w.written);
    if (ok)
        ctx_progress(s->ctx, "seed", (int64_t)plan->rows, (int64_t)plan->rows, true);
    return ok;
}

/* Ahead only: where the application has drawn higher numbers already, the sequence stays. */
static void sequence_sql(struct str *sql, const struct bound *b, const struct db_column *column)
{
    str_add(sql, "SELECT pg_catalog.setval(");
    db_quote_literal(sql, column->sequence);
    str_add(sql, "::pg_catalog.regclass, x.m) FROM (SELECT pg_catalog.max(t.");
    db_quote_identifier(sql, column->name);
    str_add(sql, ")::pg_catalog.int8 AS m FROM ");
    db_quote_relation(sql, b->table->schema, b->table->name);
    str_printf(sql, " t) x, %s s WHERE x.m > s.last_value OR (x.m = s.last_value AND NOT s.is_called)",
               column->sequence);
}

bool write_sequences(struct db *db, const struct plan *plan, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < plan->count; i++) {
        const struct bound *b = plan->tables[i].bound;
        for (size_t c = 0; ok && plan->tables[i].inserts.count && c < b->fixture->column_count; c++) {
            const struct db_column *column = &b->table->columns[b->columns[c]];
            if (!column->sequence || fixture_ignores(b->fixture, b->fixture->columns[c]))
                continue;
            struct str sql = {0};
            sequence_sql(&sql, b, column);
            ok = db_run(db, str_text(&sql), 0, NULL, NULL, err);
            str_free(&sql);
            if (!ok)
                err_context(err, "moving the sequence of \"%s\".\"%s\" past the seeded values", b->table->name,
                            column->name);
        }
    }
    return ok;
}
