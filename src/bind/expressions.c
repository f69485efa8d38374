/* expressions - !sql is evaluated when a row is inserted, not before; here the server only plans it. */
#include <stdlib.h>
#include <string.h>

#include "bind/parts.h"

enum { DIFFERENT_MOST = 200 };   /* of one table; more of them differ in their literals, not in their grammar */

struct expression {
    size_t column;
    const char *text;
    struct fixture_value place;
    unsigned row_line, row_column;
    struct str sql;
};

struct expressions {
    const struct checking *c;
    const struct bound *bound;
    struct arena arena;
    struct expression items[DIFFERENT_MOST];
    size_t count;
};

struct expressions *expressions_new(const struct checking *c, const struct bound *bound)
{
    struct expressions *e = xcalloc(1, sizeof *e);
    e->c = c;
    e->bound = bound;
    return e;
}

void expressions_free(struct expressions *e)
{
    arena_free(&e->arena);
    free(e);
}

bool expressions_add(struct expressions *e, size_t column, const struct fixture_row *row,
                     const struct fixture_value *value, struct err *err)
{
    (void)err;
    if (e->count == DIFFERENT_MOST)
        return true;
    for (size_t i = 0; i < e->count; i++) {
        if (e->items[i].column == column && strcmp(e->items[i].text, value->text) == 0)
            return true;
    }
    e->items[e->count++] = (struct expression){.column = column, .text = arena_strdup(&e->arena, value->text),
                                               .place = *value, .row_line = row->line,
                                               .row_column = row->column};
    return true;
}

static void say_expression(struct expressions *e, const struct expression *x, const struct err *refusal)
{
    struct err found;
    err_set(&found, ERR_FIXTURE, "column \"%s\": the server does not take !sql %.80s",
            e->bound->fixture->columns[x->column], x->text);
    err_why(&found, "%s", refusal->message);
    err_hint(&found, "%s", refusal->hint);
    err_sqlstate(&found, refusal->sqlstate);
    const struct fixture_row row = {.line = x->row_line, .column = x->row_column};
    fixture_at(&found, e->bound->fixture, &row, &x->place);
    problems_add(e->c->problems, &found);
}

/* A refusal that says something of the expression: its grammar, its names, its types, its values. */
static bool is_about_it(const struct err *refusal)
{
    return strncmp(refusal->sqlstate, "42", 2) == 0 || strncmp(refusal->sqlstate, "0A", 2) == 0
           || parts_is_data_error(refusal);
}

bool expressions_flush(struct expressions *e, struct err *err)
{
    struct db_probe *probes = xcalloc(e->count, sizeof *probes);
    for (size_t i = 0; i < e->count; i++) {
        struct expression *x = &e->items[i];
        const struct db_column *live = &e->bound->table->columns[e->bound->columns[x->column]];
        /* The line end keeps a comment in the expression from swallowing the bracket. */
        str_printf(&x->sql, "EXPLAIN SELECT (%s\n)::%s", x->text, live->type.name);
        probes[i] = (struct db_probe){.name = "!sql", .sql = str_text(&x->sql),
                                      .default_path = true,
                                      .statement_timeout_ms = PROBE_TIMEOUT_MS};
    }
    bool ok = e->count == 0 || db_pipeline(e->c->db, probes, e->count, err);
    for (size_t i = 0; i < e->count; i++) {
        if (ok && !probes[i].ok && is_about_it(&probes[i].err)) {
            say_expression(e, &e->items[i], &probes[i].err);
        } else if (ok && !probes[i].ok) {
            *err = probes[i].err;
            ok = err_context(err, "cannot check !sql");
        }
        str_free(&e->items[i].sql);
    }
    db_probes_free(probes, e->count);
    free(probes);
    e->count = 0;
    return ok;
}
