/* signs - the lines of evidence: what was read, where, and what it speaks for and against. */
#ifndef SEEDOPS_DIAGNOSE_SIGNS_H
#define SEEDOPS_DIAGNOSE_SIGNS_H

#include "diagnose/evidence.h"
#include "event/types.h"

void signs_add(const struct evidence *e, struct fact_diagnosis *d);
/* "2026-11-21T04:49:28Z" in out (size at least 25); "" for 0. */
void signs_time(int64_t ms, char *out, size_t size);

#endif
