/* completion - `seedops completion SHELL` prints a shell's script; `completion words` is what the scripts ask: the
 * words of a command line come on standard input, each with a NUL at its end and the last one being typed; what can
 * stand there goes out, a line each, with a tab and a description behind it. Not as arguments: others see those. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/completion_scripts.h"
#include "cmd/face.h"
#include "cmd/options.h"
#include "cmd/state_dirs.h"
#include "journal/sessions.h"
#include "plan/safepoint_read.h"
#include "run/run.h"

enum { WORDS = 256, INPUT_MAX = 1 << 16 };

struct line {                            /* a command line up to the word that is being typed */
    char *text;                          /* owned; the words lie in it */
    const char *words[WORDS];
    size_t count;
    const char *typed;
    const struct command *command;       /* NULL: none yet */
    const char *operands[WORDS];         /* behind the command's name */
    size_t operand_count;
    const struct option_row *valued;     /* the typed word is this option's argument */
    bool only_operands;                  /* behind "--" */
    size_t behind;                       /* words behind the "--" of a command that takes a command line */
    struct settings_options settings;
    const char *safepoint_dir;
};

/* ---- reading the line ---- */

static bool read_words(struct line *line, struct err *err)
{
    line->text = xcalloc(1, INPUT_MAX + 1);
    size_t length = fread(line->text, 1, INPUT_MAX, stdin);
    for (size_t at = 0; at < length && line->count < WORDS; at += strlen(line->text + at) + 1)
        line->words[line->count++] = line->text + at;
    if (line->count == 0) {
        err_set(err, ERR_USAGE, "completion words reads the words of a command line from standard input");
        return err_hint(err, "it is for the script that seedops completion bash prints");
    }
    line->typed = line->words[--line->count];
    return true;
}

static void note_value(struct line *line, const struct option_row *row, const char *value)
{
    const struct { const char *name, **to; } noted[] = {
        {"config", &line->settings.config}, {"seeds", &line->settings.seeds},
        {"migrations", &line->settings.migrations}, {"safepoint-dir", &line->safepoint_dir}};
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++)
        if (strcmp(row->name, noted[i].name) == 0)
            *noted[i].to = value;
}

/* An option, and its argument if that is a word of its own. bash makes three words of --name=value. */
static void take_option(struct line *line, size_t *i)
{
    const char *name = line->words[*i] + 2, *equals = strchr(name, '=');
    const struct option_row *row = options_find(name, equals ? (size_t)(equals - name) : strlen(name));
    if (!row || !row->argument)
        return;
    if (equals) {
        note_value(line, row, equals + 1);
        return;
    }
    bool apart = *i + 1 < line->count && strcmp(line->words[*i + 1], "=") == 0;
    *i += apart ? 2 : 1;
    if (*i < line->count)
        note_value(line, row, line->words[*i]);
    else
        line->valued = row;
}

/* The first operands name the command, as in options_parse. */
static void take_command(struct line *line)
{
    if (line->operand_count == 0)
        return;
    char pair[64];
    size_t used = 2;
    if (line->operand_count > 1) {
        snprintf(pair, sizeof pair, "%s %s", line->operands[0], line->operands[1]);
        line->command = command_find(pair);
    }
    if (!line->command) {
        line->command = command_find(line->operands[0]);
        used = 1;
    }
    if (line->command) {
        line->operand_count -= used;
        memmove(line->operands, line->operands + used, line->operand_count * sizeof *line->operands);
    }
}

static void read_line(struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        const char *word = line->words[i];
        const struct command *first = line->operand_count ? command_find(line->operands[0]) : NULL;
        if (!line->only_operands && strcmp(word, "--") == 0) {
            line->only_operands = true;
            if (first && first->flags & COMMAND_EXEC) {
                line->behind = line->count - i;
                break;
            }
        } else if (!line->only_operands && strncmp(word, "--", 2) == 0) {
            take_option(line, &i);
        } else if (line->only_operands || word[0] != '-') {
            line->operands[line->operand_count++] = word;
        }
    }
    take_command(line);
}

/* ---- what can stand there ---- */

/* Names that would not be shown as they are could not be typed either. A word with a dash is an option, or one of the
 * lines by which a shell is asked for what it knows better. */
static void say(const char *word, const char *description)
{
    char shown[4096];
    if (!*word || strcmp(text_visible_buf(shown, sizeof shown, word), word) != 0)
        return;
    printf("%s", word);
    if (description && *description)
        printf("\t%s", text_visible_buf(shown, sizeof shown, description));
    putchar('\n');
}

static void say_name(const char *name, const char *description)
{
    if (*name != '-')
        say(name, description);
}

/* Words of a list, with a blank, a comma, a bar or an "and" between them. */
static void say_words(const char *list)
{
    static const char between[] = " ,|";
    for (list += strspn(list, between); *list; list += strspn(list, between)) {
        char word[64];
        size_t length = strcspn(list, between);
        snprintf(word, sizeof word, "%.*s", (int)length, list);
        if (strcmp(word, "and") != 0)
            say(word, NULL);
        list += length;
    }
}

/* Commands of one word, or with `first` given the second words of its pairs. */
static void say_commands(const char *first)
{
    size_t length = first ? strlen(first) : 0;
    for (int i = 0; i < command_count; i++) {
        const char *name = commands[i].name, *blank = strchr(name, ' ');
        if (!first && !blank)
            say(name, commands[i].summary);
        else if (first && blank && (size_t)(blank - name) == length && strncmp(name, first, length) == 0)
            say(blank + 1, commands[i].summary);
    }
}

static void say_environments(struct line *line, bool tables)
{
    struct settings settings;
    struct err err = {0};
    if (!settings_load(&settings, &line->settings, NULL, &err))
        return;
    for (size_t i = 0; !tables && settings.file && i < settings.environment_count; i++)
        say_name(settings.environments[i].name, role_name(settings.environments[i].role));
    bool groups = !tables && line->command && line->command->flags & COMMAND_MANY;
    for (size_t i = 0; groups && i < settings.group_count; i++)
        say_name(settings.groups[i].name, "group");
    for (size_t i = 0; tables && i < settings.table_count; i++)
        say_name(settings.tables[i].name, table_class_name(settings.tables[i].class));
    settings_free(&settings);
}

static void say_sessions(struct line *line)
{
    char text[400], time[40];
    struct sessions list = {0};
    struct state_dirs dirs = {0};
    struct err err = {0};
    say("last", "the newest");
    bool ok = state_dirs_find(&dirs, &line->settings, &err) && sessions_list(&list, dirs.items, dirs.count, &err);
    for (size_t i = 0; ok && i < list.count; i++) {
        const struct journal_header *h = &list.items[i].header;
        if (list.items[i].state == SESSION_UNREADABLE)
            continue;
        clock_format_utc(h->started_ms, time, sizeof time);
        snprintf(text, sizeof text, "%s %s %s", time, h->command, h->environment);
        say_name(h->session, text);
    }
    sessions_free(&list);
    state_dirs_free(&dirs);
}

/* Of the environment that is named, as restore looks for them. */
static void say_safepoints(struct line *line)
{
    struct settings settings;
    struct environment *env = NULL;
    struct safepoint_list list;
    struct err err = {0};
    char text[400];
    say("last", "the newest of the environment");
    if (!settings_load(&settings, &line->settings, NULL, &err))
        return;
    if (line->operand_count || settings.environment_count == 1)
        settings_choose(&settings, &line->settings, line->operand_count ? line->operands[0] : NULL, &env, &err);
    if (safepoint_list(&list, line->safepoint_dir, env ? env->state_dir : settings.state_dir, &err)) {
        for (size_t i = 0; i < list.count; i++) {
            if (!list.items[i].reader)
                continue;
            const struct safepoint_info *info = safepoint_info(list.items[i].reader);
            snprintf(text, sizeof text, "%s, before %s of %s", info->created, info->action, info->environment);
            say_name(info->id, text);
        }
        safepoint_list_free(&list);
    }
    settings_free(&settings);
}

static void say_options(const struct command *command)
{
    char name[64];
    for (int i = 0; i < option_row_count; i++) {
        if (!options_allowed(command, &option_rows[i]))
            continue;
        snprintf(name, sizeof name, "--%s", option_rows[i].name);
        say(name, option_rows[i].help);
    }
}

/* The argument of an option, by the word that --help has for it. */
static void say_values(struct line *line)
{
    const char *name = line->valued->name, *argument = line->valued->argument;
    const char *choices = options_choices(name);
    if (choices)
        say_words(choices);
    else if (strcmp(name, "screen") == 0)
        say_words(run_screen_names());
    else if (strcmp(argument, "FILE") == 0)
        puts("-files");
    else if (strcmp(argument, "DIR") == 0)
        puts("-directories");
    else if (strcmp(argument, "TABLE") == 0 || strcmp(name, "table") == 0)
        say_environments(line, true);
    else if (strcmp(argument, "ENV") == 0 || strcmp(name, "confirm") == 0 || strcmp(name, "environment") == 0)
        say_environments(line, false);
    else if (strcmp(name, "action") == 0)
        say_commands(NULL);
}

/* An operand, by the words of the command's usage line. The environment comes first, where it is given at all. */
static void say_operands(struct line *line)
{
    const char *usage = line->command->operands;
    bool first = line->operand_count == 0, repeated = strstr(usage, "...") != NULL;
    if (strstr(usage, "ENV") && (first || strstr(usage, "ENV...")))
        say_environments(line, false);
    if (first)
        say_commands(line->command->name);
    if (strstr(usage, "TABLE") && (repeated || line->operand_count < 2))
        say_environments(line, true);
    if (strstr(usage, "SAFEPOINT") && line->operand_count < 2)
        say_safepoints(line);
    if (strstr(usage, "SESSION") || (strstr(usage, "ID") && first))
        say_sessions(line);
    if ((strstr(usage, "FILE") || strstr(usage, "SAFEPOINT") || strstr(usage, "SESSION")) && line->operand_count < 2)
        puts("-files");
    if (strstr(usage, "COMMAND"))
        say_commands(first ? NULL : line->operands[0]);
    if (first && usage[0] >= 'a' && usage[0] <= 'z')
        say_words(usage);
}

static void answer(struct line *line)
{
    const char *equals = strchr(line->typed, '=');
    if (!line->only_operands && strncmp(line->typed, "--", 2) == 0 && equals)
        line->valued = options_find(line->typed + 2, (size_t)(equals - line->typed) - 2);
    if (line->valued) {
        say_values(line);
    } else if (line->behind) {
        puts(line->behind == 1 ? "-programs" : "-files");
    } else if (line->typed[0] == '-' && !line->only_operands) {
        say_options(line->command);
    } else if (line->command) {
        say_operands(line);
    } else if (line->operand_count == 0) {
        say_environments(line, false);
        say_commands(NULL);
    }
}

static bool answer_words(struct err *err)
{
    struct line line = {0};
    bool ok = read_words(&line, err);
    if (ok) {
        read_line(&line);
        answer(&line);
    }
    explicit_bzero(line.text, INPUT_MAX);   /* a URL on the line may hold a password */
    free(line.text);
    return ok;
}

static bool run(const struct options *options, struct err *err)
{
    static const struct { const char *shell, *script; } scripts[] = {
        {"bash", COMPLETION_BASH}, {"zsh", COMPLETION_ZSH}, {"fish", COMPLETION_FISH}};
    const char *shell = options->operand_count == 1 ? options->operands[0] : "";
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (strcmp(shell, scripts[i].shell) == 0)
            return fputs(scripts[i].script, stdout) >= 0;
    if (strcmp(shell, "words") == 0)
        return answer_words(err);
    err_set(err, ERR_USAGE, "completion wants the name of a shell it knows: bash, zsh or fish");
    return err_hint(err, "seedops completion bash");
}

int cmd_completion(const struct command *command, struct options *options)
{
    (void)command;
    struct err err = {0};
    if (run(options, &err))
        return 0;
    face_print_error(&err, false);
    return err_exit_code(err.class);
}
