/* record - a thread opens the journal, hands over what waited, and closes it in the end. */
#include "run/record.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/thread.h"
#include "run/worker.h"

enum { EARLY_BYTES = 64 * 1024 * 1024 };

struct record {
    struct queue *queue;
    char *state_dir;
    struct journal_header header;     /* texts owned */
    struct journal_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;           /* opened, closing or closed */
    struct journal *journal;          /* NULL until opened */
    bool quiet;
    bool opened, closing, closed, off;
    bool stopped;                     /* closing, and the session goes on */
    bool leaving;                     /* the journal is being freed: nobody may use it any more */
    int users;                        /* who wait for it to be on disk */
    char hash[HASH_HEX];              /* of the last line, once closed; "": it could not be written */
    char **early;
    size_t early_count, early_capacity, early_bytes;
};

static void say(struct record *r, const char *state, const char *text)
{
    struct input *in = input_new(IN_JOURNAL);
    in->name = xstrdup(state);
    in->text = xstrdup(text);
    atomic_bool never_wait = true;
    queue_put(r->queue, in, &never_wait);
}

static void say_log(void *data, const char *level, const char *text)
{
    struct record *r = data;
    struct input *in = input_new(IN_LOG);
    in->name = xstrdup(level);
    in->text = xstrdup(text);
    atomic_bool never_wait = true;
    queue_put(r->queue, in, &never_wait);
}

static void hand_over_early(struct record *r)
{
    for (size_t i = 0; i < r->early_count; i++)
        journal_line(r->journal, r->early[i]);
    free(r->early);
    r->early = NULL;
    r->early_count = r->early_capacity = r->early_bytes = 0;
}

/* Without one journal_open fails on the empty path, and says so as it does for any directory. */
static void find_state_dir(struct record *r)
{
    char path[4096] = "";
    if (r->state_dir)
        return;
    file_state_dir(path, sizeof path, NULL);
    r->state_dir = xstrdup(path);
}

static void say_state(struct record *r, enum journal_state state, const char *why)
{
    if (state == JOURNAL_RECORDING && !r->quiet)
        say(r, "recording", journal_path(r->journal));
    else if (state != JOURNAL_RECORDING)
        say(r, "failed", why);
}

/* Until the session ends: a disk that fills up, hangs or answers again is told to the operator. */
static void watch(struct record *r, enum journal_state state)
{
    for (;;) {
        enum journal_state now = journal_wait_change(r->journal, state);
        pthread_mutex_lock(&r->mutex);
        bool closing = r->closing;
        pthread_mutex_unlock(&r->mutex);
        if (closing)
            return;
        if (now != state)
            say_state(r, now, journal_failure(r->journal));
        state = now;
    }
}

static void *body(void *argument)
{
    struct record *r = argument;
    struct err err = {0};
    struct journal *journal;
    journal_header_complete(&r->header);
    find_state_dir(r);
    bool ok = journal_open(&journal, r->state_dir, &r->header, &r->options, &err);
    pthread_mutex_lock(&r->mutex);
    r->journal = journal;
    r->opened = true;
    hand_over_early(r);
    pthread_cond_broadcast(&r->changed);
    bool closing = r->closing;
    pthread_mutex_unlock(&r->mutex);
    enum journal_state state = ok ? JOURNAL_RECORDING : JOURNAL_FAILED;
    say_state(r, state, err.why[0] ? err.why : err.message);
    if (!closing)
        watch(r, state);
    pthread_mutex_lock(&r->mutex);
    r->leaving = true;
    while (r->users > 0)
        pthread_cond_wait(&r->changed, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
    journal_close(journal, r->hash);
    pthread_mutex_lock(&r->mutex);
    r->closed = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

struct record *record_start(const char *why_off, const char *state_dir, const struct journal_header *header,
                            const struct journal_limits *limits, bool quiet, struct queue *queue)
{
    struct record *r = xcalloc(1, sizeof *r);
    r->queue = queue;
    pthread_mutex_init(&r->mutex, NULL);
    thread_cond_init(&r->changed);
    journal_header_copy(&r->header, header);
    r->options = (struct journal_options){.limits = *limits, .models = true, .announce = true, .say = say_log, .say_data = r};
    r->state_dir = xstrdup(state_dir);
    r->off = why_off != NULL;
    r->quiet = quiet;
    if (r->off) {
        say(r, "off", why_off);
    } else if (!thread_start(&r->thread, body, r)) {
        r->off = true;
        say(r, "failed", "no thread for the journal");
    }
    return r;
}

void record_line(struct record *r, char *line)
{
    pthread_mutex_lock(&r->mutex);
    if (r->opened && !r->stopped) {
        journal_line(r->journal, line);
    } else if (r->off || r->stopped || r->early_bytes > EARLY_BYTES) {
        free(line);
    } else {
        if (r->early_count == r->early_capacity) {
            r->early_capacity = r->early_capacity ? r->early_capacity * 2 : 64;
            r->early = xrealloc(r->early, r->early_capacity * sizeof *r->early);
        }
        r->early_bytes += strlen(line);
        r->early[r->early_count++] = line;
    }
    pthread_mutex_unlock(&r->mutex);
}

bool record_wants_checkpoint(struct record *r)
{
    pthread_mutex_lock(&r->mutex);
    bool wants = r->opened && !r->stopped && journal_wants_checkpoint(r->journal);
    pthread_mutex_unlock(&r->mutex);
    return wants;
}

void record_checkpoint(struct record *r, int64_t offset_ms, char *model)
{
    pthread_mutex_lock(&r->mutex);
    if (r->opened && !r->stopped)
        journal_checkpoint_line(r->journal, offset_ms, model);
    else
        free(model);
    pthread_mutex_unlock(&r->mutex);
}

/* Waits for a flag under the mutex until the time is over; gives what is left of it, < 0: it never came. */
static int wait_flag(struct record *r, const bool *flag, int timeout_ms)
{
    int64_t start = clock_mono_ms();
    struct timespec end = thread_deadline(timeout_ms);
    while (!*flag)
        if (pthread_cond_timedwait(&r->changed, &r->mutex, &end) == ETIMEDOUT)
            return *flag ? 0 : -1;
    int spent = (int)(clock_mono_ms() - start);
    return spent < timeout_ms ? timeout_ms - spent : 0;
}

/* Keeps the journal from being freed; *timeout_ms becomes what is left of it. False: there is none to use. */
static bool use(struct record *r, int *timeout_ms)
{
    if (r->off)
        return false;
    pthread_mutex_lock(&r->mutex);
    *timeout_ms = r->closing ? -1 : wait_flag(r, &r->opened, *timeout_ms);
    bool there = *timeout_ms >= 0 && !r->leaving;
    r->users += there;
    pthread_mutex_unlock(&r->mutex);
    return there;
}

static void unuse(struct record *r)
{
    pthread_mutex_lock(&r->mutex);
    r->users--;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

bool record_flush(struct record *r, int timeout_ms)
{
    if (!use(r, &timeout_ms))
        return false;
    bool flushed = journal_flush(r->journal, timeout_ms);
    unuse(r);
    return flushed;
}

bool record_place(struct record *r, int timeout_ms, struct journal_place *place)
{
    *place = (struct journal_place){0};
    if (!use(r, &timeout_ms))
        return false;
    bool ok = journal_place(r->journal, timeout_ms, place);
    unuse(r);
    return ok;
}

void record_sum(struct record *r, char *summary)
{
    pthread_mutex_lock(&r->mutex);
    if (r->opened && !r->leaving)
        journal_sum(r->journal, summary);
    else
        free(summary);
    pthread_mutex_unlock(&r->mutex);
}

static void end_locked(struct record *r)
{
    r->closing = true;
    pthread_cond_broadcast(&r->changed);
    if (r->opened && !r->leaving)
        journal_wake(r->journal);
}

void record_stop(struct record *r)
{
    pthread_mutex_lock(&r->mutex);
    r->stopped = true;
    end_locked(r);
    pthread_mutex_unlock(&r->mutex);
}

bool record_close(struct record *r, int timeout_ms, char *hash)
{
    hash[0] = '\0';
    if (!r->off) {
        pthread_mutex_lock(&r->mutex);
        end_locked(r);
        int left = wait_flag(r, &r->closed, timeout_ms);
        pthread_mutex_unlock(&r->mutex);
        if (left < 0)
            return false;
        pthread_join(r->thread, NULL);
        memcpy(hash, r->hash, sizeof r->hash);
    }
    journal_header_free(&r->header);
    free(r->state_dir);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    free(r);
    return true;
}
