/* cascade_rows - reads rows back by their places. */
#include <string.h>

#include "db/copy.h"
#include "plan/cascade.h"
#include "plan/safepoint.h"

enum { BATCH = 20000 };

const char cascade_texts[] =
    "SET LOCAL search_path = pg_catalog; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres'; "
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; "
    "SET LOCAL xmloption = 'content'; ";

void cascade_columns(const struct graph *g, size_t family, const char *alias, struct str *sql)
{
    const struct db_table *table = g->relations[family].table;
    bool first = true;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!safepoint_saves(&table->columns[i]))
            continue;
        str_printf(sql, "%s%s.", first ? "" : ", ", alias);
        first = false;
        db_quote_identifier(sql, table->columns[i].name);
    }
}

static void rows_sql(const struct graph *g, size_t relation, const char *places, struct str *sql)
{
    str_reset(sql);
    str_add(sql, "COPY (SELECT ");
    cascade_columns(g, g->relations[relation].family, "t", sql);
    str_add(sql, " FROM ");
    cascade_from(g, relation, "t", sql);
    str_add(sql, " WHERE ");
    cascade_where(g, relation, "t", places, sql);
    str_add(sql, ") TO STDOUT");
}

static bool hand_out(struct db *db, const char *sql, uint64_t *left, cascade_row *take, void *context, struct err *err)
{
    const char *row;
    size_t length;
    if (!db_copy_out_begin(db, sql, err))
        return false;
    for (;;) {
        if (!db_copy_out_row(db, &row, &length, err))
            return false;
        if (!row)
            return true;
        --*left;
        if (!take(context, row, length, err)) {
            db_copy_out_abandon(db, NULL);
            return false;
        }
    }
}

static size_t batch(uint64_t left) { return left < BATCH ? (size_t)left : BATCH; }

static bool read_set(const struct cascade *c, struct db *db, const struct cascade_set *set, bool spare_doomed,
                     uint64_t left, cascade_row *row, void *context, struct err *err)
{
    struct str places = {0}, sql = {0};
    bool ok = true;
    for (size_t p = 0; ok && p < set->count; p++) {
        const struct tids *except = spare_doomed ? cascade_doomed_part(c, set->parts[p].relation) : NULL;
        struct tids_cursor at = {0};
        while (ok && left && tids_batch(&set->parts[p].rows, &at, except, batch(left), &places)) {
            rows_sql(c->graph, set->parts[p].relation, str_text(&places), &sql);
            ok = hand_out(db, str_text(&sql), &left, row, context, err) ||
                 err_context(err, "reading rows of %s", c->graph->relations[set->parts[p].relation].name);
        }
    }
    str_free(&places);
    str_free(&sql);
    return ok;
}

/* Rows whose places were not noted, by the key that dooms them. */
static bool read_by_key(const struct cascade *c, struct db *db, size_t family, const struct graph_edge *e, uint64_t *left,
                        cascade_row *row, void *context, struct err *err)
{
    const struct graph *g = c->graph;
    const struct cascade_set *parents = &c->doomed[g->relations[e->parent].family];
    struct str places = {0}, sql = {0};
    bool ok = true;
    for (size_t p = 0; ok && p < parents->count; p++) {
        struct tids_cursor at = {0};
        size_t count;
        while (ok && *left && graph_part_of(g, parents->parts[p].relation, e->parent) &&
               (count = tids_batch(&parents->parts[p].rows, &at, NULL, BATCH, &places))) {
            str_reset(&sql);
            str_add(&sql, "COPY (SELECT ");
            cascade_columns(g, family, "c", &sql);
            str_add(&sql, " FROM ");
            cascade_join(g, parents->parts[p].relation, e, str_text(&places), count, ", ", &sql);
            if (*left <= INT64_MAX)
                str_printf(&sql, " LIMIT %llu", (unsigned long long)*left);
            str_add(&sql, ") TO STDOUT");
            ok = hand_out(db, str_text(&sql), left, row, context, err);
        }
    }
    str_free(&places);
    str_free(&sql);
    return ok || err_context(err, "reading rows of %s", g->relations[family].name);
}

bool cascade_read_doomed(const struct cascade *c, struct db *db, size_t family, uint64_t most, cascade_row *row,
                         void *context, struct err *err)
{
    const struct graph *g = c->graph;
    for (size_t e = 0; c->counted[family] && e < g->edge_count; e++)
        if (g->relations[g->edges[e].child].family == family &&
            !read_by_key(c, db, family, &g->edges[e], &most, row, context, err))
            return false;
    return read_set(c, db, &c->doomed[family], false, most, row, context, err);
}

bool cascade_read_others(const struct cascade *c, struct db *db, const struct cascade_set *set, uint64_t most,
                         cascade_row *row, void *context, struct err *err)
{
    return read_set(c, db, set, true, most, row, context, err);
}
