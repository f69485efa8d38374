/* console - `seedops [ENV]`: settings, then run/ takes over. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"
#include "run/run.h"

static bool check_screen(const char *name, struct err *err)
{
    if (!name || run_screen_known(name))
        return true;
    err_set(err, ERR_USAGE, "there is no screen \"%s\"", name);
    return err_hint(err, "there are %s", run_screen_names());
}

static bool check_environment(const struct settings *settings, const char *name, struct err *err)
{
    for (size_t i = 0; i < settings->environment_count; i++)
        if (strcmp(settings->environments[i].name, name) == 0)
            return true;
    char shown[80];
    err_set(err, ERR_USAGE, "there is no command and no environment \"%s\"",
            settings_show_word(shown, sizeof shown, name));
    const char *nearest = command_nearest(name);
    if (nearest)
        return err_hint(err, "did you mean the command \"%s\"?", nearest);
    return err_hint(err, "seedops envs lists the environments, seedops --help the commands");
}

/* --url opens that database; one operand an environment; nothing the list, or the only one there is. */
static bool choose(struct settings *settings, struct options *options, const char **name, struct err *err)
{
    struct environment *environment;
    if (options->operand_count && !options->settings.url) {
        *name = options->operands[0];
        if (!check_environment(settings, *name, err))
            return false;
    }
    if (options->operand_count > 1) {
        err_set(err, ERR_USAGE, "the console opens one environment, not %d", options->operand_count);
        return err_hint(err, "open one; the list of all (seedops without a name) leads to the others");
    }
    if (options->operand_count && !options->settings.url)
        return true;
    if (!options->settings.url && settings->environment_count != 1) {
        *name = NULL;
        return true;
    }
    if (!settings_choose(settings, &options->settings, NULL, &environment, err))
        return false;
    *name = environment->name;
    return true;
}

int cmd_console(const struct command *command, struct options *options)
{
    (void)command;
    struct settings settings;
    struct run_options run = {.settings = &settings, .dump_screen = options->screen, .color = options->color};
    struct err err = {0};
    bool ok = options_size("dump", options->dump, &run.dump_columns, &run.dump_rows, &err) && check_screen(options->screen, &err) && settings_load(&settings, &options->settings, NULL, &err);
    if (!ok) {
        face_print_error(&err, false);
        return err_exit_code(err.class);
    }
    ok = choose(&settings, options, &run.environment, &err);
    if (!ok)
        face_print_error(&err, false);
    int code = ok ? run_console(&run) : err_exit_code(err.class);
    settings_free(&settings);
    return code;
}
