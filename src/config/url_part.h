/* url_part - inside the URL parser: pieces of a URL as written, and where decoded pieces go. */
#ifndef SEEDOPS_CONFIG_URL_PART_H
#define SEEDOPS_CONFIG_URL_PART_H

#include "config/url.h"

struct span { const char *begin, *end; };      /* begin NULL: not there */

/* A URL cut into raw pieces; nothing is decoded or judged yet. Parsing and wiping share the cuts, so what
 * one takes for a password the other overwrites. */
struct url_cut {
    struct span user, password, hosts, path, query;
    bool at_in_password;                       /* a raw '@' that belongs to the credentials */
    bool spilled;                              /* a raw '/' or '?' cut the credentials in two: show nothing */
};
/* What follows "://", or NULL: `text` is no URL. */
const char *url_authority(const char *text);
void url_cut_authority(const char *authority, struct url_cut *cut);
/* One "name=value" of a query, `rest` moves behind it; false at the end. value.begin NULL: no '='. */
bool url_next_parameter(struct span *rest, struct span *name, struct span *value);

/* The next keyword=value of a connection string; raw, quotes and backslashes included. False at the end, or
 * with *why set where it is malformed. */
bool url_next_keyword(const char **rest, struct span *name, struct span *value, const char **why);
/* A raw value without its quotes and backslashes; gives, to free(). */
char *url_unquote(struct span value);
/* Percent-decoded; gives, to free(). NULL: wrong at *wrong. */
char *url_decode(struct span raw, const char **wrong);

/* Collects what a URL says. */
struct url_builder {
    struct url *url;
    struct arena *arena;
    size_t capacity, note_capacity;
    bool hide_names;                           /* spilled: a parameter's name may be half a password */
    struct err *err;
};
void url_note(struct url_builder *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes one decoded parameter: libpq's own, the password, another client's (noted), or an error. An empty
 * value counts as not given, as in libpq. */
bool url_put(struct url_builder *b, const char *name, const char *value);
/* The value stored so far, or "". */
const char *url_value(const struct url *url, const char *keyword);
/* Parameters whose values are secrets wherever they stand. */
bool url_keyword_secret(const char *name);
/* libpq's keywords, NULL-terminated. */
const char *const *url_keywords(void);

#endif
