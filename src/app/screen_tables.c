/* screen_tables - every table with its rows, floor, fixture and size. Enter shows its differences. */
#include "app/list.h"
#include "app/screen.h"
#include "app/util.h"

static struct list *list(struct model *m) { return &m->tables.list; }

static void open(struct model *m, struct effects *effects)
{
    int64_t row = list_selected(m);
    if (row >= 0)
        diff_open_table(m, facts_table_name(m, row), false, effects);
}

static void forget(struct model *m, struct effects *effects)
{
    (void)effects;
    m->tables.list.selected = m->tables.list.top = 0;
    text_replace(&m->tables.list.name, NULL);
    text_replace(&m->tables.list.filter, NULL);
}

const struct screen_class screen_class_tables = {
    .name = "tables", .title = "Tables", .needs_environment = true, .list = list, .count = facts_table_count,
    .name_of = facts_table_name, .text_of = facts_table_text,
    .details_of = facts_table_details, .open = open, .refresh = facts_refresh,
    .forget = forget,
};
