/* ledger - what a migration tool noted about what it applied, and how to note it the same way.
 *
 * An interface with two complete implementations (prisma.c, numbered.c). Reading needs SELECT on the ledger
 * and the files; writing happens only on a direct connection, under the tool's own advisory lock. */
#ifndef SEEDOPS_LEDGER_LEDGER_H
#define SEEDOPS_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/conn.h"
#include "db/pipeline.h"

enum migration_state {
    MIGRATION_APPLIED, MIGRATION_PENDING, MIGRATION_FAILED, MIGRATION_RUNNING, MIGRATION_MODIFIED,
    MIGRATION_MISSING, MIGRATION_ROLLED_BACK, MIGRATION_OUT_OF_ORDER, MIGRATION_SKIPPED, MIGRATION_STATE_COUNT
};
const char *migration_state_name(enum migration_state state);   /* FORMATS' names */

struct migration {
    const char *name;              /* as the ledger has it */
    const char *path;              /* the SQL file, absolute; NULL when missing on disk */
    enum migration_state state;
    const char *checksum;          /* the ledger's for applied ones, else the file's */
    const char *disk_checksum;     /* NULL when missing */
    const char *applied_at;        /* ISO 8601 UTC, or NULL */
    int64_t duration_ms;           /* -1 unknown */
    const char *log;               /* the tool's error text, or NULL */
};

struct migration_file { const char *name, *path; char *bytes; size_t length; const char *checksum; };

struct str;
struct ledger_lock_holder { int pid; char application[64], user[64]; int64_t age_ms; };

struct ledger_options {
    const char *dir;               /* migrations directory; NULL: none */
    const char *tool;              /* auto, prisma, numbered (also: seedops) */
    const char *table;             /* override of the ledger's name, or NULL */
    const char *schema;            /* Prisma's schema=, or NULL: public */
    const char *checksum;          /* numbered: auto, or a variant's name */
};

struct ledger;                     /* tool chosen, files read */

/* Reads the directory (and chooses by it when tool is auto: migration.sql folders are Prisma's, *.up.sql
 * files are numbered). No database needed. A directory that looks like another tool's is an error naming it.
 */
bool ledger_open(struct ledger **ledger, const struct ledger_options *options, struct err *err);
void ledger_close(struct ledger *ledger);
const char *ledger_tool(const struct ledger *ledger);          /* "prisma", "numbered" */
const char *ledger_relation(const struct ledger *ledger); /* for people: public._prisma_migrations */

const char *ledger_quoted(const struct ledger *ledger);   /* the same for SQL */
const char *ledger_schema(const struct ledger *ledger);
bool ledger_is(const struct ledger *ledger, const char *schema, const char *table);   /* that very relation */
/* True if migrations of this tool run with the ledger's schema as their search_path (Prisma). */
bool ledger_own_search_path(const struct ledger *ledger);
/* The file of a migration, or NULL; borrows from the ledger. */
const struct migration_file *ledger_file(const struct ledger *ledger, const char *name);

/* Reading is three probes that a screen's pipeline carries along, in this order: what looks like a ledger
 * (any tool's, by columns), the ledger's rows (fails alone when it is not there), and who holds its lock. */
enum { LEDGER_PROBES = 3 };
void ledger_probes(const struct ledger *ledger, struct db_probe probes[LEDGER_PROBES]);

struct ledger_state {
    struct arena arena;
    bool exists;                   /* the relation is there */
    struct migration *migrations;  /* disk order, missing-on-disk ones where their name sorts */
    size_t count;
    bool locked;                   /* someone holds the tool's lock */
    struct ledger_lock_holder holder;
    const char *foreign_tool;      /* "Flyway", ... when another tool's ledger is there and ours is not */
    const char *foreign_relation;
    const char *checksum_variant;  /* numbered: which one matched */
};
/* One row that changes whenever a row of the ledger does: for those who look often. Whoever sees it change reads the
 * ledger. Fails alone as the rows do. */
void ledger_pulse_probe(const struct ledger *ledger, struct db_probe *probe);
/* "19 rows, 4711…": two of them compare as texts; "absent" without a ledger. False when it could not be read. */
bool ledger_pulse_take(const struct db_probe *probe, char *out, size_t size);
/* Makes states of the probes' answers (a probe that failed is an error unless the relation is absent). */
bool ledger_read(const struct ledger *ledger, const struct db_probe probes[LEDGER_PROBES],
                 struct ledger_state *state, struct err *err);
void ledger_state_free(struct ledger_state *state);   /* a zeroed struct is fine */
/* The same in one round trip, or in two where there is no such ledger; frees what *state held. */
bool ledger_refresh(const struct ledger *ledger, struct db *db, struct ledger_state *state, struct err *err);
const struct migration *ledger_find(const struct ledger_state *state, const char *name);   /* NULL: none */

/* ---- writing: on a direct connection ---- */

/* Polls pg_try_advisory_lock with the tool's key, and holds it twice; `waiting` is called (at most once a second) with
 * the holder while it is not ours. */
bool ledger_lock(const struct ledger *ledger, struct db *db, int timeout_ms,
                 void (*waiting)(void *, const struct ledger_lock_holder *), void *context, struct err *err);
/* One try, and what the lock protects, read in transactions that begin when it is ours: in one round trip, the caller's
 * probes after it (they keep their answers). *held false: another has it, and what was read says nothing. */
bool ledger_lock_and_read(const struct ledger *ledger, struct db *db, struct ledger_state *state, struct db_probe *more,
                          size_t count, bool *held, struct err *err);
void ledger_sql_unlock(const struct ledger *ledger, struct str *out);
/* True if our own backend still holds it, by pg_locks (SAFETY 1). */
bool ledger_lock_held(const struct ledger *ledger, struct db *db, struct err *err);
/* The same as a statement for the head of a transaction: division by zero (22012) when it is not held. Of ledger_lock's
 * two holds it lets one go, which only their own backend can, and takes it again: the other is held all the while.
 * (pg_locks would stop the whole lock manager for a look at every lock of the server, before each migration.) */
void ledger_sql_lock_check(const struct ledger *ledger, struct str *out);
/* Makes the relation (and its schema) exactly as the tool does; nothing when it is there. */
bool ledger_create(const struct ledger *ledger, struct db *db, struct err *err);
/* The same for who knows whether the schema is there. */
bool ledger_create_in(const struct ledger *ledger, struct db *db, bool schema_exists, struct err *err);

/* SQL texts (appended to *out, each ending in ';') that record one migration, for use inside a transaction:
 * the migration's own, or one around the text alone. The migration must be on disk. */
struct ledger_mark { char id[40]; int64_t started_wall_ms; };
void ledger_sql_started(const struct ledger *l, const struct migration *m, struct ledger_mark *mark,
                        struct str *out);
void ledger_sql_finished(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                         struct str *out);
void ledger_sql_failed(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                       const char *log, struct str *out);
/* One transactional migration: started and finished in one. */
void ledger_sql_applied(const struct ledger *l, const struct migration *m, struct str *out);
/* migrate resolve, with the tool's own meaning and refusals (P3008, P3011, P3012, P3017). Under the lock;
 * makes the ledger when it is absent and `applied`. */
bool ledger_resolve(const struct ledger *l, struct db *db, const struct ledger_state *state, const char *name,
                    bool applied, struct err *err);

#endif
