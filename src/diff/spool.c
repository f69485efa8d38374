/* spool - length-prefixed records, memory first. */
#include "diff/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { MEMORY = 256 * 1024, PAGE = 64 * 1024 };

bool spool_write_all(int fd, const char *bytes, size_t length, struct err *err)
{
    while (length) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_errno(err, ERR_GENERAL, errno, "cannot write a temporary file");
            return err_hint(err, "TMPDIR says where temporary files go");
        }
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

bool spool_read_all(int fd, char *bytes, size_t length, uint64_t at, struct err *err)
{
    while (length) {
        ssize_t n = pread(fd, bytes, length, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_GENERAL, errno, "cannot read a temporary file");
        if (n == 0)
            return err_set(err, ERR_GENERAL, "a temporary file is shorter than it was");
        bytes += n;
        length -= (size_t)n;
        at += (uint64_t)n;
    }
    return true;
}

static bool spill(struct spool *s, struct err *err)
{
    if (!s->spilled) {
        if (!file_temporary(&s->fd, err))
            return false;
        s->spilled = true;
    }
    if (!spool_write_all(s->fd, s->memory.text, s->memory.length, err))
        return false;
    s->written += s->memory.length;
    str_reset(&s->memory);
    return true;
}

bool spool_add(struct spool *s, const void *bytes, size_t length, struct err *err)
{
    uint32_t n = (uint32_t)length;
    if (length > UINT32_MAX)
        return err_set(err, ERR_GENERAL, "a row of %zu bytes is more than seedops compares", length);
    str_add_bytes(&s->memory, &n, sizeof n);
    str_add_bytes(&s->memory, bytes, length);
    s->count++;
    return s->memory.length <= (s->limit ? s->limit : MEMORY) || spill(s, err);
}

void spool_rewind(struct spool *s)
{
    s->at = 0;
    s->page_at = 0;
    str_reset(&s->page);
}

/* Makes `want` unread bytes of the file available in the page. */
static bool fill(struct spool *s, size_t want, struct err *err)
{
    size_t have = s->page.length - s->page_at;
    if (have >= want)
        return true;
    struct str next = {0};
    str_add_bytes(&next, s->page.text ? s->page.text + s->page_at : "", have);
    size_t more = want - have > PAGE ? want - have : PAGE;
    if (more > s->written - s->at)
        more = (size_t)(s->written - s->at);
    char *room = xmalloc(more);
    bool ok = spool_read_all(s->fd, room, more, s->at, err);
    str_add_bytes(&next, room, more);
    free(room);
    str_free(&s->page);
    s->page = next;
    s->page_at = 0;
    s->at += more;
    return ok;
}

bool spool_next(struct spool *s, const char **bytes, size_t *length, struct err *err)
{
    uint32_t n;
    *bytes = NULL;
    *length = 0;
    if (s->at < s->written || s->page_at < s->page.length) {
        if (!fill(s, sizeof n, err))
            return false;
        memcpy(&n, s->page.text + s->page_at, sizeof n);
        if (!fill(s, sizeof n + n, err))
            return false;
        *bytes = s->page.text + s->page_at + sizeof n;
        *length = n;
        s->page_at += sizeof n + n;
        return true;
    }
    size_t place = (size_t)(s->at - s->written);
    if (place >= s->memory.length)
        return true;
    memcpy(&n, s->memory.text + place, sizeof n);
    *bytes = s->memory.text + place + sizeof n;
    *length = n;
    s->at += sizeof n + n;
    return true;
}

void spool_free(struct spool *s)
{
    if (s->spilled)
        close(s->fd);
    str_free(&s->memory);
    str_free(&s->page);
    *s = (struct spool){0};
}
