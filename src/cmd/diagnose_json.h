/* diagnose_json - a diagnosis as one JSON object: what diagnose prints, and what goes with a watch's event. */
#ifndef SEEDOPS_CMD_DIAGNOSE_JSON_H
#define SEEDOPS_CMD_DIAGNOSE_JSON_H

#include "base/json.h"
#include "event/types.h"

void diagnose_json(struct json_out *o, const struct fact_diagnosis *d);

#endif
