/* judge - from the evidence to the diagnosis that people read: the whole, its bracket in time, and what to do. Pure. */
#ifndef SEEDOPS_DIAGNOSE_JUDGE_H
#define SEEDOPS_DIAGNOSE_JUDGE_H

#include "diagnose/evidence.h"
#include "event/types.h"

/* Fills *out (zeroed; codec_free frees it) but for deep, round_trips and duration_ms. */
void diagnose_judge(const struct evidence *e, struct fact_diagnosis *out);
/* One more line of evidence, for whoever looked deeper. Texts are copied, NULL is "". */
void diagnose_add_evidence(struct fact_diagnosis *d, const struct fact_evidence *line);
void diagnose_add_alternative(struct fact_diagnosis *d, const struct fact_alternative *alternative);
void diagnose_add_denied(struct fact_diagnosis *d, const struct fact_denied *denied);
void diagnose_add_next(struct fact_diagnosis *d, const struct fact_next *next);

#endif
