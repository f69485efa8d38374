/* capture - live rows as a fixture that says the same: a natural key, references instead of surrogate ids, every
 * value in a form that reads back as itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/text.h"
#include "db/copy.h"
#include "event/codec.h"
#include "op/declared.h"
#include "op/ops.h"
#include "op/tables.h"

struct captured {                 /* a column of the fixture */
    const struct db_column *column;
    const struct db_table *parent; /* its values are written as references to this table, by */
    const struct db_key *parent_key;
    size_t field;                 /* first of its texts in a row */
};

struct capture {
    struct session *session;
    struct arena arena;
    struct db_catalog catalog;    /* with the details of every table */
    const struct db_table *table;
    const struct db_key *key;
    struct captured *columns;
    size_t count, field_count;
    struct str *out;
};

/* ---- what to take ---- */

/* Made by the database, and so different in every one: no key to recognise a row by. */
static bool surrogate(const struct db_column *c)
{
    return c->identity || c->sequence || (c->has_default && strcmp(c->type.base, "uuid") == 0);
}

static bool natural(const struct db_table *table, const struct db_key *key)
{
    for (size_t i = 0; i < key->count; i++) {
        const struct db_column *c = &table->columns[key->columns[i]];
        if (surrogate(c) || c->generated || !c->not_null)
            return false;
    }
    return key->count > 0;
}

/* The primary key if it is natural, else the narrowest natural unique key, else the primary key after all. */
static const struct db_key *choose_key(const struct db_table *table)
{
    const struct db_key *primary = db_table_primary_key(table), *best = NULL;
    if (primary && natural(table, primary))
        return primary;
    for (size_t i = 0; i < table->key_count; i++) {
        const struct db_key *key = &table->keys[i];
        if (natural(table, key) && (!best || key->count < best->count))
            best = key;
    }
    return best ? best : primary;
}

static bool in_key(const struct db_table *table, const struct db_key *key, const struct db_column *column)
{
    for (size_t i = 0; key && i < key->count; i++)
        if (&table->columns[key->columns[i]] == column)
            return true;
    return false;
}

static bool is_secret(const struct capture *c, const char *column)
{
    const struct table_rule *rule = settings_table(c->session->ctx->settings, c->table->name);
    return settings_is_secret(rule, column);
}

/* A foreign key of one column whose parent has a natural key other than the referenced column itself, and none of
 * references in its turn. */
static void find_parent(const struct capture *c, struct captured *to)
{
    size_t column = (size_t)(to->column - c->table->columns);
    for (size_t i = 0; i < c->table->foreign_key_count; i++) {
        const struct db_foreign_key *fk = &c->table->foreign_keys[i];
        const struct db_table *parent = db_catalog_by_oid(&c->catalog, fk->target);
        if (fk->count != 1 || fk->columns[0] != column || !parent || !parent->details)
            continue;
        const struct db_key *key = choose_key(parent);
        const struct db_column *target = db_table_column(parent, fk->target_columns[0]);
        if (!key || !natural(parent, key) || !target || in_key(parent, key, target))
            continue;
        to->parent = parent;
        to->parent_key = key;
        return;
    }
}

static void choose_columns(struct capture *c)
{
    c->columns = arena_alloc(&c->arena, c->table->column_count * sizeof *c->columns);
    for (size_t i = 0; i < c->table->column_count; i++) {
        const struct db_column *column = &c->table->columns[i];
        bool key = in_key(c->table, c->key, column);
        if (column->generated || (!key && (surrogate(column) || is_secret(c, column->name))))
            continue;
        struct captured *to = &c->columns[c->count++];
        to->column = column;
        find_parent(c, to);
        to->field = c->field_count;
        c->field_count += to->parent ? to->parent_key->count : 1;
    }
}

/* ---- YAML ---- */

/* Double quotes: nothing in them is taken for anything else. */
static void quoted(struct str *out, const char *text)
{
    str_add_char(out, '"');
    for (const char *at = text; *at;) {
        int32_t point;
        size_t bytes = text_decode(at, strlen(at), &point);
        if (*at == '"' || *at == '\\')
            str_printf(out, "\\%c", *at);
        else if (*at == '\n')
            str_add(out, "\\n");
        else if (*at == '\t')
            str_add(out, "\\t");
        else if (point >= 0 && (point < 0x20 || (point >= 0x7f && point < 0xa0)))
            str_printf(out, "\\x%02X", (unsigned)point);
        else if (point == 0x2028 || point == 0x2029 || point == 0xfeff)
            str_printf(out, "\\u%04X", (unsigned)point);
        else
            str_add_bytes(out, at, bytes);
        at += bytes;
    }
    str_add_char(out, '"');
}

/* Plain where any reader would take it for the same text. */
static void name(struct str *out, const char *text)
{
    size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    bool letter = (text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z';
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        letter &= strcasecmp(text, words[i]) != 0;
    if (letter && text[plain] == '\0')
        str_add(out, text);
    else
        quoted(out, text);
}

/* In a json column a quoted scalar is a JSON string, unless it is an object or an array itself; what else JSON
 * has is written plain, as JSON writes it. */
static void json_value(struct str *out, const char *text)
{
    size_t blank = strspn(text, " \t\r\n");
    if (text[blank] == '{' || text[blank] == '[')
        quoted(out, text);
    else
        str_add(out, text);   /* a JSON string is a YAML double-quoted one; numbers and booleans are the same */
}

static bool write_value(struct capture *c, const struct captured *to, char *const *fields, struct err *err)
{
    const char *text = fields[to->field];
    struct str *out = c->out;
    if (!text) {
        str_add(out, "null");
        return true;
    }
    if (to->parent) {
        str_add(out, "!ref {table: ");
        name(out, declared_name(c->session, to->parent));
        for (size_t i = 0; i < to->parent_key->count; i++) {
            str_add(out, ", ");
            name(out, to->parent->columns[to->parent_key->columns[i]].name);
            str_add(out, ": ");
            quoted(out, fields[to->field + i]);
        }
        str_add_char(out, '}');
        return true;
    }
    bool json = strcmp(to->column->type.base, "json") == 0 || strcmp(to->column->type.base, "jsonb") == 0;
    if (json && strcmp(text + strspn(text, " \t\r\n"), "null") == 0) {
        err_set(err, ERR_FIXTURE, "column \"%s\" holds a JSON null, which a fixture cannot say", to->column->name);
        return err_hint(err, "in a fixture null is SQL NULL: list the column under ignore: and write the rest by hand");
    }
    if (json)
        json_value(out, text);
    else
        quoted(out, text);
    return true;
}

static void write_header(struct capture *c)
{
    str_add(c->out, "table: ");
    name(c->out, declared_name(c->session, c->table));
    str_add(c->out, "\nkey: [");
    for (size_t i = 0; i < c->key->count; i++) {
        str_add(c->out, i ? ", " : "");
        name(c->out, c->table->columns[c->key->columns[i]].name);
    }
    str_add(c->out, "]\n");
    for (size_t i = 0; i < c->table->column_count; i++)
        if (is_secret(c, c->table->columns[i].name))
            str_printf(c->out, "# %s is secret and left out\n", c->table->columns[i].name);
    str_add(c->out, "rows:\n");
}

static bool write_row(struct capture *c, char *const *fields, struct err *err)
{
    for (size_t i = 0; i < c->count; i++) {
        str_add(c->out, i ? "    " : "  - ");
        name(c->out, c->columns[i].column->name);
        str_add(c->out, ": ");
        if (!write_value(c, &c->columns[i], fields, err))
            return false;
        str_add_char(c->out, '\n');
    }
    return true;
}

/* ---- reading ---- */

static void add_name(struct str *sql, const char *alias, const char *column)
{
    str_printf(sql, "%s.", alias);
    db_quote_identifier(sql, column);
}

static void select_list(const struct capture *c, struct str *sql, struct str *joins)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct captured *to = &c->columns[i];
        char alias[24] = "t";
        if (!to->parent) {
            str_add(sql, to->field ? ", " : "");
            add_name(sql, alias, to->column->name);
            continue;
        }
        snprintf(alias, sizeof alias, "p%zu", i);
        for (size_t k = 0; k < to->parent_key->count; k++) {
            str_add(sql, to->field + k ? ", " : "");
            add_name(sql, alias, to->parent->columns[to->parent_key->columns[k]].name);
        }
        str_add(joins, " LEFT JOIN ");
        db_quote_relation(joins, to->parent->schema, to->parent->name);
        str_printf(joins, " %s ON ", alias);
        for (size_t f = 0; f < c->table->foreign_key_count; f++) {
            const struct db_foreign_key *fk = &c->table->foreign_keys[f];
            if (fk->count != 1 || fk->target != to->parent->oid ||
                &c->table->columns[fk->columns[0]] != to->column)
                continue;
            const struct db_column *target = db_table_column(to->parent, fk->target_columns[0]);
            add_name(joins, alias, target->name);
            str_printf(joins, " %s ", target->type.equality ? target->type.equality : "OPERATOR(pg_catalog.=)");
            add_name(joins, "t", to->column->name);
            break;
        }
    }
}

static char *copy_sql(const struct capture *c)
{
    struct str list = {0}, joins = {0}, sql = {0};
    select_list(c, &list, &joins);
    str_add(&sql, "BEGIN READ ONLY; SET LOCAL lock_timeout = '3s'; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; "
                  "SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; "
                  "SET LOCAL bytea_output = 'hex'; COPY (SELECT ");
    str_printf(&sql, "%s FROM ", str_text(&list));
    db_quote_relation(&sql, c->table->schema, c->table->name);
    str_printf(&sql, " t%s ORDER BY ", str_text(&joins));
    for (size_t i = 0; i < c->key->count; i++) {
        str_add(&sql, i ? ", " : "");
        add_name(&sql, "t", c->table->columns[c->key->columns[i]].name);
    }
    str_add(&sql, ") TO STDOUT");
    str_free(&list);
    str_free(&joins);
    return str_take(&sql);
}

static bool copy_rows(struct capture *c, struct db *db, struct err *err)
{
    char *sql = copy_sql(c), **fields = arena_alloc(&c->arena, (c->field_count + 1) * sizeof *fields);
    const char *row;
    size_t length, rows = 0;
    struct str line = {0};
    bool ok = db_copy_out_begin(db, sql, err);
    while (ok && (ok = db_copy_out_row(db, &row, &length, err)) && row) {
        str_reset(&line);
        str_add_bytes(&line, row, length);
        if (db_copy_split(line.text, line.length, fields, c->field_count) != c->field_count)
            ok = err_set(err, ERR_GENERAL, "the server sent another number of columns than asked for");
        ok = ok && write_row(c, fields, err);
        if (!ok)
            db_copy_out_abandon(db, NULL);
        rows++;
    }
    if (db_alive(db))
        db_run(db, "COMMIT", 0, NULL, NULL, NULL);
    if (ok && rows == 0) {
        c->out->length -= strlen("rows:\n");
        str_add(c->out, "rows: []\n");
    }
    str_free(&line);
    free(sql);
    return ok;
}

/* Reading destroys what can be read back of deleted rows; capture has no --scan, so it never does. */
static bool refuse_held(struct capture *c, struct err *err)
{
    struct table_list list;
    bool ok = tables_list(c->session, &list, err);
    for (size_t i = 0; ok && i < list.count; i++) {
        const struct db_table *table = list.items[i].table;
        bool read = table && table->oid == c->table->oid;
        for (size_t k = 0; table && k < c->count; k++)
            read |= c->columns[k].parent && c->columns[k].parent->oid == table->oid;
        struct fact_table fact = {0};
        tables_fact(&list.items[i], false, &fact);
        if (read && fact.held) {
            ok = err_set(err, ERR_DIFFERENT, "table \"%s\" is held and was not read", list.items[i].name);
            err_why(err, "rows were deleted from it, and a scan would destroy what can be read back");
            err_hint(err, "seed it first, or look with seedops diff --scan");
        }
        codec_free(&type_fact_table, &fact);
    }
    tables_free(&list);
    return ok;
}

bool op_capture(struct session *s, const char *table, struct str *out, struct err *err)
{
    struct capture c = {.session = s, .out = out};
    const char *nearest = NULL;
    if (!session_look(s, false, err) || !db_catalog_load(s->db, &c.catalog, NULL, 0, true, err))
        return false;
    bool ok = true;
    c.table = db_catalog_find(&c.catalog, table, &nearest);
    if (!c.table) {
        ok = err_set(err, ERR_USAGE, "there is no table \"%s\"", table);
        if (nearest)
            err_hint(err, "did you mean %s?", nearest);
    }
    c.key = ok ? choose_key(c.table) : NULL;
    if (ok && !c.key) {
        ok = err_set(err, ERR_FIXTURE, "table \"%s\" has no primary key and no unique index", table);
        err_why(err, "a fixture needs a key to recognise its rows by");
    }
    if (ok) {
        choose_columns(&c);
        ok = refuse_held(&c, err);
    }
    if (ok) {
        write_header(&c);
        ok = copy_rows(&c, s->db, err);
    }
    db_catalog_free(&c.catalog);
    arena_free(&c.arena);
    return ok;
}
