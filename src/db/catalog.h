/* catalog - what the live schema says of the tables we look at: columns, types, keys, foreign keys.
 *
 * Read with catalogue queries only: no user table is scanned, no relation lock is taken. All tables of
 * the database's non-system schemas are listed cheaply; details are loaded for the named ones. */
#ifndef SEEDOPS_DB_CATALOG_H
#define SEEDOPS_DB_CATALOG_H

#include <stdint.h>

#include "base/arena.h"
#include "db/conn.h"
#include "db/pipeline.h"

struct db_type {
    uint32_t oid;
    const char *name;            /* format_type: "character varying(40)" */
    const char *base;            /* typname of the base type, domains unwound: "varchar", "numeric" */
    uint32_t base_oid;           /* of that; below 10 000 it is a type of the server's own */
    char category;               /* pg_type.typcategory */
    char kind;                   /* pg_type.typtype of the column's own type: b e d c r m */
    bool has_equality;           /* a default btree or hash operator class: IS DISTINCT FROM works */
    const char *equality;        /* its equality operator as SQL, "OPERATOR(public.=)": the bare = depends on
                                  * search_path, and citext without its schema compares as text; NULL: none */
    bool bytewise;               /* text or varchar itself, whose collation takes no two texts for one */
    int max_length;              /* varchar(n), char(n): n; else -1 */
    int precision, scale;        /* numeric(p,s); else -1 */
    bool domain_not_null;
    const char **labels;         /* enum labels, in order */
    size_t label_count;
};

struct db_column {
    const char *name;
    int number;                  /* attnum */
    struct db_type type;
    bool not_null, has_default;
    bool identity_always;        /* GENERATED ALWAYS AS IDENTITY */
    bool identity;               /* either kind of identity */
    bool generated;              /* GENERATED ALWAYS AS (...) STORED: never written */
    const char *default_text;    /* pg_get_expr, or NULL */
    bool default_constant;       /* and nothing is computed in it */
    const char *sequence;        /* pg_get_serial_sequence as quoted text, or NULL */
    bool can_select, can_insert, can_update;
};

struct db_key {                  /* a valid, non-partial unique index on plain columns */
    const char *name;
    bool primary, deferrable;
    bool nulls_not_distinct;
    size_t *columns;             /* indexes into db_table.columns */
    size_t count;
};

struct db_foreign_key {
    const char *name;
    size_t *columns;             /* indexes into this table's columns */
    size_t count;
    uint32_t target;             /* oid of the referenced table */
    const char *target_schema, *target_name;
    const char **target_columns;
    char on_delete, on_update;   /* a r c n d, as pg_constraint */
    bool deferrable, initially_deferred;
};

struct db_table {
    uint32_t oid;
    uint32_t filenode;           /* with details: pg_class.relfilenode; another one after TRUNCATE or a rewrite */
    const char *schema, *name;
    char kind;                   /* relkind: r p f v m */
    bool on_path;                /* visible through the connection's default search_path */
    bool details;                /* columns, keys and foreign keys are loaded */
    struct db_column *columns;
    size_t column_count;
    struct db_key *keys;
    size_t key_count;
    struct db_foreign_key *foreign_keys;
    size_t foreign_key_count;
    /* only with details, so that a thousand tables are cheap: rights, triggers, counters but `live` */
    bool can_select, can_insert, can_update, can_delete;
    bool row_security;           /* active for us */
    bool has_triggers;           /* user triggers fire on it */
    bool autovacuum_off;         /* for it and its TOAST table, as preserve sets it: few others do */
    /* estimates and counters, no scan (facts: empty_database) */
    int64_t pages, bytes;        /* relpages of the heap; total bytes with indexes and TOAST, -1 unknown
                                  * (locked). Without details the heap's relpages in bytes */
    double reltuples;            /* -1: never analysed */
    int64_t live, inserted, deleted, dead;   /* pg_stat_user_tables */
    int64_t heap_bytes;          /* -1: could not be had (locked) */
    int64_t index_excess;        /* b-tree bytes above one page per index; -1 unknown */
    bool counted;                /* `rows` was counted by TID because the counters could not tell. Not filled here */
    int64_t rows;
    bool known_empty;            /* counted by TID, no live row: whoever would scan it knows the answer. Not
                                  * read from the catalogue; whoever counts sets it (SAFETY 4) */
};

struct db_catalog {
    struct arena arena;
    struct db_table *tables;     /* ordered by schema, name */
    struct db_table **by_oid;    /* the same by oid */
    size_t count;
    const char *default_schema;  /* current_schema() */
};

/* The catalogue as probes that ride in a caller's pipeline (a screen's first round trip carries identity,
 * ledger and catalogue together). Fills at most CATALOG_PROBES, gives how many; parameters live in `arena`
 * until the pipeline has run. db_catalog_take makes the catalogue of their answers. Details come in the same
 * round trip: the queries find the named tables themselves. */
enum { CATALOG_PROBES = 10 };
size_t db_catalog_probes(struct arena *arena, const char *const *names, size_t count, bool details_all,
                         struct db_probe probes[CATALOG_PROBES]);
/* Fewer of them: the tables alone, and how large the named ones are. */
size_t db_catalog_list_probes(struct arena *arena, const char *const *names, size_t count,
                              struct db_probe probes[CATALOG_PROBES]);
bool db_catalog_take(struct db_catalog *catalog, const struct db_probe *probes, size_t count,
                     struct err *err);

/* The two above with a pipeline of their own: one round trip. `names` (count of them) are the tables wanted
 * in detail, as fixtures name them: "Station" or "schema.Station"; with details_all every ordinary one is. */
bool db_catalog_load(struct db *db, struct db_catalog *catalog, const char *const *names, size_t count,
                     bool details_all, struct err *err);
void db_catalog_free(struct db_catalog *catalog);
/* By "name" (on the search path first, then the default schema) or "schema.name"; exact case. NULL: none.
 * *suggestion (may be NULL) gets the nearest name when none is found. */
struct db_table *db_catalog_find(const struct db_catalog *catalog, const char *name, const char **suggestion);
struct db_table *db_catalog_by_oid(const struct db_catalog *catalog, uint32_t oid);
struct db_column *db_table_column(const struct db_table *table, const char *name);
/* The unique key that covers exactly these columns (in any order), or NULL. */
const struct db_key *db_table_key(const struct db_table *table, const size_t *columns, size_t count);
const struct db_key *db_table_primary_key(const struct db_table *table);

#endif
