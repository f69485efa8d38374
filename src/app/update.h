/* update - what model_codec and the tests need of the router. */
#ifndef SEEDOPS_APP_UPDATE_H
#define SEEDOPS_APP_UPDATE_H

#include "app/model.h"

/* True if a decoded model keeps what update() always keeps: indices in range, one page too few rather than
 * one too many. Checkpoints are hostile input. */
bool model_sane(const struct model *m);

#endif
