/* statement - what one SQL statement is, told by its unquoted words: its risks, whether it may run inside a
 * transaction, whether it is one of the transaction's own commands. For split.c. */
#ifndef SEEDOPS_LEDGER_STATEMENT_H
#define SEEDOPS_LEDGER_STATEMENT_H

#include "ledger/split.h"

struct sql_word {
    const char *text;
    unsigned length, depth;      /* depth: parentheses around it */
    bool quoted;                 /* "an identifier" */
};

struct sql_words {               /* the words of one statement; grows, reused for the next */
    struct sql_word *items;
    size_t count, capacity;
    const char *body;            /* its last dollar-quoted string: the body of DO */
    size_t body_length;
};

void words_add(struct sql_words *words, const char *text, size_t length, unsigned depth, bool quoted);
void words_body(struct sql_words *words, const char *text, size_t length);
void words_reset(struct sql_words *words);
void words_free(struct sql_words *words);
/* True if the words from `at` on are these (lower case, one space apart). */
bool words_are(const struct sql_words *words, size_t at, const char *want);

void statement_classify(struct statement *s, const struct sql_words *words, struct arena *arena);
#endif
