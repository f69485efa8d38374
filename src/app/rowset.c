/* rowset - what is known of rows that lie in a store: at most three pages, asked for when the viewport
 * needs them. A row without a page is drawn as "…". */
#include <stdlib.h>
#include <string.h>

#include "app/list.h"
#include "app/request.h"
#include "app/util.h"
#include "event/codec.h"

#include "base/err.h"

static int64_t page_end(const struct page *page) { return page->first + (int64_t)page->row_count; }

const struct fact_row *rowset_row(const struct rowset *rs, int64_t row)
{
    for (size_t i = 0; i < rs->page_count; i++)
        if (row >= rs->pages[i].first && row < page_end(&rs->pages[i]))
            return &rs->pages[i].rows[row - rs->pages[i].first];
    return NULL;
}

const char *rowset_cell(const struct rowset *rs, int64_t row, size_t cell)
{
    const struct fact_row *found = rowset_row(rs, row);
    return found && cell < found->cell_count ? or_empty(found->cells[cell].text) : "";
}

static void page_free(struct page *page)
{
    for (size_t i = 0; i < page->row_count; i++)
        codec_free(&type_fact_row, &page->rows[i]);
    free(page->rows);
}

static void pages_free(struct rowset *rs)
{
    for (size_t i = 0; i < rs->page_count; i++)
        page_free(&rs->pages[i]);
    free(rs->pages);
    rs->pages = NULL;
    rs->page_count = 0;
    rs->page_request = 0;
}

static void columns_replace(struct rowset *rs, const struct text_item *columns, size_t count)
{
    for (size_t i = 0; i < rs->column_count; i++)
        free(rs->columns[i].text);
    free(rs->columns);
    rs->columns = count ? xcalloc(count, sizeof *rs->columns) : NULL;
    rs->column_count = count;
    for (size_t i = 0; i < count; i++)
        rs->columns[i].text = xstrdup(columns[i].text);
}

static void drop(uint64_t store, struct effects *effects)
{
    if (store)
        effect_add(effects, EFFECT_STORE_DROP, NULL)->store = store;
}

void rowset_reset(struct rowset *rs, struct effects *effects)
{
    drop(rs->store, effects);
    drop(rs->base, effects);
    pages_free(rs);
    columns_replace(rs, NULL, 0);
    *rs = (struct rowset){0};
}

void rowset_store(struct rowset *rs, const struct input *in, struct effects *effects)
{
    uint64_t unfiltered = rs->base ? rs->base : rs->store;
    if (unfiltered != in->store) {
        rowset_reset(rs, effects);
        rs->store = in->store;
    }
    if (rs->base)
        rs->base_count = clamp(in->number, 0, INT64_MAX);
    else
        rs->count = clamp(in->number, rs->count, INT64_MAX);
    rs->complete = in->number2 == 1;
    if (in->column_count)
        columns_replace(rs, in->columns, in->column_count);
}

void rowset_filtered(struct rowset *rs, const struct input *in, struct effects *effects)
{
    if (in->store == rs->store || in->store == rs->base)
        return;
    if (rs->base) {
        drop(rs->store, effects);
    } else {
        rs->base = rs->store;
        rs->base_count = rs->count;
    }
    pages_free(rs);
    rs->store = in->store;
    rs->count = clamp(in->number, 0, INT64_MAX);
}

void rowset_unfilter(struct rowset *rs, struct effects *effects)
{
    drop(rs->store, effects);
    pages_free(rs);
    rs->store = rs->base;
    rs->count = rs->base_count;
    rs->base = 0;
    rs->base_count = 0;
}

/* Takes the rows of `page` onto the end of the page before it. */
static bool merge(struct page *before, struct page *page)
{
    if (page_end(before) != page->first || before->row_count + page->row_count > PAGE_MOST)
        return false;
    before->rows = xrealloc(before->rows, (before->row_count + page->row_count) * sizeof *before->rows);
    if (page->row_count)
        memcpy(before->rows + before->row_count, page->rows, page->row_count * sizeof *page->rows);
    before->row_count += page->row_count;
    free(page->rows);
    return true;
}

static void page_remove(struct rowset *rs, size_t i)
{
    page_free(&rs->pages[i]);
    rs->page_count--;
    memmove(&rs->pages[i], &rs->pages[i + 1], (rs->page_count - i) * sizeof *rs->pages);
}

/* The page farthest from the newest one goes. */
static void page_evict(struct rowset *rs)
{
    const struct page *newest = &rs->pages[rs->page_count - 1];
    size_t worst = 0;
    int64_t farthest = -1;
    for (size_t i = 0; i + 1 < rs->page_count; i++) {
        int64_t distance = rs->pages[i].first - newest->first;
        distance = distance < 0 ? -distance : distance;
        if (distance > farthest) {
            farthest = distance;
            worst = i;
        }
    }
    page_remove(rs, worst);
}

void rowset_page(struct rowset *rs, const struct input *in)
{
    rs->page_request = 0;
    if (in->row_count == 0 || in->row_count > PAGE_MOST || in->number < 0
        || in->number > INT64_MAX - PAGE_MOST || in->number + (int64_t)in->row_count > rs->count)
        return;
    struct page page = {.first = in->number, .row_count = in->row_count,
                        .rows = xcalloc(in->row_count, sizeof *page.rows)};
    for (size_t i = 0; i < in->row_count; i++)
        codec_copy(&type_fact_row, &page.rows[i], &in->rows[i]);
    for (size_t i = rs->page_count; i-- > 0;)   /* pages never overlap: the newer one counts */
        if (rs->pages[i].first < page_end(&page) && page.first < page_end(&rs->pages[i]))
            page_remove(rs, i);
    for (size_t i = 0; i < rs->page_count; i++)
        if (merge(&rs->pages[i], &page))
            return;
    rs->pages = xrealloc(rs->pages, (rs->page_count + 1) * sizeof *rs->pages);
    rs->pages[rs->page_count++] = page;
    if (rs->page_count > PAGES)
        page_evict(rs);
}

/* Where a page should begin so that it shows `row`: at it when scrolling down, well before it when what
 * follows is here already. A page that a size limit cut short ends right before `row`: begin there. */
static int64_t page_first(const struct rowset *rs, int64_t row)
{
    bool before = row > 0 && rowset_row(rs, row - 1);
    bool after = false;
    for (size_t i = 0; i < rs->page_count; i++)
        if (rs->pages[i].first > row && rs->pages[i].first < row + PAGE_ROWS)
            after = true;
    return after && !before ? clamp(row - PAGE_ROWS * 4 / 5, 0, row) : row;
}

static bool all_in_view(const struct rowset *rs, int64_t top, int64_t end)
{
    for (size_t i = 0; i < rs->page_count; i++)
        if (rs->pages[i].first >= end || page_end(&rs->pages[i]) <= top)
            return false;
    return rs->page_count == PAGES;
}

void rowset_want(struct model *m, struct rowset *rs, int64_t top, int64_t rows, struct effects *effects)
{
    if (!rs->store || rs->page_request)
        return;
    int64_t end = clamp(top + rows, 0, rs->count), row = top;
    while (row < end && rowset_row(rs, row))
        row++;
    if (row >= end || all_in_view(rs, top, end))   /* three cut-short pages in one view: more would thrash */
        return;
    struct effect *effect = request_start(m, effects, EFFECT_PAGE, NULL);
    effect->store = rs->store;
    effect->number = page_first(rs, row);
    effect->number2 = PAGE_ROWS;
    rs->page_request = effect->request;
    job_find(m, effect->request)->store = rs->store;
}
