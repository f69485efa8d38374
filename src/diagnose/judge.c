/* judge - the tables' verdicts, the whole's, and when. */
#include "diagnose/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "diagnose/advise.h"
#include "diagnose/rules.h"
#include "diagnose/signs.h"
#include "event/codec.h"

/* ---- lists that grow by one ---- */

static void *append(void *items, size_t *count, const struct type *type, const void *item)
{
    char *grown = xrealloc(items, (*count + 1) * type->size);
    codec_copy(type, grown + *count * type->size, item);
    (*count)++;
    return grown;
}

void diagnose_add_evidence(struct fact_diagnosis *d, const struct fact_evidence *line)
{
    d->evidence = append(d->evidence, &d->evidence_count, &type_fact_evidence, line);
}

void diagnose_add_alternative(struct fact_diagnosis *d, const struct fact_alternative *alternative)
{
    for (size_t i = 0; i < d->alternative_count; i++)
        if (strcmp(d->alternatives[i].verdict, alternative->verdict) == 0)
            return;
    d->alternatives = append(d->alternatives, &d->alternative_count, &type_fact_alternative, alternative);
}

void diagnose_add_denied(struct fact_diagnosis *d, const struct fact_denied *denied)
{
    d->denied = append(d->denied, &d->denied_count, &type_fact_denied, denied);
}

void diagnose_add_next(struct fact_diagnosis *d, const struct fact_next *next)
{
    d->next = append(d->next, &d->next_count, &type_fact_next, next);
}

static char *formatted(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *formatted(const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return xstrdup(text);
}

/* ---- the tables ---- */

struct judgement {
    const struct diagnose_rule *rule;
    enum verdict verdict;            /* the rule's, or a neighbour's that explains this table as well */
    enum confidence confidence;
    bool adopted;
};

/* Which loss is told first when tables differ: what may still be saved, then what happened to most. */
static const enum verdict gravity[] = {
    VERDICT_DELETED, VERDICT_TRUNCATED, VERDICT_RECREATED, VERDICT_REINITIALISED, VERDICT_UNLOGGED,
    VERDICT_RESTORED_EMPTY, VERDICT_SCHEMA_MISSING, VERDICT_DETACHED, VERDICT_RENAMED, VERDICT_WRONG_SCHEMA,
    VERDICT_WRONG_DATABASE, VERDICT_STALE_REPLICA, VERDICT_PREPARED, VERDICT_LOADING, VERDICT_HIDDEN_BY_RLS,
    VERDICT_NO_PRIVILEGE, VERDICT_ROLLED_BACK, VERDICT_NEVER_SEEDED, VERDICT_HEALTHY,
};
_Static_assert(sizeof gravity / sizeof *gravity == VERDICT_COUNT, "every verdict has its place");

static bool fits(const struct diagnose_rule *rule, enum verdict verdict)
{
    return rule->cannot & 1u << verdict;
}

/* One event usually explains all tables: one that cannot be told alone takes the verdict that another is sure of. */
static void adopt(const struct evidence *e, struct judgement *js)
{
    for (size_t i = 0; i < e->count; i++) {
        if (!e->tables[i].context || !js[i].rule->cannot)
            continue;
        const struct judgement *best = NULL;
        for (size_t n = 0; n < e->count; n++)
            if (e->tables[n].context && !js[n].rule->cannot && js[n].confidence >= CONFIDENCE_HIGH &&
                (fits(js[i].rule, js[n].rule->verdict) || js[n].rule->verdict == js[i].rule->verdict) &&
                js[n].rule->verdict != VERDICT_HEALTHY)
                best = &js[n];
        if (best) {
            js[i].verdict = best->rule->verdict;
            js[i].adopted = true;
        }
    }
}

static struct judgement *judge_tables(const struct evidence *e)
{
    struct judgement *js = xcalloc(e->count, sizeof *js);
    for (size_t i = 0; i < e->count; i++) {
        js[i].rule = diagnose_rule_for(e, &e->tables[i]);
        js[i].verdict = js[i].rule->verdict;
        js[i].confidence = js[i].rule->confidence;
    }
    adopt(e, js);
    return js;
}

static void list_tables(const struct evidence *e, const struct judgement *js, struct fact_diagnosis *d)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct table_evidence *t = &e->tables[i];
        struct fact_table_verdict line = {.name = (char *)t->name, .class = (char *)t->class,
            .verdict = (char *)verdict_name(js[i].verdict), .confidence = (char *)confidence_name(js[i].confidence),
            .rule = (char *)js[i].rule->name, .held = t->held, .rows = t->rows, .floor = t->floor,
            .inserted = t->inserted, .deleted = t->deleted, .dead = t->dead};
        char *why = js[i].adopted
                        ? formatted("%s Other tables decide it.", js[i].rule->sentence)
                        : xstrdup(js[i].rule->sentence);
        line.why = why;
        d->tables = append(d->tables, &d->table_count, &type_fact_table_verdict, &line);
        free(why);
    }
}

/* ---- the whole ---- */

struct whole {
    enum verdict verdict;
    enum confidence confidence;
    const struct diagnose_rule *rule;
    size_t tables, judged;           /* that have this verdict; context tables in all */
};

static bool better(const struct judgement *a, const struct judgement *b)
{
    return !b || (b->adopted && !a->adopted) || (a->adopted == b->adopted && a->confidence > b->confidence);
}

static struct whole whole_of(const struct evidence *e, const struct judgement *js)
{
    struct whole w = {.verdict = VERDICT_HEALTHY, .confidence = CONFIDENCE_CERTAIN};
    const struct judgement *best = NULL;
    for (size_t g = 0; g < VERDICT_COUNT && !best; g++) {
        w.tables = w.judged = 0;
        for (size_t i = 0; i < e->count; i++) {
            w.judged += e->tables[i].context;
            if (!e->tables[i].context || js[i].verdict != gravity[g])
                continue;
            w.tables++;
            w.verdict = gravity[g];
            if (better(&js[i], best))
                best = &js[i];
        }
    }
    if (best) {
        w.confidence = best->confidence;
        w.rule = best->rule;
    }
    return w;
}

/* Health is no surer than the least sure table. */
static void temper_health(const struct evidence *e, const struct judgement *js, struct whole *w)
{
    for (size_t i = 0; i < e->count && w->verdict == VERDICT_HEALTHY; i++)
        if (e->tables[i].context && js[i].confidence < w->confidence)
            w->confidence = js[i].confidence;
}

static void list_others(const struct evidence *e, const struct judgement *js, const struct whole *w,
                        struct fact_diagnosis *d)
{
    for (int v = 0; w->rule && v < VERDICT_COUNT; v++)
        if (w->rule->cannot & 1u << v)
            diagnose_add_alternative(d, &(struct fact_alternative){.verdict = (char *)verdict_name((enum verdict)v),
                .confidence = (char *)confidence_name(w->confidence), .why = (char *)"the same facts fit it as well"});
    if (w->verdict == VERDICT_HEALTHY || w->confidence == CONFIDENCE_CERTAIN)
        return;
    for (int r = 0; r < diagnose_rule_count - 1; r++)
        for (size_t i = 0; i < e->count; i++) {
            const struct diagnose_rule *rule = &diagnose_rules[r];
            if (e->tables[i].context && js[i].verdict == w->verdict && rule > js[i].rule &&
                rule->verdict != w->verdict && rule->verdict != VERDICT_HEALTHY && rule->test(e, &e->tables[i]))
                diagnose_add_alternative(d, &(struct fact_alternative){.verdict = (char *)verdict_name(rule->verdict),
                    .confidence = (char *)"low", .why = (char *)rule->sentence});
        }
}

static bool is_mixed(const struct evidence *e, const struct judgement *js, const struct whole *w)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].context && js[i].verdict != w->verdict && js[i].verdict != VERDICT_HEALTHY)
            return true;
    return false;
}

/* ---- the sentence ---- */

static void say_tables(const struct whole *w, struct str *s)
{
    if (w->judged == 1)
        str_add(s, "The rows of the only context table ");
    else if (w->tables == w->judged)
        str_printf(s, "The rows of all %zu context tables ", w->judged);
    else
        str_printf(s, "The rows of %zu of %zu context tables ", w->tables, w->judged);
}

static void say_mixture(const struct evidence *e, const struct judgement *js, const struct whole *w, struct str *s)
{
    for (int v = 1; v < VERDICT_COUNT; v++) {
        size_t n = 0;
        const char *one = "";
        for (size_t i = 0; i < e->count; i++)
            if (e->tables[i].context && js[i].verdict == (enum verdict)v && w->verdict != (enum verdict)v) {
                one = e->tables[i].name;
                n++;
            }
        if (n == 1)
            str_printf(s, " Those of %s %s.", one, verdict_meaning((enum verdict)v));
        else if (n)
            str_printf(s, " Those of %zu other tables %s.", n, verdict_meaning((enum verdict)v));
    }
}

static char *sentence_of(const struct evidence *e, const struct judgement *js, const struct whole *w)
{
    struct str s = {0};
    if (w->judged == 0) {
        str_add(&s, "No table is declared to have rows: neither fixtures nor floors name one.");
        return str_take(&s);
    }
    say_tables(w, &s);
    str_printf(&s, "%s.", verdict_meaning(w->verdict));
    say_mixture(e, js, w, &s);
    if (w->rule && w->rule->cannot) {
        for (int v = 0, more = 0; v < VERDICT_COUNT; v++)
            if (w->rule->cannot & 1u << v)
                str_printf(&s, "%s%s", more++ ? ", or " : " Or perhaps they ", verdict_meaning((enum verdict)v));
        str_add(&s, "; nothing here tells which.");
    }
    return str_take(&s);
}

/* ---- when ---- */

struct bound { int64_t ms; const char *why; };

static void latest(struct bound *b, int64_t ms, const char *why)
{
    if (ms > 0 && ms > b->ms)
        *b = (struct bound){ms, why};
}

static void earliest(struct bound *b, int64_t ms, const char *why)
{
    if (ms > 0 && (b->ms == 0 || ms < b->ms))
        *b = (struct bound){ms, why};
}

/* The last moment one table was surely fine, and the first it surely was not. */
static void bracket(const struct evidence *e, const struct table_evidence *t, enum verdict v, struct bound *fine,
                    struct bound *lost)
{
    bool had = t->reltuples > 0;
    if (t->seen)
        latest(fine, e->seen.healthy_ms, "the last healthy visit");
    if (had)
        latest(fine, t->analyzed_ms, "its rows were analysed");
    /* until a GRANT or ALTER writes the row of pg_class anew, its xmin is the transaction that made the file */
    if (v == VERDICT_TRUNCATED && t->committed_ms && strcmp(t->row_xid, t->file_xid) == 0) {
        latest(fine, t->committed_ms, "the transaction's commit time");
        earliest(lost, t->committed_ms, "the transaction's commit time");
    }
    if (v == VERDICT_TRUNCATED && table_newer_than_ledger(e, t))
        latest(fine, e->ledger_last_ms, "the last migration");
    if ((v == VERDICT_DELETED && t->deleted > 0) || (v == VERDICT_TRUNCATED && t->inserted > 0) ||
        (v == VERDICT_ROLLED_BACK && t->inserted > 0))
        latest(fine, counters_since(e) > e->ledger_first_ms ? counters_since(e) : e->ledger_first_ms,
               counters_since(e) > e->ledger_first_ms ? "the counters began" : "the first migration");
    if (!had && t->reltuples == 0 && (v == VERDICT_DELETED || v == VERDICT_TRUNCATED || v == VERDICT_ROLLED_BACK)) {
        earliest(lost, t->vacuumed_ms, "a vacuum found no row");
        earliest(lost, t->analyzed_ms, "an analyze found no row");
    }
    if ((v == VERDICT_LOADING || v == VERDICT_PREPARED) && t->writer_since_ms)
        latest(fine, t->writer_since_ms, "that transaction began");
    if (v == VERDICT_REINITIALISED || v == VERDICT_RESTORED_EMPTY)
        earliest(lost, e->born_ms, "the cluster was made");
    if (v == VERDICT_RECREATED)
        earliest(lost, e->ledger_first_ms, "it was migrated anew");
}

/* The last of the moments at which these tables were first found so; 0 if one of them was not yet. */
static int64_t found_so(const struct evidence *e, const struct judgement *js, const struct whole *w)
{
    int64_t found = 0;
    for (size_t i = 0; i < e->count; i++) {
        const struct table_evidence *t = &e->tables[i];
        if (!t->context || !t->present || js[i].verdict != w->verdict)
            continue;
        if (!t->seen || t->seen->oid != t->oid || !t->seen->lost_ms || t->seen->lost_rows != t->rows)
            return 0;
        found = t->seen->lost_ms > found ? t->seen->lost_ms : found;
    }
    return found;
}

static void tell_when(const struct evidence *e, const struct judgement *js, const struct whole *w,
                      struct fact_diagnosis *d)
{
    struct bound fine = {0}, lost = {0};
    char text[32];
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].context && e->tables[i].present && js[i].verdict == w->verdict)
            bracket(e, &e->tables[i], w->verdict, &fine, &lost);
    if (lost.ms < fine.ms)
        lost = (struct bound){0};
    int64_t found = found_so(e, js, w);
    if (!lost.ms)
        lost = found && found >= fine.ms ? (struct bound){found, "an earlier visit"}
                                         : (struct bound){e->now_ms, "this visit"};
    if (w->verdict == VERDICT_HEALTHY)
        return;
    signs_time(fine.ms, text, sizeof text);
    d->since = xstrdup(text);
    d->since_why = xstrdup(fine.why);
    signs_time(lost.ms, text, sizeof text);
    d->until = xstrdup(text);
    d->until_why = xstrdup(lost.why);
}

/* ---- by whom ---- */

static char *told_by(const struct evidence *e, const struct judgement *js, const struct whole *w)
{
    const char *xid = NULL;
    for (size_t i = 0; i < e->count; i++) {
        const struct table_evidence *t = &e->tables[i];
        if (!t->context || js[i].verdict != w->verdict)
            continue;
        if ((w->verdict == VERDICT_LOADING || w->verdict == VERDICT_PREPARED) && t->writer)
            return xstrdup(t->writer);
        if (w->verdict == VERDICT_TRUNCATED && table_has_new_file(t) && t->file_xid && t->reltuples < 0)
            xid = t->file_xid;
    }
    return xid ? formatted("transaction %s", xid) : NULL;
}

static void list_denied(const struct evidence *e, struct fact_diagnosis *d)
{
    for (size_t i = 0; i < e->unread_count; i++)
        if (e->unread[i].privilege)
            diagnose_add_denied(d, &(struct fact_denied){.what = (char *)e->unread[i].what,
                .why = (char *)e->unread[i].word, .grant = (char *)e->unread[i].grant});
}

void diagnose_judge(const struct evidence *e, struct fact_diagnosis *d)
{
    struct judgement *js = judge_tables(e);
    struct whole w = whole_of(e, js);
    char when[32];
    temper_health(e, js, &w);
    d->verdict = xstrdup(verdict_name(w.verdict));
    d->confidence = xstrdup(confidence_name(w.confidence));
    d->rule = xstrdup(w.rule ? w.rule->name : "");
    d->sentence = sentence_of(e, js, &w);
    d->cannot_tell = w.rule && w.rule->cannot;
    d->mixed = is_mixed(e, js, &w);
    d->remembered = e->seen.healthy_ms > 0;
    signs_time(e->seen.healthy_ms, when, sizeof when);
    d->remembered_at = xstrdup(when);
    d->by = told_by(e, js, &w);
    tell_when(e, js, &w, d);
    list_tables(e, js, d);
    signs_add(e, d);
    list_others(e, js, &w, d);
    list_denied(e, d);
    diagnose_advise(e, w.verdict, w.rule ? w.rule->cannot : 0, d);
    free(js);
}
