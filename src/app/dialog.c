/* dialog - what is open above a screen, and how it ends. */
#include "app/dialog.h"

#include <stdlib.h>
#include <string.h>

#include "app/layout.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "base/text.h"
#include "event/codec.h"

enum { TYPED_MOST = 4096 };   /* bytes of a typed line: a paste has an end */

static void modal_reset(struct model *m) { codec_free(&type_modal, &m->modal); }

void dialog_open_list(struct model *m, enum modal_kind kind)
{
    modal_reset(m);
    m->modal.kind = kind;
}

void dialog_open_prompt(struct model *m, enum modal_kind kind, const char *text)
{
    modal_reset(m);
    m->modal.kind = kind;
    text_replace(&m->modal.text, or_empty(text));
}

bool dialog_has_field(const struct model *m)
{
    const struct modal *d = &m->modal;
    return d->secret || !text_is_empty(d->expect);
}

bool dialog_name_typed(const struct model *m)
{
    return (text_is_empty(m->modal.expect) || text_same(m->modal.text, m->modal.expect)) &&
           (text_is_empty(m->modal.expect_second) || text_same(m->modal.second, m->modal.expect_second));
}

void dialog_confirm(struct model *m, const char *action, const char *target, const char *expect, bool danger,
                    const char *title, const char *body)
{
    modal_reset(m);
    struct modal *d = &m->modal;
    d->kind = MODAL_CONFIRM;
    text_replace(&d->action, action);
    text_replace(&d->target, target);
    text_replace(&d->expect, expect);
    text_replace(&d->title, title);
    text_replace(&d->body, body);
    d->danger = danger;
    d->focus = dialog_has_field(m) ? FOCUS_FIELD : danger ? FOCUS_CANCEL : FOCUS_GO;
    d->expires_ms = m->now_ms + DIALOG_MS;
}

void dialog_removal(struct model *m, const char *expect, const char *title, const char *body)
{
    const struct screen_plan *plan = &m->plan;
    struct str names = {0};
    dialog_confirm(m, "carry-out", plan->action, expect, true, title, body);
    struct modal *d = &m->modal;
    for (size_t i = 0; i < plan->name_count; i++)
        str_printf(&names, "%s%s", i ? ", " : "", or_empty(plan->names[i].text));
    text_replace(&d->expect_second, str_text(&names));
    text_replace(&d->digest, plan->digest);
    d->rows = plan->total;
    d->steps = plan->step_count ? xcalloc(plan->step_count, sizeof *d->steps) : NULL;
    d->step_count = plan->step_count;
    for (size_t i = 0; i < plan->step_count; i++)
        codec_copy(&type_fact_step, &d->steps[i], &plan->steps[i]);
    d->focus = FOCUS_CANCEL;
    str_free(&names);
}

void dialog_error(struct model *m, const char *title, const struct input_error *error)
{
    modal_reset(m);
    struct modal *d = &m->modal;
    d->kind = MODAL_ERROR;
    d->focus = FOCUS_GO;
    text_replace(&d->title, title);
    text_replace(&d->body, error->message);
    text_replace(&d->why, error->why);
    text_replace(&d->hint, error->hint);
    text_replace(&d->place, error->at);
}

void dialog_value(struct model *m, const char *title, const char *fixture, const char *live, const char *place)
{
    modal_reset(m);
    struct modal *d = &m->modal;
    d->kind = MODAL_VALUE;
    d->focus = FOCUS_GO;
    text_replace(&d->title, title);
    text_replace(&d->body, fixture);
    text_replace(&d->why, live);
    text_replace(&d->place, place);
}

void dialog_details(struct model *m, const char *title, const char *lines)
{
    modal_reset(m);
    m->modal.kind = MODAL_DETAILS;
    m->modal.focus = FOCUS_GO;
    text_replace(&m->modal.title, title);
    text_replace(&m->modal.body, lines);
}

void dialog_plan(struct model *m, const struct input *in)
{
    struct modal *d = &m->modal;
    d->request = 0;
    d->rows = clamp(in->number, 0, INT64_MAX);
    text_replace(&d->digest, in->text);
    text_replace(&d->why, in->title);
    d->danger = d->danger || !text_is_empty(in->title);   /* what is said first is a warning */
    d->steps = in->step_count ? xcalloc(in->step_count, sizeof *d->steps) : NULL;
    d->step_count = in->step_count;
    for (size_t i = 0; i < in->step_count; i++) {
        codec_copy(&type_fact_step, &d->steps[i], &in->steps[i]);
        d->danger = d->danger || in->steps[i].danger;
        if (text_same(in->steps[i].action, "from"))      /* by its name: another may be the newest when it is confirmed */
            text_replace(&d->target, in->steps[i].object);
    }
    if (d->danger && d->focus == FOCUS_GO)
        d->focus = FOCUS_CANCEL;
    d->expires_ms = m->now_ms + DIALOG_MS;   /* two minutes from when there is something to read */
}

/* ---- questions of operations ---- */

static void question_free(struct question_waiting *q)
{
    free(q->kind);
    free(q->title);
    free(q->text);
    free(q->expect);
}

static void question_remove(struct model *m, size_t i)
{
    question_free(&m->questions[i]);
    m->question_count--;
    memmove(&m->questions[i], &m->questions[i + 1], (m->question_count - i) * sizeof *m->questions);
}

static void answer(struct effects *effects, int64_t id, bool yes, const char *text)
{
    struct effect *effect = effect_add(effects, EFFECT_ANSWER, NULL);
    effect->number = id;
    effect->ok = yes;
    text_replace(&effect->text, text);
}

void dialog_question(struct model *m, const struct input *in, struct effects *effects)
{
    if (in->request && !job_find(m, in->request)) {
        answer(effects, in->number, false, NULL);   /* nobody waits for what asks */
        return;
    }
    int64_t expires = in->number2 > 0 ? clamp(in->number2, 1, DIALOG_MS) : DIALOG_MS;
    m->questions = xrealloc(m->questions, (m->question_count + 1) * sizeof *m->questions);
    m->questions[m->question_count++] = (struct question_waiting){
        .id = in->number,
        .expires_ms = m->now_ms + expires,
        .kind = xstrdup(in->name),
        .title = xstrdup(in->title),
        .text = xstrdup(in->text),
        .expect = xstrdup(in->expect),
        .secret = in->secret || text_same(in->name, "password"),
    };
    dialog_settle(m);
}

void dialog_settle(struct model *m)
{
    enum modal_kind kind = m->modal.kind;
    if (!m->question_count || kind == MODAL_CONFIRM || kind == MODAL_QUESTION || kind == MODAL_ERROR)
        return;
    modal_reset(m);
    struct modal *d = &m->modal;
    const struct question_waiting *q = &m->questions[0];
    d->kind = MODAL_QUESTION;
    d->question = q->id;
    d->secret = q->secret;
    d->expires_ms = q->expires_ms;
    text_replace(&d->title, q->title);
    text_replace(&d->body, q->text);
    text_replace(&d->expect, text_same(q->kind, "yes") && text_is_empty(q->expect) ? "yes" : q->expect);
    d->focus = dialog_has_field(m) ? FOCUS_FIELD : FOCUS_CANCEL;
    question_remove(m, 0);
}

void dialog_question_over(struct model *m, int64_t id)
{
    for (size_t i = m->question_count; i-- > 0;)
        if (m->questions[i].id == id)
            question_remove(m, i);
    if (m->modal.kind == MODAL_QUESTION && m->modal.question == id)
        modal_reset(m);
}

/* ---- ending ---- */

void dialog_close(struct model *m, struct effects *effects)
{
    struct modal *d = &m->modal;
    if (d->kind == MODAL_QUESTION)
        answer(effects, d->question, false, NULL);
    if (d->kind == MODAL_CONFIRM && d->request && job_find(m, d->request)) {
        struct effect *effect = effect_add(effects, EFFECT_CANCEL, NULL);
        effect->request = d->request;
        effect->number = (int64_t)d->request;
        job_end(m, d->request);
    }
    modal_reset(m);
}

/* What comes of it carries what was shown: the operation does that or nothing. */
static void confirmed(struct model *m, const struct action *action, const struct modal *done,
                      struct effects *effects)
{
    size_t before = effects->count;
    action->confirmed(m, or_empty(done->target), or_empty(done->text), effects);
    for (size_t i = before; i < effects->count && !text_is_empty(done->digest); i++) {
        if (text_is_empty(effects->items[i].seen))
            text_replace(&effects->items[i].seen, done->digest);
        if (!text_is_empty(done->second))
            text_replace(&effects->items[i].name, done->second);
    }
}

static void go_confirm(struct model *m, struct effects *effects)
{
    const struct action *action = action_find(m->modal.action);
    struct str why = {0};
    if (m->modal.request)
        return;                        /* the plan is not here: there is nothing to confirm yet */
    struct modal done = m->modal;      /* the dialog closes first: what is confirmed may open another */
    m->modal = (struct modal){0};
    if (!action || !action->confirmed)
        ;
    else if (action_refused(m, action, &why))
        notice_set(m, "warn", "%s", str_text(&why));
    else
        confirmed(m, action, &done, effects);
    codec_free(&type_modal, &done);
    str_free(&why);
}

static void go(struct model *m, struct effects *effects)
{
    if (!dialog_name_typed(m)) {
        bool first = text_is_empty(m->modal.expect) || text_same(m->modal.text, m->modal.expect);
        m->modal.focus = first ? FOCUS_SECOND : FOCUS_FIELD;
        notice_set(m, "warn", "Type \"%s\" in full, exactly as it is written.",
                   or_empty(first ? m->modal.expect_second : m->modal.expect));
        return;
    }
    if (m->modal.kind == MODAL_CONFIRM) {
        go_confirm(m, effects);
        return;
    }
    answer(effects, m->modal.question, true, m->modal.secret ? NULL : m->modal.text);
    modal_reset(m);
}

static void run_pick(struct model *m, struct effects *effects)
{
    struct pick picks[PICKS_MOST];
    size_t count = picks_make(m, picks);
    if (m->modal.selected < 0 || (size_t)m->modal.selected >= count)
        return;
    struct pick pick = picks[m->modal.selected];
    if (pick.environment) {
        char *name = xstrdup(pick.environment);   /* opening changes what it borrows from */
        modal_reset(m);
        environment_open(m, name, effects);
        free(name);
        return;
    }
    modal_reset(m);
    if (!(pick.action->where & 1u << m->screen)) {
        notice_set(m, "info", "%s: not on this screen.", pick.action->title);
        return;
    }
    action_run(m, pick.action, &(struct input){.kind = IN_ACTION}, effects);
}

static void accept_prompt(struct model *m, struct effects *effects)
{
    struct modal done = m->modal;
    m->modal = (struct modal){0};
    if (done.kind == MODAL_NOTE) {
        if (!text_is_empty(done.text))
            text_replace(&effect_add(effects, EFFECT_NOTE, NULL)->text, done.text);
    } else if (done.kind == MODAL_FILTER) {
        list_filter(m, done.text, effects);
    } else {
        text_replace(&screen_class_of(m->screen)->list(m)->search, done.text);
        list_search(m, false, true, effects);
    }
    codec_free(&type_modal, &done);
}

void dialog_accept(struct model *m, struct effects *effects)
{
    switch (m->modal.kind) {
    case MODAL_HELP:
    case MODAL_PALETTE:
    case MODAL_MENU: run_pick(m, effects); break;
    case MODAL_SEARCH:
    case MODAL_FILTER:
    case MODAL_NOTE: accept_prompt(m, effects); break;
    case MODAL_CONFIRM:
    case MODAL_QUESTION:
        if (m->modal.focus == FOCUS_CANCEL)
            dialog_close(m, effects);
        else
            go(m, effects);
        break;
    case MODAL_ERROR:
    case MODAL_VALUE:
    case MODAL_DETAILS: dialog_close(m, effects); break;
    default: break;
    }
}

void dialog_press(struct model *m, int64_t focus, struct effects *effects)
{
    m->modal.focus = focus == FOCUS_GO ? FOCUS_GO : FOCUS_CANCEL;
    dialog_accept(m, effects);
}

/* ---- typing ---- */

bool dialog_on_line(const struct model *m)
{
    return m->modal.focus == FOCUS_FIELD || (m->modal.focus == FOCUS_SECOND && !text_is_empty(m->modal.expect_second));
}

static char **line_of(struct model *m) { return m->modal.focus == FOCUS_SECOND ? &m->modal.second : &m->modal.text; }

static bool takes_text(const struct model *m)
{
    switch (m->modal.kind) {
    case MODAL_HELP:
    case MODAL_PALETTE:
    case MODAL_SEARCH:
    case MODAL_FILTER:
    case MODAL_NOTE: return true;
    case MODAL_CONFIRM:
    case MODAL_QUESTION: return !m->modal.secret && dialog_has_field(m);
    default: return false;
    }
}

void dialog_text(struct model *m, const char *text, struct effects *effects)
{
    (void)effects;
    if (!takes_text(m) || layout_of(m).too_small)
        return;
    if ((m->modal.kind == MODAL_CONFIRM || m->modal.kind == MODAL_QUESTION) && !dialog_on_line(m))
        m->modal.focus = FOCUS_FIELD;
    struct str line = {0};
    str_add(&line, or_empty(*line_of(m)));
    for (const char *p = text; *p && line.length < TYPED_MOST; p++)
        if (*p != '\n' && *p != '\r')              /* one line; Enter is a key of its own */
            str_add_char(&line, *p);
    text_replace(line_of(m), str_text(&line));
    str_free(&line);
    m->modal.selected = m->modal.top = 0;
}

void dialog_backspace(struct model *m)
{
    char *text = *line_of(m);
    if (!takes_text(m) || text_is_empty(text))
        return;
    size_t length = strlen(text), last = 0;
    for (size_t at = 0; at < length;) {
        int cells;
        bool visible;
        last = at;
        at += text_cluster(text + at, length - at, &cells, &visible);
    }
    text[last] = '\0';
    m->modal.selected = m->modal.top = 0;
}

void dialog_clear(struct model *m)
{
    if (takes_text(m))
        text_replace(line_of(m), "");
    m->modal.selected = m->modal.top = 0;
}

void dialog_secret(struct model *m, int64_t length)
{
    if (m->modal.kind == MODAL_QUESTION && m->modal.secret)
        m->modal.secret_length = clamp(length, 0, 4096);
}

static void move_focus(struct modal *d, bool field, int64_t by)
{
    int stops[4], count = 0, at = 0;
    if (field)
        stops[count++] = FOCUS_FIELD;
    if (!text_is_empty(d->expect_second))
        stops[count++] = FOCUS_SECOND;
    stops[count++] = FOCUS_CANCEL;
    stops[count++] = FOCUS_GO;
    for (int i = 0; i < count; i++)
        at = stops[i] == d->focus ? i : at;
    if (by != 0 && d->kind != MODAL_ERROR)
        d->focus = stops[(at + (by < 0 ? -1 : 1) + count) % count];
}

static int64_t count_lines(const char *text)
{
    int64_t count = 0;
    for (text = or_empty(text); *text; text++)
        count += *text == '\n';
    return count;
}

void dialog_move(struct model *m, int64_t by)
{
    struct modal *d = &m->modal;
    if (d->kind == MODAL_CONFIRM || d->kind == MODAL_QUESTION || d->kind == MODAL_ERROR) {
        move_focus(d, dialog_has_field(m), by);
        return;
    }
    if (d->kind == MODAL_DETAILS) {
        d->top = clamp(d->top + clamp(by, -PICKS_MOST, PICKS_MOST), 0, clamp(count_lines(d->body) - 1, 0, PICKS_MOST));
        return;
    }
    struct pick picks[PICKS_MOST];
    int64_t count = (int64_t)picks_make(m, picks), rows = layout_pick_rows(m);
    d->selected = clamp(clamp(d->selected, 0, PICKS_MOST) + clamp(by, -PICKS_MOST, PICKS_MOST), 0,
                        clamp(count - 1, 0, PICKS_MOST));
    d->top = clamp(d->top, d->selected - rows + 1, d->selected);
    d->top = clamp(d->top, 0, clamp(count - rows, 0, PICKS_MOST));
}

/* ---- expiry ---- */

static int64_t earlier(int64_t a, int64_t b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

int64_t dialog_deadline(const struct model *m)
{
    int64_t deadline = m->modal.expires_ms > 0 ? m->modal.expires_ms : -1;
    for (size_t i = 0; i < m->question_count; i++)
        deadline = earlier(deadline, m->questions[i].expires_ms);
    return deadline;
}

void dialog_expire(struct model *m, struct effects *effects)
{
    for (size_t i = m->question_count; i-- > 0;)
        if (m->questions[i].expires_ms <= m->now_ms) {
            answer(effects, m->questions[i].id, false, NULL);
            question_remove(m, i);
        }
    if (m->modal.expires_ms > 0 && m->modal.expires_ms <= m->now_ms) {
        notice_set(m, "info", "Nobody answered for two minutes: %s was not done.",
                   text_is_empty(m->modal.title) ? "it" : m->modal.title);
        dialog_close(m, effects);
    }
}
