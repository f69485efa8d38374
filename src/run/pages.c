/* pages - a small worker that reads stores, so that scrolling goes on while an operation runs. */
#include "run/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "removal/prune.h"

struct pages {
    struct shared *shared;
    const struct effect *effect;
    int cancel_fd;
};

static const char *needle(const struct effect *e) { return e->text ? e->text : ""; }

static bool page(const struct pages *p, struct input **in, struct err *err)
{
    return stores_page(p->shared->stores, p->effect->store, (uint64_t)p->effect->number,
                       p->effect->number2 > 0 ? (size_t)p->effect->number2 : 0, in, err);
}

static bool search(const struct pages *p, struct input **in, struct err *err)
{
    uint64_t row;
    if (!stores_search(p->shared->stores, p->effect->store, needle(p->effect), (uint64_t)p->effect->number,
                       p->effect->number2 == 1, p->cancel_fd, &row, err))
        return false;
    *in = input_new(IN_FOUND);
    (*in)->store = p->effect->store;
    (*in)->number = row == UINT64_MAX ? -1 : (int64_t)row;
    return true;
}

static bool filter(const struct pages *p, struct input **in, struct err *err)
{
    struct stores *stores = p->shared->stores;
    uint64_t store;
    char *name;
    if (!stores_filter(stores, p->effect->store, needle(p->effect), p->cancel_fd, &store, &name, err))
        return false;
    *in = input_new(IN_STORE);
    (*in)->store = store;
    (*in)->name = name;
    (*in)->text = xstrdup(needle(p->effect));
    (*in)->number = (int64_t)stores_count(stores, store);
    (*in)->number2 = 1;
    return true;
}

/* ---- export ---- */

/* "seedops-prune-20260421T123102Z.csv", in the directory where the console was started. */
static char *export_name(const struct effect *e)
{
    struct str name = {0};
    char now[32];
    clock_format_utc(clock_wall_ms(), now, sizeof now);
    str_printf(&name, "seedops-%s-", e->name ? e->name : "rows");
    for (const char *c = now; *c && *c != '.'; c++)
        if (*c != '-' && *c != ':')
            str_add_char(&name, *c);
    str_add(&name, "Z.csv");
    return str_take(&name);
}

static void add_rows(struct str *out, const struct input *page)
{
    for (size_t r = 0; r < page->row_count; r++) {
        const char *cells[REMOVAL_CELLS] = {NULL};
        for (size_t c = 0; c < page->rows[r].cell_count && c < REMOVAL_CELLS; c++)
            cells[c] = page->rows[r].cells[c].text;
        text_add_csv_line(out, cells, REMOVAL_CELLS);
    }
}

enum { EXPORT_ROWS = 8 };            /* of longer pages only the beginnings of long cells would come */

static bool export_rows(const struct pages *p, FILE *file, struct err *err)
{
    fputs(removal_csv_head, file);
    for (uint64_t first = 0;;) {
        struct input *page = NULL;
        struct str lines = {0};
        if (!stores_page(p->shared->stores, p->effect->store, first, EXPORT_ROWS, &page, err))
            return false;
        size_t got = page->row_count;
        add_rows(&lines, page);
        fwrite(str_text(&lines), 1, lines.length, file);
        str_free(&lines);
        input_free(page);
        if (got == 0 || ferror(file))
            return true;
        first += got;
        if (poll(&(struct pollfd){.fd = p->cancel_fd, .events = POLLIN}, 1, 0) > 0)
            return err_set(err, ERR_CANCELLED, "the rows were not written");
    }
}

/* All of it, or no file. */
static bool export(const struct pages *p, struct input **in, struct err *err)
{
    char *name = export_name(p->effect);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = file || err_errno(err, ERR_GENERAL, errno, "cannot write %s", name);
    if (file) {
        ok = export_rows(p, file, err);
        bool broken = ferror(file);
        if ((fclose(file) != 0 || broken) && ok)
            ok = err_errno(err, ERR_GENERAL, errno, "cannot write %s", name);
        if (!ok)
            unlink(name);
    }
    if (ok) {
        *in = input_new(IN_OUTCOME);
        (*in)->name = xstrdup("export");
        (*in)->ok = true;
        (*in)->text = xstrdup(name);
    }
    free(name);
    return ok;
}

void pages_work(void *context, const struct effect *effect)
{
    struct side *w = context;
    struct pages p = {.shared = w->shared, .effect = effect, .cancel_fd = worker_cancel_fd(w->worker)};
    struct input *in = NULL;
    struct err err = {0};
    bool (*read)(const struct pages *, struct input **, struct err *) = filter;
    const char *name = "filter";
    if (effect->kind == EFFECT_PAGE)
        read = page, name = "page";
    else if (effect->kind == EFFECT_SEARCH)
        read = search, name = "search";
    else if (effect->kind == EFFECT_EXPORT)
        read = export, name = "export";
    bool ok = read(&p, &in, &err);
    if (!ok) {
        in = input_new(IN_OUTCOME);
        in->name = xstrdup(name);
        input_set_error(in, &err);
    }
    in->request = effect->request;
    queue_put(p.shared->queue, in, worker_cancelled(w->worker));
}
