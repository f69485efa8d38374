/* request - effects out, and the jobs that wait for what comes back.
 *
 * Each request has a number from a counter in the model; its events carry it. A job lives until the event
 * that ends it (a table in request.c says which); events of a request without a job are dropped. */
#ifndef SEEDOPS_APP_REQUEST_H
#define SEEDOPS_APP_REQUEST_H

#include "app/model.h"

/* Appends an effect; borrows until the next is added. */
struct effect *effect_add(struct effects *effects, enum effect_kind kind, const char *name);
/* The same with a number of its own and a job. */
struct effect *request_start(struct model *m, struct effects *effects, enum effect_kind kind,
                             const char *name);
struct job *job_find(const struct model *m, uint64_t request);          /* NULL: not live */
struct job *job_of(const struct model *m, enum effect_kind kind);       /* the newest of that kind, or NULL */
void job_end(struct model *m, uint64_t request);
void jobs_end_all(struct model *m);
/* True if this event, which the model has taken in, was its job's last. */
bool job_is_over(const struct model *m, const struct job *job, const struct input *in);
bool jobs_write(const struct model *m);                                 /* a write runs */
/* The job to show: the oldest that is no page or search. NULL: none. */
const struct job *job_shown(const struct model *m);
const char *effect_verb(enum effect_kind kind);                         /* "seeding" */

#endif
