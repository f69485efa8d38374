/* view_frame - header, tabs, the message line and the footer. */
#include "view.h"

#include <stdio.h>
#include <string.h>

#include "app/action.h"
#include "app/human.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"

/* ---- header: which environment, where, how, and whether anything can be written ---- */

static int draw_role(const struct view *v)
{
    const char *role = or_empty(v->m->facts.server.role);
    char upper[24];
    size_t i = 0;
    for (; role[i] && i + 1 < sizeof upper; i++)
        upper[i] = role[i] >= 'a' && role[i] <= 'z' ? (char)(role[i] - 32) : role[i];
    upper[i] = '\0';
    if (!i)
        return 0;
    return grid_printf(v->g, 0, 0, 26, view_role_style(role), "\xe2\x96\x8c%s\xe2\x96\x90", upper); /* ▌ ▐ */
}

/* Another database than the one that was known, or a copy of it: nothing else in the line is as urgent. */
static int draw_identity(const struct view *v, int column)
{
    const struct fact_identity *identity = &v->m->facts.server.identity;
    static const struct { const char *state, *shown; } words[] = {
        {"changed", " IDENTITY CHANGED "}, {"copy", " A COPY "}, {"marked", " MARKED "}, {"unreadable", " IDENTITY? "}};
    for (size_t i = 0; i < sizeof words / sizeof words[0] && identity->trouble; i++)
        if (text_same(identity->state, words[i].state))
            return grid_text(v->g, 0, column, 20, STYLE_WRITE_MODE, words[i].shown) + 1;
    return 0;
}

/* What the guard would say to a write here, before anyone asks. */
static const char *guard_word(const struct model *m)
{
    const struct facts *f = &m->facts;
    if ((!f->status_partial && !f->status_complete) || m->columns < 80)
        return "";
    return f->server.in_recovery    ? "standby"
           : !f->guard.seed_allowed ? "seed refused"
           : f->guard.local         ? ""
                                    : "guarded";
}

/* What stays in sight on the right: the mode, the time, the recording. Returns where it begins. */
static int draw_right(const struct view *v)
{
    const struct model *m = v->m;
    int column = v->g->columns;
    const char *rec = text_same(m->journal, "recording") ? "\xe2\x97\x8f rec"
                    : text_same(m->journal, "off")       ? "\xe2\x97\x8b off"
                    : text_is_empty(m->journal)          ? "" : "\xe2\x9c\x97 not recorded";
    column -= view_width(rec) + 1;
    grid_text(v->g, 0, column, 20, text_same(m->journal, "recording") ? STYLE_DIM : STYLE_WARN, rec);
    if (m->wall_ms) {
        char clock[HUMAN];
        human_clock(clock, m->wall_ms + (m->now_ms - m->wall_at_ms));
        column -= (int)strlen(clock) + 1;
        grid_text(v->g, 0, column, 12, STYLE_DIM, clock);
    }
    if (text_is_empty(m->environment))
        return column;
    char mode[48] = "READ-ONLY";
    if (m->write_mode)
        snprintf(mode, sizeof mode, " WRITE %d min ", (int)((m->write_until_ms - m->now_ms + 59999) / 60000));
    column -= (int)strlen(mode) + 2;
    grid_text(v->g, 0, column, (int)strlen(mode), m->write_mode ? STYLE_WRITE_MODE : STYLE_BOLD, mode);
    const char *guard = guard_word(m);
    column -= *guard ? (int)strlen(guard) + 1 : 0;
    grid_text(v->g, 0, column, (int)strlen(guard), STYLE_WARN, guard);
    return column;
}

void view_header(const struct view *v)
{
    const struct model *m = v->m;
    const struct fact_server *server = &m->facts.server;
    int right = draw_right(v), column = draw_role(v);
    column += column ? 1 : 0;
    column += text_is_empty(m->environment) ? 0 : draw_identity(v, column);
    if (text_is_empty(m->environment)) {
        grid_text(v->g, 0, column, right - column - 1, STYLE_TITLE, "seedops");
        return;
    }
    column += grid_text(v->g, 0, column, right - column - 1, STYLE_TITLE,
                        text_is_empty(server->environment) ? m->environment : server->environment) + 2;
    char version[96] = "";
    if (!text_is_empty(server->version))
        snprintf(version, sizeof version, "PG %s %s%s", server->version,
                 server->in_recovery ? "standby" : "primary", server->pooled ? " pooled" : "");
    /* The target is what can be cut; how it is reached stays, and the version where there is room for it. */
    enum { TARGET_LEAST = 14 };
    int via_width = view_width(server->via), version_width = view_width(version), room = right - column - 1;
    bool via = via_width && room >= TARGET_LEAST + 2 + via_width;
    room -= via ? via_width + 2 : 0;
    bool versioned = version_width && room >= TARGET_LEAST + 2 + version_width;
    room -= versioned ? version_width + 2 : 0;
    column += grid_text(v->g, 0, column, room, STYLE_PLAIN, text_is_empty(server->way) ? server->target : server->way) + 2;
    if (via)
        column += grid_text(v->g, 0, column, via_width, STYLE_PLAIN, server->via) + 2;
    if (versioned)
        grid_text(v->g, 0, column, version_width, STYLE_DIM, version);
}

/* ---- tabs ---- */

/* Eight titles take 90 columns: on fewer the list of environments is its key alone, then titles are cut. */
static int title_width(const struct view *v, int screen)
{
    bool here = (int)v->m->screen == screen, at_list = v->m->screen == SCREEN_ENVIRONMENTS;
    if (here || v->g->columns >= (text_is_empty(v->m->plan.action) ? 92 : 100))
        return 20;
    if (screen == SCREEN_ENVIRONMENTS)
        return 0;
    return v->g->columns < 70 ? 3 : v->g->columns < 80 || at_list ? 5 : 20;
}

void view_tabs(const struct view *v)
{
    int column = 1;
    for (int i = 0; i < SCREEN_COUNT; i++) {
        const struct screen_class *class = screen_class_of((enum screen)i);
        const struct action *action = action_find(class->name);
        bool here = (int)v->m->screen == i;
        if (i == SCREEN_PLAN && !here && text_is_empty(v->m->plan.action))
            continue;                    /* most sessions have none */
        int start = column;
        column += grid_text(v->g, 1, column, 3, here ? STYLE_BOLD : STYLE_KEY, action->keys) + 1;
        column += grid_printf(v->g, 1, column, 20, here ? STYLE_TITLE : STYLE_PLAIN, "%.*s", title_width(v, i),
                              class->title);
        grid_hit(v->g, 1, start, 1, column - start, class->name, 0);
        column += 2;
    }
}

/* ---- message line: what is typed, what runs, what was said ---- */

static void draw_prompt(const struct view *v)
{
    const struct modal *d = &v->m->modal;
    int row = v->l.message_row;
    int used = grid_text(v->g, row, 1, 20, STYLE_KEY, d->kind == MODAL_SEARCH ? "search /" : d->kind == MODAL_NOTE ? "note " : "filter ") + 2;
    used += grid_text(v->g, row, used, v->g->columns - used - 2, STYLE_FIELD, or_empty(d->text));
    v->g->cursor_row = row;
    v->g->cursor_column = used;
}

static void draw_bar(const struct view *v, int column, int width, const struct job *job)
{
    int64_t full = job->total > 0 ? clamp(job->done, 0, job->total) * width / job->total : 0;
    grid_fill(v->g, v->l.message_row, column, 1, width, STYLE_DIM, "\xe2\x94\x80");           /* ─ */
    grid_fill(v->g, v->l.message_row, column, 1, (int)full, STYLE_GOOD, "\xe2\x94\x81");      /* ━ */
}

static void job_numbers(const struct model *m, const struct job *job, char *out, size_t size)
{
    char done[HUMAN], total[HUMAN], rate[HUMAN], left[HUMAN], elapsed[HUMAN];
    size_t used = (size_t)snprintf(out, size, "%s", human_timer(elapsed, m->now_ms - job->started_ms));
    if (job->done > 0 && used < size)
        used += (size_t)snprintf(out + used, size - used, "  %s%s%s", human_count(done, job->done),
                                 job->total > 0 ? " of " : "",
                                 job->total > 0 ? human_count(total, job->total) : "");
    if (job->rate > 0 && used < size)
        used += (size_t)snprintf(out + used, size - used, "  %s/s", human_count(rate, job->rate));
    if (job->rate > 0 && job->total > job->done && used < size)
        snprintf(out + used, size - used, "  %s left",
                 human_span(left, clamp((job->total - job->done) * 1000 / job->rate, 1000, INT64_MAX)));
}

/* Anything over a second: what, how far, how fast, how long yet, and how to stop it. */
static bool draw_job(const struct view *v)
{
    const struct job *job = job_shown(v->m);
    if (!job || (v->m->now_ms - job->started_ms < 1000 && !job->cancelling))
        return false;
    int row = v->l.message_row, width = v->g->columns;
    char numbers[160];
    job_numbers(v->m, job, numbers, sizeof numbers);
    const char *verb = job->plan ? "planning" : effect_verb((enum effect_kind)job->effect);
    const char *what = text_is_empty(job->what) ? or_empty(job->name) : job->what;
    int column = 1 + grid_printf(v->g, row, 1, width / 3, STYLE_BOLD, "%s%s%s", verb, *what ? " " : "", what) + 1;
    if (job->total > 0 && width >= 90) {
        draw_bar(v, column, width / 6, job);
        column += width / 6 + 1;
    }
    column += grid_text(v->g, row, column, width - column - 17, STYLE_PLAIN, numbers) + 2;
    grid_text(v->g, row, column, 16, STYLE_DIM,
              job->cancelling ? "cancelling \xe2\x80\xa6" : "ctrl-x cancels");
    return true;
}

enum { FRESH_MS = 3000 };

/* A filter is seen as long as it hides something. */
static void draw_filter(const struct view *v)
{
    const char *filter = screen_list(v->m)->filter;
    const struct rowset *store = screen_store(v->m);
    if (text_is_empty(filter))
        return;
    int64_t all = store ? (store->base ? store->base_count : store->count)
                        : screen_class_of(v->m->screen)->count(v->m);
    char shown[40], of[40];
    grid_printf(v->g, v->l.rule_row, 1, v->g->columns - 2, STYLE_WARN, " filter \"%s\": %s of %s shown, Esc shows all ",
                filter, view_count(shown, list_count(v->m), false), view_count(of, all, false));
}

void view_message(const struct view *v)
{
    const struct notice *n = &v->m->notice;
    bool fresh =
        n->until_ms - NOTICE_MS + FRESH_MS > v->m->now_ms; /* a word in answer to a key comes before work */
    if (v->m->modal.kind == MODAL_SEARCH || v->m->modal.kind == MODAL_FILTER ||
        v->m->modal.kind == MODAL_NOTE) {
        draw_prompt(v);
    } else if ((fresh || !draw_job(v)) && !text_is_empty(n->text)) {
        enum style style = text_same(n->level, "error") ? STYLE_BAD : text_same(n->level, "good") ? STYLE_GOOD
                         : text_holds(or_empty(n->level), "warn") ? STYLE_WARN : STYLE_PLAIN;
        grid_text(v->g, v->l.message_row, 1, v->g->columns - 2, style, n->text);
    }
}

/* ---- footer: the keys that work here, as the table of actions has them ---- */

struct hint { const char *action, *word; };

static const char *key_name(const char *key)
{
    return strcmp(key, "enter") == 0 ? "Enter"
           : strcmp(key, "esc") == 0 ? "Esc"
           : strcmp(key, "tab") == 0 ? "Tab"
                                     : key;
}

/* False for a key that would do nothing on what is shown now. */
static bool has_use(const struct view *v, const struct action *action)
{
    const struct model *m = v->m;
    bool inside = screen_store(m) != NULL;
    if (!(action->where & action_context(m)))
        return false;
    if (text_same(action->name, "open"))
        return screen_class_of(m->screen)->open && (!inside || m->screen == SCREEN_DIFF) && list_selected(m) >= 0;
    if (text_same(action->name, "menu"))
        return action_menu_size(m) > 0;
    if (text_same(action->name, "write-mode"))
        return !text_is_empty(m->environment);
    if (text_same(action->name, "edit"))
        return m->screen == SCREEN_MIGRATIONS || inside;
    if (text_same(action->name, "identical-too"))
        return !inside;
    if (text_same(action->name, "refresh"))
        return screen_class_of(m->screen)->refresh != NULL;
    return true;
}

static int draw_hint(const struct view *v, int column, const struct action *action, const char *word)
{
    char key[24];
    int start = column, row = v->l.footer_row;
    bool refused = action_refused(v->m, action, NULL);
    snprintf(key, sizeof key, "%.*s", (int)strcspn(action->keys, " "), action->keys);
    column += grid_text(v->g, row, column, 12, refused ? STYLE_DIM : STYLE_KEY, key_name(key)) + 1;
    column += grid_text(v->g, row, column, 24, refused ? STYLE_DIM : STYLE_PLAIN, word);
    grid_hit(v->g, row, start, 1, column - start, action->name, 0);
    return column + 3;
}

/* The last two, help and back, are never crowded out. */
static void draw_hints(const struct view *v, const struct hint *hints, size_t count)
{
    int column = 1;
    for (size_t i = 0; i < count; i++) {
        const struct action *action = action_find(hints[i].action);
        int reserved = i + 2 < count && count > 3 ? 18 : 0;
        if (has_use(v, action) && column + view_width(hints[i].word) + 6 + reserved <= v->g->columns)
            column = draw_hint(v, column, action, hints[i].word);
    }
}

void view_footer(const struct view *v)
{
    draw_filter(v);
    static const struct hint screen[] = {
        {"open", "open"}, {"menu", "actions"}, {"edit", "file"}, {"identical-too", "identical too"},
        {"write-mode", "write mode"}, {"refresh", "refresh"}, {"search", "search"}, {"filter", "filter"},
        {"palette", "commands"}, {"help", "help"}, {"quit", "back"},
    };
    static const struct hint opened[] = {{"accept", "choose"}, {"next-field", "next"}, {"close", "close"}};
    if (v->m->modal.kind == MODAL_NONE)
        draw_hints(v, screen, sizeof screen / sizeof screen[0]);
    else
        draw_hints(v, opened, sizeof opened / sizeof opened[0]);
}
