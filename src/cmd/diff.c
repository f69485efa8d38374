/* diff - fixtures against live rows, as text or as one JSON document. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

struct printer {
    bool json, color;
    struct str out;
    struct json_out writer;
    const char *key[32];
    size_t key_count;
};

/* ---- JSON ---- */

static void json_place(struct json_out *o, const struct diff_row *row)
{
    struct str at = {0};
    if (row->row)
        str_printf(&at, "%s:%u", row->file, row->line);
    json_put_text(o, "at", row->row ? str_text(&at) : NULL);
    str_free(&at);
}

static bool json_begin_table(void *context, const char *table, const char *const *key, size_t count, struct err *err)
{
    struct printer *p = context;
    struct json_out *o = &p->writer;
    (void)err;
    json_object(o);
    json_put_text(o, "table", table);
    json_key(o, "key");
    json_array(o);
    p->key_count = 0;
    for (size_t i = 0; i < count; i++) {
        json_text(o, key[i]);
        p->key[p->key_count++] = key[i];
    }
    json_array_end(o);
    json_key(o, "rows");
    json_array(o);
    return true;
}

static bool json_row(void *context, const char *table, const struct diff_row *row, struct err *err)
{
    struct printer *p = context;
    struct json_out *o = &p->writer;
    (void)table;
    (void)err;
    json_object(o);
    json_put_text(o, "kind", diff_kind_name(row->kind));
    json_put_bool(o, "allowed", row->allowed);
    json_key(o, "key");
    json_object(o);
    for (size_t i = 0; i < p->key_count; i++)
        json_put_text(o, p->key[i], row->key[i]);
    json_object_end(o);
    json_key(o, "columns");
    json_array(o);
    for (size_t i = 0; i < row->cell_count; i++) {
        const struct diff_cell *c = &row->cells[i];
        json_object(o);
        json_put_text(o, "name", c->column);
        json_put_text(o, "fixture", c->fixture);
        json_put_text(o, "live", c->live);
        if (c->allowed)
            json_put_bool(o, "allowed", true);
        json_object_end(o);
    }
    json_array_end(o);
    json_place(o, row);
    json_object_end(o);
    return true;
}

static void json_number(struct json_out *o, const char *key, uint64_t n, bool held)
{
    json_key(o, key);
    if (held)
        json_null(o);
    else
        json_int(o, (int64_t)n);
}

static bool json_end_table(void *context, const char *table, const struct diff_totals *t, bool held, struct err *err)
{
    struct json_out *o = &((struct printer *)context)->writer;
    (void)table;
    (void)err;
    json_array_end(o);
    json_put_bool(o, "held", held);
    json_number(o, "missing", t->missing, held);
    json_number(o, "changed", t->changed, held);
    json_number(o, "extra", t->extra, held);
    json_number(o, "allowed_changed", t->allowed_changed, held);
    json_number(o, "allowed_extra", t->allowed_extra, held);
    json_number(o, "fixture_rows", t->fixture_rows, false);
    json_number(o, "live_rows", t->live_rows, held);
    json_put_text(o, "by", t->by_digests ? "digests" : "rows");
    json_put_text(o, "why_rows", t->why_rows);
    json_put_bool(o, "cached", t->kept);
    json_number(o, "reaction_ms", (uint64_t)t->reaction_ms, t->reaction_ms < 0);
    json_object_end(o);
    return true;
}

/* ---- text ---- */

static void flush(struct printer *p)
{
    fwrite(str_text(&p->out), 1, p->out.length, stdout);
    str_reset(&p->out);
}

static void add_visible(struct str *out, const char *text)
{
    if (text)
        text_visible(out, text, strlen(text));
    else
        str_add(out, "NULL");
}

static void add_value(struct str *out, const char *text)
{
    if (!text) {
        str_add(out, "NULL");
        return;
    }
    str_add_char(out, '"');
    add_visible(out, text);
    str_add_char(out, '"');
}

static bool text_begin_table(void *context, const char *table, const char *const *key, size_t count, struct err *err)
{
    struct printer *p = context;
    (void)err;
    p->key_count = 0;
    for (size_t i = 0; i < count; i++)
        p->key[p->key_count++] = key[i];
    add_visible(&p->out, table);
    str_add_char(&p->out, '\n');
    flush(p);
    return true;
}

static void add_cells(struct str *out, const struct diff_row *row)
{
    for (size_t i = 0; i < row->cell_count; i++) {
        const struct diff_cell *c = &row->cells[i];
        str_add(out, "      ");
        add_visible(out, c->column);
        str_add(out, ": fixture ");
        add_value(out, c->fixture);
        str_add(out, ", live ");
        add_value(out, c->live);
        str_add(out, c->allowed ? "  (allowed)\n" : "\n");
    }
}

static bool text_row(void *context, const char *table, const struct diff_row *row, struct err *err)
{
    static const char *const signs[] = {"+", "~", "−"}, *const colors[] = {"\033[31m", "\033[33m", "\033[36m"};
    struct printer *p = context;
    struct str *out = &p->out;
    (void)table;
    (void)err;
    str_printf(out, "  %s%s %-8s", p->color ? colors[row->kind] : "", signs[row->kind], diff_kind_name(row->kind));
    str_add(out, p->color ? "\033[0m" : "");
    for (size_t i = 0; i < p->key_count; i++) {
        str_add(out, i ? ", " : " ");
        add_visible(out, p->key[i]);
        str_add_char(out, '=');
        add_visible(out, row->key[i]);
    }
    if (row->row) {
        str_add(out, "   ");
        add_visible(out, row->file);
        str_printf(out, ":%u", row->line);
    }
    str_add(out, row->allowed ? "   (allowed)\n" : "\n");
    if (row->kind == DIFF_CHANGED)
        add_cells(out, row);
    flush(p);
    return true;
}

static void add_total(struct str *out, const char *what, uint64_t n, uint64_t allowed)
{
    str_printf(out, ", %llu %s", (unsigned long long)n, what);
    if (allowed)
        str_printf(out, " (%llu allowed)", (unsigned long long)allowed);
}

/* How it was compared, where that was a question, and what the answer hung on. */
static void add_way(struct str *out, const struct diff_totals *t)
{
    if (t->why_rows)
        str_printf(out, "; row by row: %s", t->why_rows);
    if (t->by_digests)
        str_add(out, "; by digests");
    if (t->reaction_ms >= 0 && (t->by_digests || t->why_rows))
        str_printf(out, " (%sthe server answers in %lld ms)", t->kept ? "the fixture's from the cache, " : "",
                   (long long)t->reaction_ms);
    str_add_char(out, '\n');
}

static bool text_end_table(void *context, const char *table, const struct diff_totals *t, bool held, struct err *err)
{
    struct printer *p = context;
    (void)table;
    (void)err;
    if (held) {
        str_add(&p->out, "  held: rows were deleted here, and a scan would destroy what can be read back. "
                         "Not compared; --scan looks anyway\n");
    } else if (t->missing + t->changed + t->extra == 0) {
        str_printf(&p->out, "  %llu %s, identical", (unsigned long long)t->live_rows, t->live_rows == 1 ? "row" : "rows");
        add_way(&p->out, t);
    } else {
        str_printf(&p->out, "  %llu live of %llu declared", (unsigned long long)t->live_rows,
                   (unsigned long long)t->fixture_rows);
        add_total(&p->out, "missing", t->missing, 0);
        add_total(&p->out, "changed", t->changed, t->allowed_changed);
        add_total(&p->out, "extra", t->extra, t->allowed_extra);
        add_way(&p->out, t);
    }
    flush(p);
    return true;
}

/* ---- the command ---- */

static const struct diff_report faces[] = {
    {.begin = text_begin_table, .row = text_row, .end = text_end_table},
    {.begin = json_begin_table, .row = json_row, .end = json_end_table},
};

static bool one_way(const struct options *options, struct err *err)
{
    if (!options->digest || !options->rows)
        return true;
    err_set(err, ERR_USAGE, "--digest and --rows are two ways");
    return err_hint(err, "give one of them, or neither: then the one that pays is taken");
}

int cmd_diff(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    struct printer p = {.json = options->json};
    bool identical = false;
    bool ok = face_open(&face, command, options, &err) && one_way(options, &err);
    p.color = face.color;
    struct diff_report report = faces[options->json];
    report.context = &p;
    report.way = options->digest ? DIFF_BY_DIGESTS : options->rows ? DIFF_BY_ROWS : DIFF_AS_IT_PAYS;
    if (options->json) {
        json_begin(&p.writer, &p.out);
        json_object(&p.writer);
        json_key(&p.writer, "tables");
        json_array(&p.writer);
    }
    ok = ok && op_diff(&face.session, options->operands, (size_t)options->operand_count, options->scan, &report,
                       &identical, &err);
    if (ok && options->json) {
        json_array_end(&p.writer);
        json_put_bool(&p.writer, "identical", identical);
        json_object_end(&p.writer);
        face_write_json(&p.out);
    } else if (ok) {
        puts(identical ? "identical" : "not identical");
    }
    str_free(&p.out);
    int code = face_close(&face, ok, &err);
    return ok && !identical ? err_exit_code(ERR_DIFFERENT) : code;
}
