/* tunnel - the way in as one thing: the last hop's session, its carrier, and the listener before it. */
#include "tunnel/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "tunnel/carrier.h"
#include "tunnel/container.h"

struct tunnel {
    struct listener listeners[CARRIER_DOORS];
    size_t listener_count;
    struct carrier *carrier;
    char *container, *container_host;   /* a container's name, and where it was found */
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

/* A container is looked for once: its other ports are at the same address. */
static bool find_container(struct tunnel *t, struct hop *hop, const struct tunnel_options *options, struct arena *arena,
                           struct tunnel_route *route, struct err *err)
{
    const char *name = route->text, *port = route->port;
    if (route->kind != TUNNEL_CONTAINER)
        return true;
    if (!container_find(hop, options, arena, route, err))
        return false;
    if (route->host && strcmp(route->port, port) == 0) {   /* else it is a published port, which says nothing of others */
        t->container = xstrdup(name);
        t->container_host = xstrdup(route->host);
    }
    return true;
}

static bool add_listener(struct tunnel *t, const struct tunnel_route *route, struct listener **out, struct err *err)
{
    *out = &t->listeners[t->listener_count];
    (*out)->fd = -1;
    if (!listener_open(*out, unix_port(route), err))
        return false;
    t->listener_count++;
    return true;
}

bool tunnel_open(struct tunnel **out, const struct tunnel_options *options, struct err *err)
{
    *out = NULL;
    if (!check_route(&options->route, err))
        return false;
    struct hop *hop;
    struct listener *listener;
    struct tunnel *t = xcalloc(1, sizeof *t);
    struct arena arena = {0};
    struct tunnel_route route = options->route;
    bool ok = hop_open(&hop, options->ssh, NULL, 0, options, err);
    ok = ok && find_container(t, hop, options, &arena, &route, err) && add_listener(t, &route, &listener, err);
    if (ok)
        ok = carrier_start(&t->carrier, hop, &route, listener, err);
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

bool tunnel_add(struct tunnel *t, const struct tunnel_route *route, const struct tunnel_end **end, struct err *err)
{
    struct tunnel_route to = *route;
    struct listener *listener;
    if (!check_route(route, err))
        return false;
    if (to.kind == TUNNEL_CONTAINER && (!t->container || strcmp(t->container, to.text) != 0))
        return err_set(err, ERR_CONFIG, "how to reach port %s of the container %s is not known", to.port, to.text);
    if (to.kind == TUNNEL_CONTAINER)
        to.host = t->container_host;
    if (t->listener_count == CARRIER_DOORS || !add_listener(t, &to, &listener, err) ||
        !carrier_add(t->carrier, &to, listener, err))
        return false;
    *end = &listener->end;
    return true;
}

const struct tunnel_end *tunnel_end(const struct tunnel *t) { return &t->listeners[0].end; }
bool tunnel_alive(const struct tunnel *t) { return carrier_alive(t->carrier); }
bool tunnel_reason(struct tunnel *t, struct err *err) { return carrier_reason(t->carrier, err); }
int64_t tunnel_channel_ms(struct tunnel *t) { return carrier_channel_ms(t->carrier); }

void tunnel_close(struct tunnel *t)
{
    if (!t)
        return;
    carrier_free(t->carrier);
    for (size_t i = 0; i < t->listener_count; i++)
        listener_close(&t->listeners[i]);
    free(t->container);
    free(t->container_host);
    free(t);
}
