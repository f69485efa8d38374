/* safepoint_sql - a safepoint as a script for psql, for who has no seedops. */
#ifndef SEEDOPS_PLAN_SAFEPOINT_SQL_H
#define SEEDOPS_PLAN_SAFEPOINT_SQL_H

#include <stdio.h>

#include "plan/safepoint_read.h"

/* One transaction: the rows into temporary tables by COPY, then all tables in one statement (so that no order of
 * foreign keys matters), then the values that were changed, then sequences. Rows that are there are left alone. */
bool safepoint_to_sql(struct safepoint_reader *reader, FILE *to, struct err *err);

#endif
