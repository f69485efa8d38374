/* tables - which tables an operation speaks of: configured ones, the fixtures', or, where neither says anything,
 * every ordinary table; with what is known of each without a scan. */
#ifndef SEEDOPS_OP_TABLES_H
#define SEEDOPS_OP_TABLES_H

#include "event/types.h"
#include "op/session.h"

struct table_entry {
    const char *name;              /* as configured or declared */
    enum table_class class;
    int64_t min_rows;              /* -1: no floor */
    const struct fixture *fixture; /* NULL: none */
    struct db_table *table;        /* NULL: not there */
};

struct table_list {
    struct arena arena;
    struct table_entry *items;
    size_t count;
};

/* Of the last look, or of session_list. */
void tables_of(struct session *s, struct table_list *list);
/* Fixtures and look are loaded first; fixtures with problems only lack their lines. */
bool tables_list(struct session *s, struct table_list *list, struct err *err);
void tables_free(struct table_list *list);
/* Everything but counts: rows -1, and held unless `scan`. Owned by *fact. */
void tables_fact(const struct table_entry *entry, bool scan, struct fact_table *fact);

#endif
