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
    const char *url_source;         /* how messages name the URL: "url of production", "DATABASE_URL" */
    bool has_url, has_direct;
    struct url url, direct;         /* direct: migrations, locks; the same as url when has_direct is false */
    bool url_literal_password;      /* seedops.yaml itself holds a password */
    struct err url_error;           /* class != ERR_NONE: the URL cannot be used (a variable is empty ...);
                                     * only an error for who opens this environment */
    enum role role;                 /* not given: by the name (production, prod, staging ...), else local */
    bool role_given;
    /* The way in, as written; at most one of the four after ssh, and forward also in its two pieces. `tunnel` without
     * ssh: a variable in it is not set, and url_error says which. */
    bool tunnel;
    const char *ssh, *forward, *socket, *command, *container;
    const char *forward_host, *forward_port;
    const char *ssh_password_command;   /* answers the first secret that SSH asks for */
    const char *password_command;
    bool journal;
    const char *state_dir;          /* NULL: default */
    /* It stands for many databases on its server: those of a list, those that fit a LIKE pattern, or those that a
     * query names (settings_many.h). At most one of the three. */
    const char **databases;
    size_t database_count;
    const char *databases_like, *databases_query;
    const struct environment *of;   /* this is one database of that environment; NULL */
    const char *database;           /* its name on the server, foreign text; NULL: as the URL says */
    bool from_url;                  /* no seedops.yaml entry: a typed name is database@host */
};

struct environment_group {                      /* groups.X */
    const char *name;
    const char **members;           /* environments, ENV/DATABASE, and shell patterns of either */
    size_t member_count;
};

struct settings {
    struct arena arena;
    const char *file;               /* NULL: none found */
    char file_digest[65];           /* SHA-256 of its bytes, "" without a file */
    bool trusted;                   /* in the user's own configuration directory: commands run unasked */
    const char *project;            /* "" if not given */
    const char *base_dir;           /* what relative paths start from */
    const char *migrations_dir;     /* absolute, or NULL when there is none */
    const char *ledger;             /* auto, prisma, numbered ... */
    const char *ledger_table;       /* NULL: the ledger's own default */
    const char *checksum;           /* numbered ledger: auto, sha256, sha256-trimmed, md5 ...; default auto */
    const char *migrations_before;  /* command, or NULL */
    bool journal;                   /* of every environment, unless it says otherwise; so is state_dir */
    const char *state_dir;
    int64_t journal_segment, journal_session, journal_directory;   /* limits in bytes; 0: none */
    bool cache;                     /* as written; what is worked out again without it (base/cache.h) */
    const char *cache_dir;          /* NULL: it is off, or there is nowhere to keep it */
    const char *restore_triggers;   /* "fire" or "disable"; as written, or NULL: fire */
    const char *seeds_dir;          /* absolute, or NULL */
    struct table_rule *tables;
    size_t table_count;
    struct environment *environments;
    size_t environment_count;
    struct environment_group *groups;
    size_t group_count;
    const char **notes;             /* things worth a line on stderr (DATABASE_URL points elsewhere ...) */
    size_t note_count;
    struct environment *url_environment;              /* of --url, or NULL; not among the above */
    const char *(*getenv_fn)(const char *);
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
/* The same of bytes in memory, without looking for anything on disk; `file` is for messages. */
bool settings_parse(struct settings *settings, const char *file, const char *base_dir, const char *bytes,
                    size_t length, const char *(*getenv_fn)(const char *), struct err *err);
/* SAFETY 2 "Which environment?": `name` NULL takes --url, else the only one; else ERR_USAGE with the names.
 * An environment whose url_error is set is that error. Adds notes: what its URLs set aside, and when
 * DATABASE_URL points elsewhere than the chosen environment. --url to a declared environment's place takes on
 * its role, if that is the more careful one. */
bool settings_choose(struct settings *settings, const struct settings_options *options, const char *name,
                     struct environment **environment, struct err *err);
const struct table_rule *settings_table(const struct settings *settings, const char *name);   /* or NULL */
/* tables.X.secret lists the column; `rule` NULL: it does not. */
bool settings_is_secret(const struct table_rule *rule, const char *column);
/* Names that no environment may have, NULL-terminated: the commands'. */
const char *const *settings_reserved(void);
const char *role_name(enum role role);
/* Where no role is given the name decides: production, prod, live, staging, stage, preprod, uat; else local. */
enum role role_of_name(const char *name);
const char *table_class_name(enum table_class class);

/* A word of the command line that should have been a name, to be shown in an error: visible, and "[REDACTED]" when it
 * looks like a URL or a connection string, which may hold a password. Writes into `out` and gives it. */
const char *settings_show_word(char *out, size_t size, const char *word);

#endif
