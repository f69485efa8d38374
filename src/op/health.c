/* health - FORMATS: `healthy` fails on missing and changed rows, on floors, on migrations; extra rows are no
 * matter of health. */
#include "op/health.h"

#include <string.h>

bool health_table(const struct fact_table *t)
{
    if (strcmp(t->class, "context") != 0)
        return true;
    if (t->held || (t->note && t->note[0]))
        return false;
    bool floor_kept = t->min_rows < 0 || t->rows >= t->min_rows;
    int64_t changed = t->changed - (t->allowed_changed > 0 ? t->allowed_changed : 0);
    return floor_kept && t->missing <= 0 && changed <= 0;
}

enum err_class health_class(const struct input *status)
{
    const struct fact_ledger *ledger = &status->ledger;
    if (ledger->failed > 0 || (ledger->problem && ledger->problem[0]))
        return ERR_MIGRATION;
    bool well = ledger->pending <= 0 && ledger->modified <= 0;   /* missing: an older release */
    const char *identity = status->server.identity.state;
    bool known = !identity || (strcmp(identity, "changed") != 0 && strcmp(identity, "unreadable") != 0);
    well = well && known && !(status->text && status->text[0]);
    for (size_t i = 0; i < status->table_count; i++)
        well = well && health_table(&status->tables[i]);
    return well ? ERR_NONE : ERR_DIFFERENT;
}
