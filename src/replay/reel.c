/* reel - feeds a source's inputs to update(), and keeps rungs to start from again. */
#include "replay/reel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/model.h"
#include "event/codec.h"

enum {
    RUNG_BYTES = 256 * 1024,             /* of journal between two rungs, at first */
    NEAR = 32                            /* inputs that are sooner fed than a checkpoint is read */
};

struct rung {
    uint64_t n;
    struct model *model;
    size_t size;
};

struct reel {
    struct source *source;
    struct model *model;
    uint64_t position, target;
    struct rung *rungs;                  /* by n */
    size_t rung_count, rung_bytes, ladder, spacing, since;   /* since: bytes fed since the last rung */
    void (*watch)(void *context, const struct reel_step *step);
    void *context;
    char problem[256];
};

static struct model *copy_of(const struct model *model)
{
    struct model *copy = xcalloc(1, sizeof *copy);
    codec_copy(&type_model, copy, model);
    return copy;
}

/* The model before the first input: an empty one, or where the rest of a session begins. */
static struct model *beginning(struct source *source)
{
    uint64_t at;
    struct model *model = source_checkpoint(source, 0, &at);
    return model ? model : model_new();
}

struct reel *reel_new(struct source *source, size_t ladder)
{
    struct reel *r = xcalloc(1, sizeof *r);
    r->source = source;
    r->model = beginning(source);
    r->ladder = ladder;
    r->spacing = RUNG_BYTES;
    return r;
}

void reel_free(struct reel *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->rung_count; i++)
        model_free(r->rungs[i].model);
    free(r->rungs);
    model_free(r->model);
    free(r);
}

void reel_watch(struct reel *r, void (*watch)(void *context, const struct reel_step *step), void *context)
{
    r->watch = watch;
    r->context = context;
}

/* ---- rungs ---- */

/* How many rungs are at or before n. */
static size_t rungs_until(const struct reel *r, uint64_t n)
{
    size_t low = 0, high = r->rung_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->rungs[middle].n <= n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Every second one goes, and they come half as often from now on. */
static void thin(struct reel *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->rung_count; i++) {
        if (i % 2) {
            r->rung_bytes -= r->rungs[i].size;
            model_free(r->rungs[i].model);
        } else {
            r->rungs[kept++] = r->rungs[i];
        }
    }
    r->rung_count = kept;
    r->spacing *= 2;
}

static void maybe_rung(struct reel *r)
{
    if (r->since < r->spacing)
        return;
    r->since = 0;
    size_t at = rungs_until(r, r->position), size = codec_size(&type_model, r->model);
    if ((at && r->rungs[at - 1].n == r->position) || size * 4 > r->ladder)
        return;
    r->rungs = xrealloc(r->rungs, (r->rung_count + 1) * sizeof *r->rungs);
    memmove(&r->rungs[at + 1], &r->rungs[at], (r->rung_count - at) * sizeof *r->rungs);
    r->rungs[at] = (struct rung){.n = r->position, .model = copy_of(r->model), .size = size};
    r->rung_count++;
    r->rung_bytes += size;
    while (r->rung_bytes > r->ladder && r->rung_count > 1)
        thin(r);
}

/* ---- feeding ---- */

static void note_problem(struct reel *r, const struct err *err)
{
    if (!r->problem[0])
        snprintf(r->problem, sizeof r->problem, "%.120s cannot be read (%.80s): it is left out",
                 err->message[0] ? err->message : "an input", err->why[0] ? err->why : "not as it should be");
}

static void feed(struct reel *r, struct input *in)
{
    struct effects effects = {0};
    bool in_dialog = r->model->modal.kind == MODAL_CONFIRM || r->model->modal.kind == MODAL_QUESTION;
    app_update(r->model, in, &effects);
    if (r->watch)
        r->watch(r->context, &(struct reel_step){.n = r->position, .in = in, .model = r->model,
                                                 .effects = &effects, .in_dialog = in_dialog});
    effects_free(&effects);
    input_free(in);
}

static void step(struct reel *r)
{
    struct err err = {0};
    struct input *in = source_input(r->source, ++r->position, &err);
    if (in)
        feed(r, in);
    else
        note_problem(r, &err);
    r->since += source_length(r->source, r->position);
    maybe_rung(r);
}

static void start_from(struct reel *r, struct model *model, uint64_t n)
{
    model_free(r->model);
    r->model = model;
    r->position = n;
    r->since = 0;
}

/* The nearest place at or before the target to feed from: here, a rung, a checkpoint, the beginning. */
static void jump(struct reel *r)
{
    size_t below = rungs_until(r, r->target);
    uint64_t rung = below ? r->rungs[below - 1].n : 0, checkpoint = source_checkpoint_at(r->source, r->target);
    uint64_t here = r->position <= r->target ? r->position : 0;
    if (r->position <= r->target && ((here >= rung && here >= checkpoint) || r->target - here <= NEAR))
        return;
    if (checkpoint > rung) {
        uint64_t at;
        struct model *model = source_checkpoint(r->source, r->target, &at);
        if (model) {
            start_from(r, model, at);
            return;
        }
    }
    if (r->position <= r->target && here >= rung)
        return;
    if (below)
        start_from(r, copy_of(r->rungs[below - 1].model), rung);
    else
        start_from(r, beginning(r->source), 0);
}

void reel_seek(struct reel *r, uint64_t n)
{
    uint64_t count = source_timeline(r->source)->count;
    r->target = n < count ? n : count;
    if (!r->watch)                       /* who watches wants every step */
        jump(r);
}

bool reel_work(struct reel *r, size_t bytes)
{
    for (size_t fed = 0; r->position < r->target && fed < bytes;
         fed += source_length(r->source, r->position) + 512)
        step(r);
    return r->position < r->target;
}

void reel_go(struct reel *r, uint64_t n)
{
    reel_seek(r, n);
    while (reel_work(r, RUNG_BYTES))
        ;
}

uint64_t reel_position(const struct reel *r) { return r->position; }
const struct model *reel_model(const struct reel *r) { return r->model; }
struct model *reel_copy(const struct reel *r) { return copy_of(r->model); }
const char *reel_problem(const struct reel *r) { return r->problem; }
