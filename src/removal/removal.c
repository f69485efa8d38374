/* removal - the plan: roots, cascade, contents, digest. */
#include "removal/removal.h"

#include <stdlib.h>
#include <string.h>

const char *removal_word(const struct removal *r)
{
    static const char *const words[] = {"prune", "reset", "converge"};
    return words[r->options->kind];
}

bool removal_in_list(const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

const char *removal_name(struct removal *r, size_t relation)
{
    const struct graph_relation *rel = &r->graph.relations[r->graph.relations[relation].family];
    const char *home = r->graph.catalog.default_schema;
    if (rel->table->on_path || strcmp(rel->schema, home ? home : "") == 0)
        return rel->name;
    return arena_printf(&r->graph.arena, "%s.%s", rel->schema, rel->name);
}

const struct bound *removal_bound(const struct removal *r, size_t family)
{
    return bound_of_table(&r->declared.set, r->graph.relations[family].oid);
}

/* ---- roots ---- */

static void progress(void *context, uint64_t rows)
{
    struct removal *r = context;
    ctx_progress(r->session->ctx, "rows that go with others", (int64_t)rows, -1, false);
}

static bool take_difference(void *context, const struct diff_row *row, struct err *err)
{
    struct removal *r = context;
    if (row->kind != DIFF_EXTRA || row->allowed)
        return true;
    return cascade_root(&r->cascade, row->table, row->place, err);
}

static void compare_progress(void *context, uint64_t done, int64_t total)
{
    struct removal *r = context;
    ctx_progress(r->session->ctx, "comparing", (int64_t)done, total, false);
}

static bool find_roots(struct removal *r, struct db *db, struct err *err)
{
    struct cascade_options walk = {.progress = progress, .context = r};
    for (size_t i = 0; i < r->declared.set.count; i++) {
        const struct bound *b = &r->declared.set.items[i];
        if (!r->wanted[i])
            continue;
        size_t family = graph_find(&r->graph, b->table->oid);
        if (r->options->kind == REMOVAL_RESET) {
            if (!b->table->known_empty && !cascade_root_all(&r->cascade, db, family, &walk, err))
                return false;
            continue;
        }
        struct diff_options options = declared_diff_options(r->session, b);
        struct diff_totals totals;
        options.in_transaction = options.places = true;
        options.row = take_difference;
        options.progress = compare_progress;
        options.context = r;
        if (!diff_table(db, b, &options, &totals, err))
            return false;
    }
    return true;
}

/* ---- the graph ---- */

static const struct table_rule *rule_of(const struct removal *r, uint32_t oid)
{
    const struct db_table *table = db_catalog_by_oid(&r->session->catalog, oid);
    return table ? declared_rule(r->session, table) : NULL;
}

static void classify(struct removal *r)
{
    for (size_t i = 0; i < r->graph.relation_count; i++) {
        struct graph_relation *rel = &r->graph.relations[i];
        const struct table_rule *rule = rule_of(r, rel->oid);
        rel->context = rule && rule->class != TABLE_UNLISTED ? rule->class == TABLE_CONTEXT : removal_bound(r, i) != NULL;
        const struct db_table *known = db_catalog_by_oid(&r->session->catalog, rel->oid);
        rel->known_empty = known && known->known_empty;
        rel->secret = rule ? rule->secret : NULL;
        rel->secret_count = rule ? rule->secret_count : 0;
    }
}

/* What this role cannot see it cannot save. */
static bool refuse_unseen(struct removal *r, size_t family, struct err *err)
{
    const struct graph_relation *rel = &r->graph.relations[family];
    if (rel->row_security) {
        err_set(err, ERR_REFUSED, "row security hides rows of %s from this role", removal_name(r, family));
        err_why(err, "rows that go with others could neither be counted nor saved");
        return err_hint(err, "use a role with BYPASSRLS, or the table's owner");
    }
    if (!rel->can_select) {
        err_set(err, ERR_REFUSED, "this role may not read %s, so its rows could not be saved", removal_name(r, family));
        return err_hint(err, "GRANT SELECT ON %s to it", removal_name(r, family));
    }
    return true;
}

static bool load_graph(struct removal *r, struct db *db, struct err *err)
{
    uint32_t *oids = xcalloc(r->declared.set.count + 1, sizeof *oids);
    size_t count = 0;
    for (size_t i = 0; i < r->declared.set.count; i++)
        if (r->wanted[i])
            oids[count++] = r->declared.set.items[i].table->oid;
    bool ok = graph_load(&r->graph, db, oids, count, err);
    free(oids);
    if (!ok)
        return false;
    r->made = true;
    size_t n = r->graph.relation_count + 1;
    cascade_init(&r->cascade, &r->graph);
    r->roots = xcalloc(n, sizeof *r->roots);
    r->root_rows = xcalloc(n, sizeof *r->root_rows);
    r->planned = xcalloc(n, sizeof *r->planned);
    r->planned_changed = xcalloc(r->graph.edge_count + 1, sizeof *r->planned_changed);
    r->doomed = xcalloc(n, sizeof *r->doomed);
    r->changed = xcalloc(r->graph.edge_count + 1, sizeof *r->changed);
    classify(r);
    return true;
}

void removal_forget(struct removal *r)
{
    if (r->made) {
        cascade_sets_free(r->roots, r->graph.relation_count);
        cascade_free(&r->cascade);
        free(r->root_rows);
        free(r->planned);
        free(r->planned_changed);
        free(r->doomed);
        free(r->changed);
        graph_free(&r->graph);
    }
    if (r->seeds)
        plan_free(&r->seed);
    free(r->operational);
    r->operational = NULL;
    r->made = r->seeds = r->blocked = false;
    r->operational_count = 0;
    r->operational_rows = r->rows = r->again = 0;
}

/* ---- digest ---- */

static void hash_number(struct hash *h, uint64_t number) { hash_add(h, &number, sizeof number); }

static void hash_content(struct hash *h, const struct content *content)
{
    hash_number(h, content->rows);
    for (size_t i = 0; i < 4; i++)
        hash_number(h, content->sum[i]);
}

static void hash_family(struct removal *r, struct hash *h, size_t i)
{
    const struct graph_relation *rel = &r->graph.relations[i];
    if (rel->family != i || !cascade_going(&r->cascade, i))
        return;
    hash_add_field(h, rel->context ? "delete" : "delete operational");
    hash_add_field(h, rel->schema);
    hash_add_field(h, rel->name);
    if (removal_by_content(r, i))
        hash_content(h, &r->doomed[i]);
}

static void hash_edge(struct removal *r, struct hash *h, size_t e)
{
    const struct graph_edge *edge = &r->graph.edges[e];
    const struct graph_relation *child = &r->graph.relations[edge->child];
    bool met = cascade_others(&r->cascade, &r->cascade.met[e]) > 0;
    bool updated = cascade_others(&r->cascade, &r->cascade.updated[e]) > 0;
    if (!met && !updated)
        return;
    char action[] = {edge->on_delete, edge->on_update, met ? 'm' : '-', updated ? 'u' : '-', '\0'};
    hash_add_field(h, edge->name);
    hash_add_field(h, child->schema);
    hash_add_field(h, child->name);
    hash_add_field(h, action);
    for (int update = 0; update <= 1; update++)
        for (size_t i = 0; (update ? updated : met) && i < edge->count; i++)
            if (removal_changes_column(r, e, update, i)) {
                struct removal_value value = removal_becomes(r, e, update, i);
                hash_add_field(h, edge->columns[i]);
                hash_add_field(h, removal_value_text(&value));
            }
    if (r->graph.relations[child->family].context)
        hash_content(h, &r->changed[e]);
}

static void hash_hook(struct removal *r, struct hash *h, const struct graph_hook *hook)
{
    hash_add_field(h, hook->name);
    hash_add_field(h, r->graph.relations[hook->relation].name);
}

void removal_digest(struct removal *r, char digest[HASH_HEX])
{
    struct hash h;
    struct guard_facts facts;
    session_guard_facts(r->session, &facts);
    hash_init(&h);
    hash_add_field(&h, removal_word(r));
    hash_add_field(&h, r->session->ctx->environment->name);
    hash_add_field(&h, r->session->identity.system_identifier);
    hash_number(&h, r->session->identity.database_oid);
    hash_add_field(&h, r->session->fixtures.digest);
    hash_add_field(&h, guard_is_local(&facts, NULL) ? "local" : "not local");
    for (size_t i = 0; i < r->graph.relation_count; i++)
        hash_family(r, &h, i);
    for (size_t e = 0; e < r->graph.edge_count; e++)
        hash_edge(r, &h, e);
    for (size_t i = 0; i < r->graph.hook_count; i++)
        hash_hook(r, &h, &r->graph.hooks[i]);
    if (r->seeds && r->options->kind == REMOVAL_CONVERGE)
        hash_add_field(&h, r->seed.digest);
    hash_hex(&h, digest);
}

/* ---- the plan ---- */

uint64_t removal_changed(const struct removal *r, size_t edge)
{
    return cascade_others(&r->cascade, &r->cascade.met[edge]) + cascade_others(&r->cascade, &r->cascade.updated[edge]);
}

static void add_operational(struct removal *r, size_t family, uint64_t rows)
{
    const char *name = removal_name(r, family);
    if (r->graph.relations[family].context || rows == 0)
        return;
    r->operational_rows += rows;
    if (removal_in_list(r->operational, r->operational_count, name))
        return;
    r->operational = xrealloc(r->operational, (r->operational_count + 1) * sizeof *r->operational);
    r->operational[r->operational_count++] = name;
}

static bool sum_up(struct removal *r, struct err *err)
{
    for (size_t i = 0; i < r->graph.relation_count; i++) {
        r->planned[i] = cascade_going(&r->cascade, i);
        r->rows += r->planned[i];
        add_operational(r, i, r->planned[i]);
        if (r->planned[i] && !refuse_unseen(r, i, err))
            return false;
    }
    for (size_t e = 0; e < r->graph.edge_count; e++) {
        const struct graph_edge *edge = &r->graph.edges[e];
        size_t child = r->graph.relations[edge->child].family;
        uint64_t met = cascade_others(&r->cascade, &r->cascade.met[e]);
        uint64_t updated = cascade_others(&r->cascade, &r->cascade.updated[e]);
        r->planned_changed[e] = met + updated;
        r->blocked |= met && cascade_edge_blocks(edge);
        r->blocked |= updated && (edge->on_update == 'a' || edge->on_update == 'r');
        if (met || updated)
            add_operational(r, child, met + updated);
        /* row security may hide the children that would go */
        if (r->planned[r->graph.relations[edge->parent].family] && !refuse_unseen(r, child, err))
            return false;
    }
    return true;
}

/* `whole`: those whose contents count. What is in the others is nobody's business, but which they are is said. */
static bool read_going(struct removal *r, struct db *db, bool whole, struct err *err)
{
    for (size_t i = 0; (whole || r->options->row) && i < r->graph.relation_count; i++)
        if (removal_by_content(r, i) == whole && r->planned[i] && !removal_read_family(r, db, i, true, NULL, err))
            return false;
    return true;
}

static bool read_changing(struct removal *r, struct db *db, bool context, struct err *err)
{
    for (size_t e = 0; e < r->graph.edge_count; e++) {
        size_t child = r->graph.relations[r->graph.edges[e].child].family;
        if (r->graph.relations[child].context == context &&
            (!removal_read_edge(r, db, e, false, true, NULL, err) || !removal_read_edge(r, db, e, true, true, NULL, err)))
            return false;
    }
    return true;
}

static bool read_contents(struct removal *r, struct db *db, struct err *err)
{
    return read_going(r, db, true, err) && read_changing(r, db, true, err) && read_going(r, db, false, err) &&
           read_changing(r, db, false, err);
}

/* The application's rows are not compared one by one. */
bool removal_bulk(void *removal, size_t family)
{
    const struct removal *r = removal;
    return !r->graph.relations[family].context;
}

static bool in_snapshot(struct removal *r, struct db *db, struct err *err)
{
    struct cascade_options walk = {.progress = progress, .bulk = removal_bulk, .context = r};
    if (!find_roots(r, db, err))
        return false;
    cascade_keep_roots(&r->cascade, r->roots);
    for (size_t i = 0; i < r->graph.relation_count; i++)
        r->root_rows[i] = cascade_count(&r->roots[i]);
    return cascade_walk(&r->cascade, db, &walk, err) && sum_up(r, err) &&
           db_run(db, cascade_texts, 0, NULL, NULL, err) && read_contents(r, db, err);
}

/* Rows that go although a fixture declares them: they went with others, or all went. The seed writes them again. */
static uint64_t declared_rows_that_go(const struct removal *r)
{
    uint64_t count = 0;
    for (size_t i = 0; i < r->declared.set.count; i++) {
        size_t family = graph_find(&r->graph, r->declared.set.items[i].table->oid);
        if (family != SIZE_MAX && r->planned[family] > r->root_rows[family])
            count += r->planned[family] - r->root_rows[family];
    }
    return count;
}

bool removal_plan(struct removal *r, struct err *err)
{
    struct db *db = r->session->db;
    static const char begin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; "
                                "SET LOCAL lock_timeout = '3s'";
    bool ok = load_graph(r, db, err) && db_run(db, begin, 0, NULL, NULL, err) && in_snapshot(r, db, err);
    if (db_alive(db) && r->made)
        ok = ok ? db_run(db, "COMMIT", 0, NULL, NULL, err) : (db_rollback(db), false);
    if (!ok && strcmp(err->sqlstate, "42501") == 0)
        err->class = ERR_REFUSED;    /* what this role may not read it cannot save */
    if (!ok)
        return false;
    if (r->options->kind == REMOVAL_CONVERGE) {
        r->seeds = true;
        if (!plan_make(r->session, &r->declared, &r->seed, NULL, err))
            return false;
    }
    r->again = r->options->kind == REMOVAL_PRUNE ? 0 : declared_rows_that_go(r);
    removal_digest(r, r->digest);
    return true;
}
