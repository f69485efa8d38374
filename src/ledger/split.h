/* split - an SQL file as statements with their places: what runs, on which line, and how it may run.
 *
 * Knows quotes, dollar quotes, comments (nested), E'' strings, BEGIN ATOMIC bodies, and psql's backslash
 * commands (refused by name). Used for error lines, for the plan's risks, and to run non-transactional files
 * statement by statement; a transactional file is sent whole. */
#ifndef SEEDOPS_LEDGER_SPLIT_H
#define SEEDOPS_LEDGER_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum statement_risk {
    RISK_NONE = 0,
    RISK_DROP = 1,
    RISK_TRUNCATE = 2,
    RISK_DELETE = 4,
    RISK_TYPE = 8,
    RISK_UPDATE = 16
};

struct statement {
    const char *text;            /* into the file's bytes; not NUL-terminated */
    size_t length;
    size_t offset;               /* bytes from the start of the file */
    unsigned line;               /* of its first token, 1-based */
    bool no_transaction;         /* CONCURRENTLY, VACUUM, CREATE DATABASE, ALTER SYSTEM ... */
    bool concurrently;           /* CREATE INDEX CONCURRENTLY / REINDEX CONCURRENTLY */
    const char *index_name;      /* of a CREATE INDEX CONCURRENTLY, as written; NULL when it has none */
    bool transaction_control;    /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT ... */
    bool begins_block, ends_block; /* of those: begins or ends a transaction (savepoints live inside one) */
    bool copies_stream;          /* COPY FROM STDIN or TO STDOUT */
    unsigned risks;              /* enum statement_risk, or-ed */
};

struct sql_file {
    struct statement *statements;
    size_t count;
    bool no_transaction_mark;    /* "-- seedops:no-transaction" among the leading comments */
    bool transactional;          /* may be wrapped in one transaction of ours */
    const char *why_not;         /* sentence, when it may not */
};

bool split_sql(struct sql_file *out, struct arena *arena, const char *file, const char *bytes, size_t length,
               struct err *err);
/* Line (1-based) and column (characters) of a 1-based character position, as the server's errors count. */
void split_place(const char *bytes, size_t length, unsigned position, unsigned *line, unsigned *column);
/* "DROP, TRUNCATE": names of the bits in `risks`. */
const char *split_risk_names(unsigned risks, char *out, size_t size);

#endif
