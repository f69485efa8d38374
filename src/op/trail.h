/* trail - a row in seedops.actions for every write (SAFETY 6): who did what from where, with which plan and fixtures.
 *
 * Every operation that writes calls, in this order:
 *     trail_announce   once, before its transaction: one line where no trail will be left
 *     trail_add        in the transaction, last before COMMIT, so that row and write stand or fall together
 *                      (trail_sql gives the statement, for a script that is sent whole); where the write has no
 *                      transaction of its own, right after it
 *     trail_left       after COMMIT; or
 *     trail_applied    the same of a fixture set: notes it as the last one applied here (SAFETY 5 "Whose fixtures?")
 * A write that changed nothing calls none of them. Whoever opened the session calls trail_end before closing it. */
#ifndef SEEDOPS_OP_TRAIL_H
#define SEEDOPS_OP_TRAIL_H

#include "base/str.h"
#include "op/session.h"

struct trail_entry {
    const char *action;              /* in the words of the command line: "seed", "migrate resolve" */
    const char *object;              /* what it was about (a migration, a safepoint); NULL: nothing in particular */
    const char *plan_digest;         /* NULL: none */
    bool fixtures;                   /* the session's fixture set is in effect from now on: seed, prune, reset, converge */
    const struct fact_count *counts; /* a table each, before and after; -1 is not known */
    size_t count_count;
};

/* All three speak of the connection that session_direct gives. */
void trail_announce(struct session *s);
/* True without doing anything where there is no trail to add to. On failure the caller rolls back. */
bool trail_add(struct session *s, struct db *db, const struct trail_entry *entry, struct err *err);
/* Appends the INSERT and a ';', or nothing. */
void trail_sql(const struct session *s, const struct trail_entry *entry, struct str *sql);
void trail_left(struct session *s);
void trail_applied(struct session *s, const struct trail_entry *entry);
/* The last row of a session that left one: `hash` is the final one of its journal, which ends before that (FORMATS "The
 * journal"); NULL: of its last line so far, since the journal goes on without this session. Cancelled or not, within
 * two seconds. True without doing anything where none was left or nothing was recorded. */
bool trail_end(struct session *s, const char *hash, struct err *err);

#endif
