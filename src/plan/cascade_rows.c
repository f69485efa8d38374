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

/* ---- rows whose places were not noted, by the key that dooms them ---- */

const struct graph_edge *cascade_edge_to(const struct graph *g, size_t family)
{
    for (size_t e = 0; e < g->edge_count; e++)
        if (g->relations[g->edges[e].child].family == family)
            return &g->edges[e];
    return NULL;
}

void cascade_reading_begin(struct cascade_reading *rd, const struct cascade *c, struct db *db, size_t family)
{
    *rd = (struct cascade_reading){.c = c, .db = db, .edge = cascade_edge_to(c->graph, family), .family = family,
                                   .limit = UINT64_MAX};
}

void cascade_reading_end(struct cascade_reading *rd)
{
    str_free(&rd->places);
    str_free(&rd->sql);
}

/* Begins the COPY of the children of the next parents; without any all is read. */
static bool next_parents(struct cascade_reading *rd, struct err *err)
{
    const struct graph *g = rd->c->graph;
    const struct cascade_set *parents = &rd->c->doomed[g->relations[rd->edge->parent].family];
    size_t count = 0;
    for (; rd->part < parents->count && rd->rows < rd->limit; rd->part++, rd->at = (struct tids_cursor){0})
        if (graph_part_of(g, parents->parts[rd->part].relation, rd->edge->parent) &&
            (count = tids_batch(&parents->parts[rd->part].rows, &rd->at, NULL, BATCH, &rd->places)))
            break;
    rd->done = count == 0;
    if (rd->done)
        return true;
    str_reset(&rd->sql);
    str_add(&rd->sql, "COPY (SELECT ");
    cascade_columns(g, rd->family, "c", &rd->sql);
    str_add(&rd->sql, " FROM ");
    cascade_join(g, parents->parts[rd->part].relation, rd->edge, str_text(&rd->places), count, ", ", &rd->sql);
    if (rd->limit != UINT64_MAX)
        str_printf(&rd->sql, " LIMIT %llu", (unsigned long long)(rd->limit - rd->rows));
    str_add(&rd->sql, ") TO STDOUT");
    return rd->copying = db_copy_out_begin(rd->db, str_text(&rd->sql), err);
}

static bool next_row(struct cascade_reading *rd, cascade_row *take, void *context, struct err *err)
{
    const char *row;
    size_t length;
    if (!db_copy_out_row(rd->db, &row, &length, err))
        return false;
    rd->copying = row != NULL;
    rd->rows += row != NULL;
    if (!row || take(context, row, length, err))
        return true;
    db_copy_out_abandon(rd->db, NULL);
    return false;
}

bool cascade_reading_go_on(struct cascade_reading *rd, uint64_t most, cascade_row *row, void *context, struct err *err)
{
    bool ok = true;
    for (uint64_t until = most < UINT64_MAX - rd->rows ? rd->rows + most : UINT64_MAX; ok && !rd->done && rd->rows < until;)
        ok = rd->copying ? next_row(rd, row, context, err) : next_parents(rd, err);
    return ok || err_context(err, "reading rows of %s", rd->c->graph->relations[rd->family].name);
}

static bool read_by_key(const struct cascade *c, struct db *db, size_t family, uint64_t *left, cascade_row *row,
                        void *context, struct err *err)
{
    struct cascade_reading rd;
    cascade_reading_begin(&rd, c, db, family);
    rd.limit = *left;
    bool ok = cascade_reading_go_on(&rd, UINT64_MAX, row, context, err);
    *left -= rd.rows;
    cascade_reading_end(&rd);
    return ok;
}

bool cascade_read_later(struct cascade *c, struct db *db, const struct cascade_options *walk, struct err *err)
{
    for (size_t i = 0; i < c->graph->relation_count; i++) {
        uint64_t left = UINT64_MAX;
        if (!c->later[i])
            continue;
        if (!walk->begin(walk->context, i, err) || !read_by_key(c, db, i, &left, walk->row, walk->context, err))
            return false;
        c->counted[i] = UINT64_MAX - left;
        c->later[i] = false;
    }
    return true;
}

bool cascade_read_doomed(const struct cascade *c, struct db *db, size_t family, uint64_t most, cascade_row *row,
                         void *context, struct err *err)
{
    if (c->counted[family] && !read_by_key(c, db, family, &most, row, context, err))
        return false;
    return read_set(c, db, &c->doomed[family], false, most, row, context, err);
}

bool cascade_read_others(const struct cascade *c, struct db *db, const struct cascade_set *set, uint64_t most,
                         cascade_row *row, void *context, struct err *err)
{
    return read_set(c, db, set, true, most, row, context, err);
}
