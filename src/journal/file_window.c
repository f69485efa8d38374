/* file_window - lines by their place, through a window over the file's bytes. */
#include "journal/file_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 256 * 1024 };        /* bytes read at once */

static bool read_at(const struct file_segment *s, char *to, size_t length, int64_t place, size_t *got, struct err *err)
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

void file_put_back(struct journal_file *f)
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

bool file_damaged(struct journal_file *f, const struct file_segment *s, unsigned number, const char *why)
{
    struct err *e = &f->facts.problem;
    f->facts.damaged = true;
    err_set(e, ERR_GENERAL, "the journal is damaged, or was changed");
    err_why(e, "%s", why);
    return err_at(e, s->name, number, 0);
}

/* The line at `place`, in the window afterwards: *line without its newline. */
enum file_line file_line_at(struct journal_file *f, size_t segment, int64_t place, char **line, size_t *length,
                         struct err *err)
{
    file_put_back(f);
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
