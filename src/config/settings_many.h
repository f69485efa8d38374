/* settings_many - one word of the command line for many databases: shell patterns, groups, and environments that stand
 * for many databases (`databases:`).
 *
 *   tenant-*            environments by a shell pattern
 *   customers           a group of seedops.yaml
 *   tenants             an environment with `databases:`; all of them
 *   tenants/acme        one database of it; tenants/a* some of them
 *
 * Which databases there are is for the server to say (op/fleet.h): here is only what the words mean. */
#ifndef SEEDOPS_CONFIG_SETTINGS_MANY_H
#define SEEDOPS_CONFIG_SETTINGS_MANY_H

#include "base/str.h"
#include "config/settings.h"

struct selected {
    struct environment *environment;
    const char *database;           /* shell pattern of its databases' names; NULL: all, or it is one */
};

struct selection {
    struct selected *items;         /* in the settings' arena */
    size_t count;
    bool several;                   /* more than one was asked for, however many that turn out to be */
};

bool settings_is_pattern(const char *word);          /* holds one of * ? [ */
bool environment_is_many(const struct environment *environment);
/* How fixtures, groups and the file name it: of one database of many, the environment that it is of. */
const char *environment_declared(const struct environment *environment);
/* Whether the word (no group) is or fits an environment's name. */
bool settings_any_fits(const struct settings *settings, const char *word);
/* What the words mean, each environment as often as it is named. ERR_USAGE for one that means nothing. */
bool settings_select(struct settings *settings, const char *const *words, size_t count, struct selection *selection,
                     struct err *err);
/* One database of many as an environment of its own, named ENV/DATABASE, with everything else as `many` has it. In
 * `arena`; its passwords are those of `many`. */
struct environment *environment_database(struct arena *arena, const struct environment *many, const char *database);
/* The groups that an environment is in, spaces between; appended to `out`. */
void settings_groups_of(const struct settings *settings, const struct environment *environment, struct str *out);
/* All environments of the file: what a list of all shows. */
void settings_select_all(struct settings *settings, struct selection *selection);
/* Whether `databases:` allows that name, as far as can be told without the server. */
bool environment_allows(const struct environment *many, const char *database);
/* SQL's LIKE, with its backslash. */
bool settings_like(const char *pattern, const char *text);

#endif
