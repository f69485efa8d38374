/* trust - whether a configuration file may run commands: asked once per file content, remembered by digest
 * in the state directory (a cloned repository must not run commands). */
#ifndef SEEDOPS_CONFIG_TRUST_H
#define SEEDOPS_CONFIG_TRUST_H

#include <stdbool.h>

#include "base/err.h"

bool trust_known(const char *file_digest);
bool trust_remember(const char *file_digest, const char *file, struct err *err);

#endif
