/* help - --help and the completion script, both made from the tables. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"

static void print_options(const struct command *command, bool common)
{
    for (int i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (row->common != common || !options_allowed(command, row))
            continue;
        char name[48];
        snprintf(name, sizeof name, "--%s%s%s", row->name, row->argument ? " " : "",
                 row->argument ? row->argument : "");
        printf("  %-22s %s%s\n", name, strlen(name) > 22 ? "\n                         " : "", row->help);
    }
}

static void print_exit_codes(const char *manual)
{
    printf("\nExit codes: 0 success, 1 general error, 2 not ready, 3 migration failed, 4 differences,\n"
           "5 refused by the guard, 64 usage, 127 dependency missing, 130 cancelled. See %s(1).\n", manual);
}

static void print_overview(void)
{
    puts("seedops - migrations and seed data of a PostgreSQL database: look, understand, put right\n\n"
         "usage: seedops [ENV]                 the console (without ENV: the environment list)\n"
         "       seedops COMMAND [ENV] [options]\n\nCommands:");
    for (int i = 0; i < command_count; i++)
        printf("  %-18s %s\n", commands[i].name, commands[i].summary);
    puts("\nOptions every command takes:");
    print_options(NULL, true);
    puts("\nOptions of the console:");
    print_options(NULL, false);
    print_exit_codes("seedops");
}

static void print_command(const struct command *command)
{
    printf("usage: seedops %s%s%s [options]\n\n%s\n", command->name, command->operands[0] ? " " : "",
           command->operands, command->summary);
    if (command->options[0]) {
        puts("\nOptions:");
        print_options(command, false);
    }
    puts("\nCommon options:");
    print_options(command, true);
    print_exit_codes(command_manual(command));
}

int cmd_help(const struct command *command, struct options *options)
{
    (void)command;
    if (options->operand_count == 0) {
        print_overview();
        return 0;
    }
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", options->operands[0], options->operand_count > 1 ? " " : "",
             options->operand_count > 1 ? options->operands[1] : "");
    const struct command *wanted = command_find(name);
    if (wanted) {
        print_command(wanted);
        return 0;
    }
    struct err err = {0};
    err_set(&err, ERR_USAGE, "there is no command \"%s\"", name);
    const char *nearest = command_nearest(name);
    if (nearest)
        err_hint(&err, "did you mean \"%s\"?", nearest);
    else
        err_hint(&err, "seedops help lists the commands");
    face_print_error(&err, false);
    return err_exit_code(err.class);
}

static const char bash_head[] =
    "# bash completion for seedops; made by `seedops completion bash`\n_seedops() {\n"
    "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= first=${COMP_WORDS[1]}\n"
    "  local pair=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" commands=\"";

/* What an option's argument can be, then an operand, then the options of each command: those follow from the table. */
static const char bash_words[] =
    "\"\n  local envs; envs=$(seedops envs 2>/dev/null | awk 'NR > 1 {print $1}')\n"
    "  case $prev in\n"
    "  --config|--output|--junit|--prometheus) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
    "  --migrations|--seeds|--safepoint-dir) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n"
    "  --accept|--forget|--confirm|--environment) words=$envs ;;\n"
    "  --color) words='auto always never' ;;\n"
    "  --log-format) words='text json' ;;\n"
    "  --changed) words='leave overwrite' ;;\n"
    "  --outcome) words='ok failed refused' ;;\n"
    "  --cast-version) words='2 3' ;;\n"
    "  *) if [ \"$COMP_CWORD\" = 1 ] && [[ $cur != -* ]]; then words=\"$envs $commands\"\n"
    "  elif [[ $cur != -* ]]; then case $first in\n"
    "    help) words=$commands ;;\n"
    "    completion) words=bash ;;\n"
    "    migrate) words=\"$envs status resolve baseline\" ;;\n"
    "    replay|report|sessions) words=\"last $(seedops sessions 2>/dev/null | awk 'NR > 1 {print $1}')\" ;;\n"
    "    restore) words=\"$envs last $(seedops restore --list 2>/dev/null | awk '/^[0-9]/ {print $1}')\" ;;\n"
    "    *) words=$envs ;; esac\n"
    "  else case $pair in";

static void print_bash_words(const char *name)
{
    const struct command *command = command_find(name);
    printf("    '%s') words=\"", name);
    for (int i = 0; i < option_row_count; i++)
        if (options_allowed(command, &option_rows[i]))
            printf("--%s ", option_rows[i].name);
    puts("\" ;;");
}

int cmd_completion(const struct command *command, struct options *options)
{
    (void)command;
    if (options->operand_count != 1 || strcmp(options->operands[0], "bash") != 0) {
        struct err err = {0};
        err_set(&err, ERR_USAGE, "completion wants the name of a shell it knows");
        err_hint(&err, "seedops completion bash");
        face_print_error(&err, false);
        return err_exit_code(err.class);
    }
    fputs(bash_head, stdout);
    for (int i = 0; i < command_count; i++)
        if (!strchr(commands[i].name, ' '))
            printf("%s%s", i ? " " : "", commands[i].name);
    puts(bash_words);
    for (int i = 0; i < command_count; i++)
        if (strchr(commands[i].name, ' '))
            print_bash_words(commands[i].name);
    puts("    *) case $first in");
    for (int i = 0; i < command_count; i++)
        if (!strchr(commands[i].name, ' '))
            print_bash_words(commands[i].name);
    puts("    esac ;;\n  esac; fi ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -F _seedops seedops");
    return 0;
}
