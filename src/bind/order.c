/* order - Kahn's algorithm over foreign keys, always taking the first table that is free, so that the same
 * tables come in the same order. When none is free a circle is walked, and opened where the schema allows it. */
#include "bind/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct edge {
    size_t child, parent;
    const struct db_foreign_key *key;   /* NULL: only a !ref */
    bool open;      /* broken: the order need not respect it */
};

struct graph {
    struct db_table *const *tables;
    size_t count;
    struct edge *edges;
    size_t edge_count;
    bool *placed;
};

static size_t table_of_oid(const struct graph *g, uint32_t oid)
{
    size_t i = 0;
    while (i < g->count && g->tables[i]->oid != oid)
        i++;
    return i;
}

static void find_edges(struct graph *g, const struct order_ref *refs, size_t ref_count)
{
    size_t most = ref_count;
    for (size_t i = 0; i < g->count; i++)
        most += g->tables[i]->foreign_key_count;
    g->edges = xcalloc(most, sizeof *g->edges);
    for (size_t i = 0; i < g->count; i++) {
        for (size_t k = 0; k < g->tables[i]->foreign_key_count; k++) {
            const struct db_foreign_key *key = &g->tables[i]->foreign_keys[k];
            size_t parent = table_of_oid(g, key->target);
            if (parent < g->count && parent != i)
                g->edges[g->edge_count++] = (struct edge){.child = i, .parent = parent, .key = key};
        }
    }
    for (size_t i = 0; i < ref_count; i++) {
        if (refs[i].child != refs[i].parent)
            g->edges[g->edge_count++] = (struct edge){.child = refs[i].child, .parent = refs[i].parent};
    }
}

/* The first edge to a parent that is not placed yet. */
static struct edge *waiting_edge(const struct graph *g, size_t child)
{
    for (size_t e = 0; e < g->edge_count; e++) {
        struct edge *edge = &g->edges[e];
        if (edge->child == child && !edge->open && !g->placed[edge->parent])
            return edge;
    }
    return NULL;
}

static bool nullable(const struct graph *g, const struct edge *edge)
{
    const struct db_table *child = g->tables[edge->child];
    if (!edge->key)
        return false;
    for (size_t i = 0; i < edge->key->count; i++) {
        if (child->columns[edge->key->columns[i]].not_null)
            return false;
    }
    return true;
}

/* Every table that is not placed waits for another one, so walking from one to the next must come round. */
static size_t find_circle(const struct graph *g, struct edge **circle)
{
    size_t *step_of = xcalloc(g->count, sizeof *step_of), at = 0, steps = 0;
    while (g->placed[at])
        at++;
    while (!step_of[at]) {
        circle[steps] = waiting_edge(g, at);
        step_of[at] = ++steps;
        at = circle[steps - 1]->parent;
    }
    size_t first = step_of[at] - 1;
    memmove(circle, circle + first, (steps - first) * sizeof *circle);
    free(step_of);
    return steps - first;
}

/* "A → B by "b_fkey" → A by !ref". */
static bool name_circle(const struct graph *g, struct edge *const *circle, size_t length, struct err *err)
{
    struct str text = {0};
    const char *first = g->tables[circle[0]->child]->name;
    str_add(&text, first);
    for (size_t i = 0; i < length; i++) {
        const struct db_foreign_key *key = circle[i]->key;
        str_printf(&text, " → %s by ", g->tables[circle[i]->parent]->name);
        if (key)
            str_printf(&text, "\"%s\"", key->name);
        else
            str_add(&text, "!ref");
    }
    err_set(err, ERR_FIXTURE, "the tables refer to each other in a circle: \"%s\" cannot be written first", first);
    err_why(err, "%s", str_text(&text));
    str_free(&text);
    return err_hint(err, "make one of these constraints DEFERRABLE, or one of their columns nullable");
}

static bool open_circle(struct graph *g, bool *deferred, size_t *first, struct err *err)
{
    struct edge **circle = xcalloc(g->count, sizeof *circle), *weakest = NULL;
    size_t length = find_circle(g, circle);
    for (size_t i = 0; i < length; i++) {
        if (circle[i]->key && circle[i]->key->deferrable && !(weakest && weakest->key->deferrable))
            weakest = circle[i];
        else if (!weakest && nullable(g, circle[i]))
            weakest = circle[i];
    }
    if (weakest) {
        weakest->open = true;
        *deferred = true;
    } else {
        *first = circle[0]->child;
        name_circle(g, circle, length, err);
    }
    free(circle);
    return weakest != NULL;
}

bool order_tables_refs(struct db_table *const *tables, size_t count, const struct order_ref *refs,
                       size_t ref_count, size_t *order, bool *deferred, size_t *first, struct err *err)
{
    struct graph g = {.tables = tables, .count = count};
    size_t done = 0, ignored;
    bool ok = true;
    *deferred = false;
    g.placed = xcalloc(count, sizeof *g.placed);
    find_edges(&g, refs, ref_count);
    while (ok && done < count) {
        size_t next = 0;
        while (next < count && (g.placed[next] || waiting_edge(&g, next)))
            next++;
        if (next == count) {
            ok = open_circle(&g, deferred, first ? first : &ignored, err);
            continue;
        }
        g.placed[next] = true;
        order[done++] = next;
    }
    free(g.edges);
    free(g.placed);
    return ok;
}

bool order_tables(struct db_table *const *tables, size_t count, size_t *order, bool *deferred, struct err *err)
{
    return order_tables_refs(tables, count, NULL, 0, order, deferred, NULL, err);
}
