/* count - rows per table. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/many.h"
#include "run/light.h"

static void put_json(const struct input *counted, struct str *out)
{
    struct json_out o;
    json_begin(&o, out);
    json_object(&o);
    json_key(&o, "tables");
    json_array(&o);
    for (size_t i = 0; i < counted->table_count; i++) {
        const struct fact_table *t = &counted->tables[i];
        bool by_tid = t->held && !t->estimated;
        json_object(&o);
        json_put_text(&o, "table", t->name);
        json_put_text(&o, "class", t->class);
        json_put_known(&o, "rows", t->held ? -1 : t->rows);
        json_put_bool(&o, "estimated", t->estimated);
        json_put_bool(&o, "held", t->held);
        if (by_tid)
            json_put_int(&o, "rows_by_tid", t->rows);
        json_put_text(&o, "note", t->note && t->note[0] ? t->note : NULL);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_object_end(&o);
}

static void print_json(const struct input *counted)
{
    struct str out = {0};
    put_json(counted, &out);
    face_write_json(&out);
    str_free(&out);
}

static void print_text(const struct input *counted)
{
    struct str out = {0}, count = {0};
    for (size_t i = 0; i < counted->table_count; i++) {
        const struct fact_table *t = &counted->tables[i];
        str_reset(&count);
        face_count(&count, t->rows, t->estimated);
        str_printf(&out, "%*s%s  ", 14 - text_width(str_text(&count)), "", str_text(&count));
        text_visible(&out, t->name, strlen(t->name));
        if (t->held)
            str_printf(&out, "  held: %s; --scan counts by reading it", t->estimated ? "estimated" : "counted by TID");
        if (t->note && t->note[0]) {
            str_add(&out, "  ");
            text_visible(&out, t->note, strlen(t->note));
        }
        str_add_char(&out, '\n');
    }
    fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&count);
    str_free(&out);
}

/* A count that could not be made is no success, though the others are shown. */
static bool all_counted(const struct input *counted, struct err *err)
{
    size_t failed = 0;
    for (size_t i = 0; i < counted->table_count; i++)
        failed += counted->tables[i].note && counted->tables[i].note[0];
    if (failed == 0)
        return true;
    err_set(err, ERR_GENERAL, "%zu %s not be counted", failed, failed == 1 ? "table could" : "tables could");
    return err_hint(err, "each line says why");
}

/* ---- several ---- */

/* The first table that is not simply counted, by its name. */
static char *first_note(const struct input *counted)
{
    struct str out = {0};
    for (size_t i = 0; i < counted->table_count && !out.length; i++) {
        const struct fact_table *t = &counted->tables[i];
        if (t->note && t->note[0])
            str_printf(&out, "%s: %s", t->name, t->note);
        else if (t->held)
            str_printf(&out, "%s is held", t->name);
    }
    return str_take(&out);
}

static bool work(struct many_row *row, struct err *err)
{
    const struct options *options = row->many->face->options;
    if (!op_count(&row->member->session, options->scan, err))
        return false;
    const struct input *counted = row->last[IN_TABLE];
    struct err uncounted = {0};
    struct str text = {0};
    int64_t rows = 0;
    bool estimated = false;
    for (size_t i = 0; i < counted->table_count; i++) {
        rows += counted->tables[i].rows > 0 ? counted->tables[i].rows : 0;
        estimated |= counted->tables[i].estimated;
        row->concern |= counted->tables[i].held;
    }
    row->class = all_counted(counted, &uncounted) ? ERR_NONE : uncounted.class;
    str_printf(&text, "%zu", counted->table_count);
    many_cell(row, 0, str_take(&text));
    face_count(&text, rows, estimated);
    many_cell(row, 1, str_take(&text));
    row->text = first_note(counted);
    light_reached(&row->light);
    if (options->json)
        put_json(counted, &row->json);
    return true;
}

static const struct many_class count_of_many = {.titles = {"tables", "rows", NULL}, .well = "counted", .work = work};

int cmd_count(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    struct selection selection = {0};
    bool ok = face_load(&face, command, options, &err) && many_select(&face, &selection, &err);
    if (ok && selection.several)
        return many_run(&face, &selection, &count_of_many);
    ok = ok && face_connect(&face, &err) && op_count(&face.session, options->scan, &err);
    if (ok)
        (options->json ? print_json : print_text)(face.last[IN_TABLE]);
    bool counted = ok && all_counted(face.last[IN_TABLE], &err);
    if (ok && !counted)
        face_print_error(&err, false);
    int code = face_close(&face, ok, &err);
    return ok && !counted ? err_exit_code(err.class) : code;
}
