/* command - dispatch. */
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>

int command_main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("seedops 0.1.0");
        return 0;
    }
    fputs("usage: seedops [ENV] | seedops COMMAND [ENV] [options]\n", stderr);
    return err_exit_code(ERR_USAGE);
}

const char *command_nearest(const char *word)
{
    (void)word;
    return NULL;
}
