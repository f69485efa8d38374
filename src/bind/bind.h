/* bind - a fixture set meets the live catalogue: which table, which columns, which key, in what order.
 *
 * A rank of its own between fixture/db (which do not know each other) and diff/plan (which both need a bound
 * fixture). Reads no rows and sends no query. */
#ifndef SEEDOPS_BIND_BIND_H
#define SEEDOPS_BIND_BIND_H

#include "base/err.h"
#include "db/catalog.h"
#include "fixture/fixture.h"

struct bound_ref {                /* what !ref values of one column point at */
    const struct db_table *table; /* NULL: the column has none */
    const char *target;           /* the column of it to take */
};

/* A fixture bound to its live table. */
struct bound {
    const struct fixture *fixture;
    struct db_table *table;
    int *columns;                 /* parallel to fixture->columns: index into table->columns */
    size_t *key;                  /* natural key: indexes into fixture->columns */
    size_t key_count;
    const struct db_key *unique;  /* the live unique index that covers the key */
    struct bound_ref *refs;       /* parallel to fixture->columns */
};

struct bound_set {
    struct arena arena;
    struct bound *items;          /* in writing order (order.h) */
    size_t count;
    bool deferred;                /* SET CONSTRAINTS ALL DEFERRED is wanted */
};

/* Checks headers, tables, columns, keys, references' targets; every problem with its place. */
bool bind_fixtures(struct bound_set *set, const struct fixture_set *fixtures, const struct db_catalog *catalog,
                   struct err_list *problems);
void bound_set_free(struct bound_set *set);

#endif
