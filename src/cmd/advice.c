/* advice - finds commands in a hint by the table of commands, the longest name first. */
#include "cmd/advice.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cmd/command.h"

static bool word_ends(char c) { return c == '\0' || strchr(" ,.;:)", c) != NULL; }

/* The longest name of a command that opens an environment and that `text` begins with; 0: none. */
static size_t command_length(const char *text)
{
    size_t longest = 0;
    for (int i = 0; i < command_count; i++) {
        size_t length = strlen(commands[i].name);
        if (commands[i].flags & COMMAND_DATABASE && length > longest && strncmp(text, commands[i].name, length) == 0 &&
            word_ends(text[length]))
            longest = length;
    }
    return longest;
}

void advice_name_target(struct err *err, const char *target)
{
    static const char program[] = "seedops ";
    struct str out = {0};
    size_t named = strlen(target);
    for (const char *at = err->hint; *at && named;) {
        size_t command = strncmp(at, program, sizeof program - 1) == 0 ? command_length(at + sizeof program - 1) : 0;
        if (command == 0) {
            str_add_char(&out, *at++);
            continue;
        }
        const char *end = at + sizeof program - 1 + command;
        str_add_bytes(&out, at, (size_t)(end - at));
        bool there = *end == ' ' && strncmp(end + 1, target, named) == 0 && word_ends(end[1 + named]);
        if (!there)
            str_printf(&out, " %s", target);
        at = end;
    }
    if (out.length && out.length < sizeof err->hint)
        snprintf(err->hint, sizeof err->hint, "%s", str_text(&out));
    str_free(&out);
}
