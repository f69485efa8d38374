/* resolve_plain - ssh_config as libssh reads it, where there is no ssh to ask. It knows fewer keywords, and says which
 * it did not honour. */
#ifndef SEEDOPS_TUNNEL_RESOLVE_PLAIN_H
#define SEEDOPS_TUNNEL_RESOLVE_PLAIN_H

#include "tunnel/resolve.h"

bool resolve_plain(struct resolved *r, const struct target *target, struct err *err);

#endif
