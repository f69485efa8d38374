/* tool - what ledger.c shares with the two implementations (prisma.c, numbered.c). Not for other rooms. */
#ifndef SEEDOPS_LEDGER_TOOL_H
#define SEEDOPS_LEDGER_TOOL_H

#include "ledger/ledger.h"
#include "base/str.h"

enum { LEDGER_PROBE_RELATIONS, LEDGER_PROBE_ROWS, LEDGER_PROBE_HOLDER };   /* the order of the probes */

struct ledger_row {                  /* a row of either ledger, in the order it was written */
    const char *id, *name, *checksum;
    const char *started_at, *finished_at;   /* ISO 8601 UTC, or NULL */
    bool rolled_back;
    const char *log;
    int64_t duration_ms;             /* -1 unknown */
};

struct ledger_tool {
    const char *name;                /* "prisma" */
    const char *table;               /* its relation's usual name */
    const char *columns;             /* those that rows_sql names, separated by commas */
    /* One file's migrations: fills l->files from the directory; order is the caller's. */
    bool (*scan)(struct ledger *l, struct err *err);
    int (*compare)(const char *a, const char *b);            /* order of names */
    /* SELECT with the columns id, name, checksum, started, finished, rolled_back, log, duration. */
    void (*rows_sql)(const struct ledger *l, struct str *out);
    void (*lock_key)(const struct ledger *l, struct str *out);   /* an SQL expression of type bigint */
    void (*create_sql)(const struct ledger *l, struct str *out);
    /* States of all files and rows. `rows` may hold several of one name. */
    void (*states)(const struct ledger *l, const struct ledger_row *rows, size_t count,
                   struct ledger_state *state);
    void (*sql_started)(const struct ledger *l, const struct migration *m, struct ledger_mark *mark,
                        struct str *out);
    void (*sql_finished)(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                         struct str *out);
    void (*sql_failed)(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                       const char *log, struct str *out);
    void (*sql_applied)(const struct ledger *l, const struct migration *m, struct str *out);
    /* Append the statements of a resolve, or refuse. `m` NULL: nobody knows the name. */
    bool (*resolve_applied)(const struct ledger *l, const struct migration *m, const char *name, struct str *out,
                            struct err *err);
    bool (*resolve_rolled_back)(const struct ledger *l, const struct migration *m, const char *name, struct str *out,
                                struct err *err);
};

struct ledger {
    struct arena arena;
    const struct ledger_tool *tool;
    const char *dir;                 /* NULL: none */
    const char *schema, *table;
    const char *relation, *shown;    /* quoted for SQL; for people, quoted where it must be */
    const char *lock_key;
    int checksum;                    /* numbered: a variant's index, -1: by probe */
    struct migration_file *files;    /* in order */
    size_t count, capacity;
    const char *probe_sql[LEDGER_PROBES];
    const char *pulse_sql;
};

extern const struct ledger_tool ledger_prisma, ledger_numbered;

/* Reads `path` and adds it under `name`; the checksum is the tool's to set on the file given back. */
bool ledger_add_file(struct ledger *l, const char *name, const char *path, struct migration_file **file,
                     struct err *err);
/* Calls `each` for the directory's entries, sorted by name, without hidden ones. */
bool ledger_each_entry(struct ledger *l, bool (*each)(struct ledger *, const char *name, struct err *),
                       struct err *err);
/* The statements of l->probe_sql and l->lock_key, once the relation is known. */
void ledger_make_statements(struct ledger *l);
/* A condition on pg_locks l: granted, and of the tool's key. */
void ledger_lock_where(const struct ledger *l, struct str *out);
/* False when nobody holds it. */
bool ledger_take_holder(const struct db_result *result, struct ledger_lock_holder *holder);
/* The pure half of ledger_read: rows and files to states, in order. state->locked is set already. */
void ledger_states_of(const struct ledger *l, const struct ledger_row *rows, size_t count,
                      struct ledger_state *state);
/* The directory seems to be another tool's: its name, or NULL. */
const char *foreign_directory(const char *dir);
/* Relations that may be another tool's: schema, name and columns, as an array; none where l's own has the columns that
 * are read of it. For a probe; in the arena. */
const char *foreign_sql(const struct ledger *l, struct arena *arena);
/* The tool whose relation has this name and these columns, or NULL. *place: the lower, the surer. */
const char *foreign_relation(const char *relation, const char *columns, size_t *place);
/* A name of a tool that is known but not implemented ("flyway"), for the error. */
const char *foreign_named(const char *name);

#endif
