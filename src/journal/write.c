/* write - the queue, and the thread behind it. The thread alone touches the disk, opening included; whoever
 * hands over a line only ever waits for a lock that is never held across a system call on the file. */
#include "journal/write.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/thread.h"
#include "journal/disk.h"
#include "journal/format.h"

enum {
    QUEUE_MAX = 64 * 1024 * 1024, OPEN_WAIT_MS = 500, CLOSE_WAIT_MS = 2000, HANGS_AFTER_MS = 2000,
    LINE_MAX_BYTES = JOURNAL_LINE_MAX - 256,
    CHECKPOINT_EVERY = 8,          /* times its size */
    CHECKPOINT_LEAST = 4096        /* a smaller one counts as this */
};

struct item {
    struct item *next;
    bool checkpoint;
    int64_t offset_ms;             /* of a checkpoint */
    char *line;
    size_t length;
};

struct journal {
    pthread_t thread;
    bool has_thread;
    char *path;                  /* of the first segment */

    pthread_mutex_t lock;        /* everything down to the next comment */
    pthread_cond_t work, progress;
    struct item *head, *tail;
    size_t queued;               /* bytes */
    size_t since_checkpoint, checkpoint_size;
    unsigned checkpoints_queued;
    bool segment_full;           /* and no checkpoint is on its way */
    char *summary;               /* for the end line, or NULL */
    struct journal_place place;  /* after the last line that was written */
    uint64_t accepted, written, synced, sync_wanted;
    int64_t busy_since;          /* the thread waits for the disk since; 0: it does not */
    bool opened, closing, over, abandoned, woken;
    bool hash_wanted;            /* by the closer, who keeps it elsewhere: the line must be there as long as that is */
    bool failed;                 /* takes no more lines; `failure` is set before and never changes again */
    char failure[512];

    /* the thread's own until it is over */
    struct disk disk;
    bool broken;                 /* writes no more */
    bool announce;
};

static void fail_locked(struct journal *j, const char *what, const char *why)
{
    if (!j->failed)
        snprintf(j->failure, sizeof j->failure, "%.200s%s%.300s", what, *why ? ": " : "", why);
    j->failed = true;
    pthread_cond_broadcast(&j->progress);
}

static void fail(struct journal *j, const char *what, const char *why)
{
    pthread_mutex_lock(&j->lock);
    fail_locked(j, what, why);
    pthread_mutex_unlock(&j->lock);
}

/* --- the thread --- */

static void break_off(struct journal *j, const struct err *err)
{
    fail(j, err->message, err->why);
    j->broken = true;
}

static void put(struct journal *j, const struct item *item)
{
    struct err err = {0};
    bool ok = item->checkpoint ? disk_put_checkpoint(&j->disk, item->offset_ms, item->line, item->length, &err)
                               : disk_put_input(&j->disk, item->line, item->length, &err);
    if (!ok)
        break_off(j, &err);
}

static void destroy(struct journal *j)
{
    for (struct item *i = j->head, *next; i; i = next) {
        next = i->next;
        free(i->line);
        free(i);
    }
    disk_free(&j->disk);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->progress);
    pthread_mutex_destroy(&j->lock);
    free(j->summary);
    free(j->path);
    free(j);
}

/* The next line, NULL when only syncing is left to do, or closing. Called and left with the lock held. */
static struct item *wait_for_work(struct journal *j)
{
    j->busy_since = 0;
    while (!j->head && !j->closing && j->sync_wanted <= j->synced)
        pthread_cond_wait(&j->work, &j->lock);
    struct item *item = j->head;
    pthread_cond_broadcast(&j->progress);   /* from now on the disk may hang: journal_wait_change */
    if (item) {
        j->head = item->next;
        if (!j->head)
            j->tail = NULL;
        j->queued -= item->length;
    }
    j->busy_since = clock_mono_ms();
    return item;
}

static void sync_file(struct journal *j, uint64_t upto)
{
    struct err err = {0};
    if (!j->broken && !disk_sync(&j->disk, &err))
        break_off(j, &err);
    pthread_mutex_lock(&j->lock);
    j->synced = upto;
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
}

static void set_place(struct journal *j)
{
    j->place.inputs = j->disk.number;
    memcpy(j->place.hash, j->disk.hash, sizeof j->place.hash);
}

/* Where nobody who can write to this journal can take it back. Waits for the system's log at worst, which is why
 * this thread does it. */
static void announce(const struct journal *j)
{
    const struct disk *d = &j->disk;
    char environment[128], user[64];
    text_visible_buf(environment, sizeof environment, d->header.environment);
    text_visible_buf(user, sizeof user, *d->header.real_user ? d->header.real_user : d->header.user);
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "seedops[%ld]: session %s of %s on %s: %llu inputs, journal hash %s",
           (long)d->header.pid, d->header.session, user, environment, (unsigned long long)d->number, d->hash);
}

static void work(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    for (;;) {
        struct item *item = wait_for_work(j);
        bool closing = j->closing;
        uint64_t written = j->written;
        pthread_mutex_unlock(&j->lock);
        bool checkpoint = item && item->checkpoint;
        if (item) {
            if (!j->broken)
                put(j, item);
            free(item->line);
            free(item);
        } else if (closing) {
            return;
        } else {
            sync_file(j, written);
        }
        pthread_mutex_lock(&j->lock);
        j->written += item != NULL;
        j->checkpoints_queued -= checkpoint;
        set_place(j);
        j->segment_full = !j->broken && !j->checkpoints_queued && disk_full(&j->disk);
    }
}

/* What nobody waited for was read from a database, not written to it: a crash of the machine may take the end of that.
 * Where the last line was hastened to the disk, only the end line is not waited for. */
static bool end(struct journal *j, struct err *err)
{
    if (!disk_put_end(&j->disk, journal_failure(j), j->summary, err))
        return false;
    pthread_mutex_lock(&j->lock);
    bool waits = j->sync_wanted > 0 && (j->synced < j->written || j->hash_wanted);
    pthread_mutex_unlock(&j->lock);
    return !waits || disk_sync(&j->disk, err);
}

static void *run(void *data)
{
    struct journal *j = data;
    struct err err = {0};
    if (!disk_open(&j->disk, &err))
        break_off(j, &err);
    pthread_mutex_lock(&j->lock);
    j->opened = true;
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
    if (!j->broken)
        disk_apply_caps(&j->disk);
    work(j);
    if (!j->broken && !end(j, &err))
        break_off(j, &err);
    if (!j->broken && j->announce)
        announce(j);
    if (j->broken)
        j->disk.hash[0] = '\0';
    pthread_mutex_lock(&j->lock);
    j->over = true;
    bool abandoned = j->abandoned;
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
    if (abandoned)
        destroy(j);
    return NULL;
}

/* --- everyone else --- */

static struct journal *new_journal(const char *state_dir, const struct journal_header *header,
                                   const struct journal_options *options)
{
    struct journal *j = xcalloc(1, sizeof *j);
    pthread_mutex_init(&j->lock, NULL);
    thread_cond_init(&j->work);
    thread_cond_init(&j->progress);
    disk_init(&j->disk, state_dir, header);
    if (options) {
        j->disk.limits = options->limits;
        j->announce = options->announce;
        j->disk.models = options->models;
        j->disk.say = options->say;
        j->disk.say_data = options->say_data;
    }
    j->path = disk_path(&j->disk, 1);
    snprintf(j->place.session, sizeof j->place.session, "%s", j->disk.header.session);
    return j;
}

static void start_thread(struct journal *j)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);   /* signals are the main thread's */
    int failure = pthread_create(&j->thread, NULL, run, j);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    j->has_thread = failure == 0;
    char text[128];
    if (failure != 0)
        fail(j, "cannot start the journal's thread", strerror_r(failure, text, sizeof text));
}

bool journal_open(struct journal **journal, const char *state_dir, const struct journal_header *header,
                  const struct journal_options *options, struct err *err)
{
    struct journal *j = *journal = new_journal(state_dir, header, options);
    j->busy_since = clock_mono_ms();
    start_thread(j);
    struct timespec deadline = thread_deadline(OPEN_WAIT_MS);
    pthread_mutex_lock(&j->lock);
    while (!j->opened && !j->failed && pthread_cond_timedwait(&j->progress, &j->lock, &deadline) == 0)
        ;
    bool ok = j->opened && !j->failed;
    if (!ok) {
        err_set(err, ERR_GENERAL, "this session is not recorded");
        err_why(err, "%s", j->failed ? j->failure : "the disk of the state directory does not answer");
        err_hint(err, "set XDG_STATE_HOME to a directory that is yours and can be written to");
    }
    pthread_mutex_unlock(&j->lock);
    return ok;
}

/* Takes the item; a line that is not taken ends the recording, a checkpoint can be done without. */
static void enqueue(struct journal *j, struct item *item)
{
    bool taken = false;
    if (j) {
        pthread_mutex_lock(&j->lock);
        bool fits = j->queued + item->length <= QUEUE_MAX;
        if (!item->checkpoint && item->length > LINE_MAX_BYTES)
            fail_locked(j, "an input is too large to be recorded", "");
        else if (!item->checkpoint && !fits)
            fail_locked(j, "the disk does not keep up with the journal", "");
        taken = !j->failed && fits && item->length <= LINE_MAX_BYTES;
        if (item->checkpoint) {
            j->since_checkpoint = 0;
            j->checkpoint_size = item->length;
            j->checkpoints_queued += taken;
            j->segment_full = false;
        } else {
            j->since_checkpoint += item->length;
        }
        if (taken) {
            *(j->tail ? &j->tail->next : &j->head) = item;
            j->tail = item;
            j->queued += item->length;
            j->accepted++;
            pthread_cond_signal(&j->work);
        }
        pthread_mutex_unlock(&j->lock);
    }
    if (!taken) {
        free(item->line);
        free(item);
    }
}

void journal_line(struct journal *j, char *line)
{
    struct item *item = xmalloc(sizeof *item);
    *item = (struct item){.line = line, .length = strlen(line)};
    enqueue(j, item);
}

void journal_checkpoint_line(struct journal *j, int64_t offset_ms, char *model)
{
    struct item *item = xmalloc(sizeof *item);
    *item = (struct item){.checkpoint = true, .offset_ms = offset_ms, .line = model, .length = strlen(model)};
    enqueue(j, item);
}

bool journal_wants_checkpoint(struct journal *j)
{
    if (!j)
        return false;
    pthread_mutex_lock(&j->lock);
    size_t size = j->checkpoint_size > CHECKPOINT_LEAST ? j->checkpoint_size : CHECKPOINT_LEAST;
    bool wants = !j->failed && (j->since_checkpoint > CHECKPOINT_EVERY * size ||
                                (j->segment_full && j->since_checkpoint > 0));
    pthread_mutex_unlock(&j->lock);
    return wants;
}

bool journal_flush(struct journal *j, int timeout_ms)
{
    if (!j)
        return true;
    struct timespec deadline = thread_deadline(timeout_ms);
    pthread_mutex_lock(&j->lock);
    uint64_t wanted = j->accepted;
    if (j->sync_wanted < wanted)
        j->sync_wanted = wanted;
    pthread_cond_signal(&j->work);
    while (j->synced < wanted && !j->failed && pthread_cond_timedwait(&j->progress, &j->lock, &deadline) == 0)
        ;
    bool ok = j->synced >= wanted && !j->failed;
    pthread_mutex_unlock(&j->lock);
    return ok;
}

void journal_hasten(struct journal *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    if (j->sync_wanted > 0) {
        j->sync_wanted = j->accepted;
        pthread_cond_signal(&j->work);
    }
    pthread_mutex_unlock(&j->lock);
}

void journal_sum(struct journal *j, char *summary)
{
    if (!j) {
        free(summary);
        return;
    }
    pthread_mutex_lock(&j->lock);
    free(j->summary);
    j->summary = summary;
    pthread_mutex_unlock(&j->lock);
}

bool journal_place(struct journal *j, int timeout_ms, struct journal_place *place)
{
    *place = (struct journal_place){0};
    if (!j || !journal_flush(j, timeout_ms))
        return false;
    pthread_mutex_lock(&j->lock);
    *place = j->place;
    pthread_mutex_unlock(&j->lock);
    return true;
}

static bool hangs_locked(const struct journal *j)
{
    return j->busy_since && clock_mono_ms() - j->busy_since > HANGS_AFTER_MS;
}

enum journal_state journal_state(const struct journal *journal)
{
    struct journal *j = (struct journal *)journal;   /* the lock is not part of what a caller sees */
    if (!j)
        return JOURNAL_OFF;
    pthread_mutex_lock(&j->lock);
    bool failed = j->failed || hangs_locked(j);
    pthread_mutex_unlock(&j->lock);
    return failed ? JOURNAL_FAILED : JOURNAL_RECORDING;
}

enum journal_state journal_wait_change(struct journal *j, enum journal_state seen)
{
    enum journal_state now;
    pthread_mutex_lock(&j->lock);
    for (;;) {
        now = j->failed || hangs_locked(j) ? JOURNAL_FAILED : JOURNAL_RECORDING;
        if (now != seen || j->woken)
            break;
        int64_t left = j->busy_since ? j->busy_since + HANGS_AFTER_MS + 1 - clock_mono_ms() : 0;
        struct timespec deadline = thread_deadline(left > 0 ? (int)left : 1);
        if (j->busy_since && !hangs_locked(j))
            pthread_cond_timedwait(&j->progress, &j->lock, &deadline);
        else
            pthread_cond_wait(&j->progress, &j->lock);
    }
    j->woken = false;
    pthread_mutex_unlock(&j->lock);
    return now;
}

void journal_wake(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->woken = true;
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
}

const char *journal_path(const struct journal *j) { return j ? j->path : ""; }

const char *journal_failure(const struct journal *journal)
{
    struct journal *j = (struct journal *)journal;
    if (!j)
        return "";
    pthread_mutex_lock(&j->lock);
    const char *text = j->failed ? j->failure : hangs_locked(j) ? "the disk does not answer" : "";
    pthread_mutex_unlock(&j->lock);
    return text;
}

void journal_close(struct journal *j, char *hash)
{
    if (hash)
        hash[0] = '\0';
    if (!j)
        return;
    struct timespec deadline = thread_deadline(CLOSE_WAIT_MS);
    pthread_mutex_lock(&j->lock);
    j->closing = true;
    j->hash_wanted = hash != NULL;
    pthread_cond_signal(&j->work);
    while (j->has_thread && !j->over && pthread_cond_timedwait(&j->progress, &j->lock, &deadline) == 0)
        ;
    /* an abandoned thread frees everything itself, should it ever come back */
    j->abandoned = j->has_thread && !j->over;
    bool abandoned = j->abandoned;
    pthread_t thread = j->thread;
    pthread_mutex_unlock(&j->lock);
    if (abandoned) {
        pthread_detach(thread);
        return;
    }
    if (j->has_thread)
        pthread_join(thread, NULL);
    if (hash)
        memcpy(hash, j->disk.hash, HASH_HEX);
    destroy(j);
}
