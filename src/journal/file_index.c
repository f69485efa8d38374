/* file_index - one pass over the lines: where every sixteenth input and every checkpoint stand, what does not follow, how it
 * ends. */
#include "journal/file_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void add_mark(struct file_segment *s, int64_t place, int64_t offset_ms)
{
    if (s->mark_count == s->mark_capacity) {
        s->mark_capacity = s->mark_capacity ? s->mark_capacity * 2 : 256;
        s->marks = xrealloc(s->marks, s->mark_capacity * sizeof *s->marks);
    }
    s->marks[s->mark_count++] = (struct file_mark){place, offset_ms};
}

static void add_checkpoint(struct journal_file *f, size_t segment, int64_t place, uint64_t at)
{
    if (f->facts.checkpoints == f->checkpoint_capacity) {
        f->checkpoint_capacity = f->checkpoint_capacity ? f->checkpoint_capacity * 2 : 64;
        f->checkpoints = xrealloc(f->checkpoints, f->checkpoint_capacity * sizeof *f->checkpoints);
    }
    f->checkpoints[f->facts.checkpoints++] = (struct file_checkpoint){segment, place, at};
}

static bool index_input(struct journal_file *f, struct file_segment *s, const struct journal_frame *frame,
                        const char *line, int64_t place, unsigned number)
{
    if (frame->n != s->last + 1)
        return file_damaged(f, s, number, "the line's number is not the next");
    int64_t offset = journal_offset(line + frame->at, frame->length);
    if (offset > f->facts.duration_ms)
        f->facts.duration_ms = offset;
    if ((frame->n - s->header.before - 1) % FILE_EVERY == 0)
        add_mark(s, place, f->facts.duration_ms);
    s->last = frame->n;
    return true;
}

/* The line that ends a segment; its object is small and the only one that is parsed here. */
static bool index_end(struct journal_file *f, struct file_segment *s, const struct journal_frame *frame,
                      const char *line, unsigned number)
{
    struct json *end;
    bool closed = frame->kind == JOURNAL_END;
    if (frame->n != s->last + closed)
        return file_damaged(f, s, number, "the line's number is not the next");
    if (frame->length > 256 * 1024 || !json_parse(&end, line + frame->at, frame->length, NULL))
        return file_damaged(f, s, number, "the line is not JSON");
    const char *failure = json_text_of(json_get(end, "failure"));
    snprintf(f->facts.failure, sizeof f->facts.failure, "%s", failure ? failure : "");
    f->facts.end = closed ? JOURNAL_END_CLOSED : JOURNAL_END_CONTINUED;
    json_free(end);
    return true;
}

static bool index_line(struct journal_file *f, size_t segment, const char *line, size_t length, int64_t place,
                       unsigned number)
{
    struct file_segment *s = &f->segments[segment];
    struct journal_frame frame;
    struct journal_checkpoint checkpoint;
    const char *hash = journal_tail(line, length);
    if (!hash)
        return file_damaged(f, s, number, "the line has no hash");
    if (!journal_frame(line, length - JOURNAL_TAIL, &frame))
        return file_damaged(f, s, number, "the line is not an input");
    memcpy(s->hash, hash, HASH_HEX - 1);
    switch (frame.kind) {
    case JOURNAL_INPUT: return index_input(f, s, &frame, line, place, number);
    case JOURNAL_END:
    case JOURNAL_NEXT: return index_end(f, s, &frame, line, number);
    case JOURNAL_CHECKPOINT:
        if (frame.n != s->last)
            return file_damaged(f, s, number, "the line's number is not the next");
        if (!journal_checkpoint(line + frame.at, frame.length, &checkpoint))
            return file_damaged(f, s, number, "the line is not a checkpoint");
        add_checkpoint(f, segment, place, frame.n);
        return true;
    case JOURNAL_UNKNOWN: break;
    }
    if (!f->facts.newer)
        return file_damaged(f, s, number, "the line is not an input");
    f->facts.unknown++;
    return true;
}

static bool take_header(struct journal_file *f, size_t segment, int64_t *place, struct err *err)
{
    struct file_segment *s = &f->segments[segment];
    char *line;
    size_t length;
    switch (file_line_at(f, segment, 0, &line, &length, err)) {
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
    struct file_segment *s = &f->segments[segment];
    f->facts.end = JOURNAL_END_OPEN;
    for (unsigned number = 2;; number++) {
        char *line;
        size_t length;
        enum file_line got = file_line_at(f, segment, place, &line, &length, err);
        if (got == LINE_ERROR)
            return false;
        if (got == LINE_NONE || got == LINE_CUT) {
            bool over = f->facts.end != JOURNAL_END_OPEN;
            if (got == LINE_CUT && over)
                file_damaged(f, s, number, "there is something after the end");
            else if (got == LINE_CUT)
                f->facts.end = JOURNAL_END_CUT;
            return true;
        }
        if (got == LINE_TOO_LONG)
            file_damaged(f, s, number, "the line is too long");
        else if (f->facts.end != JOURNAL_END_OPEN)
            file_damaged(f, s, number, "there is something after the end");
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
    const struct file_segment *a = &f->segments[segment - 1], *b = &f->segments[segment];
    if (strcmp(a->header.session, b->header.session) != 0 || b->header.segment != a->header.segment + 1)
        return file_damaged(f, b, 1, "it is not the next segment of this session");
    if (b->header.before != a->last || strcmp(b->header.after, a->hash) != 0)
        return file_damaged(f, b, 1, "it does not follow from the segment before it");
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

bool file_index(struct journal_file *f, struct err *err)
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
    const struct file_segment *first = &f->segments[0], *last = &f->segments[f->facts.segments - 1];
    f->facts.first = first->header.before + 1;
    f->facts.last = last->last;
    f->facts.dropped = last->header.dropped;
    memcpy(f->facts.hash, last->hash, sizeof f->facts.hash);
    return true;
}
