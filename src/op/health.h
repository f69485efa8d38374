/* health - whether what a status shows is all well, and which exit code says otherwise. Pure. */
#ifndef SEEDOPS_OP_HEALTH_H
#define SEEDOPS_OP_HEALTH_H

#include "base/err.h"
#include "event/types.h"

/* ERR_NONE: healthy. ERR_MIGRATION: a migration failed or the ledger cannot be used. ERR_DIFFERENT: pending or
 * modified migrations, a table below its floor, held, absent or unreadable, missing or changed rows that count. */
enum err_class health_class(const struct input *status);
/* One table's part of it. */
bool health_table(const struct fact_table *table);

#endif
