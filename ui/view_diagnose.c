/* view_diagnose - the verdict, since when and by whom; then what to do, the tables, what says so, what was not read. */
#include "view.h"

#include <stdio.h>
#include <string.h>

#include "app/action.h"
#include "app/diagnosis.h"
#include "app/human.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"

static const char *const part_titles[PART_COUNT] = {
    [PART_NEXT] = "To do", [PART_TABLE] = "Tables", [PART_EVIDENCE] = "Evidence", [PART_DENIED] = "Not read",
    [PART_ALTERNATIVE] = "Or else",
};
/* On a narrow screen the fact has all the room; its source is below, where the selected line is told in full. */
static const struct column columns[] = {{"", 8, false, 0, 0}, {"", 30, false, 3, 0}, {"", 18, false, 1, 100}};
enum { C_PART, C_FACT, C_SOURCE };

static enum style verdict_style(const char *verdict)
{
    return text_same(verdict, "healthy") ? STYLE_GOOD : STYLE_BAD;
}

static int64_t wall_now(const struct model *m) { return m->wall_ms ? m->wall_ms + (m->now_ms - m->wall_at_ms) : 0; }

/* Who, as far as anything says, and what the times rest on. */
static void whence_text(const struct fact_diagnosis *d, char *out, size_t size)
{
    out[0] = '\0';
    if (text_same(d->verdict, "healthy"))
        return;
    size_t used = 0;
    if (!text_is_empty(d->by))
        used = (size_t)snprintf(out, size, "By %.400s. ", d->by);
    else if (text_same(d->verdict, "deleted") || text_same(d->verdict, "truncated"))
        used = (size_t)snprintf(out, size, "By whom: %s. ", d->deep ? "nothing that could be read says" : "d looks deeper");
    if (!text_is_empty(d->since_why) && !text_is_empty(d->until_why))
        snprintf(out + used, size - used, "Not before: %.200s; not after: %.200s.", d->since_why, d->until_why);
}

/* "✗ DELETED  certain, between 11:52:10 and 12:08:44 UTC", the sentence, and by whom. */
static void draw_verdict(const struct view *v, const struct fact_diagnosis *d)
{
    char word[20], when[128], whence[1000];
    int row = v->l.sentence_row, width = v->g->columns - 2;
    diagnosis_word(d->verdict, word);
    diagnosis_time(d, wall_now(v->m), when, sizeof when);
    int column = 1 + grid_printf(v->g, row, 1, 30, verdict_style(d->verdict), "%s %s",
                                 text_same(d->verdict, "healthy") ? "\xe2\x9c\x93" : "\xe2\x9c\x97", word) + 2;
    grid_printf(v->g, row, column, width - column + 1, STYLE_BOLD, "%s%s%s%s", or_empty(d->confidence),
                *when ? ", " : "", when, d->deep ? "; looked deeper" : "");
    int used = view_wrap(v, row + 1, 3, width - 2, v->l.sentence_rows - 1, STYLE_BOLD, d->sentence);
    whence_text(d, whence, sizeof whence);
    view_wrap(v, row + 1 + used, 3, width - 2, v->l.sentence_rows - 1 - used, STYLE_DIM, whence);
}

static void draw_looking(const struct view *v)
{
    const struct job *job = job_of(v->m, EFFECT_DIAGNOSE);
    grid_text(v->g, v->l.sentence_row, 1, v->g->columns - 2, STYLE_BOLD,
              job ? "Reading the evidence; no table is scanned \xe2\x80\xa6" : "Not diagnosed yet: r does. No table is scanned.");
}

/* The key of an action here: "x p", "d", or "" where it is not on this screen. */
static const char *key_of(const char *name, char out[16])
{
    const struct action *action = action_find(or_empty(name));
    out[0] = '\0';
    if (action && action->where & ON_DIAGNOSE && action->menu_key)
        snprintf(out, 16, "x %s", action->menu_key);
    return out;
}

static void draw_next(const struct view *v, const struct table *t, int row, const struct fact_next *next)
{
    char key[16], text[512];
    key_of(next->action, key);
    snprintf(text, sizeof text, "%s%.480s", *key ? "" : "\xe2\x80\xa2 ", or_empty(next->text));
    int used = *key ? grid_text(v->g, row, t->x[C_FACT], 4, STYLE_KEY, key) + 1 : 0;
    int room = t->width[C_FACT] - used;
    bool wide = text_is_empty(next->command);
    grid_text(v->g, row, t->x[C_FACT] + used, wide ? room + 2 + t->width[C_SOURCE] : room, STYLE_PLAIN, text);
    if (!wide) {
        snprintf(text, sizeof text, "seedops %.480s", next->command);
        table_cell(v, t, row, C_SOURCE, STYLE_DIM, text);
    }
}

static void draw_table(const struct view *v, const struct table *t, int row, const struct fact_table_verdict *f)
{
    char text[256], rows[HUMAN] = "";
    bool narrow = !t->width[C_SOURCE];
    if (f->dead > 0 && f->held)
        human_count(rows, f->dead);
    snprintf(text, sizeof text, "%s %.100s: %.40s, %.20s%s%s%s", text_same(f->verdict, "healthy") ? "\xe2\x9c\x93" : "\xe2\x9c\x97",
             or_empty(f->name), or_empty(f->verdict), or_empty(f->confidence), *rows && narrow ? "; " : "",
             narrow ? rows : "", *rows && narrow ? " perhaps readable" : "");
    table_cell(v, t, row, C_FACT, STYLE_PLAIN, text);
    if (*rows && !narrow) {
        snprintf(text, sizeof text, "%s perhaps readable", rows);
        table_cell(v, t, row, C_SOURCE, STYLE_HELD, text);
    }
}

static void draw_evidence(const struct view *v, const struct table *t, int row, const struct fact_evidence *e)
{
    char text[640];
    bool unread = !text_is_empty(e->problem);
    bool narrow = !t->width[C_SOURCE];
    bool named = !text_is_empty(e->table) && strncmp(or_empty(e->fact), e->table, strlen(e->table)) == 0;
    snprintf(text, sizeof text, "%s %.100s%s%.300s%s%.100s", diagnosis_mark(e), named ? "" : or_empty(e->table),
             named || text_is_empty(e->table) ? "" : ": ", or_empty(e->fact), unread && narrow ? ": " : "",
             unread && narrow ? e->problem : "");
    table_cell(v, t, row, C_FACT, unread ? STYLE_DIM : STYLE_PLAIN, text);
    table_cell(v, t, row, C_SOURCE, unread ? STYLE_WARN : STYLE_DIM, unread ? e->problem : e->source);
}

static void draw_row(const struct view *v, const struct table *t, int row, int64_t nth, const struct diagnosis_row *r,
                     bool first)
{
    const struct fact_diagnosis *d = &v->m->facts.diagnosis;
    char text[640];
    if (first)
        table_cell(v, t, row, C_PART, STYLE_DIM, part_titles[r->part]);
    switch (r->part) {
    case PART_NEXT: draw_next(v, t, row, &d->next[r->index]); break;
    case PART_TABLE: draw_table(v, t, row, &d->tables[r->index]); break;
    case PART_EVIDENCE: draw_evidence(v, t, row, &d->evidence[r->index]); break;
    case PART_DENIED:
        snprintf(text, sizeof text, "\xe2\x80\x93 %.300s: %.300s", or_empty(d->denied[r->index].what),
                 or_empty(d->denied[r->index].why));
        table_cell(v, t, row, C_FACT, STYLE_PLAIN, text);
        table_cell(v, t, row, C_SOURCE, STYLE_DIM, d->denied[r->index].grant);
        break;
    case PART_ALTERNATIVE:
        snprintf(text, sizeof text, "? %.100s: %.500s", or_empty(d->alternatives[r->index].verdict),
                 or_empty(d->alternatives[r->index].why));
        table_cell(v, t, row, C_FACT, STYLE_PLAIN, text);
        table_cell(v, t, row, C_SOURCE, STYLE_DIM, d->alternatives[r->index].confidence);
        break;
    default: break;
    }
    table_row(v, row, nth);
}

/* What the row has no room for. */
static void table_detail(const struct fact_table_verdict *t, char *out, size_t size)
{
    if (t->inserted >= 0)
        snprintf(out, size, "%s\n%lld inserted, %lld deleted, %lld dead, as the counters have it", or_empty(t->why),
                 (long long)t->inserted, (long long)t->deleted, (long long)t->dead);
    else
        snprintf(out, size, "%s", or_empty(t->why));
}

static void evidence_detail(const struct fact_evidence *e, char *out, size_t size)
{
    snprintf(out, size, "%s\n%s%s%s%s%s", or_empty(e->fact), or_empty(e->source),
             text_is_empty(e->supports) ? "" : "   supports ", or_empty(e->supports),
             text_is_empty(e->excludes) ? "" : "   rules out ", or_empty(e->excludes));
}

static void denied_detail(const struct fact_denied *f, char *out, size_t size)
{
    snprintf(out, size, "%s: %s\n%s%s", or_empty(f->what), or_empty(f->why),
             text_is_empty(f->grant) ? "" : "This would open it: ", or_empty(f->grant));
}

static void detail_text(const struct fact_diagnosis *d, const struct diagnosis_row *r, char *out, size_t size)
{
    out[0] = '\0';
    switch (r->part) {
    case PART_NEXT:
        snprintf(out, size, "%s%s%s", or_empty(d->next[r->index].text),
                 text_is_empty(d->next[r->index].command) ? "" : "\nseedops ", or_empty(d->next[r->index].command));
        break;
    case PART_TABLE: table_detail(&d->tables[r->index], out, size); break;
    case PART_EVIDENCE: evidence_detail(&d->evidence[r->index], out, size); break;
    case PART_DENIED: denied_detail(&d->denied[r->index], out, size); break;
    case PART_ALTERNATIVE:
        snprintf(out, size, "%s %s: %s", d->cannot_tell && r->index == 0 ? "It cannot be told from" : "Less likely:",
                 or_empty(d->alternatives[r->index].verdict), or_empty(d->alternatives[r->index].why));
        break;
    default: break;
    }
}

static void draw_rows(const struct view *v, const struct fact_diagnosis *d)
{
    struct table t = table_make(v, columns, sizeof columns / sizeof columns[0]);
    struct diagnosis_row r, before = {PART_COUNT, 0};
    for (int i = 0; i < v->l.list_rows; i++) {
        int64_t nth = v->m->diagnose.list.top + i, index = list_index(v->m, nth);
        if (index < 0 || !diagnosis_row(d, index, &r))
            break;
        draw_row(v, &t, v->l.list_row + i, nth, &r, r.part != before.part);
        before = r;
    }
    if (list_selected(v->m) >= 0 && diagnosis_row(d, list_selected(v->m), &r)) {
        char text[1400];
        detail_text(d, &r, text, sizeof text);
        view_wrap(v, v->l.detail_row, 3, v->g->columns - 4, v->l.detail_rows, STYLE_PLAIN, text);
    } else if (diagnosis_rows(d)) {
        view_empty(v, "No line passes the filter. Esc shows all.");
    }
}

void view_diagnose(const struct view *v)
{
    if (view_unconnected(v))
        return;
    if (!v->m->facts.diagnosed) {
        draw_looking(v);
        return;
    }
    draw_verdict(v, &v->m->facts.diagnosis);
    draw_rows(v, &v->m->facts.diagnosis);
}
