/* states - what became of every saved row: one join a table, then the conflicts among what is missing. */
#include <stdio.h>
#include <string.h>

#include "restore/restoring.h"

const char restore_letters[ROW_STATES + 1] = "muckpg";

/* ---- SQL parts ---- */

void restore_live(struct str *sql, const struct restored *s, const char *alias)
{
    str_add(sql, s->table->kind == 'r' ? "ONLY " : "");
    db_quote_relation(sql, s->table->schema, s->table->name);
    str_printf(sql, " %s", alias);
}

void restore_live_column(struct str *sql, const char *alias, const struct restored *s, size_t column)
{
    str_printf(sql, "%s.", alias);
    db_quote_identifier(sql, s->columns[column].live->name);
}

void restore_equals(struct str *sql, const struct db_type *type)
{
    str_printf(sql, " %s ", type->equality ? type->equality : "OPERATOR(pg_catalog.=)");
}

void restore_match_named(struct str *sql, const struct restored *s, const char *saved)
{
    for (size_t i = 0; i < s->key_count; i++) {
        str_add(sql, i ? " AND " : "");
        restore_live_column(sql, "t", s, s->key[i]);
        restore_equals(sql, &s->columns[s->key[i]].live->type);
        str_printf(sql, "%s.c%zu", saved, s->key[i]);
    }
}

void restore_match(struct str *sql, const struct restored *s) { restore_match_named(sql, s, "r"); }

void restore_match_as(struct str *sql, const struct restored *s, size_t section)
{
    char saved[24];
    snprintf(saved, sizeof saved, "x%zu", section);
    restore_match_named(sql, s, saved);
}

/* Which columns are compared: all that are put back, or of a section of changes the changed ones. */
bool restore_compared(const struct restored *s, size_t column)
{
    if (!restore_puts(s, column))
        return false;
    if (s->saved.kind == SAFEPOINT_DELETED)
        return true;
    for (size_t i = 0; i < s->saved.change_count; i++)
        if (strcmp(s->saved.changes[i].column, s->saved.columns[column].name) == 0)
            return true;
    return false;
}

size_t restore_column_of(const struct restored *s, const struct db_column *live)
{
    size_t i = 0;
    while (i < s->saved.column_count && !(restore_puts(s, i) && s->columns[i].live == live))
        i++;
    return i;
}

static void row_of(struct str *sql, const struct restored *s, bool live, const char *cast)
{
    bool first = true;
    str_add(sql, "ROW(");
    for (size_t i = 0; i < s->saved.column_count; i++) {
        if (!restore_compared(s, i))
            continue;
        str_add(sql, first ? "" : ", ");
        first = false;
        if (live)
            restore_live_column(sql, "t", s, i);
        else
            str_printf(sql, "r.c%zu", i);
        str_add(sql, cast);
    }
    str_add(sql, ")");
}

/* Byte for byte: the images first, which is cheap; two images of one text (it happens in arrays) are no difference. */
static void differs(struct str *sql, const struct restored *s)
{
    static const char text[] = "::pg_catalog.text COLLATE \"C\"";
    str_add(sql, "(pg_catalog.record_image_ne(");
    row_of(sql, s, true, "");
    str_add(sql, ", ");
    row_of(sql, s, false, "");
    str_add(sql, ") AND ");
    row_of(sql, s, true, text);
    str_add(sql, " IS DISTINCT FROM ");
    row_of(sql, s, false, text);
    str_add(sql, ")");
}

static void same_text(struct str *sql, const struct restored *s, size_t column)
{
    str_add(sql, "(");
    restore_live_column(sql, "t", s, column);
    str_printf(sql, "::pg_catalog.text COLLATE \"C\" IS NOT DISTINCT FROM ");
}

/* Every changed column has the value from before the action or the one it got by it. */
static void as_action_left(struct str *sql, const struct restored *s)
{
    bool any = false;
    for (size_t i = 0; i < s->saved.change_count; i++) {
        const struct safepoint_changed *change = &s->saved.changes[i];
        size_t column = 0;
        while (strcmp(s->saved.columns[column].name, change->column) != 0)
            column++;
        if (!restore_puts(s, column))
            continue;
        str_add(sql, any ? " AND (" : "(");
        any = true;
        same_text(sql, s, column);
        str_printf(sql, "r.c%zu::pg_catalog.text COLLATE \"C\")", column);
        if (change->known || s->saved.after_fields || s->after[i]) {
            str_add(sql, " OR ");
            same_text(sql, s, column);
            if (change->known && !s->after[i])
                db_quote_literal(sql, change->after);
            else
                str_printf(sql, "r.a%zu", i);
            /* by way of the type: char(5) writes blanks that its text has not */
            if (!s->columns[column].retyped)
                str_printf(sql, "::%s", s->columns[column].live->type.name);
            str_add(sql, "::pg_catalog.text COLLATE \"C\")");
        }
        str_add(sql, ")");
    }
    str_add(sql, any ? "" : "true");
}

/* ---- states ---- */

static void by_key(struct str *sql, const struct restored *s, size_t n)
{
    str_add(sql, "SELECT r.ctid AS r, CASE WHEN t.tableoid IS NULL THEN ");
    if (s->saved.kind == SAFEPOINT_CHANGED) {
        str_add(sql, "'g' WHEN ");
        as_action_left(sql, s);
        str_add(sql, " THEN 'u' ELSE 'c' END");
    } else {
        str_add(sql, "'m' ELSE 'c' END");
    }
    str_printf(sql, "::pg_catalog.\"char\" AS s FROM pg_temp.seedops_saved_%zu r LEFT JOIN ", n);
    restore_live(sql, s, "t");
    str_add(sql, " ON ");
    restore_match(sql, s);
    str_add(sql, " WHERE t.tableoid IS NULL OR ");
    differs(sql, s);
}

/* Without a key rows are as good as each other: of five equal ones saved and three there, two are missing. */
static void by_whole_row(struct str *sql, const struct restored *s, size_t n)
{
    str_add(sql, "SELECT r.r, 'm'::pg_catalog.\"char\" AS s FROM (SELECT r.ctid AS r, ");
    row_of(sql, s, false, "");
    str_add(sql, "::pg_catalog.text COLLATE \"C\" AS x, pg_catalog.row_number() OVER (PARTITION BY ");
    row_of(sql, s, false, "");
    str_printf(sql, "::pg_catalog.text COLLATE \"C\") AS n FROM pg_temp.seedops_saved_%zu r) r LEFT JOIN (SELECT ", n);
    row_of(sql, s, true, "");
    str_add(sql, "::pg_catalog.text COLLATE \"C\" AS x, pg_catalog.count(*) AS n FROM ");
    restore_live(sql, s, "t");
    str_add(sql, " GROUP BY 1) t ON t.x = r.x WHERE t.n IS NULL OR r.n > t.n");
}

/* A section that nothing can be done with has no row in any state. */
bool restore_hopeless(const struct restored *s)
{
    bool any = false;
    for (size_t i = 0; s->table && i < s->saved.column_count; i++)
        any |= restore_compared(s, i);
    return !s->table || s->blocked || !any || (s->saved.kind == SAFEPOINT_CHANGED && s->key_count == 0);
}

static void states_sql(struct str *sql, const struct restored *s, size_t n)
{
    if (restore_hopeless(s))
        str_add(sql, "SELECT NULL::pg_catalog.tid AS r, NULL::pg_catalog.\"char\" AS s WHERE false");
    else if (s->key_count)
        by_key(sql, s, n);
    else
        by_whole_row(sql, s, n);
}

/* ---- counts, digest ---- */

static bool take_counts(struct restore *r, struct hash *hash, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    for (size_t n = 0; n < r->count; n++)
        str_printf(&sql, "%sSELECT %zu, s::pg_catalog.text, pg_catalog.count(*), "
                   "pg_catalog.sum(pg_catalog.hashtextextended(r::pg_catalog.text, 0)::pg_catalog.numeric) "
                   "FROM pg_temp.seedops_state_%zu GROUP BY 2", n ? " UNION ALL " : "", n, n);
    str_add(&sql, " ORDER BY 1, 2");
    bool ok = r->count == 0 || db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    for (size_t n = 0; n < r->count; n++)
        memset(r->sections[n].states, 0, sizeof r->sections[n].states);
    for (size_t i = 0; ok && result && i < db_rows(result); i++) {
        const char *letter = strchr(restore_letters, db_value(result, i, 1)[0]);
        size_t n = (size_t)db_int(result, i, 0, 0);
        if (letter && *letter && n < r->count)
            r->sections[n].states[letter - restore_letters] = db_int(result, i, 2, 0);
        for (size_t c = 0; c < 4; c++)
            hash_add_field(hash, db_value(result, i, c));
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

/* What stands now in rows that would be overwritten: a plan that was looked at is not carried out over other values. */
static bool hash_changed(struct restore *r, struct hash *hash, struct err *err)
{
    bool ok = true;
    for (size_t n = 0; ok && n < r->count; n++) {
        const struct restored *s = &r->sections[n];
        if (s->states[ROW_CHANGED] + s->states[ROW_SET_BACK] == 0 || s->key_count == 0)
            continue;
        struct str sql = {0};
        struct db_result *result = NULL;
        str_add(&sql, "SELECT pg_catalog.sum(pg_catalog.hashtextextended(");
        row_of(&sql, s, true, "");
        str_printf(&sql, "::pg_catalog.text, 0)::pg_catalog.numeric) FROM pg_temp.seedops_saved_%zu r "
                   "JOIN pg_temp.seedops_state_%zu s ON s.r = r.ctid JOIN ", n, n);
        restore_live(&sql, s, "t");
        str_add(&sql, " ON ");
        restore_match(&sql, s);
        str_add(&sql, " WHERE s.s IN ('c', 'u')");
        ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
        if (ok)
            hash_add_field(hash, db_value(result, 0, 0));
        db_result_free(result);
        str_free(&sql);
    }
    return ok;
}

static void hash_plan(const struct restore *r, struct hash *hash)
{
    hash_init(hash);
    hash_add_field(hash, "restore");
    hash_add_field(hash, r->session->ctx->environment->name);
    hash_add_field(hash, r->session->direct_identity.system_identifier);
    hash_add_field(hash, r->info->check);
    hash_add_field(hash, r->options->changed);
    hash_add_field(hash, r->options->partial ? "partial" : NULL);
    for (size_t i = 0; i < r->note_count; i++)
        hash_add_field(hash, r->notes[i].text);
}

bool restore_compare(struct restore *r, struct err *err)
{
    struct hash hash;
    struct str sql = {0};
    for (size_t n = 0; n < r->count; n++) {
        str_printf(&sql, "DROP TABLE IF EXISTS pg_temp.seedops_state_%zu; CREATE TEMP TABLE seedops_state_%zu AS ", n, n);
        states_sql(&sql, &r->sections[n], n);
        str_printf(&sql, "; ANALYZE pg_temp.seedops_state_%zu; ", n);
    }
    hash_plan(r, &hash);
    bool ok = (sql.length == 0 || db_run(r->db, str_text(&sql), 0, NULL, NULL, err)) && restore_find_conflicts(r, err) &&
              take_counts(r, &hash, err) && hash_changed(r, &hash, err);
    hash_hex(&hash, r->digest);
    str_free(&sql);
    return ok;
}

bool restore_recount(struct restore *r, size_t section, int64_t to[ROW_STATES], struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    str_add(&sql, "SELECT s::pg_catalog.text, pg_catalog.count(*) FROM (");
    states_sql(&sql, &r->sections[section], section);
    str_add(&sql, ") x GROUP BY 1");
    memset(to, 0, ROW_STATES * sizeof *to);
    bool ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    for (size_t i = 0; ok && i < db_rows(result); i++) {
        const char *letter = strchr(restore_letters, db_value(result, i, 0)[0]);
        if (letter && *letter)
            to[letter - restore_letters] = db_int(result, i, 1, 0);
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

/* ---- what the plan says of them ---- */

/* What a person knows a row by: a key that no sequence makes, else the one it is found by. */
static void example_columns(const struct restored *s, struct str *sql)
{
    for (size_t k = 0; k < s->table->key_count; k++) {
        const struct db_key *key = &s->table->keys[k];
        struct str list = {0};
        bool natural = key->count > 0;
        for (size_t i = 0; natural && i < key->count; i++) {
            const struct db_column *live = &s->table->columns[key->columns[i]];
            size_t column = restore_column_of(s, live);
            natural = column < s->saved.column_count && !live->identity && !live->sequence;
            str_printf(&list, ", c%zu::pg_catalog.text", column);
        }
        if (natural)
            str_add(sql, str_text(&list));
        str_free(&list);
        if (natural)
            return;
    }
    for (size_t k = 0; k < s->key_count; k++)
        str_printf(sql, ", c%zu::pg_catalog.text", s->key[k]);
}

/* The first few rows of each state that a person has to know of. */
bool restore_examples(struct restore *r, struct err *err)
{
    static const enum row_state told[] = {ROW_CHANGED, ROW_TAKEN, ROW_ORPHAN, ROW_GONE};
    bool ok = true;
    for (size_t n = 0; ok && n < r->count; n++) {
        struct restored *s = &r->sections[n];
        for (size_t i = 0; ok && i < sizeof told / sizeof *told; i++) {
            if (s->states[told[i]] == 0 || s->key_count == 0)
                continue;
            struct str sql = {0};
            struct db_result *result = NULL;
            str_add(&sql, "SELECT pg_catalog.string_agg(x, '; ') FROM (SELECT pg_catalog.left(pg_catalog.concat_ws(' '");
            example_columns(s, &sql);
            str_printf(&sql, "), 40) AS x FROM pg_temp.seedops_saved_%zu r JOIN pg_temp.seedops_state_%zu s ON s.r = r.ctid "
                       "WHERE s.s = '%c' ORDER BY r.ctid LIMIT 3) x", n, n, restore_letters[told[i]]);
            ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
            if (ok)
                s->examples[told[i]] = arena_strdup(&r->arena, db_value(result, 0, 0));
            db_result_free(result);
            str_free(&sql);
        }
    }
    return ok;
}

int64_t restore_total(const struct restore *r, enum row_state state)
{
    int64_t rows = 0;
    for (size_t n = 0; n < r->count; n++)
        rows += r->sections[n].states[state];
    return rows;
}

int64_t restore_writes(const struct restore *r)
{
    return restore_total(r, ROW_MISSING) + restore_total(r, ROW_SET_BACK) +
           (r->overwrite ? restore_total(r, ROW_CHANGED) : 0);
}

bool restore_stuck(const struct restore *r)
{
    bool stuck = restore_total(r, ROW_TAKEN) + restore_total(r, ROW_ORPHAN) > 0;
    for (size_t i = 0; i < r->note_count; i++)
        stuck |= r->notes[i].lost;
    return stuck;
}
