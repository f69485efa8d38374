#include "journal/caps.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "journal/segments.h"

enum { FILES_MAX = 100000, NAME_SIZE = 128 };

struct entry {
    char name[NAME_SIZE];
    size_t session_length;
    int segment;
    int64_t bytes;
};

struct listing {
    struct entry *entries;
    size_t count, capacity;
};

static bool has_shape(const char *name, const char *shape)
{
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
            return false;
    return true;
}

/* Our writers' names begin with a time: 20261121T044928123Z-..., of earlier ones without the milliseconds. */
static bool is_ours(const char *name, size_t session_length)
{
    return session_length < NAME_SIZE - 16 &&
           (has_shape(name, "ddddddddTdddddddddZ-") || has_shape(name, "ddddddddTddddddZ-"));
}

static void add(struct listing *l, int directory, const char *name)
{
    struct entry e;
    struct stat st;
    e.segment = segment_of_name(name, &e.session_length);
    if (!e.segment || !is_ours(name, e.session_length) || strlen(name) >= sizeof e.name ||
        fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return;
    snprintf(e.name, sizeof e.name, "%s", name);
    e.bytes = st.st_size;
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 64;
        l->entries = xrealloc(l->entries, l->capacity * sizeof *l->entries);
    }
    l->entries[l->count++] = e;
}

static bool list(struct listing *l, int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (struct dirent *d; (d = readdir(dir)) && l->count < FILES_MAX;)
        add(l, directory, d->d_name);
    closedir(dir);
    return true;
}

/* Oldest first: an id begins with the time, and its segments follow each other. */
static int by_age(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    size_t length = x->session_length < y->session_length ? x->session_length : y->session_length;
    int order = memcmp(x->name, y->name, length);
    if (order == 0 && x->session_length != y->session_length)
        order = x->session_length < y->session_length ? -1 : 1;
    return order ? order : (x->segment > y->segment) - (x->segment < y->segment);
}

/* One line for `sessions`, which cannot find in the journals what is no longer there. */
static void note(int directory, const struct entry *e)
{
    char line[NAME_SIZE + 100], at[32];
    int fd = openat(directory, "dropped", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    clock_format_utc(clock_wall_ms(), at, sizeof at);
    int length = snprintf(line, sizeof line, "%s %s %lld\n", at, e->name, (long long)e->bytes);
    if (write(fd, line, (size_t)length) != length)
        length = 0;   /* a full disk: what went is still said in the journal */
    close(fd);
}

static bool in_use(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return true;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return locked;
}

bool caps_apply(int directory, const struct journal_limits *limits, const char *session, int segment,
                caps_dropped *dropped, void *data)
{
    struct listing l = {0};
    if (!list(&l, directory))
        return false;
    if (l.count)
        qsort(l.entries, l.count, sizeof *l.entries, by_age);
    int64_t all = 0, ours = 0;
    size_t length = strlen(session);
    for (size_t i = 0; i < l.count; i++) {
        const struct entry *e = &l.entries[i];
        all += e->bytes;
        if (e->session_length == length && memcmp(e->name, session, length) == 0)
            ours += e->bytes;
    }
    for (size_t i = 0; i < l.count; i++) {
        const struct entry *e = &l.entries[i];
        bool own = e->session_length == length && memcmp(e->name, session, length) == 0;
        bool over = (limits->directory && all > limits->directory) ||
                    (own && limits->session && ours > limits->session);
        if (!over || (own && e->segment >= segment) || (!own && in_use(directory, e->name)) ||
            unlinkat(directory, e->name, 0) != 0)
            continue;
        all -= e->bytes;
        ours -= own ? e->bytes : 0;
        note(directory, e);
        dropped(data, e->name, e->bytes, own);
    }
    free(l.entries);
    return true;
}
