/* page - rows for the screen: few, and with long cells cut, so that an event that carries them is small. */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

static const char ellipsis[] = "…";
/* With the smallest the widest row fits: STORE_CELLS_MAX * 16 < STORE_PAGE_BYTES. */
static const size_t cell_limits[] = {8192, 1024, 256, 64, 16};

/* The lengths of the current row's cells, as they are in the file. */
static bool read_lengths(struct scan *scan, uint32_t *lengths, struct err *err)
{
    size_t size = scan->count * sizeof *lengths;
    const char *at = scan_bytes(scan, scan->start + sizeof(uint32_t), size, false, err);
    if (at)
        memcpy(lengths, at, size);
    return at;
}

static size_t shown_length(uint32_t length, size_t limit)
{
    return length == NO_VALUE ? 0 : length < limit ? length : limit;
}

/* What the rows would take with cells of at most `limit`; stops counting when it is too much. */
static bool measure(struct scan *scan, uint32_t *lengths, uint64_t first, size_t want, size_t limit,
                    size_t *fit, struct err *err)
{
    size_t total = 0;
    for (*fit = 0; *fit < want; (*fit)++) {
        if (!scan_row(scan, first + *fit, false, err) || !read_lengths(scan, lengths, err))
            return false;
        for (size_t i = 0; i < scan->count; i++)
            total += shown_length(lengths[i], limit);
        if (total > STORE_PAGE_BYTES)
            return true;
    }
    return true;
}

/* The largest limit with which all rows fit; if none does, the smallest and as many rows as fit (at least
 * one). */
static bool choose(struct scan *scan, uint32_t *lengths, uint64_t first, size_t *want, size_t *limit,
                   struct err *err)
{
    size_t fit = 0;
    for (size_t i = 0; i < sizeof cell_limits / sizeof *cell_limits; i++) {
        *limit = cell_limits[i];
        if (!measure(scan, lengths, first, *want, *limit, &fit, err))
            return false;
        if (fit == *want)
            return true;
    }
    *want = fit ? fit : 1;
    return true;
}

/* Cuts at a character's start and makes room for the ellipsis. */
static size_t cut_length(const char *text, size_t limit)
{
    size_t length = limit - (sizeof ellipsis - 1);
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

/* One block a row: the cells' pointers, then their text. */
static bool load(struct scan *scan, const uint32_t *lengths, size_t limit, struct store_row *row,
                 struct err *err)
{
    size_t size = scan->count * sizeof *row->cells;
    for (size_t i = 0; i < scan->count; i++)
        size += shown_length(lengths[i], limit) + 1;
    row->cells = xmalloc(size);
    row->count = scan->count;
    char *to = (char *)(row->cells + scan->count);
    uint64_t at = scan->text;
    for (size_t i = 0; i < scan->count; i++) {
        row->cells[i] = NULL;
        if (lengths[i] == NO_VALUE)
            continue;
        size_t take = shown_length(lengths[i], limit);
        const char *text = scan_bytes(scan, at, take, false, err);
        if (!text)
            return false;
        bool cut = take < lengths[i];
        size_t length = cut ? cut_length(text, limit) : take;
        row->cells[i] = to;
        memcpy(to, text, length);
        to += length;
        if (cut) {
            memcpy(to, ellipsis, sizeof ellipsis - 1);
            to += sizeof ellipsis - 1;
        }
        *to++ = '\0';
        at += (uint64_t)lengths[i] + 1;
    }
    return true;
}

bool store_page(struct store *s, uint64_t first, size_t want, struct store_row **rows, size_t *got,
                struct err *err)
{
    struct scan scan;
    size_t limit;
    *rows = NULL;
    *got = 0;
    if (!scan_start(&scan, s, err))
        return false;
    uint64_t there = first < s->count ? s->count - first : 0;
    if (want > STORE_PAGE_ROWS)
        want = STORE_PAGE_ROWS;
    if (want > there)
        want = (size_t)there;
    if (want == 0)
        return true;
    uint32_t *lengths = xmalloc(STORE_CELLS_MAX * sizeof *lengths);
    bool ok = choose(&scan, lengths, first, &want, &limit, err);
    if (ok)
        *rows = xcalloc(want, sizeof **rows);
    for (; ok && *got < want; (*got)++)
        ok = scan_row(&scan, first + *got, false, err) && read_lengths(&scan, lengths, err) &&
             load(&scan, lengths, limit, &(*rows)[*got], err);
    if (!ok) {
        store_rows_free(*rows, *got);
        *rows = NULL;
        *got = 0;
    }
    free(lengths);
    scan_end(&scan);
    return ok;
}

void store_rows_free(struct store_row *rows, size_t count)
{
    if (!rows)
        return;
    for (size_t i = 0; i < count; i++)
        free(rows[i].cells);
    free(rows);
}
