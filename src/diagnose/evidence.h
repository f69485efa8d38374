/* evidence - everything the rules may know, as plain data. Filled by probe.c (SQL), by memory.c (earlier visits) and
 * by the operation (what is expected of a table); the rules read it and nothing else.
 *
 * What could not be read is -1 (numbers), DIAGNOSE_UNKNOWN (answers) or 0 (times): never a value that means
 * something. Times are milliseconds since 1970 UTC. */
#ifndef SEEDOPS_DIAGNOSE_EVIDENCE_H
#define SEEDOPS_DIAGNOSE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum answer3 { DIAGNOSE_UNKNOWN, DIAGNOSE_NO, DIAGNOSE_YES };

/* A table as an earlier visit saw it. */
struct seen_table {
    const char *name;                /* as configured */
    int64_t oid, filenode, rows, inserted, deleted;
    int64_t lost_ms, lost_rows;      /* when a diagnosis first found it without its rows, and how many were left; 0 not yet */
};

/* An environment as the last healthy visit saw it. */
struct seen {
    int64_t healthy_ms;              /* 0: there was none */
    bool unreadable;                 /* there is a note, and it may know better */
    int64_t system_identifier;       /* 0 unknown */
    int64_t database;                /* oid */
    const char *database_name;
    struct seen_table *tables;
    size_t table_count;
};

struct table_evidence {
    const char *name, *class;        /* as configured */
    int64_t floor;                   /* rows it should have: floor, fixture's rows, else -1 */
    bool context;                    /* counted for the verdict; others are only witnesses */

    /* what the operation knows from the catalogue (op/held): no scan */
    bool present, held;
    int64_t rows;                    /* thought to be there; -1 unknown */
    bool counted;                    /* `rows` was counted by TID: as this role sees them, exactly */

    bool may_enter;                  /* USAGE on its schema; without, it is not even on the search path */
    bool can_select, rls;            /* table or any column; row security may hide rows from us */
    bool values_hidden;              /* pg_stats shows none of them: no privilege, or row security, whatever its policy */
    char kind, persistence;          /* relkind; p u t */
    int64_t oid, filenode, schema;   /* oids */
    const char *schema_name, *owner;
    double reltuples;                /* -1 never vacuumed or analysed */
    bool reltuples_told;             /* from 14 the server says -1; before, 0 can be either */
    int64_t heap, index_excess, free_space;   /* bytes; free_space: of the fsm fork */
    int64_t indexes, constraints;    /* how many it has */
    int64_t file_age, row_age;       /* transactions since relfrozenxid, since pg_class.xmin */
    const char *file_xid, *row_xid;  /* the same as the server prints them */
    int64_t committed_ms;            /* of pg_class.xmin, where track_commit_timestamp is on */
    bool counters;                   /* false: on a standby they count nothing */
    int64_t inserted, updated, deleted, live, dead;
    int64_t vacuumed_ms, analyzed_ms;/* last, by whomever */
    int64_t analysed_columns;        /* rows in pg_stats; -1 hidden from us */
    int64_t sequence;                /* last value of its own sequence; -1 none, unused or not permitted */
    int64_t leaves;                  /* partitions, when kind is p */
    const char *writer;              /* who holds a lock to write: "pid 7, api, user api"; NULL nobody */
    bool writer_has_xid, prepared;   /* the writer has written; it is a prepared transaction */
    int64_t writer_since_ms;
    const char *gid;                 /* the prepared transaction's name, or NULL */
    const char *twin;                /* same name, other schema, with rows: "old.Station"; NULL */
    int64_t twin_rows;
    const char *renamed;             /* same columns, other name, with rows: "public.Station_old"; NULL */
    int64_t renamed_rows;
    bool renamed_is_older;           /* that table was made before this one */
    const struct seen_table *seen;   /* NULL: no healthy visit knew it */
};

struct other_database {
    const char *name;
    int64_t oid, inserted, connections;
    bool can_connect;
};

/* A probe that did not answer, in words for people. */
struct unread { const char *what, *word, *source, *grant; bool privilege; };

struct evidence {
    struct arena arena;
    int version;                     /* server_version_num */
    int64_t now_ms, started_ms;      /* the server's clock, postmaster's start */
    const char *environment;         /* as a command line names it; "" where it need not */
    const char *user, *database, *search_path;
    int64_t database_oid, system_identifier, timeline, born_ms;   /* initdb */
    enum answer3 tracks_commits;
    int64_t public_oid;              /* of schema public; 0 none */
    int64_t database_reset_ms;       /* pg_stat_database.stats_reset; 0 never */
    int64_t cluster_reset_ms;        /* the older of bgwriter's and archiver's */
    bool statistics;                 /* the two above were read */
    int64_t residual;                /* rows inserted into tables that are no more; -1 unknown */
    int64_t dropped_schemas, dropped_constraints, dropped_indexes, dropped_databases;   /* -1 unknown */
    int64_t inserted_here;           /* pg_stat_database.tup_inserted */

    bool standby, replay_paused, streaming;
    int64_t replayed_ms, replay_lag; /* last commit replayed; bytes received and not replayed, -1 unknown */

    bool ledger;                     /* the four below were read */
    int64_t ledger_rows, ledger_xids, ledger_moments;   /* rows, distinct xmin, distinct times */
    int64_t ledger_first_ms, ledger_last_ms;
    int64_t ledger_age;              /* transactions since the youngest row was written */

    struct table_evidence *tables;
    size_t count;
    struct other_database *databases;
    size_t database_count;
    struct unread *unread;
    size_t unread_count;
    struct seen seen;
};

#endif
