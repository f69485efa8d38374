/* precheck - validate_alone on a thread of its own. */
#include "op/precheck.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/thread.h"
#include "bind/validate.h"

struct precheck {
    pthread_t thread;
    const struct bound_set *set;
    const struct fixture_options *options;
    struct db *db;
    atomic_bool stop;
    bool fine;
};

static void *check(void *argument)
{
    struct precheck *p = argument;
    p->fine = validate_alone(p->set, p->options, p->db, &p->stop);
    return NULL;
}

struct precheck *precheck_begin(struct db *db, const struct bound_set *set, const struct fixture_options *options)
{
    struct precheck *p = xcalloc(1, sizeof *p);
    p->set = set;
    p->options = options;
    p->db = db;
    if (thread_start(&p->thread, check, p))
        return p;
    free(p);
    return NULL;
}

bool precheck_take(struct precheck *p)
{
    if (!p)
        return false;
    pthread_join(p->thread, NULL);
    bool fine = p->fine;
    free(p);
    return fine;
}

void precheck_stop(struct precheck *p)
{
    if (p)
        atomic_store(&p->stop, true);
    precheck_take(p);
}
