/* migrate - what the files of the migrate operation share. Not for other operations.
 *
 *   migrate.c        the procedures of ops.h
 *   migrate_ground.c what has to be so before the first migration
 *   migrate_plan.c   what is pending, what stands in the way, what is shown
 *   migrate_run.c    one migration in one transaction, watched; what a failure means
 *   migrate_alone.c  one that cannot run in a transaction: statement by statement */
#ifndef SEEDOPS_OP_MIGRATE_H
#define SEEDOPS_OP_MIGRATE_H

#include "base/str.h"
#include "ledger/split.h"
#include "op/ops.h"

struct migrate_item {                    /* a migration to apply */
    const struct migration *migration;   /* of run->state */
    const struct migration_file *file;
    struct sql_file sql;
    const char *bytes;                   /* what is sent: the file without a byte order mark */
    size_t length;
};

struct migrate_run {
    struct session *s;
    struct ctx *ctx;
    const struct ledger *ledger;
    struct db *db;                       /* the direct connection */
    struct db *onlooker;                 /* looks for blockers; NULL until wanted */
    bool no_onlooker;                    /* it could not be opened: said once */
    int backend_pid; /* as the server knows us: session poolers have numbers of their own */
    int lock_timeout_ms;                 /* for one statement's lock */
    int wait_ms;                         /* for the ledger's lock, and for one migration's retries */
    struct arena arena;                  /* of the plan */
    struct ledger_state state;
    struct migrate_item *items;          /* what is to be applied, in order */
    size_t count, applied;
    int64_t started_ms;                  /* of the migration being applied, monotonic */
    const struct migrate_item *done;     /* applied, and not yet told: migrate_tell; NULL: none */
    int64_t done_ms;                     /* how long that took */
    const struct migrate_item *begun;    /* begun, and not yet told */
    char blockers[512];                  /* last reported */
};

/* ---- migrate_ground.c ---- */

/* migrations.before of the configuration, if there is one. */
bool migrate_run_before(struct migrate_run *run, struct err *err);
/* What migrate_prepare asks where the ledger is absent, for a pipeline; unsent, it is asked by itself. The text in *sql
 * is the caller's to free. */
void migrate_ground_probe(const struct migrate_run *run, struct str *sql, struct db_probe *probe);
/* Under the lock: the ledger is made where it is absent and this database is ours to begin with. */
bool migrate_prepare(struct migrate_run *run, struct db_probe *ground, struct err *err);
/* Of the direct connection. */
const struct db_identity *migrate_identity(const struct migrate_run *run);

/* ---- migrate_plan.c ---- */

/* Of run->state: refuses what stands in the way, lists and splits what is pending. */
bool migrate_plan(struct migrate_run *run, const char *only, struct err *err);
void migrate_emit_plan(struct migrate_run *run);
/* All migrations, with the risks of those still to be applied. */
void migrate_emit_list(struct session *s, const struct ledger_state *state);
/* One migration's progress. `state` as FORMATS has it. */
void migrate_emit_one(struct migrate_run *run, const struct migrate_item *item, const char *state,
                      const char *note);
/* That one is applied and the next is begun: told while the server works on that one, which so need not wait for the
 * telling. */
void migrate_tell(struct migrate_run *run);
/* The trail's row for one migration, or nothing. */
void migrate_sql_trail(const struct migrate_run *run, const char *action, const char *name, struct str *out);
bool migrate_is_pending(enum migration_state state);

/* ---- migrate_run.c ---- */

bool migrate_run_one(struct migrate_run *run, const struct migrate_item *item, struct err *err);
/* Sends `sql` on the direct connection and reports blockers while it runs. */
bool migrate_watched(struct migrate_run *run, const struct migrate_item *item, const char *sql,
                     unsigned *position, struct err *err);
/* Statements that make the session as it was at first, whatever the migration before did to it; and that set it up. */
extern const char migrate_as_at_first[];
void migrate_sql_session(const struct migrate_run *run, struct str *out);
/* err becomes the migration's: file and line, the statement, the server's words. `statement` NULL: not known;
 * line 0: the statement's own. `kept` says what is left of it, and ends the hint. */
bool migrate_explain(const struct migrate_run *run, const struct migrate_item *item,
                     const struct statement *statement, unsigned line, unsigned column, const char *kept,
                     struct err *err);
/* Pauses before a retry if `err` is worth one and there is time; true: try again. Else err stays as it was.
 */
bool migrate_may_retry(struct migrate_run *run, const struct migrate_item *item, int attempt,
                       struct err *err);

/* ---- migrate_alone.c ---- */

bool migrate_run_alone(struct migrate_run *run, const struct migrate_item *item, struct err *err);

#endif
