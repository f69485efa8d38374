/* safepoint_sql - the script: a head of comments, the data, one statement that inserts and sets back, sequences.
 *
 * One statement, because rows that come back and values that are set back may need each other, and foreign keys are
 * checked at its end. Of a table with changes by several keys the rows are set back once, whatever changed them. */
#include "plan/safepoint_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "db/conn.h"

struct changed { struct safepoint_table table; size_t section; };

struct script {
    FILE *to;
    struct arena arena;
    struct str writes, notes, sequences;      /* written behind the data */
    struct changed *changed;                  /* sections of changes, of tables with a key */
    size_t changed_count;
    size_t section;
};

static void comment(FILE *to, const char *what, const char *text)
{
    struct str visible = {0};
    text_visible(&visible, text, strlen(text));
    fprintf(to, "-- %s: %s\n", what, str_text(&visible));
    str_free(&visible);
}

static void write_head(FILE *to, const struct safepoint_info *info)
{
    fputs("-- Rows that seedops saved before it took or changed them; to put them back: psql -X -f THIS_FILE DATABASE\n", to);
    comment(to, "safepoint", info->id);
    comment(to, "of", info->created);
    comment(to, "before", info->action);
    comment(to, "environment", info->environment);
    comment(to, "database", info->database);
    fprintf(to, "-- %lld rows; what is there already is left alone\n\n", (long long)info->rows);
    fputs("\\set ON_ERROR_STOP on\n"
          "BEGIN;\n"
          "SET LOCAL client_encoding = 'UTF8';\n"
          "SET LOCAL DateStyle = 'ISO';\n"
          "SET LOCAL IntervalStyle = 'postgres';\n"
          "SET LOCAL TimeZone = 'UTC';\n"
          "SET LOCAL xmloption = 'content';\n"
          "SET CONSTRAINTS ALL DEFERRED;\n", to);
}

static void column_list(const struct safepoint_table *t, const char *alias, struct str *sql)
{
    for (size_t i = 0; i < t->column_count; i++) {
        str_printf(sql, "%s%s", i ? ", " : "", alias);
        db_quote_identifier(sql, t->columns[i].name);
    }
}

/* The table's own types, whatever they are by then; new values ride along behind the columns. */
static void create_sql(const struct safepoint_table *t, size_t n, struct str *sql)
{
    str_printf(sql, "\nCREATE TEMP TABLE seedops_%zu ON COMMIT DROP AS SELECT ", n);
    column_list(t, "t.", sql);
    for (size_t i = 0; t->after_fields && i < t->change_count; i++) {
        str_printf(sql, "%st.", t->column_count + i ? ", " : "");
        db_quote_identifier(sql, t->changes[i].column);
        str_printf(sql, " AS \"seedops after %zu\"", i);
    }
    str_add(sql, " FROM ");
    db_quote_relation(sql, t->schema, t->name);
    str_printf(sql, " t WITH NO DATA;\nCOPY pg_temp.seedops_%zu FROM stdin;\n", n);
}

static void insert_sql(struct script *s, const struct safepoint_table *t)
{
    str_printf(&s->writes, "%s x%zu AS (\n    INSERT INTO ", s->writes.length ? "," : "\nWITH", s->section);
    db_quote_relation(&s->writes, t->schema, t->name);
    str_add(&s->writes, " (");
    column_list(t, "", &s->writes);
    str_add(&s->writes, ")\n    OVERRIDING SYSTEM VALUE SELECT ");
    column_list(t, "", &s->writes);
    str_printf(&s->writes, " FROM pg_temp.seedops_%zu\n    ON CONFLICT DO NOTHING RETURNING 1)", s->section);
}

static void note_changed(struct script *s, const struct safepoint_table *t)
{
    if (t->key_count == 0) {
        str_printf(&s->notes, "\n-- section %zu changed rows of a table without a key; its old values are in pg_temp.seedops_%zu\n",
                   s->section, s->section);
        return;
    }
    s->changed = xrealloc(s->changed, (s->changed_count + 1) * sizeof *s->changed);
    struct changed *changed = &s->changed[s->changed_count++];
    changed->section = s->section;
    safepoint_table_copy(&s->arena, &changed->table, t);
}

static bool same_table(const struct changed *a, const struct changed *b)
{
    return strcmp(a->table.schema, b->table.schema) == 0 && strcmp(a->table.name, b->table.name) == 0;
}

static void key_list(const struct safepoint_table *t, const char *alias, struct str *sql)
{
    for (size_t i = 0; i < t->key_count; i++) {
        str_printf(sql, "%s%s", i ? ", " : "", alias);
        db_quote_identifier(sql, t->key[i]);
    }
}

static void key_equals(const struct safepoint_table *t, const char *left, const char *right, struct str *sql)
{
    for (size_t i = 0; i < t->key_count; i++) {
        str_printf(sql, "%s%s.", i ? " AND " : "", left);
        db_quote_identifier(sql, t->key[i]);
        str_printf(sql, " = %s.", right);
        db_quote_identifier(sql, t->key[i]);
    }
}

static bool sets(const struct changed *c, const char *column)
{
    for (size_t i = 0; i < c->table.change_count; i++)
        if (strcmp(c->table.changes[i].column, column) == 0)
            return true;
    return false;
}

/* A column's old value, from whichever section has the row; a column that none of them changed in it stays. */
static void set_column(const struct script *s, const struct changed *first, const char *column, bool *any, struct str *sql)
{
    str_add(sql, *any ? ",\n        " : "");
    *any = true;
    db_quote_identifier(sql, column);
    str_add(sql, " = CASE");
    for (const struct changed *c = first; c < s->changed + s->changed_count; c++)
        if (same_table(first, c) && sets(c, column)) {
            str_printf(sql, " WHEN r%zu.", c->section);
            db_quote_identifier(sql, c->table.key[0]);
            str_printf(sql, " IS NOT NULL THEN r%zu.", c->section);
            db_quote_identifier(sql, column);
        }
    str_add(sql, " ELSE t.");
    db_quote_identifier(sql, column);
    str_add(sql, " END");
}

static void set_columns(const struct script *s, const struct changed *first, struct str *sql)
{
    bool any = false;
    for (const struct changed *c = first; c < s->changed + s->changed_count; c++)
        for (size_t i = 0; same_table(first, c) && i < c->table.change_count; i++) {
            const char *column = c->table.changes[i].column;
            bool before = false;
            for (const struct changed *b = first; b < c; b++)
                before |= same_table(first, b) && sets(b, column);
            if (!before)
                set_column(s, first, column, &any, sql);
        }
}

/* All sections of changes of a table, from its first one on. */
static void update_sql(const struct script *s, const struct changed *first, struct str *sql)
{
    const struct changed *end = s->changed + s->changed_count;
    char alias[24];
    str_printf(sql, "%s x%zu AS (\n    UPDATE ", sql->length ? "," : "\nWITH", first->section);
    db_quote_relation(sql, first->table.schema, first->table.name);
    str_add(sql, " t SET ");
    set_columns(s, first, sql);
    str_add(sql, "\n    FROM (");
    for (const struct changed *c = first; c < end; c++)
        if (same_table(first, c)) {
            str_add(sql, c == first ? "SELECT " : " UNION SELECT ");
            key_list(&first->table, "", sql);
            str_printf(sql, " FROM pg_temp.seedops_%zu", c->section);
        }
    str_add(sql, ") q");
    for (const struct changed *c = first; c < end; c++)
        if (same_table(first, c)) {
            snprintf(alias, sizeof alias, "r%zu", c->section);
            str_printf(sql, " LEFT JOIN pg_temp.seedops_%zu %s ON ", c->section, alias);
            key_equals(&first->table, alias, "q", sql);
        }
    str_add(sql, "\n    WHERE ");
    key_equals(&first->table, "t", "q", sql);
    str_add(sql, " RETURNING 1)");
}

static void update_all(struct script *s)
{
    for (size_t i = 0; i < s->changed_count; i++) {
        bool first = true;
        for (size_t b = 0; b < i; b++)
            first &= !same_table(&s->changed[b], &s->changed[i]);
        if (first)
            update_sql(s, &s->changed[i], &s->writes);
    }
}

/* Forward only: where the application has drawn higher numbers, they stay drawn. */
static void sequence_sql(struct script *s, const struct safepoint_table *t)
{
    struct str relation = {0};
    db_quote_relation(&relation, t->schema, t->name);
    for (size_t i = 0; i < t->column_count; i++) {
        if (!t->columns[i].sequence)
            continue;
        str_add(&s->sequences, "SELECT pg_catalog.setval(x.s, x.m) FROM (SELECT pg_catalog.pg_get_serial_sequence(");
        db_quote_literal(&s->sequences, str_text(&relation));
        str_add(&s->sequences, ", ");
        db_quote_literal(&s->sequences, t->columns[i].name);
        str_add(&s->sequences, ")::pg_catalog.regclass AS s, pg_catalog.max(");
        db_quote_identifier(&s->sequences, t->columns[i].name);
        str_printf(&s->sequences, ")::pg_catalog.int8 AS m FROM %s) x\n", str_text(&relation));
        str_add(&s->sequences, "WHERE x.s IS NOT NULL AND x.m > COALESCE(pg_catalog.pg_sequence_last_value(x.s), 0);\n");
    }
    str_free(&relation);
}

static bool write_section(struct script *s, struct safepoint_reader *reader, const struct safepoint_table *t,
                          struct err *err)
{
    struct str sql = {0};
    const char *bytes;
    size_t length;
    create_sql(t, s->section, &sql);
    fputs(str_text(&sql), s->to);
    str_free(&sql);
    if (t->kind == SAFEPOINT_DELETED) {
        insert_sql(s, t);
        sequence_sql(s, t);
    } else {
        note_changed(s, t);
    }
    s->section++;
    for (;;) {
        if (!safepoint_text(reader, &bytes, &length, err))
            return false;
        if (!bytes)
            break;
        fwrite(bytes, 1, length, s->to);
    }
    fputs("\\.\n", s->to);
    return true;
}

static bool write_all(struct script *s, struct safepoint_reader *reader, struct err *err)
{
    const struct safepoint_table *table;
    write_head(s->to, safepoint_info(reader));
    for (;;) {
        if (!safepoint_next(reader, &table, err))
            return false;
        if (!table)
            break;
        if (!write_section(s, reader, table, err))
            return false;
    }
    update_all(s);
    fputs(str_text(&s->writes), s->to);
    if (s->writes.length)
        fputs("\nSELECT 'restored' AS seedops;\n", s->to);
    fputs(str_text(&s->notes), s->to);
    fputs(str_text(&s->sequences), s->to);
    fputs("COMMIT;\n", s->to);
    if (fflush(s->to) != 0 || ferror(s->to))
        return err_errno(err, ERR_GENERAL, errno, "cannot write the SQL of the safepoint");
    return true;
}

/* Everything is checked before the first byte goes out: half a script must not look like a whole one. */
bool safepoint_to_sql(struct safepoint_reader *reader, FILE *to, struct err *err)
{
    struct script s = {.to = to};
    bool ok = safepoint_verify(reader, err) && write_all(&s, reader, err);
    str_free(&s.writes);
    str_free(&s.notes);
    str_free(&s.sequences);
    free(s.changed);
    arena_free(&s.arena);
    return ok;
}
