/* load - a safepoint's sections meet the live catalogue, and its rows go to the server once.
 *
 * A column that has another type now is loaded as text and then cast, all of it or none. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/copy.h"
#include "restore/restoring.h"

void restore_note(struct restore *r, const char *object, bool lost, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->notes = arena_grow(&r->arena, r->notes, r->note_count, r->note_count + 1, sizeof *r->notes);
    r->notes[r->note_count++] = (struct restore_note){arena_strdup(&r->arena, object), arena_strdup(&r->arena, text),
                                                      lost};
}

/* ---- sections and the catalogue ---- */

static const struct db_table *find_table(const struct restore *r, const struct safepoint_table *saved)
{
    for (size_t i = 0; i < r->catalog.count; i++) {
        const struct db_table *t = &r->catalog.tables[i];
        if (strcmp(t->schema, saved->schema) == 0 && strcmp(t->name, saved->name) == 0)
            return t->kind == 'r' || t->kind == 'p' ? t : NULL;
    }
    return NULL;
}

bool restore_puts(const struct restored *s, size_t column)
{
    return s->columns[column].live && !s->columns[column].left_out;
}

static size_t saved_column(const struct restored *s, const char *name)
{
    size_t i = 0;
    while (i < s->saved.column_count && strcmp(s->saved.columns[i].name, name) != 0)
        i++;
    return i;
}

static bool is_saved(const struct restored *s, const char *name)
{
    for (size_t i = 0; i < s->saved.generated_count; i++)
        if (strcmp(s->saved.generated[i], name) == 0)
            return true;
    return saved_column(s, name) < s->saved.column_count;
}

static void meet_columns(struct restore *r, struct restored *s)
{
    s->columns = arena_alloc(&r->arena, (s->saved.column_count + 1) * sizeof *s->columns);
    for (size_t i = 0; i < s->saved.column_count; i++) {
        const struct safepoint_column *saved = &s->saved.columns[i];
        struct restored_column *to = &s->columns[i];
        const struct db_column *live = db_table_column(s->table, saved->name);
        if (!live) {
            restore_note(r, s->saved.name, true, "column \"%s\" was dropped since: its values are left out", saved->name);
        } else if (live->generated) {
            restore_note(r, s->saved.name, false, "column \"%s\" is generated now", saved->name);
        } else {
            to->live = live;
            to->retyped = strcmp(live->type.name, saved->type) != 0;
            if (to->retyped)
                restore_note(r, s->saved.name, false, "column \"%s\" was %s and is %s now", saved->name, saved->type,
                             live->type.name);
        }
    }
    for (size_t i = 0; i < s->table->column_count; i++) {
        const struct db_column *live = &s->table->columns[i];
        bool filled = live->has_default || live->identity || live->generated;
        if (is_saved(s, live->name))
            continue;
        if (filled || !live->not_null) {
            restore_note(r, s->saved.name, false, "column \"%s\" was added since: rows get its default%s", live->name,
                         filled ? "" : ", NULL");
        } else {
            s->blocked = s->saved.kind == SAFEPOINT_DELETED;
            restore_note(r, s->saved.name, s->blocked, "column \"%s\" was added since, takes no NULL and has no default: "
                         "its rows cannot be put back", live->name);
        }
    }
}

/* True if these saved columns are a unique key of the live table whose columns take no NULL. */
static bool take_key(struct restore *r, struct restored *s, const char *const *names, size_t count)
{
    size_t live[64];
    if (count == 0 || count > sizeof live / sizeof *live)
        return false;
    s->key = arena_alloc(&r->arena, count * sizeof *s->key);
    for (size_t i = 0; i < count; i++) {
        s->key[i] = saved_column(s, names[i]);
        if (s->key[i] == s->saved.column_count || !restore_puts(s, s->key[i]) ||
            !s->columns[s->key[i]].live->not_null)
            return false;
        live[i] = (size_t)(s->columns[s->key[i]].live - s->table->columns);
    }
    if (!db_table_key(s->table, live, count))
        return false;
    s->key_count = count;
    return true;
}

/* The key the rows had then, else any that the table has now. */
static void choose_key(struct restore *r, struct restored *s)
{
    if (take_key(r, s, s->saved.key, s->saved.key_count))
        return;
    for (size_t k = 0; k < s->table->key_count; k++) {
        const struct db_key *key = &s->table->keys[k];
        const char *names[64];
        size_t count = key->count <= 64 ? key->count : 0;
        for (size_t i = 0; i < count; i++)
            names[i] = s->table->columns[key->columns[i]].name;
        if (take_key(r, s, names, count))
            return;
    }
    if (s->saved.kind == SAFEPOINT_CHANGED && s->table)
        restore_note(r, s->saved.name, true, "it has no key to find rows by: what was changed is not set back");
}

/* A reset of the schema saves that with all else, and makes it anew: its old rows beside the new ones would say that
 * each migration was applied twice. */
static bool is_ledger(const struct restore *r, const struct safepoint_table *saved)
{
    const struct ledger *ledger = r->session->ledger;
    return ledger && ledger_is(ledger, saved->schema, saved->name);
}

static void meet(struct restore *r, struct restored *s)
{
    s->after = arena_alloc(&r->arena, (s->saved.change_count + 1) * sizeof *s->after);
    if (is_ledger(r, &s->saved)) {
        restore_note(r, s->saved.name, false, "tells how a schema was made: this one has its own, and keeps that");
        return;
    }
    s->table = find_table(r, &s->saved);
    if (!s->table) {
        restore_note(r, s->saved.name, true, "the table is gone: its rows are left out");
        return;
    }
    meet_columns(r, s);
    choose_key(r, s);
}

/* ---- temporary tables ---- */

static void add_column(struct str *sql, const struct restored *s, size_t column, bool as_text, const char *name)
{
    const struct restored_column *c = &s->columns[column];
    if (!c->live || c->retyped || as_text) {
        str_printf(sql, "NULL::pg_catalog.text AS %s", name);
        return;
    }
    str_add(sql, "t.");
    db_quote_identifier(sql, c->live->name);
    str_printf(sql, " AS %s", name);
}

/* Of the live columns: their types, lengths and collations, whatever those are. */
static char *create_sql(const struct restored *s, size_t n)
{
    struct str sql = {0};
    char name[32];
    str_printf(&sql, "DROP TABLE IF EXISTS pg_temp.seedops_saved_%zu, pg_temp.seedops_state_%zu; "
               "CREATE TEMP TABLE seedops_saved_%zu AS SELECT ", n, n, n);
    for (size_t i = 0; i < s->saved.column_count; i++) {
        str_add(&sql, i ? ", " : "");
        snprintf(name, sizeof name, "c%zu", i);
        add_column(&sql, s, i, false, name);
    }
    for (size_t i = 0; s->saved.after_fields && i < s->saved.change_count; i++) {
        str_add(&sql, s->saved.column_count + i ? ", " : "");
        snprintf(name, sizeof name, "a%zu", i);
        add_column(&sql, s, saved_column(s, s->saved.changes[i].column), true, name);
    }
    str_add(&sql, " FROM ");
    db_quote_relation(&sql, s->table->schema, s->table->name);
    str_printf(&sql, " t WITH NO DATA; COPY pg_temp.seedops_saved_%zu FROM STDIN", n);
    return str_take(&sql);
}

/* Rows so far, by the share of the section's bytes that went out. */
static void tell(struct restore *r, const struct safepoint_held *held, int64_t before, int64_t bytes)
{
    int64_t rows = held->bytes > 0 ? (int64_t)((double)held->rows * (double)bytes / (double)held->bytes) : 0;
    ctx_progress(r->session->ctx, "reading the safepoint", before + rows, r->info->rows, false);
}

static bool load_rows(struct restore *r, struct restored *s, int64_t *done, struct err *err)
{
    const struct safepoint_held *held = &r->info->held[s - r->sections];
    int64_t sent = 0;
    const char *bytes;
    size_t length;
    for (;;) {
        if (!safepoint_text(r->reader, &bytes, &length, err)) {
            db_copy_in_end(r->db, "the safepoint is damaged", NULL, NULL);
            return false;
        }
        if (!bytes)
            break;
        if (!db_copy_in_put(r->db, bytes, length, err))
            return false;
        sent += (int64_t)length;
        tell(r, held, *done, sent);
    }
    *done += held->rows;
    return db_copy_in_end(r->db, NULL, &s->rows, err);
}

/* All values of a column in its new type, or none: one that does not fit must not cost the others their rows. */
static bool cast_column(struct restore *r, struct restored *s, size_t n, size_t column, struct err *err)
{
    struct restored_column *c = &s->columns[column];
    struct err why = {0};
    bool ok = db_runf(r->db, &why, "SAVEPOINT seedops_cast; ALTER TABLE pg_temp.seedops_saved_%zu ALTER c%zu TYPE %s "
                      "USING c%zu::%s; RELEASE SAVEPOINT seedops_cast", n, column, c->live->type.name, column,
                      c->live->type.name);
    if (ok)
        return true;
    if (why.class != ERR_QUERY) {
        *err = why;
        return false;
    }
    c->left_out = true;
    restore_note(r, s->saved.name, true, "the values of column \"%s\" do not fit %s (%s): they are left out",
                 c->live->name, c->live->type.name, why.message);
    for (size_t k = 0; k < s->key_count; k++)
        if (s->key[k] == column)
            s->key_count = 0;
    return db_run(r->db, "ROLLBACK TO SAVEPOINT seedops_cast", 0, NULL, NULL, err);
}

static bool load_section(struct restore *r, struct restored *s, int64_t *done, struct err *err)
{
    size_t n = (size_t)(s - r->sections);
    char *sql = create_sql(s, n);
    bool ok = db_copy_in_begin(r->db, sql, err) && load_rows(r, s, done, err);
    free(sql);
    for (size_t i = 0; ok && i < s->saved.column_count; i++)
        if (s->columns[i].live && s->columns[i].retyped)
            ok = cast_column(r, s, n, i, err);
    return (ok && db_runf(r->db, err, "ANALYZE pg_temp.seedops_saved_%zu", n)) ||
           err_context(err, "reading the saved rows of \"%s\"", s->saved.name);
}

#define LOAD_SETTINGS                                                                                                 \
    "SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC'; "                 \
    "SET LOCAL xmloption = 'content'; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'"

static bool load_all(struct restore *r, struct err *err)
{
    const struct safepoint_table *table;
    int64_t done = 0;
    r->sections = arena_alloc(&r->arena, (r->info->held_count + 1) * sizeof *r->sections);
    for (;;) {
        if (!safepoint_next(r->reader, &table, err))
            return false;
        if (!table)
            break;
        struct restored *s = &r->sections[r->count];
        safepoint_table_copy(&r->arena, &s->saved, table);
        meet(r, s);
        r->count++;
        if (s->table && !load_section(r, s, &done, err))
            return false;
        if (s->table && s->rows != r->info->held[r->count - 1].rows)
            return err_set(err, ERR_GENERAL, "the server took another number of rows of \"%s\" than were saved",
                           s->saved.name);
    }
    ctx_progress(r->session->ctx, "reading the safepoint", r->info->rows, r->info->rows, true);
    return true;
}

bool restore_load(struct restore *r, struct err *err)
{
    bool ok = db_catalog_load(r->db, &r->catalog, NULL, 0, true, err) &&
              db_run(r->db, "BEGIN; " LOAD_SETTINGS, 0, NULL, NULL, err);
    ok = ok && load_all(r, err) && restore_chain(r, err) && db_run(r->db, "COMMIT", 0, NULL, NULL, err);
    if (!ok && db_alive(r->db))
        db_rollback(r->db);
    return ok;
}

void restore_unload(struct restore *r)
{
    struct str sql = {0};
    for (size_t i = 0; i < r->count; i++)
        str_printf(&sql, "%spg_temp.seedops_saved_%zu, pg_temp.seedops_state_%zu", i ? ", " : "DROP TABLE IF EXISTS ", i,
                   i);
    if (r->count && r->db && db_alive(r->db)) {
        db_ignore_cancel(r->db, true);
        db_run(r->db, str_text(&sql), 0, NULL, NULL, NULL);
        db_ignore_cancel(r->db, false);
    }
    str_free(&sql);
}
