/* advise - what to do next, for each verdict: one table, in the order it is to be done. Every command can be typed as
 * it stands, every statement of SQL run as it stands where the evidence names what it is about. */
#ifndef SEEDOPS_DIAGNOSE_ADVISE_H
#define SEEDOPS_DIAGNOSE_ADVISE_H

#include "diagnose/evidence.h"
#include "diagnose/verdict.h"
#include "event/types.h"

/* `cannot`: the verdicts (1 << verdict) that this one can't be told from. */
void diagnose_advise(const struct evidence *e, enum verdict verdict, unsigned cannot, struct fact_diagnosis *d);

#endif
