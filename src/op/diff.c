/* diff - fixtures against live rows, table by table. A held table is named and left alone (SAFETY 4). */
#include "diff/diff.h"

#include "op/declared.h"
#include "op/early.h"
#include "op/onrecord_diff.h"
#include "op/ops.h"

struct run {
    struct session *session;
    const struct diff_report *report;
    const struct bound *bound;
    bool *identical;
    struct onrecord_diff record;
};

static bool one_row(void *context, const struct diff_row *row, struct err *err)
{
    struct run *run = context;
    onrecord_diff_row(&run->record, row);
    return !run->report->row || run->report->row(run->report->context, run->bound->fixture->table, row, err);
}

static void progress(void *context, uint64_t done, int64_t total)
{
    struct run *run = context;
    ctx_progress(run->session->ctx, run->bound->fixture->table, (int64_t)done, total, false);
    if (run->report->meanwhile)
        run->report->meanwhile(run->report->context);
}

static bool begin(const struct run *run, struct err *err)
{
    const struct bound *b = run->bound;
    const char *key[32];
    size_t count = 0;
    for (; count < b->key_count && count < sizeof key / sizeof *key; count++)
        key[count] = b->fixture->columns[b->key[count]];
    return !run->report->begin || run->report->begin(run->report->context, b->fixture->table, key, count, err);
}

static bool one_table(struct run *run, const struct declared *d, bool scan, struct err *err)
{
    struct diff_totals totals = {.fixture_rows = run->bound->fixture->row_count};
    bool held = !scan && declared_held(d, run->bound);
    if (!begin(run, err))
        return false;
    onrecord_diff_begin(&run->record, run->session->ctx, run->bound->fixture->table, run->bound->key_count);
    if (!held) {
        struct diff_options options = declared_diff_options(run->session, run->bound);
        options.way = run->report->way;
        options.row = one_row;
        options.progress = progress;
        options.context = run;
        if (!diff_table(run->session->db, run->bound, &options, &totals, err)) {
            onrecord_diff_drop(&run->record);
            return declared_place(run->session, d, err);
        }
    }
    onrecord_diff_end(&run->record, &totals, held);
    if (held || totals.missing || totals.changed > totals.allowed_changed || totals.extra > totals.allowed_extra)
        *run->identical = false;
    return !run->report->end || run->report->end(run->report->context, run->bound->fixture->table, &totals, held, err);
}

bool op_diff(struct session *s, const char *const *tables, size_t count, bool scan,
             const struct diff_report *report, bool *identical, struct err *err)
{
    struct declared d;
    struct run run = {.session = s, .report = report, .identical = identical};
    struct early early = {0};
    *identical = true;
    if (!early_begin(&early, s, count ? tables[0] : NULL, report->way, false, err))
        return false;
    bool ok = declared_load(s, &d, err);
    early_end(&early);
    if (!ok)
        return false;
    for (size_t i = 0; ok && i < count; i++)
        ok = declared_find(&d, tables[i], err) != NULL;
    for (size_t i = 0; ok && i < (count ? count : d.set.count); i++) {
        run.bound = count ? declared_find(&d, tables[i], err) : &d.set.items[i];
        ok = one_table(&run, &d, scan, err);
    }
    declared_free(&d);
    return ok;
}
