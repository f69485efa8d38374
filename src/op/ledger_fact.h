/* ledger_fact - a session's ledger as the fact that screens and --json show. */
#ifndef SEEDOPS_OP_LEDGER_FACT_H
#define SEEDOPS_OP_LEDGER_FACT_H

#include "op/session.h"

/* Of the last look; everything in *fact is owned by it. */
void ledger_fact(const struct session *s, struct fact_ledger *fact);
/* Of a state read since. */
void ledger_fact_of(const struct session *s, const struct ledger_state *state, struct fact_ledger *fact);
#endif
