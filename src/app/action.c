/* action - the dispatcher: where an action works, what it needs, and the one text that refuses it. */
#include "app/action.h"

#include <string.h>

#include "app/layout.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"

const struct action *action_find(const char *name)
{
    for (int i = 0; i < action_count; i++)
        if (text_same(actions[i].name, name))
            return &actions[i];
    return NULL;
}

unsigned action_context(const struct model *m)
{
    switch (m->modal.kind) {
    case MODAL_HELP:
    case MODAL_PALETTE: return IN_PICK;
    case MODAL_MENU: return IN_MENU;
    case MODAL_SEARCH:
    case MODAL_FILTER:
    case MODAL_NOTE: return IN_PROMPT;
    case MODAL_CONFIRM:
    case MODAL_QUESTION:
    case MODAL_ERROR:
    case MODAL_VALUE:
    case MODAL_DETAILS: return IN_DIALOG;
    default: return 1u << m->screen;
    }
}

void screen_run_action(struct model *m, const char *name, struct effects *effects)
{
    const struct action *action = action_find(name);
    if (action)
        action_run(m, action, &(struct input){.kind = IN_ACTION}, effects);
}

bool action_has_key(const struct action *action, const char *key)
{
    size_t length = strlen(key);
    for (const char *p = action->keys; *p;) {
        size_t word = strcspn(p, " ");
        if (word == length && strncmp(p, key, word) == 0)
            return true;
        p += word + (p[word] == ' ');
    }
    return false;
}

static bool known(const struct model *m) { return m->facts.status_partial || m->facts.status_complete; }

static bool selected_is_held(const struct model *m)
{
    bool inside = m->screen == SCREEN_DIFF && !text_is_empty(m->diff.table);
    int64_t row = inside ? -1 : list_selected(m);
    const struct fact_table *table = inside ? facts_table(m, m->diff.table)
                                   : row >= 0 ? facts_table(m, facts_table_name(m, row)) : NULL;
    return (inside && m->diff.totals.held) || (table && table->held);
}

/* The guard's word on the class of action, as the last status brought it; W and the name are asked for. */
static bool guard_refuses(const struct model *m, unsigned needs)
{
    const struct fact_guard *g = &m->facts.guard;
    if (!known(m))
        return false;
    return (needs & NEEDS_SEED_ALLOWED && !g->seed_allowed) ||
           (needs & NEEDS_MIGRATE_ALLOWED && !g->migrate_allowed);
}

/* The first need that is not met, as a sentence; NULL: all are. */
static const char *unmet(const struct model *m, unsigned needs)
{
    if (m->roaming && needs & (NEEDS_WRITE_MODE | NEEDS_NAME | DESTRUCTIVE))
        return "this is a replay, there is no database here";
    if (needs & NEEDS_ENVIRONMENT && text_is_empty(m->environment))
        return "no environment is open: Enter on a line of the list opens one";
    if (needs & NEEDS_CONNECTION && !facts_ready(m))
        return "there is no connection: r tries again";
    if (needs & NEEDS_PENDING && known(m) && m->facts.ledger.pending <= 0)
        return "no migration is pending";
    if (needs & NEEDS_HELD && !selected_is_held(m))
        return "this table is not held, Enter compares it";
    if (needs & NEEDS_WRITE_MODE && m->facts.server.in_recovery)
        return "this server is a standby and takes no writes";
    if (needs & NEEDS_IDLE && jobs_write(m))
        return "a write is running: wait, or ctrl-x cancels it";
    if (guard_refuses(m, needs))
        return m->facts.guard.reason_count ? or_empty(m->facts.guard.reasons[0].text)
                                           : "the guard refuses it here";
    if (needs & NEEDS_WRITE_MODE && !m->write_mode)
        return "the console is read-only: press W for write mode";
    if (needs & NEEDS_ROW && list_selected(m) < 0)
        return "no row is selected";
    return NULL;
}

bool action_refused(const struct model *m, const struct action *action, struct str *why)
{
    const char *reason = unmet(m, action->needs);
    if (reason && why) {
        size_t length = strlen(reason), title = strcspn(action->title, ":");
        bool ended = length && reason[length - 1] == '.';
        if (title + length + 4 <= (size_t)m->columns)
            str_printf(why, "%.*s: %s%s", (int)title, action->title, reason, ended ? "" : ".");
        else             /* what was asked for is known, why it does not happen is not */
            str_printf(why, "%c%s%s", *reason >= 'a' && *reason <= 'z' ? *reason - 32 : *reason, reason + 1,
                       ended ? "" : ".");
        if (guard_refuses(m, action->needs) && !text_is_empty(m->facts.guard.allow_line))
            str_printf(why, " Allowed by: %s", m->facts.guard.allow_line);
    }
    return reason != NULL;
}

size_t action_menu_size(const struct model *m)
{
    size_t size = 0;
    for (int i = 0; i < action_count; i++)
        size += actions[i].menu_key && actions[i].where & 1u << m->screen;
    return size;
}

void action_run(struct model *m, const struct action *action, const struct input *in, struct effects *effects)
{
    struct str why = {0};
    if (!action_refused(m, action, &why)) {
        action->run(m, in, effects);
    } else {
        notice_set(m, "warn", "%s", str_text(&why));
        effect_add(effects, EFFECT_BELL, NULL);
    }
    str_free(&why);
}

void action_dispatch(struct model *m, const struct input *in, struct effects *effects)
{
    const struct action *action = action_find(in->name);
    if (action && action->where & action_context(m) && (action->needs & BLIND || !layout_of(m).too_small))
        action_run(m, action, in, effects);
}
