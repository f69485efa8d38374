#include "journal/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "journal/format.h"
#include "journal/segments.h"

/* ---- what it is called ---- */

void disk_init(struct disk *d, const char *state_dir, const struct journal_header *header)
{
    time_t seconds = (time_t)(header->started_ms / 1000);
    struct tm tm;
    char stamp[32], session[80];
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm);
    /* with milliseconds: names sort by when a session began, and "last" must be the last of a second, too */
    snprintf(session, sizeof session, "%s%03dZ-%ld-%08x", stamp, (int)(header->started_ms % 1000), (long)getpid(),
             (unsigned)randombytes_random());
    *d = (struct disk){.directory = *state_dir ? file_join(state_dir, "sessions") : xstrdup(""),
                       .directory_fd = -1, .fd = -1,
                       .checkpoint_at = -1, .checkpoint_segment = 1};
    struct journal_header first = *header;
    first.session = session;
    first.segment = 1;
    first.dropped = 0;
    first.before = 0;
    first.after = "";
    journal_header_copy(&d->header, &first);
}

void disk_free(struct disk *d)
{
    if (d->fd >= 0)
        close(d->fd);
    if (d->directory_fd >= 0)
        close(d->directory_fd);
    journal_header_free(&d->header);
    str_free(&d->line);
    free(d->directory);
}

char *disk_path(const struct disk *d, int segment)
{
    char *name = segment_name(d->header.session, segment), *path = file_join(d->directory, name);
    free(name);
    return path;
}

/* ---- lines ---- */

/* Adds the tail to d->line and writes it in one call. A line that got only half through is taken back. */
static bool put_line(struct disk *d, struct err *err)
{
    char hash[HASH_HEX];
    memcpy(hash, d->hash, sizeof hash);
    journal_chain(hash, d->line.text, d->line.length);
    str_printf(&d->line, ",\"hash\":\"%s\"}\n", hash);
    ssize_t put;
    do {
        put = write(d->fd, d->line.text, d->line.length);
    } while (put < 0 && errno == EINTR);
    if (put == (ssize_t)d->line.length) {
        d->length += put;
        memcpy(d->hash, hash, sizeof hash);
        return true;
    }
    int errnum = put < 0 ? errno : ENOSPC;
    if (put > 0 && ftruncate(d->fd, d->length) != 0)
        d->torn = true;   /* then the reader finds the half line, and says so */
    return err_errno(err, ERR_GENERAL, errnum, "cannot write the journal");
}

static bool put_header(struct disk *d, struct err *err)
{
    str_reset(&d->line);
    journal_header_encode(&d->header, &d->line);
    return put_line(d, err);
}

bool disk_sync(struct disk *d, struct err *err)
{
    if (fdatasync(d->fd) == 0)
        return true;
    return err_errno(err, ERR_GENERAL, errno, "cannot bring the journal to the disk");
}

/* ---- opening ---- */

/* The directory must be ours alone: what is written there says what was done to a database. */
static bool open_directory(struct disk *d, struct err *err)
{
    struct stat st;
    if (!*d->directory)
        return err_set(err, ERR_GENERAL, "there is no state directory");
    if (!file_make_dirs(d->directory, 0700, err))
        return false;
    d->directory_fd = open(d->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->directory_fd < 0 || fstat(d->directory_fd, &st) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot open the directory of the sessions");
    if (st.st_uid != geteuid()) {
        err_set(err, ERR_GENERAL, "the directory of the sessions belongs to someone else");
        return err_why(err, "%s", d->directory);
    }
    if ((st.st_mode & 07777) != 0700 && fchmod(d->directory_fd, 0700) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot close the directory of the sessions to others");
    return true;
}

/* A new file, locked for as long as it is written: that is how others know that the session lives. */
static int make_file(const struct disk *d, int segment, struct err *err)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
    char *name = segment_name(d->header.session, segment);
    int fd = openat(d->directory_fd, name, flags, 0600);
    free(name);
    if (fd < 0 || fchmod(fd, 0600) != 0) {   /* a umask may have taken too much */
        err_errno(err, ERR_GENERAL, errno, "cannot make the journal's file");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return fd;   /* a file system without locks: then nobody knows, which is no reason not to record */
    return fd;
}

bool disk_open(struct disk *d, struct err *err)
{
    if (!open_directory(d, err))
        return false;
    d->fd = make_file(d, 1, err);
    return d->fd >= 0 && put_header(d, err);
}

/* ---- segments and caps ---- */

static void say(const struct disk *d, const char *level, const char *text)
{
    if (d->say)
        d->say(d->say_data, level, text);
}

static void on_dropped(void *data, const char *name, int64_t bytes, bool own)
{
    struct disk *d = data;
    char text[256];
    d->header.dropped += own;
    snprintf(text, sizeof text, "%s of %lld KiB was dropped: %s over the limit", name, (long long)(bytes >> 10),
             own ? "this session is" : "the recorded sessions are");
    say(d, "warning", text);
}

void disk_apply_caps(struct disk *d)
{
    caps_apply(d->directory_fd, &d->limits, d->header.session, d->header.segment, on_dropped, d);
}

static bool over_limit(const struct disk *d) { return d->limits.segment && d->length >= d->limits.segment; }

bool disk_full(const struct disk *d) { return over_limit(d) && !d->stuck; }

/* The next segment's file is made before this one is ended: if it cannot be, this one goes on. */
static bool rotate(struct disk *d, struct err *err)
{
    struct err problem = {0};
    int fd = make_file(d, d->header.segment + 1, &problem);
    if (fd < 0) {
        if (!d->stuck)
            say(d, "warning", "the journal's next file cannot be made; recording goes on in the one that is full");
        d->stuck = true;
        return true;
    }
    d->stuck = false;
    str_reset(&d->line);
    str_printf(&d->line, "{\"n\":%llu,\"next\":{\"segment\":%d}", (unsigned long long)d->number,
               d->header.segment + 1);
    if (!put_line(d, err) || !disk_sync(d, err)) {
        close(fd);
        return false;
    }
    close(d->fd);
    d->fd = fd;
    d->length = 0;
    d->header.segment++;
    d->header.before = d->number;
    free((char *)(uintptr_t)d->header.after);
    d->header.after = xstrdup(d->hash);
    d->hash[0] = '\0';
    disk_apply_caps(d);
    return put_header(d, err);
}

bool disk_put_input(struct disk *d, const char *input, size_t length, struct err *err)
{
    /* with models the next checkpoint does it; should none come (one line may be too much for it), not for ever */
    bool rotates = over_limit(d) && (!d->models || d->length >= d->limits.segment + JOURNAL_LINE_MAX);
    if (rotates && !rotate(d, err))
        return false;
    str_reset(&d->line);
    str_printf(&d->line, "{\"n\":%llu,\"in\":", (unsigned long long)d->number + 1);
    str_add_bytes(&d->line, input, length);
    if (!put_line(d, err))
        return false;
    d->number++;
    return true;
}

bool disk_put_checkpoint(struct disk *d, int64_t offset_ms, const char *model, size_t length, struct err *err)
{
    if (over_limit(d) && !rotate(d, err))
        return false;
    int64_t at = d->length;
    str_reset(&d->line);
    str_printf(&d->line, "{\"n\":%llu,\"checkpoint\":{\"offset_ms\":%lld,\"segment\":%d,\"previous\":%lld,\"model\":",
               (unsigned long long)d->number, (long long)offset_ms,
               d->checkpoint_at < 0 ? d->header.segment : d->checkpoint_segment, (long long)d->checkpoint_at);
    str_add_bytes(&d->line, model, length);
    str_add_char(&d->line, '}');
    if (!put_line(d, err))
        return false;
    d->checkpoint_at = at;
    d->checkpoint_segment = d->header.segment;
    return true;
}

bool disk_put_end(struct disk *d, const char *failure, const char *summary, struct err *err)
{
    struct json_out o;
    str_reset(&d->line);
    str_printf(&d->line, "{\"n\":%llu,\"end\":", (unsigned long long)d->number + 1);
    json_begin(&o, &d->line);
    json_object(&o);
    json_put_int(&o, "lines", (int64_t)d->number);
    if (*failure)
        json_put_text(&o, "failure", failure);
    if (summary)
        str_printf(&d->line, ",\"summary\":%s", summary);
    json_object_end(&o);
    return put_line(d, err);
}
