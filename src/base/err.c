/* err - error values, the table of classes, and the end of the line for out-of-memory.
 * Knows nothing of terminals or journals: whoever owns one registers a restoring function. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FORMATS "Exit codes"; the manual's table is checked against this one. */
static const struct {
    const char *name;
    int exit_code;
    const char *help;
} classes[ERR_CLASS_COUNT] = {
    [ERR_NONE] = {"none", 0, "success"},
    [ERR_GENERAL] = {"general", 1, "something failed that has no class of its own"},
    [ERR_USAGE] = {"usage", 64, "the command line cannot be understood"},
    [ERR_CONFIG] = {"config", 1, "the configuration, a URL or an environment variable is wrong"},
    [ERR_FIXTURE] = {"fixture", 1, "a fixture is wrong, or the live schema does not take a value"},
    [ERR_NOT_READY] = {"not-ready", 2, "the database is not ready yet"},
    [ERR_NEVER_READY] = {"never-ready", 2, "the database will never be ready as asked"},
    [ERR_MIGRATION] = {"migration", 3, "a migration failed or may not run"},
    [ERR_DIFFERENT] = {"different", 4, "differences, pending migrations or a failed verification"},
    [ERR_REFUSED] = {"refused", 5, "the guard refused a write"},
    [ERR_QUERY] = {"query", 1, "the server refused a statement"},
    [ERR_CONFLICT] = {"conflict", 1, "another writer was faster, three times"},
    [ERR_UNKNOWN_OUTCOME] = {"unknown-outcome", 1, "the connection was lost while committing"},
    [ERR_LOST] = {"lost", 1, "the connection was lost; nothing was being committed"},
    [ERR_CANCELLED] = {"cancelled", 130, "cancelled by the operator or a signal"},
    [ERR_DEPENDENCY] = {"dependency", 127, "something that must be installed is missing"},
};

static void (*restore_terminal)(void);

void err_on_abort(void (*restore)(void)) { restore_terminal = restore; }

_Noreturn void err_abort(const char *what)
{
    if (restore_terminal)
        restore_terminal();
    static const char head[] = "seedops: internal error: ";
    ssize_t ignored = write(STDERR_FILENO, head, sizeof head - 1);
    ignored = write(STDERR_FILENO, what, strlen(what));
    ignored = write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    abort();
}

const char *err_class_name(enum err_class class) { return classes[class].name; }
int err_exit_code(enum err_class class) { return classes[class].exit_code; }
const char *err_class_help(enum err_class class) { return classes[class].help; }

bool err_set(struct err *e, enum err_class class, const char *format, ...)
{
    if (!e)
        return false;
    err_clear(e);
    e->class = class;
    va_list args;
    va_start(args, format);
    vsnprintf(e->message, sizeof e->message, format, args);
    va_end(args);
    return false;
}

bool err_errno(struct err *e, enum err_class class, int errnum, const char *format, ...)
{
    if (!e)
        return false;
    err_clear(e);
    e->class = class;
    va_list args;
    va_start(args, format);
    vsnprintf(e->message, sizeof e->message, format, args);
    va_end(args);
    char text[128];
    return err_why(e, "%s", strerror_r(errnum, text, sizeof text));
}

bool err_why(struct err *e, const char *format, ...)
{
    if (!e)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(e->why, sizeof e->why, format, args);
    va_end(args);
    return false;
}

bool err_hint(struct err *e, const char *format, ...)
{
    if (!e)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(e->hint, sizeof e->hint, format, args);
    va_end(args);
    return false;
}

bool err_at(struct err *e, const char *file, unsigned line, unsigned column)
{
    if (!e)
        return false;
    if (line && column)
        snprintf(e->at, sizeof e->at, "%s:%u:%u", file, line, column);
    else if (line)
        snprintf(e->at, sizeof e->at, "%s:%u", file, line);
    else
        snprintf(e->at, sizeof e->at, "%s", file);
    return false;
}

bool err_sqlstate(struct err *e, const char *sqlstate)
{
    if (e)
        snprintf(e->sqlstate, sizeof e->sqlstate, "%s", sqlstate ? sqlstate : "");
    return false;
}

bool err_context(struct err *e, const char *format, ...)
{
    if (!e)
        return false;
    char context[256], old[sizeof e->message];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    memcpy(old, e->message, sizeof old);
    size_t used = (size_t)snprintf(e->message, sizeof e->message, "%s: ", context);
    if (used < sizeof e->message)
        snprintf(e->message + used, sizeof e->message - used, "%.*s",
                 (int)(sizeof e->message - used - 1), old);
    return false;
}

void err_clear(struct err *e)
{
    e->class = ERR_NONE;
    e->sqlstate[0] = e->message[0] = e->why[0] = e->hint[0] = e->at[0] = '\0';
}

bool err_list_add(struct err_list *list, const struct err *e)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 8;
        list->items = xrealloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = *e;
    return false;
}

void err_list_free(struct err_list *list)
{
    free(list->items);
    *list = (struct err_list){0};
}

void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        err_abort("out of memory");
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        err_abort("out of memory");
    return p;
}

void *xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p)
        err_abort("out of memory");
    return p;
}

char *xstrndup(const char *text, size_t length)
{
    char *copy = xmalloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *xstrdup(const char *text) { return text ? xstrndup(text, strlen(text)) : NULL; }
