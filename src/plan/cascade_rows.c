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

static bool hand_out(struct db *db, const char *sql, cascade_row *take, void *context, struct err *err)
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
        if (!take(context, row, length, err)) {
            db_copy_out_abandon(db, NULL);
            return false;
        }
    }
}

static bool read_set(const struct cascade *c, struct db *db, const struct cascade_set *set, bool spare_doomed,
                     cascade_row *row, void *context, struct err *err)
{
    struct str places = {0}, sql = {0};
    bool ok = true;
    for (size_t p = 0; ok && p < set->count; p++) {
        const struct tids *except = spare_doomed ? cascade_doomed_part(c, set->parts[p].relation) : NULL;
        struct tids_cursor at = {0};
        while (ok && tids_batch(&set->parts[p].rows, &at, except, BATCH, &places)) {
            rows_sql(c->graph, set->parts[p].relation, str_text(&places), &sql);
            ok = hand_out(db, str_text(&sql), row, context, err) ||
                 err_context(err, "reading rows of %s", c->graph->relations[set->parts[p].relation].name);
        }
    }
    str_free(&places);
    str_free(&sql);
    return ok;
}

bool cascade_read_doomed(const struct cascade *c, struct db *db, size_t family, cascade_row *row, void *context,
                         struct err *err)
{
    return read_set(c, db, &c->doomed[family], false, row, context, err);
}

bool cascade_read_others(const struct cascade *c, struct db *db, const struct cascade_set *set, cascade_row *row,
                         void *context, struct err *err)
{
    return read_set(c, db, set, true, row, context, err);
}
