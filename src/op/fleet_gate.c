/* fleet_gate - a place to wait in, left by a cancel, too. */
#include "base/thread.h"
#include "op/fleet_inside.h"

enum { LOOK_MS = 100 };              /* how long a cancel may go unseen */

void gate_init(struct fleet_gate *gate, int allowed)
{
    *gate = (struct fleet_gate){.allowed = allowed};
    pthread_mutex_init(&gate->lock, NULL);
    thread_cond_init(&gate->left);
}

void gate_destroy(struct fleet_gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
    pthread_cond_destroy(&gate->left);
}

bool gate_enter(struct fleet_gate *gate, const struct ctx *ctx, struct err *err)
{
    bool wanted = true;
    pthread_mutex_lock(&gate->lock);
    while ((wanted = !ctx_cancelled(ctx)) && gate->inside >= gate->allowed) {
        struct timespec until = thread_deadline(LOOK_MS);
        pthread_cond_timedwait(&gate->left, &gate->lock, &until);
    }
    gate->inside += wanted;
    pthread_mutex_unlock(&gate->lock);
    return wanted || err_set(err, ERR_CANCELLED, "cancelled before it was looked at");
}

void gate_leave(struct fleet_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->inside--;
    pthread_cond_signal(&gate->left);
    pthread_mutex_unlock(&gate->lock);
}

void gate_widen(struct fleet_gate *gate, int allowed)
{
    pthread_mutex_lock(&gate->lock);
    if (allowed > gate->allowed) {
        gate->allowed = allowed;
        pthread_cond_broadcast(&gate->left);
    }
    pthread_mutex_unlock(&gate->lock);
}
