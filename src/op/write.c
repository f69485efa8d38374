/* write - the statements of a seed.
 *
 *   table by table, parents first:   updates, then inserts (a unique value may move from one row to another)
 *   then, where a reference points at a table written later or at its own: those updates, and the reference
 *   columns of rows that were inserted without them
 *
 * Rows are gathered by shape on a desk and sent a sheet a statement. */
#include "op/write.h"

#include <stdlib.h>
#include <string.h>

#include "diff/report.h"
#include "op/writer.h"

enum { NEXTVALS = 1000 };      /* as far as a sequence is moved number by number */

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

static bool may_wait(const struct bound *b, size_t i)
{
    return !writer_is_key(b, i) && !b->table->columns[b->columns[i]].not_null;
}

/* A reference to the table itself, or to one that is written after it, is followed at the end where the column
 * may be NULL until then. */
static void find_late(struct writer *w, size_t place)
{
    const struct bound *b = w->table->bound;
    for (size_t i = 0; i < b->fixture->column_count; i++) {
        const struct db_table *parent = b->refs[i].table;
        size_t at = parent ? place_of(w, parent->oid) : 0;
        w->late[i] = parent && at < w->plan->count && at >= place && may_wait(b, i);
    }
}

static int fixture_column_of(const struct bound *b, size_t live)
{
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if ((size_t)b->columns[i] == live)
            return (int)i;
    return -1;
}

/* The same of plain values, column by column of the foreign keys. */
static void find_late_values(struct writer *w, size_t place)
{
    const struct bound *b = w->table->bound;
    memset(w->late_values, 0, b->fixture->column_count * sizeof *w->late_values);
    for (size_t k = 0; w->plan->values_late && k < b->table->foreign_key_count; k++) {
        const struct db_foreign_key *fk = &b->table->foreign_keys[k];
        size_t at = place_of(w, fk->target);
        for (size_t c = 0; at < w->plan->count && at >= place && c < fk->count; c++) {
            int i = fixture_column_of(b, fk->columns[c]);
            if (i >= 0)
                w->late_values[i] = may_wait(b, (size_t)i);
        }
    }
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

static void begin_table(struct writer *w, size_t place)
{
    w->table = &w->plan->tables[w->order[place]];
    size_t columns = w->table->bound->fixture->column_count;
    w->late = xrealloc(w->late, columns * sizeof *w->late);
    w->late_values = xrealloc(w->late_values, columns * sizeof *w->late_values);
    w->written = xrealloc(w->written, columns * sizeof *w->written);
    find_late(w, place);
    find_late_values(w, place);
}

static bool any_late(const struct writer *w)
{
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
        if (w->late[i] || w->late_values[i])
            return true;
    return false;
}

bool write_can_wait(const struct plan *plan)
{
    struct plan waiting = *plan;
    struct writer w = {.plan = &waiting};
    bool can = false;
    waiting.values_late = true;
    choose_order(&w);
    for (size_t i = 0; !can && i < plan->count; i++) {
        begin_table(&w, i);
        for (size_t c = 0; c < w.table->bound->fixture->column_count; c++)
            can |= w.late_values[c] && w.table->insert_rows + w.table->updates.count > 0;
    }
    free(w.order);
    free(w.late);
    free(w.late_values);
    free(w.written);
    return can;
}

/* The server knows no file; which fixture it was about is known here, and whether it may be quoted. */
static void place_error(const struct writer *w, struct err *err)
{
    const struct bound *b = w->table->bound;
    struct diff_options options = declared_diff_options(w->session, b);
    if (err->class != ERR_QUERY)
        return;
    report_hide_secrets(b, &options, err);
    err_context(err, "seeding \"%s\"", b->fixture->table);
    if (!err->at[0])
        err_at(err, b->fixture->rows_file, 0, 0);
    if (!err->hint[0])
        err_hint(err, "nothing was written; mend the row, then seed again");
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
        if (any_late(&w))
            ok = write_updates(&w, true, err) && write_late(&w, err);
    }
    if (!ok)
        place_error(&w, err);
    desk_clear(&w);
    arena_free(&w.arena);
    free(w.order);
    free(w.late);
    free(w.late_values);
    free(w.written);
    if (ok)
        ctx_progress(s->ctx, "seed", (int64_t)plan->rows, (int64_t)plan->rows, true);
    return ok;
}

/* Ahead only: where the application has drawn higher numbers already, the sequence stays. It may draw some between
 * our look and our setval, which would take the sequence back behind them: a short way is gone by nextval, which never
 * goes back, and a long one nobody goes in that moment. */
void write_sequence_sql(struct str *sql, const char *sequence, const char *highest)
{
    struct str name = {0};
    db_quote_literal(&name, sequence);
    str_add(&name, "::pg_catalog.regclass");
    str_add(sql, "SELECT CASE WHEN q.seqincrement = 1 AND x.m - s.last_value < ");
    str_printf(sql, "%d THEN (SELECT pg_catalog.max(pg_catalog.nextval(%s)) FROM pg_catalog.generate_series(", NEXTVALS,
               str_text(&name));
    str_printf(sql, "CASE WHEN s.is_called THEN s.last_value + 1 ELSE s.last_value END, x.m)) ELSE "
               "pg_catalog.setval(%s, x.m) END FROM (%s) x, %s s, pg_catalog.pg_sequence q WHERE q.seqrelid = %s AND "
               "(x.m > s.last_value OR (x.m = s.last_value AND NOT s.is_called))", str_text(&name), highest, sequence,
               str_text(&name));
    str_free(&name);
}

static void sequence_sql(struct str *sql, const struct bound *b, const struct db_column *column)
{
    struct str highest = {0};
    str_add(&highest, "SELECT pg_catalog.max(t.");
    db_quote_identifier(&highest, column->name);
    str_add(&highest, ")::pg_catalog.int8 AS m FROM ");
    db_quote_relation(&highest, b->table->schema, b->table->name);
    str_add(&highest, " t");
    write_sequence_sql(sql, column->sequence, str_text(&highest));
    str_free(&highest);
}

bool write_sequences(struct db *db, const struct plan *plan, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < plan->count; i++) {
        const struct bound *b = plan->tables[i].bound;
        for (size_t c = 0; ok && plan->tables[i].insert_rows && c < b->fixture->column_count; c++) {
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
