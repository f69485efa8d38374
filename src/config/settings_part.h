/* settings_part - inside the settings: reading the file, and environments made of a URL alone. */
#ifndef SEEDOPS_CONFIG_SETTINGS_PART_H
#define SEEDOPS_CONFIG_SETTINGS_PART_H

#include "base/variable.h"
#include "config/settings.h"

enum { SETTINGS_FILE_MAX = 1024 * 1024 };

/* What holds before anything is read. */
void settings_begin(struct settings *settings, const char *(*getenv_fn)(const char *));
__attribute__((format(printf, 2, 3)))
void settings_note(struct settings *settings, const char *format, ...);
/* getenv, with the empty string counting as not set (case B3); *empty (may be NULL) says which it was. */
const char *settings_getenv(const struct settings *settings, const char *name, bool *empty);
/* The same for one that may stand in a file, too (base/variable.h). NULL unless it is set; borrows, from the
 * environment or the arena. */
const char *settings_variable(struct settings *settings, const char *name, enum variable_state *state, struct err *err);
/* An absolute path in the arena; a relative one starts at `dir`. */
const char *settings_path(struct settings *settings, const char *dir, const char *path);
/* Fills *env for a URL without an entry in a file; what is wrong with it becomes its url_error. */
void environment_from_url(struct settings *settings, struct environment *env, const char *source,
                          const char *url, const char *direct_source, const char *direct);
/* Parses `text` into *url; an error is put into env->url_error, named by `source`, placed at `at`. */
bool environment_put_url(struct settings *settings, struct environment *env, struct url *url,
                         const char *source, const char *text, const char *at);
/* The nearest of `names` (NULL-terminated) if one is near enough to be meant, else NULL. */
const char *settings_nearest(const char *name, const char *const *names);

#endif
