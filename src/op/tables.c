/* tables - context tables first, in the order they were written down. */
#include "op/tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "op/held.h"

static struct table_entry *entry_of(struct session *s, struct table_list *list, const char *name)
{
    struct db_table *table = db_catalog_find(&s->catalog, name, NULL);
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0 || (table && list->items[i].table == table))
            return &list->items[i];
    struct table_entry *entry = &list->items[list->count++];
    *entry = (struct table_entry){.name = arena_strdup(&list->arena, name), .min_rows = -1, .table = table};
    return entry;
}

static void add_configured(struct session *s, struct table_list *list, bool context)
{
    for (size_t i = 0; i < s->ctx->settings->table_count; i++) {
        const struct table_rule *rule = &s->ctx->settings->tables[i];
        if ((rule->class == TABLE_CONTEXT) != context)
            continue;
        struct table_entry *entry = entry_of(s, list, rule->name);
        if (entry->class == TABLE_UNLISTED)
            entry->class = rule->class;
        entry->min_rows = rule->min_rows;
    }
}

static bool is_ledger(const struct session *s, const struct db_table *table)
{
    return s->ledger && ledger_is(s->ledger, table->schema, table->name);
}

static void add_everything(struct session *s, struct table_list *list)
{
    for (size_t i = 0; i < s->catalog.count; i++) {
        struct db_table *table = &s->catalog.tables[i];
        if ((table->kind != 'r' && table->kind != 'p') || is_ledger(s, table))
            continue;
        struct table_entry *entry = &list->items[list->count++];
        const char *name = table->on_path ? arena_strdup(&list->arena, table->name)
                                          : arena_printf(&list->arena, "%s.%s", table->schema, table->name);
        *entry = (struct table_entry){.name = name, .min_rows = -1, .table = table};
    }
}

void tables_of(struct session *s, struct table_list *list)
{
    *list = (struct table_list){0};
    size_t most = s->ctx->settings->table_count + s->fixtures.count + s->catalog.count;
    list->items = arena_alloc(&list->arena, most * sizeof *list->items);
    add_configured(s, list, true);
    for (size_t i = 0; i < s->fixtures.count; i++) {
        struct table_entry *entry = entry_of(s, list, s->fixtures.items[i].table);
        entry->class = TABLE_CONTEXT;
        entry->fixture = &s->fixtures.items[i];
    }
    add_configured(s, list, false);
    if (list->count == 0)
        add_everything(s, list);
}

bool tables_list(struct session *s, struct table_list *list, struct err *err)
{
    session_fixtures(s);
    if (!session_look(s, false, err))
        return false;
    tables_of(s, list);
    return true;
}

void tables_free(struct table_list *list)
{
    arena_free(&list->arena);
    *list = (struct table_list){0};
}

void tables_fact(const struct table_entry *entry, bool scan, struct fact_table *fact)
{
    *fact = (struct fact_table){.name = xstrdup(entry->name), .class = xstrdup(table_class_name(entry->class)),
        .rows = -1, .min_rows = entry->min_rows, .fixture_rows = -1, .missing = -1, .changed = -1, .extra = -1,
        .allowed_changed = -1, .allowed_extra = -1, .bytes = entry->table ? entry->table->bytes : -1,
        .note = xstrdup(entry->table ? "" : "no such table"), .at = xstrdup("")};
    if (entry->fixture) {
        fact->fixture_rows = (int64_t)entry->fixture->row_count;
        free(fact->at);
        fact->at = xstrdup(entry->fixture->file);
    }
    if (entry->table && entry->class == TABLE_CONTEXT && !scan)
        fact->held = held_table(entry->table, entry->min_rows, fact->fixture_rows);
}
