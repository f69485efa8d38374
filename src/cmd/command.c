/* command - the table of commands, and dispatch. Sorted by name: a test holds it, and bsearch needs no less. */
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"

#define DB COMMAND_DATABASE
#define OPS COMMAND_OPERANDS
#define MANY (COMMAND_DATABASE | COMMAND_MANY)

const struct command commands[] = {
    {"boot", "[ENV] -- CMD [ARG...]", "wait, migrate, seed if SEED_ON_BOOT=true, then become CMD",
     "clean-env safepoint-dir timeout", COMMAND_EXEC, cmd_boot},
    {"capture", "[ENV] TABLE", "write a fixture of live rows", "output", DB | OPS, cmd_capture},
    {"completion", "bash|zsh|fish", "print the shell's completion script", "", OPS, cmd_completion},
    {"converge", "[ENV]", "seed and prune as one plan: the context tables as declared",
     "confirm confirm-operational dry-run output plan-digest safepoint-dir scan", DB, cmd_converge},
    {"count", "[ENV...]", "rows of every context table, exactly where that destroys nothing", "jobs scan", MANY,
     cmd_count},
    {"diagnose", "[ENV...]", "why tables that should have rows have none: verdict and evidence", "deep jobs", MANY,
     cmd_diagnose},
    {"diff", "[ENV] [TABLE...]", "fixtures against live rows, column by column", "digest rows scan", DB | OPS, cmd_diff},
    {"envs", "", "list the environments and what each points to; accept or forget what one is known to be",
     "accept confirm forget", 0, cmd_envs},
    {"help", "[COMMAND]", "explain a command", "", OPS, cmd_help},
    {"init", "", "write a first seedops.yaml from what is found here", "output", 0, cmd_init},
    {"mark", "[ENV]", "tell the database which environment it is, and have it keep a trail of writes", "confirm dry-run",
     DB, cmd_mark},
    {"migrate", "[ENV]", "apply pending migrations", "confirm dry-run timeout", DB, cmd_migrate},
    {"migrate baseline", "[ENV] [NAME]", "note migrations as applied without running them", "confirm dry-run",
     DB | OPS, cmd_migrate_baseline},
    {"migrate resolve", "[ENV] NAME", "say what became of a failed migration", "applied rolled-back confirm",
     DB | OPS, cmd_migrate_resolve},
    {"migrate status", "[ENV]", "every migration and its state", "", DB, cmd_migrate_status},
    {"preserve", "[ENV] [TABLE...]", "keep what deleted rows may be read back from, before anything is put right",
     "confirm dry-run output plan-digest undo", DB | OPS, cmd_preserve},
    {"provision", "[ENV]", "wait, migrate and seed: what an entrypoint or a pipeline runs",
     "dry-run safepoint-dir timeout", 0, cmd_provision},
    {"prune", "[ENV] [TABLE...]", "delete rows that their fixture does not declare any more, saved first",
     "confirm confirm-operational dry-run output plan-digest safepoint-dir scan", DB | OPS, cmd_prune},
    {"replay", "FILE|ID|last", "go through a recorded session, in the console, without a database", "at dump", OPS,
     cmd_replay},
    {"report", "SESSION...", "incident report of recorded sessions: Markdown, JSON, HTML, or a cast",
     "cast cast-version html output size", OPS, cmd_report},
    {"reset", "[ENV] [TABLE...]", "empty the context tables, saved first, and seed them again",
     "confirm confirm-operational dry-run output plan-digest safepoint-dir scan schema", DB | OPS, cmd_reset},
    {"restore", "[ENV] SAFEPOINT", "put back the rows that a safepoint holds",
     "changed confirm dry-run list output partial plan-digest renumber safepoint-dir to-sql", OPS, cmd_restore},
    {"seed", "[ENV]", "make missing and changed rows right, in one transaction", "confirm dry-run safepoint-dir scan", DB,
     cmd_seed},
    {"sessions", "[SESSION...]", "list, check or merge recorded sessions",
     "action environment merge outcome since table until user verify", OPS, cmd_sessions},
    {"status", "[ENV...]", "reachable, migrated, seeded, true to fixtures, guard: one screen of text", "jobs scan",
     MANY, cmd_status},
    {"verify", "[ENV...]", "floors, migrations, fixtures, references, sequences, for CI: exit 4 when one falls short",
     "jobs junit prometheus scan", MANY, cmd_verify},
    {"wait", "[ENV]", "wait until the database is ready, with backoff and a deadline", "timeout", 0, cmd_wait},
    {"watch", "[ENV...]", "keep looking; tell, ring or run a command when something turns bad, or well again",
     "exec interval jobs timeout until-bad", COMMAND_MANY, cmd_watch},
};
const int command_count = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name)
{
    for (int i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* A group of commands has a manual page; what is in none is told in seedops(1) alone. */
static const struct { const char *page, *first_words; } manuals[] = {
    {"seedops-diagnose", " diagnose preserve "},
    {"seedops-envs", " envs init mark "},
    {"seedops-migrate", " migrate "},
    {"seedops-provision", " boot provision verify wait "},
    {"seedops-watch", " watch "},
    {"seedops-replay", " replay "},
    {"seedops-seed", " capture converge diff prune reset restore seed "},
    {"seedops-sessions", " report sessions "},
    {"seedops-status", " count status "},
};

const char *command_manual(const struct command *command)
{
    char word[32];
    snprintf(word, sizeof word, " %.*s ", (int)strcspn(command->name, " "), command->name);
    for (size_t i = 0; i < sizeof manuals / sizeof *manuals; i++)
        if (strstr(manuals[i].first_words, word))
            return manuals[i].page;
    return "seedops";
}

/* `seedops stauts`: a word that is almost a command is more likely a slip than an environment's name; the
 * console says so only when there is no environment of that name, so this is only a hint. */
const char *command_nearest(const char *word)
{
    const char *nearest = NULL;
    int best = 3;
    for (int i = 0; i < command_count; i++) {
        int distance = text_distance(word, commands[i].name);
        if (distance < best) {
            best = distance;
            nearest = commands[i].name;
        }
    }
    return nearest;
}

static const struct command console = {"", "[ENV]", "open the console", "dump screen", DB, cmd_console};

static int dispatch(const struct command *command, struct options *options)
{
    if (options->version) {
        puts("seedops " PACKAGE_VERSION);
        return 0;
    }
    if (options->help) {
        options->operand_count = command != NULL;
        options->operands[0] = command ? command->name : NULL;
        return cmd_help(command, options);
    }
    if (!command)
        command = &console;
    return command->run(command, options);
}

/* Also of a command line that could not be read whole. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static void print_usage_error(const struct err *err, bool json)
{
    struct str out = {0};
    if (!json) {
        face_print_error(err, false);
        return;
    }
    face_error_json(err, &out);
    face_write_json(&out);
    str_free(&out);
}

int command_main(int argc, char **argv)
{
    struct options options;
    const struct command *command = NULL;
    struct err err = {0};
    int code;
    /* no core file with a password in it; not RLIMIT_CORE, which the program that boot becomes would inherit */
    prctl(PR_SET_DUMPABLE, 0);
    if (options_parse(argc, argv, &options, &command, &err)) {
        code = dispatch(command, &options);
    } else {
        print_usage_error(&err, wants_json(argc, argv));
        code = err_exit_code(err.class);
    }
    options_free(&options);
    return code;
}
