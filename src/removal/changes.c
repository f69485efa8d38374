/* changes - what becomes of the columns of a foreign key in rows that stay, when what they refer to goes or gets another
 * key. */
#include <string.h>

#include "removal/removal.h"

enum { FOLLOWED = 8 };               /* keys that follow keys that follow ...; a longer chain is not known */

const char *removal_action(char action)
{
    static const struct { char action; const char *word; } words[] = {
        {'a', "NO ACTION"}, {'r', "RESTRICT"}, {'c', "CASCADE"}, {'n', "SET NULL"}, {'d', "SET DEFAULT"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].action == action)
            return words[i].word;
    return "";
}

bool removal_edge_changes(const struct removal *r, size_t e, bool update)
{
    const struct graph_edge *edge = &r->graph.edges[e];
    return update ? cascade_edge_follows(edge) : cascade_edge_changes(edge);
}

bool removal_changes_column(const struct removal *r, size_t e, bool update, size_t i)
{
    return removal_edge_changes(r, e, update) && (update || r->graph.edges[e].nulled[i]);
}

const struct db_column *removal_edge_column(const struct removal *r, size_t e, size_t i)
{
    const struct graph_edge *edge = &r->graph.edges[e];
    return db_table_column(r->graph.relations[r->graph.relations[edge->child].family].table, edge->columns[i]);
}

static const struct removal_value sql_null = {.sql = "NULL"};
static const struct removal_value nobody_knows = {.sql = NULL};

static struct removal_value its_default(struct removal *r, size_t e, size_t i)
{
    const struct db_column *column = removal_edge_column(r, e, i);
    if (!column || !(column->has_default || column->identity))
        return sql_null;
    const char *sql = column->default_text ? arena_printf(&r->graph.arena, "DEFAULT %s", column->default_text) : "DEFAULT";
    return (struct removal_value){.sql = sql, .constant = column->default_constant ? column->default_text : NULL};
}

static struct removal_value becomes(struct removal *r, size_t e, bool update, size_t i, size_t depth);

/* Index of a column among those that an edge changes; SIZE_MAX: it does not. */
static size_t changed_column(const struct removal *r, size_t e, bool update, const char *name)
{
    for (size_t i = 0; i < r->graph.edges[e].count; i++)
        if (removal_changes_column(r, e, update, i) && strcmp(r->graph.edges[e].columns[i], name) == 0)
            return i;
    return SIZE_MAX;
}

/* All that changes the key that `e` follows must make the same of it. Of a composite key some columns may stay. */
static struct removal_value as_its_parent(struct removal *r, size_t e, size_t depth)
{
    const struct graph_edge *edge = &r->graph.edges[e];
    struct removal_value all = nobody_knows;
    if (edge->count != 1 || depth >= FOLLOWED)
        return nobody_knows;
    for (size_t by = 0; by < r->graph.edge_count; by++)
        for (int update = 0; update <= 1; update++) {
            size_t child = r->graph.relations[r->graph.edges[by].child].family;
            size_t i = changed_column(r, by, update, edge->targets[0]);
            if (i == SIZE_MAX || child != r->graph.relations[edge->parent].family ||
                !cascade_others(&r->cascade, update ? &r->cascade.updated[by] : &r->cascade.met[by]))
                continue;
            struct removal_value one = becomes(r, by, update, i, depth + 1);
            if (!one.sql || (all.sql && strcmp(all.sql, one.sql) != 0))
                return nobody_knows;
            all = one;
        }
    return all;
}

static struct removal_value becomes(struct removal *r, size_t e, bool update, size_t i, size_t depth)
{
    char action = update ? r->graph.edges[e].on_update : r->graph.edges[e].on_delete;
    return action == 'n' ? sql_null : action == 'd' ? its_default(r, e, i) : as_its_parent(r, e, depth);
}

struct removal_value removal_becomes(struct removal *r, size_t e, bool update, size_t i)
{
    return becomes(r, e, update, i, 0);
}

const char *removal_value_text(const struct removal_value *value)
{
    return value->sql ? value->sql : "as in the row it refers to";
}
