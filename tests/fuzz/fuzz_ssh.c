/* What the tunnel reads of others: `ssh -G` (first byte g), an agent's list of keys (a), docker inspect (c), a server's
 * name (t). Whatever it is, it is read or refused; nothing that looks like an option or a shell's text gets through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tunnel/agent.h"
#include "tunnel/container.h"
#include "tunnel/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
    if (name && (name[0] == '-' || name[strcspn(name, " ;'\"`$\n\\")] != '\0'))
        abort();
}

static void fuzz_resolve(const char *text, size_t size)
{
    struct resolved r = {.asked = "alias", .home = "/home/me"};
    struct err err = {0};
    if (resolve_parse(&r, text, size, &err) && resolve_finish(&r, &err)) {
        check_name(r.host);
        check_name(r.user);
        check_name(r.known_name);
    } else if (!err.message[0]) {
        abort();
    }
    resolve_free(&r);
}

static void fuzz_agent(const unsigned char *frame, size_t size)
{
    const unsigned char blob[] = {0, 0, 0, 1, 'k'};
    const struct agent_key wanted = {blob, sizeof blob};
    const struct agent_options options = {.wanted = &wanted, .wanted_count = 1, .only_wanted = size % 2};
    struct str out = {0}, again = {0};
    size_t kept, twice;
    if (agent_filter(frame, size, &options, &out, &kept)) {
        /* what was filtered is a list that filters to itself */
        if (!agent_filter((unsigned char *)out.text + 4, out.length - 4, &options, &again, &twice) || twice != kept ||
            again.length != out.length || memcmp(again.text, out.text, out.length) != 0)
            abort();
    }
    str_free(&out);
    str_free(&again);
}

static void fuzz_container(const char *text, size_t size)
{
    struct arena arena = {0};
    struct tunnel_route route;
    struct err err = {0};
    if (container_choose(text, size, "pg", "5432", &arena, &route, &err)) {
        check_name(route.host);
        if (!target_is_port(route.port))
            abort();
    } else if (!err.message[0]) {
        abort();
    }
    arena_free(&arena);
}

static void fuzz_target(const char *text, size_t size)
{
    struct arena arena = {0};
    struct target target;
    struct err err = {0};
    if (target_parse(&target, &arena, arena_strndup(&arena, text, size), &err)) {
        check_name(target.host);
        check_name(target.user);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *rest = (const char *)data + 1;
    switch (data[0]) {
    case 'g': fuzz_resolve(rest, size - 1); break;
    case 'a': fuzz_agent(data + 1, size - 1); break;
    case 'c': fuzz_container(rest, size - 1); break;
    case 't': fuzz_target(rest, size - 1); break;
    default: break;
    }
    return 0;
}
