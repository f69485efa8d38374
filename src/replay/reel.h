/* reel - the model as it was after any input of a session.
 *
 * Fed by the same update() as the console, with what was recorded and nothing else: effects come out and go
 * nowhere. Rungs, copies of the model along the way, bounded in memory, and the journal's own checkpoints
 * make going back as quick as going on. Work is done in slices, so that whoever asks stays awake. */
#ifndef SEEDOPS_REPLAY_REEL_H
#define SEEDOPS_REPLAY_REEL_H

#include "replay/source.h"

struct reel;

/* One input fed: what it was, and what came of it. */
struct reel_step {
    uint64_t n;
    const struct input *in;
    const struct model *model;           /* after */
    const struct effects *effects;       /* what the console was about to do */
    bool in_dialog;                      /* a dialog was open when it came */
};

/* Borrows the source. `ladder` bytes may be kept in rungs. */
struct reel *reel_new(struct source *source, size_t ladder);
void reel_free(struct reel *reel);
/* Called for each step from here on; NULL: nobody. */
void reel_watch(struct reel *reel, void (*watch)(void *context, const struct reel_step *step), void *context);
/* Where to go; 0 is before the first input. */
void reel_seek(struct reel *reel, uint64_t n);
/* Feeds at most about `bytes` of journal lines. True while there is more to feed. */
bool reel_work(struct reel *reel, size_t bytes);
/* Both at once, however long it takes. */
void reel_go(struct reel *reel, uint64_t n);
uint64_t reel_position(const struct reel *reel);
/* Borrows until the next change; the screen as recorded, at the recorded size. */
const struct model *reel_model(const struct reel *reel);
/* A copy of it (given; model_free). */
struct model *reel_copy(const struct reel *reel);
/* The first input that could not be read, as a sentence; "" none. They are stepped over. */
const char *reel_problem(const struct reel *reel);

#endif
