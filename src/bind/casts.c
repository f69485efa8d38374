/* casts - what only the server can judge: each column's values of a batch are cast there, in a read-only probe
 * that writes nothing; a batch that fails is divided until each value that does not fit stands alone. */
#include <stdlib.h>
#include <string.h>

#include "bind/check.h"
#include "bind/parts.h"

enum { DIVIDE_BY = 16 };

struct item {
    char *text;
    struct fixture_value value;   /* for its place and its secrecy; its own text is not kept */
    unsigned row_line, row_column;
};

struct column {
    struct item *items;
    size_t count, capacity;
};

struct casts {
    const struct checking *c;
    const struct bound *bound;
    struct column *columns;
    struct arena texts;
    size_t bytes;
    bool full;
};

/* A run of one column's items, and the probe that casts them. */
struct range {
    size_t column, from, to;
    struct str sql, array;
    const char *params[1];
};

bool parts_is_data_error(const struct err *err)
{
    /* data exceptions, constraints of a domain, values a type does not take, errors raised by functions */
    return strncmp(err->sqlstate, "22", 2) == 0 || strncmp(err->sqlstate, "23", 2) == 0
           || strncmp(err->sqlstate, "P0", 2) == 0 || strcmp(err->sqlstate, "54000") == 0;
}

void parts_add_element(struct str *out, const char *text)
{
    str_add(out, out->length > 1 ? ",\"" : "\"");
    for (;;) {
        size_t plain = strcspn(text, "\"\\");
        str_add_bytes(out, text, plain);
        text += plain;
        if (!*text)
            break;
        str_add_char(out, '\\');
        str_add_char(out, *text++);
    }
    str_add_char(out, '"');
}

static const struct db_column *live_column(const struct casts *casts, size_t column)
{
    return &casts->bound->table->columns[casts->bound->columns[column]];
}

static void say_item(struct casts *casts, const struct range *range, const struct err *refusal)
{
    const struct item *item = &casts->columns[range->column].items[range->from];
    const struct db_column *live = live_column(casts, range->column);
    const struct fixture_row row = {.line = item->row_line, .column = item->row_column};
    char shown[CHECK_SHOWN];
    struct err e;
    err_set(&e, ERR_FIXTURE, "column \"%s\": %s is no value of type %s", live->name,
            check_show(&item->value, item->text, shown), live->type.name);
    err_sqlstate(&e, refusal->sqlstate);
    /* The server's words repeat the value. */
    if (!item->value.secret)
        err_why(&e, "%s", refusal->message);
    fixture_at(&e, casts->bound->fixture, &row, &item->value);
    problems_add(casts->c->problems, &e);
}

/* An explicit cast cuts a text to varchar(n) or bit(n) without a word; a record's input does not. So types with
 * a modifier that check_value cannot judge go through one: bit strings whole, arrays element by element. */
static void cast_sql(const struct db_type *type, struct str *sql)
{
    size_t length = strlen(type->name);
    bool bits = strcmp(type->base, "bit") == 0 || strcmp(type->base, "varbit") == 0;
    bool array = type->category == 'A' && strchr(type->name, '(') && length > 2;
    str_printf(sql, "SELECT count(x::%s)", type->name);
    if (bits || array)
        str_printf(sql, ", sum((SELECT count(r.c) FROM unnest(%s) AS e(y),"
                        " jsonb_to_record(jsonb_build_object('c', y)) AS r(c %.*s)))",
                   array ? "x::text[]" : "ARRAY[x]", (int)(array ? length - 2 : length), type->name);
    str_add(sql, " FROM unnest($1::text[]) AS u(x)");
}

static void range_prepare(const struct casts *casts, struct range *range, struct db_probe *probe)
{
    const struct column *column = &casts->columns[range->column];
    cast_sql(&live_column(casts, range->column)->type, &range->sql);
    str_add_char(&range->array, '{');
    for (size_t i = range->from; i < range->to; i++)
        parts_add_element(&range->array, column->items[i].text);
    str_add_char(&range->array, '}');
    range->params[0] = str_text(&range->array);
    *probe = (struct db_probe){.name = "values", .sql = str_text(&range->sql), .count = 1,
                               .params = range->params, .statement_timeout_ms = PROBE_TIMEOUT_MS};
}

static bool narrow(struct casts *casts, const struct range *range, struct err *err);

/* Asks about all ranges in one round trip; the ones that fail are said, or divided. */
static bool ask(struct casts *casts, struct range *ranges, size_t count, struct err *err)
{
    struct db_probe *probes = xcalloc(count, sizeof *probes);
    for (size_t i = 0; i < count; i++)
        range_prepare(casts, &ranges[i], &probes[i]);
    bool ok = db_pipeline(casts->c->db, probes, count, err);
    for (size_t i = 0; i < count; i++) {
        str_free(&ranges[i].sql);
        str_free(&ranges[i].array);
    }
    for (size_t i = 0; ok && i < count && !problems_full(casts->c->problems); i++) {
        if (probes[i].ok)
            continue;
        if (!parts_is_data_error(&probes[i].err)) {
            *err = probes[i].err;
            err_context(err, "cannot check column \"%s\"", live_column(casts, ranges[i].column)->name);
            ok = false;
        } else if (ranges[i].to - ranges[i].from == 1) {
            say_item(casts, &ranges[i], &probes[i].err);
        } else {
            ok = narrow(casts, &ranges[i], err);
        }
    }
    db_probes_free(probes, count);
    free(probes);
    return ok;
}

static bool narrow(struct casts *casts, const struct range *range, struct err *err)
{
    struct range parts[DIVIDE_BY] = {0};
    size_t length = range->to - range->from, count = length < DIVIDE_BY ? length : DIVIDE_BY;
    for (size_t i = 0; i < count; i++) {
        parts[i].column = range->column;
        parts[i].from = range->from + length * i / count;
        parts[i].to = range->from + length * (i + 1) / count;
    }
    return ask(casts, parts, count, err);
}

bool casts_flush(struct casts *casts, struct err *err)
{
    size_t columns = casts->bound->fixture->column_count, count = 0;
    struct range *ranges = xcalloc(columns, sizeof *ranges);
    for (size_t i = 0; i < columns; i++) {
        if (casts->columns[i].count)
            ranges[count++] = (struct range){.column = i, .to = casts->columns[i].count};
    }
    bool ok = count == 0 || ask(casts, ranges, count, err);
    free(ranges);
    for (size_t i = 0; i < columns; i++)
        casts->columns[i].count = 0;
    arena_reset(&casts->texts);
    casts->bytes = 0;
    casts->full = false;
    return ok;
}

bool casts_add(struct casts *casts, size_t column, const struct fixture_row *row,
               const struct fixture_value *value, const char *text, struct err *err)
{
    struct column *to = &casts->columns[column];
    size_t length = strlen(text);
    if (casts->full && !casts_flush(casts, err))
        return false;
    if (to->count == to->capacity) {
        to->capacity = to->capacity ? to->capacity * 2 : 16;
        to->items = xrealloc(to->items, to->capacity * sizeof *to->items);
    }
    to->items[to->count++] = (struct item){.text = arena_strndup(&casts->texts, text, length), .value = *value,
                                           .row_line = row->line, .row_column = row->column};
    casts->bytes += length;
    casts->full = to->count >= BATCH_ROWS || casts->bytes >= BATCH_BYTES;
    return true;
}

struct casts *casts_new(const struct checking *c, const struct bound *bound)
{
    struct casts *casts = xcalloc(1, sizeof *casts);
    casts->c = c;
    casts->bound = bound;
    casts->columns = xcalloc(bound->fixture->column_count, sizeof *casts->columns);
    return casts;
}

void casts_free(struct casts *casts)
{
    for (size_t i = 0; i < casts->bound->fixture->column_count; i++)
        free(casts->columns[i].items);
    free(casts->columns);
    arena_free(&casts->texts);
    free(casts);
}
