/* graph - three questions to the catalogue in one round trip, then the details of what they found. */
#include "plan/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/pipeline.h"

/* Down the foreign keys, up and down partitions, down inheritance (a DELETE takes the rows of inheriting tables). */
#define REACH \
    "WITH RECURSIVE link(source, target) AS MATERIALIZED (" \
    "  SELECT k.confrelid, k.conrelid FROM pg_constraint k WHERE k.contype = 'f'" \
    "  UNION ALL SELECT i.inhparent, i.inhrelid FROM pg_inherits i" \
    "  UNION ALL SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid" \
    "   WHERE c.relispartition)," \
    " reach(oid) AS (SELECT unnest($1::oid[])" \
    " UNION SELECT l.target FROM reach r JOIN link l ON l.source = r.oid) "

static const char relations_sql[] = REACH
    "SELECT c.oid, n.nspname, c.relname, c.relkind,"
    " CASE WHEN c.relispartition THEN (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid) ELSE c.oid END,"
    " has_table_privilege(c.oid, 'SELECT'), has_any_column_privilege(c.oid, 'UPDATE'),"
    " has_table_privilege(c.oid, 'DELETE'), c.relrowsecurity AND row_security_active(c.oid)"
    " FROM reach r JOIN pg_class c ON c.oid = r.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'f') ORDER BY c.oid";

/* conparentid: partitions carry copies. The list of columns to set came with 15; jsonb gives null before. */
static const char edges_sql[] = REACH
    "SELECT k.oid, k.conname, k.conrelid, k.confrelid, k.confdeltype, k.confupdtype, k.condeferrable,"
    " a.attname, b.attname, quote_ident(s.nspname), o.oprname,"
    " to_jsonb(k) -> 'confdelsetcols' IS NULL OR jsonb_typeof(to_jsonb(k) -> 'confdelsetcols') = 'null'"
    "  OR to_jsonb(k) -> 'confdelsetcols' @> to_jsonb(u.own)"
    " FROM pg_constraint k"
    " CROSS JOIN LATERAL unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY AS u(own, theirs, op, ord)"
    " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.own"
    " JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.theirs"
    " JOIN pg_operator o ON o.oid = u.op JOIN pg_namespace s ON s.oid = o.oprnamespace"
    " WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM reach)"
    " ORDER BY k.conrelid, k.conname COLLATE \"C\", k.oid, u.ord";

/* tgtype: 8 is DELETE, 16 is UPDATE. 'R' fires on a replica only. Partitions' copies are left out. */
static const char hooks_sql[] = REACH
    "SELECT t.tgrelid, t.tgname, false, t.tgtype & 8 <> 0, t.tgtype & 16 <> 0 FROM pg_trigger t"
    " WHERE t.tgrelid IN (SELECT oid FROM reach) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"
    " AND t.tgtype & 24 <> 0 AND coalesce((to_jsonb(t) ->> 'tgparentid')::oid, 0) = 0"
    " UNION ALL SELECT w.ev_class, w.rulename, true, w.ev_type = '4', w.ev_type = '2' FROM pg_rewrite w"
    " WHERE w.ev_class IN (SELECT oid FROM reach) AND w.ev_type IN ('2', '4') AND w.ev_enabled IN ('O', 'A')"
    " ORDER BY 1, 3, 2";

static uint32_t oid_at(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_value(r, row, column);
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static const char *text_at(struct graph *g, const struct db_result *r, size_t row, size_t column)
{
    return arena_strdup(&g->arena, db_value(r, row, column));
}

static char char_at(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_value(r, row, column);
    return text ? text[0] : '\0';
}

size_t graph_find(const struct graph *g, uint32_t oid)
{
    for (size_t low = 0, high = g->relation_count; low < high;) {
        size_t middle = (low + high) / 2;
        if (g->relations[middle].oid == oid)
            return middle;
        if (g->relations[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

/* ---- what was read ---- */

static void take_relations(struct graph *g, const struct db_result *r)
{
    g->relation_count = db_rows(r);
    g->relations = arena_alloc(&g->arena, g->relation_count * sizeof *g->relations);
    for (size_t i = 0; i < g->relation_count; i++)
        g->relations[i] = (struct graph_relation){.oid = oid_at(r, i, 0), .schema = text_at(g, r, i, 1),
            .name = text_at(g, r, i, 2), .kind = char_at(r, i, 3), .can_select = db_bool(r, i, 5),
            .can_update = db_bool(r, i, 6), .can_delete = db_bool(r, i, 7), .row_security = db_bool(r, i, 8)};
    for (size_t i = 0; i < g->relation_count; i++) {
        size_t above = graph_find(g, oid_at(r, i, 4));
        g->relations[i].above = above == SIZE_MAX ? i : above;
    }
    for (size_t i = 0; i < g->relation_count; i++) {
        size_t family = i;
        while (g->relations[family].above != family)
            family = g->relations[family].above;
        g->relations[i].family = family;
    }
}

static void take_edge(struct graph *g, const struct db_result *r, size_t first, size_t count)
{
    size_t child = graph_find(g, oid_at(r, first, 2)), parent = graph_find(g, oid_at(r, first, 3));
    if (child == SIZE_MAX || parent == SIZE_MAX)
        return;
    struct graph_edge *e = &g->edges[g->edge_count++];
    *e = (struct graph_edge){.name = text_at(g, r, first, 1), .child = child, .parent = parent, .count = count,
        .on_delete = char_at(r, first, 4), .on_update = char_at(r, first, 5), .deferrable = db_bool(r, first, 6)};
    e->columns = arena_alloc(&g->arena, count * sizeof *e->columns);
    e->targets = arena_alloc(&g->arena, count * sizeof *e->targets);
    e->operators = arena_alloc(&g->arena, count * sizeof *e->operators);
    e->nulled = arena_alloc(&g->arena, count * sizeof *e->nulled);
    for (size_t i = 0; i < count; i++) {
        e->columns[i] = text_at(g, r, first + i, 7);
        e->targets[i] = text_at(g, r, first + i, 8);
        e->operators[i] = arena_printf(&g->arena, "OPERATOR(%s.%s)", db_value(r, first + i, 9),
                                       db_value(r, first + i, 10));
        e->nulled[i] = db_bool(r, first + i, 11);
    }
}

static void take_edges(struct graph *g, const struct db_result *r)
{
    g->edges = arena_alloc(&g->arena, db_rows(r) * sizeof *g->edges);
    for (size_t row = 0, end; row < db_rows(r); row = end) {
        for (end = row + 1; end < db_rows(r) && oid_at(r, end, 0) == oid_at(r, row, 0); end++)
            ;
        take_edge(g, r, row, end - row);
    }
}

static void take_hooks(struct graph *g, const struct db_result *r)
{
    g->hooks = arena_alloc(&g->arena, db_rows(r) * sizeof *g->hooks);
    for (size_t i = 0; i < db_rows(r); i++) {
        size_t relation = graph_find(g, oid_at(r, i, 0));
        if (relation != SIZE_MAX)
            g->hooks[g->hook_count++] = (struct graph_hook){.relation = relation, .name = text_at(g, r, i, 1),
                .rule = db_bool(r, i, 2), .on_delete = db_bool(r, i, 3), .on_update = db_bool(r, i, 4)};
    }
}

static bool take_details(struct graph *g, struct db *db, struct err *err)
{
    const char **names = arena_alloc(&g->arena, g->relation_count * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < g->relation_count; i++)
        if (g->relations[i].family == i)
            names[count++] = arena_printf(&g->arena, "%s.%s", g->relations[i].schema, g->relations[i].name);
    if (!db_catalog_load(db, &g->catalog, names, count, false, err))
        return false;
    for (size_t i = 0; i < g->relation_count; i++) {
        struct graph_relation *rel = &g->relations[i];
        rel->table = rel->family == i ? db_catalog_by_oid(&g->catalog, rel->oid) : NULL;
        if (rel->family == i && (!rel->table || !rel->table->details))
            return err_set(err, ERR_CONFLICT, "%s.%s was dropped while the plan was made", rel->schema, rel->name);
    }
    return true;
}

bool graph_load(struct graph *g, struct db *db, const uint32_t *roots, size_t count, struct err *err)
{
    struct str oids = {0};
    *g = (struct graph){0};
    for (size_t i = 0; i < count; i++)
        str_printf(&oids, "%s%lu", i ? "," : "{", (unsigned long)roots[i]);
    str_add(&oids, count ? "}" : "{}");
    const char *params[] = {str_text(&oids)};
    struct db_probe probes[] = {
        {.name = "tables", .sql = relations_sql, .count = 1, .params = params, .statement_timeout_ms = 30000},
        {.name = "foreign keys", .sql = edges_sql, .count = 1, .params = params, .statement_timeout_ms = 30000},
        {.name = "triggers", .sql = hooks_sql, .count = 1, .params = params, .statement_timeout_ms = 30000},
    };
    enum { PROBES = sizeof probes / sizeof *probes };
    bool ok = db_pipeline(db, probes, PROBES, err);
    for (size_t i = 0; ok && i < PROBES; i++)
        if (!probes[i].ok) {
            *err = probes[i].err;
            ok = err_context(err, "reading the %s that rows hang on", probes[i].name);
        }
    if (ok) {
        take_relations(g, probes[0].result);
        take_edges(g, probes[1].result);
        take_hooks(g, probes[2].result);
        ok = take_details(g, db, err);
    }
    db_probes_free(probes, PROBES);
    str_free(&oids);
    if (!ok)
        graph_free(g);
    return ok;
}

void graph_free(struct graph *g)
{
    db_catalog_free(&g->catalog);
    arena_free(&g->arena);
    *g = (struct graph){0};
}

bool graph_part_of(const struct graph *g, size_t relation, size_t of)
{
    while (relation != of && g->relations[relation].above != relation)
        relation = g->relations[relation].above;
    return relation == of;
}

void graph_from(const struct graph *g, size_t relation, struct str *sql)
{
    const struct graph_relation *r = &g->relations[relation];
    str_add(sql, r->kind == 'p' ? "FROM " : "FROM ONLY ");
    db_quote_relation(sql, r->schema, r->name);
}

/* ---- parents before children ---- */

/* above[i] has bit j: rows of family j come before those of i, at any distance. A cycle's members have the same set,
 * and whoever is below has a bigger one: its size is the order. */
struct ancestry { uint64_t *bits; size_t words; };

static bool ancestor(const struct ancestry *a, size_t i, size_t j) { return a->bits[i * a->words + j / 64] >> j % 64 & 1; }

static size_t ancestors(const struct ancestry *a, size_t i)
{
    size_t count = 0;
    for (size_t w = 0; w < a->words; w++)
        count += (size_t)__builtin_popcountll(a->bits[i * a->words + w]);
    return count;
}

static void close_ancestry(struct ancestry *a, const bool *in, size_t count)
{
    for (size_t via = 0; via < count; via++)
        for (size_t i = 0; in[via] && i < count; i++)
            for (size_t w = 0; in[i] && ancestor(a, i, via) && w < a->words; w++)
                a->bits[i * a->words + w] |= a->bits[via * a->words + w];
}

size_t graph_order(const struct graph *g, const bool *in, size_t *order, size_t *group)
{
    size_t count = g->relation_count, found = 0;
    struct ancestry a = {.words = count / 64 + 1};
    a.bits = xcalloc(count * a.words + 1, sizeof *a.bits);
    size_t *sizes = xcalloc(count + 1, sizeof *sizes);
    for (size_t e = 0; e < g->edge_count; e++) {
        size_t child = g->relations[g->edges[e].child].family, parent = g->relations[g->edges[e].parent].family;
        if (in[child] && in[parent])
            a.bits[child * a.words + parent / 64] |= (uint64_t)1 << parent % 64;
    }
    close_ancestry(&a, in, count);
    for (size_t i = 0; i < count; i++) {
        sizes[i] = ancestors(&a, i) + !ancestor(&a, i, i);   /* itself counts, in a cycle or not */
        size_t at = found;
        if (!in[i])
            continue;
        for (; at > 0 && sizes[order[at - 1]] > sizes[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
        found++;
    }
    for (size_t i = 0; i < found; i++) {
        group[i] = i;
        for (size_t j = 0; j < i; j++)
            if (ancestor(&a, order[i], order[j]) && ancestor(&a, order[j], order[i]))
                group[i] = group[j];
    }
    free(sizes);
    free(a.bits);
    return found;
}
