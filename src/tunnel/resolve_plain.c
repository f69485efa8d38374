/* resolve_plain - libssh's reader, its options read back, and the lines it complains about. */
#include "tunnel/resolve_plain.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/text.h"

/* "Unsupported option: IdentitiesOnly, line: 3" and "Unknown option: ..." */
static void on_log(int priority, const char *function, const char *text, void *ignored)
{
    (void)priority;
    (void)function;
    const char *option = strstr(text, "option: ");
    if (!option || (!strstr(text, "Unsupported") && !strstr(text, "Unknown")))
        return;
    struct str *list = ignored;
    if (list->length > 400)
        return;
    str_add(list, list->length ? ", " : "");
    text_visible(list, option + 8, strcspn(option + 8, ",\n"));
}

static const char *option(struct resolved *r, ssh_session session, enum ssh_options_e which)
{
    char *value = NULL;
    if (ssh_options_get(session, which, &value) != SSH_OK || !value)
        return NULL;
    const char *kept = arena_strdup(&r->arena, value);
    ssh_string_free_char(value);
    return kept;
}

static void add(struct resolved *r, struct resolve_list *list, const char *below_home)
{
    if (!list->items)
        list->items = arena_alloc(&r->arena, 8 * sizeof *list->items);
    list->items[list->count++] =
        *below_home == '/' ? below_home : arena_printf(&r->arena, "%s/.ssh/%s", r->home, below_home);
}

static void read_back(struct resolved *r, ssh_session session, const struct target *target)
{
    unsigned port = 22;
    ssh_options_get_port(session, &port);
    r->port = target->port ? target->port : arena_printf(&r->arena, "%u", port);
    r->host = option(r, session, SSH_OPTIONS_HOST);
    r->user = target->user ? target->user : option(r, session, SSH_OPTIONS_USER);
    if (!r->user)
        r->user = target_expand(&r->arena, "%u", &(struct target_tokens){0}, false, NULL);
    r->proxy_command = option(r, session, SSH_OPTIONS_PROXYCOMMAND);
    const char *identity = option(r, session, SSH_OPTIONS_IDENTITY);
    static const char *const usual[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
    if (identity && identity[0] == '/')
        add(r, &r->identities, identity);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        add(r, &r->identities, usual[i]);
    const char *known = option(r, session, SSH_OPTIONS_KNOWNHOSTS);
    add(r, &r->user_known_hosts, known && known[0] == '/' ? known : "known_hosts");
    const char *global = option(r, session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS);
    add(r, &r->global_known_hosts, global && global[0] == '/' ? global : "/etc/ssh/ssh_known_hosts");
    r->pubkey = "yes";
}

bool resolve_plain(struct resolved *r, const struct target *target, struct err *err)
{
    ssh_session session = ssh_new();
    if (!session)
        err_abort("out of memory");
    struct str ignored = {0};
    const char *dir = arena_printf(&r->arena, "%s/.ssh", r->home);
    const char *path = arena_printf(&r->arena, "%s/config", dir);
    ssh_options_set(session, SSH_OPTIONS_SSH_DIR, dir);
    ssh_options_set(session, SSH_OPTIONS_HOST, target->host);
    ssh_set_log_userdata(&ignored);
    ssh_set_log_callback(on_log);
    ssh_set_log_level(SSH_LOG_INFO);
    bool ok = access(path, R_OK) != 0 || ssh_options_parse_config(session, path) == 0;
    ssh_set_log_level(SSH_LOG_NONE);
    ssh_set_log_callback(NULL);
    ssh_set_log_userdata(NULL);
    if (ok) {
        read_back(r, session, target);
        r->ignored = ignored.length ? arena_strdup(&r->arena, str_text(&ignored)) : NULL;
        if (r->proxy_command && strncmp(r->proxy_command, "ssh ", 4) == 0) {
            ok = err_set(err, ERR_DEPENDENCY, "a jump host needs OpenSSH's ssh, which is not installed");
            err_hint(err, "install openssh-client");
        }
    } else {
        err_set(err, ERR_CONFIG, "~/.ssh/config cannot be read without OpenSSH's ssh");
        err_hint(err, "install openssh-client, or name the server as user@host:port and move the file away");
    }
    str_free(&ignored);
    ssh_free(session);
    return ok;
}
