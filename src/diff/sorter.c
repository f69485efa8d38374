/* sorter - runs of sorted records and a heap that merges them.
 *
 * A record, in memory and in the file alike:  u32 key length | u32 payload length | key | payload */
#include "diff/sorter.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "diff/spool.h"

enum { HEAD = 2 * sizeof(uint32_t), RUN_PAGE_LEAST = 4096, RUN_PAGE_MOST = 256 * 1024, GROUP = 256 };

struct run {
    uint64_t start, end, at;   /* in the file */
    char *page;                /* unread records: page[used, filled) */
    size_t used, filled, room;
    struct sorted now;
    bool over;
};

struct sorter {
    size_t memory;
    struct str records;
    size_t *offsets, offset_count, offset_room;
    uint64_t count;
    int fd;
    bool spilled;
    uint64_t written;
    struct run *runs;
    size_t run_count, run_room;
    size_t *heap, heap_count;
    size_t next;               /* in memory only: index into offsets */
    bool pending;              /* heap[0]'s record was handed out and must be passed first */
};

struct sorter *sorter_new(size_t memory)
{
    struct sorter *s = xcalloc(1, sizeof *s);
    s->memory = memory;
    s->fd = -1;
    return s;
}

uint64_t sorter_count(const struct sorter *s) { return s->count; }

int sorted_compare(const struct sorted *a, const struct sorted *b)
{
    size_t n = a->key_length < b->key_length ? a->key_length : b->key_length;
    int c = memcmp(a->key, b->key, n);
    return c ? c : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

static void view(const char *at, struct sorted *out)
{
    uint32_t head[2];
    memcpy(head, at, HEAD);
    *out = (struct sorted){.key = at + HEAD, .payload = at + HEAD + head[0], .key_length = head[0],
                           .payload_length = head[1]};
}

static int by_key(const void *a, const void *b, void *records)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    struct sorted left, right;
    view((const char *)records + x, &left);
    view((const char *)records + y, &right);
    int c = sorted_compare(&left, &right);
    return c ? c : (x > y) - (x < y);
}

static void sort_memory(struct sorter *s)
{
    if (s->offset_count > 1)
        qsort_r(s->offsets, s->offset_count, sizeof *s->offsets, by_key, s->records.text);
}

static bool write_run(struct sorter *s, struct err *err)
{
    if (!s->spilled) {
        if (!file_temporary(&s->fd, err))
            return false;
        s->spilled = true;
    }
    sort_memory(s);
    struct str page = {0};
    uint64_t start = s->written;
    bool ok = true;
    for (size_t i = 0; ok && i < s->offset_count; i++) {
        struct sorted r;
        const char *at = s->records.text + s->offsets[i];
        view(at, &r);
        str_add_bytes(&page, at, HEAD + r.key_length + r.payload_length);
        if (page.length >= RUN_PAGE_MOST || i + 1 == s->offset_count) {
            ok = spool_write_all(s->fd, page.text, page.length, err);
            s->written += page.length;
            str_reset(&page);
        }
    }
    str_free(&page);
    if (s->run_count == s->run_room) {
        s->run_room = s->run_room ? s->run_room * 2 : 16;
        s->runs = xrealloc(s->runs, s->run_room * sizeof *s->runs);
    }
    s->runs[s->run_count++] = (struct run){.start = start, .end = s->written};
    str_reset(&s->records);
    s->offset_count = 0;
    return ok;
}

bool sorter_add(struct sorter *s, const struct sorted *r, struct err *err)
{
    if (r->key_length > UINT32_MAX || r->payload_length > UINT32_MAX)
        return err_set(err, ERR_GENERAL, "a row of more than 4 GiB is more than seedops compares");
    size_t size = HEAD + r->key_length + r->payload_length;
    size_t held = s->records.length + (s->offset_count + 1) * sizeof *s->offsets;
    if (s->offset_count && held + size > s->memory && !write_run(s, err))
        return false;
    if (s->offset_count == s->offset_room) {
        s->offset_room = s->offset_room ? s->offset_room * 2 : GROUP;
        s->offsets = xrealloc(s->offsets, s->offset_room * sizeof *s->offsets);
    }
    s->offsets[s->offset_count++] = s->records.length;
    uint32_t head[2] = {(uint32_t)r->key_length, (uint32_t)r->payload_length};
    str_add_bytes(&s->records, head, HEAD);
    str_add_bytes(&s->records, r->key, r->key_length);
    str_add_bytes(&s->records, r->payload, r->payload_length);
    s->count++;
    return true;
}

/* Makes `want` bytes of a run available at its page's `used`. */
static bool run_fill(struct sorter *s, struct run *r, size_t want, struct err *err)
{
    if (r->filled - r->used >= want)
        return true;
    memmove(r->page, r->page + r->used, r->filled - r->used);
    r->filled -= r->used;
    r->used = 0;
    if (want > r->room) {
        r->page = xrealloc(r->page, want);
        r->room = want;
    }
    size_t more = r->room - r->filled;
    if (more > r->end - r->at)
        more = (size_t)(r->end - r->at);
    if (!spool_read_all(s->fd, r->page + r->filled, more, r->at, err))
        return false;
    r->filled += more;
    r->at += more;
    return true;
}

static bool run_advance(struct sorter *s, struct run *r, struct err *err)
{
    if (r->used == r->filled && r->at == r->end) {
        r->over = true;
        return true;
    }
    uint32_t head[2];
    if (!run_fill(s, r, HEAD, err))
        return false;
    memcpy(head, r->page + r->used, HEAD);
    size_t size = (size_t)HEAD + head[0] + head[1];
    if (!run_fill(s, r, size, err))
        return false;
    view(r->page + r->used, &r->now);
    r->used += size;
    return true;
}

static bool before(const struct sorter *s, size_t a, size_t b)
{
    int c = sorted_compare(&s->runs[a].now, &s->runs[b].now);
    return c ? c < 0 : a < b;   /* earlier runs hold earlier records: equal keys keep their order */
}

static void sift_down(struct sorter *s, size_t i)
{
    for (;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < s->heap_count && before(s, s->heap[left], s->heap[least]))
            least = left;
        if (right < s->heap_count && before(s, s->heap[right], s->heap[least]))
            least = right;
        if (least == i)
            return;
        size_t swap = s->heap[i];
        s->heap[i] = s->heap[least];
        s->heap[least] = swap;
        i = least;
    }
}

bool sorter_finish(struct sorter *s, struct err *err)
{
    s->next = 0;
    s->pending = false;
    if (!s->spilled) {
        sort_memory(s);
        return true;
    }
    if (s->offset_count && !write_run(s, err))
        return false;
    size_t page = s->memory / s->run_count;
    page = page > RUN_PAGE_MOST ? RUN_PAGE_MOST : page < RUN_PAGE_LEAST ? RUN_PAGE_LEAST : page;
    str_free(&s->records);
    s->heap = xrealloc(s->heap, s->run_count * sizeof *s->heap);
    s->heap_count = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        struct run *r = &s->runs[i];
        if (!r->page) {
            r->page = xmalloc(page);
            r->room = page;
        }
        r->at = r->start;
        r->used = r->filled = 0;
        r->over = false;
        if (!run_advance(s, r, err))
            return false;
        if (!r->over)
            s->heap[s->heap_count++] = i;
    }
    for (size_t i = s->heap_count; i-- > 0;)
        sift_down(s, i);
    return true;
}

bool sorter_next(struct sorter *s, struct sorted *out, struct err *err)
{
    *out = (struct sorted){0};
    if (!s->spilled) {
        if (s->next < s->offset_count)
            view(s->records.text + s->offsets[s->next++], out);
        return true;
    }
    if (s->pending) {
        struct run *r = &s->runs[s->heap[0]];
        if (!run_advance(s, r, err))
            return false;
        if (r->over)
            s->heap[0] = s->heap[--s->heap_count];
        if (s->heap_count)
            sift_down(s, 0);
        s->pending = false;
    }
    if (s->heap_count) {
        *out = s->runs[s->heap[0]].now;
        s->pending = true;
    }
    return true;
}

void sorter_free(struct sorter *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->run_count; i++)
        free(s->runs[i].page);
    if (s->spilled)
        close(s->fd);
    str_free(&s->records);
    free(s->offsets);
    free(s->runs);
    free(s->heap);
    free(s);
}
