/* order - which writes of a restore come first: what a row refers to before the row.
 *
 * A section has up to two writes: rows to insert, values to set back. One needs another when a foreign key of its table
 * leads to rows that the other inserts, or to columns that the other sets. Writes that need each other are one group,
 * for one statement: foreign keys are checked at its end. */
#include <stdlib.h>
#include <string.h>

#include "restore/restoring.h"

struct graph {
    const struct restore *restore;
    size_t *index, *low, *stack, *group;     /* Tarjan's numbers, from 1 */
    size_t visited, depth, groups;
    bool *waiting;
};

static const struct restored *section_of(const struct graph *g, size_t write) { return &g->restore->sections[write / 2]; }

static bool sets_back(size_t write) { return write % 2 != 0; }

static bool sets_live(const struct restored *s, const struct db_column *live)
{
    for (size_t i = 0; i < s->saved.column_count; i++)
        if (s->columns[i].live == live)
            return restore_sets(s, i);
    return false;
}

static bool sets_any_of(const struct restored *s, const struct db_foreign_key *fk, bool targets)
{
    for (size_t i = 0; i < fk->count; i++)
        if (sets_live(s, targets ? db_table_column(s->table, fk->target_columns[i]) : &s->table->columns[fk->columns[i]]))
            return true;
    return false;
}

static bool needs(const struct graph *g, size_t write, size_t other)
{
    const struct restored *child = section_of(g, write), *parent = section_of(g, other);
    for (size_t i = 0; i < child->table->foreign_key_count; i++) {
        const struct db_foreign_key *fk = &child->table->foreign_keys[i];
        if (fk->target == parent->table->oid && (!sets_back(write) || sets_any_of(child, fk, false)) &&
            (!sets_back(other) || sets_any_of(parent, fk, true)))
            return true;
    }
    return false;
}

static void visit(struct graph *g, size_t at)
{
    g->index[at] = g->low[at] = ++g->visited;
    g->stack[g->depth++] = at;
    g->waiting[at] = true;
    for (size_t to = 0; to < 2 * g->restore->count; to++) {
        if (to == at || restore_wanted(g->restore, to) == 0 || !needs(g, at, to))
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

int64_t restore_wanted(const struct restore *r, size_t write)
{
    const struct restored *s = &r->sections[write / 2];
    if (!s->table)
        return 0;
    if (!sets_back(write))
        return s->saved.kind == SAFEPOINT_DELETED ? s->states[ROW_MISSING] : 0;
    return s->states[ROW_SET_BACK] + (r->overwrite ? s->states[ROW_CHANGED] : 0);
}

size_t restore_order(const struct restore *r, size_t *group)
{
    size_t writes = 2 * r->count, *room = xcalloc(3 * writes + 1, sizeof *room);
    struct graph g = {.restore = r, .index = room, .low = room + writes, .stack = room + 2 * writes, .group = group,
                      .waiting = xcalloc(writes + 1, sizeof *g.waiting)};
    for (size_t write = 0; write < writes; write++)
        if (restore_wanted(r, write) > 0 && !g.index[write])
            visit(&g, write);
    free(g.waiting);
    free(room);
    return g.groups;
}
