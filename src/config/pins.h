/* pins - what each environment's database was when it was last seen, as known_hosts does it (SAFETY 3).
 *
 * ${XDG_STATE_HOME}/seedops/known_databases, mode 0600: a first line with the format, then a line of JSON for each
 * environment. An environment is known by its name and the configuration file that declares it. A file that is
 * broken is an error and never reads as empty: what it knew stands between a wrong database and a write. */
#ifndef SEEDOPS_CONFIG_PINS_H
#define SEEDOPS_CONFIG_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

enum { APPLIED_SETS = 16 };

struct pin_identity {
    char system_identifier[24];      /* "" unknown: the server does not tell */
    uint32_t database_oid;
    char database[64];
};

/* A fixture set that was applied (SAFETY 5 "Whose fixtures?"). */
struct applied_set {
    char digest[HASH_HEX];
    char commit[HASH_HEX];           /* of the checkout; "" unknown */
    int64_t dated_ms;                /* the newest of its files was last changed then; 0 unknown */
    int64_t applied_ms;
    char by[64];                     /* user@host */
};

struct pin {
    const char *config;              /* absolute path of the configuration file; "" without one */
    const char *environment, *role;
    struct pin_identity identity;
    int64_t first_seen_ms, last_seen_ms;
    const char *clone_of;            /* accepted although it answers as this environment; NULL */
    const char *mark;                /* accepted although the database says that it is this; NULL */
    struct applied_set sets[APPLIED_SETS];   /* newest first, each digest once */
    size_t set_count;
};

struct pins {
    struct arena arena;
    struct pin *items;
    size_t count;
};

/* The file's path into out; false without a state directory. */
bool pins_path(char *out, size_t size, struct err *err);
/* Gives an empty set when there is no file yet. `pins` is to be freed also after a failure. */
bool pins_read(struct pins *pins, struct err *err);
void pins_free(struct pins *pins);
struct pin *pins_find(const struct pins *pins, const char *config, const char *environment);
/* Finds, or makes. Texts are copied. */
struct pin *pins_put(struct pins *pins, const char *config, const char *environment);
bool pins_remove(struct pins *pins, const char *config, const char *environment);   /* false: it was not there */
/* Notes the set as the newest. */
void pin_add_set(struct pin *pin, const struct applied_set *set);
/* Under the lock: reads again, lets `change` change it (false: nothing to write), writes. Waits at most a second for
 * the lock. */
bool pins_change(bool (*change)(struct pins *pins, void *context), void *context, struct err *err);

/* The two halves, of bytes. `file` is for messages. */
bool pins_parse(struct pins *pins, const char *file, const char *bytes, size_t length, struct err *err);
void pins_format(const struct pins *pins, struct str *out);

#endif
