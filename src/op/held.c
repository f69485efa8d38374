/* held - decides from the catalogue's numbers whether looking at a table would destroy evidence.
 * Pure: knows no connection. What cannot be found out counts as evidence, because --scan can overrule this
 * but nothing brings a pruned row back. */
#include "op/held.h"

/* True if the counters saw every row that the planner's estimate knows of: then what was inserted and not deleted
 * is a bound. n_live_tup alone can be double the truth, or the rows before a delete, when ANALYZE ran before
 * the inserter reported (facts: empty_database, trap 6). */
static bool counters_cover(const struct db_table *t)
{
    return t->inserted > 0 && t->reltuples <= (double)t->inserted;
}

/* Counters start from nothing after a crash or a reset of the statistics: n_live_tup then knows nothing of the rows
 * that were there, and the last analyze's number, less what was deleted since, says more. */
int64_t held_estimate(const struct db_table *t)
{
    if (t->counted)
        return t->rows;
    int64_t live = t->live > 0 ? t->live : 0, left = t->inserted > t->deleted ? t->inserted - t->deleted : 0;
    if (counters_cover(t))
        return left < live ? left : live;
    int64_t analyzed = t->reltuples > 0 ? (int64_t)t->reltuples - t->deleted : 0;
    return analyzed > live ? analyzed : live;
}

bool held_unknown(const struct db_table *t)
{
    bool incomplete = (t->inserted <= 0 && t->deleted <= 0) || t->deleted > t->inserted;
    /* live rows that the counters say are gone: either ANALYZE came before a report, or rows older than the
     * counters were deleted and others took their place */
    bool torn = t->live > 0 && t->deleted > 0 && t->inserted - t->deleted < t->live;
    return (t->kind == 'r' || t->kind == 'm') && t->heap_bytes > 0 && ((t->live <= 0 && incomplete) || torn);
}

bool held_table(const struct db_table *t, int64_t min_rows, int64_t fixture_rows)
{
    if ((t->kind != 'r' && t->kind != 'm') || t->heap_bytes == 0)
        return false;
    int64_t left = held_estimate(t);
    /* A b-tree that ever held a row keeps a page for it; with rows in the table that says nothing. */
    bool deleted = t->deleted > 0 || (left == 0 && t->index_excess > 0);
    if (!deleted)
        return false;
    int64_t floor = min_rows >= 0 ? min_rows : fixture_rows;
    return left == 0 || (floor > 0 && left * 2 < floor);
}
