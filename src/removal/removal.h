/* removal - what prune, reset and converge share: which rows go, what goes with them, and that as one plan.
 *
 *   roots (rows no fixture declares, or all) ─▶ cascade ─▶ contents of the context rows ─▶ digest, steps, IN_PLAN
 *
 * The same is gone through twice: by the plan, READ ONLY, and by the transaction under its locks, where the contents
 * are what is saved; two digests that are equal mean that what was read is what goes. */
#ifndef SEEDOPS_REMOVAL_REMOVAL_H
#define SEEDOPS_REMOVAL_REMOVAL_H

#include "base/hash.h"
#include "op/declared.h"
#include "op/plan.h"
#include "plan/cascade.h"
#include "plan/safepoint.h"
#include "removal/prune.h"

/* Rows as a set: the sum of their hashes does not depend on the order they came in. */
struct content { uint64_t rows, sum[4]; };

struct removal {
    struct session *session;
    const struct prune_options *options;
    struct declared declared;
    bool *wanted;                    /* parallel to declared.set: tables whose own rows go */
    struct graph graph;
    struct cascade cascade;
    struct cascade_set *roots;       /* parallel to graph.relations; as the plan found them */
    uint64_t *root_rows, *planned;   /* the same: rows that go of themselves, and in all, as planned */
    uint64_t *planned_changed;       /* parallel to graph.edges: rows that stay with other values, as planned */
    struct content *doomed;          /* parallel to graph.relations: of context families */
    struct content *changed;         /* parallel to graph.edges: of rows of context tables that ON DELETE changes */
    bool made;                       /* graph and the rest are there */
    struct plan seed;                /* reset, converge: what the fixtures write after it; of the plan's snapshot */
    bool seeds;
    uint64_t again;                  /* declared rows that go with others, and are written again */
    char digest[HASH_HEX];
    struct guard_answer guard;
    struct input *outcome;
    int64_t started_ms;
    int attempt;                     /* 1, then one more for each that someone else's write undid */
    const char **operational;        /* names of the tables that lose or change rows the application owns */
    size_t operational_count;
    uint64_t operational_rows;
    uint64_t rows;                   /* that go, in all */
    bool blocked;
    bool recorded;                   /* the catalogue's evidence of tables that lost rows */
    bool another;                    /* under the lock it was not the plan that was confirmed: nothing was done */
};

const char *removal_word(const struct removal *r);   /* "prune" "reset" "converge" */
/* The plan, in one READ ONLY snapshot of the reading connection. Again after removal_forget. */
bool removal_plan(struct removal *r, struct err *err);
void removal_forget(struct removal *r);
/* Rows that stay and change by an edge, as the cascade has them now. */
uint64_t removal_changed(const struct removal *r, size_t edge);
/* Digest of what the cascade and the contents say now. */
void removal_digest(struct removal *r, char digest[HASH_HEX]);
/* For cascade_options: a family of the application's. */
bool removal_bulk(void *removal, size_t family);
/* "Station", with its schema where that is not the default one. */
const char *removal_name(struct removal *r, size_t relation);
const struct bound *removal_bound(const struct removal *r, size_t family);
bool removal_in_list(const char *const *list, size_t count, const char *name);

/* contents.c */

/* A family whose rows are told apart by what is in them; others are only counted. */
bool removal_by_content(const struct removal *r, size_t family);
/* Contents of a family's doomed rows, or of the others of an edge; `list`: to options->row; `save` (may be NULL) gets
 * the lines as well. */
bool removal_read_family(struct removal *r, struct db *db, size_t family, bool list, struct safepoint *save,
                         struct err *err);
bool removal_read_edge(struct removal *r, struct db *db, size_t edge, bool update, bool list, struct safepoint *save,
                       struct err *err);

/* changes.c: of an edge's ON DELETE or (`update`) ON UPDATE. */

const char *removal_action(char action);             /* "SET NULL" */
bool removal_edge_changes(const struct removal *r, size_t edge, bool update);
bool removal_changes_column(const struct removal *r, size_t edge, bool update, size_t column);
const struct db_column *removal_edge_column(const struct removal *r, size_t edge, size_t column);
/* What every row gets there. Texts live as long as the graph. */
struct removal_value {
    const char *sql;                 /* "NULL", "DEFAULT 7"; NULL: rows differ */
    const char *constant;            /* of a default that is one: its expression; NULL: it is none */
};
struct removal_value removal_becomes(struct removal *r, size_t edge, bool update, size_t column);
const char *removal_value_text(const struct removal_value *value);   /* or words */

/* show.c: IN_PLAN, and the refusal of a plan in whose way rows are. */
struct input *removal_event(struct removal *r);
bool removal_refuse_blocked(struct removal *r, struct err *err);

/* do.c: one transaction (SAFETY 5 "Prune, reset"). Fills r->outcome. */
bool removal_do(struct removal *r, struct db *db, struct err *err);

#endif
