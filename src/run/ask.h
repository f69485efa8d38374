/* ask - how an operation's question reaches the screen and its answer comes back. */
#ifndef SEEDOPS_RUN_ASK_H
#define SEEDOPS_RUN_ASK_H

#include "op/ctx.h"
#include "run/queue.h"

struct asks;                          /* the questions that are open now */

struct asks *asks_new(struct queue *queue);
void asks_free(struct asks *asks);
/* Main thread: the answer to question `id`; takes `secret` (NULL: none). False: nobody waits for it. */
bool asks_answer(struct asks *asks, int64_t id, bool yes, const char *text, struct secret *secret);

/* What ctx.asker points to in the console; ask_console is its ctx.ask. */
struct asker {
    struct asks *asks;
    const struct ctx *ctx;            /* request, generation, cancel descriptor of the operation that asks */
    const atomic_bool *cancelled;
};
bool ask_console(void *asker, const struct question *question, struct answer *answer, struct err *err);

#endif
