/* remember - a session and its status as a note of diagnose/memory, and back. */
#include "op/remember.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "diagnose/memory.h"
#include "diagnose/probe.h"
#include "diagnose/rules.h"
#include "op/known.h"

enum { FRESH_MS = 5 * 60 * 1000 };   /* the same note is not written more often */

/* Healthy as far as rows go: pending migrations are no reason to forget what was there. */
static bool has_its_rows(const struct fact_table *t)
{
    int64_t least = t->min_rows > 0 ? t->min_rows : t->fixture_rows == 0 || t->min_rows == 0 ? 0 : 1;
    return !t->held && t->rows >= least;
}

static bool healthy(const struct input *status)
{
    int64_t rows = 0;
    for (size_t i = 0; i < status->table_count; i++) {
        const struct fact_table *t = &status->tables[i];
        if (strcmp(t->class, "context") != 0)
            continue;
        if (!has_its_rows(t))
            return false;
        rows += t->rows;
    }
    return rows > 0;
}

static size_t note_tables(const struct session *s, const struct input *status, struct seen_table *tables)
{
    size_t n = 0;
    for (size_t i = 0; i < status->table_count; i++) {
        const struct fact_table *fact = &status->tables[i];
        const struct db_table *t = db_catalog_find(&s->catalog, fact->name, NULL);
        if (strcmp(fact->class, "context") == 0 && t)
            tables[n++] = (struct seen_table){.name = fact->name, .oid = t->oid, .filenode = t->filenode,
                .rows = fact->rows, .inserted = t->inserted, .deleted = t->deleted};
    }
    return n;
}

static struct memory_key key_of(const struct session *s)
{
    const struct environment *env = s->ctx->environment;
    return (struct memory_key){.config = known_config(s->ctx->settings, env), .environment = env->name};
}

static bool wanted(const struct session *s) { return s->ctx->environment->journal; }

void remember_visit(struct session *s, const struct input *status)
{
    if (!wanted(s) || !healthy(status))
        return;
    struct seen_table *tables = xcalloc(status->table_count, sizeof *tables);
    struct seen seen = {.healthy_ms = clock_wall_ms(), .database = s->identity.database_oid,
        .database_name = s->identity.database, .tables = tables,
        .system_identifier = strtoll(s->identity.system_identifier, NULL, 10)};
    seen.table_count = note_tables(s, status, tables);
    struct memory_key key = key_of(s);
    struct err err = {0};
    if (!memory_write(&key, &seen, FRESH_MS, &err))
        ctx_log(s->ctx, "debug", "this healthy visit is not remembered: %s", err.message);
    free(tables);
}

void remember_recall(struct session *s, struct evidence *e)
{
    struct memory_key key = key_of(s);
    struct err err = {0};
    if (!memory_read(&key, &e->arena, &e->seen, &err)) {
        ctx_log(s->ctx, "warning", "%s: %s", err.message, err.why);
        diagnose_unread(e, "the last healthy visit", "this machine's memory", err.why, NULL);
        e->seen.unreadable = true;
    }
    for (size_t i = 0; i < e->count; i++)
        for (size_t n = 0; n < e->seen.table_count; n++)
            if (strcmp(e->tables[i].name, e->seen.tables[n].name) == 0)
                e->tables[i].seen = &e->seen.tables[n];
}

/* Found without rows for the first time, or with fewer than then; or they are there again. */
static bool note_loss(const struct evidence *e, const struct table_evidence *t, struct seen_table *seen)
{
    bool lost = t->present && t->oid == seen->oid && table_lacks_rows(t);
    if (lost ? seen->lost_ms && seen->lost_rows == t->rows : !seen->lost_ms)
        return false;
    seen->lost_ms = lost ? e->now_ms : 0;
    seen->lost_rows = lost ? t->rows : 0;
    return true;
}

/* Of a database that was never seen healthy only this is known: when its rows were first missed. */
static void begin_note(struct evidence *e)
{
    e->seen = (struct seen){.system_identifier = e->system_identifier, .database = e->database_oid,
        .database_name = e->database, .tables = arena_alloc(&e->arena, (e->count + 1) * sizeof *e->seen.tables)};
    for (size_t i = 0; i < e->count; i++) {
        struct table_evidence *t = &e->tables[i];
        if (!t->context || !t->present)
            continue;
        struct seen_table *seen = &e->seen.tables[e->seen.table_count++];
        *seen = (struct seen_table){.name = t->name, .oid = t->oid, .filenode = t->filenode};
        t->seen = seen;
    }
}

void remember_loss(struct session *s, struct evidence *e)
{
    bool changed = false;
    struct memory_key key = key_of(s);
    struct err err = {0};
    bool same = e->seen.system_identifier == e->system_identifier && e->seen.database == e->database_oid;
    if (!wanted(s) || e->seen.unreadable || (e->seen.healthy_ms && !same))
        return;
    if (!same)
        begin_note(e);
    for (size_t i = 0; i < e->count; i++)
        for (size_t n = 0; n < e->seen.table_count; n++)
            if (e->tables[i].seen == &e->seen.tables[n])
                changed |= note_loss(e, &e->tables[i], &e->seen.tables[n]);
    if (changed && !memory_write(&key, &e->seen, FRESH_MS, &err))
        ctx_log(s->ctx, "debug", "when the rows were first missed is not remembered: %s", err.message);
}
