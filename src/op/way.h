/* way - how an environment's servers are reached: as their URLs say, or through an SSH tunnel that all connections of the
 * process to that environment share (reading, direct, onlookers, neighbours, the tries of a wait, other threads' ones).
 *
 * A ctx takes hold of its environment's way when it first connects, and keeps it until way_leave: a connection that is
 * made again finds the tunnel as it was, or opens it anew. The last to leave closes it. */
#ifndef SEEDOPS_OP_WAY_H
#define SEEDOPS_OP_WAY_H

#include "db/conn.h"
#include "op/ctx.h"

struct ways *ways_new(void);
void ways_free(struct ways *ways);   /* when nobody holds one any more; NULL is fine */

/* Takes hold of the environment's way now, without opening it: what another ctx has opened stays. */
void way_hold(struct ctx *ctx);

struct way_end {                     /* where to connect for one URL */
    bool tunnelled;                  /* false: where the URL says, and the rest is empty */
    struct db_way db;                /* borrows from what follows */
    char hostaddr[64], port[8], socket_dir[108], through[128];
};
/* Opens the tunnel if it is not there: asks (host key, passphrase, password), and tells each phase. timeout_ms 0: the
 * default. A refusal is ERR_NEVER_READY, what may yet come ERR_NOT_READY. */
bool way_open(struct ctx *ctx, const struct url *url, int timeout_ms, struct way_end *end, struct err *err);
/* struct db_options' `broken`, with the ctx for its sink: what the tunnel knows. */
bool way_broken(void *ctx, struct err *err);
/* How long the newest channel took to open; -1: there is no tunnel. */
int64_t way_channel_ms(struct ctx *ctx);
/* After its connections are closed. */
void way_leave(struct ctx *ctx);
/* "ops@vps ⇢ postgres:5432": how `url` of `env` is reached; "" without a tunnel. In `arena`. */
const char *way_shown(const struct environment *env, const struct url *url, struct arena *arena);

#endif
