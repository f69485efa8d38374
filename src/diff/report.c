/* report - makes a diff_row of what match found. Everything shown passes row_shown or live_shown here; the raw
 * texts beside it are for whoever writes. */
#include "diff/report.h"

#include <stdio.h>
#include <string.h>

#include "diff/row.h"

const char *diff_kind_name(enum diff_kind kind)
{
    static const char *const names[] = {"missing", "changed", "extra"};
    return names[kind];
}

void report_hide_secrets(const struct bound *bound, const struct diff_options *options, struct err *err)
{
    static const char *const about_data[] = {"22", "23", "P0", "42"};
    if (!err || (!bound->fixture->has_secret && options->secret_count == 0))
        return;
    for (size_t i = 0; i < sizeof about_data / sizeof *about_data; i++) {
        if (strncmp(err->sqlstate, about_data[i], 2) != 0)
            continue;
        snprintf(err->message, sizeof err->message, "the server refused a row (%s)", err->sqlstate);
        err_why(err, "its words are left out: the table has a secret column, and they may hold its value");
    }
}

static const char *live_shown(const struct match *m, size_t i, char *const *fields, bool secret,
                              struct arena *arena)
{
    const struct layout_column *c = &m->layout.columns[i];
    if (!fields[c->field])
        return NULL;
    if (secret || m->secret[i])
        return "[REDACTED]";
    if (!c->shape || !fields[c->ref_field])
        return fields[c->field];
    struct str text = {0};
    for (size_t k = 0; k < c->shape->count; k++) {
        const char *part = fields[c->ref_field + (int)k];
        str_add(&text, k ? ", " : "");
        str_add(&text, part ? part : "");
    }
    const char *shown = arena_strdup(arena, str_text(&text));
    str_free(&text);
    return shown;
}

static void fill_key(const struct match *m, const struct fixture_row *row, char *const *fields,
                     struct diff_row *out, struct arena *arena)
{
    size_t count = m->bound->key_count;
    const char **shown = arena_alloc(arena, count * sizeof *shown), **raw = arena_alloc(arena, count * sizeof *raw);
    for (size_t k = 0; k < count; k++) {
        size_t i = m->bound->key[k];
        shown[k] = fields ? live_shown(m, i, fields, row && row->values[i].secret, arena)
                          : row_shown(&row->values[i], m->secret[i], arena);
        raw[k] = fields ? fields[m->layout.columns[i].field] : NULL;
    }
    out->key = shown;
    out->live_key = fields ? raw : NULL;
}

static void fill_cell(const struct match *m, size_t i, const struct fixture_row *row, char *const *fields,
                      struct diff_cell *cell, struct arena *arena)
{
    const struct layout_column *c = &m->layout.columns[i];
    const struct fixture_value *value = row ? &row->values[i] : NULL;
    bool secret = m->secret[i] || (value && value->secret);
    *cell = (struct diff_cell){.column = m->bound->fixture->columns[i], .secret = secret, .value = value,
                               .bound_column = (int)i};
    cell->allowed = row && fields && c->keep;
    cell->fixture = value ? row_shown(value, secret, arena) : NULL;
    cell->live = fields && c->field >= 0 ? live_shown(m, i, fields, secret, arena) : NULL;
    cell->live_raw = fields && c->field >= 0 ? fields[c->field] : NULL;
}

static bool hand_over(struct match *m, struct diff_row *out, struct err *err)
{
    if (out->row) {
        out->file = m->bound->fixture->rows_file;
        out->line = out->row->line;
    }
    return !m->options->row || m->options->row(m->options->context, out, err);
}

bool report_missing(struct match *m, const struct fixture_row *row, struct err *err)
{
    m->totals.missing++;
    if (!m->options->row)
        return true;
    arena_reset(&m->told);
    size_t count = m->bound->fixture->column_count;
    struct diff_row out = {.kind = DIFF_MISSING, .row = row};
    if (!m->options->bare)
        out.cells = arena_alloc(&m->told, count * sizeof *out.cells);
    for (size_t i = 0; out.cells && i < count; i++)
        if (row->values[i].kind != VALUE_ABSENT && !m->ignored[i])
            fill_cell(m, i, row, NULL, &out.cells[out.cell_count++], &m->told);
    fill_key(m, row, NULL, &out, &m->told);
    return hand_over(m, &out, err);
}

bool report_changed(struct match *m, const struct fixture_row *row, char *const *fields, const bool *differs,
                    struct err *err)
{
    arena_reset(&m->told);
    size_t count = m->bound->fixture->column_count;
    struct diff_row out = {.kind = DIFF_CHANGED, .row = row, .allowed = true};
    out.cells = arena_alloc(&m->told, count * sizeof *out.cells);
    for (size_t i = 0; i < count; i++) {
        if (!differs[i])
            continue;
        struct diff_cell *cell = &out.cells[out.cell_count++];
        fill_cell(m, i, row, fields, cell, &m->told);
        if (m->bound->fixture->mode == FIXTURE_INSERT)
            cell->allowed = true;
        out.allowed &= cell->allowed;
    }
    m->totals.changed++;
    m->totals.allowed_changed += out.allowed;
    fill_key(m, row, fields, &out, &m->told);
    return hand_over(m, &out, err);
}

bool report_extra(struct match *m, const char *packed, struct err *err)
{
    struct diff_row out = {.kind = DIFF_EXTRA, .allowed = !m->bound->fixture->prune};
    m->totals.extra++;
    m->totals.allowed_extra += out.allowed;
    if (!m->options->row)
        return true;
    arena_reset(&m->told);
    size_t count = m->bound->fixture->column_count;
    char **fields = arena_alloc(&m->told, m->layout.field_count * sizeof *fields);
    for (size_t i = 0; i < m->layout.field_count; i++)
        fields[i] = (char *)unpack_text(&packed, &m->told);
    out.cells = arena_alloc(&m->told, count * sizeof *out.cells);
    for (size_t i = 0; i < count; i++)
        if (m->layout.columns[i].compared)
            fill_cell(m, i, NULL, fields, &out.cells[out.cell_count++], &m->told);
    fill_key(m, NULL, fields, &out, &m->told);
    out.table = m->layout.places ? fields[m->layout.places] : NULL;
    out.place = m->layout.places ? fields[m->layout.places + 1] : NULL;
    return hand_over(m, &out, err);
}
