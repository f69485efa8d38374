/* renumber - rows that are there under other numbers.
 *
 * After a reset the seed has made the context rows anew: same natural keys, other numbers from their sequences. What is
 * saved of the rows that referred to them (measurements) names the old numbers. Here the saved rows, in their temporary
 * tables, are given the numbers of the rows that have their natural keys now, parents first, and what refers to them
 * follows. Everything after this sees rows that are there, and rows that are missing. */
#include <stdlib.h>

#include "restore/restoring.h"

static bool usable(const struct restored *s)
{
    return s->table && s->saved.kind == SAFEPOINT_DELETED && s->key_count == 1;
}

static size_t column_of(const struct restored *s, const struct db_column *live)
{
    size_t i = 0;
    while (i < s->saved.column_count && !(restore_puts(s, i) && s->columns[i].live == live))
        i++;
    return i;
}

static void equals(struct str *sql, const struct db_type *type)
{
    str_printf(sql, " %s ", type->equality ? type->equality : "OPERATOR(pg_catalog.=)");
}

/* The references of section n to section p, which has its new numbers. */
static void follow(struct str *sql, const struct restore *r, size_t n, size_t p)
{
    const struct restored *s = &r->sections[n], *parent = &r->sections[p];
    const struct db_column *key = parent->columns[parent->key[0]].live;
    for (size_t k = 0; k < s->table->foreign_key_count; k++) {
        const struct db_foreign_key *fk = &s->table->foreign_keys[k];
        if (fk->target != parent->table->oid || fk->count != 1 ||
            db_table_column(parent->table, fk->target_columns[0]) != key)
            continue;
        size_t column = column_of(s, &s->table->columns[fk->columns[0]]);
        if (column == s->saved.column_count)
            continue;
        str_printf(sql, "UPDATE pg_temp.seedops_saved_%zu r SET c%zu = m.new FROM pg_temp.seedops_map_%zu m WHERE m.old", n,
                   column, p);
        equals(sql, &key->type);
        str_printf(sql, "r.c%zu; ", column);
    }
}

/* A unique key besides the one rows are found by, of saved columns that take no NULL; NULL: none. */
static const struct db_key *natural_key(const struct restored *s)
{
    for (size_t k = 0; k < s->table->key_count; k++) {
        const struct db_key *key = &s->table->keys[k];
        bool fits = key->count > 0;
        for (size_t i = 0; fits && i < key->count; i++) {
            size_t column = column_of(s, &s->table->columns[key->columns[i]]);
            fits = column < s->saved.column_count && column != s->key[0] && s->columns[column].live->not_null;
        }
        if (fits)
            return key;
    }
    return NULL;
}

static void map_sql(struct str *sql, const struct restored *s, size_t n, const struct db_key *key)
{
    const struct db_column *number = s->columns[s->key[0]].live;
    str_printf(sql, "CREATE TEMP TABLE seedops_map_%zu AS SELECT r.c%zu AS old, t.", n, s->key[0]);
    db_quote_identifier(sql, number->name);
    str_printf(sql, " AS new FROM pg_temp.seedops_saved_%zu r JOIN ", n);
    restore_live(sql, s, "t");
    str_add(sql, " ON ");
    for (size_t i = 0; i < key->count; i++) {
        const struct db_column *live = &s->table->columns[key->columns[i]];
        str_add(sql, i ? " AND t." : "t.");
        db_quote_identifier(sql, live->name);
        equals(sql, &live->type);
        str_printf(sql, "r.c%zu", column_of(s, live));
    }
    str_add(sql, " WHERE NOT (t.");
    db_quote_identifier(sql, number->name);
    equals(sql, &number->type);
    str_printf(sql, "r.c%zu); ANALYZE pg_temp.seedops_map_%zu; ", s->key[0], n);
    str_printf(sql, "UPDATE pg_temp.seedops_saved_%zu r SET c%zu = m.new FROM pg_temp.seedops_map_%zu m WHERE m.old", n,
               s->key[0], n);
    equals(sql, &number->type);
    str_printf(sql, "r.c%zu; ", s->key[0]);
}

static bool renumber_section(struct restore *r, size_t n, const bool *mapped, bool *maps, struct err *err)
{
    const struct restored *s = &r->sections[n];
    const struct db_key *key = usable(s) ? natural_key(s) : NULL;
    struct str sql = {0};
    struct db_result *result = NULL;
    for (size_t p = 0; p < r->count; p++)
        if (mapped[p] && p != n)
            follow(&sql, r, n, p);
    if (key) {
        map_sql(&sql, s, n, key);
        *maps = true;
        follow(&sql, r, n, n);
        str_printf(&sql, "SELECT pg_catalog.count(*) FROM pg_temp.seedops_map_%zu", n);
    }
    bool ok = sql.length == 0 || db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    int64_t rows = ok && key ? db_int(result, 0, 0, 0) : 0;
    if (rows)
        restore_note(r, s->saved.name, false, "%lld %s there under other numbers: what refers to %s follows",
                     (long long)rows, rows == 1 ? "row is" : "rows are", rows == 1 ? "it" : "them");
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool waits(const struct restore *r, size_t n, const bool *done)
{
    for (size_t k = 0; k < r->sections[n].table->foreign_key_count; k++)
        for (size_t p = 0; p < r->count; p++)
            if (p != n && !done[p] && usable(&r->sections[p]) &&
                r->sections[p].table->oid == r->sections[n].table->foreign_keys[k].target &&
                r->sections[p].table != r->sections[n].table)
                return true;
    return false;
}

/* Parents first; tables in a circle keep their numbers. */
static bool renumber_all(struct restore *r, bool *done, bool *mapped, struct err *err)
{
    bool ok = true, more = true;
    while (ok && more) {
        more = false;
        for (size_t n = 0; ok && n < r->count; n++) {
            if (done[n] || !r->sections[n].table || waits(r, n, done))
                continue;
            ok = renumber_section(r, n, mapped, &mapped[n], err);
            done[n] = more = true;
        }
    }
    return ok;
}

bool restore_renumber(struct restore *r, struct err *err)
{
    bool *done = xcalloc(2 * r->count + 1, sizeof *done);
    bool ok = db_run(r->db, "BEGIN; SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = 0; "
                     "SET LOCAL lock_timeout = '10s'", 0, NULL, NULL, err) &&
              renumber_all(r, done, done + r->count, err);
    struct str sql = {0};
    for (size_t n = 0; n < r->count; n++)
        if (done[r->count + n])
            str_printf(&sql, "DROP TABLE pg_temp.seedops_map_%zu; ", n);
    str_add(&sql, "COMMIT");
    ok = ok && db_run(r->db, str_text(&sql), 0, NULL, NULL, err);
    if (!ok && db_alive(r->db))
        db_rollback(r->db);
    str_free(&sql);
    free(done);
    return ok || err_context(err, "giving saved rows the numbers of those that are there");
}
