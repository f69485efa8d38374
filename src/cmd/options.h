/* options - the one table of options: parsing, usage lines, completion and the manual come from it. */
#ifndef SEEDOPS_CMD_OPTIONS_H
#define SEEDOPS_CMD_OPTIONS_H

#include "base/str.h"
#include "cmd/command.h"

struct option_row {
    const char *name;            /* without the dashes */
    const char *argument;        /* NULL: a flag */
    const char *help;
    size_t offset;               /* of the field in struct options: const char *, bool, int64_t, or of a list its
                                  * array, the count being the next member */
    enum { OPTION_TEXT, OPTION_FLAG, OPTION_MS, OPTION_PERIOD, OPTION_COUNT, OPTION_LIST } kind;
    bool common;                 /* every command takes it */
};
enum { OPTION_COUNT_MAX = 200 };
enum { OPTION_MS_MAX = 1000000000 };   /* eleven days; clocks can add it to any time without overflow */
extern const struct option_row option_rows[];
extern const int option_row_count;

/* The row of an option by its name, without dashes; NULL: there is none. */
const struct option_row *options_find(const char *name, size_t length);
/* What an option takes if it takes nothing else, blanks between; NULL: it takes many things. */
const char *options_choices(const char *name);
/* argv[0] is the program. Fills options and *command (NULL: none was named, the console is meant). A password
 * in --url or --direct-url is overwritten in argv. False with ERR_USAGE. */
bool options_parse(int argc, char **argv, struct options *options, const struct command **command,
                   struct err *err);
/* "100x26" of option --name; NULL leaves both 0. */
bool options_size(const char *name, const char *text, int *columns, int *rows, struct err *err);
void options_free(struct options *options);
/* Appends the options that were given as words, for the record: a URL's text is left out, and a command's. */
void options_words(const struct options *options, struct str *out);
/* Before operands are taken for files or ids: one that is no file and looks like a URL is refused without being said,
 * for it may hold a password. */
bool options_names(const struct options *options, struct err *err);
/* True if `command` (NULL: the console) takes the option. */
bool options_allowed(const struct command *command, const struct option_row *row);

#endif
