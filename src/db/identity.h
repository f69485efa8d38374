/* identity - who is at the other end: facts for the guard and the header, from the server and the socket. */
#ifndef SEEDOPS_DB_IDENTITY_H
#define SEEDOPS_DB_IDENTITY_H

#include <stdint.h>

#include "db/conn.h"
#include "db/pipeline.h"

struct db_identity {
    char system_identifier[24];       /* "" when the server does not tell */
    uint32_t database_oid;
    int backend_pid;                  /* as the server has it: a session pooler has numbers of its own */
    char database[64], user[64];
    bool in_recovery;
    bool superuser, create_role;
    bool can_create;                  /* CREATE on the default schema */
    bool transaction_pooler;          /* recognised (SAFETY 1) */
    char pooler_reason[160];
    bool client_seen;                 /* inet_client_addr/port were readable */
    char client_address[64];          /* as the server sees us; "" over a Unix socket */
    int client_port;
    char server_address[64];          /* inet_server_addr; "" over a Unix socket */
    int server_port;
    bool may_watch;                   /* it could notice in mid-statement that its client is gone, and does not yet */
    char keep_slot[40];               /* the replication slot that a preserve of this database made; "" none */
};

/* As probes for a caller's pipeline (the pooler test needs transactions apart: every probe is one), then the
 * answers taken. The probes must stand in one pipeline in this order, others may stand between or around. */
enum { IDENTITY_PROBES = 6 };
size_t db_identity_probes(struct db_probe probes[IDENTITY_PROBES]);
bool db_identity_take(struct db *db, bool hint_pooled, const struct db_probe *probes, size_t count,
                      struct db_identity *identity, struct err *err);

/* The two above with a pipeline of their own. `hint_pooled`: the URL says pgbouncer=true or port 6543. Where
 * something stands in between and the pipeline did not settle it, a second connection is opened for a moment
 * to see whether both are given the same backend. */
bool db_identity_read(struct db *db, bool hint_pooled, struct db_identity *identity, struct err *err);

/* What this machine knows of the connection: our own end, and the peer process of a Unix socket. */
struct db_peer {
    char own_address[64];
    int own_port;
    bool loopback;                    /* every resolved address is loopback, or it is a Unix socket */
    int peer_pid;                     /* SO_PEERCRED; 0 unknown */
    char peer_program[64];            /* /proc/PID/comm; "" when it cannot be found out */
    bool container_network;           /* the server's address lies on a container bridge of this machine, and
                                       * the client that it sees is a socket of this machine (a tunnel to
                                       * another machine's bridge of the same numbers is not) */
};
void db_peer_read(const struct db *db, const struct db_identity *identity, struct db_peer *peer);

#endif
