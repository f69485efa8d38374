/* watch_tell - how a watch says what it sees, of one environment or of several: log lines, the terminal's bell, a command for
 * each event, the summary. */
#ifndef SEEDOPS_CMD_WATCH_TELL_H
#define SEEDOPS_CMD_WATCH_TELL_H

#include "cmd/hook.h"
#include "cmd/unattended.h"
#include "cmd/watch_event.h"

struct watcher {                     /* of one environment */
    struct watch_about about;
    const struct input *diagnosis;   /* the newest; borrowed; NULL: none */
    bool diagnosed;                  /* it is not yet said */
    struct watch_sum sum;
};

struct watch_face {
    struct unattended u;             /* first: the event's way back to the rest */
    void (*rest)(struct face *face, const struct input *in);
    struct watcher one;              /* of a watch of one */
    struct hook *hook;               /* NULL: no --exec */
    bool bell;
};

/* `about` in `arena`. */
void watcher_begin(struct watcher *who, const struct settings *settings, const struct environment *environment,
                   struct arena *arena);
/* An event: says it, or leaves it to the rest. Borrows `in`; a diagnosis until the next one. */
void watch_take(struct watch_face *w, struct watcher *who, const struct input *in);
/* What op_watch does as the command line says; enter, leave and context are the caller's. */
struct watch_options watch_options_of(const struct options *options);
bool watch_start_hook(struct watch_face *w, struct err *err);
/* Says, and forgets, which commands failed. */
void watch_say_failures(struct watch_face *w);
bool watch_delivered(const struct watch_face *w);
void watch_close_hook(struct watch_face *w, bool cancelled);
/* The last line. environments 0: it was a watch of one. */
void watch_say_summary(const struct watch_face *w, const struct watch_sum *sum, size_t environments, bool ok,
                       const struct err *err);
void watch_put_sum(struct json_out *o, const struct watch_sum *sum);

#endif
