/* known - is this the database that it was? (SAFETY 3): the server's identity and mark beside what known_databases
 * says of the environment, and of the others.
 *
 * Judging is pure; visiting reads the file, and writes it when an environment is seen for the first time. A state
 * directory that cannot be written is said and not waited for. */
#ifndef SEEDOPS_OP_KNOWN_H
#define SEEDOPS_OP_KNOWN_H

#include "config/pins.h"
#include "config/settings.h"
#include "event/types.h"
#include "guard/decide.h"
#include "op/mark.h"

struct session;

enum known_state {
    KNOWN_NEW,            /* the first visit: pinned now */
    KNOWN_SAME,           /* the database that it was */
    KNOWN_CHANGED,        /* another one answers */
    KNOWN_UNKNOWN         /* the server does not tell its identifier; database and oid are what they were, or new */
};

struct known {
    enum known_state state;
    struct pin_identity now, pinned;
    char now_text[128], was_text[128];    /* known_describe of both */
    int64_t first_seen_ms, last_seen_ms;  /* of the pin; 0: none */
    bool role_changed;            /* the configuration gives the environment another role than when it was pinned */
    char known_as[160];           /* a non-local environment whose server this is; "" none, or accepted as its clone */
    bool doubtful;                /* the server does not tell, so it may be that of known_as */
    char clone_of[160];           /* accepted as a clone of it; "" not */
    char marked_as[96];           /* what a mark says that is not what the configuration says: environment (role) */
    bool mark_non_local;          /* and that is non-local, and was not accepted */
    char copy_of[160];            /* the mark is of another server or database: this is a copy of that environment */
    bool split;                   /* of the direct connection: the reading one leads to another database, `pinned` */
    char broken[256];             /* known_databases is there and cannot be read: why. Nothing is written then */
    char unrecorded[256];         /* it could not be written: why */
    struct applied_set sets[APPLIED_SETS];
    size_t set_count;
};

/* How the environment is named in the file: by the configuration that declares it. */
const char *known_config(const struct settings *settings, const struct environment *env);
/* Pure. `mark` as read from the same connection. */
void known_judge(const struct pins *pins, const char *config, const struct environment *env,
                 const struct pin_identity *now, const struct mark *mark, struct known *known);
/* Reads, judges what was looked at into s->known and s->direct_known, pins a first visit. */
void known_visit(struct session *s);
/* The same, but a first visit's pin is brought to the disk beside what follows, until known_settle: before the first
 * write, and at the latest when the session is closed. */
void known_visit_later(struct session *s);
void known_settle(struct session *s);
/* Adds what the guard decides by. Texts borrow from `known`. */
void known_guard_facts(const struct known *known, struct guard_facts *facts);
/* One sentence of what is wrong or worth knowing, "" nothing; true when it is trouble and not only news. */
bool known_sentence(const struct known *known, const struct environment *env, struct str *out);
void known_fact(const struct known *known, const struct environment *env, struct fact_identity *fact);
/* "server 7201… database alpimonitor (oid 16384)" */
void known_describe(const struct pin_identity *identity, struct str *out);

/* Pins what answers now, whatever was pinned before; with it, what was known of it otherwise is accepted. */
bool known_accept(struct session *s, struct err *err);
/* Drops the pin. *was gets it; false with ERR_USAGE when there was none. */
bool known_forget(const char *config, const char *environment, struct pin_identity *was, struct err *err);
/* Notes an applied fixture set for "Whose fixtures?"; a failure is logged. */
void known_add_set(struct session *s, const struct applied_set *set);

#endif
