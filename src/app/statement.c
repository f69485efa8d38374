#include "app/statement.h"

#include "app/util.h"

static void say_cells(const struct fact_row *row, struct str *out)
{
    for (size_t i = 0; i < row->cell_count; i++)
        str_printf(out, "%s%s", i ? ", " : "", row->cells[i].text ? row->cells[i].text : "NULL");
}

static void say_values(const struct input *in, size_t most, struct str *out)
{
    size_t shown = in->row_count < most ? in->row_count : most;
    str_add(out, "; values (");
    for (size_t i = 0; i < in->column_count; i++)
        str_printf(out, "%s%s", i ? ", " : "", or_empty(in->columns[i].text));
    str_add(out, ") =");
    for (size_t i = 0; i < shown; i++) {
        str_add(out, i ? ", (" : " (");
        say_cells(&in->rows[i], out);
        str_add_char(out, ')');
    }
    if (shown < in->row_count)
        str_printf(out, ", %zu more recorded", in->row_count - shown);
    if (!text_is_empty(in->title))
        str_printf(out, "; %s", in->title);
}

void statement_say(const struct input *in, size_t rows, struct str *out)
{
    str_printf(out, "%s%s%s", or_empty(in->name), text_is_empty(in->name) ? "" : ": ", or_empty(in->text));
    if (!text_is_empty(in->error.message))
        str_printf(out, " -- %s %s", in->error.message, or_empty(in->error.sqlstate));
    else
        str_printf(out, " -- %lld in %lld ms", (long long)in->number, (long long)in->number2);
    if (in->row_count)
        say_values(in, rows, out);
}
