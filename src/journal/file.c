/* file - opening, and reading by number. */
#include "journal/file_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "journal/segments.h"

enum { SEGMENTS_MAX = 4096 };
static const int64_t file_max = INT64_C(4) << 30;

/* ---- opening and closing ---- */

static struct file_segment *add_segment(struct journal_file *f, const char *name)
{
    f->segments = xrealloc(f->segments, (f->segment_count + 1) * sizeof *f->segments);
    struct file_segment *s = &f->segments[f->segment_count++];
    *s = (struct file_segment){.name = xstrdup(name), .fd = -1};
    return s;
}

static bool open_segment(struct journal_file *f, const char *path, struct err *err)
{
    struct file_segment *s = add_segment(f, path);
    struct stat st;
    if (!journal_open_read(&s->fd, path, err))
        return false;
    if (fstat(s->fd, &st) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read %s", path);
    if (st.st_size > file_max) {
        err_set(err, ERR_GENERAL, "%s is too large for a journal", path);
        return err_why(err, "it has %lld MiB; no segment has more than %lld", (long long)st.st_size >> 20,
                       (long long)file_max >> 20);
    }
    s->size = st.st_size;
    return true;
}

static bool finish(struct journal_file *f, bool ok, struct journal_file **file, struct err *err)
{
    ok = ok && file_index(f, err);
    *file = ok ? f : NULL;
    if (!ok)
        journal_file_close(f);
    return ok;
}

bool journal_file_open(struct journal_file **file, const char *path, struct err *err)
{
    struct journal_file *f = xcalloc(1, sizeof *f);
    struct segment_names names;
    segments_beside(path, SEGMENTS_MAX, &names);
    bool ok = true;
    for (size_t i = 0; i < names.count && ok; i++)
        ok = open_segment(f, names.paths[i], err);
    segment_names_free(&names);
    return finish(f, ok, file, err);
}

bool journal_file_bytes(struct journal_file **file, const char *name, const char *bytes, size_t length,
                        struct err *err)
{
    struct journal_file *f = xcalloc(1, sizeof *f);
    struct file_segment *s = add_segment(f, name);
    s->bytes = bytes;
    s->size = (int64_t)length;
    return finish(f, true, file, err);
}

void journal_file_close(struct journal_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->segment_count; i++) {
        struct file_segment *s = &f->segments[i];
        if (s->fd >= 0)
            close(s->fd);
        json_free(s->json);
        free(s->marks);
        free(s->name);
    }
    free(f->segments);
    free(f->checkpoints);
    free(f->window);
    free(f);
}

const struct journal_header *journal_file_header(const struct journal_file *f) { return &f->segments[0].header; }

const struct journal_facts *journal_file_facts(const struct journal_file *f) { return &f->facts; }

/* ---- reading ---- */

static bool gone(const struct file_segment *s, struct err *err)
{
    err_set(err, ERR_GENERAL, "cannot read %s", s->name);
    return err_why(err, "it was changed while it was open");
}

/* Gives the object of the line at `place`, ended by a NUL; *next is where the next line begins. */
static bool object_at(struct journal_file *f, size_t segment, int64_t place, struct journal_frame *frame,
                      char **object, int64_t *next, struct err *err)
{
    char *line;
    size_t length;
    enum file_line got = file_line_at(f, segment, place, &line, &length, err);
    if (got == LINE_ERROR)
        return false;
    if (got != LINE_WHOLE || !journal_tail(line, length) || !journal_frame(line, length - JOURNAL_TAIL, frame))
        return gone(&f->segments[segment], err);
    *object = line + frame->at;
    f->held_at = *object + frame->length;
    f->held = *f->held_at;
    *f->held_at = '\0';
    *next = place + (int64_t)length + 1;
    return true;
}

static size_t segment_of(const struct journal_file *f, uint64_t n)
{
    size_t low = 0, high = f->facts.segments;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (f->segments[middle].header.before < n)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Sets the place of input n, or of a line a little before it. */
static void find(struct journal_file *f, uint64_t n)
{
    size_t segment = segment_of(f, n);
    const struct file_segment *s = &f->segments[segment];
    uint64_t mark = (n - s->header.before - 1) / FILE_EVERY;
    if (f->next && f->next_segment == segment && f->next <= n && n - f->next <= (n - s->header.before - 1) % FILE_EVERY)
        return;                    /* on the way already */
    f->next_segment = segment;
    f->next = s->header.before + 1 + mark * FILE_EVERY;
    f->next_place = s->marks[mark].place;
}

bool journal_file_input(struct journal_file *f, uint64_t n, const char **input, size_t *length, struct err *err)
{
    if (n < f->facts.first || n > f->facts.last)
        return err_set(err, ERR_GENERAL, "input %llu is not in this journal", (unsigned long long)n);
    find(f, n);
    for (;;) {
        struct journal_frame frame;
        char *object;
        if (!object_at(f, f->next_segment, f->next_place, &frame, &object, &f->next_place, err)) {
            f->next = 0;
            return false;
        }
        if (frame.kind != JOURNAL_INPUT)
            continue;
        f->next = frame.n + 1;
        if (frame.n > n) {
            f->next = 0;
            return gone(&f->segments[f->next_segment], err);
        }
        if (frame.n == n) {
            *input = object;
            *length = frame.length;
            return true;
        }
    }
}

int64_t journal_file_offset(struct journal_file *f, uint64_t n)
{
    const char *input;
    size_t length;
    return journal_file_input(f, n, &input, &length, NULL) ? journal_offset(input, length) : 0;
}

/* The marks' offsets never fall; within one mark's inputs the lines themselves are asked. */
uint64_t journal_file_at(struct journal_file *f, int64_t offset_ms)
{
    uint64_t found = f->facts.first - 1;
    for (size_t i = 0; i < f->facts.segments; i++) {
        const struct file_segment *s = &f->segments[i];
        size_t low = 0, high = s->mark_count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (s->marks[middle].offset_ms <= offset_ms)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == 0)
            break;
        found = s->header.before + 1 + (low - 1) * FILE_EVERY;
        if (low < s->mark_count)
            break;
    }
    while (found >= f->facts.first && found < f->facts.last && journal_file_offset(f, found + 1) <= offset_ms)
        found++;
    return found;
}

uint64_t journal_file_checkpoint_at(const struct journal_file *f, size_t i) { return f->checkpoints[i].at; }

bool journal_file_checkpoint(struct journal_file *f, uint64_t n, uint64_t *at, const char **model, size_t *length,
                             struct err *err)
{
    size_t low = 0, high = f->facts.checkpoints;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->checkpoints[middle].at <= n)
            low = middle + 1;
        else
            high = middle;
    }
    *model = NULL;
    *length = 0;
    *at = f->facts.first - 1;
    if (low == 0)
        return true;
    const struct file_checkpoint *c = &f->checkpoints[low - 1];
    struct journal_frame frame;
    struct journal_checkpoint checkpoint;
    char *object;
    int64_t next;
    if (!object_at(f, c->segment, c->place, &frame, &object, &next, err))
        return false;
    if (frame.kind != JOURNAL_CHECKPOINT || !journal_checkpoint(object, frame.length, &checkpoint))
        return gone(&f->segments[c->segment], err);
    file_put_back(f);
    *at = c->at;
    *model = object + checkpoint.model;
    *length = checkpoint.model_length;
    f->held_at = object + checkpoint.model + checkpoint.model_length;
    f->held = *f->held_at;
    *f->held_at = '\0';
    return true;
}
