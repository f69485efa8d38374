/* help - --help, made from the tables. */
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
