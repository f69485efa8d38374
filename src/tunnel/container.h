/* container - which address a container has, asked of docker or podman on the far side. */
#ifndef SEEDOPS_TUNNEL_CONTAINER_H
#define SEEDOPS_TUNNEL_CONTAINER_H

#include "tunnel/hop.h"

/* Fills `route` (a forward, its texts in the arena) for the container that options->route names. */
bool container_find(struct hop *hop, const struct tunnel_options *options, struct arena *arena,
                    struct tunnel_route *route, struct err *err);
/* What `docker inspect` printed about the running containers: the one called `name`, and how to reach `port` in it. */
bool container_choose(const char *json, size_t length, const char *name, const char *port, struct arena *arena,
                      struct tunnel_route *route, struct err *err);

#endif
