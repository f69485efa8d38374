/* write_insert - rows that are missing: INSERT ... ON CONFLICT DO NOTHING, or COPY where they are many. */
#include <stdlib.h>
#include <string.h>

#include "db/copy.h"
#include "diff/layout.h"
#include "diff/row.h"
#include "op/onrecord_values.h"
#include "op/writer.h"

enum { COPY_PAGE = 64 * 1024 };

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

static void insert_sql(struct sheet *s, struct str *sql)
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
static bool name_not_inserted(const struct writer *w, struct sheet *s, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    str_add(&sql, "SELECT f.o, t.xmin::pg_catalog.text OPERATOR(pg_catalog.=) (pg_catalog.txid_current() % 4294967296)::pg_catalog.text FROM ");
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
        writer_conflict(w, &s->rows[r].row,
                 parent ? "someone else wrote this row meanwhile" : "the row it refers to is not there", err);
    } else if (ok) {
        err_set(err, ERR_CONFLICT, "%s took fewer rows than planned", w->table->bound->fixture->table);
        err_why(err, "a trigger or a rule may have left rows out");
    }
    db_result_free(result);
    str_free(&sql);
    return false;
}

static bool all_inserted(struct writer *w, struct sheet *s, const struct db_result *result, struct err *err)
{
    return db_affected(result) == (int64_t)s->count || name_not_inserted(w, s, err);
}

static bool writes_any(const struct writer *w, size_t column)
{
    (void)w, (void)column;
    return true;
}

static bool take_insert(struct writer *w, const char *bytes, struct sheet_row *row, bool *skip, struct err *err)
{
    (void)skip;
    row_unpack(w->table->bound, &bytes, &w->arena, &row->row);
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
        if (writer_never_writes(w, i) || writer_is_late(w, i, row->row.values[i].kind))
            row->row.values[i].kind = VALUE_ABSENT;
    return writer_hash_passwords(w, &row->row, err);
}

/* ---- COPY ----
 * Many plain rows go by COPY: whoever put one of them there meanwhile makes it fail with a duplicate key, which is
 * planned again like a count that differs. */

static bool can_copy(const struct writer *w)
{
    const struct table_plan *t = w->table;
    return t->plain && t->insert_rows >= PLAN_COPY_ROWS && !t->bound->table->row_security &&
           (t->bound->table->kind == 'r' || t->bound->table->kind == 'p');
}

static bool copied(const struct writer *w, size_t i)
{
    return w->table->given[i] && !writer_never_writes(w, i) && !w->late_values[i];
}

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

/* The first of them go on record, as those of an INSERT do. */
static void begin_values(const struct writer *w)
{
    const struct bound *b = w->table->bound;
    const char **names = xcalloc(b->fixture->column_count, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (copied(w, i))
            names[count++] = b->fixture->columns[i];
    onrecord_values_begin(w->session->ctx, count, names);
    free(names);
}

static void note_values(const struct writer *w, const struct fixture_row *row)
{
    const struct bound *b = w->table->bound;
    if (!onrecord_values_wanted(w->session->ctx)) {
        onrecord_values_row(w->session->ctx, NULL);
        return;
    }
    const char **cells = xcalloc(b->fixture->column_count, sizeof *cells);
    size_t count = 0;
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (copied(w, i))
            cells[count++] = onrecord_hides(w->session, b, i) ? "[REDACTED]" : row->values[i].text;
    onrecord_values_row(w->session->ctx, cells);
    free(cells);
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

static bool copy_row(struct writer *w, struct fixture_row *row, struct str *page, struct err *err)
{
    if (!writer_hash_passwords(w, row, err))
        return false;
    note_values(w, row);
    copy_line(w, row, page);
    w->done++;
    return true;
}

static bool copy_rows(struct writer *w, struct plan_inserts *inserts, struct str *page, struct err *err)
{
    for (bool found = true; found;) {
        struct fixture_row row;
        arena_reset(&w->arena);
        if (!plan_inserts_next(inserts, &w->arena, &row, &found, err) || (found && !copy_row(w, &row, page, err)))
            return false;
        if (page->length < COPY_PAGE && found)
            continue;
        if (!db_copy_in_put(w->db, str_text(page), page->length, err))
            return false;
        str_reset(page);
        ctx_progress(w->session->ctx, "seed", (int64_t)w->done, (int64_t)w->plan->rows, false);
    }
    return true;
}

static bool copy_inserts(struct writer *w, struct err *err)
{
    struct str sql = {0}, page = {0};
    struct plan_inserts inserts;
    int64_t rows = 0;
    copy_sql(w, &sql);
    begin_values(w);
    bool ok = plan_inserts_begin(&inserts, w->table, session_fixture_options(w->session), err) &&
              db_copy_in_begin(w->db, str_text(&sql), err);
    if (ok) {
        ok = copy_rows(w, &inserts, &page, err);
        if (ok)
            ok = db_copy_in_end(w->db, NULL, &rows, err);
        else if (db_alive(w->db))
            db_copy_in_end(w->db, "seedops stopped", NULL, NULL);
    }
    if (ok && (uint64_t)rows != w->table->insert_rows) {
        ok = err_set(err, ERR_CONFLICT, "%s took fewer rows than planned", w->table->bound->fixture->table);
        err_why(err, "a trigger may have left rows out");
    }
    plan_inserts_end(&inserts);
    desk_clear(w);
    str_free(&sql);
    str_free(&page);
    return ok;
}

bool write_inserts(struct writer *w, struct err *err)
{
    static const struct phase inserting = {writes_any, take_insert, insert_sql, all_inserted};
    return can_copy(w) ? copy_inserts(w, err) : desk_write(w, &w->table->inserts, &inserting, err);
}
