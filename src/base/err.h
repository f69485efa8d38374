/* err - the one error idiom.
 *
 * A fallible function returns bool and takes `struct err *` last. On failure it fills the error and
 * returns false: `return err_set(err, ERR_CONFIG, "cannot read %s", path);`. Callers may add context.
 * Branch on `class` and `sqlstate`, never on text. Three lines for people, in this order: what failed
 * (message), why (why), what to do next (hint). Texts may hold foreign bytes: whoever shows them makes
 * them visible first (text_visible). Fixed buffers: an error never allocates and may be copied. */
#ifndef SEEDOPS_BASE_ERR_H
#define SEEDOPS_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum err_class {
    ERR_NONE,
    ERR_GENERAL,         /* anything without a class of its own */
    ERR_USAGE,           /* the command line */
    ERR_CONFIG,          /* seedops.yaml, a URL, the environment */
    ERR_FIXTURE,         /* a fixture file, or a value the live schema does not take */
    ERR_NOT_READY,       /* the database is not ready yet: worth another try */
    ERR_NEVER_READY,     /* it never will be as asked: bad password, no such database, TLS refused */
    ERR_MIGRATION,       /* a migration failed, is modified, or its ledger is not ours to write */
    ERR_DIFFERENT,       /* differences, pending migrations, verification failed */
    ERR_REFUSED,         /* by the guard */
    ERR_QUERY,           /* the server refused a statement */
    ERR_CONFLICT,        /* someone else wrote meanwhile; planning again may help */
    ERR_UNKNOWN_OUTCOME, /* the connection was lost while committing */
    ERR_LOST,            /* the connection was lost, nothing was being committed */
    ERR_CANCELLED,       /* by the operator or a signal */
    ERR_DEPENDENCY,      /* something that must be installed is missing */
    ERR_CLASS_COUNT
};

struct err {
    enum err_class class;
    char sqlstate[6];   /* "" when the server had no say */
    char message[512];  /* what failed */
    char why[1024];     /* why; "" when the message says it all */
    char hint[512];     /* what to do next; "" when there is nothing to say */
    char at[512];       /* "file:line:column" or "" */
};

/* Fills *e (replacing what was there) and returns false. `e` may be NULL. */
bool err_set(struct err *e, enum err_class class, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with errno's text as the reason. */
bool err_errno(struct err *e, enum err_class class, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Each adds to an error that is set already, and returns false, so that calls chain with `return`. */
bool err_why(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool err_hint(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool err_at(struct err *e, const char *file, unsigned line, unsigned column); /* 0: not known */
bool err_sqlstate(struct err *e, const char *sqlstate);
/* Puts "context: " before the message. */
bool err_context(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void err_clear(struct err *e);

/* Stable name of a class ("not-ready", "refused" ...), as in JSON; and the exit code it maps to. */
const char *err_class_name(enum err_class class);
int err_exit_code(enum err_class class);
/* One sentence for the manual's table; every class has one. */
const char *err_class_help(enum err_class class);

/* A list of problems reported together (validation). Owns its items; err_list_free empties it. */
struct err_list {
    struct err *items;
    size_t count, capacity;
};
/* Copies *e to the end; false, so that `return err_list_add(...)` reads well. */
bool err_list_add(struct err_list *list, const struct err *e);
void err_list_free(struct err_list *list);

/* Out of memory and programming errors: says so on the terminal (restored first), then aborts. */
_Noreturn void err_abort(const char *what);
/* Called by err_abort before it writes: async-signal-safe restoring of the terminal. NULL: none. */
void err_on_abort(void (*restore)(void));
/* malloc family that cannot fail. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);              /* NULL gives NULL */
char *xstrndup(const char *text, size_t length);

#endif
