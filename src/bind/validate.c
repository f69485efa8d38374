/* validate - A6: every value against the live schema before anything is written.
 *
 *   table by table:  rights, columns that an INSERT would miss
 *   row by row:      NULLs, then check (catalogue) ─ fine
 *                                                  ├ wrong → problem
 *                                                  └ ask   → casts (server)
 *                    !ref → refs,  !sql → expressions,  !argon2id → does the hash fit
 *
 * Batches bound the memory. Nothing is written: every probe is its own read-only transaction. */
#include "bind/validate.h"

#include <string.h>

#include "bind/check.h"
#include "bind/parts.h"

enum { ARGON2ID_LENGTH = 97 };   /* of the PHC string we write: 16 bytes of salt, 32 of hash */

struct table_check {
    const struct checking *c;
    const struct bound *bound;
    struct casts *casts;         /* NULL, as the two below: nobody may be asked */
    struct refs *refs;
    struct expressions *expressions;
    struct arena arena, row_arena;
    check_function **checks;     /* parallel to fixture->columns; NULL: it is ignored */
    bool odd_keys;       /* some key is not written as the server prints it */
};

static const struct db_column *live_column(const struct bound *b, size_t column)
{
    return &b->table->columns[b->columns[column]];
}

static void say_at_table(const struct table_check *t, struct err *e)
{
    const struct fixture *f = t->bound->fixture;
    err_at(e, f->file, f->table_line, f->table_column);
    problems_add(t->c->problems, e);
}

/* --- what concerns the table --- */

static void say_no_right(const struct table_check *t, const char *right, const char *column)
{
    struct err e;
    struct str relation = {0}, quoted = {0};
    db_quote_relation(&relation, t->bound->table->schema, t->bound->table->name);
    if (column)
        db_quote_identifier(&quoted, column);
    err_set(&e, ERR_FIXTURE, "no right to %s %s%s%s", right, str_text(&relation), column ? " column " : "",
            str_text(&quoted));
    err_hint(&e, "GRANT SELECT, INSERT, UPDATE ON %s TO %s", str_text(&relation), db_facts(t->c->db)->user);
    err_sqlstate(&e, "42501");
    say_at_table(t, &e);
    str_free(&relation);
    str_free(&quoted);
}

/* One message a right: the first column that lacks it stands for the others. */
static void check_rights(const struct table_check *t)
{
    const struct fixture *f = t->bound->fixture;
    const char *no_select = NULL, *no_insert = NULL, *no_update = NULL;
    for (size_t i = 0; i < f->column_count; i++) {
        const struct db_column *live = live_column(t->bound, i);
        bool key = false;
        for (size_t k = 0; k < t->bound->key_count; k++)
            key = key || t->bound->key[k] == i;
        if (fixture_ignores(f, f->columns[i]))
            continue;
        if (!live->can_select && !no_select)
            no_select = live->name;
        if (!live->can_insert && !no_insert)
            no_insert = live->name;
        if (!live->can_update && !key && f->mode == FIXTURE_UPSERT && !fixture_keeps(f, f->columns[i]) && !no_update)
            no_update = live->name;
    }
    if (no_select)
        say_no_right(t, "SELECT from", t->bound->table->can_select ? no_select : NULL);
    if (no_insert)
        say_no_right(t, "INSERT into", t->bound->table->can_insert ? no_insert : NULL);
    if (no_update)
        say_no_right(t, "UPDATE", t->bound->table->can_update ? no_update : NULL);
}

/* The database fills a column that is left out: NULL, a default, a sequence, an expression. */
static bool needs_value(const struct db_column *live)
{
    return (live->not_null || live->type.domain_not_null) && !live->has_default && !live->identity
           && !live->identity_always && !live->generated;
}

static void check_columns_left_out(const struct table_check *t)
{
    const struct fixture *f = t->bound->fixture;
    const struct db_table *table = t->bound->table;
    struct err e;
    /* A trigger may fill it before the constraint looks. */
    if (f->row_count == 0 || table->has_triggers)
        return;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct db_column *live = &table->columns[i];
        bool ignored = fixture_ignores(f, live->name);
        if (!needs_value(live) || (fixture_column(f, live->name) >= 0 && !ignored))
            continue;
        err_set(&e, ERR_FIXTURE, "column \"%s\" of \"%s\" is NOT NULL without a default, and %s", live->name,
                table->name, ignored ? "the fixture ignores it" : "no row gives it");
        err_hint(&e, ignored ? "ignored columns are not written: a new row would have none"
                             : "give it in the rows or in defaults:");
        say_at_table(t, &e);
    }
}

/* --- what concerns a value --- */

static void say_value(const struct table_check *t, const struct fixture_row *row,
                      const struct fixture_value *value, struct err *e)
{
    e->class = ERR_FIXTURE;
    fixture_at(e, t->bound->fixture, row, value);
    problems_add(t->c->problems, e);
}

static void check_missing(const struct table_check *t, const struct fixture_row *row, size_t column)
{
    const struct db_column *live = live_column(t->bound, column);
    const struct fixture_value *value = &row->values[column];
    struct err e;
    if (value->kind == VALUE_NULL && (live->not_null || live->type.domain_not_null)) {
        err_set(&e, ERR_FIXTURE, "column \"%s\" is NOT NULL, and the value is null", live->name);
        if (t->bound->fixture->csv)
            err_hint(&e, "an unquoted empty value is NULL; write \"\" for the empty text");
    } else if (value->kind == VALUE_ABSENT && needs_value(live) && !t->bound->table->has_triggers) {
        err_set(&e, ERR_FIXTURE, "the row has no \"%s\", which is NOT NULL without a default", live->name);
    } else {
        return;
    }
    say_value(t, row, value->kind == VALUE_NULL ? value : NULL, &e);
}

static void check_password(const struct table_check *t, const struct fixture_row *row, size_t column)
{
    const struct db_column *live = live_column(t->bound, column);
    struct err e;
    if (live->type.category != 'S')
        err_set(&e, ERR_FIXTURE, "column \"%s\": !argon2id gives a text, and the type is %s", live->name,
                live->type.name);
    else if (live->type.max_length >= 0 && live->type.max_length < ARGON2ID_LENGTH)
        err_set(&e, ERR_FIXTURE, "column \"%s\": an Argon2id hash of %d characters is too long for %s", live->name,
                ARGON2ID_LENGTH, live->type.name);
    else
        return;
    say_value(t, row, &row->values[column], &e);
}

/* A database in another encoding may lack a character that a text has: only the server knows. */
static bool may_not_encode(const struct table_check *t, const char *text)
{
    while (!t->c->utf8 && *text && !((unsigned char)*text & 0x80))
        text++;
    return !t->c->utf8 && *text;
}

static bool check_sendable(struct table_check *t, const struct fixture_row *row, size_t column, struct err *err)
{
    const struct fixture_value *value = &row->values[column];
    const char *text;
    struct err e;
    if (!bound_text(t->bound, column, value, &t->row_arena, &text, &e)) {
        say_value(t, row, value, &e);
        return true;
    }
    switch (t->checks[column](live_column(t->bound, column), value, text, &e)) {
    case CHECK_FINE:
        if (!may_not_encode(t, text))
            return true;
        /* fall through */
    case CHECK_ASK: return t->casts && casts_add(t->casts, column, row, value, text, err);
    case CHECK_WRONG: break;
    }
    say_value(t, row, value, &e);
    return true;
}

static bool check_row_value(struct table_check *t, const struct fixture_row *row, size_t column, struct err *err)
{
    const struct fixture_value *value = &row->values[column];
    switch (value->kind) {
    case VALUE_ABSENT:
    case VALUE_NULL: check_missing(t, row, column); return true;
    case VALUE_TEXT:
    case VALUE_JSON:
    case VALUE_ENV: return check_sendable(t, row, column, err);
    case VALUE_ARGON2ID: check_password(t, row, column); return true;
    case VALUE_REF: return t->refs && refs_add(t->refs, t->bound, column, row, value, err);
    case VALUE_SQL: return t->expressions && expressions_add(t->expressions, column, row, value, err);
    }
    return true;
}

static bool is_stopped(const struct checking *c) { return c->stop && atomic_load(c->stop); }

static void choose_checks(struct table_check *t)
{
    const struct fixture *f = t->bound->fixture;
    t->checks = arena_alloc(&t->arena, f->column_count * sizeof *t->checks);
    for (size_t i = 0; i < f->column_count; i++)
        t->checks[i] = fixture_ignores(f, f->columns[i]) ? NULL : check_of(live_column(t->bound, i));
}

static bool check_rows(struct table_check *t, struct err *err)
{
    const struct fixture *f = t->bound->fixture;
    choose_checks(t);
    struct fixture_reader *reader;
    const struct fixture_row *row;
    if (!fixture_open(&reader, f, t->c->options, err))
        return false;
    bool ok;
    while ((ok = !is_stopped(t->c) && fixture_next(reader, &row, err)) && row && !problems_full(t->c->problems)) {
        arena_reset(&t->row_arena);
        t->odd_keys = t->odd_keys || repeats_odd_row(t->bound, row);
        for (size_t i = 0; ok && i < f->column_count; i++) {
            if (t->checks[i])
                ok = check_row_value(t, row, i, err);
        }
        if (!ok)
            break;
    }
    fixture_close(reader);
    return ok;
}

static bool check_table(const struct checking *c, const struct bound *bound, struct refs *refs, struct err *err)
{
    struct table_check t = {.c = c, .bound = bound, .refs = refs};
    t.casts = casts_new(c, bound);
    t.expressions = expressions_new(c, bound);
    check_rights(&t);
    check_columns_left_out(&t);
    size_t before = c->problems->listed;
    bool ok = check_rows(&t, err) && casts_flush(t.casts, err) && expressions_flush(t.expressions, err);
    if (ok && t.odd_keys && c->problems->listed == before)
        ok = repeats_check(c, bound, err);
    casts_free(t.casts);
    expressions_free(t.expressions);
    arena_free(&t.row_arena);
    arena_free(&t.arena);
    return ok;
}

static bool holds_any_character(const struct db *db)
{
    const char *encoding = db_facts(db)->server_encoding;
    return strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0;
}

bool validate_rows(const struct bound_set *set, const struct db_catalog *catalog,
                   const struct fixture_options *options, struct db *db, struct err_list *list, struct err *err)
{
    struct problems problems = {.to = list};
    struct checking c = {.set = set, .catalog = catalog, .options = options, .db = db, .problems = &problems,
                         .utf8 = holds_any_character(db)};
    struct refs *refs = refs_new(&c);
    err_clear(err);
    bool ok = true;
    for (size_t i = 0; ok && i < set->count && !problems_full(&problems); i++)
        ok = check_table(&c, &set->items[i], refs, err);
    ok = ok && refs_flush(refs, err);
    refs_free(refs);
    return problems_end(&problems) && ok;
}

/* ---- without asking anyone ---- */

static bool table_is_fine(const struct checking *c, const struct bound *bound)
{
    struct table_check t = {.c = c, .bound = bound};
    struct err ignored;
    check_rights(&t);
    check_columns_left_out(&t);
    bool ok = check_rows(&t, &ignored) && !t.odd_keys;
    arena_free(&t.row_arena);
    arena_free(&t.arena);
    return ok;
}

bool validate_alone(const struct bound_set *set, const struct fixture_options *options, struct db *db,
                    const atomic_bool *stop)
{
    struct err_list list = {0};
    struct problems problems = {.to = &list};
    struct checking c = {.set = set, .options = options, .db = db, .problems = &problems,
                         .utf8 = holds_any_character(db), .stop = stop};
    bool ok = true;
    for (size_t i = 0; ok && i < set->count; i++)
        ok = table_is_fine(&c, &set->items[i]) && problems.listed == 0;
    problems_end(&problems);
    err_list_free(&list);
    return ok;
}
