/* ops - the operations, one procedure a file (op/NAME.c; those of the rooms removal, restore and preserve are declared
 * there). Each takes an open session unless it says otherwise, reports through the session's ctx, and ends with true or
 * an error. */
#ifndef SEEDOPS_OP_OPS_H
#define SEEDOPS_OP_OPS_H

#include "diff/diff.h"
#include "op/session.h"

/* wait.c: readiness with backoff (E1), before a session exists. deadline_ms of the whole; attempts at most 60.
 * Ready means: logged in, and a first query was answered; that connection is left in ctx->ready, which the next
 * session_open takes, and whoever opens none closes. Emits one IN_CONNECTION a try (phase "attempt", number: which,
 * number2: ms until the next, text: why not yet, "" with ok when ready). */
bool op_wait(struct ctx *ctx, int64_t deadline_ms, int *attempts, struct err *err);
/* The pause after attempt 0, 1, 2 ...: min(1 s * 2^attempt, 30 s) and up to 30 % more. */
int op_wait_backoff(int attempt);

/* status.c: one pipeline after connecting for what the Overview shows, at most 3 round trips in all with the
 * diff of small tables. Emits IN_STATUS partial (number 0), then complete (number 1); a status that shows trouble
 * is a success of this operation (health.h says what it means). `compare` diffs tables under 10 000 rows. */
struct status_options { bool compare; bool scan; };
bool op_status(struct session *s, const struct status_options *options, struct err *err);

/* count.c: exact counts of the context (and listed) tables; held ones are estimated unless scan. */
bool op_count(struct session *s, bool scan, struct err *err);

/* diff.c: named tables, or all fixtures. `row` as diff_options; store events are the console's business. */
struct diff_report {
    void *context;
    bool (*begin)(void *context, const char *table, const char *const *key, size_t key_count, struct err *err);
    bool (*row)(void *context, const char *table, const struct diff_row *row, struct err *err);
    bool (*end)(void *context, const char *table, const struct diff_totals *totals, bool held, struct err *err);
    void (*meanwhile)(void *context);   /* now and then while rows come that do not differ; may be NULL */
    enum diff_way way;         /* how large tables are compared */
};


bool op_diff(struct session *s, const char *const *tables, size_t count, bool scan,
             const struct diff_report *report, bool *identical, struct err *err);

/* seed.c: validate, diff, plan, guard, one transaction, check, report (SAFETY 5). Emits IN_PLAN, IN_PROGRESS,
 * IN_OUTCOME (counts before and after). */
struct seed_options {
    bool dry_run, scan;
    const char *seen;          /* digest of the plan that was confirmed: another one is not carried out; NULL: any */
    const char *safepoint_dir; /* of the old values of changed rows; NULL: the environment's */
};
bool op_seed(struct session *s, const struct seed_options *options, struct err *err);

/* verify.c: identity, migrations, floors, fixtures, references that dangle, sequences behind their tables.
 * ERR_DIFFERENT when something falls short; one IN_LOG (level "finding", title: the check) a finding. */
bool op_verify(struct session *s, bool scan, struct err *err);

/* watch.c: keeps looking (op/watch_look.h: one round trip a look) and tells each change once: an IN_ALERT, before it an
 * IN_DIAGNOSIS where evidence is fresh. Opens sessions by itself, again and again. Ends when it was told to
 * (ERR_CANCELLED), when its time is over (true), or, with until_bad, with what is bad: ERR_NOT_READY, ERR_MIGRATION,
 * ERR_DIFFERENT. */
struct watch_options {
    int64_t interval_ms, stop_after_ms;   /* stop_after_ms 0: never */
    bool until_bad;            /* what is bad already ends it at once; then nothing is remembered */
    /* Readable when something else wants its turn: woken() is called, and the wait goes on. -1: nothing does. */
    int wake_fd;
    void (*woken)(void *context);
    /* True once everything that was emitted has reached whom it is for: what was told is remembered from then on. NULL:
     * at once. */
    bool (*delivered)(void *context);
    /* For one of many: waits for its turn to look (false: cancelled), and gives it back. *brief: the session is closed in
     * between. NULL: it is alone. The second look comes phase_ms after the first. */
    bool (*enter)(void *context, bool *brief, struct err *err);
    void (*leave)(void *context);
    int64_t phase_ms;
    void *context;
};
struct watch_sum { uint64_t looks, round_trips, settlings, events; };
bool op_watch(struct ctx *ctx, const struct watch_options *options, struct watch_sum *sum, struct err *err);

/* migrate.c. `only`: this one and nothing else (it must be the next pending one), NULL: all pending. Emits
 * IN_PLAN, IN_MIGRATION while running, IN_OUTCOME. */
struct migrate_options {
    bool dry_run;
    const char *only;
    const char *seen;          /* checksums of the pending files as they were confirmed, one a line; NULL: any */
    int lock_timeout_ms, wait_ms;
};
bool op_migrate(struct session *s, const struct migrate_options *options, struct err *err);
bool op_migrate_status(struct session *s, struct err *err);            /* emits IN_MIGRATIONS; ERR_DIFFERENT when not all on disk are applied */
bool op_migrate_resolve(struct session *s, const char *name, bool applied, struct err *err);
/* Notes as applied, without running, what is pending up to that name (NULL: all); dry_run only says which. */
bool op_migrate_baseline(struct session *s, const char *up_to, bool dry_run, struct err *err);
/* Emits IN_STORE/IN_PAGE-ready lines of a migration's SQL: the text into *sql (given). */
bool op_migration_sql(struct session *s, const char *name, char **sql, struct err *err);

/* mark_write.c: writes environment, role and identity into seedops.mark, and makes seedops.actions (SAFETY 3, 6). Emits
 * IN_OUTCOME: name "mark", number2 1 when something was written, text: what the database is marked as, title: as what it
 * was before ("" it was not). */
bool op_mark(struct session *s, bool dry_run, struct err *err);

/* accept.c: makes the database that answers now the environment's known one (SAFETY 3). `show` is told both identities
 * before anything is asked. Emits IN_OUTCOME: name "envs --accept", number2 1 when the pin was written. */
bool op_accept(struct session *s, void (*show)(void *context, const struct known *known), void *context,
               struct err *err);

/* capture.c: live rows as a fixture, YAML to *out. */
struct str;
bool op_capture(struct session *s, const char *table, struct str *out, struct err *err);

/* diagnose.c: why tables that should have rows have none (facts: empty_database). Reads all evidence in one pipeline,
 * and at most two more to count by TID what the counters cannot tell; scans no table but the ledger; writes nothing.
 * Emits IN_DIAGNOSIS; whatever the verdict, that is a success. */
struct diagnose_options {
    bool deep;                 /* also what costs time or rights: WAL, statements, other databases */
    const char *reason;        /* why it is made, for the record: "" asked for, "seed" a write came to a held table */
    bool as_looked;            /* beside the last look, which stays: one round trip, in the middle of a write */
};
bool op_diagnose(struct session *s, const struct diagnose_options *options, struct err *err);

/* activity.c: other backends of this database; cancel or terminate one (guard class session). */
bool op_activity(struct session *s, struct err *err);
bool op_backend_signal(struct session *s, int64_t pid, bool terminate, struct err *err);

#endif
