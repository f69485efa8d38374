/* hook - the thread, its queue, and what failed. */
#include "cmd/hook.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/spawn.h"
#include "base/thread.h"

enum { OUTPUT_MAX = 64 * 1024 };

struct job { struct hook_about about; char *input; };
struct failure { struct hook_about about; struct err err; };

struct hook {
    const char *command;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t given, ended;
    int ended_fd, stop_fd;
    bool running, stopping;
    struct job *jobs;                      /* the oldest first */
    int waiting, room;
    struct failure failures[HOOK_WAITING]; /* more are not kept apart */
    int failed;
};

static void poke(int fd)
{
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

static void run_one(struct hook *h, const struct job *job)
{
    struct spawn_options options = {.shell = h->command, .timeout_ms = HOOK_MS, .output_limit = OUTPUT_MAX,
                                    .cancel_fd = h->stop_fd, .input = job->input};
    struct failure failure = {0};
    struct str out = {0};
    int status;
    bool ok = spawn_run(&options, &out, &status, &failure.err);
    str_free(&out);
    pthread_mutex_lock(&h->mutex);
    if (!ok && h->failed < HOOK_WAITING) {
        failure.about = job->about;
        h->failures[h->failed++] = failure;
    }
    pthread_mutex_unlock(&h->mutex);
}

static void *work(void *context)
{
    struct hook *h = context;
    pthread_mutex_lock(&h->mutex);
    for (;;) {
        while (!h->waiting && !h->stopping)
            pthread_cond_wait(&h->given, &h->mutex);
        if (h->stopping)
            break;
        struct job job = h->jobs[0];
        memmove(h->jobs, h->jobs + 1, (size_t)--h->waiting * sizeof *h->jobs);
        h->running = true;
        pthread_mutex_unlock(&h->mutex);
        run_one(h, &job);
        free(job.input);
        pthread_mutex_lock(&h->mutex);
        h->running = false;
        pthread_cond_signal(&h->ended);
        poke(h->ended_fd);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

static void hook_free(struct hook *h)
{
    if (h->ended_fd >= 0)
        close(h->ended_fd);
    if (h->stop_fd >= 0)
        close(h->stop_fd);
    free(h->jobs);
    free(h);
}

static bool start_thread(struct hook *h)
{
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->given, NULL);
    thread_cond_init(&h->ended);
    return thread_start(&h->thread, work, h);
}

bool hook_start(struct hook **hook, const char *command, struct err *err)
{
    struct hook *h = xcalloc(1, sizeof *h);
    h->command = command;
    h->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    h->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->ended_fd < 0 || h->stop_fd < 0 || !start_thread(h)) {
        hook_free(h);
        err_set(err, ERR_GENERAL, "cannot run commands for events");
        return err_why(err, "the system has no thread or descriptor left");
    }
    *hook = h;
    return true;
}

/* One environment's many do not keep another's from being told. */
static bool has_room(const struct hook *h, const char *environment)
{
    int waiting = 0;
    for (int i = 0; i < h->waiting; i++)
        waiting += strcmp(h->jobs[i].about.environment, environment) == 0;
    return waiting < HOOK_WAITING;
}

static void append(struct hook *h, const struct job *job)
{
    if (h->waiting == h->room)
        h->jobs = xrealloc(h->jobs, (size_t)(h->room = h->room * 2 + HOOK_WAITING) * sizeof *h->jobs);
    h->jobs[h->waiting++] = *job;
    pthread_cond_signal(&h->given);
}

bool hook_give(struct hook *h, const char *environment, const char *event, char *input)
{
    struct job job = {.input = input};
    snprintf(job.about.environment, sizeof job.about.environment, "%s", environment);
    snprintf(job.about.event, sizeof job.about.event, "%s", event);
    pthread_mutex_lock(&h->mutex);
    bool room = has_room(h, job.about.environment);
    if (room)
        append(h, &job);
    pthread_mutex_unlock(&h->mutex);
    if (!room)
        free(input);
    return room;
}

bool hook_failure(struct hook *h, struct hook_about *about, struct err *err)
{
    uint64_t ignored;
    ssize_t got = read(h->ended_fd, &ignored, sizeof ignored);
    (void)got;
    pthread_mutex_lock(&h->mutex);
    bool any = h->failed > 0;
    if (any) {
        *about = h->failures[0].about;
        *err = h->failures[0].err;
        memmove(h->failures, h->failures + 1, (size_t)--h->failed * sizeof *h->failures);
    }
    pthread_mutex_unlock(&h->mutex);
    return any;
}

int hook_fd(const struct hook *h) { return h->ended_fd; }

bool hook_idle(struct hook *h)
{
    pthread_mutex_lock(&h->mutex);
    bool idle = !h->waiting && !h->running;
    pthread_mutex_unlock(&h->mutex);
    return idle;
}

void hook_close(struct hook *h, int ms, int *lost)
{
    struct timespec end = thread_deadline(ms);
    *lost = 0;
    if (!h)
        return;
    pthread_mutex_lock(&h->mutex);
    while ((h->waiting || h->running) && pthread_cond_timedwait(&h->ended, &h->mutex, &end) == 0)
        ;
    *lost = h->waiting + h->running;
    h->stopping = true;
    pthread_cond_signal(&h->given);
    pthread_mutex_unlock(&h->mutex);
    poke(h->stop_fd);
    pthread_join(h->thread, NULL);
    for (int i = 0; i < h->waiting; i++)
        free(h->jobs[i].input);
    pthread_mutex_destroy(&h->mutex);
    pthread_cond_destroy(&h->given);
    pthread_cond_destroy(&h->ended);
    hook_free(h);
}
