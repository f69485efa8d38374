/* fleet - one linear operation on many databases: a thread with a small stack for each, up to 200 at once.
 *
 *   words ── settings_select ──▶ environments ── fleet_open asks their servers ──▶ members ── fleet_run ──▶ done, done ...
 *
 * A member has settings, context and session of its own; what all of one environment share is its `common`. Everything
 * that a member reports goes through `hear`, one event at a time, with the member's name on it. A server that has no
 * connection left is asked again, with fewer at once.
 *
 * One that *lasts* (a watch) has a thread for every member, whose `work` opens sessions by itself, again and again. Servers
 * of environments that stand for many are asked while it runs: what is new there joins, and one that cannot be asked is
 * asked until it can. */
#ifndef SEEDOPS_OP_FLEET_H
#define SEEDOPS_OP_FLEET_H

#include "config/settings_many.h"
#include "op/session.h"

/* At once. More than 32 pay over a slow link only, where all are let in: a near server has as much to do either way. */
enum { FLEET_JOBS = 32, FLEET_JOBS_MOST = 200 };

struct fleet;
struct fleet_share;
struct fleet_member;

struct fleet_lasting {
    int64_t end_ms;                  /* monotonic; 0: until its members end by themselves */
    int wake_fd;                     /* readable: woken() is called; -1: nothing is */
    void (*woken)(void *context);
    /* A member is there; its thread starts afterwards. */
    void (*joined)(struct fleet_member *member, void *context);
    /* Which databases `environment` stands for could not be found out; said once for each reason. */
    void (*unlisted)(const struct environment *environment, const struct err *err, void *context);
};

struct fleet_member {
    struct environment *environment; /* of one database */
    struct settings settings;        /* the common ones, with an arena of its own */
    struct ctx ctx;
    struct session session;
    struct fleet *fleet;
    struct fleet_share *share;
    bool ok;
    struct err err;                  /* why not; also of one that could not even be begun */
    int64_t duration_ms;
    void *own;                       /* whatever `work` keeps; the caller's to free */
    size_t place;                    /* in the order of joining, from 0 */
    pthread_t thread;                /* fleet_lasting's own, these three */
    bool threaded, looked, taking_turns;
};

struct fleet_options {
    struct ctx *ctx;                 /* what all have in common: settings, whom to ask, when to stop */
    int jobs;                        /* at most so many at once; 0: FLEET_JOBS, or over a slow link all */
    /* In the member's thread, with its session open. */
    bool (*work)(struct fleet_member *member, void *context, struct err *err);
    /* An event of a member; takes `in`. NULL: dropped. */
    void (*hear)(struct fleet_member *member, void *context, struct input *in);
    /* A member has come to its end, in the order in which they do. May be NULL. */
    void (*done)(struct fleet_member *member, void *context);
    const struct fleet_lasting *lasting;   /* borrowed; NULL: it does not last */
    void *context;                   /* all are called by one thread at a time */
};

/* Which databases there are: asks the servers of environments that stand for many. One that cannot be asked becomes a
 * member without work, with its error. ERR_CANCELLED is the only failure. */
bool fleet_open(struct fleet **fleet, const struct selection *selection, const struct fleet_options *options,
                struct err *err);
size_t fleet_count(const struct fleet *fleet);
struct fleet_member *fleet_member(struct fleet *fleet, size_t nth);
/* Every member once; returns when all have ended, soon after a cancel. */
void fleet_run(struct fleet *fleet);
/* Of one that lasts, around each look: waits for its turn. *brief: its server has fewer connections than databases, so
 * that the session has to be closed before fleet_leave. False: cancelled. */
bool fleet_enter(struct fleet_member *member, bool *brief, struct err *err);
void fleet_leave(struct fleet_member *member);
/* How late its second look comes, so that members do not all look at once: a part of one interval, 0 to 1. */
double fleet_phase(const struct fleet_member *member);
/* Notes what was seen so far in known_databases; fleet_free does it, too. */
void fleet_settle(struct fleet *fleet);
void fleet_free(struct fleet *fleet);

/* The databases that an environment stands for, as environments in `settings`' arena; those that a pattern fits, NULL:
 * all. *limit gets how many connections its server can spare, 0 unknown. Asks with ctx's password, question and cancel. */
bool fleet_databases(struct ctx *ctx, const struct environment *many, const char *pattern,
                     struct environment ***list, size_t *count, int *limit, struct err *err);

#endif
