/* screen_overview - the sentence, and the tables it speaks of. Enter shows a table's differences. */
#include "app/list.h"
#include "app/screen.h"
#include "app/util.h"

static struct list *list(struct model *m) { return &m->overview.list; }

static void open(struct model *m, struct effects *effects)
{
    int64_t row = list_selected(m);
    if (row >= 0)
        diff_open_table(m, facts_table_name(m, row), false, effects);
}

static bool up(struct model *m, struct effects *effects)
{
    if (!m->environments.loaded)
        return false;
    screen_go(m, SCREEN_ENVIRONMENTS, effects);
    return true;
}

static void forget(struct model *m, struct effects *effects)
{
    (void)effects;
    m->overview.list.selected = m->overview.list.top = 0;
    text_replace(&m->overview.list.name, NULL);
    text_replace(&m->overview.list.filter, NULL);
}

const struct screen_class screen_class_overview = {
    .name = "overview",
    .title = "Overview",
    .needs_environment = true,
    .list = list,
    .count = facts_table_count,
    .name_of = facts_table_name,
    .text_of = facts_table_text,
    .details_of = facts_table_details,
    .open = open,
    .up = up,
    .refresh = facts_refresh,
    .forget = forget,
};
