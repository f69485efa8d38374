/* command - the table of commands: dispatch, help, completion and the manual come from it. */
#ifndef SEEDOPS_CMD_COMMAND_H
#define SEEDOPS_CMD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"
#include "op/ctx.h"

struct options {                     /* everything the command line can say, parsed */
    struct settings_options settings;
    const char *environment;         /* NULL: not given */
    const char *operands[64];        /* what follows the environment (tables, names) */
    int operand_count;
    bool json, deep, digest, rows, dry_run, scan, undo, help, version, applied, rolled_back, list, partial, renumber, to_sql;
    bool html, cast, verify, merge, clean_env;
    char **exec;                     /* COMMAND_EXEC: what stands behind "--", NULL at its end; borrowed from argv */
    const char *action, *of_environment, *user, *since, *until, *outcome, *table;   /* sessions: which */
    const char *accept, *forget, *junit, *prometheus;
    const char *color, *log_format, *confirm, *dump, *screen, *output, *changed, *plan_digest, *safepoint_dir,
        *at, *cast_version, *size;
    bool schema, until_bad;
    const char *run;                 /* watch: what runs for each event */
    const char *confirm_operational[16];
    int confirm_operational_count;
    int64_t timeout_ms, interval_ms, jobs;   /* 0: not given */
    char *urls[2];                   /* owned: --url and --direct-url as given, argv being overwritten */
};

enum command_flags {
    COMMAND_DATABASE = 1,            /* opens an environment */
    COMMAND_OPERANDS = 2,            /* takes operands after ENV */
    COMMAND_MANY = 8,                /* takes several environments, patterns and groups (many.h) */
    COMMAND_EXEC = 4                 /* takes a command line of its own behind "--" */
};

struct command {
    const char *name;                /* "status", "migrate resolve" */
    const char *operands;            /* for the usage line: "[ENV]" "[ENV] [TABLE...]" */
    const char *summary;             /* one line, for --help, completion and the manual */
    const char *options;             /* names of the options it takes beyond the common ones, space separated */
    unsigned flags;
    int (*run)(const struct command *command, struct options *options);   /* exit code */
};

extern const struct command commands[];
extern const int command_count;
const struct command *command_find(const char *name);   /* exact; NULL: none */
const char *command_manual(const struct command *command);   /* the page of section 1 that tells of it */
const char *command_nearest(const char *word);          /* for "did you mean"; NULL: nothing near */
/* argv → exit code. Everything main does. */
int command_main(int argc, char **argv);

#endif
