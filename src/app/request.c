/* request - effects out, jobs waiting. */
#include "app/request.h"

#include <stdlib.h>
#include <string.h>

#include "app/util.h"
#include "base/err.h"

/* What ends a request besides its outcome (IN_OUTCOME always does), and what the screen says meanwhile. */
static const struct {
    enum input_kind last;
    const char *verb;
    bool writes, quiet;      /* quiet: too small to be shown */
} kinds[EFFECT_KIND_COUNT] = {
    [EFFECT_OPEN] = {IN_STATUS, "opening", false, false},
    [EFFECT_ENVIRONMENTS] = {IN_ENVIRONMENTS, "looking at the environments", false, false},
    [EFFECT_STATUS] = {IN_STATUS, "looking", false, false},
    [EFFECT_MIGRATIONS] = {IN_MIGRATIONS, "reading the ledger", false, false},
    [EFFECT_MIGRATE] = {IN_NONE, "migrating", true, false},
    [EFFECT_RESOLVE] = {IN_NONE, "resolving", true, false},
    [EFFECT_SQL] = {IN_STORE, "reading", false, false},
    [EFFECT_DIFF] = {IN_STORE, "comparing", false, false},
    [EFFECT_SEED] = {IN_NONE, "seeding", true, false},
    [EFFECT_PRUNE] = {IN_NONE, "pruning", true, false},
    [EFFECT_PRESERVE] = {IN_NONE, "preserving", true, false},
    [EFFECT_RESTORE] = {IN_NONE, "restoring", true, false},
    [EFFECT_VERIFY] = {IN_NONE, "verifying", false, false},
    [EFFECT_ACCEPT] = {IN_NONE, "accepting", true, false},
    [EFFECT_MARK] = {IN_NONE, "marking", true, false},
    [EFFECT_DIAGNOSE] = {IN_DIAGNOSIS, "diagnosing", false, false},
    [EFFECT_ACTIVITY] = {IN_ACTIVITY, "looking at the backends", false, false},
    [EFFECT_SIGNAL_BACKEND] = {IN_NONE, "signalling", true, false},
    [EFFECT_PAGE] = {IN_PAGE, "reading rows", false, true},
    [EFFECT_SEARCH] = {IN_FOUND, "searching", false, false},
    [EFFECT_FILTER] = {IN_STORE, "filtering", false, false},
    [EFFECT_EXPORT] = {IN_NONE, "writing the rows", false, false},
};

const char *effect_verb(enum effect_kind kind) { return or_empty(kinds[kind].verb); }

void effects_free(struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        free(effects->items[i].name);
        free(effects->items[i].text);
        free(effects->items[i].seen);
    }
    free(effects->items);
    *effects = (struct effects){0};
}

struct effect *effect_add(struct effects *effects, enum effect_kind kind, const char *name)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? effects->capacity * 2 : 8;
        effects->items = xrealloc(effects->items, effects->capacity * sizeof *effects->items);
    }
    struct effect *effect = &effects->items[effects->count++];
    *effect = (struct effect){.kind = kind, .name = xstrdup(name)};
    return effect;
}

struct effect *request_start(struct model *m, struct effects *effects, enum effect_kind kind,
                             const char *name)
{
    struct effect *effect = effect_add(effects, kind, name);
    effect->request = ++m->last_request;
    effect->write_mode = m->write_mode;
    m->jobs = xrealloc(m->jobs, (m->job_count + 1) * sizeof *m->jobs);
    m->jobs[m->job_count++] = (struct job){
        .request = effect->request, .effect = kind, .name = xstrdup(name), .started_ms = m->now_ms,
        .total = -1, .writes = kinds[kind].writes,
    };
    return effect;
}

struct job *job_find(const struct model *m, uint64_t request)
{
    for (size_t i = 0; i < m->job_count; i++)
        if (m->jobs[i].request == request)
            return &m->jobs[i];
    return NULL;
}

struct job *job_of(const struct model *m, enum effect_kind kind)
{
    for (size_t i = m->job_count; i-- > 0;)
        if (m->jobs[i].effect == (int)kind)
            return &m->jobs[i];
    return NULL;
}

void job_end(struct model *m, uint64_t request)
{
    struct job *job = job_find(m, request);
    if (!job)
        return;
    free(job->name);
    free(job->what);
    size_t i = (size_t)(job - m->jobs);
    m->job_count--;
    memmove(job, job + 1, (m->job_count - i) * sizeof *job);
}

void jobs_end_all(struct model *m)
{
    while (m->job_count)
        job_end(m, m->jobs[0].request);
}

/* Environments are looked at in parallel and reported as they come. */
static bool none_is_checked(const struct model *m)
{
    for (size_t i = 0; i < m->environments.item_count; i++)
        if (text_same(m->environments.items[i].reachable, "checking"))
            return false;
    return true;
}

bool job_is_over(const struct model *m, const struct job *job, const struct input *in)
{
    if (in->kind == IN_OUTCOME)
        return true;
    if (job->plan)
        return in->kind == IN_PLAN;
    if (kinds[job->effect].last == IN_NONE || in->kind != kinds[job->effect].last)
        return false;
    switch (in->kind) {
    case IN_STATUS: return in->number == 1;
    case IN_STORE: return in->number2 == 1;
    case IN_ENVIRONMENTS: return none_is_checked(m);
    default: return true;
    }
}

bool jobs_write(const struct model *m)
{
    for (size_t i = 0; i < m->job_count; i++)
        if (m->jobs[i].writes && !m->jobs[i].plan)
            return true;
    return false;
}

/* What comes by itself every two seconds is no news. */
static bool is_quiet(const struct model *m, const struct job *job)
{
    return kinds[job->effect].quiet || (job->effect == EFFECT_ACTIVITY && m->activity.loaded);
}

const struct job *job_shown(const struct model *m)
{
    const struct job *shown = NULL;
    for (size_t i = 0; i < m->job_count; i++)
        if (!is_quiet(m, &m->jobs[i]) && (!shown || (m->jobs[i].writes && !shown->writes)))
            shown = &m->jobs[i];
    return shown;
}
