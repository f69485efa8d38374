/* soundness - a query a foreign key and a sequence, all in one pipeline. */
#include "op/soundness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"
#include "op/tables.h"

enum { TIMEOUT_MS = 30000 };

/* What one probe is about. */
struct doubt {
    const struct db_table *table;
    const struct db_foreign_key *key;       /* NULL: `column`'s sequence */
    const struct db_column *column;
};

struct work {
    struct session *s;
    struct table_list list;
    bool *held;                             /* parallel to the list */
    struct doubt *doubts;
    struct db_probe *probes;
    size_t count, capacity;
};

static void ask(struct work *w, struct doubt doubt, struct str *sql)
{
    if (w->count == w->capacity) {
        w->capacity = w->capacity ? w->capacity * 2 : 32;
        w->doubts = xrealloc(w->doubts, w->capacity * sizeof *w->doubts);
        w->probes = xrealloc(w->probes, w->capacity * sizeof *w->probes);
    }
    w->doubts[w->count] = doubt;
    w->probes[w->count++] = (struct db_probe){.name = doubt.table->name, .sql = str_take(sql),
                                              .statement_timeout_ms = TIMEOUT_MS};
}

/* ---- references ---- */

static bool is_held(const struct work *w, uint32_t oid)
{
    for (size_t i = 0; i < w->list.count; i++)
        if (w->list.items[i].table && w->list.items[i].table->oid == oid)
            return w->held[i];
    return false;
}

/* Equality as the column's type has it: the bare = depends on the search path. */
static bool comparable(const struct db_table *t, const struct db_foreign_key *key)
{
    for (size_t i = 0; i < key->count; i++)
        if (!t->columns[key->columns[i]].type.equality)
            return false;
    return true;
}

/* MATCH SIMPLE: a row with any NULL refers to nobody. */
static void reference_sql(const struct db_table *t, const struct db_foreign_key *key, struct str *sql)
{
    str_add(sql, "SELECT pg_catalog.count(*) FROM ");
    db_quote_relation(sql, t->schema, t->name);
    str_add(sql, " c WHERE ");
    for (size_t i = 0; i < key->count; i++) {
        str_add(sql, "c.");
        db_quote_identifier(sql, t->columns[key->columns[i]].name);
        str_add(sql, " IS NOT NULL AND ");
    }
    str_add(sql, "NOT EXISTS (SELECT FROM ");
    db_quote_relation(sql, key->target_schema, key->target_name);
    str_add(sql, " p WHERE ");
    for (size_t i = 0; i < key->count; i++) {
        const struct db_column *column = &t->columns[key->columns[i]];
        str_add(sql, i ? " AND p." : "p.");
        db_quote_identifier(sql, key->target_columns[i]);
        str_printf(sql, " %s c.", column->type.equality);
        db_quote_identifier(sql, column->name);
    }
    str_add_char(sql, ')');
}

static void ask_references(struct work *w, const struct db_table *t)
{
    for (size_t i = 0; i < t->foreign_key_count; i++) {
        const struct db_foreign_key *key = &t->foreign_keys[i];
        struct str sql = {0};
        if (is_held(w, key->target) || !comparable(t, key))
            continue;
        reference_sql(t, key, &sql);
        ask(w, (struct doubt){.table = t, .key = key}, &sql);
    }
}

static void take_reference(const struct doubt *q, const struct db_probe *probe, const struct soundness_report *report)
{
    int64_t rows = db_int(probe->result, 0, 0, 0);
    struct str text = {0};
    if (rows == 0)
        return;
    str_printf(&text, "%s: %lld row%s a %s that is not there (foreign key %s on", q->table->name, (long long)rows,
               rows == 1 ? " refers to" : "s refer to", q->key->target_name, q->key->name);
    for (size_t i = 0; i < q->key->count; i++)
        str_printf(&text, "%s %s", i ? "," : "", q->table->columns[q->key->columns[i]].name);
    str_add(&text, "): the constraint was added NOT VALID, or its triggers were off");
    report->finding(report->context, "references", str_text(&text));
    str_free(&text);
}

/* ---- sequences ---- */

/* Its largest value costs no scan. */
static bool begins_key(const struct db_table *t, size_t column)
{
    for (size_t i = 0; i < t->key_count; i++)
        if (t->keys[i].count && t->keys[i].columns[0] == column)
            return true;
    return false;
}

/* Rows where the next value is one that is taken: largest, last given. Only sequences that count upwards. */
static void sequence_sql(const struct db_table *t, const struct db_column *column, struct str *sql)
{
    str_add(sql, "SELECT x.m, s.last_value FROM (SELECT pg_catalog.max(t.");
    db_quote_identifier(sql, column->name);
    str_add(sql, ")::pg_catalog.int8 AS m FROM ");
    db_quote_relation(sql, t->schema, t->name);
    str_printf(sql, " t) x, %s s, pg_catalog.pg_sequence q WHERE q.seqrelid = ", column->sequence);
    db_quote_literal(sql, column->sequence);
    str_add(sql, "::pg_catalog.regclass AND q.seqincrement > 0 AND x.m >= s.last_value + CASE WHEN s.is_called THEN"
                 " q.seqincrement ELSE 0 END");
}

static void ask_sequences(struct work *w, const struct db_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        struct str sql = {0};
        if (!t->columns[i].sequence || !begins_key(t, i))
            continue;
        sequence_sql(t, &t->columns[i], &sql);
        ask(w, (struct doubt){.table = t, .column = &t->columns[i]}, &sql);
    }
}

static void take_sequence(const struct doubt *q, const struct db_probe *probe, const struct soundness_report *report)
{
    struct str text = {0};
    if (db_rows(probe->result) == 0)
        return;
    str_printf(&text, "%s.%s: its sequence %s is behind, at %s while the largest value is %s: an insert will fail; "
               "SELECT setval('%s', %s) moves it", q->table->name, q->column->name, q->column->sequence,
               db_value(probe->result, 0, 1), db_value(probe->result, 0, 0), q->column->sequence,
               db_value(probe->result, 0, 0));
    report->finding(report->context, "sequences", str_text(&text));
    str_free(&text);
}

/* ---- all of it ---- */

static void ask_all(struct work *w, bool scan)
{
    for (size_t i = 0; i < w->list.count; i++) {
        struct fact_table fact;
        tables_fact(&w->list.items[i], scan, &fact);
        w->held[i] = fact.held;
        free(fact.name);
        free(fact.class);
        free(fact.note);
        free(fact.at);
    }
    for (size_t i = 0; i < w->list.count; i++) {
        const struct table_entry *entry = &w->list.items[i];
        if (!entry->table || !entry->table->details || !entry->table->can_select || w->held[i])
            continue;
        if (entry->class == TABLE_CONTEXT)
            ask_references(w, entry->table);
        ask_sequences(w, entry->table);
    }
}

static void take_all(struct work *w, const struct soundness_report *report)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct doubt *q = &w->doubts[i];
        if (!w->probes[i].ok)
            ctx_log(w->s->ctx, "warning", "%s of %s could not be checked: %s", q->key ? "a reference" : "a sequence",
                    q->table->name, db_probe_word(&w->probes[i]));
        else if (q->key)
            take_reference(q, &w->probes[i], report);
        else
            take_sequence(q, &w->probes[i], report);
    }
}

bool soundness_check(struct session *s, bool scan, const struct soundness_report *report, struct err *err)
{
    struct work w = {.s = s};
    if (!tables_list(s, &w.list, err))
        return false;
    w.held = xcalloc(w.list.count + 1, sizeof *w.held);
    ask_all(&w, scan);
    bool ok = w.count == 0 || db_pipeline(s->db, w.probes, w.count, err);
    if (ok)
        take_all(&w, report);
    for (size_t i = 0; i < w.count; i++)
        free((char *)w.probes[i].sql);
    db_probes_free(w.probes, w.count);
    free(w.probes);
    free(w.doubts);
    free(w.held);
    tables_free(&w.list);
    return ok;
}
