#include "store/window.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

const char *window_at(struct window *w, uint64_t offset, size_t length, bool backwards)
{
    if (w->bytes && offset >= w->start && offset + length <= w->start + w->length)
        return w->bytes + (offset - w->start);
    if (!w->bytes)
        w->bytes = xmalloc(WINDOW_SIZE);
    uint64_t end = offset + length;
    w->start = !backwards ? offset : end > WINDOW_SIZE ? end - WINDOW_SIZE : 0;
    w->length = 0;
    while (w->length < WINDOW_SIZE) {
        ssize_t got =
            pread(w->fd, w->bytes + w->length, WINDOW_SIZE - w->length, (off_t)(w->start + w->length));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NULL;
        if (got == 0)
            break;
        w->length += (size_t)got;
    }
    if (end > w->start + w->length) {
        errno = EIO;   /* shorter than we wrote it */
        return NULL;
    }
    return w->bytes + (offset - w->start);
}

void window_free(struct window *w)
{
    free(w->bytes);
    *w = (struct window){.fd = w->fd};
}
