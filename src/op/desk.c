/* desk - rows of a few shapes, gathered until there is a statement's worth of them; and what all phases of
 * writing ask of a row. */
#include <stdio.h>
#include <string.h>

#include "diff/row.h"
#include "op/writer.h"

enum { HASH_TEXT = 128 };

void desk_begin(struct writer *w, enum phase phase, bool (*send)(struct writer *, struct sheet *, struct err *))
{
    const struct bound *b = w->table->bound;
    w->send = send;
    for (size_t i = 0; i < b->fixture->column_count; i++)
        w->written[i] = phase == PHASE_INSERT ||
                        (!writer_is_key(b, i) && (phase == PHASE_UPDATE || w->late[i]));
}

void desk_clear(struct writer *w)
{
    for (size_t i = 0; i < w->open; i++)
        sheet_free(&w->sheets[i]);
    arena_reset(&w->arena);
    w->open = w->bytes = 0;
}

bool desk_send(struct writer *w, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->open; i++) {
        ok = w->send(w, &w->sheets[i], err);
        w->done += ok ? w->sheets[i].count : 0;
        ctx_progress(w->session->ctx, "seed", (int64_t)w->done, (int64_t)w->plan->rows, false);
    }
    desk_clear(w);
    return ok;
}

bool desk_skip(struct writer *w, size_t bytes, struct err *err)
{
    w->bytes += bytes;
    return w->bytes < SHEET_BYTES || desk_send(w, err);
}

bool desk_put(struct writer *w, const struct sheet_row *row, size_t bytes, struct err *err)
{
    size_t i = 0;
    while (i < w->open && !sheet_add(&w->sheets[i], row, bytes))
        i++;
    if (i == w->open) {
        sheet_begin(&w->sheets[w->open++], w->table->bound, w->written);
        sheet_add(&w->sheets[i], row, bytes);
    }
    bool full = sheet_full(&w->sheets[i]) || w->open == DESK_SHEETS;
    return full ? desk_send(w, err) : desk_skip(w, bytes, err);
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

bool writer_has_late(const struct writer *w, const struct fixture_row *row)
{
    for (size_t i = 0; i < w->table->bound->fixture->column_count; i++)
        if (w->late[i] && row->values[i].kind == VALUE_REF && !writer_never_writes(w, i))
            return true;
    return false;
}

static bool is_secret(const struct writer *w, const char *column)
{
    struct diff_options options = declared_diff_options(w->session, w->table->bound);
    for (size_t i = 0; i < options.secret_count; i++)
        if (strcmp(options.secret_columns[i], column) == 0)
            return true;
    return false;
}

static void name_row(const struct writer *w, const struct fixture_row *row, char *out, size_t size)
{
    const struct bound *b = w->table->bound;
    struct arena arena = {0};
    struct str text = {0};
    for (size_t k = 0; k < b->key_count; k++) {
        const char *shown = row_shown(&row->values[b->key[k]], is_secret(w, b->fixture->columns[b->key[k]]), &arena);
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
