/* resolve - runs `ssh -G` and reads what it prints: a keyword and its value a line, paths unquoted. */
#include "tunnel/resolve.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/text.h"
#include "tunnel/resolve_plain.h"

enum { OUTPUT_MAX = 256 * 1024, LIST_MAX = 64, SSH_G_MS = 15000 };

enum kind { TEXT, FLAG, NUMBER, ADD, PATHS };

struct keyword { const char *name; enum kind kind; size_t offset; };

#define AT(member) offsetof(struct resolved, member)
static const struct keyword keywords[] = {
    {"addressfamily", TEXT, AT(family)},
    {"batchmode", FLAG, AT(batch)},
    {"bindaddress", TEXT, AT(bind_address)},
    {"certificatefile", ADD, AT(certificates)},
    {"ciphers", TEXT, AT(ciphers)},
    {"compression", FLAG, AT(compression)},
    {"connecttimeout", NUMBER, AT(connect_timeout_s)},
    {"globalknownhostsfile", PATHS, AT(global_known_hosts)},
    {"hashknownhosts", FLAG, AT(hash_known_hosts)},
    {"hostkeyalgorithms", TEXT, AT(host_key_algorithms)},
    {"hostkeyalias", TEXT, AT(key_alias)},
    {"hostname", TEXT, AT(host)},
    {"identitiesonly", FLAG, AT(identities_only)},
    {"identityagent", TEXT, AT(agent)},
    {"identityfile", ADD, AT(identities)},
    {"kbdinteractiveauthentication", FLAG, AT(kbdint)},
    {"kexalgorithms", TEXT, AT(kex)},
    {"macs", TEXT, AT(macs)},
    {"numberofpasswordprompts", NUMBER, AT(password_prompts)},
    {"passwordauthentication", FLAG, AT(password)},
    {"port", TEXT, AT(port)},
    {"preferredauthentications", TEXT, AT(preferred)},
    {"proxycommand", TEXT, AT(proxy_command)},
    {"proxyjump", TEXT, AT(jump)},
    {"proxyusefdpass", FLAG, AT(fdpass)},
    {"pubkeyacceptedalgorithms", TEXT, AT(pubkey_algorithms)},
    {"pubkeyauthentication", TEXT, AT(pubkey)},
    {"revokedhostkeys", TEXT, AT(revoked_keys)},
    {"serveralivecountmax", NUMBER, AT(alive_count)},
    {"serveraliveinterval", NUMBER, AT(alive_interval_s)},
    {"stricthostkeychecking", TEXT, AT(strict)},
    {"user", TEXT, AT(user)},
    {"userknownhostsfile", PATHS, AT(user_known_hosts)},
};

static void add(struct resolved *r, struct resolve_list *list, const char *item)
{
    if (list->count == LIST_MAX)
        return;
    if (!list->items)
        list->items = arena_alloc(&r->arena, LIST_MAX * sizeof *list->items);
    list->items[list->count++] = item;
}

static void add_paths(struct resolved *r, struct resolve_list *list, char *value)
{
    char *rest = value;
    for (char *path; (path = strsep(&rest, " \t"));)
        if (*path)
            add(r, list, path);
}

static bool is_yes(const char *value)
{
    return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0;
}

static void take(struct resolved *r, const struct keyword *k, const char *value)
{
    void *at = (char *)r + k->offset;
    switch (k->kind) {
    case TEXT: *(const char **)at = strcasecmp(value, "none") == 0 && k->offset != AT(agent) ? NULL : value; break;
    case FLAG: *(bool *)at = is_yes(value); break;
    case NUMBER: *(int *)at = (int)strtol(value, NULL, 10); break;   /* "none" is 0 */
    case ADD: add(r, at, value); break;
    case PATHS: add_paths(r, at, arena_strdup(&r->arena, value)); break;
    }
}

bool resolve_parse(struct resolved *r, const char *text, size_t length, struct err *err)
{
    if (!text_valid(text, length, NULL) || memchr(text, '\0', length))
        return err_set(err, ERR_CONFIG, "what ssh -G printed is no text");
    char *copy = arena_strndup(&r->arena, text, length), *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        size_t name = strcspn(line, " ");
        if (!line[name] || !line[name + 1])
            continue;
        line[name] = '\0';
        for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
            if (strcasecmp(keywords[i].name, line) == 0)
                take(r, &keywords[i], line + name + 1);
    }
    return true;
}

/* ssh goes by the password database's home, we go by HOME where it is ours: what ssh expanded is taken back. */
static const char *at_home(struct resolved *r, const char *path)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return path;
    size_t length = strlen(found->pw_dir);
    if (length < 2 || strncmp(path, found->pw_dir, length) != 0 || strncmp(path + length, "/.ssh/", 6) != 0)
        return path;
    return arena_printf(&r->arena, "%s%s", r->home, path + length);
}

static bool expand(struct resolved *r, struct resolve_list *list, struct err *err)
{
    const struct target_tokens tokens = {r->asked, r->host, r->port, r->user, r->key_alias, r->home};
    for (size_t i = 0; i < list->count; i++) {
        list->items[i] = target_expand(&r->arena, at_home(r, list->items[i]), &tokens, false, err);
        if (!list->items[i])
            return false;
    }
    return true;
}

static bool expand_one(struct resolved *r, const char **path, struct err *err)
{
    struct resolve_list one = {path, 1};
    return !*path || expand(r, &one, err);
}

static bool refuse(struct err *err, const char *what, const char *text)
{
    char shown[128];
    err_set(err, ERR_CONFIG, "~/.ssh/config gives %s that is none: \"%s\"", what,
            text_visible_buf(shown, sizeof shown, text ? text : ""));
    return false;
}

bool resolve_finish(struct resolved *r, struct err *err)
{
    if (!r->host || !target_is_host(r->host))
        return refuse(err, "a host name", r->host);
    if (!r->user || !target_is_user(r->user))
        return refuse(err, "a user", r->user);
    if (!r->port || !target_is_port(r->port))
        return refuse(err, "a port", r->port);
    if (r->key_alias && !target_is_host(r->key_alias))
        return refuse(err, "a HostKeyAlias", r->key_alias);
    r->known_name = r->key_alias ? r->key_alias : target_known_name(&r->arena, r->host, r->port);
    if (r->fdpass && r->proxy_command)
        return err_set(err, ERR_CONFIG, "ProxyUseFdpass of ~/.ssh/config is not supported");
    if (r->agent && r->agent[0] == '$' && r->agent[1] != '{') {   /* IdentityAgent $NAME */
        const char *value = getenv(r->agent + 1);
        r->agent = value ? arena_strdup(&r->arena, value) : "none";
    }
    return expand(r, &r->identities, err) && expand(r, &r->certificates, err) &&
           expand(r, &r->user_known_hosts, err) && expand(r, &r->global_known_hosts, err) &&
           expand_one(r, &r->revoked_keys, err) && expand_one(r, &r->agent, err);
}

/* With a HOME of its own (a container, a test, sudo -E) the files below it count, as for all the rest of us. */
static const char *own_config(struct resolved *r)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found &&
        strcmp(found->pw_dir, r->home) == 0)
        return NULL;
    const char *path = arena_printf(&r->arena, "%s/.ssh/config", r->home);
    return access(path, R_OK) == 0 ? path : "none";
}

static bool ask_ssh(struct resolved *r, const struct target *target, int cancel_fd, struct str *out, struct err *err)
{
    const char *argv[16] = {"ssh", "-G", "-T"}, *config = own_config(r);
    size_t n = 3;
    if (config) {
        argv[n++] = "-F";
        argv[n++] = config;
    }
    if (target->user) {
        argv[n++] = "-l";
        argv[n++] = target->user;
    }
    if (target->port) {
        argv[n++] = "-p";
        argv[n++] = target->port;
    }
    argv[n++] = "--";
    argv[n++] = target->host;
    const struct spawn_options options = {
        .argv = argv, .timeout_ms = SSH_G_MS, .output_limit = OUTPUT_MAX, .cancel_fd = cancel_fd};
    int status;
    return spawn_run(&options, out, &status, err);
}

bool resolve_host(struct resolved *r, const struct target *target, int cancel_fd, struct err *err)
{
    char home[1024];
    *r = (struct resolved){.password_prompts = 3, .alive_count = 3, .password = true, .kbdint = true};
    if (!file_home(home, sizeof home))
        strcpy(home, "/");
    r->home = arena_strdup(&r->arena, home);
    r->asked = arena_strdup(&r->arena, target->host);
    struct str out = {0};
    bool ok = ask_ssh(r, target, cancel_fd, &out, err);
    if (ok) {
        ok = resolve_parse(r, str_text(&out), out.length, err);
    } else if (err->class == ERR_DEPENDENCY) {
        err_clear(err);
        ok = resolve_plain(r, target, err);
    } else if (err->class != ERR_CANCELLED) {
        err->class = ERR_CONFIG;
        char shown[128];
        err_context(err, "~/.ssh/config for %s", text_visible_buf(shown, sizeof shown, target->host));
    }
    str_free(&out);
    return ok && resolve_finish(r, err);
}

void resolve_free(struct resolved *r) { arena_free(&r->arena); }
