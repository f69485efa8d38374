/* types - every input of update(): messages (what a person asked) and events (what the world did).
 *
 * One struct, one table row a type (codec.c), one journal line an input. Everything here is plain data that
 * owns its texts (input_free); facts are small, row sets travel as a store's id and pages of it. */
#ifndef SEEDOPS_EVENT_TYPES_H
#define SEEDOPS_EVENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text in a list. */
struct text_item { char *text; };

/* ---- facts, as operations report them ---- */

struct fact_environment {           /* one line of the Environments screen */
    char *name, *role, *target;     /* role: local staging production; target: redacted */
    char *reachable, *migrated, *seeded;   /* "yes" "no" "unknown" "held" "checking" "error" */
    char *sentence;                 /* what is wrong, or "" */
    char *identity;                 /* fact_identity's state where it is trouble, else "" */
    char *of, *database;            /* one of many databases: the environment that stands for them, its name; else "" */
    char *groups;                   /* the groups it belongs to, spaces between; "" none */
    int64_t position;               /* in the list as it came first, from 1; given by update */
};

struct fact_identity {              /* which database answers, beside the one that was pinned (SAFETY 3) */
    char *state;                    /* new known changed unknown copy marked unreadable; "" not asked yet */
    char *sentence;                 /* what there is to say, "" nothing */
    bool trouble;                   /* and it keeps writes away, or may */
    char *system_identifier, *database;
    int64_t database_oid;
    char *pinned_identifier, *pinned_database;   /* pinned_oid 0: not pinned before this visit */
    int64_t pinned_oid, first_seen_ms;
    char *known_as, *clone_of, *marked_as, *copy_of;   /* environments, "" none */
};

struct fact_server {
    bool ready;
    char *environment, *role;
    char *target;                   /* "alpimonitor on /run/x" or user@host:port/database, redacted */
    char *way;                      /* "ops@vps ⇢ postgres:5432": through which tunnel, and to where; "" none */
    char *via;                      /* "unix socket" "tcp" "tls" "ssh" "ssh, tls" */
    char *version;                  /* "15.8" */
    bool in_recovery, pooled, superuser;
    char *system_identifier;        /* "" unknown */
    char *database, *user;
    int64_t backend_pid;
    int64_t round_trips;            /* after set-up, so far */
    struct fact_identity identity;
    char *preserved;                /* what a preserve has in force: "autovacuum off on 7 tables"; "" nothing */
};

struct fact_ledger {
    char *tool, *relation;          /* "" when none was found */
    bool exists;
    int64_t applied, pending, failed, modified, missing;   /* missing on disk */
    char *last_name, *last_applied_at;
    char *lock_holder;              /* "pid 4711 app" while someone else holds the ledger's lock, else "" */
    char *problem;                  /* "ledger of another tool: Flyway" ..., else "" */
};

struct fact_migration {
    char *name, *state;             /* FORMATS: applied pending failed running modified missing-on-disk ... */
    char *applied_at;               /* "" unknown */
    int64_t duration_ms;            /* -1 unknown */
    char *checksum;
    char *path;                     /* of the SQL file, "" when missing */
    char *note;                     /* the error, the holder, what modified means here; "" */
    bool transactional;             /* runs in a transaction of its own */
    struct text_item *risks;        /* statements that cannot be undone: DROP, TRUNCATE, DELETE, type changes */
    size_t risk_count;
};

struct fact_table {
    char *name, *class;             /* as configured or found; class: context operational unlisted */
    int64_t rows;                   /* -1 unknown */
    bool estimated, held;
    int64_t min_rows, fixture_rows; /* -1: none */
    int64_t missing, changed, extra;/* -1: not compared */
    int64_t allowed_changed, allowed_extra;   /* of those, the ones that count for nothing; -1: not compared */
    int64_t bytes;                  /* -1 unknown */
    int64_t inserted;               /* rows ever inserted, committed or not, since the counters began; 0 also unknown */
    char *note;                     /* "locked by pid 12", "not permitted", "timed out", "no such table"; "" */
    char *at;                       /* the fixture's file:line, "" */
};

struct fact_guard {
    bool local, seed_allowed, migrate_allowed;   /* for this face, before any name is typed */
    struct text_item *reasons;
    size_t reason_count;
    char *allow_line;
};

struct fact_backend {               /* Activity */
    int64_t pid;
    char *user, *application, *client, *state, *wait, *query;
    int64_t age_ms, query_age_ms;   /* -1 unknown */
    struct text_item *blocked_by;   /* pids as text */
    size_t blocked_by_count;
    bool ours;
};

struct fact_row {                   /* a row of a page */
    struct text_item *cells;        /* text NULL: no value */
    size_t cell_count;
};

struct fact_step {                  /* a line of a plan */
    char *action, *object, *detail; /* "insert" "Station" "7 rows" */
    int64_t rows;                   /* -1: not rows */
    bool danger;
};

struct fact_count { char *table; int64_t before, after; };

/* ---- what diagnose concludes (diagnose/diagnose.h has the names of verdicts and confidences) ---- */

struct fact_evidence {              /* one thing that was read, or could not be */
    char *fact;                     /* a sentence: "7 of 7 tables: rows deleted = rows inserted" */
    char *source;                   /* "pg_stat_user_tables", "pg_class.relfilenode = oid" */
    char *table;                    /* as configured; "" the database or the cluster */
    char *supports, *excludes;      /* verdicts' names, ", " between them; "" none */
    char *rule;                     /* of the decision table, where one rests on it; "" */
    char *problem;                  /* "" it was read; else "not permitted", "timed out", "locked by pid 7" ... */
};

struct fact_alternative {           /* another verdict that the facts do not exclude, likeliest first */
    char *verdict, *confidence, *why;
};

struct fact_denied {                /* what could not be read for lack of a privilege */
    char *what;                     /* "server log" */
    char *why;                      /* "not permitted" or the server's words */
    char *grant;                    /* the statement that would open it, "" when none would */
};

struct fact_next {                  /* what to do, in order */
    char *text;                     /* "save what is still readable" */
    char *command;                  /* as typed in a shell, without the program: "preserve ENV"; "" none */
    char *action;                   /* the console's action of that effect ("preserve"); "" none */
};

struct fact_table_verdict {
    char *name, *class;
    char *verdict, *confidence, *rule;   /* verdict "healthy" for one at or above its floor */
    char *why;                      /* a sentence */
    bool held;
    int64_t rows;                   /* what is thought to be there, without a scan; -1 unknown */
    int64_t floor;                  /* what it should have: floor or fixture's rows; -1 neither */
    int64_t inserted, deleted, dead;/* the counters; -1 unknown. dead: rows perhaps still readable */
};

struct fact_diagnosis {
    char *verdict, *confidence, *rule;
    char *sentence;                 /* what happened, in one or two sentences */
    char *since, *until;            /* last surely fine, first surely not: ISO 8601 UTC; "" unknown */
    char *since_why, *until_why;    /* what says so */
    char *by;                       /* statement, role, application, address, transaction; "" nothing says */
    bool cannot_tell;               /* the first alternative is as good as the verdict */
    bool mixed;                     /* the tables' verdicts differ: the whole is the gravest of them */
    bool deep;                      /* the deeper evidence was asked for, too */
    bool remembered;                /* an earlier healthy visit was compared with */
    char *remembered_at;            /* when that was, ISO 8601 UTC; "" none */
    int64_t round_trips, duration_ms;
    struct fact_table_verdict *tables;     size_t table_count;
    struct fact_evidence *evidence;        size_t evidence_count;
    struct fact_alternative *alternatives; size_t alternative_count;
    struct fact_denied *denied;            size_t denied_count;
    struct fact_next *next;                size_t next_count;
};

/* ---- inputs ---- */

enum input_kind {
    IN_NONE,
    /* messages */
    IN_ACTION,       /* name, number, text */
    IN_TEXT,         /* text typed or pasted (one message a paste) into what has focus */
    IN_SECRET,       /* the secret field's length changed: number */
    /* events of the terminal and the clock */
    IN_SIZE,         /* number = columns, number2 = rows */
    IN_SIGNAL,       /* name: suspend resume hangup terminate interrupt */
    IN_CLOCK,        /* number = wall clock, ms since 1970 UTC: at start and when it jumps */
    IN_START,        /* name: environment or "", text: how it was opened */
    /* events of operations; `request` says which */
    IN_ENVIRONMENTS, /* environments: those of which something is new; number 1: these are all there are */
    IN_CONNECTION,   /* name: "connecting" (with server); then each phase that is over, number: its ms, text: with what
                      * (resolve connect host key authenticate container channel tls start-up); ready failed, number: ms
                      * in all; lost closed; attempt: a try of a wait, number: which */
    IN_STATUS,       /* server, ledger, tables, guard: what the Overview shows. number: 0 partial, 1 complete;
                      * text: what is wrong with the fixtures ("" nothing): they cannot all be compared then */
    IN_TABLE,        /* tables: those that changed (a count or a diff arrived) */
    IN_MIGRATIONS,   /* ledger, migrations */
    IN_MIGRATION,    /* migrations[0]: progress of one: state, note (blockers), duration so far */
    IN_STORE,        /* store, name: what (diff:Station, sql:NAME, plan), number = count so far, number2 = 1 when
                      * complete; tables[0] for a diff's totals; columns */
    IN_PAGE,         /* store, number = first row, rows */
    IN_FOUND,        /* store, number = row or -1 */
    IN_ACTIVITY,     /* backends */
    IN_PLAN,         /* name: action (seed migrate), text: digest, steps, guard, number: rows in all; title: what is
                      * said first ("" nothing), expect: how the fixtures stand to those applied last (lineage) */
    IN_QUESTION,     /* question: number = id; name: kind; title, text, expect */
    IN_QUESTION_OVER,/* number = id: answered, cancelled or expired; ok: yes, text: what was typed (no secret) */
    IN_PROGRESS,     /* name: what, number done, number2 total (-1 unknown), rate per second */
    IN_OUTCOME,      /* name: operation, ok, error, counts, number = duration ms, number2 = rows written,
                      * text: the safepoint, if there is one */
    IN_LOG,          /* name: level, text; title: of a finding, which check it is of */
    IN_ALERT,        /* what a watch tells: name: its kind ("below-floor"), title: bad, good or news, text: a sentence,
                      * expect: what to do next, number: which one, number2: when it was last looked (wall clock, ms),
                      * ok: not bad; rate: 1 when the newest diagnosis goes with it; tables, migrations: what it is about */
    IN_DIAGNOSIS,    /* diagnosis, server, text: why it was made ("" asked for; "seed": a write came to a held table) */
    /* what a review wants to know beside what the screens show */
    IN_IDENTITY,     /* server: who answers; name: reading or direct; number: the database's oid, title: how the
                      * server names the client's address */
    IN_GUARD,        /* a decision: name: class, text: action, title: environment, expect: the name that was typed,
                      * ok, guard: reasons and allowing line */
    IN_STATEMENT,    /* what was run: name: for what (migration, table), text: SQL, columns and rows: the values of its
                      * first rows, redacted, title: what of them is not captured, rate: how often, number: rows,
                      * number2: duration ms, ok, error */
    IN_NOTE,         /* text: what the operator noted (m) */
    IN_JOURNAL,      /* name: recording, failed, off; text: path or why */
    IN_KIND_COUNT
};

struct input_error { char *class, *message, *why, *hint, *sqlstate, *at; };   /* class "" : none */

struct input {
    uint64_t sequence;              /* numbered by the main thread */
    int64_t offset_ms;              /* monotonic, since the session began */
    enum input_kind kind;
    uint64_t request;               /* 0: nobody asked */
    uint64_t generation;            /* of the connection */
    uint64_t store;
    char *environment;              /* which one it is of, where several are looked at at once; else NULL */
    char *name, *text, *title, *expect;   /* NULL reads as "" */
    int64_t number, number2, rate;
    bool ok, secret;
    struct input_error error;
    struct fact_server server;
    struct fact_ledger ledger;
    struct fact_guard guard;
    struct fact_environment *environments; size_t environment_count;
    struct fact_table *tables;             size_t table_count;
    struct fact_migration *migrations;     size_t migration_count;
    struct fact_backend *backends;         size_t backend_count;
    struct fact_row *rows;                 size_t row_count;
    struct text_item *columns;             size_t column_count;
    struct fact_step *steps;               size_t step_count;
    struct fact_count *counts;             size_t count_count;
    struct fact_diagnosis diagnosis;
};

struct input *input_new(enum input_kind kind);   /* zeroed; give to a sink, or input_free */
void input_free(struct input *in);               /* NULL is fine */
struct err;
void input_set_error(struct input *in, const struct err *err);
const char *input_kind_name(enum input_kind kind);

#endif
