/* plan_row - the cells of a row of the Plan screen's store. */
#ifndef SEEDOPS_APP_PLAN_ROW_H
#define SEEDOPS_APP_PLAN_ROW_H

enum { PLAN_TABLE, PLAN_KEY, PLAN_LABEL, PLAN_WHY, PLAN_CELLS };

#endif
