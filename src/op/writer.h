/* writer - what write.c, write_insert.c, write_update.c and desk.c share: where a seed's writing stands.
 *
 * Rows are gathered by shape on a desk and sent a sheet a statement. */
#ifndef SEEDOPS_OP_WRITER_H
#define SEEDOPS_OP_WRITER_H

#include "op/plan.h"
#include "op/sheet.h"

enum { DESK_SHEETS = 16 };

struct writer {
    struct session *session;
    struct db *db;
    struct plan *plan;
    struct table_plan *table;
    size_t *order;                 /* plan tables as they are written */
    bool *late;                    /* parallel to fixture->columns: its references cannot be followed yet */
    bool *written;                 /* parallel to fixture->columns: what the statements now made write */
    bool (*send)(struct writer *w, struct sheet *sheet, struct err *err);
    struct arena arena;            /* of the rows on the desk */
    struct sheet sheets[DESK_SHEETS];
    size_t open, bytes;
    uint64_t done;
};

/* ---- desk.c ---- */

/* What a phase writes: a key never changes, and is not sent where the live one is known. */
enum phase { PHASE_INSERT, PHASE_UPDATE, PHASE_LATE };
void desk_begin(struct writer *w, enum phase phase, bool (*send)(struct writer *, struct sheet *, struct err *));
/* Puts a row down whose memory is the writer's arena; a full desk is sent. */
bool desk_put(struct writer *w, const struct sheet_row *row, size_t bytes, struct err *err);
/* A row of `bytes` was looked at and left out: its memory counts too. */
bool desk_skip(struct writer *w, size_t bytes, struct err *err);
bool desk_send(struct writer *w, struct err *err);
void desk_clear(struct writer *w);

/* !argon2id values become the hashes to store. */
bool writer_hash_passwords(struct writer *w, struct fixture_row *row, struct err *err);
bool writer_never_writes(const struct writer *w, size_t column);
bool writer_is_key(const struct bound *bound, size_t column);
/* The row has a reference that is followed at the end. */
bool writer_has_late(const struct writer *w, const struct fixture_row *row);
/* ERR_CONFLICT naming the row. */
bool writer_conflict(const struct writer *w, const struct fixture_row *row, const char *why, struct err *err);

/* ---- write_insert.c, write_update.c: one table ---- */
bool write_inserts(struct writer *w, struct err *err);
bool write_updates(struct writer *w, bool late, struct err *err);
/* Rows that were inserted without references that could not be followed then. */
bool write_late(struct writer *w, struct err *err);

#endif
