/* settings - seedops.yaml, or what stands in for it (FORMATS "Configuration").
 *
 * Named settings and not config because autoconf owns config.h. Everything lives in the arena until
 * settings_free. Reading runs no command: password_command and migrations.before are only carried here,
 * with whether the file they come from is trusted. */
#ifndef SEEDOPS_CONFIG_SETTINGS_H
#define SEEDOPS_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/url.h"

enum role { ROLE_LOCAL, ROLE_STAGING, ROLE_PRODUCTION };
enum table_class { TABLE_UNLISTED, TABLE_CONTEXT, TABLE_OPERATIONAL };

struct table_rule {                 /* tables.X */
    const char *name;
    enum table_class class;
    int64_t min_rows;               /* -1: no floor */
    const char **secret;            /* columns redacted everywhere */
    size_t secret_count;
};

struct environment {
    const char *name;               /* "database@host" when it came from a URL */
    const char *at;                 /* "seedops.yaml:12:3"; "" for a URL from the command line */
    const char *url_source;         /* how the URL is named in messages: "url of production", "DATABASE_URL" */
    bool has_url, has_direct;
    struct url url, direct;         /* direct: migrations, locks; the same as url when has_direct is false */
    struct err url_error;           /* class != ERR_NONE: the URL cannot be used (a variable is empty ...);
                                     * only an error for who opens this environment */
    enum role role;
    bool role_given;
    /* tunnel, as written; opened by a later room */
    const char *ssh, *forward, *socket, *command, *container;
    const char *password_command;
    bool journal;
    const char *state_dir;          /* NULL: default */
    bool from_url;                  /* no seedops.yaml entry: a typed name is database@host */
};

struct settings {
    struct arena arena;
    const char *file;               /* NULL: none found */
    char file_digest[65];           /* SHA-256 of its bytes, "" without a file */
    bool trusted;                   /* from the user's own configuration directory: commands may run unasked */
    const char *project;            /* "" if not given */
    const char *base_dir;           /* what relative paths start from */
    const char *migrations_dir;     /* absolute, or NULL when there is none */
    const char *ledger;             /* auto, prisma, numbered ... */
    const char *ledger_table;       /* NULL: the ledger's own default */
    const char *checksum;           /* numbered ledger: auto, sha256, sha256-trimmed, md5 ...; default auto */
    const char *migrations_before;  /* command, or NULL */
    const char *seeds_dir;          /* absolute, or NULL */
    struct table_rule *tables;
    size_t table_count;
    struct environment *environments;
    size_t environment_count;
    const char **notes;             /* things worth a line on stderr (DATABASE_URL points elsewhere ...) */
    size_t note_count;
};

struct settings_options {           /* the common command-line options; NULL: not given */
    const char *config, *url, *direct_url, *migrations, *seeds;
};

/* Finds (--config, SEEDOPS_CONFIG, then upward from the working directory) and reads; without a file makes
 * one environment of DATABASE_URL/DIRECT_URL when they are set. Empty variables count as unset, and messages
 * say so. `getenv_fn` is for tests; NULL is getenv. */
bool settings_load(struct settings *settings, const struct settings_options *options,
                   const char *(*getenv_fn)(const char *), struct err *err);
void settings_free(struct settings *settings);
/* SAFETY 2 "Which environment?": `name` NULL takes --url, else the only one; else ERR_USAGE with the names.
 * Adds a note when DATABASE_URL points elsewhere than the chosen environment. */
bool settings_choose(struct settings *settings, const struct settings_options *options, const char *name,
                     struct environment **environment, struct err *err);
const struct table_rule *settings_table(const struct settings *settings, const char *name);   /* or NULL */
const char *role_name(enum role role);
const char *table_class_name(enum table_class class);

#endif
