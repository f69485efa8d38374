/* container_choose - out of `docker inspect`'s documents: by name, by id, or by the service that compose calls it. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/text.h"
#include "tunnel/container.h"

enum { NAMED = 12, ENGINES = 4, ID_MIN = 8 };

struct engines { struct json *answers[ENGINES]; size_t count; };

struct finding {
    const struct json *named;        /* the one whose very name or id it is */
    const struct json *service;      /* one of that compose service */
    size_t services, all;
    struct str candidates, others;
};

static const char *text_at(const struct json *object, const char *a, const char *b)
{
    const struct json *inner = b ? json_get(object, a) : object;
    const char *text = inner ? json_text_of(json_get(inner, b ? b : a)) : NULL;
    return text ? text : "";
}

static const char *name_of(const struct json *container)
{
    const char *name = text_at(container, "Name", NULL);
    return *name == '/' ? name + 1 : name;
}

static const char *service_of(const struct json *container)
{
    const struct json *labels = json_get(json_get(container, "Config"), "Labels");
    const char *service = labels ? json_text_of(json_get(labels, "com.docker.compose.service")) : NULL;
    return service ? service : "";
}

static void note(struct str *list, const struct json *container)
{
    if (list->length > 400)
        return;
    str_add(list, list->length ? ", " : "");
    text_visible(list, name_of(container), strnlen(name_of(container), 80));
}

static bool is_id(const struct json *container, const char *name)
{
    size_t length = strlen(name);
    return length >= ID_MIN && strncmp(text_at(container, "Id", NULL), name, length) == 0;
}

static void look_at(struct finding *f, const struct json *container, const char *name)
{
    f->all++;
    if (f->all <= NAMED)
        note(&f->others, container);
    if (strcmp(name_of(container), name) == 0 || is_id(container, name))
        f->named = container;
    if (strcmp(service_of(container), name) == 0) {
        f->service = container;
        f->services++;
        note(&f->candidates, container);
    }
}

static void look_at_all(struct finding *f, const struct engines *engines, const char *name)
{
    for (size_t e = 0; e < engines->count; e++)
        for (size_t i = 0; i < json_count(engines->answers[e]); i++)
            if (json_is_object(json_at(engines->answers[e], i)))
                look_at(f, json_at(engines->answers[e], i), name);
}

static const struct json *pick(struct finding *f, const char *name, struct err *err)
{
    char shown[128];
    if (f->named || f->services == 1)
        return f->named ? f->named : f->service;
    text_visible_buf(shown, sizeof shown, name);
    if (f->services) {
        err_set(err, ERR_CONFIG, "several containers are called \"%s\"", shown);
        err_why(err, "%s", str_text(&f->candidates));
        err_hint(err, "name one of them in tunnel.container");
    } else {
        err_set(err, ERR_CONFIG, "no running container is called \"%s\"", shown);
        err_why(err, "%s%s%s", f->all ? "there are: " : "no container is running", str_text(&f->others),
                f->all > NAMED ? " and more" : "");
        err_hint(err, "is it running? tunnel.container takes its name, its id, or the name of its compose service");
    }
    return NULL;
}

/* A published port of the host: every engine serves it, the rootless ones and those in a virtual machine too. */
static bool take_published(const struct json *container, const char *port, struct arena *arena,
                           struct tunnel_route *route)
{
    const char *key = arena_printf(arena, "%s/tcp", port);
    const struct json *ports = json_get(json_get(container, "NetworkSettings"), "Ports");
    const struct json *list = ports ? json_get(ports, key) : NULL;
    for (size_t i = 0; list && i < json_count(list); i++) {
        const char *host = text_at(json_at(list, i), "HostIp", NULL);
        const char *published = text_at(json_at(list, i), "HostPort", NULL);
        if (!*host || strcmp(host, "0.0.0.0") == 0)
            host = "127.0.0.1";
        else if (strcmp(host, "::") == 0)
            host = "::1";
        if (!target_is_host(host) || !target_is_port(published))
            continue;
        route->host = arena_strdup(arena, host);
        route->port = arena_strdup(arena, published);
        return true;
    }
    return false;
}

static bool take_address(const char *address, const char *port, struct arena *arena, struct tunnel_route *route)
{
    if (!*address || !target_is_host(address))
        return false;
    route->host = arena_strdup(arena, address);
    route->port = arena_strdup(arena, port);
    return true;
}

static bool take_network(const struct json *container, const char *port, struct arena *arena,
                         struct tunnel_route *route)
{
    const struct json *settings = json_get(container, "NetworkSettings");
    const struct json *networks = settings ? json_get(settings, "Networks") : NULL;
    for (size_t i = 0; networks && i < json_count(networks); i++) {
        const struct json *network = json_member(networks, i, NULL);
        if (take_address(text_at(network, "IPAddress", NULL), port, arena, route) ||
            take_address(text_at(network, "GlobalIPv6Address", NULL), port, arena, route))
            return true;
    }
    return settings && take_address(text_at(settings, "IPAddress", NULL), port, arena, route);
}

static bool locate(const struct engines *engines, const struct json *container, const char *port, bool again,
                   struct arena *arena, struct tunnel_route *route, struct err *err)
{
    const char *mode = text_at(container, "HostConfig", "NetworkMode");
    if (strcmp(mode, "host") == 0)
        return take_address("127.0.0.1", port, arena, route);
    if (strncmp(mode, "container:", 10) == 0 && again) {   /* it lives in another one's network */
        struct finding f = {0};
        look_at_all(&f, engines, mode + 10);
        str_free(&f.candidates);
        str_free(&f.others);
        if (f.named)
            return locate(engines, f.named, port, false, arena, route, err);
    }
    if (take_published(container, port, arena, route) || take_network(container, port, arena, route))
        return true;
    char shown[100];
    text_visible_buf(shown, sizeof shown, name_of(container));
    err_set(err, ERR_CONFIG, "the container \"%s\" has no address", shown);
    err_why(err, "port %s is not published, and no network of it gives one", port);
    return err_hint(err, "publish the port, or use tunnel.command: docker exec -i %s nc 127.0.0.1 %s", shown, port);
}

/* The answers end with a line "===" each. */
static bool read_answers(struct engines *engines, const char *text, size_t length, struct err *err)
{
    while (length > 0 && engines->count < ENGINES) {
        const char *end = memmem(text, length, "\n===\n", 5);
        size_t size = end ? (size_t)(end - text) : length, skip = end ? size + 5 : length;
        bool blank = true;
        for (size_t i = 0; i < size && blank; i++)
            blank = text[i] == '\n' || text[i] == ' ';
        if (!blank && !json_parse(&engines->answers[engines->count], text, size, err)) {
            err->class = ERR_GENERAL;
            return err_context(err, "what docker inspect printed cannot be read");
        }
        engines->count += !blank;
        text += skip;
        length -= skip;
    }
    return true;
}

bool container_choose(const char *json, size_t length, const char *name, const char *port, struct arena *arena,
                      struct tunnel_route *route, struct err *err)
{
    struct engines engines = {0};
    struct finding f = {0};
    *route = (struct tunnel_route){.kind = TUNNEL_FORWARD};
    bool ok = read_answers(&engines, json, length, err);
    if (ok) {
        look_at_all(&f, &engines, name);
        const struct json *container = pick(&f, name, err);
        ok = container && locate(&engines, container, port, true, arena, route, err);
    }
    str_free(&f.candidates);
    str_free(&f.others);
    for (size_t i = 0; i < ENGINES; i++)
        json_free(engines.answers[i]);
    return ok;
}
