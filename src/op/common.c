/* common - each part under a mutex of its own, held for as long as it takes to come about. */
#include "op/common.h"

#include <stdlib.h>

#include "op/session.h"

void common_init(struct common *c, struct visits *visits)
{
    *c = (struct common){.visits = visits};
    pthread_mutex_init(&c->made.lock, NULL);
    pthread_mutex_init(&c->asked.lock, NULL);
    pthread_mutex_init(&c->lock, NULL);
}

void common_free(struct common *c)
{
    secret_free(c->made.password);
    secret_free(c->asked.password);
    if (c->loaded)
        fixture_set_free(&c->fixtures);
    err_list_free(&c->problems);
    pthread_mutex_destroy(&c->made.lock);
    pthread_mutex_destroy(&c->asked.lock);
    pthread_mutex_destroy(&c->lock);
}

bool common_password(struct common_password *shared, bool (*make)(void *context, struct secret **password, struct err *err),
                     void *context, struct secret **password, struct err *err)
{
    pthread_mutex_lock(&shared->lock);
    if (!shared->settled) {
        shared->ok = make(context, &shared->password, &shared->err);
        shared->settled = true;
    }
    bool ok = shared->ok;
    if (ok)
        *password = secret_copy(shared->password);
    else
        *err = shared->err;
    pthread_mutex_unlock(&shared->lock);
    return ok;
}

void common_fixtures(struct common *c, struct session *s)
{
    pthread_mutex_lock(&c->lock);
    if (!c->loaded)
        fixture_set_load(&c->fixtures, s->ctx->settings->seeds_dir, &s->fixture_options, &c->problems);
    c->loaded = true;
    s->fixtures = c->fixtures;
    for (size_t i = 0; i < c->problems.count; i++)
        err_list_add(&s->fixture_problems, &c->problems.items[i]);
    pthread_mutex_unlock(&c->lock);
}
