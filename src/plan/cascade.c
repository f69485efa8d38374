/* cascade - the walk: fresh rows of one table, a batch at a time, along every foreign key that refers to it. */
#include "plan/cascade.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/copy.h"

enum { BATCH = 20000, PROGRESS_ROWS = 4096 };

void cascade_init(struct cascade *c, const struct graph *graph)
{
    *c = (struct cascade){.graph = graph};
    c->doomed = xcalloc(graph->relation_count + 1, sizeof *c->doomed);
    c->met = xcalloc(graph->edge_count + 1, sizeof *c->met);
    c->updated = xcalloc(graph->edge_count + 1, sizeof *c->updated);
    c->counted = xcalloc(graph->relation_count + 1, sizeof *c->counted);
    c->streamed = xcalloc(graph->relation_count + 1, sizeof *c->streamed);
    c->later = xcalloc(graph->relation_count + 1, sizeof *c->later);
    c->by = xcalloc(graph->edge_count + 1, sizeof *c->by);
}

void cascade_sets_free(struct cascade_set *sets, size_t count)
{
    for (size_t i = 0; sets && i < count; i++) {
        for (size_t p = 0; p < sets[i].count; p++) {
            tids_free(&sets[i].parts[p].rows);
            tids_free(&sets[i].parts[p].fresh);
        }
        free(sets[i].parts);
    }
    free(sets);
}

void cascade_free(struct cascade *c)
{
    if (c->graph) {
        cascade_sets_free(c->doomed, c->graph->relation_count);
        cascade_sets_free(c->met, c->graph->edge_count);
        cascade_sets_free(c->updated, c->graph->edge_count);
    }
    free(c->by);
    free(c->counted);
    free(c->streamed);
    free(c->later);
    *c = (struct cascade){0};
}

static struct cascade_part *part_of(struct cascade_set *set, size_t relation)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->parts[i].relation == relation)
            return &set->parts[i];
    set->parts = xrealloc(set->parts, (set->count + 1) * sizeof *set->parts);
    set->parts[set->count] = (struct cascade_part){.relation = relation};
    return &set->parts[set->count++];
}

/* *added (may be NULL) counts what was not there before. */
static bool add_row(struct cascade *c, struct cascade_set *set, const char *table, const char *place,
                    uint64_t *added, struct err *err)
{
    uint32_t block;
    uint16_t offset;
    size_t relation = graph_find(c->graph, (uint32_t)strtoul(table, NULL, 10));
    if (relation == SIZE_MAX || !tids_parse(place, &block, &offset))
        return err_set(err, ERR_CONFLICT, "a table came up while the plan was made; make it again");
    struct cascade_part *part = part_of(set, relation);
    if (!tids_add(&part->rows, block, offset))
        return true;
    tids_add(&part->fresh, block, offset);
    if (added)
        ++*added;
    return true;
}

bool cascade_root(struct cascade *c, const char *table, const char *place, struct err *err)
{
    size_t relation = graph_find(c->graph, (uint32_t)strtoul(table, NULL, 10));
    if (relation == SIZE_MAX)
        return err_set(err, ERR_CONFLICT, "a partition came up while the plan was made; make it again");
    return add_row(c, &c->doomed[c->graph->relations[relation].family], table, place, NULL, err);
}

static void copy_set(struct cascade_set *to, const struct cascade_set *from)
{
    for (size_t p = 0; p < from->count; p++) {
        struct tids_cursor at = {0};
        uint32_t block;
        uint16_t offset;
        struct cascade_part *part = part_of(to, from->parts[p].relation);
        while (tids_next(&from->parts[p].rows, &at, &block, &offset)) {
            tids_add(&part->rows, block, offset);
            tids_add(&part->fresh, block, offset);
        }
    }
}

void cascade_keep_roots(const struct cascade *c, struct cascade_set *roots)
{
    for (size_t i = 0; i < c->graph->relation_count; i++)
        copy_set(&roots[i], &c->doomed[i]);
}

void cascade_roots_of(struct cascade *c, const struct cascade_set *roots)
{
    for (size_t i = 0; i < c->graph->relation_count; i++)
        copy_set(&c->doomed[i], &roots[i]);
}

/* ---- SQL ---- */

static size_t addressed(const struct graph *g, size_t relation)
{
    return g->relations[relation].can_select ? relation : g->relations[relation].family;
}

void cascade_from(const struct graph *g, size_t relation, const char *alias, struct str *sql)
{
    const struct graph_relation *r = &g->relations[addressed(g, relation)];
    str_add(sql, r->kind == 'p' ? "" : "ONLY ");
    db_quote_relation(sql, r->schema, r->name);
    str_printf(sql, " %s", alias);
}

/* The array comes by a subselect because the planner would weigh each element of a constant one, which takes longer
 * than to read the rows. */
void cascade_where(const struct graph *g, size_t relation, const char *alias, const char *places, struct str *sql)
{
    str_printf(sql, "%s.ctid OPERATOR(pg_catalog.=) ANY ((SELECT '%s'::pg_catalog.tid[])::pg_catalog.tid[])", alias,
               places);
    if (addressed(g, relation) != relation)
        str_printf(sql, " AND %s.tableoid OPERATOR(pg_catalog.=) %lu", alias,
                   (unsigned long)g->relations[relation].oid);
}

/* Of one parent: its key by a subselect, which costs less a row than a join does. */
static void equals_one(const struct graph *g, size_t relation, const struct graph_edge *e, size_t i, const char *place,
                       struct str *sql)
{
    str_add(sql, i ? " AND (SELECT p." : "(SELECT p.");
    db_quote_identifier(sql, e->targets[i]);
    str_add(sql, " FROM ");
    cascade_from(g, relation, "p", sql);
    str_add(sql, " WHERE ");
    cascade_where(g, relation, "p", place, sql);
    str_printf(sql, ") %s c.", e->operators[i]);
    db_quote_identifier(sql, e->columns[i]);
}

static void equals_joined(const struct graph_edge *e, size_t i, struct str *sql)
{
    str_add(sql, "p.");
    db_quote_identifier(sql, e->targets[i]);
    str_printf(sql, " %s c.", e->operators[i]);
    db_quote_identifier(sql, e->columns[i]);
    str_add(sql, " AND ");
}

void cascade_join(const struct graph *g, size_t relation, const struct graph_edge *e, const char *places, size_t count,
                  const char *between, struct str *sql)
{
    const struct graph_relation *child = &g->relations[e->child];
    str_add(sql, child->kind == 'p' ? "" : "ONLY ");
    db_quote_relation(sql, child->schema, child->name);
    str_add(sql, " c");
    if (count > 1) {
        str_add(sql, between);
        cascade_from(g, relation, "p", sql);
    }
    str_add(sql, " WHERE ");
    for (size_t i = 0; i < e->count; i++)
        if (count > 1)
            equals_joined(e, i, sql);
        else
            equals_one(g, relation, e, i, places, sql);
    if (count > 1)
        cascade_where(g, relation, "p", places, sql);
}

/* What is asked of an edge's rows: where they are; that and all of them; only all of them; how many; nothing yet. */
enum ask { ASK_PLACES, ASK_PLACED_ROWS, ASK_ROWS, ASK_COUNT, ASK_LATER };

static bool asks_rows(enum ask ask) { return ask == ASK_PLACED_ROWS || ask == ASK_ROWS; }

static void edge_sql(const struct cascade *c, size_t relation, const struct graph_edge *e, const char *places,
                     size_t count, bool lock, enum ask ask, struct str *sql)
{
    static const char *const what[] = {"c.tableoid, c.ctid", "c.tableoid, c.ctid, ", "", "pg_catalog.count(*)"};
    const struct graph_relation *child = &c->graph->relations[e->child];
    str_reset(sql);
    str_printf(sql, "COPY (SELECT %s", what[ask]);
    if (asks_rows(ask))
        cascade_columns(c->graph, child->family, "c", sql);
    str_add(sql, " FROM ");
    cascade_join(c->graph, relation, e, places, count, ", ", sql);
    str_add(sql, lock && child->can_update && ask != ASK_ROWS ? " FOR UPDATE OF c) TO STDOUT" : ") TO STDOUT");
}

/* ---- one query ---- */

static void tell(struct cascade *c, uint64_t rows, const struct cascade_options *options)
{
    uint64_t before = c->seen;
    c->seen += rows;
    if (c->seen / PROGRESS_ROWS != before / PROGRESS_ROWS && options->progress)
        options->progress(options->context, c->seen);
}

/* "16390\t(0,1)" and, with ASK_PLACED_ROWS, a tab and the row. */
static bool take_row(struct cascade *c, const char *row, size_t length, enum ask ask, struct cascade_set *to,
                     uint64_t *added, const struct cascade_options *options, struct err *err)
{
    char table[16], place[32];
    const char *end = row + length, *first = memchr(row, '\t', length);
    const char *second = first ? memchr(first + 1, '\t', (size_t)(end - first - 1)) : NULL;
    const char *stop = ask == ASK_PLACED_ROWS && second ? second : end - (length && end[-1] == '\n');
    if (!first || first - row >= (ptrdiff_t)sizeof table || stop - first - 1 >= (ptrdiff_t)sizeof place)
        return err_set(err, ERR_GENERAL, "the server sent no place of a row");
    snprintf(table, sizeof table, "%.*s", (int)(first - row), row);
    snprintf(place, sizeof place, "%.*s", (int)(stop - first - 1), first + 1);
    uint64_t before = added ? *added : 0, own = before;
    if (!add_row(c, to, table, place, &own, err))
        return false;
    if (added)
        *added = own;
    return ask != ASK_PLACED_ROWS || own == before || !second ||
           options->row(options->context, second + 1, (size_t)(end - second - 1), err);
}

static bool take_rows(struct cascade *c, struct db *db, const char *sql, enum ask ask, struct cascade_set *to,
                      uint64_t *added, const struct cascade_options *options, struct err *err)
{
    const char *row;
    size_t length;
    bool ok = db_copy_out_begin(db, sql, err);
    while (ok && (ok = db_copy_out_row(db, &row, &length, err)) && row) {
        uint64_t count = ask == ASK_COUNT ? strtoull(row, NULL, 10) : 1;
        if (ask == ASK_PLACES || ask == ASK_PLACED_ROWS)
            ok = take_row(c, row, length, ask, to, added, options, err);
        else
            *added += count;
        if (ask == ASK_ROWS)
            ok = options->row(options->context, row, length, err);
        if (!ok)
            db_copy_out_abandon(db, NULL);
        tell(c, count, options);
    }
    return ok;
}

/* Rows that refer by edge `e` to the rows `now` of `relation`. */
static bool follow(struct cascade *c, struct db *db, size_t relation, const struct tids *now, size_t e, enum ask ask,
                   struct cascade_set *to, uint64_t *added, const struct cascade_options *options, struct err *err)
{
    struct tids_cursor at = {0};
    struct str places = {0}, sql = {0};
    const struct graph_edge *edge = &c->graph->edges[e];
    if (!options->lock && c->graph->relations[c->graph->relations[edge->child].family].known_empty)
        return true;
    bool ok = !asks_rows(ask) || options->begin(options->context, c->graph->relations[edge->child].family, err);
    size_t count;
    while (ok && (count = tids_batch(now, &at, NULL, BATCH, &places))) {
        edge_sql(c, relation, edge, str_text(&places), count, options->lock, ask, &sql);
        ok = take_rows(c, db, str_text(&sql), ask, to, added, options, err);
    }
    str_free(&places);
    str_free(&sql);
    return ok || err_context(err, "following %s to %s", edge->name, c->graph->relations[edge->child].name);
}

static struct tids take_fresh(struct cascade_part *part)
{
    struct tids now = part->fresh;
    part->fresh = (struct tids){0};
    tids_sort(&now);
    return now;
}

bool cascade_edge_changes(const struct graph_edge *e) { return e->on_delete == 'n' || e->on_delete == 'd'; }
bool cascade_edge_blocks(const struct graph_edge *e) { return e->on_delete == 'a' || e->on_delete == 'r'; }
bool cascade_edge_follows(const struct graph_edge *e) { return e->on_update != 'a' && e->on_update != 'r'; }

/* Each row has one way to be found, and comes by no other. */
static bool found_once(const struct cascade *c, size_t family)
{
    const struct graph *g = c->graph;
    size_t ways = 0;
    for (size_t e = 0; e < g->edge_count; e++)
        ways += g->relations[g->edges[e].child].family == family;
    return ways == 1 && c->doomed[family].count == 0;   /* no roots either */
}

static bool expected(struct cascade *c, size_t family, const struct cascade_options *options)
{
    uint64_t rows = !c->later[family] && options->later ? options->later(options->context, family) : 0;
    if (rows > 0) {
        c->counted[family] = rows;
        c->later[family] = true;
    }
    return c->later[family];
}

/* Counting is exact where each row is found once; streaming where all of a family's rows come that way. */
static enum ask ask_of(struct cascade *c, size_t family, const struct cascade_options *options)
{
    const struct graph *g = c->graph;
    if (!options->bulk || !options->bulk(options->context, family) || g->relations[family].kind != 'r')
        return ASK_PLACES;
    for (size_t e = 0; e < g->edge_count; e++)
        if (g->relations[g->edges[e].parent].family == family)
            return ASK_PLACES;
    if (!options->lock)
        return found_once(c, family) ? ASK_COUNT : ASK_PLACES;
    if (options->row && !options->lock_bulk && g->relations[family].can_delete && found_once(c, family))
        return expected(c, family, options) ? ASK_LATER : ASK_ROWS;
    c->streamed[family] |= c->doomed[family].count == 0 && options->row;
    return c->streamed[family] ? ASK_PLACED_ROWS : ASK_PLACES;
}

static bool expand_doomed(struct cascade *c, struct db *db, size_t relation, const struct tids *now,
                          const struct cascade_options *options, struct err *err)
{
    const struct graph *g = c->graph;
    for (size_t e = 0; e < g->edge_count; e++) {
        if (!graph_part_of(g, relation, g->edges[e].parent))
            continue;
        bool cascades = g->edges[e].on_delete == 'c';
        size_t family = g->relations[g->edges[e].child].family;
        enum ask ask = cascades ? ask_of(c, family, options) : ASK_PLACES;
        uint64_t before = c->by[e];
        if (ask != ASK_LATER && !follow(c, db, relation, now, e, ask, cascades ? &c->doomed[family] : &c->met[e],
                                        cascades ? &c->by[e] : NULL, options, err))
            return false;
        c->counted[family] += ask == ASK_COUNT || ask == ASK_ROWS ? c->by[e] - before : 0;
    }
    return true;
}

/* The columns that `by` sets, when its parent is deleted or (`update`) its key changes. */
static bool sets_column(const struct graph_edge *by, bool update, const char *column)
{
    for (size_t i = 0; i < by->count; i++)
        if ((update || by->nulled[i]) && strcmp(by->columns[i], column) == 0)
            return true;
    return false;
}

static bool touches_key(const struct graph_edge *by, bool update, const struct graph_edge *of)
{
    for (size_t i = 0; i < of->count; i++)
        if (sets_column(by, update, of->targets[i]))
            return true;
    return false;
}

static bool expand_changed(struct cascade *c, struct db *db, size_t by, bool update, size_t relation,
                           const struct tids *now, const struct cascade_options *options, struct err *err)
{
    const struct graph *g = c->graph;
    for (size_t e = 0; e < g->edge_count; e++)
        if (graph_part_of(g, relation, g->edges[e].parent) && touches_key(&g->edges[by], update, &g->edges[e]) &&
            !follow(c, db, relation, now, e, ASK_PLACES, &c->updated[e], NULL, options, err))
            return false;
    return true;
}

/* ---- rounds ---- */

static bool round_doomed(struct cascade *c, struct db *db, size_t family, bool *any,
                         const struct cascade_options *options, struct err *err)
{
    for (size_t p = 0; p < c->doomed[family].count; p++) {
        struct tids now = take_fresh(&c->doomed[family].parts[p]);
        size_t relation = c->doomed[family].parts[p].relation;
        *any |= now.count > 0;
        bool ok = now.count == 0 || expand_doomed(c, db, relation, &now, options, err);
        tids_free(&now);
        if (!ok)
            return false;
    }
    return true;
}

/* A row that goes does not change before: it is deleted ahead of what it refers to. */
static struct tids take_fresh_others(const struct cascade *c, struct cascade_part *part)
{
    const struct tids *doomed = cascade_doomed_part(c, part->relation);
    struct tids all = take_fresh(part), others = {0};
    struct tids_cursor at = {0};
    uint32_t block;
    uint16_t offset;
    if (!doomed)
        return all;
    while (tids_next(&all, &at, &block, &offset))
        if (!tids_has(doomed, block, offset))
            tids_add(&others, block, offset);
    tids_free(&all);
    return others;
}

static bool round_changed(struct cascade *c, struct db *db, size_t edge, bool update, bool *any,
                          const struct cascade_options *options, struct err *err)
{
    struct cascade_set *sets = update ? c->updated : c->met;
    for (size_t p = 0; p < sets[edge].count; p++) {
        struct tids now = take_fresh_others(c, &sets[edge].parts[p]);
        size_t relation = sets[edge].parts[p].relation;
        *any |= now.count > 0;
        bool ok = now.count == 0 || expand_changed(c, db, edge, update, relation, &now, options, err);
        tids_free(&now);
        if (!ok)
            return false;
    }
    return true;
}

/* The roots were found in another snapshot, or in this one without a lock: each is locked, and must be there. */
static bool lock_part(const struct cascade *c, struct db *db, const struct cascade_part *part, struct err *err)
{
    const struct graph_relation *r = &c->graph->relations[part->relation];
    struct tids_cursor at = {0};
    struct str places = {0}, sql = {0};
    size_t wanted;
    bool ok = true;
    while (ok && (wanted = tids_batch(&part->rows, &at, NULL, BATCH, &places))) {
        struct db_result *result = NULL;
        str_reset(&sql);
        str_add(&sql, "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM ");
        cascade_from(c->graph, part->relation, "t", &sql);
        str_add(&sql, " WHERE ");
        cascade_where(c->graph, part->relation, "t", str_text(&places), &sql);
        str_add(&sql, r->can_update ? " FOR UPDATE) x" : ") x");
        ok = db_run(db, str_text(&sql), 0, &result, NULL, err);
        if (ok && db_int(result, 0, 0, -1) != (int64_t)wanted) {
            ok = err_set(err, ERR_CONFLICT, "%s is not as it was planned", r->name);
            err_why(err, "someone else changed or removed a row that was to go");
        }
        db_result_free(result);
    }
    str_free(&places);
    str_free(&sql);
    return ok;
}

static bool lock_roots(struct cascade *c, struct db *db, const size_t *order, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < c->doomed[order[i]].count; p++)
            if (!lock_part(c, db, &c->doomed[order[i]].parts[p], err))
                return false;
    return true;
}

static void sort_sets(struct cascade_set *sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < sets[i].count; p++) {
            tids_sort(&sets[i].parts[p].rows);
            tids_free(&sets[i].parts[p].fresh);
        }
}

/* All that goes is known before the first change is followed; changes doom nothing. */
bool cascade_walk(struct cascade *c, struct db *db, const struct cascade_options *options, struct err *err)
{
    const struct graph *g = c->graph;
    bool *all = xcalloc(g->relation_count + 1, sizeof *all), any = true, ok = true;
    size_t *order = xcalloc(g->relation_count + 1, sizeof *order), *group = xcalloc(g->relation_count + 1, sizeof *group);
    for (size_t i = 0; i < g->relation_count; i++)
        all[i] = g->relations[i].family == i;
    size_t count = graph_order(g, all, order, group);
    ok = !options->lock || lock_roots(c, db, order, count, err);
    while (ok && any) {
        any = false;
        for (size_t i = 0; ok && i < count; i++)
            ok = round_doomed(c, db, order[i], &any, options, err);
    }
    for (any = true; ok && any;) {
        any = false;
        for (size_t e = 0; ok && e < g->edge_count; e++)
            ok = (!cascade_edge_changes(&g->edges[e]) || round_changed(c, db, e, false, &any, options, err)) &&
                 (!cascade_edge_follows(&g->edges[e]) || round_changed(c, db, e, true, &any, options, err));
    }
    sort_sets(c->doomed, g->relation_count);
    sort_sets(c->met, g->edge_count);
    sort_sets(c->updated, g->edge_count);
    free(all);
    free(order);
    free(group);
    return ok;
}

/* ---- counts ---- */

uint64_t cascade_count(const struct cascade_set *set)
{
    uint64_t count = 0;
    for (size_t p = 0; p < set->count; p++)
        count += set->parts[p].rows.count;
    return count;
}

uint64_t cascade_going(const struct cascade *c, size_t family)
{
    return cascade_count(&c->doomed[family]) + c->counted[family];
}

const struct tids *cascade_doomed_part(const struct cascade *c, size_t relation)
{
    const struct cascade_set *set = &c->doomed[c->graph->relations[relation].family];
    for (size_t p = 0; p < set->count; p++)
        if (set->parts[p].relation == relation)
            return &set->parts[p].rows;
    return NULL;
}

uint64_t cascade_others(const struct cascade *c, const struct cascade_set *set)
{
    uint64_t count = 0;
    for (size_t p = 0; p < set->count; p++) {
        const struct tids *doomed = cascade_doomed_part(c, set->parts[p].relation);
        struct tids_cursor at = {0};
        uint32_t block;
        uint16_t offset;
        while (tids_next(&set->parts[p].rows, &at, &block, &offset))
            count += !doomed || !tids_has(doomed, block, offset);
    }
    return count;
}

/* ---- every row ---- */

bool cascade_root_all(struct cascade *c, struct db *db, size_t family, const struct cascade_options *options,
                      struct err *err)
{
    struct str sql = {0};
    str_add(&sql, "COPY (SELECT t.tableoid, t.ctid FROM ");
    db_quote_relation(&sql, c->graph->relations[family].schema, c->graph->relations[family].name);
    str_add(&sql, " t) TO STDOUT");
    bool ok = take_rows(c, db, str_text(&sql), ASK_PLACES, &c->doomed[family], NULL, options, err);
    str_free(&sql);
    return ok || err_context(err, "reading %s", c->graph->relations[family].name);
}
