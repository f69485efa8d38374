/* pick - what help, palette and menu offer: made from the table of actions, never written by hand. */
#include <string.h>

#include "app/dialog.h"
#include "app/util.h"

static size_t add(struct pick *picks, size_t count, struct pick pick)
{
    if (count < PICKS_MOST)
        picks[count++] = pick;
    return count;
}

static size_t menu_picks(const struct model *m, struct pick *picks)
{
    size_t count = 0;
    for (int i = 0; i < action_count; i++)
        if (actions[i].menu_key && actions[i].where & 1u << m->screen)
            count = add(picks, count, (struct pick){.action = &actions[i]});
    return count;
}

static bool help_matches(const struct action *action, const char *query)
{
    return text_holds(action->title, query) || text_holds(action->name, query) ||
           text_holds(action->keys, query) || text_holds(or_empty(action->consequence), query);
}

static int help_rank(const struct model *m, const struct action *action)
{
    return !(action->where & 1u << m->screen) ? 2 : action->needs & QUIET ? 1 : 0;
}

/* Everything with a key or in a menu: first what this screen is for, then moving about, then the rest. */
static size_t help_picks(const struct model *m, struct pick *picks)
{
    size_t count = 0;
    for (int rank = 0; rank <= 2; rank++)
        for (int i = 0; i < action_count; i++) {
            const struct action *a = &actions[i];
            if (help_rank(m, a) == rank && (*a->keys || a->menu_key) &&
                help_matches(a, or_empty(m->modal.text)))
                count = add(picks, count, (struct pick){.action = a});
        }
    return count;
}

static int palette_score(const struct action *action, const char *query)
{
    int title = text_fuzzy(action->title, query), name = text_fuzzy(action->name, query);
    int score = title > name ? title : name;
    if (*query && (text_same(action->name, query) || action_has_key(action, query)))
        score += 1000;
    return score;
}

/* Best first; equals stay in table order. Few enough for the plainest of sorts. */
static void sort(struct pick *picks, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct pick moving = picks[i];
        size_t at = i;
        for (; at > 0 && picks[at - 1].score < moving.score; at--)
            picks[at] = picks[at - 1];
        picks[at] = moving;
    }
}

static size_t palette_picks(const struct model *m, struct pick *picks)
{
    const char *query = or_empty(m->modal.text);
    size_t count = 0;
    for (int i = 0; i < action_count; i++) {
        const struct action *a = &actions[i];
        if (a->needs & QUIET || !(a->where & ON_SCREENS))
            continue;
        int score = palette_score(a, query);
        if (score >= 0)
            count = add(picks, count, (struct pick){.action = a, .score = score});
    }
    for (size_t i = 0; i < m->environments.item_count; i++) {
        const char *name = or_empty(m->environments.items[i].name);
        int score = text_fuzzy(name, query);
        if (score >= 0 && *name)
            count = add(picks, count, (struct pick){.environment = name, .score = score});
    }
    sort(picks, count);
    return count;
}

size_t picks_make(const struct model *m, struct pick picks[PICKS_MOST])
{
    switch (m->modal.kind) {
    case MODAL_MENU: return menu_picks(m, picks);
    case MODAL_HELP: return help_picks(m, picks);
    case MODAL_PALETTE: return palette_picks(m, picks);
    default: return 0;
    }
}
