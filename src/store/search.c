/* search - finding text in rows of any size, in constant memory. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

enum { CHUNK = WINDOW_SIZE / 2, NEEDLE_MAX = 4096, ROWS_BETWEEN_LOOKS = 1024 };

struct search {
    struct scan scan;
    char needle[NEEDLE_MAX];
    size_t needle_length;
    char *lowered;           /* CHUNK bytes */
    int cancel_fd;
    unsigned since_look;
};

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool cancelled(struct search *s, struct err *err)
{
    struct pollfd p = {.fd = s->cancel_fd, .events = POLLIN};
    s->since_look = 0;
    if (s->cancel_fd < 0 || poll(&p, 1, 0) <= 0)
        return false;
    err_set(err, ERR_CANCELLED, "the search was cancelled");
    return true;
}

static bool search_start(struct search *s, struct store *store, const char *needle, int cancel_fd,
                         struct err *err)
{
    *s = (struct search){.cancel_fd = cancel_fd, .needle_length = strlen(needle)};
    if (s->needle_length >= NEEDLE_MAX) {
        err_set(err, ERR_GENERAL, "the text to search for is too long");
        return err_why(err, "it may have %d bytes", NEEDLE_MAX - 1);
    }
    for (size_t i = 0; i < s->needle_length; i++)
        s->needle[i] = lower(needle[i]);
    s->lowered = xmalloc(CHUNK);
    return scan_start(&s->scan, store, err);
}

static void search_end(struct search *s)
{
    free(s->lowered);
    if (s->lowered)
        scan_end(&s->scan);
}

/* Looks through the current row in chunks that overlap by all but one byte of the needle. */
static bool row_holds(struct search *s, bool backwards, bool *holds, struct err *err)
{
    uint64_t at = s->scan.text;
    *holds = s->needle_length == 0;
    while (!*holds && at + s->needle_length <= s->scan.end) {
        size_t length = s->scan.end - at < CHUNK ? (size_t)(s->scan.end - at) : CHUNK;
        const char *bytes = scan_bytes(&s->scan, at, length, backwards, err);
        if (!bytes || (++s->since_look >= ROWS_BETWEEN_LOOKS && cancelled(s, err)))
            return false;
        for (size_t i = 0; i < length; i++)
            s->lowered[i] = lower(bytes[i]);
        *holds = memmem(s->lowered, length, s->needle, s->needle_length);
        at += length - s->needle_length + 1;
    }
    return true;
}

bool store_search(struct store *store, const char *needle, uint64_t from, bool backwards, int cancel_fd,
                  uint64_t *row, struct err *err)
{
    struct search s;
    *row = UINT64_MAX;
    bool ok = search_start(&s, store, needle, cancel_fd, err) && !cancelled(&s, err);
    if (backwards && from >= store->count)
        from = store->count - 1;   /* of an empty store: wraps around, and so finds nothing */
    for (uint64_t i = from; ok && i < store->count; i += backwards ? UINT64_MAX : 1) {
        bool holds = false;
        ok = scan_row(&s.scan, i, backwards, err) && row_holds(&s, backwards, &holds, err);
        if (ok && holds) {
            *row = i;
            break;
        }
    }
    search_end(&s);
    return ok;
}

static bool copy_row(struct search *s, struct store *to, struct err *err)
{
    for (uint64_t at = s->scan.start; at < s->scan.end;) {
        size_t length = s->scan.end - at < CHUNK ? (size_t)(s->scan.end - at) : CHUNK;
        const char *bytes = scan_bytes(&s->scan, at, length, false, err);
        if (!bytes)
            return false;
        str_add_bytes(&to->data.pending, bytes, length);
        at += length;
    }
    return store_row_end(to, err);
}

bool store_filter(struct store *store, const char *needle, int cancel_fd, struct store **out, struct err *err)
{
    struct search s;
    bool marked = needle[0] == '!', inverted = marked && needle[1];
    bool ok = search_start(&s, store, needle + marked, cancel_fd, err) && !cancelled(&s, err) &&
              store_new(out, err);
    if (!ok)
        *out = NULL;
    for (uint64_t i = 0; ok && i < store->count; i++) {
        bool holds = false;
        ok = scan_row(&s.scan, i, false, err) && row_holds(&s, false, &holds, err) &&
             (holds == inverted || copy_row(&s, *out, err));
    }
    search_end(&s);
    if (!ok && *out) {
        store_free(*out);
        *out = NULL;
    }
    return ok;
}
