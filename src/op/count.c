/* count - rows of the context tables and of every configured one, exact: in one pipeline, but for held tables,
 * which are counted by TID where that is cheap and else only estimated (SAFETY 4). */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"
#include "op/count.h"
#include "op/held.h"
#include "op/ops.h"
#include "op/tables.h"
#include "op/tidcount.h"

enum {
    TIMEOUT_MS = 30000,
    TOGETHER_MOST = 50,              /* tables in one transaction, which holds the lock on each up to its end: */
    TOGETHER_BYTES = 1 << 20, TOGETHER_ROWS = 10000   /* all of them small */
};

static char *count_sql(const struct db_table *table)
{
    struct str sql = {0};
    str_add(&sql, "SELECT pg_catalog.count(*) FROM ");
    db_quote_relation(&sql, table->schema, table->name);
    return str_take(&sql);
}

/* A locked or forbidden table fills its own line with the reason. */
static void take_count(struct fact_table *fact, const struct db_probe *probe)
{
    if (probe->ok) {
        fact->rows = db_int(probe->result, 0, 0, -1);
        fact->estimated = false;
        return;
    }
    free(fact->note);
    fact->note = xstrdup(db_probe_word(probe));
}

static bool is_small(const struct db_table *table)
{
    return table->kind == 'r' && table->heap_bytes <= TOGETHER_BYTES && table->live <= TOGETHER_ROWS;
}

static bool count_exactly(struct session *s, const struct table_list *list, struct fact_table *facts,
                          struct err *err)
{
    struct db_probe *probes = xcalloc(list->count, sizeof *probes);
    size_t *owner = xcalloc(list->count, sizeof *owner), count = 0, together = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct db_table *table = list->items[i].table;
        if (!table || facts[i].held)
            continue;
        bool small = is_small(table), joins = small && together > 0 && together < TOGETHER_MOST;
        together = joins ? together + 1 : small;
        owner[count] = i;
        probes[count++] = (struct db_probe){.name = facts[i].name, .sql = count_sql(table), .joins = joins,
                                            .statement_timeout_ms = TIMEOUT_MS};
    }
    bool ok = count == 0 || db_pipeline(s->db, probes, count, err);
    for (size_t p = 0; p < count; p++) {
        if (ok)
            take_count(&facts[owner[p]], &probes[p]);
        free((char *)probes[p].sql);
    }
    db_probes_free(probes, count);
    free(probes);
    free(owner);
    return ok;
}

/* What fails is estimated, like what is too large to be counted. */
static bool count_held(struct session *s, const struct table_list *list, struct fact_table *facts, struct err *err)
{
    struct arena arena = {0};
    const struct db_table **held = arena_alloc(&arena, list->count * sizeof *held);
    size_t *owner = arena_alloc(&arena, list->count * sizeof *owner), count = 0;
    int64_t *rows = arena_alloc(&arena, list->count * sizeof *rows);
    for (size_t i = 0; i < list->count; i++)
        if (facts[i].held) {
            owner[count] = i;
            held[count++] = list->items[i].table;
        }
    bool ok = tid_counts(s->db, held, count, rows, err) || (db_alive(s->db) && err->class != ERR_CANCELLED);
    for (size_t i = 0; i < count; i++) {
        facts[owner[i]].estimated = rows[i] < 0;
        facts[owner[i]].rows = rows[i] < 0 ? held_estimate(held[i]) : rows[i];
    }
    arena_free(&arena);
    return ok;
}

static void keep_floors(struct table_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].min_rows >= 0 || (list->items[i].class != TABLE_UNLISTED && !list->items[i].table))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

bool count_tables(struct session *s, bool scan, bool floors_only, struct input **counted, struct err *err)
{
    struct table_list list;
    *counted = NULL;
    if (!session_list(s, err))
        return false;
    tables_of(s, &list);
    if (floors_only)
        keep_floors(&list);
    struct input *in = input_new(IN_TABLE);
    in->tables = xcalloc(list.count, sizeof *in->tables);
    in->table_count = list.count;
    for (size_t i = 0; i < list.count; i++)
        tables_fact(&list.items[i], scan, &in->tables[i]);
    bool ok = count_exactly(s, &list, in->tables, err) && count_held(s, &list, in->tables, err);
    tables_free(&list);
    if (ok)
        *counted = in;
    else
        input_free(in);
    return ok;
}

bool op_count(struct session *s, bool scan, struct err *err)
{
    struct input *counted;
    if (!count_tables(s, scan, false, &counted, err))
        return false;
    ctx_emit(s->ctx, counted);
    return true;
}
