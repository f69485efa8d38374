/* actions - the table, and what each action does. Writes only ever ask: their dialog's end does it. */
#include <stdlib.h>
#include <string.h>

#include "app/action.h"
#include "app/dialog.h"
#include "app/diff_row.h"
#include "app/layout.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/str.h"
#include "base/text.h"

typedef const struct input *In;
typedef struct effects *Out;

/* ---- moving ---- */

static void move(struct model *m, int64_t by)
{
    if (m->modal.kind != MODAL_NONE)
        dialog_move(m, by);
    else
        list_select(m, clamp(screen_list(m)->selected, 0, INT64_MAX / 2) + clamp(by, INT64_MIN / 4, INT64_MAX / 4));
}

static int64_t times(In in) { return in->number > 0 ? clamp(in->number, 1, 1000) : 1; }
static int64_t height(const struct model *m)
{
    return m->modal.kind != MODAL_NONE ? layout_pick_rows(m) : layout_of(m).list_rows;
}

static void run_up(struct model *m, In in, Out out) { (void)out; move(m, -times(in)); }
static void run_down(struct model *m, In in, Out out) { (void)out; move(m, times(in)); }
static void run_page_up(struct model *m, In in, Out out) { (void)in, (void)out; move(m, -height(m)); }
static void run_page_down(struct model *m, In in, Out out) { (void)in, (void)out; move(m, height(m)); }
static void run_half_up(struct model *m, In in, Out out) { (void)in, (void)out; move(m, -(height(m) + 1) / 2); }
static void run_half_down(struct model *m, In in, Out out) { (void)in, (void)out; move(m, (height(m) + 1) / 2); }
static void run_first(struct model *m, In in, Out out) { (void)in, (void)out; move(m, INT64_MIN / 4); }
static void run_last(struct model *m, In in, Out out) { (void)in, (void)out; move(m, INT64_MAX / 4); }

static void run_select(struct model *m, In in, Out out)
{
    if (m->modal.kind == MODAL_NONE) {
        list_select(m, in->number);
        return;
    }
    dialog_move(m, clamp(in->number, 0, PICKS_MOST) - m->modal.selected);
    dialog_accept(m, out);                       /* a click in a menu is a choice */
}

static void run_open(struct model *m, In in, Out out)
{
    (void)in;
    if (screen_class_of(m->screen)->open)
        screen_class_of(m->screen)->open(m, out);
}

/* A level up: the filter first, then what is open inside, then the Overview. False: this is the top. */
static bool go_up(struct model *m, Out out)
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

static void run_back(struct model *m, In in, Out out)
{
    (void)in;
    go_up(m, out);
}

static void run_quit(struct model *m, In in, Out out)
{
    (void)in;
    if (go_up(m, out))
        return;
    if (jobs_write(m))
        dialog_confirm(m, "quit", NULL, NULL, true, "Leave while a write runs?",
                       "It is cancelled first. What was committed stays, everything else is undone.");
    else
        effect_add(out, EFFECT_QUIT, NULL);
}

static void quit_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    (void)target, (void)typed;
    if (jobs_write(m))
        effect_add(out, EFFECT_CANCEL, NULL);
    effect_add(out, EFFECT_QUIT, NULL);
}

/* ---- screens ---- */

static void run_environments(struct model *m, In in, Out out) { (void)in; screen_go(m, SCREEN_ENVIRONMENTS, out); }
static void run_overview(struct model *m, In in, Out out) { (void)in; screen_go(m, SCREEN_OVERVIEW, out); }
static void run_migrations(struct model *m, In in, Out out) { (void)in; screen_go(m, SCREEN_MIGRATIONS, out); }
static void run_tables(struct model *m, In in, Out out) { (void)in; screen_go(m, SCREEN_TABLES, out); }
static void run_diff(struct model *m, In in, Out out) { (void)in; screen_go(m, SCREEN_DIFF, out); }
static void run_activity(struct model *m, In in, Out out) { (void)in; screen_go(m, SCREEN_ACTIVITY, out); }
static void run_log(struct model *m, In in, Out out) { (void)in; screen_go(m, SCREEN_LOG, out); }
static void run_previous_view(struct model *m, In in, Out out) { (void)in; screen_go(m, m->previous, out); }

static void run_next_screen(struct model *m, In in, Out out)
{
    (void)in;
    screen_go(m, (enum screen)((m->screen + 1) % SCREEN_COUNT), out);
}

static void run_previous_screen(struct model *m, In in, Out out)
{
    (void)in;
    screen_go(m, (enum screen)((m->screen + SCREEN_COUNT - 1) % SCREEN_COUNT), out);
}

static void run_refresh(struct model *m, In in, Out out)
{
    (void)in;
    if (screen_class_of(m->screen)->refresh)
        screen_class_of(m->screen)->refresh(m, out);
}

static void run_redraw(struct model *m, In in, Out out) { (void)m, (void)in; effect_add(out, EFFECT_REPAINT, NULL); }
static void run_suspend(struct model *m, In in, Out out) { (void)m, (void)in; effect_add(out, EFFECT_SUSPEND, NULL); }

/* ---- what opens above a screen ---- */

static void run_help(struct model *m, In in, Out out) { (void)in, (void)out; dialog_open_list(m, MODAL_HELP); }
static void run_palette(struct model *m, In in, Out out) { (void)in, (void)out; dialog_open_list(m, MODAL_PALETTE); }

static void run_menu(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    dialog_open_list(m, MODAL_MENU);
    struct pick picks[PICKS_MOST];
    if (!picks_make(m, picks)) {
        m->modal.kind = MODAL_NONE;
        notice_set(m, "info", "There is no action for a row of %s.", screen_class_of(m->screen)->title);
    }
}

static void run_search(struct model *m, In in, Out out) { (void)in, (void)out; dialog_open_prompt(m, MODAL_SEARCH, NULL); }

static void run_filter(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    dialog_open_prompt(m, MODAL_FILTER, screen_list(m)->filter);
}

static void run_search_next(struct model *m, In in, Out out) { (void)in; list_search(m, false, false, out); }
static void run_search_previous(struct model *m, In in, Out out) { (void)in; list_search(m, true, false, out); }
static void run_accept(struct model *m, In in, Out out) { (void)in; dialog_accept(m, out); }
static void run_close(struct model *m, In in, Out out) { (void)in; dialog_close(m, out); }
static void run_press(struct model *m, In in, Out out) { dialog_press(m, in->number, out); }
static void run_next_field(struct model *m, In in, Out out) { (void)in, (void)out; dialog_move(m, 1); }
static void run_previous_field(struct model *m, In in, Out out) { (void)in, (void)out; dialog_move(m, -1); }
static void run_edit_backspace(struct model *m, In in, Out out) { (void)in, (void)out; dialog_backspace(m); }
static void run_edit_clear(struct model *m, In in, Out out) { (void)in, (void)out; dialog_clear(m); }

/* ---- the row ---- */

static void copy(struct model *m, bool whole_row, Out out)
{
    struct str text = {0};
    int64_t row = list_selected(m);
    const struct list *list = screen_list(m);
    if (row < 0)
        return;
    const char *live = m->screen == SCREEN_DIFF && screen_store(m) ? rowset_cell(screen_store(m), row, DIFF_LIVE) : "";
    if (!whole_row && screen_store(m) && m->screen == SCREEN_DIFF)
        str_add(&text, *live ? live : rowset_cell(screen_store(m), row, DIFF_FIXTURE));
    else if (!whole_row && !text_is_empty(list->name))
        str_add(&text, list->name);
    else
        screen_class_of(m->screen)->text_of(m, row, &text);
    text_replace(&effect_add(out, EFFECT_COPY, NULL)->text, str_text(&text));
    str_free(&text);
}

static void run_copy(struct model *m, In in, Out out) { (void)in; copy(m, false, out); }
static void run_copy_row(struct model *m, In in, Out out) { (void)in; copy(m, true, out); }

static void run_edit(struct model *m, In in, Out out)
{
    (void)in;
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

static void run_identical_too(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    m->diff.identical_too = !m->diff.identical_too;
}

/* ---- stopping ---- */

static void cancel_job(struct model *m, Out out)
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

static void run_cancel(struct model *m, In in, Out out) { (void)in; cancel_job(m, out); }

/* ctrl-c: closes, then cancels, and only twice in a row leaves. */
static void run_interrupt(struct model *m, In in, Out out)
{
    (void)in;
    bool again = m->interrupted_ms > 0 && m->now_ms < m->interrupted_ms + LEAVE_TWICE_MS;
    m->interrupted_ms = m->now_ms ? m->now_ms : 1;
    if (m->modal.kind != MODAL_NONE)
        dialog_close(m, out);
    else if (jobs_write(m))
        cancel_job(m, out);
    else if (again)
        effect_add(out, EFFECT_QUIT, NULL);
    else
        notice_set(m, "info", "ctrl-c again leaves; q goes back.");
}

/* ---- writes ---- */

static const char *environment_name(const struct model *m)
{
    return text_is_empty(m->facts.server.environment) ? or_empty(m->environment) : m->facts.server.environment;
}

/* What must be typed before a write of this action: the environment's name where the class asks for it, and on
 * production always (Enter alone never confirms a write there). */
static const char *name_to_type(const struct model *m, const char *action)
{
    bool asked = action_find(action)->needs & NEEDS_NAME && !facts_local(m);
    return asked || facts_production(m) ? environment_name(m) : "";
}

/* "Seed · PRODUCTION": what, and where. */
static void title_of(const struct model *m, const char *what, struct str *out)
{
    str_add(out, what);
    str_add(out, " \xc2\xb7 ");
    const char *role = or_empty(m->facts.server.role);
    for (; *role; role++)
        str_add_char(out, *role >= 'a' && *role <= 'z' ? (char)(*role - 32) : *role);
    str_add(out, " ");
    text_visible(out, environment_name(m), strlen(environment_name(m)));
}

static void confirm(struct model *m, const char *action, const char *what, const char *target, const char *body)
{
    struct str title = {0};
    title_of(m, what, &title);
    dialog_confirm(m, action, target, name_to_type(m, action), action_find(action)->needs & DESTRUCTIVE,
                   str_text(&title), body);
    str_free(&title);
}

static void run_write_mode(struct model *m, In in, Out out)
{
    (void)in;
    if (m->write_mode) {
        m->write_mode = false;
        notice_set(m, "info", "Write mode is off.");
    } else if (m->facts.server.in_recovery) {
        notice_set(m, "warn", "This server is a standby and takes no writes.");
    } else if (facts_production(m)) {
        confirm(m, "write-mode", "Write mode", NULL,
                "Writes become possible here for as long as you work, and end after ten idle minutes.");
    } else {
        action_find("write-mode")->confirmed(m, "", "", out);
    }
}

static void write_mode_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    (void)target, (void)typed, (void)out;
    m->write_mode = true;
    m->write_until_ms = m->now_ms + WRITE_MODE_MS;
    notice_set(m, "good", "Write mode is on; it ends after ten idle minutes. W turns it off.");
}

static void run_seed(struct model *m, In in, Out out)
{
    (void)in;
    struct effect *effect = request_start(m, out, EFFECT_SEED, NULL);
    uint64_t request = effect->request;
    effect->number = 1;
    job_find(m, request)->plan = true;
    confirm(m, "seed", "Seed", NULL, NULL);
    m->modal.request = request;
}

static void seed_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    (void)target;
    text_replace(&request_start(m, out, EFFECT_SEED, NULL)->text, typed);
}

static void run_migrate_all(struct model *m, In in, Out out)
{
    (void)in;
    if (!m->migrations.loaded)
        migrations_load(m, out);
    if (m->facts.ledger.pending <= 0) {
        notice_set(m, "info", "No migration is pending.");
        return;
    }
    confirm(m, "migrate-all", "Apply all pending migrations", NULL, NULL);
}

static void migrate_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    text_replace(&request_start(m, out, EFFECT_MIGRATE, target)->text, typed);
    screen_go(m, SCREEN_MIGRATIONS, out);
}

static const struct fact_migration *selected_migration(const struct model *m)
{
    return migrations_find(m, m->migrations.list.name);
}

static const struct fact_migration *next_pending(const struct model *m)
{
    for (size_t i = 0; i < m->migrations.item_count; i++)
        if (text_same(m->migrations.items[i].state, "pending"))
            return &m->migrations.items[i];
    return NULL;
}

static void run_migrate_one(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    const struct fact_migration *item = selected_migration(m), *next = next_pending(m);
    if (!item || !text_same(item->state, "pending"))
        notice_set(m, "info", "%s is not pending.", item ? or_empty(item->name) : "This row");
    else if (next != item)
        notice_set(m, "info", "%s comes first: migrations are applied in order.", or_empty(next->name));
    else
        confirm(m, "migrate-one", "Apply one migration", item->name, NULL);
}

static void run_resolve(struct model *m, const char *action, const char *what, const char *consequence)
{
    const struct fact_migration *item = selected_migration(m);
    if (!item)
        return;
    struct str body = {0};
    text_visible(&body, or_empty(item->name), strlen(or_empty(item->name)));
    str_printf(&body, "\n%s", consequence);
    confirm(m, action, what, item->name, str_text(&body));
    str_free(&body);
}

static void run_resolve_applied(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    run_resolve(m, "resolve-applied", "Mark as applied", "The ledger will say that it was applied. Its SQL is not run.");
}

static void run_resolve_rolled_back(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    run_resolve(m, "resolve-rolled-back", "Mark as rolled back",
                "The ledger will say that it was rolled back, so that it can run again. No SQL is run.");
}

static void resolve(struct model *m, const char *target, const char *typed, bool applied, Out out)
{
    struct effect *effect = request_start(m, out, EFFECT_RESOLVE, target);
    effect->number = applied;
    text_replace(&effect->text, typed);
}

static void resolve_applied_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    resolve(m, target, typed, true, out);
}

static void resolve_rolled_back_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    resolve(m, target, typed, false, out);
}

static void run_signal(struct model *m, const char *action, const char *what, const char *consequence)
{
    const struct fact_backend *b = &m->activity.items[list_selected(m)];
    struct str body = {0}, pid = {0};
    str_printf(&pid, "%lld", (long long)b->pid);
    str_printf(&body, "pid %s  ", str_text(&pid));
    text_visible(&body, or_empty(b->user), strlen(or_empty(b->user)));
    str_add(&body, "  ");
    text_visible(&body, or_empty(b->application), strlen(or_empty(b->application)));
    str_printf(&body, "\n%s", consequence);
    confirm(m, action, what, str_text(&pid), str_text(&body));
    str_free(&pid);
    str_free(&body);
}

static void run_cancel_backend(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    run_signal(m, "cancel-backend", "Cancel a statement",
               "What it runs now ends with an error; its session stays.");
}

static void run_terminate(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    run_signal(m, "terminate", "Terminate a backend",
               "Its session ends, its open transaction is rolled back.");
}

static void signal_backend(struct model *m, const char *target, const char *typed, bool terminate, Out out)
{
    struct effect *effect = request_start(m, out, EFFECT_SIGNAL_BACKEND, NULL);
    effect->number = strtoll(target, NULL, 10);
    effect->number2 = terminate;
    text_replace(&effect->text, typed);
}

static void cancel_backend_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    signal_backend(m, target, typed, false, out);
}

static void terminate_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    signal_backend(m, target, typed, true, out);
}

/* ---- reads that want a word first ---- */

static void run_scan(struct model *m, In in, Out out)
{
    (void)in, (void)out;
    bool inside = m->screen == SCREEN_DIFF && !text_is_empty(m->diff.table);
    if (!inside && list_selected(m) < 0)
        return;
    char *table = NULL;
    text_replace(&table, inside ? m->diff.table : facts_table_name(m, list_selected(m)));
    dialog_confirm(m, "scan", table, NULL, true, "Scan a held table?",
                   "Reading this table cleans up its dead rows: what could still be read back of the deleted\n"
                   "rows is then gone for good. Scan it only if nobody needs that any more.");
    free(table);
}

static void scan_confirmed(struct model *m, const char *target, const char *typed, Out out)
{
    (void)typed;
    char *table = NULL;
    text_replace(&table, target);
    diff_open_table(m, table, true, out);
    free(table);
}

static void run_verify(struct model *m, In in, Out out)
{
    (void)in;
    if (!job_of(m, EFFECT_VERIFY))
        request_start(m, out, EFFECT_VERIFY, NULL);
}

/* ---- the table ---- */

#define WRITES (NEEDS_ENVIRONMENT | NEEDS_CONNECTION | NEEDS_WRITE_MODE | NEEDS_IDLE)
#define READS (NEEDS_ENVIRONMENT | NEEDS_CONNECTION)
#define LISTS_OF_TABLES (ON_OVERVIEW | ON_TABLES | ON_DIFF)

const struct action actions[] = {
    {"accept", "Choose, or confirm", "enter", NULL, NULL, IN_PICK | IN_MENU | IN_PROMPT | IN_DIALOG, QUIET, run_accept, NULL},
    {"activity", "Activity: what else runs here, and who blocks whom", "6", NULL, NULL, ON_SCREENS, 0, run_activity, NULL},
    {"back", "A level up; never leaves", "esc h backspace left", NULL, NULL, ON_SCREENS, QUIET, run_back, NULL},
    {"cancel", "Cancel what runs", "ctrl-x", NULL, NULL, EVERYWHERE, 0, run_cancel, NULL},
    {"cancel-backend", "Cancel a backend's statement", "", "c", "its statement ends with an error, the session stays",
     ON_ACTIVITY, WRITES | NEEDS_ROW | NEEDS_NAME, run_cancel_backend, cancel_backend_confirmed},
    {"close", "Close without doing anything", "esc", NULL, NULL, IN_PICK | IN_MENU | IN_PROMPT | IN_DIALOG, QUIET, run_close, NULL},
    {"copy", "Copy the name, or the value (live, else declared)", "y", NULL, NULL, ON_SCREENS, NEEDS_ROW, run_copy, NULL},
    {"copy-row", "Copy the whole row", "Y", NULL, NULL, ON_SCREENS, NEEDS_ROW, run_copy_row, NULL},
    {"diff", "Diff: fixtures against live rows", "4", NULL, NULL, ON_SCREENS, 0, run_diff, NULL},
    {"down", "Down", "down j ctrl-n", NULL, NULL, ON_SCREENS | IN_PICK | IN_MENU, QUIET, run_down, NULL},
    {"edit", "Open the file at this row's line", "e", NULL, NULL, ON_DIFF | ON_MIGRATIONS, NEEDS_ROW, run_edit, NULL},
    {"edit-backspace", "Remove the last character", "backspace ctrl-h", NULL, NULL, IN_PICK | IN_PROMPT | IN_DIALOG, QUIET, run_edit_backspace, NULL},
    {"edit-clear", "Clear the line", "ctrl-u", NULL, NULL, IN_PICK | IN_PROMPT | IN_DIALOG, QUIET, run_edit_clear, NULL},
    {"environments", "Environments: all of the configuration, with a light each", "0", NULL, NULL, ON_SCREENS, 0, run_environments, NULL},
    {"filter", "Show only rows that hold a text (!text: that do not)", "f f4", NULL, NULL, ON_SCREENS, 0, run_filter, NULL},
    {"first", "To the first row", "g home", NULL, NULL, ON_SCREENS, QUIET, run_first, NULL},
    {"half-down", "Half a page down", "ctrl-d", NULL, NULL, ON_SCREENS, QUIET, run_half_down, NULL},
    {"half-up", "Half a page up", "ctrl-u", NULL, NULL, ON_SCREENS, QUIET, run_half_up, NULL},
    {"help", "Help: every action, searchable; Enter runs one", "? f1", NULL, NULL, ON_SCREENS, 0, run_help, NULL},
    {"identical-too", "Show identical tables too, or only differences", "=", NULL, NULL, ON_DIFF, 0, run_identical_too, NULL},
    {"interrupt", "Close, cancel; twice in a row leaves", "ctrl-c", NULL, NULL, EVERYWHERE, QUIET, run_interrupt, NULL},
    {"last", "To the last row", "G end", NULL, NULL, ON_SCREENS, QUIET, run_last, NULL},
    {"log", "Log: what was said in this session", "7", NULL, NULL, ON_SCREENS, 0, run_log, NULL},
    {"menu", "Actions for this row, every write among them", "x", NULL, NULL, ON_SCREENS, 0, run_menu, NULL},
    {"migrate-all", "Apply all pending migrations", "", "a", "each in its transaction where its SQL allows one",
     ON_OVERVIEW | ON_MIGRATIONS, WRITES | NEEDS_MIGRATE_ALLOWED | NEEDS_NAME, run_migrate_all, migrate_confirmed},
    {"migrate-one", "Apply this migration", "", "m", "this one alone, if it is the next",
     ON_MIGRATIONS, WRITES | NEEDS_MIGRATE_ALLOWED | NEEDS_NAME | NEEDS_ROW, run_migrate_one, migrate_confirmed},
    {"migrations", "Migrations: the ledger against the disk", "2", NULL, NULL, ON_SCREENS, 0, run_migrations, NULL},
    {"next-field", "To the next field or button", "tab right down", NULL, NULL, IN_DIALOG, QUIET, run_next_field, NULL},
    {"next-screen", "To the next screen", "tab", NULL, NULL, ON_SCREENS, QUIET, run_next_screen, NULL},
    {"open", "Open the row", "enter l right", NULL, NULL, ON_SCREENS, 0, run_open, NULL},
    {"overview", "Overview: what is wrong and what to do", "1", NULL, NULL, ON_SCREENS, 0, run_overview, NULL},
    {"page-down", "A page down", "pgdn ctrl-f", NULL, NULL, ON_SCREENS | IN_PICK | IN_MENU, QUIET, run_page_down, NULL},
    {"page-up", "A page up", "pgup ctrl-b", NULL, NULL, ON_SCREENS | IN_PICK | IN_MENU, QUIET, run_page_up, NULL},
    {"palette", "Palette: any action, screen or environment by name", ":", NULL, NULL, ON_SCREENS, 0, run_palette, NULL},
    {"press", "Press a button", "", NULL, NULL, IN_DIALOG, QUIET, run_press, NULL},
    {"previous-field", "To the previous field or button", "shift-tab left up", NULL, NULL, IN_DIALOG, QUIET, run_previous_field, NULL},
    {"previous-screen", "To the previous screen", "shift-tab", NULL, NULL, ON_SCREENS, QUIET, run_previous_screen, NULL},
    {"previous-view", "Back to the screen before", "-", NULL, NULL, ON_SCREENS, 0, run_previous_view, NULL},
    {"quit", "Back; at the top, leave", "q", NULL, NULL, ON_SCREENS, 0, run_quit, quit_confirmed},
    {"redraw", "Draw the screen anew", "ctrl-l", NULL, NULL, ON_SCREENS, 0, run_redraw, NULL},
    {"refresh", "Look again; connect again", "r ctrl-r f5", NULL, NULL, ON_SCREENS, 0, run_refresh, NULL},
    {"resolve-applied", "Mark a migration as applied", "", "p", "the ledger only; its SQL is not run",
     ON_MIGRATIONS, WRITES | NEEDS_NAME | NEEDS_ROW | DESTRUCTIVE, run_resolve_applied, resolve_applied_confirmed},
    {"resolve-rolled-back", "Mark a migration as rolled back", "", "b", "the ledger only; it can run again",
     ON_MIGRATIONS, WRITES | NEEDS_NAME | NEEDS_ROW | DESTRUCTIVE, run_resolve_rolled_back, resolve_rolled_back_confirmed},
    {"scan", "Compare a held table all the same", "", "h", "destroys what deleted rows could be read back from",
     LISTS_OF_TABLES, READS | DESTRUCTIVE, run_scan, scan_confirmed},
    {"search", "Search: to the next row that holds a text", "/", NULL, NULL, ON_SCREENS, 0, run_search, NULL},
    {"search-next", "To the next match", "n", NULL, NULL, ON_SCREENS, 0, run_search_next, NULL},
    {"search-previous", "To the match before", "N", NULL, NULL, ON_SCREENS, 0, run_search_previous, NULL},
    {"seed", "Seed: missing and changed rows as declared", "", "s", "shows its plan first; writes only what differs, deletes nothing",
     LISTS_OF_TABLES, WRITES | NEEDS_SEED_ALLOWED, run_seed, seed_confirmed},
    {"select", "Select a row", "", NULL, NULL, ON_SCREENS | IN_PICK | IN_MENU, QUIET, run_select, NULL},
    {"suspend", "Stop here and go to the shell", "ctrl-z", NULL, NULL, EVERYWHERE, QUIET, run_suspend, NULL},
    {"tables", "Tables: rows, floors, fixtures, sizes", "3", NULL, NULL, ON_SCREENS, 0, run_tables, NULL},
    {"terminate", "Terminate a backend", "", "t", "its session ends, its transaction is rolled back",
     ON_ACTIVITY, WRITES | NEEDS_ROW | NEEDS_NAME | DESTRUCTIVE, run_terminate, terminate_confirmed},
    {"up", "Up", "up k ctrl-p", NULL, NULL, ON_SCREENS | IN_PICK | IN_MENU, QUIET, run_up, NULL},
    {"verify", "Verify: floors, migrations, fixtures, as for CI", "", "v", "reads only; what falls short goes into the log",
     LISTS_OF_TABLES | ON_MIGRATIONS, READS, run_verify, NULL},
    {"write-mode", "Write mode on or off", "W", NULL, NULL, ON_SCREENS, READS, run_write_mode, write_mode_confirmed},
};
const int action_count = sizeof actions / sizeof actions[0];
