/* restoring - what the files of a restore share. The saved rows lie in temporary tables of the connection:
 *
 *   pg_temp.seedops_saved_N    the rows of section N: c0, c1 ... its columns, a0, a1 ... new values of its changes
 *   pg_temp.seedops_state_N    (r: ctid of a saved row, s: a letter of `states`) for every row that is not as it was
 *
 * so that every step is one statement, whatever the number of rows. */
#ifndef SEEDOPS_RESTORE_RESTORING_H
#define SEEDOPS_RESTORE_RESTORING_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"
#include "db/catalog.h"
#include "plan/safepoint_read.h"
#include "restore/restore.h"

enum row_state {
    ROW_MISSING,      /* m: to be inserted */
    ROW_SET_BACK,     /* u: has what the action gave it: to be set back */
    ROW_CHANGED,      /* c: someone changed it since: left or overwritten, as asked */
    ROW_TAKEN,        /* k: missing, and another row has one of its unique values */
    ROW_ORPHAN,       /* p: it refers to a row that is neither there nor in the safepoint */
    ROW_GONE,         /* g: of a section of changes: deleted since */
    ROW_STATES
};
extern const char restore_letters[ROW_STATES + 1];

struct restored_column {
    const struct db_column *live;    /* NULL: not there any more, or generated now */
    bool retyped;                    /* loaded as text, then cast */
    bool left_out;                   /* its values cannot be put back */
};

struct restored {                    /* a section */
    struct safepoint_table saved;
    const struct db_table *table;    /* NULL: gone */
    struct restored_column *columns; /* parallel to saved.columns */
    size_t *key;                     /* indexes into saved.columns; none: rows are compared whole */
    size_t key_count;
    bool *after;                     /* parallel to saved.changes: an aN was added (chain.c) */
    bool blocked;                    /* none of its rows can be inserted */
    int64_t rows, states[ROW_STATES];
    const char *examples[ROW_STATES];/* a few keys, or NULL */
    const char *taken;               /* names of the unique keys whose values other rows have */
    int64_t written;
};

struct restore_note { const char *object, *text; bool lost; };   /* lost: something cannot be put back */

struct restore {
    struct session *session;
    const struct restore_options *options;
    struct arena arena;
    struct safepoint_reader *reader;
    const struct safepoint_info *info;
    struct db *db;                   /* direct */
    struct db_catalog catalog;
    struct restored *sections;
    size_t count;
    struct restore_note *notes;
    size_t note_count;
    const char *path;                /* search_path of the connection, which is set aside in our transactions */
    bool overwrite;                  /* what was changed since */
    char digest[HASH_HEX];
};

/* load.c: sections meet the live catalogue, rows go into the temporary tables. */
bool restore_load(struct restore *r, struct err *err);
void restore_unload(struct restore *r);
void restore_note(struct restore *r, const char *object, bool lost, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* chain.c: rows of several sections of changes, before anything is compared. */
bool restore_chain(struct restore *r, struct err *err);

/* renumber.c: saved rows whose natural keys are there under other numbers get those, in a transaction of its own. */
bool restore_renumber(struct restore *r, struct err *err);

/* states.c: finds the state of every row (again), inside the caller's transaction; counts and digest. */
bool restore_compare(struct restore *r, struct err *err);
bool restore_examples(struct restore *r, struct err *err);
/* conflicts.c: of those, which cannot come back. */
bool restore_find_conflicts(struct restore *r, struct err *err);
/* Only the states' counts, into `to`: what is left after writing. */
bool restore_recount(struct restore *r, size_t section, int64_t to[ROW_STATES], struct err *err);
int64_t restore_writes(const struct restore *r);
bool restore_hopeless(const struct restored *s);   /* nothing of this section can be put back */
bool restore_stuck(const struct restore *r);     /* something cannot be put back */
int64_t restore_total(const struct restore *r, enum row_state state);

/* order.c. Write 2n inserts what is missing of section n, write 2n+1 sets back (overwrites) its values: how many
 * rows each writes; and their order: group[write] for all writes that have rows, what is referred to in lower groups, as
 * far as it is not in the same one. Returns the number of groups. */
int64_t restore_wanted(const struct restore *r, size_t write);
size_t restore_order(const struct restore *r, size_t *group);

/* keep.c: before anything is written, in the same snapshot: the newer values that would be overwritten, finished.
 * *kept is NULL where none are. The caller frees it, and discards it when the writing is rolled back. */
struct safepoint;
bool restore_keep(struct restore *r, struct safepoint **kept, struct err *err);

/* write.c: the statements that write, inside the caller's transaction. */
bool restore_write(struct restore *r, struct err *err);
/* Last before COMMIT: a rollback does not take sequences back. */
bool restore_sequences(struct restore *r, struct err *err);

/* SQL parts. */
void restore_live(struct str *sql, const struct restored *s, const char *alias);   /* [ONLY] "schema"."name" alias */
void restore_match(struct str *sql, const struct restored *s);                     /* t.key = r.key AND ... */
void restore_match_as(struct str *sql, const struct restored *s, size_t section);  /* t.key = xN.key AND ... */
void restore_match_named(struct str *sql, const struct restored *s, const char *saved);   /* t.key = saved.key AND ... */
void restore_live_column(struct str *sql, const char *alias, const struct restored *s, size_t column);
void restore_equals(struct str *sql, const struct db_type *type);
bool restore_compared(const struct restored *s, size_t column);
size_t restore_column_of(const struct restored *s, const struct db_column *live);   /* column_count: none of them */
bool restore_puts(const struct restored *s, size_t column);    /* its saved values are put back */
bool restore_sets(const struct restored *s, size_t column);    /* the same, into rows that are there */

#endif
