/* plan_row - the cells of a row of the Plan screen's store. */
#ifndef SEEDOPS_APP_PLAN_ROW_H
#define SEEDOPS_APP_PLAN_ROW_H

/* Behind `why`: of a row that stays, the column that changes; and whose it is where it is the application's. Earlier
 * recordings have the first four. */
enum { PLAN_TABLE, PLAN_KEY, PLAN_LABEL, PLAN_WHY, PLAN_COLUMN, PLAN_WAS, PLAN_BECOMES, PLAN_WHOSE, PLAN_CELLS };
enum { PLAN_CELLS_LEAST = PLAN_WHY + 1 };

#endif
