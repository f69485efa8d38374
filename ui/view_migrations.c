/* view_migrations - the ledger against the disk, and a migration's SQL. */
#include "view.h"

#include <stdio.h>
#include <string.h>

#include "app/human.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"

static const struct column columns[] = {
    {"migration", 24, false, 4, 0}, {"state", 15, false, 0, 0}, {"applied at", 19, false, 0, 90},
    {"took", 8, true, 0, 72}, {"checksum", 10, false, 0, 110}, {"", 20, false, 3, 130},
};
enum { C_NAME, C_STATE, C_AT, C_TOOK, C_CHECKSUM, C_NOTE };

static enum style state_style(const char *state)
{
    static const struct { const char *state; enum style style; } styles[] = {
        {"applied", STYLE_PLAIN}, {"pending", STYLE_WARN}, {"failed", STYLE_BAD}, {"running", STYLE_BOLD},
        {"applying", STYLE_BOLD}, {"modified", STYLE_BAD}, {"missing-on-disk", STYLE_WARN},
        {"rolled-back", STYLE_DIM}, {"out-of-order", STYLE_WARN}, {"skipped", STYLE_DIM},
    };
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        if (text_same(styles[i].state, state))
            return styles[i].style;
    return STYLE_PLAIN;
}

static bool at_work(const struct fact_migration *item)
{
    return text_same(item->state, "running") || text_same(item->state, "applying");
}

/* "2026-04-20 18:41:12" of an ISO time; what is none of ours is shown as it is. */
static const char *shown_time(char out[40], const char *iso)
{
    bool known = human_parse_utc(iso) >= 0;
    snprintf(out, 40, "%.*s", known ? 19 : 39, or_empty(iso));
    if (known)
        out[10] = ' ';
    return out;
}

static void draw_row(const struct view *v, const struct table *t, int row, int64_t nth,
                     const struct fact_migration *item)
{
    char text[HUMAN];
    enum style style = state_style(item->state);
    table_cell(v, t, row, C_NAME, style, item->name);
    table_cell(v, t, row, C_STATE, style, item->state);
    table_cell(v, t, row, C_AT, STYLE_DIM, shown_time(text, item->applied_at));
    if (at_work(item))
        table_cell(v, t, row, C_TOOK, STYLE_PLAIN, human_timer(text, item->duration_ms));
    else if (item->duration_ms >= 0 && !text_same(item->state, "pending"))
        table_cell(v, t, row, C_TOOK, STYLE_DIM, human_span(text, item->duration_ms));
    snprintf(text, sizeof text, "%.10s", or_empty(item->checksum));
    table_cell(v, t, row, C_CHECKSUM, STYLE_DIM, text);
    table_cell(v, t, row, C_NOTE, STYLE_PLAIN, item->note);
    table_row(v, row, nth);
}

/* What is being applied speaks first; else the selected one. */
static const struct fact_migration *speaker(const struct view *v)
{
    const struct screen_migrations *s = &v->m->migrations;
    for (size_t i = 0; i < s->item_count; i++)
        if (at_work(&s->items[i]))
            return &s->items[i];
    int64_t selected = list_selected(v->m);
    return selected >= 0 ? &s->items[selected] : NULL;
}

static void risk_names(const struct fact_migration *item, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < item->risk_count && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", or_empty(item->risks[i].text));
}

static void draw_detail(const struct view *v)
{
    const struct fact_migration *item = speaker(v);
    int row = v->l.detail_row, end = row + v->l.detail_rows, width = v->g->columns - 4;
    char risks[256];
    if (!item)
        return;
    risk_names(item, risks, sizeof risks);
    if (!text_is_empty(item->note))
        row += view_wrap(v, row, 3, width, end - row, state_style(item->state), item->note);
    if (at_work(item) && row < end)
        grid_text(v->g, row++, 3, width, STYLE_DIM, item->transactional
                  ? "ctrl-x cancels; nothing of it stays behind"
                  : "ctrl-x cancels; what it made so far may stay behind, and seedops will name it");
    if (*risks && row < end)
        grid_printf(v->g, row++, 3, width, STYLE_WARN, "cannot be undone: %s", risks);
    if (text_same(item->state, "pending") && row < end)
        grid_text(v->g, row++, 3, width, STYLE_DIM, item->transactional
                  ? "runs in a transaction of its own: all of it or nothing"
                  : "does not run in one transaction: it can stop half way");
    if (row < end)
        grid_text(v->g, row, 3, width, STYLE_DIM, item->path);
}

static long long count_state(const struct screen_migrations *s, const char *state)
{
    long long count = 0;
    for (size_t i = 0; i < s->item_count; i++)
        count += text_same(s->items[i].state, state);
    return count;
}

/* What the list below says, not the last status: the ledger may have been read again since. */
static void draw_judgement(const struct view *v, const struct fact_ledger *l)
{
    const struct screen_migrations *s = &v->m->migrations;
    long long failed = count_state(s, "failed"), modified = count_state(s, "modified"),
              missing = count_state(s, "missing-on-disk"), early = count_state(s, "out-of-order"),
              pending = count_state(s, "pending") + count_state(s, "applying");
    if (failed > 0)
        view_sentence_line(v, STYLE_BAD,
                           "\xe2\x9c\x97 %lld failed: put the database right, then x p or x b says how it stands.",
                           failed);
    else if (!text_is_empty(l->lock_holder))
        view_sentence_line(v, STYLE_WARN, "! Someone else is migrating: %s holds the lock.", l->lock_holder);
    else if (modified > 0)
        view_sentence_line(v, STYLE_BAD, "\xe2\x9c\x97 %lld modified: put the file back as it was applied; changes are "
                           "new migrations.", modified);
    else if (missing > 0)
        view_sentence_line(v, STYLE_WARN, "! %lld applied, but missing on disk: is this the right branch?", missing);
    else if (early > 0)
        view_sentence_line(v, STYLE_WARN, "! %lld pending before others that are applied.", early);
    else
        view_sentence_line(v, pending > 0 ? STYLE_WARN : STYLE_GOOD,
                           "%s %lld applied, %lld pending  (%s, %s%s)", pending > 0 ? "!" : "\xe2\x9c\x93",
                           count_state(s, "applied"), pending, or_empty(l->tool),
                           text_is_empty(l->relation) ? "no ledger" : l->relation,
                           l->exists ? "" : ": not there yet");
}

static void draw_sentence(const struct view *v)
{
    const struct fact_ledger *l = &v->m->facts.ledger;
    if (!text_is_empty(l->problem))
        view_sentence_line(v, STYLE_BAD, "\xe2\x9c\x97 %s", l->problem);
    else if (!v->m->migrations.loaded)
        view_sentence_line(v, STYLE_BOLD, "%s",
                           job_of(v->m, EFFECT_MIGRATIONS) ? "Reading the ledger \xe2\x80\xa6"
                           : v->m->roaming ? "not captured: the operator had not looked at the ledger by this moment."
                                           : "The ledger was not read yet: r reads it.");
    else
        draw_judgement(v, l);
}

static void draw_list(const struct view *v)
{
    const struct screen_migrations *s = &v->m->migrations;
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    draw_sentence(v);
    table_head(v, &t);
    for (int i = 0; i < v->l.list_rows; i++) {
        int64_t nth = s->list.top + i, index = list_index(v->m, nth);
        if (index < 0)
            break;
        draw_row(v, &t, v->l.list_row + i, nth, &s->items[index]);
    }
    draw_detail(v);
    if (s->loaded && list_selected(v->m) < 0)
        view_empty(
            v,
            text_is_empty(s->list.filter)
                ? "There is no migration, neither on disk nor in the ledger. migrations.dir in seedops.yaml says where they are."
                : "No migration passes the filter. Esc clears it.");
}

/* ---- its SQL ---- */

/* The state at the first line in view: as far back as the pages here reach without a gap. */
static struct sql_state state_at(const struct view *v, int64_t top)
{
    const struct rowset *rs = &v->m->migrations.sql;
    struct sql_state state = {0};
    int64_t from = top;
    while (from > 0 && top - from < PAGES * PAGE_MOST && rowset_row(rs, from - 1))
        from--;
    for (; from < top; from++)
        sql_draw(v, &state, 0, 0, 0, rowset_cell(rs, from, 0));
    return state;
}

static void draw_sql(const struct view *v)
{
    const struct screen_migrations *s = &v->m->migrations;
    const struct list *list = &s->sql_list;
    struct sql_state state = state_at(v, list->top);
    char number[HUMAN];
    if (s->sql.complete)
        view_sentence_line(v, STYLE_BOLD, "%s: %s line%s", s->reading, human_count(number, s->sql.count),
                           s->sql.count == 1 ? "" : "s");
    else
        view_sentence_line(v, STYLE_BOLD, "%s \xe2\x80\xa6", s->reading);
    for (int i = 0; i < v->l.list_rows && list->top + i < s->sql.count; i++) {
        int64_t line = list->top + i;
        int row = v->l.list_row + i;
        snprintf(number, sizeof number, "%lld", (long long)(line + 1));
        grid_right(v->g, row, 2, 5, STYLE_DIM, number);
        const struct fact_row *cells = rowset_row(&s->sql, line);
        if (cells && cells->cell_count)
            sql_draw(v, &state, row, 9, v->g->columns - 10, rowset_cell(&s->sql, line, 0));
        else
            view_absent(v, row, 9, cells);
        grid_hit(v->g, row, 0, 1, v->g->columns, "select", line);
        if (line == list->selected)
            grid_text(v->g, row, 1, 1, STYLE_KEY, "\xe2\x96\xb8");
    }
    if (v->m->roaming && !s->sql.store)
        view_empty(v, "not captured: the operator had not read this file by this moment.");
    if (s->sql.complete && s->sql.count == 0)
        view_empty(v, text_is_empty(list->filter) ? "The file is empty."
                                                  : "No line passes the filter. Esc clears it.");
}

void view_migrations(const struct view *v)
{
    if (view_unconnected(v))
        return;
    if (text_is_empty(v->m->migrations.reading))
        draw_list(v);
    else
        draw_sql(v);
}
