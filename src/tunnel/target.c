/* target - what a host, a user and a port may look like, and ssh_config's %-tokens. */
#include "tunnel/target.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/text.h"

enum { NAME_MAX_BYTES = 255 };

static bool is_made_of(const char *text, const char *extra)
{
    size_t length = strlen(text);
    if (length == 0 || length > NAME_MAX_BYTES || text[0] == '-')
        return false;
    for (const char *c = text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!plain && !strchr(extra, *c))
            return false;
    }
    return true;
}

bool target_is_host(const char *text) { return is_made_of(text, "._-:%"); }
bool target_is_user(const char *text) { return is_made_of(text, "._-+@"); }

bool target_is_port(const char *text)
{
    return strlen(text) <= 5 && strspn(text, "0123456789") == strlen(text) && atoi(text) >= 1 && atoi(text) <= 65535;
}

static bool refuse(struct err *err, const char *what, const char *text)
{
    char shown[128];
    err_set(err, ERR_CONFIG, "not %s: \"%s\"", what, text_visible_buf(shown, sizeof shown, text));
    return err_hint(err, "ssh: user@host, user@host:port, user@[::1]:port, or a Host alias of ~/.ssh/config");
}

bool target_parse(struct target *target, struct arena *arena, const char *text, struct err *err)
{
    *target = (struct target){0};
    if (strncmp(text, "ssh://", 6) == 0)
        text += 6;
    char *copy = arena_strdup(arena, text), *at = strrchr(copy, '@'), *host = copy, *port = NULL;
    if (at) {
        *at = '\0';
        target->user = copy;
        host = at + 1;
    }
    if (*host == '[') {
        char *end = strchr(++host, ']');
        if (!end || (end[1] && end[1] != ':'))
            return refuse(err, "the address of an SSH server", text);
        port = end[1] ? end + 2 : NULL;
        *end = '\0';
    } else if (strchr(host, ':') && strchr(host, ':') == strrchr(host, ':')) {   /* two colons: a bare IPv6 address */
        port = strchr(host, ':') + 1;
        port[-1] = '\0';
    }
    target->host = host;
    target->port = port;
    if (target->user && !target_is_user(target->user))
        return refuse(err, "the name of an SSH user", target->user);
    if (!target_is_host(host))
        return refuse(err, "the name of an SSH server", host);
    return !port || target_is_port(port) || refuse(err, "a port", port);
}

const char *target_known_name(struct arena *arena, const char *host, const char *port)
{
    char *name = strcmp(port, "22") == 0 ? arena_strdup(arena, host) : arena_printf(arena, "[%s]:%s", host, port);
    for (char *c = name; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    return name;
}

static void add_local_host(struct str *out, bool short_name)
{
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) == 0)
        str_add_bytes(out, name, short_name ? strcspn(name, ".") : strlen(name));
}

static void add_local_user(struct str *out)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
        str_add(out, found->pw_name);
}

static bool add_token(struct str *out, char token, const struct target_tokens *t)
{
    switch (token) {
    case '%': str_add_char(out, '%'); return true;
    case 'd': str_add(out, t->home); return true;
    case 'h': str_add(out, t->host); return true;
    case 'i': str_printf(out, "%u", (unsigned)geteuid()); return true;
    case 'k': str_add(out, t->alias ? t->alias : t->host); return true;
    case 'L': add_local_host(out, true); return true;
    case 'l': add_local_host(out, false); return true;
    case 'n': str_add(out, t->asked); return true;
    case 'p': str_add(out, t->port); return true;
    case 'r': str_add(out, t->user); return true;
    case 'u': add_local_user(out); return true;
    default: return false;
    }
}

/* ${NAME}; returns what follows it, NULL: not such a thing, or not set. */
static const char *add_variable(struct str *out, const char *text)
{
    const char *end = strchr(text, '}');
    char name[128];
    if (!end || (size_t)(end - text - 2) >= sizeof name)
        return NULL;
    memcpy(name, text + 2, (size_t)(end - text - 2));
    name[end - text - 2] = '\0';
    const char *value = getenv(name);
    if (!value)
        return NULL;
    str_add(out, value);
    return end + 1;
}

const char *target_expand(struct arena *arena, const char *text, const struct target_tokens *tokens, bool command,
                          struct err *err)
{
    struct str out = {0};
    const char *c = text;
    if (!command && c[0] == '~' && (c[1] == '/' || !c[1])) {
        str_add(&out, tokens->home);
        c++;
    }
    while (c && *c) {
        if (*c == '%') {
            c = c[1] && add_token(&out, c[1], tokens) ? c + 2 : NULL;
        } else if (!command && c[0] == '$' && c[1] == '{') {
            c = add_variable(&out, c);
        } else {
            str_add_char(&out, *c++);
        }
    }
    const char *expanded = c ? arena_strdup(arena, str_text(&out)) : NULL;
    str_free(&out);
    if (!expanded) {
        char shown[160];
        err_set(err, ERR_CONFIG, "cannot expand \"%s\" of ~/.ssh/config",
                text_visible_buf(shown, sizeof shown, text));
        err_why(err, "it has a %%-token or a variable that is not known here");
    }
    return expanded;
}
