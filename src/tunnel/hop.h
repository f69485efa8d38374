/* hop - one SSH session with one server: dialled, its key checked, authenticated. Non-blocking throughout: every wait
 * has a deadline and a cancel. Used by one thread at a time. */
#ifndef SEEDOPS_TUNNEL_HOP_H
#define SEEDOPS_TUNNEL_HOP_H

#include <libssh/libssh.h>

#include "base/str.h"
#include "tunnel/resolve.h"
#include "tunnel/tunnel.h"

struct carrier;
struct spawned;

struct hop {
    ssh_session session;
    struct resolved config;
    char name[300];                  /* "user@host:port", visible, for people */
    const struct tunnel_options *options;   /* borrowed while opening */
    int timeout_ms;
    int64_t phase_began;
    struct carrier *via;             /* the jump host's session that ours runs through; NULL: none */
    struct spawned *proxy;            /* the ProxyCommand that ours runs through; NULL: none */
    struct str tried;                /* what was tried to authenticate with, for the error */
};

/* The whole way: resolve, dial (through jump hosts and proxies), key, authentication. `jumps`: the rest of an explicit
 * ProxyJump list, NULL: as the configuration has it. Gives, also on failure NULL. */
bool hop_open(struct hop **out, const char *target, const char *jumps, unsigned depth,
              const struct tunnel_options *options, struct err *err);
/* Ends the session, its socket too, if it stands; never waits. */
void hop_goodbye(struct hop *hop);
/* With a goodbye. NULL is fine. */
void hop_free(struct hop *hop);

/* Until the session's socket is ready for what libssh wants; false: cancelled, or the deadline has passed. */
bool hop_wait(struct hop *hop, int64_t deadline, const char *doing, struct err *err);
int64_t hop_deadline(const struct hop *hop);
/* Ends a phase: `text` of ours or visible already. */
void hop_phase(struct hop *hop, const char *phase, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* libssh's own words as the reason, made visible; else what the proxy or the jump host said. */
bool hop_why(struct hop *hop, struct err *err);
/* True while the session can carry anything. */
bool hop_connected(struct hop *hop);

/* dial.c: a connected socket for the session. Gives a descriptor. */
bool hop_dial(struct hop *hop, int *fd, struct err *err);
/* hostkey.c: which key types to ask for (before), and whether the key shown is the one (after). */
bool hostkey_prepare(struct hop *hop, struct err *err);
bool hostkey_check(struct hop *hop, struct err *err);
/* auth.c */
bool auth_run(struct hop *hop, struct err *err);

#endif
