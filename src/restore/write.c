/* write - rows in, values back, everything looked at again.
 *
 *   triggers off, if configured ─▶ missing rows and values set back, what they refer to first (restore_order) ─▶
 *   deferred constraints ─▶ triggers on again ─▶ every row compared with the safepoint */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "op/write.h"
#include "restore/restoring.h"

/* ---- triggers ---- */

struct trigger { char *table, *name; bool always; };   /* table: quoted, as ALTER TABLE wants it */
struct triggers { struct trigger *items; size_t count; };

static bool first_of_table(const struct restore *r, size_t section)
{
    for (size_t i = 0; i < section; i++)
        if (r->sections[i].table == r->sections[section].table)
            return false;
    return r->sections[section].table != NULL;
}

/* A partitioned table's own and each partition's, which may be switched differently: every one is put back as it was.
 * Before 13 a partition's copies cannot be told apart and are left to what ALTER TABLE of the whole does to them. */
static void triggers_sql(struct restore *r, const struct db_table *table, struct str *sql)
{
    bool each = db_facts(r->db)->server_version_num >= 130000;
    str_printf(sql, "WITH RECURSIVE tree(oid) AS (SELECT %lu::pg_catalog.oid UNION ALL SELECT i.inhrelid "
               "FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid JOIN pg_catalog.pg_class c "
               "ON c.oid = i.inhrelid WHERE c.relispartition) SELECT pg_catalog.format('%s%%I.%%I', n.nspname, c.relname), "
               "g.tgname, g.tgenabled::pg_catalog.text FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid "
               "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid "
               "WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')", (unsigned long)table->oid, each ? "ONLY " : "");
}

static bool find_triggers(struct restore *r, struct triggers *to, struct err *err)
{
    bool ok = true;
    for (size_t n = 0; ok && n < r->count; n++) {
        struct db_result *result = NULL;
        struct str sql = {0};
        if (!first_of_table(r, n))
            continue;
        triggers_sql(r, r->sections[n].table, &sql);
        ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
        for (size_t i = 0; ok && i < db_rows(result); i++) {
            to->items = xrealloc(to->items, (to->count + 1) * sizeof *to->items);
            to->items[to->count++] = (struct trigger){xstrdup(db_value(result, i, 0)), xstrdup(db_value(result, i, 1)),
                                                      db_value(result, i, 2)[0] == 'A'};
        }
        db_result_free(result);
        str_free(&sql);
    }
    return ok;
}

static bool switch_triggers(struct restore *r, const struct triggers *t, bool on, struct err *err)
{
    struct str sql = {0};
    for (size_t i = 0; i < t->count; i++) {
        str_printf(&sql, "ALTER TABLE %s%s", t->items[i].table,
                   !on ? " DISABLE TRIGGER " : t->items[i].always ? " ENABLE ALWAYS TRIGGER " : " ENABLE TRIGGER ");
        db_quote_identifier(&sql, t->items[i].name);
        str_add(&sql, "; ");
    }
    bool ok = sql.length == 0 || db_run(r->db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    if (!ok && !on) {
        err_context(err, "switching triggers off");
        err_hint(err, "only a table's owner may; restore_triggers: fire lets them fire and compares the result");
    }
    return ok;
}

static void triggers_free(struct triggers *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->items[i].table);
        free(t->items[i].name);
    }
    free(t->items);
}

/* ---- statements ---- */

static void insert_sql(struct str *sql, const struct restored *s, size_t n)
{
    struct str from = {0};
    bool first = true;
    str_add(sql, "INSERT INTO ");
    db_quote_relation(sql, s->table->schema, s->table->name);
    str_add(sql, " (");
    for (size_t i = 0; i < s->saved.column_count; i++) {
        if (!restore_puts(s, i))
            continue;
        str_add(sql, first ? "" : ", ");
        db_quote_identifier(sql, s->columns[i].live->name);
        str_printf(&from, "%sr.c%zu", first ? "" : ", ", i);
        first = false;
    }
    str_printf(sql, ") OVERRIDING SYSTEM VALUE SELECT %s FROM pg_temp.seedops_saved_%zu r", str_text(&from), n);
    if (s->states[ROW_MISSING] < s->rows)
        str_printf(sql, " JOIN pg_temp.seedops_state_%zu s ON s.r OPERATOR(pg_catalog.=) r.ctid "
                   "WHERE s.s OPERATOR(pg_catalog.=) 'm'", n);
    str_free(&from);
}

static bool is_key(const struct restored *s, size_t column)
{
    for (size_t k = 0; k < s->key_count; k++)
        if (s->key[k] == column)
            return true;
    return false;
}

bool restore_sets(const struct restored *s, size_t column)
{
    if (!restore_puts(s, column) || is_key(s, column) || s->columns[column].live->identity_always)
        return false;
    if (s->saved.kind == SAFEPOINT_DELETED)
        return true;
    for (size_t i = 0; i < s->saved.change_count; i++)
        if (strcmp(s->saved.changes[i].column, s->saved.columns[column].name) == 0)
            return true;
    return false;
}

static void add_saved(struct str *sql, const struct restore *r, size_t n)
{
    str_printf(sql, "pg_temp.seedops_saved_%zu r JOIN pg_temp.seedops_state_%zu s ON s.r OPERATOR(pg_catalog.=) r.ctid "
               "AND (s.s OPERATOR(pg_catalog.=) 'u'%s)", n, n, r->overwrite ? " OR s.s OPERATOR(pg_catalog.=) 'c'" : "");
}

static void update_sql(struct str *sql, const struct restore *r, size_t n)
{
    const struct restored *s = &r->sections[n];
    bool first = true;
    str_add(sql, "UPDATE ");
    restore_live(sql, s, "t");
    str_add(sql, " SET ");
    for (size_t i = 0; i < s->saved.column_count; i++) {
        if (!restore_sets(s, i))
            continue;
        str_add(sql, first ? "" : ", ");
        first = false;
        db_quote_identifier(sql, s->columns[i].live->name);
        str_printf(sql, " = r.c%zu", i);
    }
    str_add(sql, " FROM ");
    add_saved(sql, r, n);
    str_add(sql, " WHERE ");
    restore_match(sql, s);
}

/* ---- a group: one write is one statement, several that need each other are parts of one ---- */

struct group {
    struct restore *restore;
    const size_t *of;                /* per write: its group */
    size_t number, writes;
};

static bool member(const struct group *g, size_t write)
{
    return g->of[write] == g->number && restore_wanted(g->restore, write) > 0;
}

/* Within one statement a row can be updated once, and several sections may hold it, each with other columns: the
 * updates of a table are one. */
static bool updates_with(const struct group *g, size_t first, size_t n)
{
    return member(g, 2 * n + 1) && g->restore->sections[n].table == g->restore->sections[first].table;
}

static bool first_update(const struct group *g, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (updates_with(g, n, i))
            return false;
    return member(g, 2 * n + 1);
}

/* Each column of the table that any of these sections sets: the saved value of the first that holds the row. */
static void add_assignments(struct str *sql, const struct group *g, size_t first)
{
    const struct restore *r = g->restore;
    const struct db_table *table = r->sections[first].table;
    bool any = false;
    for (size_t c = 0; c < table->column_count; c++) {
        struct str value = {0};
        for (size_t n = first; n < r->count; n++) {
            const struct restored *s = &r->sections[n];
            for (size_t i = 0; updates_with(g, first, n) && i < s->saved.column_count; i++)
                if (s->columns[i].live == &table->columns[c] && restore_sets(s, i))
                    str_printf(&value, " WHEN m.k%zu THEN m.v%zu_%zu", n, n, i);
        }
        if (value.length) {
            str_add(sql, any ? ", " : "");
            any = true;
            db_quote_identifier(sql, table->columns[c].name);
            str_printf(sql, " = CASE%s ELSE t.", str_text(&value));
            db_quote_identifier(sql, table->columns[c].name);
            str_add(sql, " END");
        }
        str_free(&value);
    }
}

static void merged_sql(struct str *sql, const struct group *g, size_t first)
{
    const struct restore *r = g->restore;
    struct str from = {0}, held = {0}, counts = {0};
    str_add(sql, "UPDATE ");
    restore_live(sql, &r->sections[first], "t");
    str_add(sql, " SET ");
    add_assignments(sql, g, first);
    str_add(sql, " FROM (SELECT t.tableoid AS o, t.ctid AS p");
    for (size_t n = first; n < r->count; n++) {
        if (!updates_with(g, first, n))
            continue;
        const struct restored *s = &r->sections[n];
        str_printf(sql, ", x%zu.r IS NOT NULL AS k%zu", n, n);
        str_printf(&from, " LEFT JOIN (SELECT r.ctid AS r");
        for (size_t i = 0; i < s->saved.column_count; i++) {
            str_printf(&from, ", r.c%zu", i);
            if (restore_sets(s, i))
                str_printf(sql, ", x%zu.c%zu AS v%zu_%zu", n, i, n, i);
        }
        str_add(&from, " FROM ");
        add_saved(&from, r, n);
        str_printf(&from, ") x%zu ON ", n);
        restore_match_as(&from, s, n);
        str_printf(&held, "%sx%zu.r IS NOT NULL", held.length ? " OR " : "", n);
        str_printf(&counts, "%sm.k%zu", counts.length ? ", " : "", n);
    }
    str_add(sql, " FROM ");
    restore_live(sql, &r->sections[first], "t");
    str_printf(sql, "%s WHERE %s) m WHERE t.tableoid OPERATOR(pg_catalog.=) m.o AND t.ctid OPERATOR(pg_catalog.=) m.p "
               "RETURNING %s", str_text(&from), str_text(&held), str_text(&counts));
    str_free(&from);
    str_free(&held);
    str_free(&counts);
}

/* WITH every write of the group; then how many rows each wrote, in the order of writes. */
static void circle_sql(struct str *sql, const struct group *g)
{
    const struct restore *r = g->restore;
    struct str counts = {0};
    size_t update = 0;
    for (size_t write = 0; write < 2 * r->count; write++) {
        size_t n = write / 2;
        if (!member(g, write))
            continue;
        if (write % 2 == 0 || first_update(g, n))
            str_printf(sql, "%s w%zu AS (", sql->length ? "," : "WITH", write);
        if (write % 2 == 0) {
            insert_sql(sql, &r->sections[n], n);
            str_add(sql, " RETURNING 1)");
            str_printf(&counts, "%s(SELECT pg_catalog.count(*) FROM w%zu)", counts.length ? ", " : " SELECT ", write);
            continue;
        }
        if (first_update(g, n)) {
            merged_sql(sql, g, n);
            str_add(sql, ")");
        }
        for (update = 0; !(first_update(g, update) && updates_with(g, update, n)); update++) {}
        str_printf(&counts, "%s(SELECT pg_catalog.count(*) FROM w%zu WHERE k%zu)", counts.length ? ", " : " SELECT ",
                   2 * update + 1, n);
    }
    str_add(sql, str_text(&counts));
    str_free(&counts);
}

static bool fewer(const struct restored *s, int64_t written, int64_t wanted, struct err *err)
{
    err_set(err, ERR_CONFLICT, "%lld of %lld rows of \"%s\" could not be put back", (long long)(wanted - written),
            (long long)wanted, s->saved.name);
    err_why(err, "a trigger or a rule of the table keeps them out, or someone else wrote meanwhile");
    return err_hint(err, "nothing was written; restore --dry-run shows how things stand now");
}

static bool write_group(const struct group *g, int64_t *done, struct err *err)
{
    struct restore *r = g->restore;
    struct str sql = {0};
    struct db_result *result = NULL;
    size_t only = 0, column = 0;
    while (!member(g, only))
        only++;
    if (g->writes > 1)
        circle_sql(&sql, g);
    else if (only % 2)
        update_sql(&sql, r, only / 2);
    else
        insert_sql(&sql, &r->sections[only / 2], only / 2);
    bool ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    for (size_t write = only; ok && write < 2 * r->count; write++) {
        if (!member(g, write))
            continue;
        int64_t written = g->writes > 1 ? db_int(result, 0, column++, 0) : db_affected(result);
        r->sections[write / 2].written += written;
        *done += written;
        ok = written == restore_wanted(r, write) || fewer(&r->sections[write / 2], written, restore_wanted(r, write), err);
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool write_groups(struct restore *r, struct err *err)
{
    size_t *of = xcalloc(2 * r->count + 1, sizeof *of), groups = restore_order(r, of);
    int64_t total = restore_writes(r), done = 0;
    bool ok = true;
    for (size_t n = 0; n < r->count; n++)
        r->sections[n].written = 0;
    for (size_t i = 0; ok && i < groups; i++) {
        struct group g = {.restore = r, .of = of, .number = i};
        for (size_t write = 0; write < 2 * r->count; write++)
            g.writes += member(&g, write);
        ok = write_group(&g, &done, err) && (i > 0 || failpoint(FAIL_RESTORE_WRITING, err));
        ctx_progress(r->session->ctx, "restore", done, total, false);
    }
    free(of);
    return ok && failpoint(FAIL_RESTORE_WRITTEN, err);
}

/* ---- looking again ---- */

/* A column of a row that is there, which no UPDATE can set; or NULL. */
static const char *fixed_column(const struct restored *s)
{
    for (size_t i = 0; s->states[ROW_CHANGED] && i < s->saved.column_count; i++)
        if (restore_puts(s, i) && !is_key(s, i) && s->columns[i].live->identity_always)
            return s->columns[i].live->name;
    return NULL;
}

static void name_cause(const struct restored *s, struct err *err)
{
    const char *fixed = fixed_column(s);
    if (fixed) {
        err_why(err, "\"%s\" is GENERATED ALWAYS AS IDENTITY: the server sets it in new rows only", fixed);
        err_hint(err, "nothing was written; ALTER TABLE ... ALTER COLUMN ... SET GENERATED BY DEFAULT lets it be set, or"
                 " --changed leave keeps the rows that are there");
        return;
    }
    err_why(err, "%s", s->table->has_triggers ? "a trigger of the table changed them on the way in"
                                              : "a rule of the table changed them, or another table's trigger did");
    err_hint(err, "nothing was written; restore_triggers: disable in seedops.yaml puts rows back without their triggers");
}

static bool check_section(struct restore *r, size_t n, struct err *err)
{
    struct restored *s = &r->sections[n];
    int64_t now[ROW_STATES], left[ROW_STATES] = {0};
    if (s->written == 0)
        return true;
    if (!restore_recount(r, n, now, err))
        return false;
    if (s->saved.kind == SAFEPOINT_DELETED)
        left[ROW_MISSING] = s->states[ROW_TAKEN] + s->states[ROW_ORPHAN];
    else
        left[ROW_SET_BACK] = s->states[ROW_ORPHAN] + s->states[ROW_TAKEN];
    left[ROW_GONE] = s->states[ROW_GONE];
    left[ROW_CHANGED] = r->overwrite ? s->states[ROW_TAKEN] : s->states[ROW_CHANGED];
    int64_t wrong = 0;
    for (int i = 0; i < ROW_STATES; i++)
        wrong += now[i] > left[i] ? now[i] - left[i] : 0;
    if (wrong == 0)
        return true;
    err_set(err, ERR_CONFLICT, "%lld %s of \"%s\" would not be as they were saved", (long long)wrong,
            wrong == 1 ? "row" : "rows", s->saved.name);
    name_cause(s, err);
    return false;
}

/* Unique indexes over expressions or some of the rows, and exclusion constraints, are the server's to judge: it names
 * the constraint and the values. */
static bool place(struct err *err)
{
    if (strcmp(err->sqlstate, "23505") == 0 || strcmp(err->sqlstate, "23P01") == 0) {
        err->class = ERR_CONFLICT;
        err_context(err, "another row has a value that is to come back");
        return err_hint(err, "nothing was written; change that row, or restore what else there is by hand (--to-sql)");
    }
    if (err->class == ERR_QUERY && !err->hint[0])
        err_hint(err, "nothing was written; restore --dry-run shows what is in the way");
    return false;
}

/* Triggers, defaults and checks of the tables want the path of their application; what we ask ourselves wants none. */
static bool restore_path(struct restore *r, bool theirs, struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "SELECT pg_catalog.set_config('search_path', ");
    db_quote_literal(&sql, theirs ? r->path : "pg_catalog");
    str_add(&sql, ", true)");
    bool ok = db_run(r->db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    return ok;
}

bool restore_write(struct restore *r, struct err *err)
{
    const char *mode = r->session->ctx->settings->restore_triggers;
    struct triggers triggers = {0};
    int64_t total = restore_writes(r);
    bool ok = !mode || strcmp(mode, "disable") != 0 || find_triggers(r, &triggers, err);
    ok = ok && restore_path(r, true, err) && switch_triggers(r, &triggers, false, err) &&
         db_run(r->db, "SET CONSTRAINTS ALL DEFERRED", 0, NULL, NULL, err) && write_groups(r, err) &&
         db_run(r->db, "SET CONSTRAINTS ALL IMMEDIATE", 0, NULL, NULL, err) && switch_triggers(r, &triggers, true, err) &&
         restore_path(r, false, err);
    for (size_t n = 0; ok && n < r->count; n++)
        ok = check_section(r, n, err);
    triggers_free(&triggers);
    if (ok)
        ctx_progress(r->session->ctx, "restore", total, total, true);
    return ok || place(err);
}

bool restore_sequences(struct restore *r, struct err *err)
{
    struct str sql = {0};
    for (size_t n = 0; n < r->count; n++) {
        const struct restored *s = &r->sections[n];
        for (size_t i = 0; s->written && i < s->saved.column_count; i++) {
            const struct db_column *live = s->columns[i].live;
            if (!restore_puts(s, i) || !live->sequence)
                continue;
            char highest[160];
            snprintf(highest, sizeof highest, "SELECT pg_catalog.max(r.c%zu)::pg_catalog.int8 AS m FROM "
                     "pg_temp.seedops_saved_%zu r", i, n);
            write_sequence_sql(&sql, live->sequence, highest);
            str_add(&sql, "; ");
        }
    }
    bool ok = sql.length == 0 || db_run(r->db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    return ok || err_context(err, "moving sequences past the restored values");
}
