/* cascade_delete - the deletes, and whether they did what was planned.
 *
 * Children go first, by statements of their own: then a NO ACTION or RESTRICT key whose child goes as well is no
 * obstacle, and a million children are one set, not a million triggers. Rows of tables that refer to each other in a
 * circle go in one statement, at whose end the constraints are looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/cascade.h"

enum {
    BATCH = 20000,
    ROWS_AT_ONCE = 50000,            /* about as many in one statement, where they are many */
    ROWS_BESIDE = 512,               /* read between two looks at the statement that deletes them */
    DENSE = 4                        /* rows a page, from which reading all pages is no loss */
};

/* ---- one table after the other ---- */

static bool may_delete(const struct graph *g, size_t relation)
{
    const struct graph_relation *r = &g->relations[relation];
    return r->can_delete || g->relations[r->family].can_delete;
}

static void delete_sql(const struct graph *g, size_t relation, const char *places, struct str *sql)
{
    str_add(sql, "DELETE FROM ");
    cascade_from(g, relation, "t", sql);
    str_add(sql, " WHERE ");
    cascade_where(g, relation, "t", places, sql);
}

static bool fewer(const struct graph *g, size_t relation, struct err *err)
{
    err_set(err, ERR_CONFLICT, "%s gave up fewer rows than planned", g->relations[relation].name);
    return err_why(err, "a trigger or a rule may have kept rows");
}

static bool told(const struct cascade_delete *options, uint64_t rows, struct err *err)
{
    return !options->step || options->step(options->context, rows, err);
}

static bool delete_part(const struct cascade *c, struct db *db, const struct cascade_part *part,
                        const struct cascade_delete *options, struct err *err)
{
    struct str places = {0}, sql = {0};
    struct tids_cursor at = {0};
    size_t wanted;
    bool ok = true;
    while (ok && (wanted = tids_batch(&part->rows, &at, NULL, BATCH, &places))) {
        struct db_result *result = NULL;
        str_reset(&sql);
        delete_sql(c->graph, part->relation, str_text(&places), &sql);
        ok = db_run(db, str_text(&sql), 0, &result, NULL, err);
        if (ok && db_affected(result) != (int64_t)wanted)
            ok = fewer(c->graph, part->relation, err);
        db_result_free(result);
        ok = ok && told(options, wanted, err);
    }
    str_free(&places);
    str_free(&sql);
    return ok;
}

/* ---- by the key that dooms them ---- */

struct by_key {
    const struct cascade *c;
    struct db *db;
    const struct graph_edge *edge;
    const struct cascade_delete *options;
    size_t parents;                  /* whose children one statement takes */
    size_t pages;                    /* of the table that it takes; 0: all of them */
    uint64_t whole;                  /* pages of the table */
    uint64_t deleted;
    bool beside;                     /* the rows are read meanwhile */
    struct cascade_reading reading;
};

/* A statement tells nothing until it ends, so many rows go a range of pages at a time: where the server can read a
 * range (14), and where that costs no more than a scan of the whole. */
static bool choose_pages(struct by_key *k, size_t family, struct err *err)
{
    const struct graph_relation *child = &k->c->graph->relations[family];
    uint64_t rows = k->c->counted[family];
    struct db_result *r = NULL;
    struct str sql = {0};
    if (rows < 2 * ROWS_AT_ONCE || db_facts(k->db)->server_version_num < 140000)
        return true;
    str_printf(&sql, "SELECT pg_catalog.pg_relation_size(%lu) / pg_catalog.current_setting('block_size')::pg_catalog.int8",
               (unsigned long)child->oid);
    bool ok = db_run(k->db, str_text(&sql), 0, &r, NULL, err);
    k->whole = ok ? (uint64_t)db_int(r, 0, 0, 0) : 0;
    if (ok && k->whole && rows / k->whole >= DENSE)
        k->pages = (size_t)(k->whole * ROWS_AT_ONCE / rows) + 1;
    db_result_free(r);
    str_free(&sql);
    return ok;
}

static void by_key_sql(const struct by_key *k, size_t relation, const char *places, size_t count, uint64_t page,
                       struct str *sql)
{
    str_reset(sql);
    str_add(sql, "DELETE FROM ");
    cascade_join(k->c->graph, relation, k->edge, places, count, " USING ", sql);
    if (page > 0)
        str_printf(sql, " AND c.ctid OPERATOR(pg_catalog.>=) '(%llu,0)'", (unsigned long long)page);
    if (k->pages && page + k->pages < k->whole)   /* the last one takes whatever is behind it */
        str_printf(sql, " AND c.ctid OPERATOR(pg_catalog.<) '(%llu,0)'", (unsigned long long)(page + k->pages));
}

/* Reads some rows, looks whether the statement is done, and so on. A reader that fails lets it end first. */
static bool run_beside(struct by_key *k, const char *sql, struct db_result **result, struct err *err)
{
    const struct cascade_delete *o = k->options;
    struct err failed = {0};
    bool done = false, reads = true;
    if (!db_start(k->db, sql, err))
        return false;
    while (!done) {
        reads = reads && cascade_reading_go_on(&k->reading, ROWS_BESIDE, o->row, o->context, &failed);
        if (!db_poll(k->db, reads && !k->reading.done ? 0 : -1, &done, result, NULL, err))
            return false;
    }
    if (!reads && err)
        *err = failed;
    return reads;
}

static bool delete_of_parents(struct by_key *k, size_t relation, const char *places, size_t count, struct err *err)
{
    struct str sql = {0};
    bool ok = true;
    for (uint64_t page = 0; ok && page <= k->whole; page += k->pages) {
        struct db_result *result = NULL;
        by_key_sql(k, relation, places, count, page, &sql);
        ok = k->beside ? run_beside(k, str_text(&sql), &result, err)
                       : db_run(k->db, str_text(&sql), 0, &result, NULL, err);
        uint64_t rows = ok ? (uint64_t)db_affected(result) : 0;
        k->deleted += rows;
        db_result_free(result);
        ok = ok && told(k->options, rows, err);
        if (k->pages == 0 || page + k->pages >= k->whole)
            break;
    }
    str_free(&sql);
    return ok;
}

static bool delete_children(struct by_key *k, const struct cascade_set *parents, struct err *err)
{
    struct str places = {0};
    bool ok = true;
    for (size_t p = 0; ok && p < parents->count; p++) {
        struct tids_cursor at = {0};
        size_t count;
        while (ok && graph_part_of(k->c->graph, parents->parts[p].relation, k->edge->parent) &&
               (count = tids_batch(&parents->parts[p].rows, &at, NULL, k->parents, &places)))
            ok = delete_of_parents(k, parents->parts[p].relation, str_text(&places), count, err);
    }
    str_free(&places);
    return ok;
}

/* Deleted and read at the same time; what is not read by the end of it is read then. */
static bool delete_and_read(struct by_key *k, struct cascade *c, size_t family, const struct cascade_set *parents,
                            struct err *err)
{
    const struct cascade_delete *o = k->options;
    if (!o->begin(o->context, family, err))
        return false;
    cascade_reading_begin(&k->reading, c, o->beside, family);
    bool ok = delete_children(k, parents, err) &&
              cascade_reading_go_on(&k->reading, UINT64_MAX, o->row, o->context, err);
    c->counted[family] = k->reading.rows;
    c->later[family] = false;
    cascade_reading_end(&k->reading);
    return ok;
}

/* It is the only key to this family (cascade.c, found_once), and its parents go later. */
static bool delete_by_key(struct cascade *c, struct db *db, size_t family, const struct cascade_delete *options,
                          struct err *err)
{
    const struct graph *g = c->graph;
    struct by_key k = {.c = c, .db = db, .edge = cascade_edge_to(g, family), .options = options};
    const struct cascade_set *parents = &c->doomed[g->relations[k.edge->parent].family];
    k.beside = options->beside && c->later[family];
    bool ok = choose_pages(&k, family, err);
    k.parents = c->counted[family] / cascade_count(parents) >= ROWS_AT_ONCE ? 1 : BATCH;
    ok = ok && (k.beside ? delete_and_read(&k, c, family, parents, err) : delete_children(&k, parents, err));
    return ok && (k.deleted == c->counted[family] || fewer(g, family, err));
}

static bool delete_family(struct cascade *c, struct db *db, size_t family, const struct cascade_delete *options,
                          struct err *err)
{
    const struct cascade_set *set = &c->doomed[family];
    if (c->counted[family])
        return delete_by_key(c, db, family, options, err);
    for (size_t p = 0; p < set->count; p++)
        if (may_delete(c->graph, set->parts[p].relation) && !delete_part(c, db, &set->parts[p], options, err))
            return false;
    return true;
}

/* ---- a circle ---- */

static bool delete_circle(const struct cascade *c, struct db *db, const size_t *families, size_t count,
                          const struct cascade_delete *options, struct err *err)
{
    struct str places = {0}, sql = {0};
    struct db_result *result = NULL;
    uint64_t wanted = 0;
    size_t parts = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < c->doomed[families[i]].count; p++) {
            const struct cascade_part *part = &c->doomed[families[i]].parts[p];
            struct tids_cursor at = {0};
            size_t rows = may_delete(c->graph, part->relation)
                              ? tids_batch(&part->rows, &at, NULL, SIZE_MAX, &places) : 0;
            if (rows == 0)
                continue;
            str_printf(&sql, "%s d%zu AS (", parts ? "," : "WITH", parts);
            delete_sql(c->graph, part->relation, str_text(&places), &sql);
            str_add(&sql, " RETURNING 1)");
            wanted += rows;
            parts++;
        }
    for (size_t i = 0; i < parts; i++)
        str_printf(&sql, "%s(SELECT pg_catalog.count(*) FROM d%zu)", i ? " + " : " SELECT ", i);
    str_free(&places);
    bool ok = parts == 0 || db_run(db, str_text(&sql), 0, &result, NULL, err);
    if (ok && parts && (uint64_t)db_int(result, 0, 0, -1) != wanted)
        ok = fewer(c->graph, families[0], err);
    db_result_free(result);
    str_free(&sql);
    return ok && told(options, wanted, err);
}

/* A table that only refers to itself with ON DELETE CASCADE can go in pieces no better: the pieces would not know of
 * each other. So any circle is one statement. */
static bool is_circle(const struct graph *g, const size_t *families, size_t count)
{
    for (size_t e = 0; e < g->edge_count; e++)
        if (g->relations[g->edges[e].child].family == families[0] &&
            g->relations[g->edges[e].parent].family == families[0])
            return true;
    return count > 1;
}

bool cascade_delete(struct cascade *c, struct db *db, const struct cascade_delete *options, struct err *err)
{
    const struct graph *g = c->graph;
    size_t n = g->relation_count + 1;
    bool *in = xcalloc(n, sizeof *in), ok = true;
    size_t *order = xcalloc(n, sizeof *order), *group = xcalloc(n, sizeof *group), *members = xcalloc(n, sizeof *members);
    bool *done = xcalloc(n, sizeof *done);
    for (size_t i = 0; i < g->relation_count; i++)
        in[i] = cascade_going(c, i) > 0;
    /* A circle may close by way of rows that only change: deleting one of its tables first would update doomed rows of
     * another, which then are not where they were. */
    for (size_t e = 0; e < g->edge_count; e++)
        if (cascade_others(c, &c->met[e]) || cascade_others(c, &c->updated[e]))
            in[g->relations[g->edges[e].child].family] = true;
    size_t count = graph_order(g, in, order, group);
    for (size_t i = count; ok && i-- > 0;) {
        size_t found = 0;
        if (done[group[i]])
            continue;
        done[group[i]] = true;
        for (size_t j = 0; j < count; j++)
            if (group[j] == group[i])
                members[found++] = order[j];
        ok = is_circle(g, members, found) ? delete_circle(c, db, members, found, options, err)
                                          : delete_family(c, db, members[0], options, err);
        if (!ok && err->class != ERR_CONFLICT)
            err_context(err, "deleting from %s", g->relations[members[0]].name);
    }
    free(in);
    free(order);
    free(group);
    free(members);
    free(done);
    return ok;
}

/* ---- what was really done ---- */

bool cascade_tally_read(struct cascade_tally *tally, struct db *db, struct err *err)
{
    struct db_result *r = NULL;
    *tally = (struct cascade_tally){0};
    if (!db_run(db, "SELECT c.oid, x.i, x.u, x.d FROM pg_catalog.pg_class c CROSS JOIN LATERAL (SELECT "
                    "pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS i, "
                    "pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS u, "
                    "pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS d) x "
                    "WHERE c.relkind = 'r' AND c.oid >= 16384 AND x.i + x.u + x.d > 0", 0, &r, NULL, err))
        return err_context(err, "counting what this transaction did");
    tally->count = db_rows(r);
    tally->oids = xcalloc(tally->count + 1, sizeof *tally->oids);
    tally->counts = xcalloc(tally->count + 1, sizeof *tally->counts);
    for (size_t i = 0; i < tally->count; i++) {
        tally->oids[i] = (uint32_t)db_int(r, i, 0, 0);
        for (size_t k = 0; k < 3; k++)
            tally->counts[i][k] = db_int(r, i, 1 + k, 0);
    }
    db_result_free(r);
    return true;
}

void cascade_tally_free(struct cascade_tally *tally)
{
    free(tally->oids);
    free(tally->counts);
    *tally = (struct cascade_tally){0};
}

static int64_t tally_of(const struct cascade_tally *tally, uint32_t oid, size_t what)
{
    for (size_t i = 0; i < tally->count; i++)
        if (tally->oids[i] == oid)
            return tally->counts[i][what];
    return 0;
}

static bool tally_has(const struct cascade_tally *tally, uint32_t oid)
{
    for (size_t i = 0; i < tally->count; i++)
        if (tally->oids[i] == oid)
            return true;
    return false;
}

static uint64_t others_of(const struct cascade *c, const struct cascade_set *sets, size_t edge, size_t relation)
{
    for (size_t p = 0; p < sets[edge].count; p++) {
        if (sets[edge].parts[p].relation != relation)
            continue;
        struct cascade_set one = {.parts = &sets[edge].parts[p], .count = 1};
        return cascade_others(c, &one);
    }
    return 0;
}

/* Each key that sets a column of a row is an update of that row. */
static int64_t foreseen_updates(const struct cascade *c, size_t relation)
{
    uint64_t count = 0;
    for (size_t e = 0; e < c->graph->edge_count; e++) {
        const struct graph_edge *edge = &c->graph->edges[e];
        if (cascade_edge_changes(edge))
            count += others_of(c, c->met, e, relation);
        if (cascade_edge_follows(edge))
            count += others_of(c, c->updated, e, relation);
    }
    return (int64_t)count;
}

/* The trigger or rule that is most likely behind what nobody planned. */
static const struct graph_hook *suspect(const struct cascade *c)
{
    for (size_t i = 0; i < c->graph->hook_count; i++)
        if (c->graph->hooks[i].on_delete &&
            c->doomed[c->graph->relations[c->graph->hooks[i].relation].family].count)
            return &c->graph->hooks[i];
    for (size_t i = 0; i < c->graph->hook_count; i++)
        if (c->graph->hooks[i].on_update)
            return &c->graph->hooks[i];
    return NULL;
}

static bool unforeseen(const struct cascade *c, struct db *db, uint32_t oid, const char *verb, int64_t done,
                       int64_t planned, struct err *err)
{
    char sql[96];
    struct db_result *r = NULL;
    const struct graph_hook *hook = suspect(c);
    snprintf(sql, sizeof sql, "SELECT %lu::pg_catalog.regclass", (unsigned long)oid);
    bool named = db_run(db, sql, 0, &r, NULL, NULL) && db_rows(r);
    err_set(err, ERR_CONFLICT, "%lld %s of %s would have been %s, %lld were planned", (long long)done,
            done == 1 ? "row" : "rows", named ? db_value(r, 0, 0) : "a table", verb, (long long)planned);
    db_result_free(r);
    if (hook)
        err_why(err, "%s %s of %s may have done it; what it takes cannot be saved before",
                hook->rule ? "rule" : "trigger", hook->name, c->graph->relations[hook->relation].name);
    else
        err_why(err, "someone else wrote meanwhile, or a rule of the database did");
    return err_hint(err, "nothing was deleted");
}

/* Rows that one table or partition gives up. */
static int64_t foreseen_deletes(const struct cascade *c, size_t relation)
{
    const struct tids *doomed = cascade_doomed_part(c, relation);
    return (int64_t)(c->counted[relation] + (doomed ? doomed->count : 0));
}

static bool check_table(const struct cascade *c, struct db *db, uint32_t oid, const int64_t *deltas, struct err *err)
{
    size_t relation = graph_find(c->graph, oid);
    int64_t go = relation == SIZE_MAX ? 0 : foreseen_deletes(c, relation);
    int64_t change = relation == SIZE_MAX ? 0 : foreseen_updates(c, relation);
    if (deltas[TALLY_DELETED] != go)
        return unforeseen(c, db, oid, "deleted", deltas[TALLY_DELETED], go, err);
    if (deltas[TALLY_UPDATED] != change)
        return unforeseen(c, db, oid, "changed", deltas[TALLY_UPDATED], change, err);
    return true;
}

/* Without the server's counters only this can be asked: whether all that was to go is gone. */
static bool check_gone(const struct cascade *c, struct db *db, size_t relation, struct err *err)
{
    const struct tids *doomed = cascade_doomed_part(c, relation);
    struct str places = {0}, sql = {0};
    struct tids_cursor at = {0};
    bool ok = true;
    while (ok && doomed && tids_batch(doomed, &at, NULL, BATCH, &places)) {
        struct db_result *r = NULL;
        str_reset(&sql);
        str_add(&sql, "SELECT pg_catalog.count(*) FROM ");
        cascade_from(c->graph, relation, "t", &sql);
        str_add(&sql, " WHERE ");
        cascade_where(c->graph, relation, "t", str_text(&places), &sql);
        ok = db_run(db, str_text(&sql), 0, &r, NULL, err);
        if (ok && db_int(r, 0, 0, -1) != 0)
            ok = fewer(c->graph, relation, err);
        db_result_free(r);
    }
    str_free(&places);
    str_free(&sql);
    return ok;
}

static bool counters_on(struct db *db)
{
    struct db_result *r = NULL;
    bool on = db_run(db, "SELECT pg_catalog.current_setting('track_counts')::pg_catalog.bool", 0, &r, NULL, NULL) &&
              db_rows(r) && db_bool(r, 0, 0);
    db_result_free(r);
    return on;
}

/* A trigger or rule that ran, whose doings only the counters would have shown. */
static bool refuse_unseen_hooks(const struct cascade *c, struct err *err)
{
    for (size_t i = 0; i < c->graph->hook_count; i++) {
        const struct graph_hook *hook = &c->graph->hooks[i];
        const struct graph_relation *on = &c->graph->relations[hook->relation];
        bool ran = hook->on_delete && cascade_going(c, on->family);
        for (size_t r = 0; !ran && hook->on_update && r < c->graph->relation_count; r++)
            ran = c->graph->relations[r].family == on->family && foreseen_updates(c, r) > 0;
        if (!ran)
            continue;
        err_set(err, ERR_REFUSED, "what %s %s of %s takes along cannot be found out", hook->rule ? "rule" : "trigger",
                hook->name, on->name);
        err_why(err, "the server counts nothing: track_counts is off");
        return err_hint(err, "nothing was deleted; switch track_counts on, or the trigger off");
    }
    return true;
}

static bool emptied(const struct cascade *c, const char *name, uint32_t oid, struct err *err)
{
    size_t relation = graph_find(c->graph, oid);
    const struct graph_hook *hook = suspect(c);
    err_set(err, ERR_CONFLICT, "%s would have been truncated or dropped, which was not planned",
            relation != SIZE_MAX ? c->graph->relations[relation].name : name);
    if (hook)
        err_why(err, "%s %s of %s may have done it; what it takes cannot be saved before",
                hook->rule ? "rule" : "trigger", hook->name, c->graph->relations[hook->relation].name);
    return err_hint(err, "nothing was deleted");
}

/* No counter tells of a TRUNCATE or DROP; the lock does, which nothing of ours takes. A table that a trigger made just
 * now is locked as well, and still has its first file; a temporary one is nobody's loss, so of dropped tables, of which
 * the catalogue says nothing any more, only those of the graph count. */
static bool check_locks(const struct cascade *c, struct db *db, struct err *err)
{
    struct db_result *r = NULL;
    bool ok = db_run(db, "SELECT l.relation, c.relname, c.oid IS NULL FROM pg_catalog.pg_locks l "
                         "LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation WHERE l.locktype = 'relation' "
                         "AND l.pid = pg_catalog.pg_backend_pid() AND l.mode = 'AccessExclusiveLock' AND l.granted "
                         "AND l.relation >= 16384 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d "
                         "WHERE d.datname = pg_catalog.current_database()) AND (c.oid IS NULL OR (c.relkind IN ('r', 'm') "
                         "AND c.relpersistence <> 't' AND c.relfilenode <> c.oid)) ORDER BY 1", 0, &r, NULL, err);
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        uint32_t oid = (uint32_t)db_int(r, i, 0, 0);
        if (!db_bool(r, i, 2) || graph_find(c->graph, oid) != SIZE_MAX)
            ok = emptied(c, db_value(r, i, 1), oid, err);
    }
    db_result_free(r);
    return ok;
}

bool cascade_check(const struct cascade *c, struct db *db, const struct cascade_tally *before, struct err *err)
{
    struct cascade_tally now;
    bool ok = check_locks(c, db, err);
    if (ok && !counters_on(db)) {
        ok = refuse_unseen_hooks(c, err);
        for (size_t i = 0; ok && i < c->graph->relation_count; i++)
            ok = check_gone(c, db, i, err);
        return ok;
    }
    if (!ok || !cascade_tally_read(&now, db, err))
        return false;
    for (size_t i = 0; ok && i < now.count; i++) {
        int64_t deltas[3];
        for (size_t k = 0; k < 3; k++)
            deltas[k] = now.counts[i][k] - tally_of(before, now.oids[i], k);
        ok = check_table(c, db, now.oids[i], deltas, err);
    }
    for (size_t i = 0; ok && i < c->graph->relation_count; i++)   /* of which nothing at all went or changed */
        if (!tally_has(&now, c->graph->relations[i].oid) && (foreseen_deletes(c, i) || foreseen_updates(c, i)))
            ok = check_table(c, db, c->graph->relations[i].oid, (const int64_t[3]){0}, err);
    cascade_tally_free(&now);
    return ok;
}
