/* options - parsing by table. An option may stand anywhere; "--" ends them; "--name=value" works. */
#include "cmd/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/text.h"
#include "config/url.h"

#define ROW_TEXT(n, arg, member, h, c) {n, arg, h, offsetof(struct options, member), OPTION_TEXT, c}
#define ROW_FLAG(n, member, h, c) {n, NULL, h, offsetof(struct options, member), OPTION_FLAG, c}

const struct option_row option_rows[] = {
    ROW_TEXT("accept", "ENV", accept, "envs: the database that answers now is the right one", false),
    ROW_TEXT("action", "NAME", action, "sessions: in which that was done: seed, migrate, verify", false),
    ROW_FLAG("applied", applied, "resolve: the migration's changes are in the database", false),
    ROW_TEXT("at", "MOMENT", at, "where the replay begins: 14:32 (UTC), +10m, 50%, #812, end", false),
    ROW_FLAG("cast", cast, "report: an asciicast, for asciinema", false),
    ROW_TEXT("cast-version", "N", cast_version, "report: of the asciicast, 2 (default) or 3", false),
    ROW_TEXT("changed", "MODE", changed, "restore: leave or overwrite rows that were changed since", false),
    ROW_FLAG("clean-env", clean_env, "boot: CMD does not get the variables that only seedops needed", false),
    ROW_TEXT("color", "WHEN", color, "auto, always or never (also: NO_COLOR)", true),
    ROW_TEXT("config", "FILE", settings.config, "configuration (default: seedops.yaml, found upward)", true),
    ROW_TEXT("confirm", "NAME", confirm, "the environment's name in full, where an action asks for it", false),
    {"confirm-operational", "TABLE", "a table of the application's that loses rows; once for each such table",
     offsetof(struct options, confirm_operational), OPTION_LIST, false},
    ROW_FLAG("deep", deep, "diagnose: also what costs time or rights: WAL, statements, log, other databases", false),
    ROW_TEXT("direct-url", "URL", settings.direct_url, "unpooled URL for migrations, locks and writes", true),
    ROW_FLAG("digest", digest, "diff: compare sums of hashes first, and read only rows that differ, whatever would pay", false),
    ROW_FLAG("dry-run", dry_run, "show the plan, change nothing", false),
    ROW_TEXT("dump", "COLSxROWS", dump, "draw one screen of the console as text and leave", false),
    ROW_TEXT("environment", "NAME", of_environment, "sessions: of that environment", false),
    ROW_TEXT("exec", "COMMAND", run, "watch: run it for each event, which it reads as JSON on its standard input", false),
    ROW_TEXT("forget", "ENV", forget, "envs: forget which database this was; the next visit is a first one", false),
    ROW_FLAG("help", help, "show this help", true),
    ROW_FLAG("html", html, "report: one HTML page, with the screens drawn", false),
    {"interval", "TIME", "watch: how often to look: 10 (seconds, the default), 500ms, 5m, 1h", offsetof(struct options, interval_ms),
     OPTION_PERIOD, false},
    {"jobs", "N", "of several environments so many at once, at most 200 (default: 32, over a slow link all)",
     offsetof(struct options, jobs), OPTION_COUNT, false},
    ROW_FLAG("json", json, "one JSON document on stdout", true),
    ROW_FLAG("list", list, "restore: show the safepoints there are", false),
    ROW_TEXT("junit", "FILE", junit, "verify: also write the result as JUnit XML", false),
    ROW_TEXT("log-format", "FORMAT", log_format, "text or json", true),
    ROW_FLAG("merge", merge, "sessions: one timeline of several, by the wall clock", false),
    ROW_TEXT("migrations", "DIR", settings.migrations, "migrations directory", true),
    ROW_TEXT("outcome", "WORD", outcome, "sessions: that ended ok, failed or refused", false),
    ROW_TEXT("output", "FILE", output, "write there instead of to stdout; preserve: directory of the saved pages", false),
    ROW_FLAG("partial", partial, "restore: also when some of it cannot be put back", false),
    ROW_TEXT("plan-digest", "DIGEST", plan_digest, "carry out exactly the plan of this digest, or nothing", false),
    ROW_TEXT("prometheus", "FILE", prometheus, "verify: also write a textfile for Prometheus' node_exporter", false),
    ROW_FLAG("renumber", renumber, "restore: rows that are there under other numbers count as there", false),
    ROW_FLAG("rolled-back", rolled_back, "resolve: the migration's changes are not in the database", false),
    ROW_FLAG("rows", rows, "diff: compare row by row, whatever would pay", false),
    ROW_TEXT("safepoint-dir", "DIR", safepoint_dir, "where safepoints are kept (default: below the state directory)",
             false),
    ROW_FLAG("scan", scan, "also scan tables whose evidence is held (this destroys what can be read back)", false),
    ROW_FLAG("schema", schema, "reset: drop the schema and make it again by the migrations; local only", false),
    ROW_TEXT("screen", "NAME", screen, "the screen that --dump draws (default: overview)", false),
    ROW_TEXT("seeds", "DIR", settings.seeds, "fixtures directory", true),
    ROW_TEXT("since", "TIME", since, "sessions: from then on: 2026-11-21, 2026-11-21T08:30 (UTC), 2h, 3d", false),
    ROW_TEXT("size", "COLSxROWS", size, "report: size of the cast (default: as it was recorded)", false),
    ROW_TEXT("table", "NAME", table, "sessions: in which that table was compared or written", false),
    {"timeout", "MS", "deadline in milliseconds", offsetof(struct options, timeout_ms), OPTION_MS, false},
    ROW_FLAG("to-sql", to_sql, "restore: write the rows as SQL for psql instead; no database is needed", false),
    ROW_FLAG("undo", undo, "preserve: take back what it changed in the database", false),
    ROW_TEXT("until", "TIME", until, "sessions: up to then", false),
    ROW_FLAG("until-bad", until_bad, "watch: end as soon as something is bad, exit 2, 3 or 4", false),
    ROW_TEXT("url", "URL", settings.url, "database to use instead of a configured environment", true),
    ROW_TEXT("user", "NAME", user, "sessions: of that user", false),
    ROW_FLAG("verify", verify, "sessions: hold the hash chains; the first bad line of each is named", false),
    ROW_FLAG("version", version, "show the version", true),
};
const int option_row_count = sizeof option_rows / sizeof *option_rows;
_Static_assert(sizeof option_rows / sizeof *option_rows <= 64, "options_parse notes what was given in 64 bits");

/* A word of a list with blanks between. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; length && (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

bool options_allowed(const struct command *command, const struct option_row *row)
{
    return row->common || has_word(command ? command->options : "dump screen", row->name);
}

void options_words(const struct options *options, struct str *out)
{
    for (const struct option_row *row = option_rows; row < option_rows + option_row_count; row++) {
        const char *field = (const char *)options + row->offset;
        const char *text = row->kind == OPTION_TEXT ? *(const char *const *)(const void *)field : NULL;
        if (row->kind == OPTION_FLAG ? *(const bool *)(const void *)field : text != NULL)
            str_printf(out, " --%s", row->name);
        if (text)
            str_printf(out, " %s", strstr(row->name, "url") ? "URL" : strcmp(row->name, "exec") == 0 ? "COMMAND" : text);
        bool is_number = row->kind == OPTION_MS || row->kind == OPTION_PERIOD || row->kind == OPTION_COUNT;
        int64_t number = is_number ? *(const int64_t *)(const void *)field : 0;
        if (number)
            str_printf(out, " --%s %lld%s", row->name, (long long)number, row->kind == OPTION_PERIOD ? "ms" : "");
    }
    for (int i = 0; i < options->operand_count; i++) {
        char shown[80];
        bool secret = strcmp(settings_show_word(shown, sizeof shown, options->operands[i]), "[REDACTED]") == 0;
        str_printf(out, " %s", secret ? shown : options->operands[i]);
    }
}

bool options_names(const struct options *options, struct err *err)
{
    for (int i = 0; i < options->operand_count; i++) {
        char shown[80];
        bool secret = strcmp(settings_show_word(shown, sizeof shown, options->operands[i]), "[REDACTED]") == 0;
        if (!secret || access(options->operands[i], F_OK) == 0)
            continue;
        err_set(err, ERR_USAGE, "there is no file or id \"%s\"", shown);
        err_why(err, "it looks like a URL, which neither is");
        return err_hint(err, "Put it into DATABASE_URL: on a command line others can read its password.");
    }
    return true;
}

const struct option_row *options_find(const char *name, size_t length)
{
    for (int i = 0; i < option_row_count; i++)
        if (strlen(option_rows[i].name) == length && strncmp(option_rows[i].name, name, length) == 0)
            return &option_rows[i];
    return NULL;
}

static bool unknown_option(const char *name, size_t length, struct err *err)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    err_set(err, ERR_USAGE, "unknown option --%s", text);
    int limit = length < 6 ? 3 : 4, best = limit;
    for (int i = 0; i < option_row_count; i++) {
        int distance = text_distance(text, option_rows[i].name);
        if (distance < best) {
            best = distance;
            err_hint(err, "did you mean --%s?", option_rows[i].name);
        }
    }
    return best < limit ? false : err_hint(err, "seedops --help lists the options");
}

/* A URL's password must not stay where `ps` shows it: the text is kept, argv is overwritten. */
static const char *keep_url(struct options *options, bool direct, char *argument)
{
    char **kept = &options->urls[direct];
    free(*kept);
    *kept = xstrdup(argument);
    url_wipe(argument);
    return *kept;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < sizeof options->urls / sizeof *options->urls; i++) {
        if (options->urls[i])
            secret_wipe(options->urls[i]);
        free(options->urls[i]);
    }
}

/* Given again, it says one more: an option of the array's room, and the count behind it. */
static bool add_to_list(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
    enum { ROOM = sizeof options->confirm_operational / sizeof *options->confirm_operational };
    const char **list = (const char **)((char *)options + row->offset);
    int *count = (int *)(list + ROOM);
    if (*count == ROOM)
        return err_set(err, ERR_USAGE, "too many --%s: at most %d", row->name, ROOM);
    list[(*count)++] = value;
    return true;
}

/* "10" and "10s" are seconds; "0.5", "500ms", "5m", "2h". A tenth of a second is the least. */
static bool set_period(int64_t *ms, const char *name, const char *value, struct err *err)
{
    static const struct { const char *name; double ms; } units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000},
                                                                    {"min", 60000}, {"h", 3600000}};
    enum { LEAST_MS = 100 };
    size_t digits = strspn(value, "0123456789.");
    char *end;
    double number = strtod(value, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units && digits && end == value + digits; i++) {
        double exact = number * units[i].ms;
        if (strcmp(end, units[i].name) != 0 || exact < LEAST_MS || exact > OPTION_MS_MAX)
            continue;
        *ms = (int64_t)(exact + 0.5);
        return true;
    }
    err_set(err, ERR_USAGE, "--%s wants a time of a tenth of a second or more, not \"%s\"", name, value);
    return err_hint(err, "for example --%s 10 (seconds), --%s 500ms, --%s 5m", name, name, name);
}

static bool set_number(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
    bool ms = row->kind == OPTION_MS;
    int most = ms ? OPTION_MS_MAX : OPTION_COUNT_MAX;
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (!errno && end != value && !*end && number > 0 && number <= most) {
        *(int64_t *)(void *)((char *)options + row->offset) = number;
        return true;
    }
    if (ms)
        err_set(err, ERR_USAGE, "--%s wants a number of milliseconds above zero, not \"%s\"", row->name, value);
    else
        err_set(err, ERR_USAGE, "--%s wants a number from 1 to %d, not \"%s\"", row->name, most, value);
    return err_hint(err, "for example --%s %d", row->name, ms ? 30000 : 16);
}

static bool set_value(struct options *options, const struct option_row *row, char *value, struct err *err)
{
    void *field = (char *)options + row->offset;
    if (row->kind == OPTION_FLAG) {
        *(bool *)field = true;
    } else if (row->kind == OPTION_TEXT) {
        bool direct = strcmp(row->name, "direct-url") == 0, is_url = direct || strcmp(row->name, "url") == 0;
        *(const char **)field = is_url ? keep_url(options, direct, value) : value;
    } else if (row->kind == OPTION_PERIOD) {
        return set_period(field, row->name, value, err);
    } else if (row->kind == OPTION_LIST) {
        return add_to_list(options, row, value, err);
    } else {
        return set_number(options, row, value, err);
    }
    return true;
}

static bool parse_option(int argc, char **argv, int *i, struct options *options, uint64_t *given, struct err *err)
{
    char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_row *row = options_find(name, length);
    if (!row)
        return unknown_option(name, length, err);
    *given |= UINT64_C(1) << (row - option_rows);
    if (row->kind == OPTION_FLAG) {
        if (equals) {
            err_set(err, ERR_USAGE, "--%s takes no value", row->name);
            return err_hint(err, "write --%s alone", row->name);
        }
        return set_value(options, row, NULL, err);
    }
    char *value = equals ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (!value) {
        err_set(err, ERR_USAGE, "--%s wants a value", row->name);
        return err_hint(err, "--%s %s", row->name, row->argument);
    }
    return set_value(options, row, value, err);
}

/* The first operands name the command: "migrate", or "migrate status". */
static const struct command *take_command(struct options *options)
{
    const char **words = options->operands;
    if (options->operand_count == 0)
        return NULL;
    int used = 0;
    const struct command *command = NULL;
    if (options->operand_count > 1) {
        char pair[64];
        snprintf(pair, sizeof pair, "%s %s", words[0], words[1]);
        command = command_find(pair);
        used = 2;
    }
    if (!command) {
        command = command_find(words[0]);
        used = 1;
    }
    if (!command)
        return NULL;
    options->operand_count -= used;
    memmove(words, words + used, (size_t)options->operand_count * sizeof *words);
    return command;
}

static bool check_given(const struct command *command, uint64_t given, struct err *err)
{
    for (int i = 0; i < option_row_count; i++) {
        if (!(given & UINT64_C(1) << i) || options_allowed(command, &option_rows[i]))
            continue;
        err_set(err, ERR_USAGE, "%s does not take --%s", command ? command->name : "the console",
                option_rows[i].name);
        return err_hint(err, "seedops %s%s--help lists what it takes", command ? command->name : "", command ? " " : "");
    }
    return true;
}

static const struct { const char *name, *choices; } option_choices[] = {
    {"cast-version", "2 3"}, {"changed", "leave overwrite"}, {"color", "auto always never"}, {"log-format", "text json"},
    {"outcome", "ok failed refused"}};

const char *options_choices(const char *name)
{
    for (size_t i = 0; i < sizeof option_choices / sizeof *option_choices; i++)
        if (strcmp(option_choices[i].name, name) == 0)
            return option_choices[i].choices;
    return NULL;
}

static bool check_choices(const struct options *options, struct err *err)
{
    for (size_t i = 0; i < sizeof option_choices / sizeof *option_choices; i++) {
        const char *name = option_choices[i].name, *choices = option_choices[i].choices;
        const struct option_row *row = options_find(name, strlen(name));
        const char *value = *(const char *const *)(const void *)((const char *)options + row->offset);
        if (!value || (has_word(choices, value) && !strchr(value, ' ')))
            continue;
        struct str list = {0};
        for (const char *c = choices; *c; c++)
            str_add(&list, *c != ' ' ? (char[]){*c, '\0'} : strchr(c + 1, ' ') ? ", " : " or ");
        err_set(err, ERR_USAGE, "--%s does not know \"%s\"", name, value);
        err_hint(err, "it takes %s", str_text(&list));
        str_free(&list);
        return false;
    }
    return true;
}

bool options_size(const char *name, const char *text, int *columns, int *rows, struct err *err)
{
    char rest;
    if (!text)
        return true;
    if (sscanf(text, "%4dx%4d%c", columns, rows, &rest) == 2 && *columns > 0 && *rows > 0 && *columns <= 1000 &&
        *rows <= 1000)
        return true;
    err_set(err, ERR_USAGE, "--%s wants COLSxROWS, not \"%s\"", name, text);
    return err_hint(err, "for example --%s 100x26", name);
}

static bool takes_command_line(const struct options *options)
{
    const struct command *command = options->operand_count ? command_find(options->operands[0]) : NULL;
    return command && command->flags & COMMAND_EXEC;
}

bool options_parse(int argc, char **argv, struct options *options, const struct command **command,
                   struct err *err)
{
    *options = (struct options){0};
    uint64_t given = 0;
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        const size_t room = sizeof options->operands / sizeof *options->operands;
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            if (takes_command_line(options)) {
                options->exec = argv + i + 1;
                break;
            }
            only_operands = true;
        } else if (!only_operands && (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "-V") == 0)) {
            *(argv[i][1] == 'h' ? &options->help : &options->version) = true;
        } else if (!only_operands && strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(argc, argv, &i, options, &given, err))
                return false;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            err_set(err, ERR_USAGE, "unknown option %s", argv[i]);
            return err_hint(err, "options are written in full: seedops --help lists them");
        } else if ((size_t)options->operand_count == room) {
            return err_set(err, ERR_USAGE, "too many operands: at most %zu", room);
        } else {
            options->operands[options->operand_count++] = argv[i];
        }
    }
    *command = take_command(options);
    return options->help || options->version ||
           (check_given(*command, given, err) && check_choices(options, err));
}
