/* restore_write - rows in, values back, everything looked at again.
 *
 *   triggers off, if configured ─▶ missing rows, parents first ─▶ values set back ─▶ deferred constraints ─▶
 *   triggers on again ─▶ every row compared with the safepoint
 *
 * Tables that refer to each other in a circle go in one statement: their foreign keys are checked at its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "op/restoring.h"
#include "op/write.h"

/* ---- the order ---- */

struct graph {
    const struct restore *restore;
    size_t *index, *low, *stack, *group;     /* Tarjan's numbers, from 1; group: which circle, parents' first */
    size_t visited, depth, groups;
    bool *waiting;
};

static bool inserts(const struct restored *s)
{
    return s->table && s->saved.kind == SAFEPOINT_DELETED && s->states[ROW_MISSING] > 0;
}

static bool refers(const struct restored *child, const struct restored *parent)
{
    for (size_t i = 0; i < child->table->foreign_key_count; i++)
        if (child->table->foreign_keys[i].target == parent->table->oid)
            return true;
    return false;
}

static void visit(struct graph *g, size_t at)
{
    const struct restore *r = g->restore;
    g->index[at] = g->low[at] = ++g->visited;
    g->stack[g->depth++] = at;
    g->waiting[at] = true;
    for (size_t to = 0; to < r->count; to++) {
        if (to == at || !inserts(&r->sections[to]) || !refers(&r->sections[at], &r->sections[to]))
            continue;
        if (!g->index[to]) {
            visit(g, to);
            g->low[at] = g->low[to] < g->low[at] ? g->low[to] : g->low[at];
        } else if (g->waiting[to]) {
            g->low[at] = g->index[to] < g->low[at] ? g->index[to] : g->low[at];
        }
    }
    if (g->low[at] != g->index[at])
        return;
    size_t last;
    do {
        last = g->stack[--g->depth];
        g->waiting[last] = false;
        g->group[last] = g->groups;
    } while (last != at);
    g->groups++;
}

/* ---- triggers ---- */

struct trigger { size_t section; char *name; bool always; };
struct triggers { struct trigger *items; size_t count; };

static bool first_of_table(const struct restore *r, size_t section)
{
    for (size_t i = 0; i < section; i++)
        if (r->sections[i].table == r->sections[section].table)
            return false;
    return r->sections[section].table != NULL;
}

static bool find_triggers(struct restore *r, struct triggers *to, struct err *err)
{
    bool ok = true;
    for (size_t n = 0; ok && n < r->count; n++) {
        struct db_result *result = NULL;
        struct str sql = {0};
        if (!first_of_table(r, n) || !r->sections[n].table->has_triggers)
            continue;
        str_printf(&sql, "SELECT tgname, tgenabled::pg_catalog.text FROM pg_catalog.pg_trigger WHERE tgrelid = %lu "
                   "AND NOT tgisinternal AND tgenabled IN ('O', 'A')", (unsigned long)r->sections[n].table->oid);
        ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
        for (size_t i = 0; ok && i < db_rows(result); i++) {
            to->items = xrealloc(to->items, (to->count + 1) * sizeof *to->items);
            to->items[to->count++] = (struct trigger){n, xstrdup(db_value(result, i, 0)),
                                                      db_value(result, i, 1)[0] == 'A'};
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
        const struct db_table *table = r->sections[t->items[i].section].table;
        str_add(&sql, "ALTER TABLE ");
        db_quote_relation(&sql, table->schema, table->name);
        str_add(&sql, !on ? " DISABLE TRIGGER " : t->items[i].always ? " ENABLE ALWAYS TRIGGER " : " ENABLE TRIGGER ");
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
    for (size_t i = 0; i < t->count; i++)
        free(t->items[i].name);
    free(t->items);
}

/* ---- inserting ---- */

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

static bool fewer(const struct restored *s, int64_t written, int64_t wanted, struct err *err)
{
    err_set(err, ERR_CONFLICT, "%lld of %lld rows of \"%s\" could not be put back", (long long)(wanted - written),
            (long long)wanted, s->saved.name);
    err_why(err, "a trigger or a rule of the table keeps them out, or someone else wrote meanwhile");
    return err_hint(err, "nothing was written; restore --dry-run shows how things stand now");
}

static bool in_group(const struct restore *r, const struct graph *g, size_t section, size_t group)
{
    return inserts(&r->sections[section]) && g->group[section] == group;
}

/* One table: an INSERT. Several, in a circle: one statement over all of them. */
static void group_sql(struct str *sql, const struct restore *r, const struct graph *g, size_t group, bool circle)
{
    struct str counts = {0};
    for (size_t n = 0; n < r->count; n++) {
        if (!in_group(r, g, n, group))
            continue;
        if (circle)
            str_printf(sql, "%s x%zu AS (", sql->length ? "," : "WITH", n);
        insert_sql(sql, &r->sections[n], n);
        str_add(sql, circle ? " RETURNING 1)" : "");
        str_printf(&counts, "%s(SELECT pg_catalog.count(*) FROM x%zu)", counts.length ? ", " : " SELECT ", n);
    }
    str_add(sql, circle ? str_text(&counts) : "");
    str_free(&counts);
}

static bool insert_group(struct restore *r, const struct graph *g, size_t group, struct err *err)
{
    struct str sql = {0};
    struct db_result *result = NULL;
    size_t tables = 0, column = 0;
    for (size_t n = 0; n < r->count; n++)
        tables += in_group(r, g, n, group);
    group_sql(&sql, r, g, group, tables > 1);
    bool ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    for (size_t n = 0; ok && n < r->count; n++) {
        struct restored *s = &r->sections[n];
        if (!in_group(r, g, n, group))
            continue;
        s->written = tables > 1 ? db_int(result, 0, column++, 0) : db_affected(result);
        if (s->written != s->states[ROW_MISSING])
            ok = fewer(s, s->written, s->states[ROW_MISSING], err);
    }
    db_result_free(result);
    str_free(&sql);
    return ok;
}

static bool insert_all(struct restore *r, int64_t total, struct err *err)
{
    struct graph g = {.restore = r};
    size_t *room = xcalloc(4 * (r->count + 1), sizeof *room);
    int64_t done = 0;
    bool ok = true;
    g.index = room;
    g.low = room + r->count;
    g.stack = g.low + r->count;
    g.group = g.stack + r->count;
    g.waiting = xcalloc(r->count + 1, sizeof *g.waiting);
    for (size_t n = 0; n < r->count; n++)
        if (inserts(&r->sections[n]) && !g.index[n])
            visit(&g, n);
    for (size_t group = 0; ok && group < g.groups; group++) {
        ok = insert_group(r, &g, group, err);
        for (size_t n = 0; ok && n < r->count; n++)
            if (in_group(r, &g, n, group))
                done += r->sections[n].written;
        if (ok)
            ctx_progress(r->session->ctx, "restore", done, total, false);
    }
    free(g.waiting);
    free(room);
    return ok;
}

/* ---- setting back, overwriting ---- */

static bool is_key(const struct restored *s, size_t column)
{
    for (size_t k = 0; k < s->key_count; k++)
        if (s->key[k] == column)
            return true;
    return false;
}

static bool sets(const struct restored *s, size_t column)
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

static bool update_section(struct restore *r, size_t n, struct err *err)
{
    struct restored *s = &r->sections[n];
    int64_t wanted = s->states[ROW_SET_BACK] + (r->overwrite ? s->states[ROW_CHANGED] : 0);
    struct str sql = {0};
    struct db_result *result = NULL;
    bool first = true;
    if (wanted == 0)
        return true;
    str_add(&sql, "UPDATE ");
    restore_live(&sql, s, "t");
    str_add(&sql, " SET ");
    for (size_t i = 0; i < s->saved.column_count; i++) {
        if (!sets(s, i))
            continue;
        str_add(&sql, first ? "" : ", ");
        first = false;
        db_quote_identifier(&sql, s->columns[i].live->name);
        str_printf(&sql, " = r.c%zu", i);
    }
    str_printf(&sql, " FROM pg_temp.seedops_saved_%zu r JOIN pg_temp.seedops_state_%zu s ON s.r OPERATOR(pg_catalog.=) r.ctid "
               "WHERE (s.s OPERATOR(pg_catalog.=) 'u'%s) AND ", n, n,
               r->overwrite ? " OR s.s OPERATOR(pg_catalog.=) 'c'" : "");
    restore_match(&sql, s);
    bool ok = db_run(r->db, str_text(&sql), 0, &result, NULL, err);
    int64_t written = ok ? db_affected(result) : 0;
    if (ok && written != wanted)
        ok = fewer(s, written, wanted, err);
    s->written += written;
    db_result_free(result);
    str_free(&sql);
    return ok;
}

/* ---- looking again ---- */

static void name_triggers(const struct restored *s, struct err *err)
{
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
        left[ROW_SET_BACK] = s->states[ROW_ORPHAN];
    left[ROW_GONE] = s->states[ROW_GONE];
    left[ROW_CHANGED] = r->overwrite ? 0 : s->states[ROW_CHANGED];
    int64_t wrong = 0;
    for (int i = 0; i < ROW_STATES; i++)
        wrong += now[i] > left[i] ? now[i] - left[i] : 0;
    if (wrong == 0)
        return true;
    err_set(err, ERR_CONFLICT, "%lld %s of \"%s\" would not be as they were saved", (long long)wrong,
            wrong == 1 ? "row" : "rows", s->saved.name);
    name_triggers(s, err);
    return false;
}

static bool place(struct err *err)
{
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
    for (size_t n = 0; n < r->count; n++)
        r->sections[n].written = 0;
    bool ok = !mode || strcmp(mode, "disable") != 0 || find_triggers(r, &triggers, err);
    ok = ok && restore_path(r, true, err) && switch_triggers(r, &triggers, false, err) &&
         db_run(r->db, "SET CONSTRAINTS ALL DEFERRED", 0, NULL, NULL, err) && insert_all(r, total, err) &&
         failpoint(FAIL_RESTORE_INSERTED, err);
    for (size_t n = 0; ok && n < r->count; n++)
        ok = update_section(r, n, err);
    ok = ok && failpoint(FAIL_RESTORE_SET_BACK, err) &&
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
