/* action - everything a person can do, as one table: help, palette, menu, keys and the dispatcher read it.
 *
 * An action says where it works and what it needs; one function turns a need that is not met into the one
 * text that says so, and the help greys the action out by the same word. */
#ifndef SEEDOPS_APP_ACTION_H
#define SEEDOPS_APP_ACTION_H

#include "app/model.h"

/* Where an action works: on screens while nothing is open, or in something that is open. */
enum {
    ON_ENVIRONMENTS = 1 << SCREEN_ENVIRONMENTS, ON_OVERVIEW = 1 << SCREEN_OVERVIEW,
    ON_MIGRATIONS = 1 << SCREEN_MIGRATIONS, ON_TABLES = 1 << SCREEN_TABLES, ON_DIFF = 1 << SCREEN_DIFF,
    ON_DIAGNOSE = 1 << SCREEN_DIAGNOSE,
    ON_ACTIVITY = 1 << SCREEN_ACTIVITY, ON_LOG = 1 << SCREEN_LOG, ON_PLAN = 1 << SCREEN_PLAN,
    ON_SCREENS = (1 << SCREEN_COUNT) - 1,
    IN_PICK = 1 << SCREEN_COUNT,          /* help, palette: a list and a line to type in */
    IN_MENU = IN_PICK << 1,
    IN_PROMPT = IN_PICK << 2,             /* search, filter */
    IN_DIALOG = IN_PICK << 3,
    EVERYWHERE = (IN_PICK << 4) - 1
};

enum {
    NEEDS_ENVIRONMENT = 1, NEEDS_CONNECTION = 2, NEEDS_WRITE_MODE = 4, NEEDS_SEED_ALLOWED = 8,
    NEEDS_MIGRATE_ALLOWED = 16, NEEDS_ROW = 32, NEEDS_IDLE = 64 /* no write runs */,
    NEEDS_NAME = 128 /* on a non-local environment its name is typed */, DESTRUCTIVE = 256,
    QUIET = 512 /* moves, edits: nothing for the palette */,
    NEEDS_PENDING = 1024 /* a migration */, NEEDS_HELD = 2048 /* a table, the selected or open one */,
    BLIND = 4096 /* works also while the terminal is too small to show what it does */,
    NAMED_EVERYWHERE = 8192 /* the name is typed on a local environment as well */
};

struct action {
    const char *name;
    const char *title;            /* for help and palette: a sentence without its full stop */
    const char *keys;             /* on screens and in what is open, space separated; "" none */
    const char *menu_key;         /* in the x menu; NULL: not in it */
    const char *consequence;      /* what it will do, for the menu */
    unsigned where, needs;
    void (*run)(struct model *m, const struct input *in, struct effects *effects);
    /* after its dialog was confirmed; `target` as the dialog had it, `typed` the name or "" */
    void (*confirmed)(struct model *m, const char *target, const char *typed, struct effects *effects);
};

extern const struct action actions[];      /* sorted by name */
extern const int action_count;
const struct action *action_find(const char *name);      /* NULL: none */
unsigned action_context(const struct model *m);          /* the one bit of where the model is now */
/* True if it may not run now; `why` (may be NULL) gets the sentence that says so. */
bool action_refused(const struct model *m, const struct action *action, struct str *why);
/* Lines that the x menu has on this screen. */
size_t action_menu_size(const struct model *m);
/* Runs it if it works here and its needs are met; says why not otherwise. */
void action_dispatch(struct model *m, const struct input *in, struct effects *effects);
void action_run(struct model *m, const struct action *action, const struct input *in,
                struct effects *effects);
/* True if `key` is among the action's keys. */
bool action_has_key(const struct action *action, const char *key);

#endif
