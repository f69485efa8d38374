/* declared - what the fixtures declare, met with the live catalogue: bound tables in writing order, and which
 * of them must not be scanned. Sends nothing beyond the session's look. */
#ifndef SEEDOPS_OP_DECLARED_H
#define SEEDOPS_OP_DECLARED_H

#include "bind/bind.h"
#include "diff/diff.h"
#include "op/session.h"

struct declared {
    struct bound_set set;
    bool *held;                /* parallel to set.items; in its arena */
    bool in_transaction;       /* the caller's: comparisons begin none of their own */
    bool *evidence;            /* its own rows were deleted: what the catalogue knows is worth recording */
};

/* Fixtures, look, bind. Problems are each logged with their place (level "problem"), then summed up in err. */
bool declared_load(struct session *s, struct declared *d, struct err *err);
void declared_free(struct declared *d);
/* The bound fixture a person named ("Station", "public.Station"), or NULL with err set. */
const struct bound *declared_find(const struct declared *d, const char *name, struct err *err);
bool declared_held(const struct declared *d, const struct bound *bound);
/* True if no fixture declares the table, and it must not be read: it is a context table whose rows were deleted. */
bool declared_spared(const struct session *s, const struct declared *d, const struct db_table *table);
/* Counts held tables and held parents by TID: one without a live row is known to be empty (db_table's
 * known_empty), so that it can be planned without being read, and is held no longer. */
bool declared_count_held(struct session *s, struct declared *d, struct err *err);
/* Forgets that: someone else wrote meanwhile. */
void declared_forget_counts(struct declared *d);
/* Types, labels, lengths, references of every value (bind/validate); problems as above. */
bool declared_validate(struct session *s, const struct declared *d, struct err *err);
/* A comparison failed at a value the server cannot read: its message has no place, validation knows it. Replaces
 * err where it finds out; false. */
bool declared_place(struct session *s, const struct declared *d, struct err *err);

/* The configuration's rule for a live table, or NULL. */
const struct table_rule *declared_rule(const struct session *s, const struct db_table *table);
/* Rows of its fixture, as far as fixtures are read; -1: it has none. */
int64_t declared_rows(const struct session *s, const struct db_table *table);
/* "Station", with its schema where that is not the default one. In the catalogue's arena. */
const char *declared_name(const struct session *s, const struct db_table *table);
/* diff_options with the fixture's environment and the table's secret columns. */
struct diff_options declared_diff_options(const struct session *s, const struct bound *bound);
/* Logs each problem, gives the error that sums them up. Empties the list. */
bool declared_problems(struct session *s, struct err_list *problems, struct err *err);

#endif
