/* catalog_wanted - how the catalogue's questions find the tables that are wanted, for whoever asks more of the same. */
#ifndef SEEDOPS_DB_CATALOG_WANTED_H
#define SEEDOPS_DB_CATALOG_WANTED_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* The tables of people's own schemas. */
#define CATALOG_OWN_TABLES \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" \
    " WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')" \
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
/* $1: names as fixtures have them; $2: details of every ordinary table; $3: names without what may be a
 * schema, for the index. The planner knows the parameters, so that with $2 false only the index is left. */
#define CATALOG_WANTED \
    " (($2::bool AND c.relkind IN ('r', 'p')) OR (c.relname = ANY ($3::name[])" \
    " AND (c.relname = ANY ($1::text[]) OR n.nspname || '.' || c.relname = ANY ($1::text[]))))"
#define CATALOG_WANTED_OIDS "ANY (ARRAY(SELECT c.oid" CATALOG_OWN_TABLES " AND" CATALOG_WANTED "))"

/* The three parameters, of `names` (count of them); they live in `arena`. */
enum { CATALOG_PARAMS = 3 };
const char *const *db_catalog_params(struct arena *arena, const char *const *names, size_t count, bool all);

#endif
