/* app - the pure heart: model and update(). No I/O, no clock, no environment, no locale.
 *
 * update() takes an input and changes the model; what should happen in the world comes out as effects, for
 * run/ to carry out. The same inputs give the same model: the journal is the list of inputs. */
#ifndef SEEDOPS_APP_APP_H
#define SEEDOPS_APP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/types.h"

struct model;                          /* app/model.h, for the views */

enum effect_kind {
    EFFECT_NONE,
    EFFECT_OPEN,            /* name: environment; text: which of its databases, where it is one of many. Connect, status */
    EFFECT_CLOSE,           /* leave the environment */
    EFFECT_ENVIRONMENTS,    /* look at all of them */
    EFFECT_STATUS,          /* number: 1 = scan held tables too; name: "" all or one table */
    EFFECT_MIGRATIONS,
    EFFECT_MIGRATE,         /* name: "" all pending, or one; text: what was typed for the guard */
    EFFECT_RESOLVE,         /* name; number 1 = applied, 0 = rolled back; text: typed */
    EFFECT_SQL,             /* name: a migration; its text into a store */
    EFFECT_DIFF,            /* name: a table; number 1 = scan */
    EFFECT_SEED,            /* number 1 = dry run (plan); text: typed */
    EFFECT_PRUNE,           /* number 1 = dry run (plan), number2: 0 prune, 1 reset, 2 converge; text: typed; name: the
                             * operational tables' names as typed; seen: digest, newline, operational rows */
    EFFECT_PRESERVE,        /* number 1 = dry run (plan), number2 1 = undo; text: typed */
    EFFECT_RESTORE,         /* number 1 = dry run (plan); name: a safepoint, "" the newest; text: typed */
    EFFECT_VERIFY,
    EFFECT_ACCEPT,          /* the database that answers now is the right one; text: typed */
    EFFECT_MARK,            /* text: typed */
    EFFECT_DIAGNOSE,        /* number 1 = deeper, too: what costs time or rights */
    EFFECT_ACTIVITY,
    EFFECT_SIGNAL_BACKEND,  /* number = pid, number2 1 = terminate; text: typed */
    EFFECT_PAGE,            /* store, number = first, number2 = how many */
    EFFECT_SEARCH,          /* store, text, number = from, number2 1 = backwards */
    EFFECT_FILTER,          /* store, text: a new store comes back as IN_STORE */
    EFFECT_STORE_DROP,      /* store */
    EFFECT_EXPORT,          /* store; name: what the file is called by: every row of it into a new CSV file */
    EFFECT_ANSWER,          /* number = question id, ok: yes or no, text: typed (never a secret) */
    EFFECT_CANCEL,          /* request = number, 0: whatever runs */
    EFFECT_NOTE,            /* text: into the journal, as an IN_NOTE */
    EFFECT_COPY,            /* text: to the clipboard (OSC 52) */
    EFFECT_EDITOR,          /* text: file, number: line: $EDITOR, or shown */
    EFFECT_BELL,
    EFFECT_QUIT,
    EFFECT_SUSPEND,
    EFFECT_REPAINT,
    EFFECT_KIND_COUNT
};

struct effect {
    enum effect_kind kind;
    uint64_t request;       /* number that its events will carry */
    uint64_t store;
    char *name, *text;      /* owned by the list; NULL reads as "" */
    char *seen;             /* owned: what the dialog showed when it was confirmed: a seed plan's digest, or the
                             * checksums of the migrations, one a line; nothing else may be done */
    int64_t number, number2;
    bool ok, write_mode;    /* write_mode: whether W was on when it was asked */
};

struct effects {
    struct effect *items;
    size_t count, capacity;
};
void effects_free(struct effects *effects);

struct model *model_new(void);
void model_free(struct model *model);
/* Borrows `in`. Appends to `effects`. */
void app_update(struct model *model, const struct input *in, struct effects *effects);
/* The next moment (offset_ms) at which something expires by itself, or -1: the runtime sleeps until then and
 * feeds an IN_NONE tick (not journaled: the next input expires it just the same). */
int64_t app_next_deadline(const struct model *model);
/* The model as JSON and back (checkpoints, tests): app/model_codec.c. */
struct str;
struct err;
void model_encode(const struct model *model, struct str *out);
bool model_decode(const char *text, size_t length, struct model **model, struct err *err);
bool model_equal(const struct model *a, const struct model *b);

#endif
