/* bind - a fixture set meets the live catalogue: which table, which columns, which key, in what order.
 *
 * A rank of its own between fixture/db (which do not know each other) and diff/plan (which both need a bound
 * fixture). Sends no query, and reads rows only to check the keys of fixtures whose key is the primary key. */
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
    struct fixture_order order;   /* of the fixture's rows by it */
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
/* The bound fixture of a live table, or NULL. */
const struct bound *bound_of_table(const struct bound_set *set, uint32_t oid);
void bound_set_free(struct bound_set *set);

/* The text to send to the server for a NULL, TEXT, JSON or ENV value of a column: JSON for json and jsonb
 * columns, an array literal for a list in an array column, else the text itself. *text NULL is SQL NULL; it
 * borrows from the value or `arena`. False for a nested value in a column that takes none. Ask by
 * bound_is_sendable first where other kinds can occur (!ref, !sql and !argon2id are the caller's). */
bool bound_text(const struct bound *bound, size_t column, const struct fixture_value *value,
                struct arena *arena, const char **text, struct err *err);
bool bound_is_sendable(const struct fixture_value *value);

#endif
