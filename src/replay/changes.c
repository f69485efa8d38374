/* changes - two models side by side, and the rows recorded up to each. */
#include "replay/changes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/diff_row.h"
#include "app/human.h"
#include "app/model.h"
#include "app/util.h"
#include "base/str.h"
#include "replay/roam.h"

enum { ROWS_SHOWN = 20, LINES_MOST = 2000 };

static void say(struct change_lines *lines, enum change_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct change_lines *lines, enum change_kind kind, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (lines->count == LINES_MOST)
        return;
    lines->items = xrealloc(lines->items, (lines->count + 1) * sizeof *lines->items);
    struct change_line *line = &lines->items[lines->count++];
    line->kind = kind;
    line->text = xstrdup(text);
}

void changes_free(struct change_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i].text);
    free(lines->items);
    *lines = (struct change_lines){0};
}

static void number(char out[HUMAN], int64_t n)
{
    if (n < 0)
        snprintf(out, HUMAN, "?");
    else
        human_count(out, n);
}

static void say_text(struct change_lines *lines, const char *what, const char *from, const char *to)
{
    if (!text_same(from, to))
        say(lines, CHANGE_CHANGED, "%s: %s \xe2\x86\x92 %s", what, text_is_empty(from) ? "\xc2\xb7" : from,
            text_is_empty(to) ? "\xc2\xb7" : to);
}

static void add_number(struct str *out, const char *what, int64_t from, int64_t to)
{
    char a[HUMAN], b[HUMAN];
    if (from == to)
        return;
    number(a, from);
    number(b, to);
    str_printf(out, "   %s %s \xe2\x86\x92 %s", what, a, b);
}

/* ---- tables ---- */

static const struct fact_table *table_of(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->facts.table_count; i++)
        if (text_same(m->facts.tables[i].name, name))
            return &m->facts.tables[i];
    return NULL;
}

static void compare_tables(struct change_lines *lines, const struct model *from, const struct model *to)
{
    for (size_t i = 0; i < to->facts.table_count; i++) {
        const struct fact_table *b = &to->facts.tables[i], *a = table_of(from, b->name);
        struct str text = {0};
        static const struct fact_table unknown = {.rows = -1, .missing = -1, .changed = -1, .extra = -1};
        a = a ? a : &unknown;
        add_number(&text, "rows", a->rows, b->rows);
        add_number(&text, "missing", a->missing, b->missing);
        add_number(&text, "changed", a->changed, b->changed);
        add_number(&text, "extra", a->extra, b->extra);
        if (a->held != b->held && a != &unknown)
            str_add(&text, b->held ? "   now held" : "   no longer held");
        if (text.length)
            say(lines, CHANGE_CHANGED, "%s%s", or_empty(b->name), str_text(&text));
        str_free(&text);
    }
    for (size_t i = 0; i < from->facts.table_count; i++)
        if (!table_of(to, from->facts.tables[i].name))
            say(lines, CHANGE_REMOVED, "%s: not known any more", or_empty(from->facts.tables[i].name));
}

/* ---- migrations ---- */

static const struct fact_migration *migration_of(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->migrations.item_count; i++)
        if (text_same(m->migrations.items[i].name, name))
            return &m->migrations.items[i];
    return NULL;
}

static void compare_migrations(struct change_lines *lines, const struct model *from, const struct model *to)
{
    char what[64];
    const struct fact_ledger *a = &from->facts.ledger, *b = &to->facts.ledger;
    struct str text = {0};
    add_number(&text, "applied", a->applied, b->applied);
    add_number(&text, "pending", a->pending, b->pending);
    add_number(&text, "failed", a->failed, b->failed);
    if (text.length)
        say(lines, CHANGE_CHANGED, "migrations%s", str_text(&text));
    str_free(&text);
    for (size_t i = 0; from->migrations.loaded && i < to->migrations.item_count; i++) {
        const struct fact_migration *now = &to->migrations.items[i], *was = migration_of(from, now->name);
        snprintf(what, sizeof what, "  %.60s", or_empty(now->name));
        say_text(lines, what, was ? was->state : "", now->state);
    }
}

/* ---- rows ---- */

static bool same_row(const struct fact_row *a, const struct fact_row *b)
{
    for (size_t i = 0; i < DIFF_CELLS; i++) {
        const char *x = i < a->cell_count ? a->cells[i].text : NULL,
                   *y = i < b->cell_count ? b->cells[i].text : NULL;
        if (!text_same(x, y))
            return false;
    }
    return true;
}

static const char *cell(const struct fact_row *row, size_t i)
{
    return i < row->cell_count ? or_empty(row->cells[i].text) : "";
}

/* Differences of `some` that `others` do not have. */
static void say_rows(struct change_lines *lines, enum change_kind kind, const char *sign,
                     const struct roam_rows *some, const struct roam_rows *others)
{
    size_t shown = 0, more = 0;
    for (size_t i = 0; i < some->count; i++) {
        const struct fact_row *row = &some->items[i].cells;
        bool there = false;
        for (size_t k = 0; k < others->count && !there; k++)
            there = same_row(row, &others->items[k].cells);
        if (there)
            continue;
        if (shown == ROWS_SHOWN) {
            more++;
            continue;
        }
        shown++;
        say(lines, kind, "  %s %s %s %s  %s | %s", sign, cell(row, DIFF_KEY), cell(row, DIFF_KIND),
            cell(row, DIFF_COLUMN), cell(row, DIFF_FIXTURE), cell(row, DIFF_LIVE));
    }
    if (more)
        say(lines, kind, "  %s and %zu more", sign, more);
}

/* A row that is not among the others has gone, or come, only if all of the others were recorded. */
static void say_side(struct change_lines *lines, enum change_kind kind, const char *sign,
                     const struct roam_rows *some, const struct roam_rows *others, const struct input *store)
{
    if ((int64_t)others->count >= store->number)
        say_rows(lines, kind, sign, some, others);
    else
        say(lines, CHANGE_PLAIN, "  %s ? of %lld rows only %zu were captured at the %s moment", sign,
            (long long)store->number, others->count, kind == CHANGE_REMOVED ? "later" : "earlier");
}

/* A moment: the model after input n, and since when what was recorded is of its environment. */
struct moment { const struct model *model; uint64_t n, since; };

/* What was known of a table's differences at either moment; at neither, nothing is said. */
static void compare_rows(struct change_lines *lines, struct source *source, const char *table,
                         const struct moment *from, const struct moment *to)
{
    enum { PAIRS_MOST = 4000 };
    struct str name = {0};
    struct input *was, *is;
    struct roam_rows a = {0}, b = {0};
    str_printf(&name, "diff:%s", table);
    uint64_t before = roam_store_of(source, str_text(&name), from->since, from->n, &was);
    uint64_t after = roam_store_of(source, str_text(&name), to->since, to->n, &is);
    if (before)
        roam_rows_of(source, before, from->n, &a);
    if (after)
        roam_rows_of(source, after, to->n, &b);
    if (after && !before) {
        say(lines, CHANGE_PLAIN, "%s: its rows were not captured before, %zu are known after", table, b.count);
    } else if (after != before && after && a.count < PAIRS_MOST && b.count < PAIRS_MOST) {
        say(lines, CHANGE_PLAIN, "%s: its differences from the fixture", table);
        size_t titled = lines->count;
        say_side(lines, CHANGE_REMOVED, "gone", &a, &b, is);
        say_side(lines, CHANGE_ADDED, "new ", &b, &a, was);
        if (lines->count == titled)
            free(lines->items[--lines->count].text);
    }
    roam_rows_free(&a);
    roam_rows_free(&b);
    input_free(was);
    input_free(is);
    str_free(&name);
}

void changes_make(struct change_lines *lines, struct source *source, const struct model *from, uint64_t n,
                  const struct model *to, uint64_t m)
{
    char a[HUMAN], b[HUMAN];
    struct moment first = {from, n, 0}, second = {to, m, 0};
    *lines = (struct change_lines){0};
    if (n > m) {
        first = (struct moment){to, m, 0};
        second = (struct moment){from, n, 0};
    }
    first.since = roam_since(source, first.model->environment, first.n);
    second.since = roam_since(source, second.model->environment, second.n);
    from = first.model;
    to = second.model;
    int64_t start = source_header(source)->started_ms;
    const struct timeline *time = source_timeline(source);
    say(lines, CHANGE_TITLE, "From event %llu (%s) to event %llu (%s)", (unsigned long long)first.n,
        human_clock_seconds(a, start + timeline_offset(time, first.n)), (unsigned long long)second.n,
        human_clock_seconds(b, start + timeline_offset(time, second.n)));
    size_t title = lines->count;
    say_text(lines, "environment", from->environment, to->environment);
    say_text(lines, "server", from->facts.server.target, to->facts.server.target);
    say_text(lines, "cluster", from->facts.server.system_identifier, to->facts.server.system_identifier);
    say_text(lines, "connection", from->facts.phase, to->facts.phase);
    say_text(lines, "write mode", from->write_mode ? "on" : "off", to->write_mode ? "on" : "off");
    compare_tables(lines, from, to);
    compare_migrations(lines, from, to);
    for (size_t i = 0; i < to->facts.table_count; i++)
        if (to->facts.tables[i].fixture_rows >= 0)
            compare_rows(lines, source, or_empty(to->facts.tables[i].name), &first, &second);
    if (lines->count == title)
        say(lines, CHANGE_PLAIN, "Nothing that was known changed.");
}
