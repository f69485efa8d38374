/* look - the Environments screen: every environment looked at, many at once on threads with small stacks.
 *
 * First the list of all there are, an environment that stands for many databases as those; then a line as each
 * answers, so that a thousand of them cost a thousand lines and not a million. Nobody is asked anything: a password
 * that is missing is the finding. */
#include "run/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "event/codec.h"
#include "op/fleet.h"
#include "op/ops.h"
#include "run/light.h"

enum { LOOKERS = 32 };

struct looking {
    struct side *side;
    const struct effect *effect;
};

static void send(const struct looking *l, struct input *in)
{
    in->request = l->effect->request;
    queue_put(l->side->shared->queue, in, worker_cancelled(l->side->worker));
}

static struct input *list_input(size_t count)
{
    struct input *in = input_new(IN_ENVIRONMENTS);
    in->environments = xcalloc(count, sizeof *in->environments);
    in->environment_count = count;
    return in;
}

/* What the configuration says of all, while their servers are asked which databases there are; then those. */
static void send_declared(const struct looking *l, const struct settings *settings, const struct selection *all)
{
    bool many = false;
    for (size_t i = 0; i < all->count; i++)
        many |= environment_is_many(all->items[i].environment);
    if (!many)
        return;
    struct input *in = list_input(all->count);
    for (size_t i = 0; i < all->count; i++)
        light_unlit(&in->environments[i], settings, all->items[i].environment, "checking");
    in->number = 1;
    send(l, in);
}

static void send_members(const struct looking *l, const struct settings *settings, struct fleet *fleet)
{
    struct input *in = list_input(fleet_count(fleet));
    for (size_t i = 0; i < in->environment_count; i++)
        light_unlit(&in->environments[i], settings, fleet_member(fleet, i)->environment, "checking");
    in->number = 1;
    send(l, in);
}

/* The complete status is kept, everything else is dropped: only the list is on record. */
static void hear(struct fleet_member *member, void *context, struct input *in)
{
    (void)context;
    if (in->kind == IN_STATUS && in->number == 1) {
        struct input *old = member->own;
        member->own = in;
        in = old;
    }
    input_free(in);
}

static bool work(struct fleet_member *member, void *context, struct err *err)
{
    (void)context;
    return op_status(&member->session, &(struct status_options){.compare = true}, err);
}

static void done(struct fleet_member *member, void *context)
{
    struct looking *l = context;
    struct input *in = list_input(1), *status = member->own;
    light_unlit(in->environments, &member->settings, member->environment, "unknown");
    if (member->ok && status)
        light_status(in->environments, status, false);
    else
        light_error(in->environments, &member->err);
    input_free(status);
    member->own = NULL;
    send(l, in);
}

void look_work(void *context, const struct effect *effect)
{
    struct looking l = {.side = context, .effect = effect};
    struct settings settings = *l.side->shared->settings;
    struct selection all;
    struct fleet *fleet;
    struct err err = {0};
    settings.arena = (struct arena){0};
    settings_select_all(&settings, &all);
    struct ctx ctx = {.settings = &settings, .face = GUARD_CONSOLE, .request = effect->request,
                      .cancel_fd = worker_cancel_fd(l.side->worker), .ways = l.side->shared->ways};
    struct fleet_options options = {.ctx = &ctx, .jobs = LOOKERS, .work = work, .hear = hear, .done = done, .context = &l};
    send_declared(&l, &settings, &all);
    if (fleet_open(&fleet, &all, &options, &err)) {
        send_members(&l, &settings, fleet);
        fleet_run(fleet);
        fleet_free(fleet);
    }
    arena_free(&settings.arena);
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup("environments");
    in->ok = true;
    send(&l, in);
}
