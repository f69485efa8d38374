/* file - an index made in one pass over the bytes, then reading by place. */
#include "journal/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "journal/format.h"
#include "journal/segments.h"

enum {
    EVERY = 16,                    /* inputs to a mark */
    WINDOW = 256 * 1024,           /* bytes read at once */
    SEGMENTS_MAX = 4096
};
static const int64_t file_max = INT64_C(4) << 30;

struct mark { int64_t place, offset_ms; };   /* of input before + 1 + EVERY * i */

struct mark_checkpoint {
    size_t segment;
    int64_t place;
    uint64_t at;
};

struct segment {
    char *name;                    /* for messages */
    int fd;                        /* or -1: `bytes` */
    const char *bytes;
    int64_t size;                  /* when it was opened */
    struct json *json;
    struct journal_header header;
    uint64_t last;                 /* number of its last input */
    struct mark *marks;
    size_t mark_count, mark_capacity;
    char hash[HASH_HEX];           /* in its last line's tail */
};

struct journal_file {
    struct segment *segments;
    size_t segment_count;
    struct journal_facts facts;
    struct mark_checkpoint *checkpoints;
    size_t checkpoint_capacity;
    /* the window, and the line last given */
    char *window;
    size_t window_capacity, window_length;
    size_t window_segment;
    int64_t window_at;             /* -1: nothing in it */
    char held;                     /* what the NUL after the line stands for */
    char *held_at;
    size_t next_segment;           /* where the input after the last one read is looked for */
    uint64_t next;                 /* its number; 0: not known */
    int64_t next_place;
};

/* ---- bytes ---- */

static bool read_at(const struct segment *s, char *to, size_t length, int64_t place, size_t *got, struct err *err)
{
    *got = 0;
    if (place >= s->size)
        return true;
    if ((int64_t)length > s->size - place)
        length = (size_t)(s->size - place);
    if (s->fd < 0) {
        memcpy(to, s->bytes + place, length);
        *got = length;
        return true;
    }
    while (*got < length) {
        ssize_t n = pread(s->fd, to + *got, length - *got, place + (int64_t)*got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_GENERAL, errno, "cannot read %s", s->name);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return true;
}

static void put_back(struct journal_file *f)
{
    if (f->held_at)
        *f->held_at = f->held;
    f->held_at = NULL;
}

/* Makes the window begin at `place` and hold at least `wanted` bytes, if the file has them. */
static bool load(struct journal_file *f, size_t segment, int64_t place, size_t wanted, struct err *err)
{
    if (wanted < WINDOW)
        wanted = WINDOW;
    if (f->window_capacity < wanted + 1) {
        f->window = xrealloc(f->window, wanted + 1);
        f->window_capacity = wanted + 1;
    }
    f->window_segment = segment;
    f->window_at = -1;
    f->window_length = 0;
    if (!read_at(&f->segments[segment], f->window, wanted, place, &f->window_length, err))
        return false;
    f->window_at = place;
    return true;
}

static bool damaged(struct journal_file *f, const struct segment *s, unsigned number, const char *why)
{
    struct err *e = &f->facts.problem;
    f->facts.damaged = true;
    err_set(e, ERR_GENERAL, "the journal is damaged, or was changed");
    err_why(e, "%s", why);
    return err_at(e, s->name, number, 0);
}

enum line { LINE_WHOLE, LINE_CUT, LINE_NONE, LINE_TOO_LONG, LINE_ERROR };

/* The line at `place`, in the window afterwards: *line without its newline. */
static enum line line_at(struct journal_file *f, size_t segment, int64_t place, char **line, size_t *length,
                         struct err *err)
{
    put_back(f);
    for (size_t wanted = WINDOW;; wanted *= 4) {
        bool inside = f->window_at >= 0 && f->window_segment == segment && place >= f->window_at &&
                      place < f->window_at + (int64_t)f->window_length;
        if (inside) {
            size_t skip = (size_t)(place - f->window_at);
            *line = f->window + skip;
            char *newline = memchr(*line, '\n', f->window_length - skip);
            *length = newline ? (size_t)(newline - *line) : f->window_length - skip;
            if (*length > JOURNAL_LINE_MAX)
                return LINE_TOO_LONG;
            if (newline)
                return LINE_WHOLE;
            if (f->window_at + (int64_t)f->window_length >= f->segments[segment].size)
                return LINE_CUT;
        }
        if (place >= f->segments[segment].size)
            return LINE_NONE;
        if (!load(f, segment, place, wanted, err))
            return LINE_ERROR;
        if (f->window_length == 0)
            return LINE_NONE;      /* it was made shorter meanwhile */
    }
}

/* ---- the index ---- */

static void add_mark(struct segment *s, int64_t place, int64_t offset_ms)
{
    if (s->mark_count == s->mark_capacity) {
        s->mark_capacity = s->mark_capacity ? s->mark_capacity * 2 : 256;
        s->marks = xrealloc(s->marks, s->mark_capacity * sizeof *s->marks);
    }
    s->marks[s->mark_count++] = (struct mark){place, offset_ms};
}

static void add_checkpoint(struct journal_file *f, size_t segment, int64_t place, uint64_t at)
{
    if (f->facts.checkpoints == f->checkpoint_capacity) {
        f->checkpoint_capacity = f->checkpoint_capacity ? f->checkpoint_capacity * 2 : 64;
        f->checkpoints = xrealloc(f->checkpoints, f->checkpoint_capacity * sizeof *f->checkpoints);
    }
    f->checkpoints[f->facts.checkpoints++] = (struct mark_checkpoint){segment, place, at};
}

static bool index_input(struct journal_file *f, struct segment *s, const struct journal_frame *frame,
                        const char *line, int64_t place, unsigned number)
{
    if (frame->n != s->last + 1)
        return damaged(f, s, number, "the line's number is not the next");
    int64_t offset = journal_offset(line + frame->at, frame->length);
    if (offset > f->facts.duration_ms)
        f->facts.duration_ms = offset;
    if ((frame->n - s->header.before - 1) % EVERY == 0)
        add_mark(s, place, f->facts.duration_ms);
    s->last = frame->n;
    return true;
}

/* The line that ends a segment; its object is small and the only one that is parsed here. */
static bool index_end(struct journal_file *f, struct segment *s, const struct journal_frame *frame,
                      const char *line, unsigned number)
{
    struct json *end;
    bool closed = frame->kind == JOURNAL_END;
    if (frame->n != s->last + closed)
        return damaged(f, s, number, "the line's number is not the next");
    if (frame->length > 256 * 1024 || !json_parse(&end, line + frame->at, frame->length, NULL))
        return damaged(f, s, number, "the line is not JSON");
    const char *failure = json_text_of(json_get(end, "failure"));
    snprintf(f->facts.failure, sizeof f->facts.failure, "%s", failure ? failure : "");
    f->facts.end = closed ? JOURNAL_END_CLOSED : JOURNAL_END_CONTINUED;
    json_free(end);
    return true;
}

static bool index_line(struct journal_file *f, size_t segment, const char *line, size_t length, int64_t place,
                       unsigned number)
{
    struct segment *s = &f->segments[segment];
    struct journal_frame frame;
    struct journal_checkpoint checkpoint;
    const char *hash = journal_tail(line, length);
    if (!hash)
        return damaged(f, s, number, "the line has no hash");
    if (!journal_frame(line, length - JOURNAL_TAIL, &frame))
        return damaged(f, s, number, "the line is not an input");
    memcpy(s->hash, hash, HASH_HEX - 1);
    switch (frame.kind) {
    case JOURNAL_INPUT: return index_input(f, s, &frame, line, place, number);
    case JOURNAL_END:
    case JOURNAL_NEXT: return index_end(f, s, &frame, line, number);
    case JOURNAL_CHECKPOINT:
        if (frame.n != s->last)
            return damaged(f, s, number, "the line's number is not the next");
        if (!journal_checkpoint(line + frame.at, frame.length, &checkpoint))
            return damaged(f, s, number, "the line is not a checkpoint");
        add_checkpoint(f, segment, place, frame.n);
        return true;
    case JOURNAL_UNKNOWN: break;
    }
    if (!f->facts.newer)
        return damaged(f, s, number, "the line is not an input");
    f->facts.unknown++;
    return true;
}

static bool take_header(struct journal_file *f, size_t segment, int64_t *place, struct err *err)
{
    struct segment *s = &f->segments[segment];
    char *line;
    size_t length;
    switch (line_at(f, segment, 0, &line, &length, err)) {
    case LINE_ERROR: return false;
    case LINE_WHOLE: break;
    default:
        err_set(err, ERR_GENERAL, "this is not a journal");
        err_why(err, "it does not begin with a journal's header");
        return err_at(err, s->name, 0, 0);
    }
    if (!journal_header_decode(line, length, s->name, &s->json, &s->header, err))
        return false;
    const char *hash = journal_tail(line, length);
    if (hash)
        memcpy(s->hash, hash, HASH_HEX - 1);
    s->last = s->header.before;
    *place = (int64_t)length + 1;
    return true;
}

/* False only when the file cannot be read; damage is a fact. */
static bool index_segment(struct journal_file *f, size_t segment, int64_t place, struct err *err)
{
    struct segment *s = &f->segments[segment];
    f->facts.end = JOURNAL_END_OPEN;
    for (unsigned number = 2;; number++) {
        char *line;
        size_t length;
        enum line got = line_at(f, segment, place, &line, &length, err);
        if (got == LINE_ERROR)
            return false;
        if (got == LINE_NONE || got == LINE_CUT) {
            bool over = f->facts.end != JOURNAL_END_OPEN;
            if (got == LINE_CUT && over)
                damaged(f, s, number, "there is something after the end");
            else if (got == LINE_CUT)
                f->facts.end = JOURNAL_END_CUT;
            return true;
        }
        if (got == LINE_TOO_LONG)
            damaged(f, s, number, "the line is too long");
        else if (f->facts.end != JOURNAL_END_OPEN)
            damaged(f, s, number, "there is something after the end");
        else
            index_line(f, segment, line, length, place, number);
        if (f->facts.damaged)
            return true;
        place += (int64_t)length + 1;
    }
}

/* What the header of a later segment says must be what the one before it ended with. */
static bool follows(struct journal_file *f, size_t segment)
{
    const struct segment *a = &f->segments[segment - 1], *b = &f->segments[segment];
    if (strcmp(a->header.session, b->header.session) != 0 || b->header.segment != a->header.segment + 1)
        return damaged(f, b, 1, "it is not the next segment of this session");
    if (b->header.before != a->last || strcmp(b->header.after, a->hash) != 0)
        return damaged(f, b, 1, "it does not follow from the segment before it");
    return true;
}

/* The header of segment i, and whether it follows. False when there is no way on; `damaged` says why, but for
 * the first one, which alone is an error. */
static bool begin_segment(struct journal_file *f, size_t i, int64_t *place, struct err *err)
{
    if (!take_header(f, i, place, i ? &f->facts.problem : err)) {
        f->facts.damaged = true;
        return false;
    }
    f->facts.newer |= f->segments[i].header.format > JOURNAL_FORMAT;
    return i == 0 || follows(f, i);
}

static bool index_all(struct journal_file *f, struct err *err)
{
    f->window_at = -1;
    for (size_t i = 0; i < f->segment_count && !f->facts.damaged; i++) {
        int64_t place = 0;
        if (!begin_segment(f, i, &place, err)) {
            if (i == 0)
                return false;
            break;
        }
        f->facts.segments = i + 1;
        if (!index_segment(f, i, place, err))
            return false;
    }
    const struct segment *first = &f->segments[0], *last = &f->segments[f->facts.segments - 1];
    f->facts.first = first->header.before + 1;
    f->facts.last = last->last;
    f->facts.dropped = last->header.dropped;
    memcpy(f->facts.hash, last->hash, sizeof f->facts.hash);
    return true;
}

/* ---- opening and closing ---- */

static struct segment *add_segment(struct journal_file *f, const char *name)
{
    f->segments = xrealloc(f->segments, (f->segment_count + 1) * sizeof *f->segments);
    struct segment *s = &f->segments[f->segment_count++];
    *s = (struct segment){.name = xstrdup(name), .fd = -1};
    return s;
}

static bool open_segment(struct journal_file *f, const char *path, struct err *err)
{
    struct segment *s = add_segment(f, path);
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
    ok = ok && index_all(f, err);
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
    struct segment *s = add_segment(f, name);
    s->bytes = bytes;
    s->size = (int64_t)length;
    return finish(f, true, file, err);
}

void journal_file_close(struct journal_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->segment_count; i++) {
        struct segment *s = &f->segments[i];
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

static bool gone(const struct segment *s, struct err *err)
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
    enum line got = line_at(f, segment, place, &line, &length, err);
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
    const struct segment *s = &f->segments[segment];
    uint64_t mark = (n - s->header.before - 1) / EVERY;
    if (f->next && f->next_segment == segment && f->next <= n && n - f->next <= (n - s->header.before - 1) % EVERY)
        return;                    /* on the way already */
    f->next_segment = segment;
    f->next = s->header.before + 1 + mark * EVERY;
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
        const struct segment *s = &f->segments[i];
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
        found = s->header.before + 1 + (low - 1) * EVERY;
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
    const struct mark_checkpoint *c = &f->checkpoints[low - 1];
    struct journal_frame frame;
    struct journal_checkpoint checkpoint;
    char *object;
    int64_t next;
    if (!object_at(f, c->segment, c->place, &frame, &object, &next, err))
        return false;
    if (frame.kind != JOURNAL_CHECKPOINT || !journal_checkpoint(object, frame.length, &checkpoint))
        return gone(&f->segments[c->segment], err);
    put_back(f);
    *at = c->at;
    *model = object + checkpoint.model;
    *length = checkpoint.model_length;
    f->held_at = object + checkpoint.model + checkpoint.model_length;
    f->held = *f->held_at;
    *f->held_at = '\0';
    return true;
}

/* ---- the chain ---- */

static bool verify_segment(const struct segment *s, const char *after, const atomic_bool *cancel,
                           atomic_uint_fast64_t *done, struct journal_summary *summary, struct err *err)
{
    struct journal_reader *r;
    bool ok = s->fd < 0 ? journal_read_bytes(&r, s->name, s->bytes, (size_t)s->size, err)
                        : journal_read_fd(&r, s->name, s->fd, err);
    if (!ok)
        return false;
    const struct journal_header *header = journal_read_header(r);
    if (after && strcmp(header->after, after) != 0) {
        err_set(err, ERR_GENERAL, "the journal is damaged, or was changed");
        err_why(err, "it does not follow from the segment before it");
        ok = err_at(err, s->name, 1, 0);
    }
    const char *input = "";
    for (size_t length; ok && input;) {
        if (cancel && atomic_load(cancel))
            ok = err_set(err, ERR_CANCELLED, "checking the journal was cancelled");
        else
            ok = journal_read_next(r, &input, &length, err);
        if (ok && input && done)
            atomic_fetch_add(done, 1);
    }
    uint64_t unknown = summary->unknown, checkpoints = summary->checkpoints;
    journal_read_summary(r, summary);
    summary->unknown += unknown;
    summary->checkpoints += checkpoints;
    journal_read_close(r);
    return ok;
}

bool journal_file_verify(const struct journal_file *f, const atomic_bool *cancel, atomic_uint_fast64_t *done,
                         struct journal_summary *summary, struct err *err)
{
    *summary = (struct journal_summary){0};
    for (size_t i = 0; i < f->segment_count; i++) {
        char after[HASH_HEX];
        memcpy(after, summary->hash, sizeof after);
        if (!verify_segment(&f->segments[i], i ? after : NULL, cancel, done, summary, err))
            return false;
    }
    if (f->facts.damaged) {
        if (err)
            *err = f->facts.problem;   /* what only shows in the segments' headers */
        return false;
    }
    return true;
}
