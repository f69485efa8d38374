/* tunnel - one SSH session that carries all connections of an environment. libssh lives in this room only.
 *
 * A tunnel ends here in a listener that nobody but our own process can use, and there in the database: through a
 * forwarded port, a Unix socket, a command that speaks the database's bytes, or a container. Any number of
 * connections may go through at once; each gets a channel of the same session. */
#ifndef SEEDOPS_TUNNEL_TUNNEL_H
#define SEEDOPS_TUNNEL_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

struct tunnel;

enum tunnel_kind { TUNNEL_FORWARD, TUNNEL_SOCKET, TUNNEL_COMMAND, TUNNEL_CONTAINER };

struct tunnel_route {
    enum tunnel_kind kind;
    const char *host, *port;         /* forward; container: host NULL, the port inside */
    const char *text;                /* the socket's path, the command, the container's name */
};

enum tunnel_question_kind {
    TUNNEL_ASK_YES,                  /* an unknown host key: the word yes, typed */
    TUNNEL_ASK_SECRET,               /* a passphrase or password, no echo */
    TUNNEL_ASK_TEXT                  /* keyboard-interactive with echo */
};

struct tunnel_question {
    enum tunnel_question_kind kind;
    const char *title, *text;        /* foreign parts are visible already; `text` may have several lines */
};

struct tunnel_options {
    const char *ssh;                 /* user@host:port, or a Host alias; "[v6]:port" too */
    struct tunnel_route route;
    int cancel_fd;                   /* -1: none; stops tunnel_open */
    int connect_timeout_ms;          /* <= 0: 10 000, each phase */
    /* The answer: *yes, *secret (given) or `typed`. False with `err`: nobody answered. NULL: nobody to ask. */
    bool (*ask)(void *asker, const struct tunnel_question *question, bool *yes, struct secret **secret, char *typed,
                size_t size, struct err *err);
    void *asker;
    /* A phase is over: "resolve", "connect", "host key", "authenticate", "container"; `text` says with what (visible
     * already), `ms` how long it took. Called in tunnel_open's thread only; a jump host has phases of its own. */
    void (*phase)(void *sink, const char *phase, const char *text, int64_t ms);
    void *phase_sink;
};

/* Connects and authenticates in the caller's thread (questions come from it), then hands the session to a thread of
 * its own. Borrows `options` until it returns. */
bool tunnel_open(struct tunnel **out, const struct tunnel_options *options, struct err *err);

/* Where libpq goes in: hostaddr and port of a TCP listener on loopback, or the directory of a Unix socket and the port
 * that its name has. */
struct tunnel_end {
    const char *hostaddr;            /* NULL: Unix */
    const char *port;
    const char *socket_dir;          /* NULL: TCP */
};
const struct tunnel_end *tunnel_end(const struct tunnel *tunnel);
/* One more place behind the same session: another port of the container that it was opened for, a forward, a socket.
 * *end lives as long as the tunnel. From one thread at a time. */
bool tunnel_add(struct tunnel *tunnel, const struct tunnel_route *route, const struct tunnel_end **end, struct err *err);

bool tunnel_alive(const struct tunnel *tunnel);
/* Why the newest channel failed or the session was lost, in our words; false: the tunnel knows of nothing. Shown
 * instead of libpq's "server closed the connection". */
bool tunnel_reason(struct tunnel *tunnel, struct err *err);
/* How long the newest channel took to open; -1: none has yet. */
int64_t tunnel_channel_ms(struct tunnel *tunnel);
/* Ends the session and its thread, within a second. NULL is fine. */
void tunnel_close(struct tunnel *tunnel);

#endif
