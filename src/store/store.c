/* store - two unlinked files: the rows, and where each of them ends.
 *
 * A row is u32 count, u32 length of each cell (NO_VALUE for none), then the cells, each with a NUL behind
 * it: so a search may look at a row's text as a whole without finding what only two cells make together.
 * Files are of this process and this moment: native byte order. Nothing grows in memory with the rows. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "store/internal.h"

enum { BUFFERED = 64 * 1024 };

static bool no_room(int errnum, struct err *err)
{
    err_errno(err, ERR_GENERAL, errnum, "cannot keep rows in a temporary file");
    return err_hint(err, "free disk space, or set TMPDIR to a directory with more");
}

bool store_new(struct store **store, struct err *err)
{
    struct store *s = xcalloc(1, sizeof *s);
    *store = NULL;
    s->data.fd = s->index.fd = -1;
    if (!file_temporary(&s->data.fd, err) || !file_temporary(&s->index.fd, err)) {
        store_free(s);
        return false;
    }
    *store = s;
    return true;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    if (s->data.fd >= 0)
        close(s->data.fd);
    if (s->index.fd >= 0)
        close(s->index.fd);
    str_free(&s->data.pending);
    str_free(&s->index.pending);
    free(s);
}

/* What could not be written stays pending, so that nothing is lost if room is made. */
static bool flush_file(struct store_file *f, struct err *err)
{
    size_t done = 0;
    while (done < f->pending.length) {
        ssize_t put =
            pwrite(f->fd, f->pending.text + done, f->pending.length - done, (off_t)(f->written + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return no_room(errno, err);
        done += (size_t)put;
    }
    f->written += done;
    str_reset(&f->pending);
    return true;
}

bool store_flush(struct store *s, struct err *err)
{
    return flush_file(&s->data, err) && flush_file(&s->index, err);
}

bool store_row_end(struct store *s, struct err *err)
{
    uint64_t end = s->data.written + s->data.pending.length;
    str_add_bytes(&s->index.pending, &end, sizeof end);
    s->count++;
    return s->data.pending.length < BUFFERED || store_flush(s, err);
}

bool store_append(struct store *s, const char *const *cells, size_t count, struct err *err)
{
    struct str *to = &s->data.pending;
    uint32_t number = (uint32_t)count;
    if (count > STORE_CELLS_MAX) {
        err_set(err, ERR_GENERAL, "a row has too many columns to be kept");
        return err_why(err, "it has %zu; the limit is %d", count, STORE_CELLS_MAX);
    }
    for (size_t i = 0; i < count; i++)
        if (cells[i] && strlen(cells[i]) >= NO_VALUE)
            return err_set(err, ERR_GENERAL, "a value is too long to be kept");
    str_add_bytes(to, &number, sizeof number);
    for (size_t i = 0; i < count; i++) {
        uint32_t length = cells[i] ? (uint32_t)strlen(cells[i]) : NO_VALUE;
        str_add_bytes(to, &length, sizeof length);
    }
    for (size_t i = 0; i < count; i++)
        if (cells[i])
            str_add_bytes(to, cells[i], strlen(cells[i]) + 1);
    return store_row_end(s, err);
}

uint64_t store_count(const struct store *s) { return s->count; }

bool scan_start(struct scan *scan, struct store *s, struct err *err)
{
    *scan = (struct scan){.data = {.fd = s->data.fd}, .index = {.fd = s->index.fd}};
    return store_flush(s, err);
}

void scan_end(struct scan *scan)
{
    window_free(&scan->data);
    window_free(&scan->index);
}

static bool cannot_read(struct err *err)
{
    return err_errno(err, ERR_GENERAL, errno, "cannot read rows back from a temporary file");
}

bool scan_row(struct scan *scan, uint64_t row, bool backwards, struct err *err)
{
    uint64_t ends[2] = {0};
    size_t have = row == 0 ? 1 : 2;   /* a row starts where the one before it ends */
    const char *at = window_at(&scan->index, (row + 1 - have) * sizeof *ends, have * sizeof *ends, backwards);
    if (!at)
        return cannot_read(err);
    memcpy(ends + 2 - have, at, have * sizeof *ends);
    scan->start = ends[0];
    scan->end = ends[1];
    uint32_t count;
    if (!(at = window_at(&scan->data, scan->start, sizeof count, backwards)))
        return cannot_read(err);
    memcpy(&count, at, sizeof count);
    scan->count = count;
    scan->text = scan->start + sizeof count + (uint64_t)count * sizeof(uint32_t);
    return true;
}

const char *scan_bytes(struct scan *scan, uint64_t offset, size_t length, bool backwards, struct err *err)
{
    const char *at = window_at(&scan->data, offset, length, backwards);
    if (!at)
        cannot_read(err);
    return at;
}
