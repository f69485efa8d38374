/* write - the queue, and the thread behind it. The thread alone touches the disk, opening included; whoever
 * hands over a line only ever waits for a lock that is never held across a system call on the file. */
#include "journal/write.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "journal/format.h"

enum { QUEUE_MAX = 64 * 1024 * 1024, OPEN_WAIT_MS = 500, CLOSE_WAIT_MS = 2000, HANGS_AFTER_MS = 2000 };

struct item {
    struct item *next;
    char *line;
    size_t length;
};

struct journal {
    pthread_t thread;
    bool has_thread;
    char *directory, *path;
    const char *name;            /* within path */

    pthread_mutex_t lock;        /* everything down to the next comment */
    pthread_cond_t work, progress;
    struct item *head, *tail;
    size_t queued;               /* bytes */
    uint64_t accepted, written, synced, sync_wanted;
    int64_t busy_since;          /* the thread waits for the disk since; 0: it does not */
    bool opened, closing, over, abandoned;
    bool failed;                 /* takes no more lines; `failure` is set before and never changes again */
    char failure[512];

    /* the thread's own until it is over */
    int fd;
    struct str line;             /* the header's first */
    uint64_t number;
    off_t length;
    char hash[HASH_HEX];
    bool broken;                 /* writes no more */
};

static void fail_locked(struct journal *j, const char *what, const char *why)
{
    if (!j->failed)
        snprintf(j->failure, sizeof j->failure, "%s%s%s", what, *why ? ": " : "", why);
    j->failed = true;
    pthread_cond_broadcast(&j->progress);
}

static void fail(struct journal *j, const char *what, const char *why)
{
    pthread_mutex_lock(&j->lock);
    fail_locked(j, what, why);
    pthread_mutex_unlock(&j->lock);
}

static void fail_errno(struct journal *j, const char *what, int errnum)
{
    char text[128];
    fail(j, what, strerror_r(errnum, text, sizeof text));
}

/* --- the thread --- */

/* The directory must be ours alone: what is written there says what was done to a database. */
static int open_directory(struct journal *j)
{
    struct err err = {0};
    struct stat st;
    if (!*j->directory) {
        fail(j, "there is no state directory", "");
        return -1;
    }
    if (!file_make_dirs(j->directory, 0700, &err)) {
        fail(j, err.message, err.why);
        return -1;
    }
    int fd = open(j->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail_errno(j, "cannot open the directory of the sessions", errno);
    } else if (st.st_uid != geteuid()) {
        fail(j, "the directory of the sessions belongs to someone else", j->directory);
    } else if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) != 0) {
        fail_errno(j, "cannot close the directory of the sessions to others", errno);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool open_file(struct journal *j)
{
    int directory = open_directory(j);
    if (directory < 0)
        return false;
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
    j->fd = openat(directory, j->name, flags, 0600);
    if (j->fd < 0 || fchmod(j->fd, 0600) != 0)   /* a umask may have taken too much */
        fail_errno(j, "cannot make the journal's file", errno);
    close(directory);
    return j->fd >= 0;
}

/* Adds the tail to j->line and writes it in one call. A line that got only half through is taken back. */
static void put_line(struct journal *j)
{
    char hash[HASH_HEX];
    memcpy(hash, j->hash, sizeof hash);
    journal_chain(hash, j->line.text, j->line.length);
    str_printf(&j->line, ",\"hash\":\"%s\"}\n", hash);
    ssize_t put;
    do {
        put = write(j->fd, j->line.text, j->line.length);
    } while (put < 0 && errno == EINTR);
    if (put == (ssize_t)j->line.length) {
        j->length += put;
        memcpy(j->hash, hash, sizeof hash);
        return;
    }
    fail_errno(j, "cannot write the journal", put < 0 ? errno : ENOSPC);
    if (put > 0 && ftruncate(j->fd, j->length) != 0)
        put = 0;   /* then the reader finds the half line, and says so */
    j->broken = true;
}

static void put_input(struct journal *j, const struct item *item)
{
    str_reset(&j->line);
    str_printf(&j->line, "{\"n\":%llu,\"in\":", (unsigned long long)++j->number);
    str_add_bytes(&j->line, item->line, item->length);
    put_line(j);
}

static void put_end(struct journal *j, const char *failure)
{
    struct json_out o;
    str_reset(&j->line);
    str_printf(&j->line, "{\"n\":%llu,\"end\":", (unsigned long long)j->number + 1);
    json_begin(&o, &j->line);
    json_object(&o);
    json_put_int(&o, "lines", (int64_t)j->number);
    if (*failure)
        json_put_text(&o, "failure", failure);
    json_object_end(&o);
    put_line(j);
    if (!j->broken && fdatasync(j->fd) != 0)
        j->broken = true;
}

static void destroy(struct journal *j)
{
    for (struct item *i = j->head, *next; i; i = next) {
        next = i->next;
        free(i->line);
        free(i);
    }
    if (j->fd >= 0)
        close(j->fd);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->progress);
    pthread_mutex_destroy(&j->lock);
    str_free(&j->line);
    free(j->directory);
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
    bool ok = !j->broken && fdatasync(j->fd) == 0;
    if (!ok && !j->broken)
        fail_errno(j, "cannot bring the journal to the disk", errno);
    j->broken = !ok;
    pthread_mutex_lock(&j->lock);
    j->synced = upto;
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
}

static void work(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    for (;;) {
        struct item *item = wait_for_work(j);
        bool closing = j->closing;
        uint64_t written = j->written;
        pthread_mutex_unlock(&j->lock);
        if (item) {
            if (!j->broken)
                put_input(j, item);
            free(item->line);
            free(item);
        } else if (closing) {
            return;
        } else {
            sync_file(j, written);
        }
        pthread_mutex_lock(&j->lock);
        j->written += item != NULL;
    }
}

static void *run(void *data)
{
    struct journal *j = data;
    j->broken = !open_file(j);
    if (!j->broken)
        put_line(j);   /* the header */
    pthread_mutex_lock(&j->lock);
    j->opened = true;
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
    work(j);
    if (!j->broken)
        put_end(j, journal_failure(j));
    if (j->broken)
        j->hash[0] = '\0';
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

static struct journal *new_journal(const char *state_dir, const struct journal_header *header)
{
    struct journal *j = xcalloc(1, sizeof *j);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->work, &monotonic);
    pthread_cond_init(&j->progress, &monotonic);
    pthread_condattr_destroy(&monotonic);
    time_t seconds = (time_t)(header->started_ms / 1000);
    struct tm tm;
    char stamp[32], session[80], name[96];
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    snprintf(session, sizeof session, "%s-%ld-%08x", stamp, (long)getpid(), (unsigned)randombytes_random());
    snprintf(name, sizeof name, "%s.jsonl", session);
    j->directory = *state_dir ? file_join(state_dir, "sessions") : xstrdup("");
    j->path = file_join(j->directory, name);
    j->name = j->path + strlen(j->path) - strlen(name);
    j->fd = -1;
    struct journal_header first = *header;
    first.segment = 1;
    first.session = session;
    journal_header_encode(&first, &j->line);
    return j;
}

static struct timespec deadline_in(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return t;
}

static void start_thread(struct journal *j)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);   /* signals are the main thread's */
    int failure = pthread_create(&j->thread, NULL, run, j);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    j->has_thread = failure == 0;
    if (failure != 0)
        fail_errno(j, "cannot start the journal's thread", failure);
}

bool journal_open(struct journal **journal, const char *state_dir, const struct journal_header *header,
                  struct err *err)
{
    struct journal *j = *journal = new_journal(state_dir, header);
    j->busy_since = clock_mono_ms();
    start_thread(j);
    struct timespec deadline = deadline_in(OPEN_WAIT_MS);
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

void journal_line(struct journal *j, char *line)
{
    struct item *item = xmalloc(sizeof *item);
    *item = (struct item){.line = line, .length = strlen(line)};
    bool taken = false;
    if (j) {
        pthread_mutex_lock(&j->lock);
        if (item->length > JOURNAL_LINE_MAX - 256)
            fail_locked(j, "an input is too large to be recorded", "");
        else if (j->queued + item->length > QUEUE_MAX)
            fail_locked(j, "the disk does not keep up with the journal", "");
        taken = !j->failed;
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
        free(line);
        free(item);
    }
}

bool journal_flush(struct journal *j, int timeout_ms)
{
    if (!j)
        return true;
    struct timespec deadline = deadline_in(timeout_ms);
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
    struct timespec deadline = deadline_in(CLOSE_WAIT_MS);
    pthread_mutex_lock(&j->lock);
    j->closing = true;
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
        memcpy(hash, j->hash, HASH_HEX);
    destroy(j);
}
