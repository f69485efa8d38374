/* writer - what write.c, write_insert.c, write_update.c and desk.c share: where a seed's writing stands.
 *
 * Rows are gathered by shape on a desk and sent a sheet a statement. */
#ifndef SEEDOPS_OP_WRITER_H
#define SEEDOPS_OP_WRITER_H

#include "op/plan.h"
#include "op/sheet.h"

enum { DESK_SHEETS = 16 };

struct writer;

/* What is done with the records of a spool: insert rows, change them, fill in their late references. */
struct phase {
    /* Whether its statements set a column that may be written: a key never changes. */
    bool (*writes)(const struct writer *w, size_t column);
    /* Reads a record into *row, whose memory is the writer's arena; *skip: it is not for this phase. */
    bool (*take)(struct writer *w, const char *bytes, struct sheet_row *row, bool *skip, struct err *err);
    /* The statement that writes a sheet, whose arrays are filled. */
    void (*compose)(struct sheet *sheet, struct str *sql);
    /* Its result: true if every row was written; else ERR_CONFLICT naming the first that was not. */
    bool (*judge)(struct writer *w, struct sheet *sheet, const struct db_result *result, struct err *err);
};

struct writer {
    struct session *session;
    struct db *db;
    struct plan *plan;
    struct table_plan *table;
    size_t *order;                 /* plan tables as they are written */
    bool *late;                    /* parallel to fixture->columns: its references cannot be followed yet */
    bool *late_values;             /* and its plain values neither */
    bool *written;                 /* parallel to fixture->columns: what the statements now made write */
    const struct phase *phase;
    struct arena arena;            /* of the rows on the desk */
    struct sheet sheets[DESK_SHEETS];
    size_t open, bytes;
    uint64_t done;
};

/* ---- desk.c ---- */

/* Every record of a spool goes through the phase. */
bool desk_write(struct writer *w, struct spool *spool, const struct phase *phase, struct err *err);
void desk_clear(struct writer *w);

/* !argon2id values become the hashes to store. */
bool writer_hash_passwords(struct writer *w, struct fixture_row *row, struct err *err);
bool writer_never_writes(const struct writer *w, size_t column);
bool writer_is_key(const struct bound *bound, size_t column);
/* A value of this kind in the column is written at the end. */
bool writer_is_late(const struct writer *w, size_t column, enum value_kind kind);
/* The row has one. */
bool writer_has_late(const struct writer *w, const struct fixture_row *row);
/* ERR_CONFLICT naming the row. */
bool writer_conflict(const struct writer *w, const struct fixture_row *row, const char *why, struct err *err);

/* ---- write_insert.c, write_update.c: one table ---- */
bool write_inserts(struct writer *w, struct err *err);
bool write_updates(struct writer *w, bool late, struct err *err);
/* Rows that were inserted without references that could not be followed then. */
bool write_late(struct writer *w, struct err *err);

#endif
