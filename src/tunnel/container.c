/* container - not here yet. */
#include "tunnel/container.h"

bool container_find(struct hop *hop, const struct tunnel_options *options, struct arena *arena,
                    struct tunnel_route *route, struct err *err)
{
    (void)hop;
    (void)options;
    (void)arena;
    (void)route;
    return err_set(err, ERR_CONFIG, "tunnel.container is not supported yet");
}
