/* way_route - from `tunnel:` and a URL to a place on the far side. */
#include "op/way_route.h"

#include <string.h>

#include "op/way.h"

static const char *keyword(const struct url *url, const char *name)
{
    for (size_t i = 0; i < url->count; i++)
        if (strcmp(url->keywords[i], name) == 0 && *url->values[i])
            return url->values[i];
    return NULL;
}

/* Host (or address, where one is given beside it) and port as the URL says them. */
static const char *host_of(const struct url *url)
{
    const char *address = keyword(url, "hostaddr"), *host = keyword(url, "host");
    return address ? address : host;
}

static const char *port_of(const struct url *url)
{
    const char *port = keyword(url, "port");
    return port ? port : "5432";
}

static bool same_text(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static bool same_place(const struct url *a, const struct url *b)
{
    return same_text(host_of(a), host_of(b)) && strcmp(port_of(a), port_of(b)) == 0;
}

static bool is_directory(const char *host) { return host && *host == '/'; }

/* The URL's own place, as seen from the far side: a directory is that of a socket over there. */
static bool own_place(const struct environment *env, const struct url *url, struct arena *arena, struct tunnel_route *route,
                      struct err *err)
{
    const char *host = host_of(url), *port = port_of(url);
    if (!host) {
        err_set(err, ERR_CONFIG, "the tunnel of %s leads nowhere: its URL names no host", env->name);
        return err_hint(err, "name the host in the URL, or say tunnel.forward, socket, container or command");
    }
    if (strchr(host, ',') || strchr(port, ',')) {
        err_set(err, ERR_CONFIG, "a tunnel leads to one host, and the URL of %s names several", env->name);
        return err_hint(err, "name the one to go to in tunnel.forward");
    }
    if (is_directory(host))
        *route = (struct tunnel_route){.kind = TUNNEL_SOCKET, .text = arena_printf(arena, "%s/.s.PGSQL.%s", host, port)};
    else
        *route = (struct tunnel_route){.kind = TUNNEL_FORWARD, .host = host, .port = port};
    return true;
}

bool way_route(const struct environment *env, const struct url *url, struct arena *arena, struct tunnel_route *route,
               struct err *err)
{
    bool same_host = same_text(host_of(url), host_of(&env->url));
    if (env->container && same_host) {
        *route = (struct tunnel_route){.kind = TUNNEL_CONTAINER, .port = port_of(url), .text = env->container};
        return true;
    }
    if (!same_place(url, &env->url))
        return own_place(env, url, arena, route, err);
    if (env->forward)
        *route = (struct tunnel_route){.kind = TUNNEL_FORWARD, .host = env->forward_host, .port = env->forward_port};
    else if (env->socket)
        *route = (struct tunnel_route){.kind = TUNNEL_SOCKET, .text = env->socket};
    else if (env->command)
        *route = (struct tunnel_route){.kind = TUNNEL_COMMAND, .text = env->command};
    else
        return own_place(env, url, arena, route, err);
    return true;
}

const char *way_place(const struct tunnel_route *route, struct arena *arena)
{
    bool brackets = route->host && strchr(route->host, ':');
    switch (route->kind) {
    case TUNNEL_FORWARD:
        return arena_printf(arena, brackets ? "[%s]:%s" : "%s:%s", route->host, route->port);
    case TUNNEL_CONTAINER: return arena_printf(arena, "container %s:%s", route->text, route->port);
    case TUNNEL_COMMAND: return arena_printf(arena, "$ %s", route->text);
    case TUNNEL_SOCKET: return route->text;
    }
    return "";
}

const char *way_shown(const struct environment *env, const struct url *url, struct arena *arena)
{
    struct tunnel_route route;
    struct err ignored = {0};
    if (!env->ssh || !way_route(env, url, arena, &route, &ignored))
        return "";
    return arena_printf(arena, "%s \xe2\x87\xa2 %s", env->ssh, way_place(&route, arena));   /* ⇢ */
}
