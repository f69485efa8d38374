/* read - the ledger as it stands: the statements of its probes, and states made of their answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ledger/tool.h"

/* ---- the probes' statements ---- */

static const char *kept(struct ledger *l, struct str *sql)
{
    const char *text = arena_strdup(&l->arena, str_text(sql));
    str_free(sql);
    return text;
}

/* A bigint key is shown in two halves. */
void ledger_lock_where(const struct ledger *l, struct str *out)
{
    str_printf(out, "l.locktype operator(pg_catalog.=) 'advisory' and l.granted and l.objsubid = 1 and"
                    " ((l.classid::bigint << 32) | l.objid::bigint) = %s", l->lock_key);
}

/* An advisory lock belongs to one database. Of the functions that pg_locks and pg_stat_activity are views of: on a
 * connection that is new, planning the views costs more than all the rest of it. */
static const char *holder_sql(struct ledger *l)
{
    struct str sql = {0};
    str_add(&sql, "select l.pid, coalesce(a.application_name, ''),"
            " coalesce(pg_catalog.pg_get_userbyid(a.usesysid), ''),"
            " coalesce((extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.state_change,"
            " a.backend_start)) * 1000)::bigint, 0) from pg_catalog.pg_lock_status() l"
            " left join lateral pg_catalog.pg_stat_get_activity(l.pid) a on true"
            " where l.pid <> pg_catalog.pg_backend_pid() and l.database = (select oid from pg_catalog.pg_database"
            " where datname = pg_catalog.current_database()) and ");
    ledger_lock_where(l, &sql);
    str_add(&sql, " limit 1");
    return kept(l, &sql);
}

/* The sum does not depend on the rows' order; a hash of theirs and not md5(), which some servers may not do. */
static const char *pulse_sql(struct ledger *l)
{
    struct str sql = {0};
    str_printf(&sql, "select pg_catalog.count(*), coalesce(pg_catalog.sum(pg_catalog.hashtextextended(t::text, 0)), 0)"
               " from %s t", l->relation);
    return kept(l, &sql);
}

void ledger_make_statements(struct ledger *l)
{
    struct str sql = {0};
    l->tool->lock_key(l, &sql);
    l->lock_key = kept(l, &sql);
    l->tool->rows_sql(l, &sql);
    l->probe_sql[LEDGER_PROBE_RELATIONS] = foreign_sql(l, &l->arena);
    l->probe_sql[LEDGER_PROBE_ROWS] = kept(l, &sql);
    l->probe_sql[LEDGER_PROBE_HOLDER] = holder_sql(l);
    l->pulse_sql = pulse_sql(l);
}

/* ---- the answers ---- */

void ledger_probes(const struct ledger *l, struct db_probe probes[LEDGER_PROBES])
{
    static const char *const names[LEDGER_PROBES] = {"ledgers", "ledger", "ledger lock"};
    for (size_t i = 0; i < LEDGER_PROBES; i++)
        probes[i] = (struct db_probe){.name = names[i], .sql = l->probe_sql[i]};
}

/* No such table or schema. */
static bool is_absent(const char *sqlstate)
{
    return strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "3F000") == 0;
}

void ledger_pulse_probe(const struct ledger *l, struct db_probe *probe)
{
    *probe = (struct db_probe){.name = "ledger", .sql = l->pulse_sql, .relation = l->relation};
}

bool ledger_pulse_take(const struct db_probe *probe, char *out, size_t size)
{
    if (probe->ok && db_rows(probe->result) == 1)
        snprintf(out, size, "%s rows, %s", db_value(probe->result, 0, 0), db_value(probe->result, 0, 1));
    else if (is_absent(probe->err.sqlstate))
        snprintf(out, size, "absent");
    else
        return false;
    return true;
}

bool ledger_take_holder(const struct db_result *result, struct ledger_lock_holder *holder)
{
    *holder = (struct ledger_lock_holder){0};
    if (db_rows(result) == 0)
        return false;
    holder->pid = (int)db_int(result, 0, 0, 0);
    text_visible_buf(holder->application, sizeof holder->application, db_value(result, 0, 1));
    text_visible_buf(holder->user, sizeof holder->user, db_value(result, 0, 2));
    holder->age_ms = db_int(result, 0, 3, 0);
    return true;
}

/* The surest relation of another tool; ours in another schema is somebody else's business. */
static void take_foreign(const struct ledger *l, const struct db_probe *probe, struct ledger_state *state)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; probe->ok && i < db_rows(probe->result); i++) {
        const char *name = db_value(probe->result, i, 1);
        size_t place;
        const char *tool = foreign_relation(name, db_value(probe->result, i, 2), &place);
        if (!tool || place >= best || strcmp(tool, l->tool->name) == 0)
            continue;
        best = place;
        state->foreign_tool = tool;
        state->foreign_relation = arena_printf(&state->arena, "%s.%s", db_value(probe->result, i, 0), name);
    }
}

static struct ledger_row *take_rows(const struct db_result *r, struct arena *arena, size_t *count)
{
    *count = db_rows(r);
    struct ledger_row *rows = arena_alloc(arena, (*count + 1) * sizeof *rows);
    for (size_t i = 0; i < *count; i++) {
        const char *name = db_value(r, i, 1), *sum = db_value(r, i, 2);
        rows[i] = (struct ledger_row){.id = arena_strdup(arena, db_value(r, i, 0)),
                                      .name = arena_strdup(arena, name ? name : ""),
                                      .checksum = arena_strdup(arena, sum ? sum : ""),
                                      .started_at = arena_strdup(arena, db_value(r, i, 3)),
                                      .finished_at = arena_strdup(arena, db_value(r, i, 4)),
                                      .rolled_back = db_bool(r, i, 5),
                                      .log = arena_strdup(arena, db_value(r, i, 6)),
                                      .duration_ms = db_int(r, i, 7, -1)};
    }
    return rows;
}

struct sort_item { const struct ledger_tool *tool; struct migration migration; };

static int by_migration_name(const void *a, const void *b)
{
    const struct sort_item *x = a, *y = b;
    return x->tool->compare(x->migration.name, y->migration.name);
}

/* Files are in order; rows without a file go where their name sorts. */
static void sort_migrations(const struct ledger *l, struct ledger_state *state)
{
    if (state->count < 2)
        return;
    struct sort_item *items = xcalloc(state->count, sizeof *items);
    for (size_t i = 0; i < state->count; i++)
        items[i] = (struct sort_item){.tool = l->tool, .migration = state->migrations[i]};
    qsort(items, state->count, sizeof *items, by_migration_name);
    for (size_t i = 0; i < state->count; i++)
        state->migrations[i] = items[i].migration;
    free(items);
}

static bool unreadable(const struct ledger *l, const struct db_probe *probe, struct err *err)
{
    *err = probe->err;
    if (strcmp(probe->err.sqlstate, "42703") == 0) {     /* undefined_column */
        err_set(err, ERR_MIGRATION, "%s is not a ledger that %s would have made", l->shown, l->tool->name);
        err_why(err, "%s", probe->err.message);
        return err_hint(err,
                        "name the ledger's table with migrations.table, or the tool with migrations.ledger");
    }
    return err_context(err, "cannot read the ledger %s", l->shown);
}

void ledger_states_of(const struct ledger *l, const struct ledger_row *rows, size_t count,
                      struct ledger_state *state)
{
    state->migrations = arena_alloc(&state->arena, (l->count + count + 1) * sizeof *state->migrations);
    state->count = 0;
    l->tool->states(l, rows, count, state);
    sort_migrations(l, state);
}

bool ledger_read(const struct ledger *l, const struct db_probe probes[LEDGER_PROBES],
                 struct ledger_state *state, struct err *err)
{
    *state = (struct ledger_state){0};
    const struct db_probe *rows_probe = &probes[LEDGER_PROBE_ROWS];
    const struct db_probe *holder = &probes[LEDGER_PROBE_HOLDER];
    state->locked = holder->ok && ledger_take_holder(holder->result, &state->holder);
    take_foreign(l, &probes[LEDGER_PROBE_RELATIONS], state);
    size_t count = 0;
    struct ledger_row *rows = NULL;
    const char *sqlstate = rows_probe->err.sqlstate;
    if (rows_probe->ok) {
        state->exists = true;
        rows = take_rows(rows_probe->result, &state->arena, &count);
    } else {
        bool absent = is_absent(sqlstate);
        bool others = strcmp(sqlstate, "42703") == 0 && state->foreign_tool;
        if (!absent && !others)
            return unreadable(l, rows_probe, err);
        if (!probes[LEDGER_PROBE_RELATIONS].ok) {
            *err = probes[LEDGER_PROBE_RELATIONS].err;
            return err_context(err, "cannot tell whether another tool's ledger is there");
        }
    }
    ledger_states_of(l, rows, count, state);
    return true;
}

void ledger_state_free(struct ledger_state *state)
{
    arena_free(&state->arena);
    *state = (struct ledger_state){0};
}

/* Another tool's is looked for only where ours cannot be read: that look goes through the whole catalogue. */
bool ledger_refresh(const struct ledger *l, struct db *db, struct ledger_state *state, struct err *err)
{
    struct db_probe probes[LEDGER_PROBES], *rows = &probes[LEDGER_PROBE_ROWS];
    _Static_assert(LEDGER_PROBE_RELATIONS == 0, "the others are asked first, without it");
    ledger_probes(l, probes);
    ledger_state_free(state);
    bool ok = db_pipeline(db, rows, LEDGER_PROBES - 1, err) && (rows->ok || db_pipeline(db, probes, 1, err)) &&
              ledger_read(l, probes, state, err);
    db_probes_free(probes, LEDGER_PROBES);
    return ok;
}

const struct migration *ledger_find(const struct ledger_state *state, const char *name)
{
    for (size_t i = 0; i < state->count; i++)
        if (strcmp(state->migrations[i].name, name) == 0)
            return &state->migrations[i];
    return NULL;
}
