/* desk - rows of a few shapes, gathered until there is a statement's worth of them; and what all phases of
 * writing ask of a row. */
#include <stdio.h>
#include <string.h>

#include "diff/row.h"
#include "op/onrecord_values.h"
#include "op/writer.h"

enum { HASH_TEXT = 128 };

void desk_clear(struct writer *w)
{
    for (size_t i = 0; i < w->open; i++)
        sheet_free(&w->sheets[i]);
    arena_reset(&w->arena);
    w->open = w->bytes = 0;
}

static bool send_sheet(struct writer *w, struct sheet *s, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    sheet_fill(s);
    w->phase->compose(s, &sql);
    onrecord_sheet(w->session, w->plan, s);
    bool ok = db_query(w->db, str_text(&sql), s->array_count, sheet_params(s), &result, err) &&
              w->phase->judge(w, s, result, err);
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool send_all(struct writer *w, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->open; i++) {
        ok = send_sheet(w, &w->sheets[i], err);
        w->done += ok ? w->sheets[i].count : 0;
        ctx_progress(w->session->ctx, "seed", (int64_t)w->done, (int64_t)w->plan->rows, false);
    }
    desk_clear(w);
    return ok;
}

/* True if that filled a sheet or the desk. */
static bool put_row(struct writer *w, const struct sheet_row *row, size_t bytes)
{
    size_t i = 0;
    while (i < w->open && !sheet_add(&w->sheets[i], row, bytes))
        i++;
    if (i == w->open) {
        sheet_begin(&w->sheets[w->open++], w->table->bound, w->written);
        sheet_add(&w->sheets[i], row, bytes);
    }
    return sheet_full(&w->sheets[i]) || w->open == DESK_SHEETS;
}

bool desk_write(struct writer *w, struct spool *spool, const struct phase *phase, struct err *err)
{
    const char *bytes;
    size_t length;
    w->phase = phase;
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
        w->written[i] = phase->writes(w, i);
    spool_rewind(spool);
    for (;;) {
        struct sheet_row row = {0};
        bool skip = false;
        if (!spool_next(spool, &bytes, &length, err))
            return false;
        if (!bytes)
            return send_all(w, err);
        if (!phase->take(w, bytes, &row, &skip, err))
            return false;
        bool full = !skip && put_row(w, &row, length);
        w->bytes += length;     /* a record that was left out took memory, too */
        if ((full || w->bytes >= SHEET_BYTES) && !send_all(w, err))
            return false;
    }
}

bool writer_hash_passwords(struct writer *w, struct fixture_row *row, struct err *err)
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
        v->length = strlen(text);
    }
    return true;
}

bool writer_never_writes(const struct writer *w, size_t i)
{
    const struct bound *b = w->table->bound;
    return fixture_ignores(b->fixture, b->fixture->columns[i]) || b->table->columns[b->columns[i]].generated;
}

bool writer_is_key(const struct bound *b, size_t i)
{
    for (size_t k = 0; k < b->key_count; k++)
        if (b->key[k] == i)
            return true;
    return false;
}

bool writer_is_late(const struct writer *w, size_t i, enum value_kind kind)
{
    return kind == VALUE_REF ? w->late[i] : kind == VALUE_TEXT && w->late_values[i];
}

bool writer_has_late(const struct writer *w, const struct fixture_row *row)
{
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
        if (writer_is_late(w, i, row->values[i].kind) && !writer_never_writes(w, i))
            return true;
    return false;
}

static void name_row(const struct writer *w, const struct fixture_row *row, char *out, size_t size)
{
    const struct bound *b = w->table->bound;
    struct arena arena = {0};
    struct str text = {0};
    for (size_t k = 0; k < b->key_count; k++) {
        const char *shown = row_shown(&row->values[b->key[k]], onrecord_hides(w->session, b, b->key[k]), &arena);
        str_printf(&text, "%s%s=%s", k ? ", " : "", b->fixture->columns[b->key[k]], shown ? shown : "NULL");
    }
    snprintf(out, size, "%s", str_text(&text));
    str_free(&text);
    arena_free(&arena);
}

bool writer_conflict(const struct writer *w, const struct fixture_row *row, const char *why, struct err *err)
{
    char name[256];
    name_row(w, row, name, sizeof name);
    err_set(err, ERR_CONFLICT, "%s (%s) was not as planned", w->table->bound->fixture->table, name);
    err_why(err, "%s", why);
    err_hint(err, "nothing was written; seedops diff shows how it stands now");
    return err_at(err, w->table->bound->fixture->rows_file, row->line, row->column);
}
