/* watch_state - what a watch knows of its environment and has told: ${XDG_STATE_HOME}/seedops/watch/KEY.json, mode 0600,
 * replaced whole by rename. Beside it KEY.lock, which the watch that keeps the file holds while it runs.
 *
 * A broken file is as good as none: the next look then tells what is bad once more. */
#ifndef SEEDOPS_OP_WATCH_STATE_H
#define SEEDOPS_OP_WATCH_STATE_H

#include "base/arena.h"
#include "base/str.h"
#include "config/pins.h"
#include "ledger/ledger.h"

struct watch_table {
    const char *name;                /* as configured */
    bool there, lacking;             /* lacking: fewer rows than it should have; told */
    bool held, estimated;
    int64_t rows, floor;             /* -1: unknown, none */
};

struct watch_migration { const char *name; enum migration_state state; };

struct watch_state {
    struct arena arena;              /* of all texts and lists */
    int64_t serial;                  /* of the newest event */
    int64_t wall_ms;                 /* when it was looked; 0: never */
    int64_t mono_ms, boot_ms;        /* the same by clocks that nobody sets, boot_ms also running while the machine
                                      * sleeps; 0 unknown, not in the file: they mean nothing after a reboot */
    bool away;                       /* the database does not answer */
    int64_t away_ms;                 /* since when; 0: it does */
    const char *away_why;
    bool relinked;                   /* this look found the connection lost, and made it again; not in the file */
    bool stranger;                   /* another database than the known one answers */
    const char *stranger_why;
    struct pin_identity identity;    /* who answered */
    int64_t started_ms;              /* the server; 0 unknown */
    bool standby;
    bool tables_known, migrations_known;
    struct watch_table *tables;
    size_t table_count;
    const char *ledger_problem;      /* why the migrations cannot be read; NULL: they can */
    struct watch_migration *migrations;
    size_t migration_count;
};

void watch_state_free(struct watch_state *state);

struct watch_key { const char *config, *environment; };   /* as known_databases names them */

/* Gives the state that was kept; wall_ms 0 when there is none. False when it cannot be read: then it is empty. */
bool watch_state_read(const struct watch_key *key, struct watch_state *state, struct err *err);
bool watch_state_write(const struct watch_key *key, const struct watch_state *state, struct err *err);
/* Waits at most timeout_ms for another watch of this environment to end. Gives a descriptor: closing it unlocks. *other:
 * the failure is that another one has it. */
bool watch_state_lock(const struct watch_key *key, int timeout_ms, int *fd, bool *other, struct err *err);

/* The two halves, of bytes. */
bool watch_state_parse(const char *bytes, size_t length, struct watch_state *state, struct err *err);
void watch_state_format(const struct watch_key *key, const struct watch_state *state, struct str *out);

#endif
