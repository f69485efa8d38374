/* onrecord - what operations tell for the record alone: who answers, what was decided, what was run. */
#ifndef SEEDOPS_OP_ONRECORD_H
#define SEEDOPS_OP_ONRECORD_H

#include "db/conn.h"
#include "guard/decide.h"
#include "op/session.h"

/* Who answers on a connection; said once for each, and again when it is another. */
void onrecord_identity(struct session *session, bool direct);
/* A decision on anything but reading (SAFETY 6: allowed or refused). */
void onrecord_guard(struct ctx *ctx, enum guard_class class, const struct guard_answer *answer);
/* For db_options: `sink` is the struct ctx. Reading is not told: the screens show what was read. The same
 * statement again and again is one event, with the values of the first (onrecord_values.h). */
void onrecord_statement(void *sink, const struct db_statement *statement);
/* Emits what onrecord_statement still gathers. ctx_emit does it before anything but progress. */
void onrecord_flush(struct ctx *ctx);
/* The same at the end of a session, when no statement follows. */
void onrecord_end(struct ctx *ctx);
/* Appends the statement with the literal after PASSWORD as [REDACTED], and those of one that writes rows as '...';
 * at most 64 KiB of it. */
void onrecord_redact(struct str *out, const char *sql);

#endif
