/* diagnose - why tables that should have rows have none.
 *
 * One pipeline reads identity, ledger, catalogue and all evidence; what the counters cannot tell is counted by TID in
 * at most two round trips more. The rules (room diagnose) judge; earlier healthy visits are remembered. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "diagnose/judge.h"
#include "diagnose/probe.h"
#include "op/deep.h"
#include "op/held.h"
#include "op/ops.h"
#include "op/remember.h"
#include "op/tables.h"

/* Without declared tables every table is one that might have had rows. */
static bool any_context(const struct table_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].class == TABLE_CONTEXT)
            return true;
    return false;
}

/* What the catalogue says without a scan. A file without a page holds no row, whatever estimates remember. */
static int64_t rows_of(const struct db_table *t)
{
    if (t->kind == 'r' && t->heap_bytes == 0)
        return 0;
    if (!t->counted && held_unknown(t))
        return -1;
    return held_estimate(t);
}

static int64_t rows_known(const struct db_table *t)
{
    if (t->counted || t->heap_bytes == 0)
        return t->counted ? t->rows : 0;
    return t->live > 0 ? t->live : t->reltuples > 0 ? (int64_t)t->reltuples : 0;
}

/* The fullest table of the same name in another schema. */
static const struct db_table *twin_of(const struct session *s, const char *name, const struct db_table *own)
{
    const char *dot = strchr(name, '.'), *bare = own ? own->name : dot ? dot + 1 : name;
    const struct db_table *best = NULL;
    for (size_t i = 0; i < s->catalog.count; i++) {
        const struct db_table *t = &s->catalog.tables[i];
        if (t != own && (t->kind == 'r' || t->kind == 'p') && strcmp(t->name, bare) == 0 && rows_known(t) > 0 &&
            (!best || rows_known(t) > rows_known(best)))
            best = t;
    }
    return best;
}

/* Without USAGE a schema is not on the search path, and its tables are as good as absent: which one would be meant? */
static const struct db_table *off_path(const struct session *s, const char *name)
{
    const struct db_table *found = NULL;
    for (size_t i = 0; i < s->catalog.count; i++) {
        const struct db_table *t = &s->catalog.tables[i];
        if ((t->kind == 'r' || t->kind == 'p') && strcmp(t->name, name) == 0 && !t->can_select &&
            (!found || strcmp(t->schema, "public") == 0))
            found = t;
    }
    return found;
}

static void expect(struct evidence *e, const struct session *s, const struct table_entry *entry, bool context,
                   struct table_evidence *t)
{
    const struct db_table *own = entry->table ? entry->table : off_path(s, entry->name);
    const struct db_table *twin = twin_of(s, entry->name, own);
    int64_t fixture_rows = entry->fixture ? (int64_t)entry->fixture->row_count : -1;
    *t = (struct table_evidence){.name = arena_strdup(&e->arena, entry->name),
        .class = table_class_name(entry->class), .context = context, .present = entry->table != NULL, .rows = -1,
        .floor = entry->min_rows >= 0 ? entry->min_rows : fixture_rows, .reltuples = -1, .heap = -1,
        .index_excess = -1};
    if (twin) {
        t->twin = arena_printf(&e->arena, "%s.%s", twin->schema, twin->name);
        t->twin_rows = rows_known(twin);
    }
    if (!own)
        return;
    t->oid = own->oid;
    t->rows = rows_of(own);
    t->counted = own->counted;
    t->held = context && held_table(own, entry->min_rows, fixture_rows);
    t->heap = own->heap_bytes;
    t->index_excess = own->index_excess;
}

static void list_evidence(struct evidence *e, const struct session *s, const struct table_list *list)
{
    bool declared = any_context(list);
    e->tables = arena_alloc(&e->arena, (list->count + 1) * sizeof *e->tables);
    for (size_t i = 0; i < list->count; i++)
        expect(e, s, &list->items[i], !declared || list->items[i].class == TABLE_CONTEXT, &e->tables[e->count++]);
}

static void find_behind_schemas(struct evidence *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (!e->tables[i].present && e->tables[i].kind && !e->tables[i].may_enter)
            e->tables[i].present = true;
}

/* Partitions hold their parent's rows; the parent's own numbers are none. */
static void settle_partitions(struct evidence *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].kind == 'p' && !e->tables[i].counted) {
            e->tables[i].rows = e->tables[i].live > 0 ? e->tables[i].live : 0;
            e->tables[i].index_excess = 0;
        }
}

/* In the middle of a write what was looked at stays as it is: others hold on to it. */
static bool ask(struct session *s, bool as_looked, struct db_probe *probes, size_t count, struct err *err)
{
    return as_looked ? db_pipeline(s->db, probes, count, err) : session_look_deeper(s, probes, count, err);
}

static bool gather(struct session *s, bool as_looked, struct evidence *e, struct err *err)
{
    struct db_probe probes[DIAGNOSE_PROBES] = {0};
    struct table_list list = {0};
    const char **names;
    size_t count = session_tables_wanted(s, &e->arena, &names);
    e->version = db_facts(s->db)->server_version_num;
    e->environment = session_command_target(s);
    struct diagnose_wanted wanted = {.names = names, .count = count, .all = count == 0, .version = e->version,
                                     .ledger = s->ledger ? ledger_quoted(s->ledger) : NULL};
    size_t probe_count = diagnose_probes(&e->arena, &wanted, probes);
    bool ok = ask(s, as_looked, probes, probe_count, err) && tables_list(s, &list, err);
    if (ok) {
        list_evidence(e, s, &list);
        diagnose_take(e, probes, probe_count);
        find_behind_schemas(e);
        settle_partitions(e);
        remember_recall(s, e);
    }
    db_probes_free(probes, probe_count);
    tables_free(&list);
    return ok;
}

bool op_diagnose(struct session *s, const struct diagnose_options *options, struct err *err)
{
    struct evidence e = {0};
    int64_t started = clock_mono_ms();
    uint64_t trips = db_round_trips(s->db);
    bool ok = gather(s, options->as_looked && s->looked, &e, err);
    if (ok) {
        struct input *in = input_new(IN_DIAGNOSIS);
        in->text = xstrdup(options->reason ? options->reason : "");
        session_server_fact(s, &in->server);
        diagnose_judge(&e, &in->diagnosis);
        remember_loss(s, &e);
        ok = !options->deep || deep_look(s, &e, &in->diagnosis, err);
        in->diagnosis.round_trips = (int64_t)(db_round_trips(s->db) - trips);
        in->diagnosis.duration_ms = clock_mono_ms() - started;
        if (ok)
            ctx_emit(s->ctx, in);
        else
            input_free(in);
    }
    arena_free(&e.arena);
    return ok;
}
