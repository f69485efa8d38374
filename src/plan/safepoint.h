/* safepoint - the rows that a destructive action takes, in one file, before it takes them.
 *
 *   safepoint_create ─▶ safepoint_copy, table by table, in the action's own snapshot ─▶ safepoint_finish ─▶ COMMIT
 *        │                    │ any failure                                                │ rolled back for certain
 *        ▼                    ▼                                                            ▼
 *   nothing was made     safepoint_discard                                            safepoint_discard
 *
 * Until safepoint_finish there is only a hidden temporary, which is never taken for a safepoint: a writer that is
 * killed leaves it, and the next one removes it. After it the file is whole, checked, on the disk and under its name.
 * What a COMMIT with an unknown outcome leaves is kept: safepoint_free.
 *
 * A file is a chain of zstd frames (`zstd -dc FILE` shows it as text) with our checks in skippable frames between
 * them: safepoint_format.h. Reading: safepoint_read.h. */
#ifndef SEEDOPS_PLAN_SAFEPOINT_H
#define SEEDOPS_PLAN_SAFEPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "db/catalog.h"

struct fact_step;
struct safepoint;

/* Whose rows, and why they are kept. Texts are borrowed until safepoint_create returns; NULL where unknown. */
struct safepoint_facts {
    const char *action;              /* "prune", "reset", "seed" */
    const char *environment, *role, *target;   /* target: redacted */
    const char *system_identifier;   /* "" or NULL: the server does not tell */
    const char *database;
    uint32_t database_oid;
    const char *server_version;
    const char *journal;             /* the session it belongs to */
    const char *plan_digest;
    const struct fact_step *steps;
    size_t step_count;
};

struct safepoint_options {
    struct safepoint_facts facts;
    const char *dir;                 /* --safepoint-dir: made if need be; NULL: below the state directory */
    const char *state_dir;           /* of the environment; NULL: the user's own */
    bool lasting;                    /* prune and reset: refuse a memory or overlay file system, unless `dir` says so */
    int64_t estimated_bytes;         /* of rows as text; less room than that on the disk is refused at once */
};

/* Makes the directory (0700) and the temporary in it (0600). Removes what killed writers left. */
bool safepoint_create(struct safepoint **safepoint, const struct safepoint_options *options, struct err *err);

enum safepoint_kind {
    SAFEPOINT_DELETED,               /* the rows go: restore puts them back */
    SAFEPOINT_CHANGED                /* the rows stay with other values in some columns: restore sets those back */
};

/* A column that an action overwrites. */
struct safepoint_change {
    size_t column;                   /* index into table->columns */
    bool known;                      /* every row gets the same new value: `after` */
    const char *after;               /* NULL: SQL NULL (SET NULL) */
};

/* Which rows of one table. A table may come several times (rows that go, rows that change). */
struct safepoint_section {
    const struct db_table *table;    /* with details. For partitions: the partitioned table */
    enum safepoint_kind kind;
    const struct safepoint_change *changes;   /* SAFEPOINT_CHANGED: at least one */
    size_t change_count;
    bool after_fields;               /* safepoint_rows only: each row carries the new value of every change, in their
                                      * order, behind its columns */
    /* What stands behind SELECT ..., with the rows under the name t:
     * `FROM ONLY "public"."Station" t WHERE t.id IN (SELECT id FROM pg_temp.doomed)`. NULL: the whole table, without those that inherit from it.
     * Every name qualified: search_path is pg_catalog alone meanwhile. */
    const char *from;
};

/* Called now and then while rows are saved; may be NULL. */
struct safepoint_progress {
    void (*rows)(void *context, int64_t rows);   /* in all, so far */
    void *context;
};

/* COPY of every column that can be written, inside the caller's transaction and its snapshot. Leaves the
 * transaction's settings as they were (the settings for exact texts live in a savepoint that is rolled back).
 * Cancelling works as in any statement. *rows (may be NULL) gets how many were saved. */
bool safepoint_copy(struct safepoint *safepoint, struct db *db, const struct safepoint_section *section,
                    const struct safepoint_progress *progress, int64_t *rows, struct err *err);

/* The same from elsewhere: opens a section, then COPY text of exactly its columns, whole lines, in pieces of any
 * size. safepoint_columns says which columns those are. */
bool safepoint_section(struct safepoint *safepoint, const struct safepoint_section *section, struct err *err);
bool safepoint_rows(struct safepoint *safepoint, const char *bytes, size_t length, struct err *err);
/* True if rows carry this column: all but generated ones, which the database makes anew. */
bool safepoint_saves(const struct db_column *column);

/* Writes the end, fsyncs, renames into place and fsyncs the directory. Only then may the action commit. */
bool safepoint_finish(struct safepoint *safepoint, struct err *err);
/* Removes the file, finished or not, and frees. NULL is fine. */
void safepoint_discard(struct safepoint *safepoint);
/* Frees; a finished file stays. NULL is fine. */
void safepoint_free(struct safepoint *safepoint);

const char *safepoint_path(const struct safepoint *safepoint);   /* where it is, or will be */
const char *safepoint_id(const struct safepoint *safepoint);     /* its name without directory and suffix */
int64_t safepoint_saved(const struct safepoint *safepoint);      /* rows */

/* About how many bytes of text `rows` rows of a table are, from the catalogue: for estimated_bytes. */
int64_t safepoint_estimate(const struct db_table *table, int64_t rows);

#endif
