#include "journal/sessions.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "event/codec.h"
#include "journal/file.h"
#include "journal/format.h"
#include "journal/segments.h"

enum {
    EDGE = 64 * 1024,              /* bytes of a file's beginning and end that are looked at */
    SESSIONS_MAX = 100000
};
static const int64_t sum_most = INT64_C(64) << 20;   /* of a session without an end, to be read whole */

const char *session_state_name(enum session_state state)
{
    static const char *const names[] = {"closed", "running", "killed", "unreadable"};
    return names[state];
}

/* ---- one session ---- */

static bool read_edge(int fd, off_t place, char *to, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, to + *got, size - *got, place + (off_t)*got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        *got += (size_t)n;
    }
    return true;
}

static bool take_header(struct session_entry *e, int fd, char *edge)
{
    size_t length;
    if (!read_edge(fd, 0, edge, EDGE, &length))
        return err_errno(&e->problem, ERR_GENERAL, errno, "cannot read %s", e->path);
    const char *newline = memchr(edge, '\n', length);
    if (!newline) {
        err_set(&e->problem, ERR_GENERAL, "this is not a journal");
        return err_at(&e->problem, e->path, 0, 0);
    }
    return journal_header_decode(edge, (size_t)(newline - edge), e->path, &e->json, &e->header, &e->problem);
}

/* The end line, if the last whole line is one. */
static bool take_end(struct session_entry *e, int fd, off_t size, char *edge)
{
    size_t length;
    off_t from = size > EDGE ? size - EDGE : 0;
    struct journal_frame frame;
    struct json *end;
    if (!read_edge(fd, from, edge, EDGE, &length) || length == 0 || edge[length - 1] != '\n')
        return false;
    const char *newline = memrchr(edge, '\n', length - 1), *line = newline ? newline + 1 : edge;
    size_t line_length = (size_t)(edge + length - 1 - line);
    if (!journal_tail(line, line_length) || !journal_frame(line, line_length - JOURNAL_TAIL, &frame) ||
        frame.kind != JOURNAL_END || !json_parse(&end, line + frame.at, frame.length, NULL))
        return false;
    const char *failure = json_text_of(json_get(end, "failure"));
    snprintf(e->failure, sizeof e->failure, "%s", failure ? failure : "");
    const struct json *summary = json_get(end, "summary");
    if (json_is_object(summary)) {
        summary_decode(&e->summary, summary);
        e->summed = true;
    }
    json_free(end);
    return true;
}

/* Without an end nobody has summed it up. */
static void sum_up(struct session_entry *e)
{
    struct journal_file *file;
    if (e->bytes > sum_most || !journal_file_open(&file, e->path, NULL))
        return;
    const struct journal_facts *facts = journal_file_facts(file);
    const char *line;
    size_t length;
    for (uint64_t n = facts->first; n <= facts->last && journal_file_input(file, n, &line, &length, NULL); n++) {
        struct input *in;
        if (!input_decode(line, length, &in, NULL))
            continue;
        summary_take(&e->summary, in);
        input_free(in);
    }
    if (facts->damaged)
        e->problem = facts->problem;
    e->summed = true;
    journal_file_close(file);
}

static bool held(int fd) { return flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK; }

/* `names` are its segments. */
static void look(struct session_entry *e, const struct segment_names *names)
{
    char *edge = xmalloc(EDGE);
    struct stat st;
    int fd = -1;
    e->path = xstrdup(names->paths[0]);
    e->segments = (int)names->count;
    e->state = SESSION_UNREADABLE;
    if (!journal_open_read(&fd, e->path, &e->problem))
        goto out;
    bool ok = take_header(e, fd, edge);
    close(fd);
    fd = -1;
    for (size_t i = 0; i < names->count; i++)
        e->bytes += stat(names->paths[i], &st) == 0 ? st.st_size : 0;
    if (!ok || !journal_open_read(&fd, names->paths[names->count - 1], &e->problem) || fstat(fd, &st) != 0)
        goto out;
    e->dropped = e->header.segment - 1;
    e->state = take_end(e, fd, st.st_size, edge) ? SESSION_CLOSED : held(fd) ? SESSION_RUNNING : SESSION_KILLED;
    if (!e->summed)
        sum_up(e);
out:
    if (fd >= 0)
        close(fd);
    free(edge);
}

void sessions_look(struct session_entry *e, const char *path)
{
    struct segment_names names;
    *e = (struct session_entry){0};
    segments_beside(path, 4096, &names);
    look(e, &names);
    segment_names_free(&names);
}

void session_entry_free(struct session_entry *e)
{
    free(e->path);
    json_free(e->json);
    summary_free(&e->summary);
}

/* ---- all of them ---- */

struct found {
    char **names;
    size_t count, capacity;
};

/* By session, newest first, and its segments in their order: an id begins with the time it began. */
static int newest_first(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    size_t x_length, y_length;
    int x_segment = segment_of_name(x, &x_length), y_segment = segment_of_name(y, &y_length);
    size_t length = x_length < y_length ? x_length : y_length;
    int order = memcmp(y, x, length);
    if (order == 0 && x_length != y_length)
        return x_length < y_length ? 1 : -1;
    return order ? order : (x_segment > y_segment) - (x_segment < y_segment);
}

static bool find(struct found *f, const char *directory, struct err *err)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return errno == ENOENT || err_errno(err, ERR_GENERAL, errno, "cannot read %s", directory);
    size_t length;
    for (struct dirent *d; (d = readdir(dir)) && f->count < SESSIONS_MAX;) {
        if (segment_of_name(d->d_name, &length) == 0)
            continue;
        if (f->count == f->capacity) {
            f->capacity = f->capacity ? f->capacity * 2 : 64;
            f->names = xrealloc(f->names, f->capacity * sizeof *f->names);
        }
        f->names[f->count++] = xstrdup(d->d_name);
    }
    closedir(dir);
    if (f->count)
        qsort(f->names, f->count, sizeof *f->names, newest_first);
    return true;
}

static void take_dropped(struct sessions *s, const char *directory)
{
    char *path = file_join(directory, "dropped"), *bytes = NULL;
    size_t length;
    if (file_read(path, 16 * 1024 * 1024, &bytes, &length, NULL)) {
        for (char *line = bytes, *next; line && *line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = '\0';
            char *name = strchr(line, ' '), *size = name ? strchr(name + 1, ' ') : NULL;
            if (!size)
                continue;
            s->dropped_files++;
            s->dropped_bytes += strtoll(size, NULL, 10);
            if (strncmp(line, s->dropped_last, (size_t)(name - line)) > 0)
                snprintf(s->dropped_last, sizeof s->dropped_last, "%.*s", (int)(name - line), line);
        }
    }
    free(bytes);
    free(path);
}

static bool add_directory(struct sessions *s, const char *state_dir, struct err *err)
{
    struct found found = {0};
    char *directory = file_join(state_dir, "sessions");
    bool ok = find(&found, directory, err);
    s->items = xrealloc(s->items, (s->count + found.count + 1) * sizeof *s->items);
    for (size_t i = 0; i < found.count;) {
        size_t length, other;
        segment_of_name(found.names[i], &length);
        char *paths[4096];
        struct segment_names names = {.paths = paths};
        for (size_t k = i; k < found.count && names.count < 4096; k++) {
            segment_of_name(found.names[k], &other);
            if (other != length || memcmp(found.names[k], found.names[i], length) != 0)
                break;
            paths[names.count++] = file_join(directory, found.names[k]);
        }
        s->items[s->count] = (struct session_entry){0};
        look(&s->items[s->count++], &names);
        i += names.count;
        for (size_t k = 0; k < names.count; k++)
            free(paths[k]);
    }
    take_dropped(s, directory);
    for (size_t i = 0; i < found.count; i++)
        free(found.names[i]);
    free(found.names);
    free(directory);
    return ok;
}

static int newer_entry_first(const void *a, const void *b)
{
    const struct session_entry *x = a, *y = b;
    return strcmp(strrchr(y->path, '/'), strrchr(x->path, '/'));
}

bool sessions_list(struct sessions *s, char *const *state_dirs, size_t count, struct err *err)
{
    bool ok = true;
    *s = (struct sessions){0};
    for (size_t i = 0; ok && i < count; i++)
        ok = add_directory(s, state_dirs[i], err);
    if (count > 1 && s->count)
        qsort(s->items, s->count, sizeof *s->items, newer_entry_first);
    return ok;
}

void sessions_free(struct sessions *s)
{
    for (size_t i = 0; i < s->count; i++)
        session_entry_free(&s->items[i]);
    free(s->items);
    *s = (struct sessions){0};
}
