/* marks - which steps of a session are worth a mark, and what it says. */
#include "replay/marks.h"

#include <stdlib.h>
#include <string.h>

#include "app/model.h"
#include "app/request.h"
#include "app/util.h"
#include "base/str.h"

enum {
    MARKS_MOST = 10000, TEXT_MOST = 400,
    SAID_TWICE = 3                       /* inputs between a guard's refusal and the outcome that repeats it */
};

static const struct { const char *name, *sign; } kinds[MARK_KINDS] = {
    [MARK_ACTION] = {"action", "\xe2\x97\x86"}, [MARK_ERROR] = {"error", "\xe2\x9c\x97"},
    [MARK_REFUSED] = {"refused", "\xe2\x9a\xa0"}, [MARK_NOTE] = {"note", "\xe2\x97\x87"},
};

const char *mark_kind_name(enum mark_kind kind) { return kinds[kind].name; }
const char *mark_sign(enum mark_kind kind) { return kinds[kind].sign; }

void marks_add(struct marks *marks, uint64_t n, int64_t at_ms, enum mark_kind kind, bool reviewer,
               const char *text)
{
    size_t length = strlen(text);
    if (marks->count >= MARKS_MOST)
        return;
    if (length > TEXT_MOST)
        for (length = TEXT_MOST; length && ((unsigned char)text[length] & 0xc0) == 0x80; length--)
            ;
    if (marks->count == marks->capacity) {
        marks->capacity = marks->capacity ? marks->capacity * 2 : 32;
        marks->items = xrealloc(marks->items, marks->capacity * sizeof *marks->items);
    }
    size_t at = marks->count++;
    for (; at > 0 && marks->items[at - 1].n > n; at--)
        marks->items[at] = marks->items[at - 1];
    marks->items[at] = (struct mark){.n = n, .at_ms = at_ms, .kind = kind, .reviewer = reviewer,
                                     .text = xstrndup(text, length)};
}

void marks_free(struct marks *marks)
{
    for (size_t i = 0; i < marks->count; i++)
        free(marks->items[i].text);
    free(marks->items);
    *marks = (struct marks){0};
}

const struct mark *marks_next(const struct marks *marks, uint64_t n, int kind, bool backwards)
{
    const struct mark *found = NULL;
    for (size_t i = 0; i < marks->count; i++) {
        const struct mark *mark = &marks->items[i];
        if (kind != MARK_KINDS && (int)mark->kind != kind)
            continue;
        if (backwards && mark->n < n)
            found = mark;
        else if (!backwards && mark->n > n)
            return mark;
    }
    return found;
}

/* ---- what a step is ---- */

static void add(struct marks *marks, const struct reel_step *step, enum mark_kind kind, const char *text)
{
    marks_add(marks, step->n, step->in->offset_ms, kind, false, text);
}

/* What writes, or begins something that a reviewer looks for. */
static bool is_deed(const struct effect *e, const struct job *job)
{
    return (job && job->writes && !job->plan) || e->kind == EFFECT_OPEN || e->kind == EFFECT_VERIFY;
}

static void take_effect(struct marks *marks, const struct reel_step *step, const struct effect *e)
{
    struct str text = {0};
    const struct job *job = job_find(step->model, e->request);
    if (e->kind == EFFECT_BELL && text_same(step->model->notice.level, "warn"))
        add(marks, step, MARK_REFUSED, or_empty(step->model->notice.text));
    if (!is_deed(e, job))
        return;
    str_add(&text, effect_verb(e->kind));
    const char *what = e->kind == EFFECT_OPEN || !text_is_empty(e->name) ? e->name : step->model->environment;
    str_printf(&text, " %s", or_empty(what));
    if (e->kind == EFFECT_SIGNAL_BACKEND)
        str_printf(&text, " pid %lld", (long long)e->number);
    if (!text_is_empty(e->text))
        str_printf(&text, ", confirmed by typing \"%s\"", e->text);
    add(marks, step, MARK_ACTION, str_text(&text));
    str_free(&text);
}

static bool counts_differ(const struct input *in)
{
    for (size_t i = 0; i < in->count_count; i++)
        if (in->counts[i].before != in->counts[i].after)
            return true;
    return false;
}

static void take_outcome(struct marks *marks, const struct reel_step *step)
{
    const struct input *in = step->in;
    struct str text = {0};
    bool preserves = text_same(in->name, "preserve") || text_same(in->name, "preserve --undo");
    if (!in->ok && text_same(in->error.class, "refused") && marks->refused_n &&
        step->n - marks->refused_n <= SAID_TWICE) {
        /* the guard's own word is there already */
    } else if (!in->ok) {
        str_printf(&text, "%s: %s%s%s", or_empty(in->name), or_empty(in->error.message),
                   text_is_empty(in->error.why) ? "" : ": ", or_empty(in->error.why));
        add(marks, step, text_same(in->error.class, "refused") ? MARK_REFUSED
                         : text_same(in->error.class, "cancelled") ? MARK_ACTION : MARK_ERROR, str_text(&text));
    } else if (in->number2 > 0 || counts_differ(in)) {
        str_printf(&text, "%s done", or_empty(in->name));
        if (!preserves)                          /* what it counts is steps */
            str_printf(&text, ": %lld row%s %s", (long long)in->number2, in->number2 == 1 ? "" : "s",
                       text_same(in->name, "prune") ? "gone" : "written");
        for (size_t i = 0; i < in->count_count; i++)
            if (in->counts[i].before != in->counts[i].after)
                str_printf(&text, ", %s %lld \xe2\x86\x92 %lld", or_empty(in->counts[i].table),
                           (long long)in->counts[i].before, (long long)in->counts[i].after);
        if (!text_is_empty(in->text))
            str_printf(&text, preserves ? ", pages saved in %s" : ", saved first in %s", in->text);
        add(marks, step, MARK_ACTION, str_text(&text));
    } else if (text_same(in->name, "verify")) {
        add(marks, step, MARK_ACTION, "verify done: nothing amiss");
    }
    str_free(&text);
}

static void take_refusal(struct marks *marks, const struct reel_step *step)
{
    const struct input *in = step->in;
    struct str text = {0};
    str_printf(&text, "%s refused on %s", or_empty(in->text), or_empty(in->title));
    for (size_t i = 0; i < in->guard.reason_count; i++)
        str_printf(&text, "%s %s", i ? ";" : ":", or_empty(in->guard.reasons[i].text));
    add(marks, step, MARK_REFUSED, str_text(&text));
    marks->refused_n = step->n;
    str_free(&text);
}

static void take_diagnosis(struct marks *marks, const struct reel_step *step)
{
    struct str text = {0};
    str_printf(&text, "diagnosed: %s, %s", or_empty(step->in->diagnosis.verdict),
               or_empty(step->in->diagnosis.confidence));
    add(marks, step, MARK_ACTION, str_text(&text));
    str_free(&text);
}

/* One of several environments is named. */
static void take_alert(struct marks *marks, const struct reel_step *step)
{
    struct str text = {0};
    const char *environment = or_empty(step->in->environment);
    str_printf(&text, "%s%s%s", environment, *environment ? ": " : "", or_empty(step->in->text));
    add(marks, step, step->in->ok ? MARK_ACTION : MARK_ERROR, str_text(&text));
    str_free(&text);
}

static void take_input(struct marks *marks, const struct reel_step *step)
{
    const struct input *in = step->in;
    if (in->kind == IN_OUTCOME)
        take_outcome(marks, step);
    else if (in->kind == IN_CONNECTION && text_same(in->name, "lost"))
        add(marks, step, MARK_ERROR, "the connection was lost");
    else if (in->kind == IN_JOURNAL && text_same(in->name, "failed"))
        add(marks, step, MARK_ERROR, "the recording failed");
    else if (in->kind == IN_LOG && text_same(in->name, "error"))
        add(marks, step, MARK_ERROR, or_empty(in->text));
    else if (in->kind == IN_ALERT)
        take_alert(marks, step);
    else if (in->kind == IN_NOTE)
        add(marks, step, MARK_NOTE, or_empty(in->text));
    else if (in->kind == IN_GUARD && !in->ok)
        take_refusal(marks, step);
    else if (in->kind == IN_DIAGNOSIS)
        take_diagnosis(marks, step);
}

void marks_take(struct marks *marks, const struct reel_step *step)
{
    take_input(marks, step);
    for (size_t i = 0; i < step->effects->count; i++)
        take_effect(marks, step, &step->effects->items[i]);
    if (step->model->write_mode != marks->write_mode)
        add(marks, step, MARK_ACTION, step->model->write_mode ? "write mode on" : "write mode off");
    marks->write_mode = step->model->write_mode;
}
