/* read - lines of bounded length, each held against the form and the chain of format.h. */
#include "journal/read.h"

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

enum { CHUNK = 64 * 1024 };

struct journal_reader {
    char *name;
    int fd;                        /* or -1: all of it is in `bytes` */
    bool own_fd;
    off_t place;                   /* of the file's next byte to read: the descriptor may be shared */
    const char *bytes;
    size_t length, at;             /* of the chunk, or of everything */
    char *chunk;
    struct str line;               /* the current one, without newline and, once checked, without its tail */
    unsigned number;               /* of the line, from 1 */
    int64_t line_at;               /* where the line begins */
    int64_t checkpoint_at;         /* where the last checkpoint begins, -1: none in this file */
    struct json *header_json;
    struct journal_header header;
    struct journal_summary summary;
    const char *input;             /* of the line just read, or NULL */
    size_t input_length;
    bool over;
};

static bool bad_line(struct journal_reader *r, struct err *err, const char *why)
{
    err_set(err, ERR_GENERAL, "the journal is damaged, or was changed");
    err_why(err, "%s", why);
    return err_at(err, r->name, r->number, 0);
}

/* More bytes into the chunk; at == length afterwards means the end. */
static bool refill(struct journal_reader *r, struct err *err)
{
    if (r->fd < 0 || r->at < r->length)
        return true;
    ssize_t got;
    do {
        got = pread(r->fd, r->chunk, CHUNK, r->place);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read %s", r->name);
    r->bytes = r->chunk;
    r->length = (size_t)got;
    r->place += got;
    r->at = 0;
    return true;
}

/* The next line; *whole false when the file ends before its newline (an empty line then is just the end). */
static bool next_line(struct journal_reader *r, bool *whole, struct err *err)
{
    r->line_at = (r->fd < 0 ? 0 : r->place - (int64_t)r->length) + (int64_t)r->at;
    str_reset(&r->line);
    r->number++;
    for (;;) {
        *whole = false;
        if (!refill(r, err))
            return false;
        if (r->at == r->length)
            return true;
        const char *from = r->bytes + r->at, *newline = memchr(from, '\n', r->length - r->at);
        size_t take = newline ? (size_t)(newline - from) : r->length - r->at;
        if (r->line.length + take > JOURNAL_LINE_MAX)
            return bad_line(r, err, "the line is too long");
        str_add_bytes(&r->line, from, take);
        r->at += take + (newline != NULL);
        *whole = newline != NULL;
        if (newline)
            return true;
    }
}

/* Holds the hash in the line's tail against the chain, and moves that on. */
static bool check_chain(struct journal_reader *r, struct err *err)
{
    const char *hash = journal_tail(str_text(&r->line), r->line.length);
    if (!hash)
        return bad_line(r, err, "the line has no hash");
    char want[HASH_HEX];
    memcpy(want, r->summary.hash, sizeof want);
    journal_chain(want, r->line.text, r->line.length - JOURNAL_TAIL);
    if (memcmp(hash, want, HASH_HEX - 1) != 0)
        return bad_line(r, err, "its hash does not follow from the line before");
    memcpy(r->summary.hash, want, sizeof want);
    return true;
}

static bool read_header(struct journal_reader *r, struct err *err)
{
    bool whole;
    if (!next_line(r, &whole, err))
        return false;
    if (!whole) {
        err_set(err, ERR_GENERAL, "this is not a journal");
        return err_at(err, r->name, 0, 0);
    }
    if (!journal_header_decode(str_text(&r->line), r->line.length, r->name, &r->header_json, &r->header, err))
        return false;
    r->summary.lines = r->header.before;
    return check_chain(r, err);
}

static struct journal_reader *new_reader(const char *name)
{
    struct journal_reader *r = xcalloc(1, sizeof *r);
    r->name = xstrdup(name);
    r->fd = -1;
    r->checkpoint_at = -1;
    r->summary.end = JOURNAL_END_OPEN;
    return r;
}

static bool start(struct journal_reader *r, struct journal_reader **reader, struct err *err)
{
    bool ok = read_header(r, err);
    *reader = ok ? r : NULL;
    if (!ok)
        journal_read_close(r);
    return ok;
}

bool journal_open_read(int *fd, const char *path, struct err *err)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read %s", path);
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
        return true;
    close(*fd);
    *fd = -1;
    err_set(err, ERR_GENERAL, "cannot read %s", path);
    return err_why(err, "it is not a regular file");
}

bool journal_read_fd(struct journal_reader **reader, const char *name, int fd, struct err *err)
{
    struct journal_reader *r = new_reader(name);
    r->fd = fd;
    r->chunk = xmalloc(CHUNK);
    return start(r, reader, err);
}

bool journal_read_open(struct journal_reader **reader, const char *path, struct err *err)
{
    int fd;
    *reader = NULL;
    if (!journal_open_read(&fd, path, err))
        return false;
    if (!journal_read_fd(reader, path, fd, err)) {
        close(fd);
        return false;
    }
    (*reader)->own_fd = true;
    return true;
}

bool journal_read_bytes(struct journal_reader **reader, const char *name, const char *bytes, size_t length,
                        struct err *err)
{
    struct journal_reader *r = new_reader(name);
    r->bytes = bytes;
    r->length = length;
    return start(r, reader, err);
}

const struct journal_header *journal_read_header(const struct journal_reader *r) { return &r->header; }

/* The last line, and nothing behind it. */
static bool read_last(struct journal_reader *r, enum journal_end end, struct err *err)
{
    r->summary.end = end;
    r->over = true;
    bool whole;
    if (!next_line(r, &whole, err))
        return false;
    if (whole || r->line.length > 0)
        return bad_line(r, err, "there is something after the end");
    return true;
}

static bool read_end(struct journal_reader *r, const struct json *line, struct err *err)
{
    const struct json *end = json_get(line, "end");
    if (json_int_of(json_get(end, "lines"), -1) != (int64_t)r->summary.lines)
        return bad_line(r, err, "the end names another number of lines");
    const char *failure = json_text_of(json_get(end, "failure"));
    snprintf(r->summary.failure, sizeof r->summary.failure, "%s", failure ? failure : "");
    return read_last(r, JOURNAL_END_CLOSED, err);
}

/* Where the checkpoint before it is must be true; of one in an older segment only that it is older. */
static bool check_checkpoint(struct journal_reader *r, const struct journal_frame *frame, struct err *err)
{
    struct journal_checkpoint c;
    if (!journal_checkpoint(r->line.text + frame->at, frame->length, &c))
        return bad_line(r, err, "the line is not a checkpoint");
    bool here = c.segment == r->header.segment;
    if (here ? c.previous != r->checkpoint_at : c.segment > r->header.segment || r->checkpoint_at >= 0)
        return bad_line(r, err, "it names a wrong place for the checkpoint before it");
    r->checkpoint_at = r->line_at;
    r->summary.checkpoints++;
    return true;
}

static bool read_input(struct journal_reader *r, const struct json *json, const struct journal_frame *frame,
                       struct err *err)
{
    if (json_count(json) != 3)
        return bad_line(r, err, "the line is not an input");
    r->summary.lines++;
    r->input = r->line.text + frame->at;
    r->input_length = frame->length;
    r->line.text[frame->at + frame->length] = '\0';
    return true;
}

static bool read_kind(struct journal_reader *r, const struct json *json, const struct journal_frame *frame,
                      struct err *err)
{
    switch (frame->kind) {
    case JOURNAL_INPUT: return read_input(r, json, frame, err);
    case JOURNAL_CHECKPOINT: return check_checkpoint(r, frame, err);
    case JOURNAL_END: return read_end(r, json, err);
    case JOURNAL_NEXT: return read_last(r, JOURNAL_END_CONTINUED, err);
    case JOURNAL_UNKNOWN: break;
    }
    r->summary.unknown++;
    return r->header.format > JOURNAL_FORMAT || bad_line(r, err, "the line is not an input");
}

/* A whole line: its number, its chain, its JSON. */
static bool read_whole(struct journal_reader *r, struct err *err)
{
    struct json *json;
    struct journal_frame frame;
    if (!json_parse(&json, str_text(&r->line), r->line.length, NULL))
        return bad_line(r, err, "the line is not JSON");
    size_t length = r->line.length < JOURNAL_TAIL ? 0 : r->line.length - JOURNAL_TAIL;
    bool framed = journal_frame(r->line.text, length, &frame), ok;
    bool next = !framed || frame.kind == JOURNAL_INPUT || frame.kind == JOURNAL_END;
    if (json_int_of(json_get(json, "n"), -1) != (int64_t)r->summary.lines + next)
        ok = bad_line(r, err, "the line's number is not the next");
    else if (!check_chain(r, err))
        ok = false;
    else
        ok = framed ? read_kind(r, json, &frame, err) : bad_line(r, err, "the line is not an input");
    json_free(json);
    return ok;
}

bool journal_read_next(struct journal_reader *r, const char **input, size_t *length, struct err *err)
{
    r->input = NULL;
    r->input_length = 0;
    while (!r->over && !r->input) {
        bool whole;
        r->over = true;   /* there is no way on behind a bad line */
        if (!next_line(r, &whole, err))
            return false;
        if (!whole) {
            r->summary.end = r->line.length ? JOURNAL_END_CUT : JOURNAL_END_OPEN;
            break;
        }
        r->over = false;
        if (!read_whole(r, err)) {
            r->over = true;
            return false;
        }
    }
    *input = r->input;
    *length = r->input_length;
    return true;
}

void journal_read_summary(const struct journal_reader *r, struct journal_summary *summary)
{
    *summary = r->summary;
    summary->line = r->number - (r->summary.end == JOURNAL_END_CLOSED || r->summary.end == JOURNAL_END_CONTINUED);
}

void journal_read_close(struct journal_reader *r)
{
    if (!r)
        return;
    if (r->own_fd)
        close(r->fd);
    json_free(r->header_json);
    str_free(&r->line);
    free(r->chunk);
    free(r->name);
    free(r);
}

bool journal_verify(const char *path, struct journal_summary *summary, struct err *err)
{
    struct journal_reader *r;
    const char *input = "";
    size_t length;
    *summary = (struct journal_summary){0};
    if (!journal_read_open(&r, path, err))
        return false;
    bool ok = true;
    while (ok && input)
        ok = journal_read_next(r, &input, &length, err);
    journal_read_summary(r, summary);
    journal_read_close(r);
    return ok;
}
