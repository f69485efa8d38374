/* onrecord_diff - what a command's diff printed, as the console would have been shown it: the totals of each
 * table, and its first differences. The console records its pages itself. */
#include "op/onrecord_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { ROWS_MOST = 200, BYTES_MOST = 64 * 1024 };
enum { CELL_WHAT, CELL_KEY, CELL_COLUMN, CELL_FIXTURE, CELL_LIVE, CELL_AT, CELL_ALLOWED, CELLS };
static const char *const titles[CELLS] = {"what", "key", "column", "fixture", "live", "at", "allowed"};

void onrecord_diff_begin(struct onrecord_diff *d, struct ctx *ctx, const char *table, size_t key_count)
{
    *d = (struct onrecord_diff){.ctx = ctx, .table = table, .key_count = key_count, .on = ctx->face == GUARD_COMMAND};
    if (!d->on)
        return;
    d->page = input_new(IN_PAGE);
    d->page->rows = xcalloc(ROWS_MOST, sizeof *d->page->rows);
}

static void add_row(struct onrecord_diff *d, const char *const cells[CELLS])
{
    d->count++;
    if (d->page->row_count == ROWS_MOST || d->bytes > BYTES_MOST)
        return;
    struct fact_row *row = &d->page->rows[d->page->row_count++];
    row->cells = xcalloc(CELLS, sizeof *row->cells);
    row->cell_count = CELLS;
    for (int i = 0; i < CELLS; i++) {
        d->bytes += cells[i] ? strlen(cells[i]) : 0;
        row->cells[i].text = xstrdup(cells[i]);
    }
}

void onrecord_diff_row(struct onrecord_diff *d, const struct diff_row *row)
{
    struct str key = {0}, at = {0};
    if (!d->on)
        return;
    for (size_t i = 0; i < d->key_count; i++)
        str_printf(&key, "%s%s", i ? ", " : "", row->key[i] ? row->key[i] : "NULL");
    if (row->row)
        str_printf(&at, "%s:%u", row->file, row->line);
    const char *what = diff_kind_name(row->kind);
    if (row->kind == DIFF_CHANGED)
        for (size_t i = 0; i < row->cell_count; i++) {
            const struct diff_cell *c = &row->cells[i];
            bool allowed = row->allowed || c->allowed;
            add_row(d, (const char *const[]){what, str_text(&key), c->column, c->fixture, c->live, str_text(&at),
                                             allowed ? "allowed" : ""});
        }
    if (row->kind != DIFF_CHANGED) {
        char columns[32];
        snprintf(columns, sizeof columns, "%zu column%s", row->cell_count, row->cell_count == 1 ? "" : "s");
        bool missing = row->kind == DIFF_MISSING;
        add_row(d, (const char *const[]){what, str_text(&key), "", missing ? columns : NULL, missing ? NULL : columns,
                                         str_text(&at), row->allowed ? "allowed" : ""});
    }
    str_free(&key);
    str_free(&at);
}

void onrecord_diff_end(struct onrecord_diff *d, const struct diff_totals *totals, bool held)
{
    if (!d->on)
        return;
    uint64_t store = ++d->ctx->stores_told;
    struct input *in = input_new(IN_STORE);
    struct str name = {0};
    str_printf(&name, "diff:%s", d->table);
    in->name = str_take(&name);
    in->store = store;
    in->number = d->count;
    in->number2 = 1;
    in->columns = xcalloc(CELLS, sizeof *in->columns);
    in->column_count = CELLS;
    for (int i = 0; i < CELLS; i++)
        in->columns[i].text = xstrdup(titles[i]);
    in->tables = xcalloc(1, sizeof *in->tables);
    in->table_count = 1;
    *in->tables = (struct fact_table){
        .name = xstrdup(d->table), .held = held, .rows = held ? -1 : (int64_t)totals->live_rows, .min_rows = -1,
        .fixture_rows = (int64_t)totals->fixture_rows, .missing = held ? -1 : (int64_t)totals->missing,
        .changed = held ? -1 : (int64_t)totals->changed, .extra = held ? -1 : (int64_t)totals->extra,
        .allowed_changed = (int64_t)totals->allowed_changed, .allowed_extra = (int64_t)totals->allowed_extra,
        .bytes = -1};
    ctx_emit(d->ctx, in);
    d->page->store = store;
    if (d->page->row_count)
        ctx_emit(d->ctx, d->page);
    else
        input_free(d->page);
    d->page = NULL;
}

void onrecord_diff_drop(struct onrecord_diff *d)
{
    input_free(d->page);
    d->page = NULL;
}
