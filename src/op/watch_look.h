/* watch_look - one look of a watch: a glance of one round trip, and more only where the glance gives a reason.
 *
 * The glance reads counters, pg_class, the ledger's pulse and who answers; it scans nothing but the ledger. What it makes
 * doubtful is settled by the session's look: catalogue, ledger, and a count by TID of small tables whose counters do not
 * add up, as status and diagnose have it (SAFETY 4). Settled anew every few minutes in any case: counters can be lost. */
#ifndef SEEDOPS_OP_WATCH_LOOK_H
#define SEEDOPS_OP_WATCH_LOOK_H

#include "op/session.h"
#include "op/tables.h"
#include "op/watch_state.h"

enum { WATCH_PATIENCE_MS = 5000 };   /* a loaded server is not one that is away */

/* A table as it was when it was settled: while this stays, so does what is known of it. */
struct watch_print { uint32_t oid, filenode; int64_t live, inserted, deleted; double reltuples; };

struct watch_eye {
    struct ctx *ctx;                 /* borrowed */
    struct session session;
    bool open;
    bool settled;                    /* the rest is there */
    struct arena arena;              /* of what was settled */
    struct watch_table *tables;      /* those with something to fall below */
    struct watch_print *prints;
    size_t count;
    uint64_t crowd;                  /* which tables of their names there are, in whatever schema */
    char pulse[96];                  /* of the ledger */
    int64_t settled_ms;              /* monotonic */
    uint64_t looks, round_trips, settlings;   /* so far; settlings: looks that took more than the glance */
    uint64_t trips_before;           /* of sessions that were closed */
};

/* Looks, and opens the session first where there is none. Gives what was found; that the database does not answer is
 * found, too. False when cancelled, or when waiting could never help (the configuration). */
bool watch_look(struct watch_eye *eye, struct watch_state *now, struct err *err);
void watch_eye_close(struct watch_eye *eye);

#endif
