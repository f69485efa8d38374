/* graph - everything that rows going from some tables can reach: foreign keys, partitions, inheritance, triggers,
 * rules, and what this role may do there. Catalogue queries only, two round trips whatever the schema. */
#ifndef SEEDOPS_PLAN_GRAPH_H
#define SEEDOPS_PLAN_GRAPH_H

#include "base/arena.h"
#include "db/catalog.h"

struct graph_relation {              /* an ordinary or a partitioned table, or a partition */
    uint32_t oid;
    const char *schema, *name;
    char kind;                       /* relkind */
    size_t above;                    /* index of what it is a partition of; itself: of nothing */
    size_t family;                   /* index of the topmost of those, or itself */
    bool can_select, can_update, can_delete, row_security;
    const struct db_table *table;    /* of a family: with details; NULL for a partition */
    bool context;                    /* of a family; set by the caller: fixtures own its rows */
    bool known_empty;                /* of a family; set by the caller: a plan need not read it (SAFETY 4) */
    const char *const *secret;       /* of a family; set by the caller */
    size_t secret_count;
};

struct graph_edge {                  /* a foreign key, as it was declared */
    const char *name;
    size_t child, parent;            /* relations; either may be partitioned */
    const char **columns, **targets; /* parallel */
    const char **operators;          /* "OPERATOR(pg_catalog.=)": target = column */
    bool *nulled;                    /* ON DELETE SET NULL or SET DEFAULT sets this column (15: only those listed) */
    size_t count;
    char on_delete, on_update;       /* a r c n d */
    bool deferrable;
};

struct graph_hook {                  /* what else runs: a user's trigger or rule */
    size_t relation;
    const char *name;
    bool rule, on_delete, on_update;
};

struct graph {
    struct arena arena;
    struct db_catalog catalog;       /* details of the families */
    struct graph_relation *relations;
    size_t relation_count;
    struct graph_edge *edges;
    size_t edge_count;
    struct graph_hook *hooks;
    size_t hook_count;
};

/* Reads it, from the tables with these oids on. */
bool graph_load(struct graph *g, struct db *db, const uint32_t *roots, size_t count, struct err *err);
void graph_free(struct graph *g);
/* Index, or SIZE_MAX. */
size_t graph_find(const struct graph *g, uint32_t oid);
/* True if `relation` is `of`, or one of its partitions at any depth. */
bool graph_part_of(const struct graph *g, size_t relation, size_t of);
/* FROM ONLY "s"."t", without ONLY where rows are in partitions. */
void graph_from(const struct graph *g, size_t relation, struct str *sql);
/* Families in `in` (parallel to relations) with parents before children: order[] gets their indexes, group[] (parallel
 * to order) a number that members of a cycle share. Gives how many. */
size_t graph_order(const struct graph *g, const bool *in, size_t *order, size_t *group);

#endif
