/* report - sessions watched from start to end, and what is worth telling of each step. */
#include "replay/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/model.h"
#include "app/screen.h"
#include "app/sentence.h"
#include "app/statement.h"
#include "app/util.h"
#include "base/clock.h"
#include "event/codec.h"
#include "replay/marks.h"
#include "replay/notes.h"
#include "replay/paint.h"
#include "replay/reel.h"
#include "ui.h"

enum { ENTRIES_MOST = 20000, SCREENS_MOST = 60, TEXT_MOST = 4000, COLUMNS = 100, ROWS = 30, VALUES_MOST = 3, SAME_MS = 1000 };

/* ---- gathering ---- */

struct watch {
    struct report *report;
    size_t session;
    int64_t wall_at_zero;        /* wall clock of offset 0, as the newest clock event has it */
    struct marks marks;
    size_t marked;
    bool screens;
    enum screen screen;          /* what was told last of what was seen */
    char *seen;
    char *allowed;               /* what the guard allowed last: a write asks it for its plan and for each connection */
    int64_t allowed_ms;
    char *question;              /* that an operation asks */
};

static int64_t wall(const struct watch *w, const struct reel_step *step)
{
    return w->wall_at_zero + step->in->offset_ms;
}

static void add_entry(struct watch *w, const struct reel_step *step, enum report_kind kind, const char *text)
{
    struct report *r = w->report;
    if (r->entry_count == ENTRIES_MOST)
        return;
    if ((r->entry_count & (r->entry_count + 1)) == 0)
        r->entries = xrealloc(r->entries, (r->entry_count + 1) * 2 * sizeof *r->entries);
    r->entries[r->entry_count++] = (struct report_entry){
        .wall_ms = wall(w, step), .session = w->session, .n = step->n, .kind = kind,
        .text = xstrndup(text, strnlen(text, TEXT_MOST))};
}

static void draw_screen(struct watch *w, const struct reel_step *step)
{
    struct report *r = w->report;
    struct grid grid = {0};
    if (!w->screens || r->screen_count == SCREENS_MOST || text_is_empty(step->model->journal))
        return;
    if (r->screen_count && r->screens[r->screen_count - 1].n == step->n &&
        r->screens[r->screen_count - 1].session == w->session)
        return;
    grid_init(&grid, step->model->rows, step->model->columns);
    view_draw(step->model, &(struct view_options){0}, &grid);
    r->screens = xrealloc(r->screens, (r->screen_count + 1) * sizeof *r->screens);
    r->screens[r->screen_count] = (struct report_screen){.session = w->session, .n = step->n};
    paint_html(&r->screens[r->screen_count++].html, &grid);
    grid_free(&grid);
}

/* Marks are entries, too; and what stands at one is worth a picture. */
static void take_marks(struct watch *w, const struct reel_step *step)
{
    static const enum report_kind kinds[MARK_KINDS] = {
        [MARK_ACTION] = REPORT_DONE, [MARK_ERROR] = REPORT_FAILED, [MARK_REFUSED] = REPORT_REFUSED,
        [MARK_NOTE] = REPORT_NOTE};
    marks_take(&w->marks, step);
    for (; w->marked < w->marks.count; w->marked++) {
        const struct mark *mark = &w->marks.items[w->marked];
        add_entry(w, step, kinds[mark->kind], mark->text);
        draw_screen(w, step);
    }
}

/* What the operator had in front of him, in words: told when it is another than before. */
static void say_screen(const struct model *m, struct str *out)
{
    struct sentence s;
    if (text_is_empty(m->environment))
        return;
    str_add(out, screen_class_of(m->screen)->title);
    if (m->screen == SCREEN_OVERVIEW && m->facts.status_complete) {
        sentence_make(&(struct sentence_input){.facts = &m->facts, .environment = m->environment}, &s);
        str_printf(out, ": %s %s", s.word, s.text);
    } else if (m->screen == SCREEN_DIFF && !text_is_empty(m->diff.table)) {
        const struct fact_table *t = &m->diff.totals;
        str_printf(out, " of %s", m->diff.table);
        if (m->diff.rows.complete)
            str_printf(out, ": %lld missing, %lld changed, %lld extra", (long long)t->missing,
                       (long long)t->changed, (long long)t->extra);
    } else if (m->screen == SCREEN_MIGRATIONS && m->migrations.loaded) {
        str_printf(out, ": %lld applied, %lld pending, %lld failed", (long long)m->facts.ledger.applied,
                   (long long)m->facts.ledger.pending, (long long)m->facts.ledger.failed);
    }
}

static void take_seen(struct watch *w, const struct reel_step *step)
{
    struct str text = {0};
    say_screen(step->model, &text);
    if (text.length && !text_same(str_text(&text), w->seen)) {
        add_entry(w, step, REPORT_SEEN, str_text(&text));
        text_replace(&w->seen, str_text(&text));
    }
    str_free(&text);
}

static void take_counts(struct watch *w, const struct reel_step *step)
{
    struct report *r = w->report;
    const struct input *in = step->in;
    if (!text_is_empty(in->text))
        add_entry(w, step, REPORT_SAFEPOINT, in->text);
    for (size_t i = 0; in->number2 > 0 && i < in->count_count && r->count_count < ENTRIES_MOST; i++) {
        r->counts = xrealloc(r->counts, (r->count_count + 1) * sizeof *r->counts);
        r->counts[r->count_count++] = (struct report_count){
            .session = w->session, .wall_ms = wall(w, step), .operation = xstrdup(or_empty(in->name)),
            .table = xstrdup(or_empty(in->counts[i].table)), .before = in->counts[i].before,
            .after = in->counts[i].after};
    }
}

static void take_diagnosis(struct watch *w, const struct reel_step *step)
{
    struct report *r = w->report;
    if (r->diagnosis_count == SCREENS_MOST)
        return;
    r->diagnoses = xrealloc(r->diagnoses, (r->diagnosis_count + 1) * sizeof *r->diagnoses);
    struct report_diagnosis *d = &r->diagnoses[r->diagnosis_count++];
    *d = (struct report_diagnosis){.session = w->session, .wall_ms = wall(w, step)};
    codec_copy(&type_fact_diagnosis, &d->facts, &step->in->diagnosis);
}

static void take_server(struct watch *w, const struct reel_step *step)
{
    struct report_session *s = &w->report->sessions[w->session];
    const struct fact_server *server = &step->in->server;
    struct str text = {0};
    const char *before = or_empty(s->cluster);
    if (text_is_empty(server->system_identifier) || (text_same(before, server->system_identifier) &&
                                                     text_same(s->database, server->database)))
        return;
    text_replace(&s->server, server->target);
    text_replace(&s->database, server->database);
    text_replace(&s->cluster, server->system_identifier);
    text_replace(&s->role, server->user);
    str_printf(&text, "connected to %s: database %s as %s, PostgreSQL %s, system identifier %s",
               or_empty(server->target), or_empty(server->database), or_empty(server->user),
               or_empty(server->version), or_empty(server->system_identifier));
    add_entry(w, step, REPORT_IDENTITY, str_text(&text));
    str_free(&text);
}

static void take_statement(struct watch *w, const struct reel_step *step)
{
    struct str text = {0};
    statement_say(step->in, VALUES_MOST, &text);
    add_entry(w, step, REPORT_RAN, str_text(&text));
    str_free(&text);
}

static void take_guard(struct watch *w, const struct reel_step *step)
{
    const struct input *in = step->in;
    struct str text = {0};
    if (!in->ok)
        return;                              /* a mark has it */
    str_printf(&text, "the guard allowed %s (class %s) on %s", or_empty(in->text), or_empty(in->name),
               or_empty(in->title));
    if (!text_is_empty(in->expect))
        str_printf(&text, ", \"%s\" was typed", in->expect);
    if (!text_same(str_text(&text), w->allowed) || wall(w, step) - w->allowed_ms > SAME_MS)
        add_entry(w, step, REPORT_DONE, str_text(&text));
    text_replace(&w->allowed, str_text(&text));
    w->allowed_ms = wall(w, step);
    str_free(&text);
}

/* What an operation asked, and what it was told. */
static void take_question(struct watch *w, const struct reel_step *step)
{
    const struct input *in = step->in;
    struct str text = {0};
    if (in->kind == IN_QUESTION) {
        text_replace(&w->question, in->title);
        return;
    }
    str_printf(&text, "%s: %s", text_is_empty(w->question) ? "a question" : w->question,
               in->ok ? "yes" : "no");
    if (!text_is_empty(in->text))
        str_printf(&text, ", \"%s\" was typed", in->text);
    add_entry(w, step, REPORT_ANSWERED, str_text(&text));
    str_free(&text);
}

static void take_step(void *context, const struct reel_step *step)
{
    struct watch *w = context;
    switch (step->in->kind) {
    case IN_CLOCK: w->wall_at_zero = step->in->number - step->in->offset_ms; break;
    case IN_CONNECTION:
    case IN_STATUS:
    case IN_IDENTITY: take_server(w, step); break;
    case IN_STATEMENT: take_statement(w, step); break;
    case IN_GUARD: take_guard(w, step); break;
    case IN_OUTCOME: take_counts(w, step); break;
    case IN_DIAGNOSIS: take_diagnosis(w, step); break;
    case IN_QUESTION:
    case IN_QUESTION_OVER: take_question(w, step); break;
    default: break;
    }
    take_marks(w, step);
    take_seen(w, step);
}

/* Notes that reviewers made: beside the journal, and at the moments they are about. */
static void take_notes(struct watch *w, const struct report_session *s)
{
    struct marks notes = {0};
    notes_read(s->source, &notes);
    for (size_t i = 0; i < notes.count; i++) {
        struct input at = {.offset_ms = notes.items[i].at_ms};
        add_entry(w, &(struct reel_step){.n = notes.items[i].n, .in = &at}, REPORT_NOTE, notes.items[i].text);
        w->report->entries[w->report->entry_count - 1].reviewer = true;
    }
    marks_free(&notes);
}

/* A session's segments all lead to the whole of it, so two of them would tell it twice. */
static bool is_known(const struct report *r, const struct source *source)
{
    for (size_t i = 0; i < r->session_count; i++)
        if (text_same(source_hash(r->sessions[i].source), source_hash(source)) &&
            text_same(source_header(r->sessions[i].source)->session, source_header(source)->session))
            return true;
    return false;
}

static bool take_session(struct report *r, const char *path, bool screens, struct err *err)
{
    struct source *source;
    const struct err *chain_err;
    if (!source_open(&source, path, err))
        return false;
    if (is_known(r, source)) {
        source_close(source);
        return true;
    }
    r->sessions = xrealloc(r->sessions, (r->session_count + 1) * sizeof *r->sessions);
    struct report_session *s = &r->sessions[r->session_count++];
    *s = (struct report_session){.path = path, .source = source, .start_ms = source_header(source)->started_ms};
    s->chain = source_check(source, &chain_err);
    if (chain_err)
        s->chain_err = *chain_err;
    struct watch w = {
        .report = r, .session = r->session_count - 1, .wall_at_zero = s->start_ms, .screens = screens};
    struct reel *reel = reel_new(source, 0);
    reel_watch(reel, take_step, &w);
    reel_go(reel, source_timeline(source)->count);
    s = &r->sessions[w.session];
    s->end_ms = w.wall_at_zero + timeline_length(source_timeline(source));
    snprintf(s->problem, sizeof s->problem, "%s", reel_problem(reel));
    take_notes(&w, s);
    reel_free(reel);
    marks_free(&w.marks);
    free(w.seen);
    free(w.allowed);
    free(w.question);
    return true;
}

/* By time; within a millisecond by session, then as they came. */
static int by_time(const void *a, const void *b)
{
    const struct report_entry *x = a, *y = b;
    if (x->wall_ms != y->wall_ms)
        return x->wall_ms < y->wall_ms ? -1 : 1;
    if (x->session != y->session)
        return x->session < y->session ? -1 : 1;
    return (x->n > y->n) - (x->n < y->n);
}

/* Sessions lie one after the other, each in order; qsort would not keep equals as they came. */
static void sort_entries(struct report *r)
{
    for (size_t i = 1; i < r->entry_count; i++) {
        struct report_entry moving = r->entries[i];
        size_t at = i;
        for (; at > 0 && by_time(&r->entries[at - 1], &moving) > 0; at--)
            r->entries[at] = r->entries[at - 1];
        r->entries[at] = moving;
    }
}

bool report_make(struct report *r, char *const *paths, size_t count, bool screens, struct err *err)
{
    *r = (struct report){0};
    for (size_t i = 0; i < count; i++)
        if (!take_session(r, paths[i], screens, err))
            return false;
    sort_entries(r);
    return true;
}

void report_free(struct report *r)
{
    for (size_t i = 0; i < r->session_count; i++) {
        struct report_session *s = &r->sessions[i];
        source_close(s->source);
        free(s->server);
        free(s->database);
        free(s->cluster);
        free(s->role);
    }
    for (size_t i = 0; i < r->entry_count; i++)
        free(r->entries[i].text);
    for (size_t i = 0; i < r->count_count; i++) {
        free(r->counts[i].operation);
        free(r->counts[i].table);
    }
    for (size_t i = 0; i < r->diagnosis_count; i++)
        codec_free(&type_fact_diagnosis, &r->diagnoses[i].facts);
    for (size_t i = 0; i < r->screen_count; i++)
        str_free(&r->screens[i].html);
    free(r->sessions);
    free(r->entries);
    free(r->counts);
    free(r->diagnoses);
    free(r->screens);
}

/* ---- words that every face uses ---- */

bool report_same_evidence(const struct report_diagnosis *d, const struct report_diagnosis *before)
{
    bool same = before && d->session == before->session && d->facts.evidence_count &&
                d->facts.evidence_count == before->facts.evidence_count;
    for (size_t i = 0; same && i < d->facts.evidence_count; i++)
        same = text_same(d->facts.evidence[i].fact, before->facts.evidence[i].fact) &&
               text_same(d->facts.evidence[i].problem, before->facts.evidence[i].problem);
    return same;
}

const char *report_kind_name(enum report_kind kind)
{
    static const char *const names[REPORT_KINDS] = {
        [REPORT_DONE] = "done",         [REPORT_FAILED] = "failed",       [REPORT_REFUSED] = "refused",
        [REPORT_NOTE] = "note",         [REPORT_SEEN] = "seen",           [REPORT_RAN] = "ran",
        [REPORT_IDENTITY] = "identity", [REPORT_SAFEPOINT] = "safepoint", [REPORT_ANSWERED] = "answered"};
    return names[kind];
}

/* False: a time that no calendar of ours has. */
static bool calendar(int64_t wall_ms, bool local, struct tm *tm)
{
    time_t seconds = (time_t)(clamp(wall_ms, 0, INT64_C(253402300799000)) / 1000);
    return local ? localtime_r(&seconds, tm) != NULL : gmtime_r(&seconds, tm) != NULL;
}

const char *report_utc(char out[40], int64_t wall_ms)
{
    struct tm tm;
    if (!calendar(wall_ms, false, &tm) || !strftime(out, 40, "%Y-%m-%d %H:%M:%SZ", &tm))
        snprintf(out, 40, "?");
    return out;
}

const char *report_local(char out[40], int64_t wall_ms)
{
    struct tm tm;
    if (!calendar(wall_ms, true, &tm) || !strftime(out, 40, "%H:%M:%S %z", &tm))
        snprintf(out, 40, "?");
    return out;
}

void report_who(const struct report_session *s, struct str *out)
{
    const struct journal_header *h = source_header(s->source);
    str_add(out, *h->user ? h->user : "somebody");
    if (!text_is_empty(h->real_user))
        str_printf(out, " (%s by sudo)", h->real_user);
    if (!text_is_empty(h->from))
        str_printf(out, " from %s", h->from);
    if (*h->host)
        str_printf(out, " on %s", h->host);
}

void report_recording(const struct report_session *s, struct str *out)
{
    static const char *const ends[] = {
        [JOURNAL_END_CLOSED] = "complete, to its end", [JOURNAL_END_CONTINUED] = "its next part is missing",
        [JOURNAL_END_OPEN] = "without its end: the session was killed, or still ran",
        [JOURNAL_END_CUT] = "cut within its last line: the session was killed, or the disk was full"};
    str_add(out, ends[source_end(s->source)]);
    if (*source_failure(s->source))
        str_printf(out, "; recording stopped: %s", source_failure(s->source));
    if (source_before(s->source))
        str_printf(out, "; the first %llu events are gone", (unsigned long long)source_before(s->source));
    if (source_unknown(s->source))
        str_printf(out, "; %llu events are of kinds not known here",
                   (unsigned long long)source_unknown(s->source));
    if (*source_problem(s->source))
        str_printf(out, "; %s", source_problem(s->source));
    if (s->problem[0])
        str_printf(out, "; %s", s->problem);
    if (s->chain == CHAIN_WHOLE)
        str_add(out, "; its hash chain holds");
    else
        str_printf(out, "; ALTERED OR DAMAGED: %s (%s)", s->chain_err.why, s->chain_err.at);
}
