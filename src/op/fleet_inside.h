/* fleet_inside - what fleet.c and fleet_lasting.c know of a fleet, and nobody else does. */
#ifndef SEEDOPS_OP_FLEET_INSIDE_H
#define SEEDOPS_OP_FLEET_INSIDE_H

#include <pthread.h>

#include "op/fleet.h"

struct fleet_gate {                  /* so many at once */
    pthread_mutex_t lock;
    pthread_cond_t left;
    int allowed, inside;
};
void gate_init(struct fleet_gate *gate, int allowed);
void gate_destroy(struct fleet_gate *gate);
/* Waits for a place. False: cancelled meanwhile. */
bool gate_enter(struct fleet_gate *gate, const struct ctx *ctx, struct err *err);
void gate_leave(struct fleet_gate *gate);
void gate_widen(struct fleet_gate *gate, int allowed);   /* never narrower */

/* What the databases of one environment share, and how many of them may be connected at once. */
struct fleet_share {
    const struct environment *environment;
    struct common common;
    struct fleet_gate gate;
    int connected;                   /* under the gate's lock */
    size_t members;
};

struct fleet_list;                   /* of databases that are asked for again and again */

struct fleet {
    struct fleet_options options;
    struct fleet_member **members;
    size_t count, capacity;
    struct fleet_share **shares;
    size_t share_count;
    struct visits visits;
    pthread_mutex_t lock;            /* which member is next; of one that lasts, how many have ended */
    size_t next;
    pthread_mutex_t speech;          /* hear, done, ask: one at a time */
    bool jobs_open;                  /* nobody said how many at once */
    struct fleet_gate crowd;         /* all that are at work; of one that lasts, those that look for the first time */
    /* of one that lasts */
    struct fleet_list *lists;
    size_t list_count;
    size_t started, ended;
    int ended_fd;
};

struct fleet_share *fleet_share_of(struct fleet *f, const struct environment *environment);
/* NULL: it is no member yet. */
struct fleet_member *fleet_find(struct fleet *f, const struct environment *environment);
struct fleet_member *fleet_add(struct fleet *f, struct environment *environment);
void fleet_done(struct fleet_member *m);

bool fleet_list_later(struct fleet *f, const struct selected *selected);   /* true */
void fleet_run_lasting(struct fleet *f);

#endif
