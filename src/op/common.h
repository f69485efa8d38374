/* common - what the sessions of one environment's many databases share, each on a thread of its own: the password, asked
 * for or made once; the fixtures, read once; the file of known databases, read once and written once.
 *
 * A session without one (ctx->common NULL) has all of that to itself. */
#ifndef SEEDOPS_OP_COMMON_H
#define SEEDOPS_OP_COMMON_H

#include <pthread.h>

#include "base/secret.h"
#include "config/pins.h"
#include "fixture/fixture.h"

struct ctx;
struct session;

/* Of a whole process: who answered under which name. */
struct visits {
    pthread_mutex_t lock;
    const struct settings *settings;
    bool lasting;                    /* the file is read at every visit: others accept databases meanwhile */
    bool read, readable;
    struct pins pins;                /* as read at the first visit, or the newest */
    struct err problem;              /* why not readable */
    struct visited { const struct environment *environment; struct pin_identity now; } *items;
    size_t count, capacity;
};
void visits_init(struct visits *visits, const struct settings *settings, bool lasting);
/* Writes what is to be noted by now, under the file's lock, all at once; says in the log when it cannot. */
void visits_settle(struct visits *visits, struct ctx *ctx);
void visits_free(struct visits *visits);

/* Comes about once: by the first who wants it, while the others wait. With keep_ms, once in so long: what is made by a
 * command may be another one after a while. */
struct common_password {
    pthread_mutex_t lock;
    bool settled, ok;
    struct secret *password;
    struct err err;                  /* why there is none */
    int64_t keep_ms, made_ms;        /* 0: for good; monotonic */
};

struct common_set;                   /* fixtures, and how many sessions have them */

struct common {
    struct visits *visits;
    struct common_password made, asked;     /* by password_command; by a question */
    pthread_mutex_t lock;                   /* of the fixtures */
    struct common_set *newest;              /* read only, once loaded */
    int64_t read_ms;
};
/* Where visits last, a session that connects anew has the password made, and the fixtures read, anew. */
void common_init(struct common *common, struct visits *visits);
void common_free(struct common *common);
/* The password by `make`, or what came of it when another session has asked for it already. Gives a copy. */
bool common_password(struct common_password *shared, bool (*make)(void *context, struct secret **password, struct err *err),
                     void *context, struct secret **password, struct err *err);
/* The session's fixtures are the common ones: borrowed until common_release. Problems are copied. */
void common_fixtures(struct common *common, struct session *session);
void common_release(struct common *common, struct session *session);

#endif
