/* screen_diff - tables that differ from their fixtures; Enter shows one row by row, column by column.
 *
 * A row of the store is one differing column: kind, key, column, fixture, live, at, allowed. */
#include "app/diff_row.h"

#include <stdlib.h>

#include "app/dialog.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"
#include "event/codec.h"

static bool in_table(const struct model *m) { return !text_is_empty(m->diff.table); }
static struct list *list(struct model *m) { return in_table(m) ? &m->diff.row_list : &m->diff.list; }
static struct rowset *store(struct model *m) { return in_table(m) ? &m->diff.rows : NULL; }

static bool shown(const struct model *m, int64_t row)
{
    const struct fact_table *t = &m->facts.tables[row];
    if (t->fixture_rows < 0 || (t->missing < 0 && !m->facts.status_complete))
        return false;                    /* what is about to be compared would come and go again */
    return m->diff.identical_too || t->missing != 0 || t->changed != 0 || t->extra != 0;
}

static void text_of(const struct model *m, int64_t row, struct str *out)
{
    if (!in_table(m)) {
        facts_table_text(m, row, out);
        return;
    }
    for (size_t cell = 0; cell < DIFF_CELLS; cell++)
        str_printf(out, "%s%s", cell ? "\t" : "", rowset_cell(&m->diff.rows, row, cell));
}

/* A comparison that nobody looks at any more need not go on. */
static void stop_comparing(struct model *m, struct effects *effects)
{
    struct job *running = job_of(m, EFFECT_DIFF);
    if (!running)
        return;
    struct effect *cancel = effect_add(effects, EFFECT_CANCEL, NULL);
    cancel->request = running->request;
    cancel->number = (int64_t)running->request;
    job_end(m, running->request);
}

static void close_table(struct model *m, struct effects *effects)
{
    struct screen_diff *s = &m->diff;
    stop_comparing(m, effects);
    text_replace(&s->table, NULL);
    rowset_reset(&s->rows, effects);
    codec_free(&type_fact_table, &s->totals);
    s->row_list.selected = s->row_list.top = 0;
    text_replace(&s->row_list.filter, NULL);
}

static void compare(struct model *m, bool scan, struct effects *effects)
{
    request_start(m, effects, EFFECT_DIFF, m->diff.table)->number = scan;
}

void diff_open_table(struct model *m, const char *table, bool scan, struct effects *effects)
{
    const struct fact_table *t = facts_table(m, table);
    if (!t || t->fixture_rows < 0) {
        notice_set(m, "info", "%s has no fixture: there is nothing to compare it with.", or_empty(table));
        return;
    }
    close_table(m, effects);
    text_replace(&m->diff.table, t->name);
    codec_copy(&type_fact_table, &m->diff.totals, t);
    screen_go(m, SCREEN_DIFF, effects);
    compare(m, scan, effects);
}

/* The two values in full, for those that no column is wide enough for. */
static void open_value(struct model *m, int64_t row)
{
    const struct fact_row *cells = rowset_row(&m->diff.rows, row);
    if (!cells || cells->cell_count < DIFF_CELLS)
        return;
    struct str title = {0};
    const char *column = or_empty(cells->cells[DIFF_COLUMN].text);
    str_printf(&title, "%s %s%s%s", m->diff.table, or_empty(cells->cells[DIFF_KEY].text), *column ? " \xc2\xb7 " : "",
               column);
    dialog_value(m, str_text(&title), cells->cells[DIFF_FIXTURE].text, cells->cells[DIFF_LIVE].text,
                 cells->cells[DIFF_AT].text);
    str_free(&title);
}

static void open(struct model *m, struct effects *effects)
{
    int64_t row = list_selected(m);
    if (in_table(m) && row >= 0)
        open_value(m, row);
    else if (row >= 0)
        diff_open_table(m, facts_table_name(m, row), false, effects);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    struct screen_diff *s = &m->diff;
    if (in->kind != IN_STORE || job->effect != EFFECT_DIFF || !text_same(job->name, s->table))
        return;
    rowset_store(&s->rows, in, effects);
    if (in->table_count) {
        codec_free(&type_fact_table, &s->totals);
        codec_copy(&type_fact_table, &s->totals, &in->tables[0]);
    }
}

static bool up(struct model *m, struct effects *effects)
{
    if (!in_table(m))
        return false;
    close_table(m, effects);
    return true;
}

static void refresh(struct model *m, struct effects *effects)
{
    if (in_table(m) && facts_ready(m) && !job_of(m, EFFECT_DIFF))
        compare(m, false, effects);
    else if (!in_table(m))
        facts_refresh(m, effects);
}

static void forget(struct model *m, struct effects *effects)
{
    close_table(m, effects);
    m->diff.list.selected = m->diff.list.top = 0;
    text_replace(&m->diff.list.name, NULL);
    text_replace(&m->diff.list.filter, NULL);
}

void diff_row_place(const struct model *m, char **file, int64_t *line)
{
    const char *at = rowset_cell(&m->diff.rows, m->diff.row_list.selected, DIFF_AT);
    struct str path = {0};
    size_t end = 0;
    for (size_t i = 0; at[i]; i++)   /* the last colon with digits behind it, so "C:file.yaml:12" works */
        if (at[i] == ':' && at[i + 1] >= '0' && at[i + 1] <= '9')
            end = i;
    *line = 0;
    for (size_t i = end; end && at[i + 1] >= '0' && at[i + 1] <= '9' && *line < 100000000; i++)
        *line = *line * 10 + (at[i + 1] - '0');
    if (end)
        str_add_bytes(&path, at, end);
    else
        str_add(&path, at);
    *file = str_take(&path);
}

const struct screen_class screen_class_diff = {
    .name = "diff",
    .title = "Diff",
    .needs_environment = true,
    .list = list,
    .store = store,
    .count = facts_table_count,
    .shown = shown,
    .name_of = facts_table_name,
    .text_of = text_of,
    .event = event,
    .open = open,
    .up = up,
    .refresh = refresh,
    .forget = forget,
};
