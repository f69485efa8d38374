/* screen_migrations - the ledger against the disk; Enter reads a migration's SQL. */
#include <stdlib.h>

#include "app/details.h"
#include "app/human.h"
#include "app/list.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"

static bool reading(const struct model *m) { return !text_is_empty(m->migrations.reading); }
static struct list *list(struct model *m)
{
    return reading(m) ? &m->migrations.sql_list : &m->migrations.list;
}
static struct rowset *store(struct model *m) { return reading(m) ? &m->migrations.sql : NULL; }
static int64_t count(const struct model *m) { return (int64_t)m->migrations.item_count; }
static const char *name_of(const struct model *m, int64_t row) { return m->migrations.items[row].name; }

static void text_of(const struct model *m, int64_t row, struct str *out)
{
    if (reading(m)) {
        str_add(out, rowset_cell(&m->migrations.sql, row, 0));
        return;
    }
    const struct fact_migration *item = &m->migrations.items[row];
    str_printf(out, "%s %s %s", or_empty(item->name), or_empty(item->state), or_empty(item->note));
}

static void details_of(const struct model *m, int64_t row, struct str *out)
{
    const struct fact_migration *item = &m->migrations.items[row];
    char took[HUMAN];
    details_add(out, "name", item->name);
    details_add(out, "state", item->state);
    details_add(out, "applied", item->applied_at);
    details_add(out, "took", item->duration_ms >= 0 ? human_span(took, item->duration_ms) : "");
    details_add(out, "checksum", item->checksum);
    details_add(out, "file", item->path);
    details_add(out, "runs", item->transactional ? "in one transaction" : "not in one transaction");
    for (size_t i = 0; i < item->risk_count; i++)
        details_add(out, "not undoable", item->risks[i].text);
    details_add_lines(out, "note", item->note);
}

const struct fact_migration *migrations_find(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->migrations.item_count; i++)
        if (text_same(m->migrations.items[i].name, name))
            return &m->migrations.items[i];
    return NULL;
}

static void items_free(struct screen_migrations *s)
{
    for (size_t i = 0; i < s->item_count; i++)
        codec_free(&type_fact_migration, &s->items[i]);
    free(s->items);
    s->items = NULL;
    s->item_count = 0;
}

static void items_replace(struct screen_migrations *s, const struct input *in)
{
    items_free(s);
    s->items = in->migration_count ? xcalloc(in->migration_count, sizeof *s->items) : NULL;
    for (size_t i = 0; i < in->migration_count; i++)
        codec_copy(&type_fact_migration, &s->items[i], &in->migrations[i]);
    s->item_count = in->migration_count;
    s->loaded = true;
}

/* Progress says what it knows; what it leaves out stays as the list had it. */
static void item_progress(struct screen_migrations *s, const struct fact_migration *now)
{
    for (size_t i = 0; i < s->item_count; i++) {
        struct fact_migration *item = &s->items[i];
        if (!text_same(item->name, now->name))
            continue;
        text_replace(&item->state, now->state);
        text_replace(&item->note, now->note);
        item->duration_ms = now->duration_ms;
        if (!text_is_empty(now->applied_at))
            text_replace(&item->applied_at, now->applied_at);
        return;
    }
    s->items = xrealloc(s->items, (s->item_count + 1) * sizeof *s->items);
    codec_copy(&type_fact_migration, &s->items[s->item_count++], now);
}

static void stop_reading(struct model *m, struct effects *effects)
{
    struct screen_migrations *s = &m->migrations;
    text_replace(&s->reading, NULL);
    rowset_reset(&s->sql, effects);
    s->sql_list.selected = s->sql_list.top = 0;
    text_replace(&s->sql_list.filter, NULL);
}

void migrations_load(struct model *m, struct effects *effects)
{
    if (!job_of(m, EFFECT_MIGRATIONS) && facts_ready(m))
        request_start(m, effects, EFFECT_MIGRATIONS, NULL);
}

static void enter(struct model *m, struct effects *effects)
{
    if (!m->migrations.loaded)
        migrations_load(m, effects);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    struct screen_migrations *s = &m->migrations;
    if (in->kind == IN_MIGRATIONS)
        items_replace(s, in);
    else if (in->kind == IN_MIGRATION && in->migration_count)
        item_progress(s, &in->migrations[0]);
    else if (in->kind == IN_STORE && job->effect == EFFECT_SQL && text_same(job->name, s->reading))
        rowset_store(&s->sql, in, effects);
    else if (in->kind == IN_STATUS && m->screen == SCREEN_MIGRATIONS && !s->loaded)
        migrations_load(m, effects);
}

static void open(struct model *m, struct effects *effects)
{
    int64_t row = list_selected(m);
    if (reading(m) || row < 0)
        return;
    if (text_is_empty(m->migrations.items[row].path)) {
        notice_set(m, "info", "%s is not on disk: there is no SQL to read.", or_empty(name_of(m, row)));
        return;
    }
    stop_reading(m, effects);
    text_replace(&m->migrations.reading, name_of(m, row));
    request_start(m, effects, EFFECT_SQL, name_of(m, row));
}

static bool up(struct model *m, struct effects *effects)
{
    if (!reading(m))
        return false;
    stop_reading(m, effects);
    return true;
}

static void refresh(struct model *m, struct effects *effects)
{
    if (facts_ready(m))
        migrations_load(m, effects);
    else
        facts_refresh(m, effects);
}

static void forget(struct model *m, struct effects *effects)
{
    stop_reading(m, effects);
    items_free(&m->migrations);
    m->migrations.loaded = false;
    m->migrations.list.selected = m->migrations.list.top = 0;
    text_replace(&m->migrations.list.name, NULL);
    text_replace(&m->migrations.list.filter, NULL);
}

const struct screen_class screen_class_migrations = {
    .name = "migrations", .title = "Migrations", .needs_environment = true, .list = list, .store = store,
    .count = count, .name_of = name_of, .text_of = text_of, .details_of = details_of, .enter = enter, .event = event, .open = open,
    .up = up, .refresh = refresh, .forget = forget,
};
