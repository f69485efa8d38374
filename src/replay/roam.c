/* roam - effects of a model that lives in a recording, answered from the recording. */
#include "replay/roam.h"

#include <stdlib.h>
#include <string.h>

#include "app/action.h"
#include "app/dialog.h"
#include "app/list.h"
#include "app/model.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/update.h"
#include "app/util.h"
#include "base/str.h"
#include "event/codec.h"

enum {
    ROUNDS_MOST = 64,                    /* of answers that make for new requests */
    ROWS_BYTES = 32 << 20,               /* of recorded rows that are looked through at once */
    LOOKS_MOST = 256                     /* at connections and statuses, for where an environment begins */
};
static const uint64_t filtered_store = UINT64_C(1) << 62;   /* stores made here have numbers from here on */

struct roam {
    struct source *source;
    struct model *model;
    uint64_t n;
    struct roam_rows filtered;           /* what passed the filter, renumbered */
    uint64_t filtered_id, filters;
};

struct roam *roam_new(struct source *source)
{
    struct roam *r = xcalloc(1, sizeof *r);
    r->source = source;
    return r;
}

void roam_leave(struct roam *r)
{
    model_free(r->model);
    r->model = NULL;
    roam_rows_free(&r->filtered);
    r->filtered_id = 0;
}

void roam_free(struct roam *r)
{
    if (!r)
        return;
    roam_leave(r);
    free(r);
}

bool roam_in(const struct roam *r) { return r->model != NULL; }
const struct model *roam_model(const struct roam *r) { return r->model; }

/* ---- recorded rows ---- */

void roam_rows_free(struct roam_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        codec_free(&type_fact_row, &rows->items[i].cells);
    free(rows->items);
    *rows = (struct roam_rows){0};
}

static void rows_add(struct roam_rows *rows, int64_t row, const struct fact_row *cells)
{
    if ((rows->count & (rows->count + 1)) == 0)      /* 0, 1, 3, 7 ...: room doubles */
        rows->items = xrealloc(rows->items, (rows->count + 1) * 2 * sizeof *rows->items);
    struct roam_row *added = &rows->items[rows->count++];
    added->row = row;
    codec_copy(&type_fact_row, &added->cells, cells);
}

static int by_row(const void *a, const void *b)
{
    int64_t x = ((const struct roam_row *)a)->row, y = ((const struct roam_row *)b)->row;
    return (x > y) - (x < y);
}

/* How many entries of the list of pages and stores are at or before n. */
static size_t rows_until(const struct source_rows *list, size_t count, uint64_t n)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].n <= n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Rows [first, end) of a page that are not there yet; pages come newest first. */
static void take_page(struct roam_rows *rows, const struct input *page, int64_t first, int64_t end, size_t had)
{
    for (size_t i = 0; i < page->row_count; i++) {
        int64_t row = page->number + (int64_t)i;
        bool known = row < first || row >= end;
        for (size_t k = 0; k < had && !known; k++)
            known = rows->items[k].row == row;
        if (!known)
            rows_add(rows, row, &page->rows[i]);
    }
}

static bool page_ok(const struct input *in)
{
    return in && in->kind == IN_PAGE && in->number >= 0 && in->number < INT64_C(1) << 40 &&
           in->row_count <= PAGE_MOST;
}

/* Every recorded row of the store once: the newest page that has it counts. */
void roam_rows_of(struct source *source, uint64_t store, uint64_t n, struct roam_rows *rows)
{
    size_t count, bytes = 0, kept = 0;
    const struct source_rows *list = source_rows(source, &count);
    *rows = (struct roam_rows){.all = true};
    for (size_t i = rows_until(list, count, n); i-- > 0 && rows->all;) {
        if (list[i].store != store || list[i].first < 0)
            continue;
        struct input *in = source_input(source, list[i].n, NULL);
        for (size_t k = 0; page_ok(in) && k < in->row_count; k++)
            rows_add(rows, in->number + (int64_t)k, &in->rows[k]);
        input_free(in);
        bytes += source_length(source, list[i].n);
        rows->all = bytes < ROWS_BYTES;
    }
    /* a stable order is wanted, so that the newest is the first of its kind: by row, then as they came */
    for (size_t i = 0; i < rows->count; i++)
        rows->items[i].row = rows->items[i].row * (1 << 22) + (int64_t)(i < (1 << 22) ? i : (1 << 22) - 1);
    if (rows->count)
        qsort(rows->items, rows->count, sizeof *rows->items, by_row);
    for (size_t i = 0; i < rows->count; i++) {
        int64_t row = rows->items[i].row >> 22;
        if (kept && rows->items[kept - 1].row == row) {
            codec_free(&type_fact_row, &rows->items[i].cells);
            continue;
        }
        rows->items[kept] = rows->items[i];
        rows->items[kept++].row = row;
    }
    rows->count = kept;
}

/* ---- what was announced ---- */

uint64_t roam_since(struct source *source, const char *environment, uint64_t n)
{
    int looks = 0;
    for (; n > 0 && looks < LOOKS_MOST; n--) {
        enum input_kind kind = source_kind(source, n);
        if (kind != IN_CONNECTION && kind != IN_STATUS)
            continue;
        struct input *in = source_input(source, n, NULL);
        /* many that are looked at at once do not follow on each other */
        bool other = in && text_is_empty(in->environment) && !text_is_empty(in->server.environment) &&
                     !text_same(in->server.environment, environment);
        input_free(in);
        if (other)
            break;
        looks++;
    }
    return n;
}

uint64_t roam_store_of(struct source *source, const char *name, uint64_t since, uint64_t n,
                       struct input **announced)
{
    size_t count;
    const struct source_rows *list = source_rows(source, &count);
    *announced = NULL;
    for (size_t i = rows_until(list, count, n); i-- > 0 && list[i].n > since;) {
        if (list[i].first >= 0)
            continue;
        struct input *in = source_input(source, list[i].n, NULL);
        if (in && in->kind == IN_STORE && text_same(in->name, name)) {
            *announced = in;
            return in->store;
        }
        input_free(in);
    }
    return 0;
}

/* The newest input of that kind in (since, n], or NULL; where many environments were looked at at once, of that one. */
static struct input *newest(struct source *source, enum input_kind kind, const char *environment, uint64_t since, uint64_t n)
{
    for (; n > since; n--) {
        if (source_kind(source, n) != kind)
            continue;
        struct input *in = source_input(source, n, NULL);
        if (!in || text_is_empty(in->environment) || text_same(in->environment, environment))
            return in;
        input_free(in);
    }
    return NULL;
}

/* ---- answers ---- */

struct answer {                          /* to one effect of a model that is after input n */
    struct roam *roam;
    struct model *model;
    uint64_t n;
    const struct effect *effect;
    struct effects *more;
};

static void feed(const struct answer *a, struct input *in)
{
    in->request = a->effect->request;
    in->generation = a->model->generation;
    in->offset_ms = a->model->now_ms;
    app_update(a->model, in, a->more);
    input_free(in);
}

/* What the recording does not hold: the request ends, and the screen says so where it would have shown it. */
static void not_captured(const struct answer *a, const char *what)
{
    struct input *in = input_new(IN_OUTCOME);
    struct str text = {0};
    str_printf(&text, "Not captured: %s.", what);
    in->error.class = xstrdup("not-captured");
    in->error.message = str_take(&text);
    feed(a, in);
}

static void end_request(const struct answer *a)
{
    if (!job_find(a->model, a->effect->request))
        return;
    struct input *in = input_new(IN_OUTCOME);
    in->ok = true;
    feed(a, in);
}

static void answer_newest(const struct answer *a, enum input_kind kind, const char *what)
{
    uint64_t since = kind == IN_ENVIRONMENTS ? 0 : roam_since(a->roam->source, a->model->environment, a->n);
    struct input *in = newest(a->roam->source, kind, a->model->environment, since, a->n);
    if (!in) {
        not_captured(a, what);
        return;
    }
    feed(a, in);
    end_request(a);
}

static void answer_migrations(const struct answer *a)
{
    answer_newest(a, IN_MIGRATIONS, "nobody had looked at the ledger by then");
}

static void answer_activity(const struct answer *a)
{
    answer_newest(a, IN_ACTIVITY, "nobody had looked at the backends by then");
}

static void answer_diagnose(const struct answer *a)
{
    answer_newest(a, IN_DIAGNOSIS, "nobody had asked for a diagnosis by then");
}

static void answer_environments(const struct answer *a)
{
    answer_newest(a, IN_ENVIRONMENTS, "nobody had looked at the environments by then");
}

static void answer_store(const struct answer *a, const char *prefix)
{
    struct str name = {0};
    struct input *announced;
    str_printf(&name, "%s%s", prefix, or_empty(a->effect->name));
    uint64_t since = roam_since(a->roam->source, a->model->environment, a->n);
    if (roam_store_of(a->roam->source, str_text(&name), since, a->n, &announced)) {
        feed(a, announced);
        end_request(a);
    } else {
        not_captured(a, "nobody had opened this by then");
    }
    str_free(&name);
}

static void answer_diff(const struct answer *a) { answer_store(a, "diff:"); }
static void answer_sql(const struct answer *a) { answer_store(a, "sql:"); }

/* The store's rows as they are known here: those of the journal, or what passed a filter. */
static void rows_for(const struct answer *a, uint64_t store, struct roam_rows *rows)
{
    if (store != a->roam->filtered_id || !store) {
        roam_rows_of(a->roam->source, store, a->n, rows);
        return;
    }
    *rows = (struct roam_rows){.all = true};
    for (size_t i = 0; i < a->roam->filtered.count; i++)
        rows_add(rows, a->roam->filtered.items[i].row, &a->roam->filtered.items[i].cells);
}

/* Recorded rows of a page, newest first until there is no gap. */
static void page_rows(const struct answer *a, int64_t first, int64_t end, struct roam_rows *rows)
{
    size_t count;
    const struct source_rows *list = source_rows(a->roam->source, &count);
    *rows = (struct roam_rows){.all = true};
    if (a->effect->store == a->roam->filtered_id) {
        for (size_t i = 0; i < a->roam->filtered.count; i++)
            if (a->roam->filtered.items[i].row >= first && a->roam->filtered.items[i].row < end)
                rows_add(rows, a->roam->filtered.items[i].row, &a->roam->filtered.items[i].cells);
        return;
    }
    for (size_t i = rows_until(list, count, a->n); i-- > 0 && (int64_t)rows->count < end - first;) {
        if (list[i].store != a->effect->store || list[i].first < 0 || list[i].first >= end ||
            list[i].first + PAGE_MOST <= first)
            continue;
        struct input *in = source_input(a->roam->source, list[i].n, NULL);
        if (page_ok(in))
            take_page(rows, in, first, end, rows->count);
        input_free(in);
    }
}

static int64_t store_count(const struct model *m, uint64_t store)
{
    const struct rowset *sets[] = {&m->diff.rows, &m->migrations.sql, &m->plan.rows};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (sets[i]->store == store)
            return sets[i]->count;
    return 0;
}

/* A page with a row for each that was asked for: one that was not recorded has no cells. */
static void answer_page(const struct answer *a)
{
    struct roam_rows rows;
    int64_t first = clamp(a->effect->number, 0, INT64_C(1) << 40),
            count = store_count(a->model, a->effect->store);
    int64_t end = clamp(first + clamp(a->effect->number2, 1, PAGE_ROWS), 0, count);
    if (end <= first)
        return;
    page_rows(a, first, end, &rows);
    struct input *in = input_new(IN_PAGE);
    in->store = a->effect->store;
    in->number = first;
    in->row_count = (size_t)(end - first);
    in->rows = xcalloc(in->row_count, sizeof *in->rows);
    for (size_t i = 0; i < rows.count; i++) {
        struct fact_row *to = &in->rows[rows.items[i].row - first];
        codec_free(&type_fact_row, to);
        *to = rows.items[i].cells;
        rows.items[i].cells = (struct fact_row){0};
    }
    roam_rows_free(&rows);
    feed(a, in);
}

static void row_text(const struct fact_row *row, struct str *out)
{
    str_reset(out);
    for (size_t i = 0; i < row->cell_count; i++)
        str_printf(out, "%s%s", i ? "\t" : "", or_empty(row->cells[i].text));
}

static void answer_filter(const struct answer *a)
{
    struct roam_rows rows;
    struct roam *r = a->roam;
    struct str text = {0};
    rows_for(a, a->effect->store, &rows);
    roam_rows_free(&r->filtered);
    for (size_t i = 0; i < rows.count; i++) {
        row_text(&rows.items[i].cells, &text);
        if (text_passes(str_text(&text), a->effect->text))
            rows_add(&r->filtered, (int64_t)r->filtered.count, &rows.items[i].cells);
    }
    roam_rows_free(&rows);
    str_free(&text);
    r->filtered_id = filtered_store + ++r->filters;
    struct input *in = input_new(IN_STORE);
    in->store = r->filtered_id;
    in->number = (int64_t)r->filtered.count;
    in->number2 = 1;
    feed(a, in);
}

static void answer_search(const struct answer *a)
{
    struct roam_rows rows;
    struct str text = {0};
    bool back = a->effect->number2 == 1;
    int64_t found = -1;
    rows_for(a, a->effect->store, &rows);
    for (size_t i = 0; i < rows.count && (found < 0 || back); i++) {
        if (back ? rows.items[i].row > a->effect->number : rows.items[i].row < a->effect->number)
            continue;
        row_text(&rows.items[i].cells, &text);
        if (text_holds(str_text(&text), or_empty(a->effect->text)))
            found = rows.items[i].row;
    }
    roam_rows_free(&rows);
    str_free(&text);
    struct input *in = input_new(IN_FOUND);
    in->store = a->effect->store;
    in->number = found;
    feed(a, in);
}

/* Another environment, as it was when it was looked at last. */
static void answer_open(const struct answer *a)
{
    struct roam *r = a->roam;
    for (uint64_t n = a->n; n > 0; n--) {
        if (source_kind(r->source, n) != IN_STATUS)
            continue;
        struct input *in = source_input(r->source, n, NULL);
        if (in && text_same(in->server.environment, a->effect->name)) {
            in->number = 1;
            feed(a, in);
            return;
        }
        input_free(in);
    }
    not_captured(a, "nobody had opened this environment by then");
}

static void answer_status(const struct answer *a)
{
    answer_newest(a, IN_STATUS, "nothing newer than what is shown");
}

static void (*const answers[EFFECT_KIND_COUNT])(const struct answer *) = {
    [EFFECT_OPEN] = answer_open,
    [EFFECT_ENVIRONMENTS] = answer_environments,
    [EFFECT_STATUS] = answer_status,
    [EFFECT_MIGRATIONS] = answer_migrations,
    [EFFECT_SQL] = answer_sql,
    [EFFECT_DIFF] = answer_diff,
    [EFFECT_ACTIVITY] = answer_activity,
    [EFFECT_DIAGNOSE] = answer_diagnose,
    [EFFECT_PAGE] = answer_page,
    [EFFECT_SEARCH] = answer_search,
    [EFFECT_FILTER] = answer_filter,
};

/* Answers what was asked until nothing is any more. Effects that no row of the table answers go nowhere. */
static void settle(struct roam *r, struct model *model, uint64_t n, struct effects *effects)
{
    for (int round = 0; effects->count && round < ROUNDS_MOST; round++) {
        struct effects more = {0};
        for (size_t i = 0; i < effects->count; i++) {
            const struct effect *effect = &effects->items[i];
            if (answers[effect->kind])
                answers[effect->kind](&(struct answer){r, model, n, effect, &more});
            else if (effect->request && job_find(model, effect->request))
                not_captured(&(struct answer){r, model, n, effect, &more},
                             "this was not asked in the session");
        }
        effects_free(effects);
        *effects = more;
    }
    effects_free(effects);
}

static void feed_size(struct roam *r, struct model *model, uint64_t n, int64_t at_ms, int columns, int rows)
{
    struct effects effects = {0};
    app_update(model,
               &(struct input){.kind = IN_SIZE, .offset_ms = at_ms, .number = columns, .number2 = rows},
               &effects);
    settle(r, model, n, &effects);
}

void roam_fit(struct roam *r, struct model *model, uint64_t n, int64_t at_ms, int columns, int rows)
{
    if (model->columns != columns || model->rows != rows) {
        feed_size(r, model, n, at_ms, columns, rows);
        return;
    }
    struct effects effects = {0};
    app_update(model, &(struct input){.kind = IN_NONE, .offset_ms = at_ms}, &effects);
    effects_free(&effects);
}

/* ---- entering, and keeping one's own view ---- */

/* What the operator had open above the screen is not the reviewer's. */
static void close_dialogs(struct model *m)
{
    struct effects effects = {0};
    for (size_t i = 0, most = m->question_count + 2; i < most && m->modal.kind != MODAL_NONE; i++) {
        dialog_close(m, &effects);
        dialog_settle(m);
    }
    effects_free(&effects);
}

static void swap_lists(struct model *a, struct model *b)
{
    struct list *pairs[][2] = {
        {&a->environments.list, &b->environments.list}, {&a->overview.list, &b->overview.list},
        {&a->migrations.list, &b->migrations.list}, {&a->tables.list, &b->tables.list},
        {&a->diff.list, &b->diff.list}, {&a->diagnose.list, &b->diagnose.list},
        {&a->activity.list, &b->activity.list}, {&a->plan.list, &b->plan.list}, {&a->log.list, &b->log.list},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct list kept = *pairs[i][0];
        *pairs[i][0] = *pairs[i][1];
        *pairs[i][1] = kept;
    }
}

/* Opens again inside a screen what was open before; selections there are kept, too. */
static void reopen(struct roam *r, const struct model *old)
{
    struct model *m = r->model;
    struct effects effects = {0};
    m->screen = SCREEN_DIFF;
    screen_class_diff.up(m, &effects);
    if (!text_is_empty(old->diff.table))
        diff_open_table(m, old->diff.table, false, &effects);
    m->screen = SCREEN_MIGRATIONS;
    screen_class_migrations.up(m, &effects);
    if (!text_is_empty(old->migrations.reading)) {
        text_replace(&m->migrations.list.name, old->migrations.reading);
        list_settle(m, &effects);
        screen_class_migrations.open(m, &effects);
    }
    m->screen = old->screen;
    m->previous = old->previous;
    settle(r, m, r->n, &effects);
    m->diff.row_list.selected = old->diff.row_list.selected;
    m->diff.row_list.top = old->diff.row_list.top;
    m->migrations.sql_list.selected = old->migrations.sql_list.selected;
    m->migrations.sql_list.top = old->migrations.sql_list.top;
    const char *filter = m->screen == SCREEN_DIFF ? old->diff.row_list.filter
                       : m->screen == SCREEN_MIGRATIONS ? old->migrations.sql_list.filter : NULL;
    effects = (struct effects){0};
    if (screen_store(m) && !text_is_empty(filter))
        list_filter(m, filter, &effects);
    settle(r, m, r->n, &effects);
}

void roam_enter(struct roam *r, struct model *model, uint64_t n, int columns, int rows)
{
    struct model *old = r->model;
    int64_t at_ms = model->now_ms;
    r->model = model;
    r->n = n;
    model->roaming = true;
    close_dialogs(model);
    if (old) {
        swap_lists(model, old);
        if (text_same(model->environment, old->environment))
            reopen(r, old);
        model_free(old);
    }
    feed_size(r, model, n, at_ms, columns, rows);
}

/* ---- the reviewer's messages ---- */

/* Actions that would do something to the world, whatever their needs say. */
static bool acts(const char *name)
{
    static const char *const names[] = {"write-mode", "verify", "edit", "suspend", "cancel", "interrupt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_same(names[i], name))
            return true;
    return false;
}

bool roam_input(struct roam *r, struct input *in)
{
    struct effects effects = {0};
    bool stays = true;
    in->offset_ms = r->model->now_ms;
    if (in->kind == IN_ACTION && acts(in->name)) {
        if (text_same(in->name, "interrupt") && r->model->modal.kind == MODAL_NONE)
            stays = false;
        else if (text_same(in->name, "interrupt"))
            close_dialogs(r->model);
        else
            notice_show(r->model, "info", "This is a replay: there is no database here.");
    } else {
        app_update(r->model, in, &effects);
    }
    for (size_t i = 0; i < effects.count; i++)
        stays &= effects.items[i].kind != EFFECT_QUIT;
    settle(r, r->model, r->n, &effects);
    input_free(in);
    return stays;
}
