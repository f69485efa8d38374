/* settings_tunnel - the keys of `tunnel:`, each checked where it stands: what is wrong with a way in should be said with
 * its place, not by a far machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/settings_reader.h"

enum { SOCKET_PATH_MAX = 107, HOST_MAX = 255 };   /* sun_path without its end; a name of the DNS */

/* False: the text has something that no name of a machine, user or container has; whoever is given it might obey it. */
static bool plain(const char *text, const char *also)
{
    if (!*text || *text == '-' || *text == '.')
        return false;
    for (const char *p = text; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!letter && !strchr(also, *p))
            return false;
    }
    return true;
}

static bool wrong(struct reader *r, const struct yaml_node *node, const char *text, const char *wanted, const char *hint)
{
    char shown[80];
    err_set(r->err, ERR_CONFIG, "%s must be %s", r->where, wanted);
    err_why(r->err, "it is \"%s\"", text_visible_buf(shown, sizeof shown, text));
    err_hint(r->err, "%s", hint);
    return err_at(r->err, r->file, node->line, node->column);
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long number = digits && digits < 6 ? strtol(text, NULL, 10) : 0;
    return text[digits] == '\0' && number >= 1 && number <= 65535;
}

/* "host:port" and "[address]:port", in pieces of the arena. */
static bool cut_place(struct arena *arena, const char *text, const char **host, const char **port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || !is_port(colon + 1))
        return false;
    bool bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    *host = bracketed ? arena_strndup(arena, text + 1, (size_t)(colon - text) - 2)
                      : arena_strndup(arena, text, (size_t)(colon - text));
    *port = arena_strdup(arena, colon + 1);
    /* more colons are an address that lacks its brackets */
    return strlen(*host) <= HOST_MAX &&
           (bracketed ? strspn(*host, "0123456789abcdefABCDEF:.") == strlen(*host) && **host : plain(*host, "-._"));
}

/* Reads a text into *text; NULL: a variable in it is not set, which is noted elsewhere. */
static bool read_text(struct reader *r, const struct yaml_node *node, const char **text)
{
    *text = NULL;
    return reader_text(r, node, text);
}

static bool read_ssh(struct reader *r, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    if (!read_text(r, node, &env->ssh))
        return false;
    if (!env->ssh)
        return true;
    const char *at = strrchr(env->ssh, '@'), *host = at ? at + 1 : env->ssh;
    char *user = xstrndup(env->ssh, at ? (size_t)(at - env->ssh) : 0);
    const char *ignored, *port;
    bool ok = (!at || plain(user, "-._+@\\")) &&
              (plain(host, "-._") || cut_place(&r->settings->arena, host, &ignored, &port));
    free(user);
    return ok || wrong(r, node, env->ssh, "user@host, user@host:port or a Host alias",
                       "As in \"ssh ops@vps.example.org\"; options belong into ~/.ssh/config.");
}

static bool read_forward(struct reader *r, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    if (!read_text(r, node, &env->forward))
        return false;
    return !env->forward || cut_place(&r->settings->arena, env->forward, &env->forward_host, &env->forward_port) ||
           wrong(r, node, env->forward, "host:port, as seen from the far side",
                 "For example postgres:5432, 127.0.0.1:5432 or [::1]:5432.");
}

static bool read_socket(struct reader *r, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    if (!read_text(r, node, &env->socket))
        return false;
    const char *hint = "For example /var/run/postgresql/.s.PGSQL.5432: the socket itself, not its directory.";
    if (!env->socket)
        return true;
    if (env->socket[0] != '/' || env->socket[strlen(env->socket) - 1] == '/')
        return wrong(r, node, env->socket, "the path of a Unix socket on the far side", hint);
    return strlen(env->socket) <= SOCKET_PATH_MAX ||
           wrong(r, node, env->socket, "a path of at most 107 bytes, which is all that a socket's name can have", hint);
}

static bool read_container(struct reader *r, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    if (!read_text(r, node, &env->container))
        return false;
    return !env->container || plain(env->container, "-._") ||
           wrong(r, node, env->container, "a container's name or id", "docker ps shows it, in the last column.");
}

static bool one_way(struct reader *r, const struct yaml_node *node)
{
    static const char *const ways[] = {"forward", "socket", "container", "command"};
    const char *first = NULL;
    for (size_t i = 0; node->kind == YAML_MAP && i < node->count; i++) {
        const char *key = node->keys[i]->text;
        bool way = false;
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
            way = way || strcmp(key, ways[w]) == 0;
        if (way && first) {
            err_set(r->err, ERR_CONFIG, "%s has both \"%s\" and \"%s\"", r->where, first, key);
            err_why(r->err, "forward, socket, container and command are different ways to the same server");
            err_hint(r->err, "Keep the one that works by hand.");
            return err_at(r->err, r->file, node->keys[i]->line, node->keys[i]->column);
        }
        first = way ? key : first;
    }
    return true;
}

bool settings_read_tunnel(struct reader *r, const struct yaml_node *node, void *target)
{
    static const struct reader_key keys[] = {
        {"ssh", read_ssh, 0},
        {"forward", read_forward, 0},
        {"socket", read_socket, 0},
        {"container", read_container, 0},
        {"command", reader_raw, offsetof(struct environment, command)},
        {"password_command", reader_raw, offsetof(struct environment, ssh_password_command)},
        {NULL, NULL, 0}};
    struct environment *env = target;
    if (!reader_map(r, node, keys, target) || !one_way(r, node))
        return false;
    env->tunnel = !yaml_is_null(node);
    if (env->tunnel && !yaml_get(node, "ssh")) {
        err_set(r->err, ERR_CONFIG, "%s needs \"ssh\"", r->where);
        err_hint(r->err, "ssh: user@host, or a Host alias of ~/.ssh/config.");
        return err_at(r->err, r->file, node->line, node->column);
    }
    return true;
}
