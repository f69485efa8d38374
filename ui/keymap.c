/* keymap - keys, clicks and pastes as messages. Which key means what stands in the table of actions; here is
 * only where typed characters go. Pure: asks the model, changes nothing. */
#include <string.h>

#include "app/action.h"
#include "app/dialog.h"
#include "app/util.h"
#include "base/err.h"
#include "base/text.h"
#include "ui.h"

static struct input *message(enum input_kind kind, const char *name, int64_t number, const char *text)
{
    struct input *in = input_new(kind);
    in->name = xstrdup(name);
    in->text = xstrdup(text);
    in->number = number;
    return in;
}

bool keymap_secret(const struct model *m)
{
    return m->modal.kind == MODAL_QUESTION && m->modal.secret && m->modal.focus == FOCUS_FIELD;
}

static bool takes_text(const struct model *m)
{
    switch (action_context(m)) {
    case IN_PICK:
    case IN_PROMPT: return true;
    case IN_DIALOG: return dialog_has_field(m) && !m->modal.secret;   /* on a button, too: no letter presses one */
    default: return false;
    }
}

/* The character that a key types, or NULL. */
static const char *typed(const char *key)
{
    int32_t point;
    if (strcmp(key, "space") == 0)
        return " ";
    size_t length = strlen(key);
    bool one = length > 0 && text_decode(key, length, &point) == length && point >= 0x20 && point != 0x7f;
    return one ? key : NULL;
}

static const struct action *menu_action(const struct model *m, const char *key)
{
    for (int i = 0; i < action_count; i++)
        if (actions[i].menu_key && actions[i].where & 1u << m->screen &&
            strcmp(actions[i].menu_key, key) == 0)
            return &actions[i];
    return NULL;
}

/* A menu's letter stands for its line. */
static struct input *menu_choice(const struct model *m, const struct action *action)
{
    struct pick picks[PICKS_MOST];
    size_t count = picks_make(m, picks);
    for (size_t i = 0; i < count; i++)
        if (picks[i].action == action)
            return message(IN_ACTION, "select", (int64_t)i, NULL);
    return NULL;
}

struct input *keymap_key(const struct model *m, const char *key)
{
    unsigned context = action_context(m);
    if (takes_text(m) && typed(key))
        return message(IN_TEXT, NULL, 0, typed(key));
    for (int i = 0; i < action_count; i++)
        if (actions[i].where & context && action_has_key(&actions[i], key))
            return message(IN_ACTION, actions[i].name, 0, NULL);
    if (context == IN_MENU && menu_action(m, key))
        return menu_choice(m, menu_action(m, key));
    return NULL;
}

struct input *keymap_paste(const struct model *m, const char *text)
{
    return takes_text(m) && *text ? message(IN_TEXT, NULL, 0, text) : NULL;
}

static struct input *click(const struct hit *hit, bool twice)
{
    if (!hit || !*hit->action)
        return NULL;
    if (twice && strcmp(hit->action, "select") == 0)
        return message(IN_ACTION, "open", 0, NULL);   /* the first click has selected it */
    return message(IN_ACTION, hit->action, hit->number, NULL);
}

struct input *keymap_mouse(const struct model *m, const struct grid *grid, const char *kind, int row,
                           int column)
{
    (void)m;
    if (strcmp(kind, "wheel-up") == 0)
        return message(IN_ACTION, "up", 3, NULL);
    if (strcmp(kind, "wheel-down") == 0)
        return message(IN_ACTION, "down", 3, NULL);
    if (strcmp(kind, "click") == 0 || strcmp(kind, "double") == 0)
        return click(grid_hit_at(grid, row, column), strcmp(kind, "double") == 0);
    return NULL;
}
