/* act_move - what reads: moving, going, opening, copying, stopping. */
#include "app/act.h"

#include <stdlib.h>

#include "app/details.h"
#include "app/dialog.h"
#include "app/diff_row.h"
#include "app/layout.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"

/* ---- moving ---- */

static void move(struct model *m, int64_t by)
{
    if (m->modal.kind != MODAL_NONE)
        dialog_move(m, by);
    else
        list_select(m, clamp(screen_list(m)->selected, 0, INT64_MAX / 2) +
                           clamp(by, INT64_MIN / 4, INT64_MAX / 4));
}

static int64_t times(const struct input *in) { return in->number > 0 ? clamp(in->number, 1, 1000) : 1; }
static int64_t height(const struct model *m)
{
    return m->modal.kind != MODAL_NONE ? layout_pick_rows(m) : layout_of(m).list_rows;
}

/* A page moves the view as well as the selection. */
static void page(struct model *m, int64_t by)
{
    if (m->modal.kind != MODAL_NONE)
        m->modal.top = clamp(m->modal.top + by, 0, PICKS_MOST);
    else
        screen_class_of(m->screen)->list(m)->top = clamp(clamp(screen_list(m)->top, 0, INT64_MAX / 2) + by, 0,
                                                         INT64_MAX / 2);
    move(m, by);
}

ACTION(up) { move(m, -times(in)); }
ACTION(down) { move(m, times(in)); }
ACTION(page_up) { page(m, -height(m)); }
ACTION(page_down) { page(m, height(m)); }
ACTION(half_up) { move(m, -(height(m) + 1) / 2); }
ACTION(half_down) { move(m, (height(m) + 1) / 2); }
ACTION(first) { move(m, INT64_MIN / 4); }
ACTION(last) { move(m, INT64_MAX / 4); }

ACTION(select)
{
    if (m->modal.kind == MODAL_NONE) {
        list_select(m, in->number);
        return;
    }
    dialog_move(m, clamp(in->number, 0, PICKS_MOST) - m->modal.selected);
    dialog_accept(m, out);                       /* a click in a menu is a choice */
}

ACTION(open)
{
    if (screen_class_of(m->screen)->open)
        screen_class_of(m->screen)->open(m, out);
}

/* A level up: the filter first, then what is open inside, then the Overview. False: this is the top. */
static bool go_up(struct model *m, struct effects *out)
{
    const struct screen_class *class = screen_class_of(m->screen);
    if (!text_is_empty(screen_list(m)->filter)) {
        list_filter(m, NULL, out);
        return true;
    }
    if (class->up && class->up(m, out))
        return true;
    if (m->screen == SCREEN_OVERVIEW || m->screen == SCREEN_ENVIRONMENTS)
        return false;
    screen_go(m, text_is_empty(m->environment) ? SCREEN_ENVIRONMENTS : SCREEN_OVERVIEW, out);
    return true;
}

ACTION(back)
{
    go_up(m, out);
}

/* Whatever is open above; only a write that runs is asked about. */
ACTION(leave)
{
    if (jobs_write(m))
        dialog_confirm(m, "quit", NULL, NULL, true, "Leave while a write runs?",
                       "It is cancelled first. What was committed stays, everything else is undone.");
    else
        effect_add(out, EFFECT_QUIT, NULL);
}

ACTION(quit)
{
    if (!go_up(m, out))
        act_leave(m, in, out);
}

CONFIRMED(quit)
{
    if (jobs_write(m))
        effect_add(out, EFFECT_CANCEL, NULL);
    effect_add(out, EFFECT_QUIT, NULL);
}

/* ---- screens ---- */

ACTION(environments) { screen_go(m, SCREEN_ENVIRONMENTS, out); }
ACTION(order) { (void)in, (void)out; environments_order(m); }
ACTION(overview) { screen_go(m, SCREEN_OVERVIEW, out); }
ACTION(migrations) { screen_go(m, SCREEN_MIGRATIONS, out); }
ACTION(tables) { screen_go(m, SCREEN_TABLES, out); }
ACTION(diff) { screen_go(m, SCREEN_DIFF, out); }
ACTION(diagnose) { screen_go(m, SCREEN_DIAGNOSE, out); }
ACTION(deeper) { diagnose_start(m, true, out); }
ACTION(plan) { screen_go(m, SCREEN_PLAN, out); }
ACTION(activity) { screen_go(m, SCREEN_ACTIVITY, out); }
ACTION(log) { screen_go(m, SCREEN_LOG, out); }
ACTION(previous_view) { screen_go(m, m->previous, out); }

ACTION(history_back)
{
    if (!screen_go_back(m, out))
        notice_set(m, "info", "This is where it began.");
}

ACTION(history_forward)
{
    if (!screen_go_forward(m, out))
        notice_set(m, "info", "There is nothing further on: ] undoes [.");
}


ACTION(next_screen)
{
    screen_go(m, (enum screen)((m->screen + 1) % SCREEN_COUNT), out);
}

ACTION(previous_screen)
{
    screen_go(m, (enum screen)((m->screen + SCREEN_COUNT - 1) % SCREEN_COUNT), out);
}

ACTION(refresh)
{
    if (screen_class_of(m->screen)->refresh)
        screen_class_of(m->screen)->refresh(m, out);
}

ACTION(redraw) { effect_add(out, EFFECT_REPAINT, NULL); }
ACTION(suspend) { effect_add(out, EFFECT_SUSPEND, NULL); }

/* ---- what opens above a screen ---- */

ACTION(help) { dialog_open_list(m, MODAL_HELP); }
ACTION(note) { dialog_open_prompt(m, MODAL_NOTE, NULL); }
ACTION(palette) { dialog_open_list(m, MODAL_PALETTE); }

ACTION(menu)
{
    dialog_open_list(m, MODAL_MENU);
    struct pick picks[PICKS_MOST];
    if (!picks_make(m, picks)) {
        m->modal.kind = MODAL_NONE;
        notice_set(m, "info", "There is no action for a row of %s.", screen_class_of(m->screen)->title);
    }
}

ACTION(search) { dialog_open_prompt(m, MODAL_SEARCH, NULL); }

ACTION(filter)
{
    dialog_open_prompt(m, MODAL_FILTER, screen_list(m)->filter);
}

ACTION(search_next) { list_search(m, false, false, out); }
ACTION(search_previous) { list_search(m, true, false, out); }
ACTION(accept) { dialog_accept(m, out); }
ACTION(close) { dialog_close(m, out); }
ACTION(press) { dialog_press(m, in->number, out); }
ACTION(next_field) { dialog_move(m, 1); }
ACTION(previous_field) { dialog_move(m, -1); }
ACTION(edit_backspace) { dialog_backspace(m); }
ACTION(edit_clear) { dialog_clear(m); }

/* ---- the row ---- */

static void copy(struct model *m, bool whole_row, struct effects *out)
{
    struct str text = {0};
    int64_t row = list_selected(m);
    const struct list *list = screen_list(m);
    if (row < 0)
        return;
    const char *live =
        m->screen == SCREEN_DIFF && screen_store(m) ? rowset_cell(screen_store(m), row, DIFF_LIVE) : "";
    if (!whole_row && screen_store(m) && m->screen == SCREEN_DIFF)
        str_add(&text, *live ? live : rowset_cell(screen_store(m), row, DIFF_FIXTURE));
    else if (!whole_row && !text_is_empty(list->name))
        str_add(&text, list->name);
    else
        screen_class_of(m->screen)->text_of(m, row, &text);
    text_replace(&effect_add(out, EFFECT_COPY, NULL)->text, str_text(&text));
    str_free(&text);
}

/* What a column cuts off. The rows of a diff have a dialog of their own, with both sides. */
ACTION(details)
{
    const struct screen_class *class = screen_class_of(m->screen);
    struct str lines = {0};
    int64_t row = list_selected(m);
    if (m->screen == SCREEN_DIFF && screen_store(m)) {
        class->open(m, out);
        return;
    }
    if (class->details_of) {
        class->details_of(m, row, &lines);
    } else {
        struct str text = {0};
        class->text_of(m, row, &text);
        details_add_lines(&lines, "", str_text(&text));
        str_free(&text);
    }
    const char *name = screen_list(m)->name;
    dialog_details(m, text_is_empty(name) ? class->title : name, str_text(&lines));
    str_free(&lines);
}

ACTION(pause)
{
    struct screen_activity *s = &m->activity;
    s->paused = !s->paused;
    if (!s->paused)
        act_refresh(m, in, out);
}

ACTION(copy) { copy(m, false, out); }
ACTION(copy_row) { copy(m, true, out); }

ACTION(edit)
{
    char *file = NULL;
    int64_t line = 0;
    if (m->screen == SCREEN_MIGRATIONS) {
        const struct fact_migration *item = migrations_find(m, m->migrations.list.name);
        text_replace(&file, item ? item->path : NULL);
        line = text_is_empty(m->migrations.reading) ? 1 : m->migrations.sql_list.selected + 1;
    } else if (!text_is_empty(m->diff.table)) {
        diff_row_place(m, &file, &line);
    }
    if (text_is_empty(file)) {
        notice_set(m, "info", "This row has no file to open.");
    } else {
        struct effect *effect = effect_add(out, EFFECT_EDITOR, NULL);
        text_replace(&effect->text, file);
        effect->number = line;
    }
    free(file);
}

ACTION(identical_too)
{
    if (text_is_empty(m->diff.table))
        m->diff.identical_too = !m->diff.identical_too;
    else
        notice_set(m, "info",
                   "Rows that are as declared are not listed: a table shows only its differences.");
}

/* ---- stopping ---- */

static void cancel_job(struct model *m, struct effects *out)
{
    const struct job *shown = job_shown(m);
    struct job *job = shown ? job_find(m, shown->request) : NULL;
    if (!job) {
        notice_set(m, "info", "Nothing runs.");
        return;
    }
    struct effect *effect = effect_add(out, EFFECT_CANCEL, NULL);
    effect->request = job->request;
    effect->number = (int64_t)job->request;
    job->cancelling = true;
}

ACTION(cancel) { cancel_job(m, out); }

/* ctrl-c: closes, then cancels; only a second one in a row that had nothing to stop leaves. */
ACTION(interrupt)
{
    bool again = m->interrupted_ms > 0 && m->now_ms < m->interrupted_ms + LEAVE_TWICE_MS;
    m->interrupted_ms = 0;
    if (m->modal.kind != MODAL_NONE) {
        dialog_close(m, out);
    } else if (jobs_write(m)) {
        cancel_job(m, out);
    } else if (again) {
        effect_add(out, EFFECT_QUIT, NULL);
    } else {
        m->interrupted_ms = m->now_ms ? m->now_ms : 1;
        notice_set(m, "info", "ctrl-c again leaves; q goes back.");
    }
}
