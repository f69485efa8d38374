/* ledger_fact - counting states, naming the newest, saying who holds the lock. */
#include "op/ledger_fact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count_states(const struct ledger_state *state, struct fact_ledger *fact)
{
    int64_t counts[MIGRATION_STATE_COUNT] = {0};
    const struct migration *last = NULL;
    for (size_t i = 0; i < state->count; i++) {
        const struct migration *m = &state->migrations[i];
        counts[m->state]++;
        bool later = m->applied_at && (!last || strcmp(m->applied_at, last->applied_at) >= 0);
        if (later)
            last = m;
    }
    fact->applied = counts[MIGRATION_APPLIED] + counts[MIGRATION_MODIFIED] + counts[MIGRATION_MISSING];
    fact->pending = counts[MIGRATION_PENDING] + counts[MIGRATION_ROLLED_BACK] + counts[MIGRATION_OUT_OF_ORDER] +
                    counts[MIGRATION_SKIPPED];
    fact->failed = counts[MIGRATION_FAILED];
    fact->modified = counts[MIGRATION_MODIFIED];
    fact->missing = counts[MIGRATION_MISSING];
    fact->last_name = xstrdup(last ? last->name : "");
    fact->last_applied_at = xstrdup(last ? last->applied_at : "");
}

static char *holder_text(const struct ledger_state *state)
{
    if (!state->locked)
        return xstrdup("");
    char text[192];
    snprintf(text, sizeof text, "pid %d %s \"%s\"", state->holder.pid, state->holder.user,
             state->holder.application);
    return xstrdup(text);
}

static char *problem_text(const struct session *s, const struct ledger_state *state)
{
    if (s->ledger_error.class != ERR_NONE)
        return xstrdup(s->ledger_error.message);
    if (s->ledger_problem.class != ERR_NONE)
        return xstrdup(s->ledger_problem.message);
    if (!state->foreign_tool || state->exists)
        return xstrdup("");
    char text[192];
    snprintf(text, sizeof text, "%s holds the ledger of another tool: %s", state->foreign_relation,
             state->foreign_tool);
    return xstrdup(text);
}

void ledger_fact_of(const struct session *s, const struct ledger_state *state, struct fact_ledger *fact)
{
    *fact = (struct fact_ledger){0};
    fact->tool = xstrdup(s->ledger ? ledger_tool(s->ledger) : "");
    fact->relation = xstrdup(s->ledger ? ledger_relation(s->ledger) : "");
    fact->exists = state->exists;
    count_states(state, fact);
    fact->lock_holder = holder_text(state);
    fact->problem = problem_text(s, state);
}

void ledger_fact(const struct session *s, struct fact_ledger *fact) { ledger_fact_of(s, &s->ledger_state, fact); }
