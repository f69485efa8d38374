/* update - the router: what has expired, what is still wanted, whom an input concerns. Decides nothing about
 * a screen; screens never reach into each other. */
#include "app/update.h"

#include <stdio.h>
#include <string.h>

#include "app/action.h"
#include "app/dialog.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"

#define TIME_MOST (INT64_C(1) << 52)   /* of an offset or a clock, so that sums stay in range */

/* ---- deadlines ---- */

static int64_t earlier(int64_t a, int64_t b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

/* The earliest moment at which something ends by itself. */
static int64_t next_expiry(const struct model *m)
{
    int64_t next = dialog_deadline(m);
    if (m->write_mode)
        next = earlier(next, m->write_until_ms);
    if (m->notice.until_ms > 0)
        next = earlier(next, m->notice.until_ms);
    return earlier(next, activity_deadline(m));
}

static void notice_end(struct model *m)
{
    text_replace(&m->notice.level, NULL);
    text_replace(&m->notice.text, NULL);
    m->notice.until_ms = 0;
}

/* What ends up to `until` ends at its own moment, in order: a replay, which has no ticks, does the same. */
static void expire(struct model *m, int64_t until, struct effects *effects)
{
    for (int64_t at; (at = next_expiry(m)) >= 0 && at <= until;) {
        m->now_ms = at > m->now_ms ? at : m->now_ms;
        if (m->notice.until_ms > 0 && m->notice.until_ms <= m->now_ms)
            notice_end(m);
        dialog_expire(m, effects);
        activity_expire(m, effects);
        if (m->write_mode && m->write_until_ms <= m->now_ms) {
            m->write_mode = false;
            notice_set(m, "info", "Write mode is off: ten idle minutes have passed.");
        }
    }
    m->now_ms = until;
}

int64_t app_next_deadline(const struct model *m)
{
    int64_t next = next_expiry(m);
    if (m->wall_ms) {                              /* the clock in the header shows minutes */
        int64_t wall = m->wall_ms + (m->now_ms - m->wall_at_ms);
        next = earlier(next, m->now_ms + 60000 - wall % 60000);
    }
    for (size_t i = 0; i < m->job_count; i++) {    /* elapsed time and time left */
        int64_t elapsed = m->now_ms - m->jobs[i].started_ms;
        next = earlier(next, m->now_ms + 1000 - elapsed % 1000);
    }
    return next;
}

/* ---- events of operations ---- */

static bool is_message(const struct input *in)
{
    return in->kind == IN_ACTION || in->kind == IN_TEXT || in->kind == IN_SECRET;
}

/* Activity looks over a connection of its own, beside the one that everything else is about. */
static bool is_aside(const struct job *job)
{
    return job && (job->effect == EFFECT_ACTIVITY || job->effect == EFFECT_SIGNAL_BACKEND
                   || job->effect == EFFECT_ENVIRONMENTS);
}

/* What is told for the record is history, whoever asked for it. */
static bool is_record(const struct input *in)
{
    return in->kind == IN_IDENTITY || in->kind == IN_GUARD || in->kind == IN_STATEMENT || in->kind == IN_NOTE;
}

/* False: the event is of a connection that was replaced, or of a request that nobody waits for. */
static bool still_wanted(struct model *m, const struct input *in)
{
    const struct job *job = in->request ? job_find(m, in->request) : NULL;
    if (in->kind == IN_LOG || is_record(in))
        return true;
    if (in->request && !job)
        return false;
    if (is_aside(job) && in->kind == IN_CONNECTION) {
        if (text_same(in->name, "attempt") && !in->ok)
            notice_show(m, "warn", or_empty(in->text));
        return false;
    }
    if (is_aside(job) || !in->generation)
        return true;
    if (in->generation < m->generation)
        return false;
    if (in->generation > m->generation && m->generation && m->write_mode) {
        m->write_mode = false;
        notice_set(m, "warn", "Write mode is off: the connection is a new one.");
    }
    m->generation = in->generation;
    return true;
}

static void progress(struct model *m, const struct input *in, struct job *job)
{
    (void)m;
    text_replace(&job->what, in->name);
    job->done = clamp(in->number, 0, TIME_MOST);
    job->total = clamp(in->number2, -1, TIME_MOST);
    job->rate = clamp(in->rate, 0, TIME_MOST);
}

static const char *preserve_done(const struct input *in)
{
    return text_same(in->name, "preserve") ? "Preserved what is left of" : "Preserve was taken back on";
}

static const char *removal_done(const struct input *in)
{
    return text_same(in->name, "reset") ? "Reset" : text_same(in->name, "converge") ? "Converged" : "Pruned";
}

/* By the safepoint's own name: another one may be the last when it is needed. */
static void say_undo(const struct model *m, const char *path, struct str *out)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *suffix = strstr(name, ".safepoint");
    str_printf(out, "; undo: seedops restore %s %.*s", or_empty(m->environment),
               suffix ? (int)(suffix - name) : (int)strlen(name), name);
}

static void say_done(struct model *m, const struct input *in, const struct job *job)
{
    if (!job->writes && job->effect != EFFECT_VERIFY)
        return;
    const char *done = job->effect == EFFECT_SEED      ? "Seeded"
                       : job->effect == EFFECT_PRESERVE ? preserve_done(in)
                       : job->effect == EFFECT_PRUNE ? removal_done(in)
                       : job->effect == EFFECT_RESTORE ? "Restored"
                       : job->effect == EFFECT_MIGRATE ? "Migrated"
                       : job->effect == EFFECT_RESOLVE ? "Resolved on"
                       : job->effect == EFFECT_VERIFY  ? "Verified"
                       : job->effect == EFFECT_ACCEPT  ? "Accepted"
                       : job->effect == EFFECT_MARK    ? "Marked"
                                                       : "Signal sent on";
    struct str rows = {0};
    if (job->effect == EFFECT_SEED || job->effect == EFFECT_PRUNE || job->effect == EFFECT_RESTORE)
        str_printf(&rows, ": %lld row%s %s", (long long)in->number2, in->number2 == 1 ? "" : "s",
                   job->effect != EFFECT_PRUNE ? "written" : text_same(in->name, "prune") ? "deleted" : "deleted or written");
    for (size_t i = 0; i < in->count_count; i++)
        if (in->counts[i].before != in->counts[i].after)
            str_printf(&rows, ", %s %lld \xe2\x86\x92 %lld", or_empty(in->counts[i].table),
                       (long long)in->counts[i].before, (long long)in->counts[i].after);
    if (job->effect == EFFECT_PRUNE && !text_is_empty(in->text))
        say_undo(m, in->text, &rows);
    notice_set(m, "good", "%s %s%s.", done, or_empty(m->environment), str_text(&rows));
    str_free(&rows);
}

/* "Seeding failed"; "stopped" where that was asked for. */
static void failed_title(const struct job *job, const struct input_error *error, char *out, size_t size)
{
    snprintf(out, size, "%s %s", job->plan ? "planning" : effect_verb((enum effect_kind)job->effect),
             text_same(error->class, "cancelled") ? "stopped" : "failed");
    if (out[0] >= 'a' && out[0] <= 'z')
        out[0] = (char)(out[0] - 32);
}

/* Someone asked for it and waits: a dialog. Otherwise a line, and the log. */
static void say_failed(struct model *m, const struct input *in, const struct job *job)
{
    static const struct input_error unknown = {.message = (char *)"It failed without saying why."};
    const struct input_error *error = text_is_empty(in->error.message) ? &unknown : &in->error;
    bool own_plan = m->modal.kind == MODAL_CONFIRM && m->modal.request == in->request;
    bool asked = job->writes || job->effect == EFFECT_VERIFY || job->effect == EFFECT_DIFF ||
                 job->effect == EFFECT_SQL;
    char title[64];
    failed_title(job, error, title, sizeof title);
    notice_set(m, "error", "%s: %s%s%s", title, error->message,
               text_is_empty(error->why) ? "" : ": ", or_empty(error->why));
    if (own_plan || (asked && m->modal.kind == MODAL_NONE && !text_same(error->class, "cancelled")))
        dialog_error(m, title, error);
}

static void outcome(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    enum effect_kind effect = (enum effect_kind)job->effect;
    bool wrote = job->writes && !job->plan;
    if (m->roaming) {                           /* what a replay has no answer to */
        if (!in->ok)
            notice_show(m, "info", or_empty(in->error.message));
        return;
    }
    if (m->modal.kind == MODAL_CONFIRM && m->modal.request == in->request && in->ok)
        dialog_close(m, effects);               /* a plan that never came: nothing to confirm */
    if (effect == EFFECT_PAGE) {                /* a page that could not be read is asked for no more */
        notice_set(m, "error", "Rows could not be read: %s", or_empty(in->error.message));
        return;
    }
    if (in->ok && effect == EFFECT_EXPORT)
        notice_set(m, "good", "Every row is in %s.", or_empty(in->text));
    if (!in->ok && effect != EFFECT_OPEN && effect != EFFECT_STATUS)
        say_failed(m, in, job);
    else if (!in->ok)
        notice_set(m, "error", "%s: %s", effect == EFFECT_OPEN ? "Not opened" : "Not seen",
                   or_empty(in->error.message));
    else if (!job->plan)
        say_done(m, in, job);
    if (!wrote) {
        if (!in->ok && text_same(m->facts.phase, "lost"))
            facts_refresh(m, effects);          /* connects again; what was asked for is for its operator to repeat */
        return;
    }
    if (effect == EFFECT_SIGNAL_BACKEND) {
        screen_class_activity.refresh(m, effects);
        return;
    }
    facts_refresh(m, effects);
    if (m->migrations.loaded && effect != EFFECT_SEED && effect != EFFECT_PRUNE)
        migrations_load(m, effects);
    if (effect == EFFECT_SEED && m->screen == SCREEN_DIFF)
        screen_class_diff.refresh(m, effects);
}

static void plan_event(struct model *m, const struct input *in)
{
    plan_take(m, in);
    if (m->modal.kind != MODAL_CONFIRM || m->modal.request != in->request || !in->request)
        return;
    dialog_plan(m, in);
    if (in->step_count)
        return;
    m->modal.request = 0;
    dialog_close(m, &(struct effects){0}); /* nothing asks, nothing runs: closing has no effect outside */
    notice_set(m, "good", text_same(in->name, "seed") ? "Nothing to write: every declared row is there already."
                          : text_same(in->name, "preserve --undo") ? "Nothing of a preserve is in force here."
                          : "Nothing to do.");
}

static void page_event(struct model *m, const struct input *in)
{
    struct rowset *sets[] = {&m->diff.rows, &m->migrations.sql, &m->plan.rows};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (in->store && sets[i]->store == in->store)
            rowset_page(sets[i], in);
}

static void store_event(struct model *m, const struct input *in, const struct job *job,
                        struct effects *effects)
{
    struct rowset *sets[] = {&m->diff.rows, &m->migrations.sql, &m->plan.rows};
    if (job->effect != EFFECT_FILTER)
        return;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (job->store && (sets[i]->store == job->store || sets[i]->base == job->store))
            rowset_filtered(sets[i], in, effects);
}

static void found_event(struct model *m, const struct input *in)
{
    const struct rowset *store = screen_store(m);
    if (!store || store->store != in->store)
        return;
    if (in->number >= 0)
        list_select(m, in->number);
    else
        notice_set(m, "info", "No further row holds \"%s\".", or_empty(screen_list(m)->search));
}

/* A store that no list took is nobody's: the runtime may forget it. */
static void drop_unwanted_store(const struct model *m, const struct input *in, struct effects *effects)
{
    const struct rowset *sets[] = {&m->diff.rows, &m->migrations.sql, &m->plan.rows};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (in->store == sets[i]->store || in->store == sets[i]->base)
            return;
    if (in->kind == IN_STORE && in->store)
        effect_add(effects, EFFECT_STORE_DROP, NULL)->store = in->store;
}

/* Of an environment that was looked at among many, and is not the open one: its line of the list says what it came to. */
static bool of_another(const struct model *m, const struct input *in)
{
    return !text_is_empty(in->environment) && !text_same(in->environment, m->environment);
}

static void log_of_another(struct model *m, const struct input *in)
{
    struct str text = {0};
    str_printf(&text, "%s: %s", in->environment, or_empty(in->text));
    log_add(m, or_empty(in->name), str_text(&text));
    str_free(&text);
}

static void operation_event(struct model *m, const struct input *in, struct effects *effects)
{
    static const struct job nobody = {0};
    if (of_another(m, in)) {
        if (in->kind == IN_LOG)
            log_of_another(m, in);
        return;
    }
    if (!still_wanted(m, in)) {
        drop_unwanted_store(m, in, effects);
        return;
    }
    struct job *job = in->request ? job_find(m, in->request) : NULL;
    if (in->kind == IN_PROGRESS && job)
        progress(m, in, job);
    facts_event(m, in, job ? job : &nobody, effects);
    for (int i = 0; i < SCREEN_COUNT; i++)
        if (screen_class_of((enum screen)i)->event)
            screen_class_of((enum screen)i)->event(m, in, job ? job : &nobody, effects);
    switch (in->kind) {
    case IN_PLAN: plan_event(m, in); break;
    case IN_PAGE: page_event(m, in); break;
    case IN_STORE: store_event(m, in, job ? job : &nobody, effects); break;
    case IN_FOUND: found_event(m, in); break;
    default: break;
    }
    drop_unwanted_store(m, in, effects);
    job = in->request ? job_find(m, in->request) : NULL;   /* the list may have moved */
    if (!job || !job_is_over(m, job, in))
        return;
    struct job ended = *job;
    ended.name = ended.what = NULL;
    job_end(m, in->request);
    if (in->kind == IN_OUTCOME)
        outcome(m, in, &ended, effects);
}

/* ---- everything else ---- */

static void start(struct model *m, const struct input *in, struct effects *effects)
{
    if (text_is_empty(in->name))
        screen_go(m, SCREEN_ENVIRONMENTS, effects);
    else
        environment_open(m, in->name, effects);
}

static void terminal_event(struct model *m, const struct input *in, struct effects *effects)
{
    switch (in->kind) {
    case IN_SIZE:
        m->columns = (int)clamp(in->number, 1, SIZE_MOST);
        m->rows = (int)clamp(in->number2, 1, SIZE_MOST);
        break;
    case IN_CLOCK:
        m->wall_ms = clamp(in->number, 0, TIME_MOST);
        m->wall_at_ms = m->now_ms;
        break;
    case IN_SIGNAL:
        if (text_same(in->name, "interrupt"))
            action_find("interrupt")->run(m, in, effects);
        else if (text_same(in->name, "resume"))
            effect_add(effects, EFFECT_REPAINT, NULL);
        break;
    case IN_START: start(m, in, effects); break;
    case IN_JOURNAL:
        text_replace(&m->journal, in->name);
        text_replace(&m->journal_text, in->text);
        if (text_same(in->name, "failed"))
            notice_set(m, "warn", "This session is not recorded any more: %s", or_empty(in->text));
        break;
    default: break;
    }
}

static void route(struct model *m, const struct input *in, struct effects *effects)
{
    switch (in->kind) {
    case IN_NONE: break;
    case IN_ACTION: action_dispatch(m, in, effects); break;
    case IN_TEXT: dialog_text(m, or_empty(in->text), effects); break;
    case IN_SECRET: dialog_secret(m, in->number); break;
    case IN_QUESTION: dialog_question(m, in, effects); break;
    case IN_QUESTION_OVER: dialog_question_over(m, in->number); break;
    case IN_SIZE:
    case IN_CLOCK:
    case IN_SIGNAL:
    case IN_START:
    case IN_JOURNAL: terminal_event(m, in, effects); break;
    default: operation_event(m, in, effects); break;
    }
}

void app_update(struct model *m, const struct input *in, struct effects *effects)
{
    int64_t now = clamp(in->offset_ms, m->now_ms, TIME_MOST);
    expire(m, now, effects);
    if (is_message(in)) {
        notice_end(m);                             /* read, or in the log */
        activity_touch(m);
        if (!text_same(in->name, "interrupt"))
            m->interrupted_ms = 0;
        if (m->write_mode)
            m->write_until_ms = m->now_ms + WRITE_MODE_MS;
    }
    route(m, in, effects);
    dialog_settle(m);
    dialog_move(m, 0);
    list_settle(m, effects);
}

/* ---- checkpoints are hostile input ---- */

static bool list_sane(const struct list *list) { return list->selected >= 0 && list->top >= 0; }

static bool rowset_sane(const struct rowset *rs)
{
    for (size_t i = 0; i < rs->page_count; i++)
        if (rs->pages[i].first < 0 || rs->pages[i].first > INT64_MAX - PAGE_MOST
            || rs->pages[i].row_count > PAGE_MOST)
            return false;
    return rs->page_count <= PAGES && rs->count >= 0 && rs->base_count >= 0;
}

static bool time_sane(int64_t ms) { return ms >= 0 && ms <= TIME_MOST + WRITE_MODE_MS; }

static bool jobs_sane(const struct model *m)
{
    for (size_t i = 0; i < m->job_count; i++) {
        const struct job *job = &m->jobs[i];
        if (job->effect < 0 || job->effect >= EFFECT_KIND_COUNT || !time_sane(job->started_ms) ||
            job->started_ms > m->now_ms || !time_sane(job->done) || job->total > TIME_MOST ||
            !time_sane(job->rate))
            return false;
    }
    return true;
}

static bool modal_sane(const struct modal *d)
{
    return d->focus >= FOCUS_FIELD && d->focus <= FOCUS_SECOND && d->selected >= 0 && d->top >= 0
        && d->selected <= PICKS_MOST && d->top <= PICKS_MOST && time_sane(d->expires_ms);
}

bool model_sane(const struct model *m)
{
    const struct list *lists[] = {
        &m->environments.list,   &m->overview.list, &m->migrations.list,
        &m->migrations.sql_list, &m->tables.list,   &m->diff.list,
        &m->diff.row_list,       &m->activity.list, &m->log.list,
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (!list_sane(lists[i]))
            return false;
    for (size_t i = 0; i < m->question_count; i++)
        if (!time_sane(m->questions[i].expires_ms))
            return false;
    for (size_t i = 0; i < m->log.line_count; i++)
        if (!time_sane(m->log.lines[i].at_ms))
            return false;
    return m->columns >= 1 && m->columns <= SIZE_MOST && m->rows >= 1 && m->rows <= SIZE_MOST &&
           time_sane(m->now_ms) && time_sane(m->wall_ms) && time_sane(m->wall_at_ms) &&
           m->wall_at_ms <= m->now_ms && time_sane(m->write_until_ms) && time_sane(m->interrupted_ms) &&
           time_sane(m->notice.until_ms) && time_sane(m->facts.status_at_ms) &&
           time_sane(m->activity.next_ms) && time_sane(m->activity.until_ms) && m->back_count <= VIEWS_MOST &&
           m->forward_count <= VIEWS_MOST &&
           m->log.line_count <= LOG_LINES && jobs_sane(m) && modal_sane(&m->modal) &&
           rowset_sane(&m->diff.rows) && rowset_sane(&m->migrations.sql);
}
