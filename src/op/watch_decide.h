/* watch_decide - what there is to tell: the state that was told, and the one that a look found. Pure.
 *
 * A table of rules, each of which finds one kind of event; a kind is told once a look, whatever the number of tables or
 * migrations it is about, and not again until it has changed back. What a look could not find out stays as it was. */
#ifndef SEEDOPS_OP_WATCH_DECIDE_H
#define SEEDOPS_OP_WATCH_DECIDE_H

#include "op/watch_state.h"

enum watch_weight { WATCH_NEWS, WATCH_GOOD, WATCH_BAD };

struct watch_event;
struct watch_change { const struct watch_state *before; struct watch_state *now; };

struct watch_rule {
    const char *name;                /* of the event: "below-floor" */
    enum watch_weight weight;
    bool diagnose;                   /* evidence is fresh now: a diagnosis goes with it */
    bool (*find)(const struct watch_change *c, struct watch_event *event);   /* true: there is one */
    const char *next;                /* what to do, or NULL */
};
extern const struct watch_rule watch_rules[];
extern const int watch_rule_count;

struct watch_event {                 /* texts and lists live in the arena of `now` */
    const struct watch_rule *rule;
    int64_t serial;
    const char *text;                /* a sentence */
    const struct watch_table **tables;          size_t table_count;
    const struct watch_migration **migrations;  size_t migration_count;
};

enum { WATCH_EVENTS = 24 };          /* at least the number of rules */

/* Completes `now` by what `before` knew, numbers the events and counts now->serial on. Gives how many. */
size_t watch_decide(const struct watch_state *before, struct watch_state *now, struct watch_event events[WATCH_EVENTS]);
/* ERR_NONE: all is well. ERR_NOT_READY: it does not answer. ERR_MIGRATION: one failed, or the ledger cannot be read.
 * ERR_DIFFERENT: rows are missing, migrations are pending or modified, or it is another database. */
enum err_class watch_health(const struct watch_state *state);
/* True if the two say the same but for the moment and how many rows there are: nothing that a restart would miss. */
bool watch_same(const struct watch_state *a, const struct watch_state *b);
/* Rows it lacks: not there, held, or fewer than its floor. Without a floor: none, where there were some. */
bool watch_lacks(const struct watch_table *now, const struct watch_table *before);

#endif
