/* small - many tables in two pipelines: read all, then ask about all suspects. */
#include "diff/small.h"

#include <stdlib.h>
#include <string.h>

#include "diff/layout.h"
#include "diff/match.h"
#include "diff/report.h"
#include "diff/typed.h"

enum { TIMEOUT_MS = 5000 };

struct question {                  /* one batch of one table, in the second pipeline */
    size_t table;
    struct typed_batch batch;
};

struct work {
    struct small_diff *tables;
    size_t count;
    struct match *matches;
    bool *open;                    /* matches[i] is to be freed */
    struct question *questions;
    size_t question_count, question_room;
};

static void fail(struct small_diff *table, const struct err *why)
{
    if (table->err.class != ERR_NONE)
        return;
    table->err = *why;
    report_hide_secrets(table->bound, &table->options, &table->err);
}

static bool alive(const struct work *w, size_t i) { return w->open[i] && w->tables[i].err.class == ERR_NONE; }

/* ---- first pipeline ---- */

static void merge_result(struct work *w, size_t i, const struct db_result *result)
{
    struct match *m = &w->matches[i];
    struct err err = {0};
    char **fields = xcalloc(m->layout.field_count, sizeof *fields);
    bool ok = true;
    for (size_t row = 0; ok && row < db_rows(result); row++) {
        for (size_t c = 0; c < m->layout.field_count; c++)
            fields[c] = (char *)db_value(result, row, c);
        ok = match_live(m, fields, &err);
    }
    if (!ok || !match_live_end(m, &err))
        fail(&w->tables[i], &err);
    free(fields);
}

static bool read_tables(struct db *db, struct work *w, struct db_probe *riders, size_t rider_count,
                        struct err *err)
{
    struct db_probe *probes = xcalloc(w->count + rider_count, sizeof *probes);
    size_t *owner = xcalloc(w->count, sizeof *owner), count = 0;
    for (size_t i = 0; i < w->count; i++)
        if (alive(w, i)) {
            owner[count] = i;
            probes[count++] = (struct db_probe){.name = w->tables[i].bound->fixture->table,
                                                .sql = layout_select(&w->matches[i].layout),
                                                .statement_timeout_ms = TIMEOUT_MS};
        }
    if (rider_count)
        memcpy(probes + count, riders, rider_count * sizeof *riders);
    bool ok = count + rider_count == 0 || db_pipeline(db, probes, count + rider_count, err);
    if (rider_count)
        memcpy(riders, probes + count, rider_count * sizeof *riders);
    for (size_t p = 0; p < count; p++) {
        if (ok && probes[p].ok)
            merge_result(w, owner[p], probes[p].result);
        else
            fail(&w->tables[owner[p]], ok ? &probes[p].err : err);
        db_result_free(probes[p].result);
        probes[p].result = NULL;
        free((char *)probes[p].sql);
    }
    free(probes);
    free(owner);
    return ok;
}

/* ---- second pipeline ---- */

static void add_question(struct work *w, size_t table, const struct typed_batch *batch)
{
    if (w->question_count == w->question_room) {
        w->question_room = w->question_room ? w->question_room * 2 : 16;
        w->questions = xrealloc(w->questions, w->question_room * sizeof *w->questions);
    }
    w->questions[w->question_count++] = (struct question){.table = table, .batch = *batch};
}

/* A table without live rows needs no question: all its suspects are missing. */
static void collect_questions(struct work *w, size_t i)
{
    struct match *m = &w->matches[i];
    struct err err = {0};
    for (;;) {
        struct typed_batch batch;
        bool ok = typed_fill(m, &batch, &err);
        if (ok && batch.asked && m->totals.live_rows) {
            typed_ask(m, &batch);
            add_question(w, i, &batch);
            continue;
        }
        size_t count = batch.count;
        ok = ok && typed_take(m, &batch, NULL, &err);
        typed_free(&batch);
        if (!ok)
            fail(&w->tables[i], &err);
        if (!ok || count == 0)
            return;
    }
}

static bool ask_questions(struct db *db, struct work *w, struct err *err)
{
    if (w->question_count == 0)
        return true;
    struct db_probe *probes = xcalloc(w->question_count, sizeof *probes);
    for (size_t q = 0; q < w->question_count; q++) {
        const struct typed_batch *b = &w->questions[q].batch;
        probes[q] = (struct db_probe){.name = w->tables[w->questions[q].table].bound->fixture->table,
                                      .sql = b->sql, .count = b->param_count, .params = b->params,
                                      .statement_timeout_ms = TIMEOUT_MS};
    }
    bool ok = db_pipeline(db, probes, w->question_count, err);
    for (size_t q = 0; q < w->question_count; q++) {
        size_t i = w->questions[q].table;
        struct err problem = {0};
        if (!alive(w, i))
            continue;
        if (!ok || !probes[q].ok)
            fail(&w->tables[i], ok ? &probes[q].err : err);
        else if (!typed_take(&w->matches[i], &w->questions[q].batch, probes[q].result, &problem))
            fail(&w->tables[i], &problem);
    }
    db_probes_free(probes, w->question_count);
    free(probes);
    return ok;
}

static void finish(struct work *w, size_t i)
{
    struct err err = {0};
    if (alive(w, i) && !match_finish(&w->matches[i], &err))
        fail(&w->tables[i], &err);
    w->tables[i].ok = alive(w, i);
    if (w->open[i]) {
        w->tables[i].totals = w->matches[i].totals;
        match_free(&w->matches[i]);
    }
}

bool diff_small(struct db *db, struct small_diff *tables, size_t count, struct db_probe *riders,
                size_t rider_count, struct err *err)
{
    struct work w = {.tables = tables, .count = count};
    w.matches = xcalloc(count, sizeof *w.matches);
    w.open = xcalloc(count, sizeof *w.open);
    for (size_t i = 0; i < count; i++) {
        struct err problem = {0};
        tables[i].ok = false;
        tables[i].totals = (struct diff_totals){0};
        err_clear(&tables[i].err);
        w.open[i] = match_begin(&w.matches[i], tables[i].bound, &tables[i].options, &problem);
        if (!w.open[i])
            fail(&tables[i], &problem);
    }
    bool ok = read_tables(db, &w, riders, rider_count, err);
    for (size_t i = 0; ok && i < count; i++)
        if (alive(&w, i))
            collect_questions(&w, i);
    ok = ok && ask_questions(db, &w, err);
    for (size_t i = 0; i < count; i++)
        finish(&w, i);
    for (size_t q = 0; q < w.question_count; q++)
        typed_free(&w.questions[q].batch);
    free(w.questions);
    free(w.matches);
    free(w.open);
    return ok;
}
