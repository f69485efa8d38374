/* conflicts - what is in the way of the rows that come back: unique values that others have, parents that are gone. */
#include <string.h>

#include "restore/restoring.h"

static bool is_match_key(const struct restored *s, const struct db_key *key)
{
    if (key->count != s->key_count)
        return false;
    for (size_t i = 0; i < key->count; i++) {
        size_t k = 0;
        while (k < s->key_count && s->columns[s->key[k]].live != &s->table->columns[key->columns[i]])
            k++;
        if (k == s->key_count)
            return false;
    }
    return true;
}

/* A column as it will be: saved, or for what a section of changes leaves alone the live one. False: nobody knows. */
static bool column_to_be(struct str *sql, const struct restored *s, const struct db_column *live)
{
    size_t column = restore_column_of(s, live);
    if (column < s->saved.column_count && restore_compared(s, column))
        str_printf(sql, "r.c%zu", column);
    else if (s->saved.kind == SAFEPOINT_DELETED)
        return false;
    else {
        str_add(sql, "t.");
        db_quote_identifier(sql, live->name);
    }
    return true;
}

/* Another row `o` has this key's value. */
static bool add_other(struct str *sql, const struct restored *s, const struct db_key *key)
{
    bool touched = s->saved.kind == SAFEPOINT_DELETED, known = true;
    str_add(sql, " AND EXISTS (SELECT FROM ");
    restore_live(sql, s, "o");
    str_add(sql, " WHERE ");
    for (size_t i = 0; known && i < key->count; i++) {
        const struct db_column *live = &s->table->columns[key->columns[i]];
        size_t column = restore_column_of(s, live);
        touched |= column < s->saved.column_count && restore_compared(s, column);
        str_add(sql, i ? " AND o." : "o.");
        db_quote_identifier(sql, live->name);
        restore_equals(sql, &live->type);
        known = column_to_be(sql, s, live);
    }
    return known && touched;
}

static const char *written_states(const struct restore *r, const struct restored *s)
{
    return s->saved.kind == SAFEPOINT_DELETED ? "'m'" : r->overwrite ? "'u', 'c'" : "'u'";
}

/* Rows that come back, or get a value back, that another row has since. A row whose own value is set back as well is
 * not in the way. Nothing is added where this section does not write the key. */
static void add_taken(struct str *sql, const struct restore *r, size_t n, const struct db_key *key)
{
    const struct restored *s = &r->sections[n];
    bool changes = s->saved.kind == SAFEPOINT_CHANGED;
    struct str other = {0};
    if (add_other(&other, s, key)) {
        str_printf(sql, "UPDATE pg_temp.seedops_state_%zu s SET s = 'k' FROM pg_temp.seedops_saved_%zu r", n, n);
        if (changes) {
            str_add(sql, ", ");
            restore_live(sql, s, "t");
        }
        str_printf(sql, " WHERE s.r = r.ctid AND s.s IN (%s)", written_states(r, s));
        if (changes) {
            str_add(sql, " AND ");
            restore_match_named(sql, s, "r");
        }
        str_add(sql, str_text(&other));
        if (changes) {
            str_printf(sql, " AND (o.tableoid, o.ctid) IS DISTINCT FROM (t.tableoid, t.ctid) AND NOT EXISTS (SELECT FROM "
                       "pg_temp.seedops_saved_%zu q JOIN pg_temp.seedops_state_%zu z ON z.r = q.ctid WHERE z.s IN (%s)", n, n,
                       written_states(r, s));
            for (size_t i = 0; i < s->key_count; i++) {
                str_add(sql, " AND ");
                restore_live_column(sql, "o", s, s->key[i]);
                restore_equals(sql, &s->columns[s->key[i]].live->type);
                str_printf(sql, "q.c%zu", s->key[i]);
            }
            str_add(sql, ")");
        }
        str_add(sql, ")");
    }
    str_free(&other);
}

static bool find_taken_by(struct restore *r, size_t n, const struct db_key *key, struct err *err)
{
    struct restored *s = &r->sections[n];
    struct str sql = {0};
    struct db_result *result = NULL;
    add_taken(&sql, r, n, key);
    bool ok = sql.length == 0 || db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    if (ok && result && db_affected(result) > 0)
        s->taken = arena_printf(&r->arena, "%s%s%s", s->taken ? s->taken : "", s->taken ? ", " : "", key->name);
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool find_taken(struct restore *r, struct err *err)
{
    for (size_t n = 0; n < r->count; n++) {
        struct restored *s = &r->sections[n];
        s->taken = NULL;
        for (size_t k = 0; !restore_hopeless(s) && k < s->table->key_count; k++)
            if ((s->saved.kind == SAFEPOINT_CHANGED || !is_match_key(s, &s->table->keys[k])) &&
                !find_taken_by(r, n, &s->table->keys[k], err))
                return false;
    }
    return true;
}

/* The saved rows of a parent's section that this restore writes: q the row, z its state, t the live one of changes.
 * Rows changed since count as far as the caller said that they are overwritten. */
static void add_written_rows(struct str *sql, const struct restore *r, size_t n)
{
    const struct restored *p = &r->sections[n];
    const char *mode = r->options->changed;
    str_printf(sql, "SELECT FROM pg_temp.seedops_saved_%zu q JOIN pg_temp.seedops_state_%zu z ON z.r = q.ctid", n, n);
    if (p->saved.kind == SAFEPOINT_CHANGED) {
        str_add(sql, " JOIN ");
        restore_live(sql, p, "t");
        str_add(sql, " ON ");
        restore_match_named(sql, p, "q");
    }
    str_printf(sql, " WHERE z.s IN ('%c'%s)", p->saved.kind == SAFEPOINT_DELETED ? 'm' : 'u',
               mode && strcmp(mode, "overwrite") == 0 ? ", 'c'" : "");
}

/* Keys count as they will be after the whole restore: those of rows that it inserts, and those that it sets back. */
static void add_restored_parents(struct str *sql, const struct restore *r, const struct db_foreign_key *fk,
                                 const struct db_table *parent, const size_t *columns)
{
    for (size_t n = 0; n < r->count; n++) {
        const struct restored *p = &r->sections[n];
        if (restore_hopeless(p) || p->table != parent)
            continue;
        str_add(sql, " AND NOT EXISTS (");
        add_written_rows(sql, r, n);
        bool all = true;
        for (size_t i = 0; i < fk->count; i++) {
            const struct db_column *target = db_table_column(parent, fk->target_columns[i]);
            size_t column = restore_column_of(p, target);
            str_add(sql, " AND ");
            if (column < p->saved.column_count && restore_compared(p, column)) {
                str_printf(sql, "q.c%zu", column);
            } else if (p->saved.kind == SAFEPOINT_CHANGED) {
                str_add(sql, "t.");
                db_quote_identifier(sql, target->name);
            } else {
                str_printf(sql, "r.c%zu", columns[i]);
                all = false;
            }
            restore_equals(sql, &target->type);
            str_printf(sql, "r.c%zu", columns[i]);
        }
        str_add(sql, all ? ")" : " AND false)");
    }
}

static bool reference_columns(const struct restored *s, const struct db_foreign_key *fk, size_t *columns)
{
    bool any = false;
    for (size_t i = 0; i < fk->count; i++) {
        columns[i] = restore_column_of(s, &s->table->columns[fk->columns[i]]);
        if (columns[i] == s->saved.column_count)
            return false;
        any |= restore_compared(s, columns[i]);
    }
    return any;
}

static void add_orphans(struct str *sql, const struct restore *r, size_t n, const struct db_foreign_key *fk)
{
    const struct restored *s = &r->sections[n];
    const struct db_table *parent = db_catalog_by_oid(&r->catalog, fk->target);
    size_t columns[64];
    if (!parent || !parent->details || fk->count > 64 || !reference_columns(s, fk, columns))
        return;
    str_printf(sql, "UPDATE pg_temp.seedops_state_%zu s SET s = 'p' FROM pg_temp.seedops_saved_%zu r WHERE s.r = r.ctid "
               "AND s.s IN ('m', 'u')", n, n);
    for (size_t i = 0; i < fk->count; i++)
        str_printf(sql, " AND r.c%zu IS NOT NULL", columns[i]);
    str_add(sql, " AND NOT EXISTS (SELECT FROM ");
    db_quote_relation(sql, parent->schema, parent->name);
    str_add(sql, " p WHERE ");
    for (size_t i = 0; i < fk->count; i++) {
        const struct db_column *target = db_table_column(parent, fk->target_columns[i]);
        str_add(sql, i ? " AND p." : "p.");
        db_quote_identifier(sql, target->name);
        restore_equals(sql, &target->type);
        str_printf(sql, "r.c%zu", columns[i]);
    }
    str_add(sql, ")");
    add_restored_parents(sql, r, fk, parent, columns);
    str_add(sql, " RETURNING 1");
}

/* A row whose parent is stuck is stuck as well, so again until nothing more is found. */
static bool find_orphans(struct restore *r, struct err *err)
{
    enum { ROUNDS = 1000 };
    struct str sql = {0};
    size_t found = 0;
    for (size_t n = 0; n < r->count; n++) {
        const struct restored *s = &r->sections[n];
        for (size_t k = 0; !restore_hopeless(s) && k < s->table->foreign_key_count; k++) {
            struct str one = {0};
            add_orphans(&one, r, n, &s->table->foreign_keys[k]);
            if (one.length)
                str_printf(&sql, "%s x%zu AS (%s)", found ? "," : "WITH", found, str_text(&one));
            found += one.length > 0;
            str_free(&one);
        }
    }
    str_add(&sql, " SELECT ");
    for (size_t i = 0; i < found; i++)
        str_printf(&sql, "%s(SELECT pg_catalog.count(*) FROM x%zu)", i ? " + " : "", i);
    bool ok = true, more = found > 0;
    for (int round = 0; ok && more && round < ROUNDS; round++) {
        struct db_result *result = NULL;
        ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
        more = ok && db_int(result, 0, 0, 0) > 0;
        db_result_free(result);
    }
    str_free(&sql);
    return ok;
}

bool restore_find_conflicts(struct restore *r, struct err *err) { return find_taken(r, err) && find_orphans(r, err); }
