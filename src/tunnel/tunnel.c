/* tunnel - the way in as one thing: the last hop's session, its carrier, and the listener before it. */
#include "tunnel/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "tunnel/carrier.h"
#include "tunnel/container.h"

struct tunnel {
    struct listener listener;
    struct carrier *carrier;
};

static bool check_route(const struct tunnel_route *route, struct err *err)
{
    bool forward = route->kind == TUNNEL_FORWARD;
    if (forward && (!route->host || !target_is_host(route->host)))
        return err_set(err, ERR_CONFIG, "the tunnel's forward needs a host and a port");
    if ((forward || route->kind == TUNNEL_CONTAINER) && (!route->port || !target_is_port(route->port)))
        return err_set(err, ERR_CONFIG, "the tunnel's port is no number from 1 to 65535");
    if (!forward && (!route->text || !*route->text))
        return err_set(err, ERR_CONFIG, "the tunnel's socket, command or container is empty");
    if (route->kind == TUNNEL_SOCKET && route->text[0] != '/')
        return err_set(err, ERR_CONFIG, "the tunnel's socket is no absolute path");
    return true;
}

/* The port that the socket's name has over here: the one that it has over there. */
static const char *unix_port(const struct tunnel_route *route)
{
    if (route->kind != TUNNEL_SOCKET)
        return NULL;
    const char *dot = strrchr(route->text, '.');
    if (dot && target_is_port(dot + 1))
        return dot + 1;
    return route->port && target_is_port(route->port) ? route->port : "5432";
}

bool tunnel_open(struct tunnel **out, const struct tunnel_options *options, struct err *err)
{
    *out = NULL;
    if (!check_route(&options->route, err))
        return false;
    struct hop *hop;
    struct tunnel *t = xcalloc(1, sizeof *t);
    struct arena arena = {0};
    struct tunnel_route route = options->route;
    t->listener.fd = -1;
    bool ok = hop_open(&hop, options->ssh, NULL, 0, options, err);
    if (ok && route.kind == TUNNEL_CONTAINER)
        ok = container_find(hop, options, &arena, &route, err);
    if (ok && !listener_open(&t->listener, unix_port(&route), err))
        ok = false;
    if (ok)
        ok = carrier_start(&t->carrier, hop, &route, &t->listener, err);
    else
        hop_free(hop);
    arena_free(&arena);
    if (ok) {
        *out = t;
        return true;
    }
    tunnel_close(t);
    return false;
}

const struct tunnel_end *tunnel_end(const struct tunnel *t) { return &t->listener.end; }
bool tunnel_alive(const struct tunnel *t) { return carrier_alive(t->carrier); }
bool tunnel_reason(struct tunnel *t, struct err *err) { return carrier_reason(t->carrier, err); }
int64_t tunnel_channel_ms(struct tunnel *t) { return carrier_channel_ms(t->carrier); }

void tunnel_close(struct tunnel *t)
{
    if (!t)
        return;
    carrier_free(t->carrier);
    listener_close(&t->listener);
    free(t);
}
