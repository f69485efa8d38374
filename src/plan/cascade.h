/* cascade - which rows go with the rows that shall go, exactly, and which others change or are in the way.
 *
 *   roots ─▶ walk: each foreign key is one set query a batch of parents, until nothing new turns up
 *            ON DELETE CASCADE      the children are doomed too, through any depth and through cycles
 *            SET NULL, SET DEFAULT  they change, and what refers to a changed key follows by ON UPDATE
 *            NO ACTION, RESTRICT    they are in the way, unless they are doomed by another path
 *
 * Rows are known by their places (tids.h), so nothing is created in the database, a plan runs READ ONLY, and the same
 * steps with `lock` are the first part of doing it. All of it belongs to one transaction of one snapshot. */
#ifndef SEEDOPS_PLAN_CASCADE_H
#define SEEDOPS_PLAN_CASCADE_H

#include "plan/graph.h"
#include "plan/tids.h"

struct cascade_part { size_t relation; struct tids rows, fresh; };   /* rows that one table or partition stores */
struct cascade_set { struct cascade_part *parts; size_t count; };

struct cascade {
    const struct graph *graph;
    struct cascade_set *doomed;      /* parallel to graph->relations; of families */
    struct cascade_set *met;         /* parallel to graph->edges: rows that refer by it to a doomed row and are not
                                      * doomed by it: they change, or are in the way */
    struct cascade_set *updated;     /* parallel to graph->edges: rows that refer by it to a key that changes */
    uint64_t *by;                    /* parallel to graph->edges: rows that were doomed by it first */
    uint64_t *counted;               /* parallel to graph->relations: rows whose places nobody noted */
    bool *streamed;                  /* the same: all doomed rows of this family went to options->row */
    bool *later;                     /* the same: its rows are read when they are deleted; till then `counted` is a guess */
    uint64_t seen;                   /* rows found so far, for progress */
};

/* COPY text of whole rows: exactly the columns that safepoint_saves, whole lines. */
typedef bool cascade_row(void *context, const char *line, size_t length, struct err *err);

struct cascade_options {
    bool lock;                       /* FOR UPDATE, parents first, where this role may */
    bool lock_bulk;                  /* those of `bulk` as well, one by one */
    void (*progress)(void *context, uint64_t rows);   /* may be NULL */
    /* Families whose rows nobody reads again one by one. Nothing refers to them: without `lock` they are counted where
     * that is exact; with it `row` (may be NULL) gets each row now, which spares reading it again. `begin` says whose
     * rows come next. Where such a row is found by one key only and not locked, its place is not noted: it is deleted by
     * that key. Its locked parent keeps new ones out, and who changes one meanwhile makes the delete fail (the snapshot
     * is REPEATABLE READ): then all begins anew, with `lock_bulk`. */
    bool (*bulk)(void *context, size_t family);
    bool (*begin)(void *context, size_t family, struct err *err);
    cascade_row *row;
    /* About how many rows of such a family there are, if they shall be read later: cascade_read_later, or `beside` of
     * cascade_delete. 0: now. NULL: all now. */
    uint64_t (*later)(void *context, size_t family);
    void *context;
};

void cascade_init(struct cascade *c, const struct graph *graph);
void cascade_free(struct cascade *c);
/* One root: tableoid and ctid as texts. */
bool cascade_root(struct cascade *c, const char *table, const char *place, struct err *err);
/* Every row of a family. */
bool cascade_root_all(struct cascade *c, struct db *db, size_t family, const struct cascade_options *options,
                      struct err *err);
/* A new cascade over the same graph with the roots of another: in a new snapshot they are looked for anew. `roots`
 * gives them; ERR_CONFLICT from the walk when one is not there any more. */
void cascade_roots_of(struct cascade *c, const struct cascade_set *roots);
/* Copies the doomed rows as they are now (the roots, before the walk) to `roots`, parallel to relations. */
void cascade_keep_roots(const struct cascade *c, struct cascade_set *roots);
void cascade_sets_free(struct cascade_set *sets, size_t count);
bool cascade_walk(struct cascade *c, struct db *db, const struct cascade_options *options, struct err *err);

uint64_t cascade_count(const struct cascade_set *set);
/* Rows of a family that go, their places noted or not. */
uint64_t cascade_going(const struct cascade *c, size_t family);
/* Those of an edge's set that are not doomed. */
uint64_t cascade_others(const struct cascade *c, const struct cascade_set *set);
/* The doomed rows that one table or partition stores; NULL: none. */
const struct tids *cascade_doomed_part(const struct cascade *c, size_t relation);
/* True if ON DELETE of this edge changes rows / stands in the way. */
bool cascade_edge_changes(const struct graph_edge *edge);
bool cascade_edge_blocks(const struct graph_edge *edge);
/* True if ON UPDATE of it changes rows, too. */
bool cascade_edge_follows(const struct graph_edge *edge);

/* Whether a part's rows are addressed in the partition itself or, where this role has no right there, by way of the
 * whole table: FROM ..., and WHERE ... for these places. `alias` names it. */
void cascade_from(const struct graph *g, size_t relation, const char *alias, struct str *sql);
void cascade_where(const struct graph *g, size_t relation, const char *alias, const char *places, struct str *sql);
/* "child c, parent p WHERE ...": what refers by this key to these `count` places; the comma is `between`. Of one place
 * there is no p. */
void cascade_join(const struct graph *g, size_t relation, const struct graph_edge *e, const char *places, size_t count,
                  const char *between, struct str *sql);

/* ---- cascade_rows.c: what is in them ---- */

/* "t.a, t.b": the columns of a family's rows. */
void cascade_columns(const struct graph *g, size_t family, const char *alias, struct str *sql);
/* A family's doomed rows, or those that an edge changes: `most` of them. */
bool cascade_read_doomed(const struct cascade *c, struct db *db, size_t family, uint64_t most, cascade_row *row,
                         void *context, struct err *err);
bool cascade_read_others(const struct cascade *c, struct db *db, const struct cascade_set *set, uint64_t most,
                         cascade_row *row, void *context, struct err *err);
/* The first key by which rows of a family refer to others. NULL: none. */
const struct graph_edge *cascade_edge_to(const struct graph *g, size_t family);
/* Rows of a family whose places were not noted, some at a time; they leave a COPY open meanwhile. */
struct cascade_reading {
    const struct cascade *c;
    struct db *db;
    const struct graph_edge *edge;   /* that dooms them */
    size_t family, part;             /* part: of its parents */
    struct tids_cursor at;
    struct str places, sql;
    bool copying, done;
    uint64_t rows, limit;            /* so far; UINT64_MAX: all */
};
void cascade_reading_begin(struct cascade_reading *reading, const struct cascade *c, struct db *db, size_t family);
/* At most `most` of them to `row`; then, or at the end, comes back. */
bool cascade_reading_go_on(struct cascade_reading *reading, uint64_t most, cascade_row *row, void *context,
                           struct err *err);
void cascade_reading_end(struct cascade_reading *reading);
/* All that the walk left for later, now: to `row` of the walk's options. */
bool cascade_read_later(struct cascade *c, struct db *db, const struct cascade_options *walk, struct err *err);
/* Settings under which a value's text is exact: SET LOCAL ...; */
extern const char cascade_texts[];

/* ---- cascade_delete.c ---- */

/* Children first, a cycle in one statement. What a role may not delete itself goes by ON DELETE CASCADE. */
struct cascade_delete {
    bool (*step)(void *context, uint64_t rows, struct err *err);   /* after each statement; may be NULL */
    /* What the walk left for later is read by this connection, which sees the same snapshot, while it is deleted: MVCC
     * shows it the rows as they were. As many must be read as deleted. NULL: nothing was left. */
    struct db *beside;
    bool (*begin)(void *context, size_t family, struct err *err);  /* with `beside`: as in cascade_options */
    cascade_row *row;
    void *context;
};
bool cascade_delete(struct cascade *c, struct db *db, const struct cascade_delete *options, struct err *err);

/* Rows inserted, updated and deleted by this transaction so far, a table a line, as the server counts them. */
struct cascade_tally {
    uint32_t *oids;
    int64_t (*counts)[3];
    size_t count;
};
enum { TALLY_INSERTED, TALLY_UPDATED, TALLY_DELETED };
bool cascade_tally_read(struct cascade_tally *tally, struct db *db, struct err *err);
void cascade_tally_free(struct cascade_tally *tally);
/* Compares what happened since `before` with what was foreseen: ERR_CONFLICT naming the table and the trigger that may
 * have done it. Inserts are nobody's loss. */
bool cascade_check(const struct cascade *c, struct db *db, const struct cascade_tally *before, struct err *err);

#endif
