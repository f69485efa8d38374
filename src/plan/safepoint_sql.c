/* safepoint_sql - the script: a head of comments, the data, one INSERT over all tables, updates, sequences. */
#include "plan/safepoint_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "db/conn.h"

struct script {
    FILE *to;
    struct str inserts, updates, sequences;   /* written behind the data */
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
    str_printf(&s->inserts, "%s x%zu AS (\n    INSERT INTO ", s->inserts.length ? "," : "\nWITH", s->section);
    db_quote_relation(&s->inserts, t->schema, t->name);
    str_add(&s->inserts, " (");
    column_list(t, "", &s->inserts);
    str_add(&s->inserts, ")\n    OVERRIDING SYSTEM VALUE SELECT ");
    column_list(t, "", &s->inserts);
    str_printf(&s->inserts, " FROM pg_temp.seedops_%zu\n    ON CONFLICT DO NOTHING RETURNING 1)", s->section);
}

static void update_sql(struct script *s, const struct safepoint_table *t)
{
    struct str *sql = &s->updates;
    if (t->key_count == 0) {
        str_printf(sql, "\n-- section %zu changed rows of a table without a key; its old values are in pg_temp.seedops_%zu\n",
                   s->section, s->section);
        return;
    }
    str_add(sql, "\nUPDATE ");
    db_quote_relation(sql, t->schema, t->name);
    str_add(sql, " t SET ");
    for (size_t i = 0; i < t->change_count; i++) {
        str_add(sql, i ? ", " : "");
        db_quote_identifier(sql, t->changes[i].column);
        str_add(sql, " = r.");
        db_quote_identifier(sql, t->changes[i].column);
    }
    str_printf(sql, "\nFROM pg_temp.seedops_%zu r WHERE ", s->section);
    for (size_t i = 0; i < t->key_count; i++) {
        str_add(sql, i ? " AND t." : "t.");
        db_quote_identifier(sql, t->key[i]);
        str_add(sql, " = r.");
        db_quote_identifier(sql, t->key[i]);
    }
    str_add(sql, ";\n");
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
        update_sql(s, t);
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
    fputs(str_text(&s->inserts), s->to);
    if (s->inserts.length)
        fputs("\nSELECT 'restored' AS seedops;\n", s->to);
    fputs(str_text(&s->updates), s->to);
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
    str_free(&s.inserts);
    str_free(&s.updates);
    str_free(&s.sequences);
    return ok;
}
