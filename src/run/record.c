/* record - a thread opens the journal, hands over what waited, and closes it in the end. */
#include "run/record.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "run/worker.h"

enum { EARLY_BYTES = 64 * 1024 * 1024 };

struct record {
    struct queue *queue;
    char *state_dir;
    struct journal_header header;     /* texts owned */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;           /* opened, closing or closed */
    struct journal *journal;          /* NULL until opened */
    bool opened, closing, closed, off;
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

static void hand_over_early(struct record *r)
{
    for (size_t i = 0; i < r->early_count; i++)
        journal_line(r->journal, r->early[i]);
    free(r->early);
    r->early = NULL;
    r->early_count = r->early_capacity = r->early_bytes = 0;
}

static void complete_header(struct journal_header *header)
{
    struct passwd entry, *found = NULL;
    char buffer[4096], host[256] = "";
    if (!header->user && getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
        header->user = xstrdup(found->pw_name);
    gethostname(host, sizeof host - 1);
    if (!header->host)
        header->host = xstrdup(host);
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

static void *body(void *argument)
{
    struct record *r = argument;
    struct err err = {0};
    struct journal *journal;
    complete_header(&r->header);
    find_state_dir(r);
    bool ok = journal_open(&journal, r->state_dir, &r->header, &err);
    pthread_mutex_lock(&r->mutex);
    r->journal = journal;
    r->opened = true;
    hand_over_early(r);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    if (ok)
        say(r, "recording", journal_path(journal));
    else
        say(r, "failed", err.why[0] ? err.why : err.message);
    pthread_mutex_lock(&r->mutex);
    while (!r->closing)
        pthread_cond_wait(&r->changed, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
    journal_close(journal, NULL);
    pthread_mutex_lock(&r->mutex);
    r->closed = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

static void copy_header(struct journal_header *to, const struct journal_header *from)
{
    *to = *from;
    const char **texts[] = {&to->version, &to->user, &to->host, &to->environment, &to->target,
                            &to->system_identifier, &to->command};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = xstrdup(*texts[i]);
}

static void free_header(struct journal_header *h)
{
    const char *texts[] = {h->version, h->user, h->host, h->environment, h->target, h->system_identifier,
                           h->command};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free((char *)(uintptr_t)texts[i]);
}

struct record *record_start(bool keep, const char *state_dir, const struct journal_header *header,
                            struct queue *queue)
{
    struct record *r = xcalloc(1, sizeof *r);
    r->queue = queue;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    copy_header(&r->header, header);
    r->state_dir = xstrdup(state_dir);
    r->off = !keep;
    if (r->off) {
        say(r, "off", "");
    } else if (!thread_start(&r->thread, body, r)) {
        r->off = true;
        say(r, "failed", "no thread for the journal");
    }
    return r;
}

void record_line(struct record *r, char *line)
{
    pthread_mutex_lock(&r->mutex);
    if (r->opened) {
        journal_line(r->journal, line);
    } else if (r->off || r->early_bytes > EARLY_BYTES) {
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

/* Waits for a flag under the mutex until the time is over; gives what is left of it, < 0: it never came. */
static int wait_flag(struct record *r, const bool *flag, int timeout_ms)
{
    struct timespec start, end, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    end = start;
    end.tv_sec += timeout_ms / 1000;
    end.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    while (!*flag)
        if (pthread_cond_timedwait(&r->changed, &r->mutex, &end) == ETIMEDOUT)
            return *flag ? 0 : -1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int spent = (int)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
    return spent < timeout_ms ? timeout_ms - spent : 0;
}

bool record_flush(struct record *r, int timeout_ms)
{
    if (r->off)
        return false;
    pthread_mutex_lock(&r->mutex);
    int left = wait_flag(r, &r->opened, timeout_ms);
    pthread_mutex_unlock(&r->mutex);
    return left >= 0 && journal_flush(r->journal, left);
}

bool record_close(struct record *r, int timeout_ms)
{
    if (!r->off) {
        pthread_mutex_lock(&r->mutex);
        r->closing = true;
        pthread_cond_broadcast(&r->changed);
        int left = wait_flag(r, &r->closed, timeout_ms);
        pthread_mutex_unlock(&r->mutex);
        if (left < 0)
            return false;
        pthread_join(r->thread, NULL);
    }
    free_header(&r->header);
    free(r->state_dir);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    free(r);
    return true;
}
