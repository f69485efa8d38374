/* way_route - where a URL leads on the far side of a tunnel. */
#ifndef SEEDOPS_OP_WAY_ROUTE_H
#define SEEDOPS_OP_WAY_ROUTE_H

#include "config/settings.h"
#include "tunnel/tunnel.h"

/* What the environment's tunnel says counts for its url, and for a direct_url to the same host and port. Any other
 * URL is forwarded to its own host and port, within the same container where that is the way. Texts in `arena`, or
 * the environment's. */
bool way_route(const struct environment *env, const struct url *url, struct arena *arena, struct tunnel_route *route,
               struct err *err);
/* "postgres:5432", "/run/x/.s.PGSQL.5432", "container pg:5432", "$ docker exec ..." */
const char *way_place(const struct tunnel_route *route, struct arena *arena);

#endif
