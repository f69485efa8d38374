/* flow - one connection through the tunnel: a local socket, a channel, and what is on its way between them. */
#ifndef SEEDOPS_TUNNEL_FLOW_H
#define SEEDOPS_TUNNEL_FLOW_H

#include <libssh/libssh.h>

#include "base/str.h"
#include "tunnel/tunnel.h"

enum flow_state { FLOW_OPENING, FLOW_ASKING, FLOW_OPEN, FLOW_OVER };

struct flow {
    struct flow *next;
    enum flow_state state;
    const struct tunnel_route *route;
    int fd;
    ssh_channel channel;
    struct str to_local, to_far;     /* read there and not yet written here */
    size_t to_local_done, to_far_done;
    struct str complaint;            /* the end of the command's standard error */
    uint64_t since_window;           /* bytes from there since the window was last opened */
    uint64_t received;
    uint64_t dropped_at;             /* of all that came, when its second stream was last emptied */
    bool bulk, local_ended, far_ended;
    int64_t began_ms, far_ended_ms, sent_ms;
    bool asks_first;                 /* the far side is silent until it is asked, as PostgreSQL is and sshd is not */
    bool is_command;                 /* counts in the hall's commands */
    int64_t again_ms;                /* it was refused for others' sake, and asks again then; 0: it was not */
    int64_t asked_ms;                /* when the first byte went; 0: none yet */
    struct err failure;              /* why it ended, if that wants saying */
};

/* What the flows of a carrier share. */
struct flow_hall {
    ssh_session session;
    const char *name;                /* of the server, for errors */
    const struct ssh_counter_struct *received;   /* all that came from it */
    char *scratch;                   /* of FLOW_WINDOW bytes, that are only touched as far as they are used */
    unsigned commands;               /* that run or are being opened */
    unsigned commands_most;          /* as the server has shown; 0: it has not */
    int64_t command_ended_ms;
    int64_t round_trip_ms;           /* the least that a channel or its first answer took; -1: none yet */
};

enum { FLOW_WINDOW = 16 * 1024 * 1024 };

/* Takes `fd`, borrows `route`. */
struct flow *flow_new(struct flow_hall *hall, int fd, const struct tunnel_route *route);
/* Does what can be done without waiting; true: something was. */
bool flow_step(struct flow_hall *hall, struct flow *flow);
/* What to poll the local socket for; 0: nothing. */
short flow_events(const struct flow_hall *hall, const struct flow *flow);
/* True while the far side owes it something: it is being opened, or sent and got nothing since `heard_ms`. */
bool flow_is_waiting(const struct flow *flow, int64_t heard_ms);
/* True when it has to be stepped by the clock, too. */
bool flow_goes_by_clock(const struct flow *flow);
/* Closes both ends. */
void flow_free(struct flow_hall *hall, struct flow *flow);

/* route.c: opens the channel along the route. SSH_OK, SSH_AGAIN, or SSH_ERROR with flow->failure. */
int route_open(struct flow_hall *hall, struct flow *flow);
/* It is over: makes room for another command. */
void route_left(struct flow_hall *hall, struct flow *flow);
/* Why a channel that was open has ended by itself, in flow->failure; nothing: it is how they all end. */
void route_ended(struct flow_hall *hall, struct flow *flow);

#endif
