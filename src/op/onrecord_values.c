#include "op/onrecord_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "op/declared.h"

enum { ROWS_MOST = 20, CELL_MOST = 200, BYTES_MOST = 16 * 1024 };
static const char redacted[] = "[REDACTED]";

/* ---- any values ---- */

void onrecord_values_begin(struct ctx *ctx, size_t count, const char *const *names)
{
    input_free(ctx->values);
    struct input *in = ctx->values = input_new(IN_STATEMENT);
    ctx->values_sent = 0;
    ctx->values_bytes = 0;
    in->columns = xcalloc(count + 1, sizeof *in->columns);
    in->rows = xcalloc(ROWS_MOST, sizeof *in->rows);
    in->column_count = count;
    for (size_t i = 0; i < count; i++)
        in->columns[i].text = xstrdup(names[i]);
}

bool onrecord_values_wanted(const struct ctx *ctx)
{
    return ctx->values && ctx->values->row_count < ROWS_MOST && ctx->values_bytes < BYTES_MOST;
}

static char *cut(const char *text)
{
    size_t length = strnlen(text, CELL_MOST + 1);
    if (length <= CELL_MOST)
        return xstrdup(text);
    for (length = CELL_MOST; length && ((unsigned char)text[length] & 0xc0) == 0x80;)
        length--;
    struct str out = {0};
    str_add_bytes(&out, text, length);
    str_add(&out, " ... (cut)");
    return str_take(&out);
}

void onrecord_values_row(struct ctx *ctx, const char *const *cells)
{
    struct input *in = ctx->values;
    ctx->values_sent++;
    if (!onrecord_values_wanted(ctx))
        return;
    struct fact_row *row = &in->rows[in->row_count++];
    row->cells = xcalloc(in->column_count + 1, sizeof *row->cells);
    row->cell_count = in->column_count;
    for (size_t i = 0; i < in->column_count; i++) {
        row->cells[i].text = cells[i] ? cut(cells[i]) : NULL;
        ctx->values_bytes += cells[i] ? strlen(row->cells[i].text) : 1;
    }
}

struct input *onrecord_values_take(struct ctx *ctx, size_t parameters)
{
    if (!ctx->values && parameters) {
        char (*names)[24] = xcalloc(parameters, sizeof *names);
        const char **texts = xcalloc(parameters, sizeof *texts), **cells = xcalloc(parameters, sizeof *cells);
        for (size_t i = 0; i < parameters; i++) {
            snprintf(names[i], sizeof names[i], "$%zu", i + 1);
            texts[i] = names[i];
            cells[i] = redacted;
        }
        onrecord_values_begin(ctx, parameters, texts);
        onrecord_values_row(ctx, cells);
        free(names);
        free(texts);
        free(cells);
    }
    struct input *in = ctx->values;
    ctx->values = NULL;
    return in;
}

void onrecord_values_close(struct input *in, int64_t sent)
{
    char title[96];
    long long more = (long long)sent - (long long)in->row_count;
    if (more <= 0)
        return;
    snprintf(title, sizeof title, more == 1 ? "the values of %lld more row are not captured"
             : "the values of %lld more rows are not captured", more);
    in->title = xstrdup(title);
}

/* ---- a sheet's ---- */

bool onrecord_hides(const struct session *s, const struct bound *b, size_t column)
{
    const struct table_rule *rule = declared_rule(s, b->table);
    return b->fixture->column_secrets[column] || settings_is_secret(rule, b->fixture->columns[column]) ||
           settings_is_secret(rule, b->table->columns[b->columns[column]].name);
}

/* The parent's key column: hidden where the parent's own rule or fixture hides it. */
static bool hides_key(const struct session *s, const struct plan *plan, const struct db_table *parent, const char *key)
{
    if (settings_is_secret(declared_rule(s, parent), key))
        return true;
    for (size_t t = 0; t < plan->count; t++) {
        const struct fixture *f = plan->tables[t].bound->fixture;
        for (size_t i = 0; plan->tables[t].bound->table == parent && i < f->column_count; i++)
            if (f->column_secrets[i] && strcmp(f->columns[i], key) == 0)
                return true;
    }
    return false;
}

static bool hides_array(const struct session *s, const struct plan *plan, const struct sheet *sheet, size_t a)
{
    const struct sheet_origin *o = &sheet->origins[a];
    if (onrecord_hides(s, sheet->bound, o->column))
        return true;
    const struct sheet_column *c = &sheet->columns[o->column];
    return o->what == SHEET_REF && hides_key(s, plan, sheet->bound->refs[o->column].table, c->shape->keys[o->index]);
}

static char *array_name(const struct sheet *s, size_t a)
{
    static const char *const suffix[] = {[SHEET_VALUE] = "", [SHEET_KEY] = " (key)", [SHEET_OLD] = " (before)",
                                         [SHEET_REF] = ""};
    const struct sheet_origin *o = &s->origins[a];
    struct str name = {0};
    str_printf(&name, "$%zu %s%s", a + 1, s->bound->fixture->columns[o->column], suffix[o->what]);
    if (o->what == SHEET_REF)
        str_printf(&name, ".%s", s->columns[o->column].shape->keys[o->index]);
    return str_take(&name);
}

void onrecord_sheet(struct session *s, const struct plan *plan, const struct sheet *sheet)
{
    struct ctx *ctx = s->ctx;
    size_t count = sheet->array_count;
    char **names = xcalloc(count + 1, sizeof *names);
    const char **cells = xcalloc(count + 1, sizeof *cells);
    bool *hidden = xcalloc(count + 1, sizeof *hidden);
    for (size_t a = 0; a < count; a++) {
        names[a] = array_name(sheet, a);
        hidden[a] = hides_array(s, plan, sheet, a);
    }
    onrecord_values_begin(ctx, count, (const char *const *)names);
    for (size_t r = 0; r < sheet->count; r++) {
        for (size_t a = 0; a < count && onrecord_values_wanted(ctx); a++)
            cells[a] = hidden[a] ? redacted : sheet_text(sheet, a, r);
        onrecord_values_row(ctx, cells);
    }
    for (size_t a = 0; a < count; a++)
        free(names[a]);
    free(names);
    free(cells);
    free(hidden);
}
