/* decide - the one place that says whether a write may happen (SAFETY 2). Pure: facts in, answer out. */
#ifndef SEEDOPS_GUARD_DECIDE_H
#define SEEDOPS_GUARD_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

enum guard_class { GUARD_READ, GUARD_SESSION, GUARD_KEEP, GUARD_MIGRATE, GUARD_SEED, GUARD_DESTROY,
                   GUARD_WIPE, GUARD_CLASS_COUNT };
enum guard_face { GUARD_CONSOLE, GUARD_COMMAND };

enum guard_tri { GUARD_UNKNOWN, GUARD_NO, GUARD_YES };

/* What op collected; unknown is never taken for good news. */
struct guard_facts {
    const char *environment;          /* the name to type: the environment's, or database@host */
    const char *target;               /* how a command line names it, for allow_line: NULL is the name above,
                                       * `--url "$URL"` for a URL, "" for zero configuration */
    bool role_production, role_local; /* neither: staging. Only role_local leaves "local" to the facts below */
    bool tunnel;                      /* one of ours */
    bool unix_socket;
    enum guard_tri loopback;          /* every resolved address is loopback */
    enum guard_tri sees_our_socket;   /* over TCP: inet_client_addr:port equals our getsockname */
    enum guard_tri container_here;    /* the server's address is on a container network of this machine */
    enum guard_tri peer_forwards;     /* over a Unix socket: the peer process is ssh, socat, kubectl ... */
    const char *peer_program;         /* for the reason; may be NULL */
    bool known_non_local;             /* its server is pinned under a non-local environment, and it was not accepted
                                       * as a clone of that */
    const char *known_as;             /* which; may be NULL */
    bool perhaps_non_local;           /* the server does not tell which it is, so it may be one that is pinned so */
    bool mark_non_local;              /* the database itself says that it is not local (or may: an unreadable mark) */
    const char *marked_as;            /* what it says: "production"; NULL: it could not be read */
    bool identity_changed;            /* another database answers than the one that was pinned */
    bool identity_split;              /* what is read and what would be written are two databases; was: the former */
    const char *identity_was, *identity_is;
    bool identity_unreadable;         /* what was pinned cannot be read: a wrong database would not be recognised */
    const char *identity_file;
    bool in_recovery;                 /* a standby takes no writes */
    bool transaction_pooler;          /* on the connection the action would use */
    const char *allow_prod_seed;      /* the variable's text, NULL if unset */
};

struct guard_request {
    enum guard_class class;
    const char *action;               /* the command that asks ("boot"), for allow_line; NULL: the class's own */
    enum guard_face face;
    bool write_mode;                  /* console: W is on */
    const char *typed;                /* --confirm, or what was typed; NULL */
    bool explicit_target;             /* a command that names its environment or URL */
    bool accepts_identity;            /* it is what makes a changed identity the known one */
    const char *const *operational;   /* tables that the application owns and that lose rows: each is typed, too */
    size_t operational_count;
    const char *const *typed_operational;
    size_t typed_operational_count;
};

enum { GUARD_REASONS = 8, GUARD_REASON = 200, GUARD_LINE = 640 };

struct guard_answer {
    bool allowed;
    bool local;
    bool needs_write_mode;            /* what is still missing, for the console to ask */
    bool needs_name;
    bool needs_operational;           /* some operational table's name is not typed */
    char reasons[GUARD_REASONS][GUARD_REASON];   /* why (not), sentences, most important first */
    size_t reason_count;
    char allow_line[GUARD_LINE];      /* the exact line that would allow it, "" when none would or need */
};

/* Fills *answer and returns answer->allowed. */
bool guard_decide(const struct guard_facts *facts, const struct guard_request *request,
                  struct guard_answer *answer);
/* SAFETY 2 "Local means all of"; appends the reason to `reasons`, which may be NULL. */
bool guard_is_local(const struct guard_facts *facts, struct guard_answer *reasons);
/* The variable that allows seeds elsewhere than on local databases. */
#define GUARD_VARIABLE "ALLOW_PROD_SEED"
/* "0", "false", "no", "off" and empty do not count. */
bool guard_allows_prod_seed(const char *variable);
const char *guard_class_name(enum guard_class class);

#endif
