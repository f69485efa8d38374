/* auth - agent, key files, keyboard-interactive, password: in this order, each if both sides have it. */
#include "tunnel/auth.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { MORE_MAX = 6 };               /* methods that a server may ask for one after the other */

struct method {
    int bit;
    const char *name;                /* as PreferredAuthentications has it */
    enum auth_end (*run)(struct hop *hop, struct err *err);
};

static enum auth_end run_publickey(struct hop *hop, struct err *err)
{
    const char *word = hop->config.pubkey;
    if (!word || strcasecmp(word, "no") == 0 || strcasecmp(word, "false") == 0)
        return AUTH_GO_ON;
    enum auth_end end = auth_agent(hop, err);
    return end == AUTH_GO_ON ? auth_files(hop, err) : end;
}

static const struct method methods[] = {
    {SSH_AUTH_METHOD_PUBLICKEY, "publickey", run_publickey},
    {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive", auth_interactive},
    {SSH_AUTH_METHOD_PASSWORD, "password", auth_password},
};

enum auth_end auth_end_of(struct hop *hop, int rc, struct err *err)
{
    switch (rc) {
    case SSH_AUTH_SUCCESS: return AUTH_DONE;
    case SSH_AUTH_PARTIAL: return AUTH_MORE;
    case SSH_AUTH_DENIED: return AUTH_GO_ON;
    default: break;
    }
    if (hop_connected(hop))
        return AUTH_GO_ON;           /* this method's own trouble: an unreadable answer of the agent, say */
    err_set(err, ERR_NEVER_READY, "the SSH server %s broke off while authenticating", hop->name);
    hop_why(hop, err);
    if (hop->tried.length)
        err_hint(err, "tried: %s; many servers end after six keys: IdentitiesOnly and IdentityFile name the right one",
                 str_text(&hop->tried));
    return AUTH_STOP;
}

bool auth_call(struct hop *hop, int (*step)(struct hop *hop, void *with), void *with, int *rc, struct err *err)
{
    int64_t deadline = hop_deadline(hop);
    while ((*rc = step(hop, with)) == SSH_AUTH_AGAIN)
        if (!hop_wait(hop, deadline, "authenticating at", err))
            return false;
    return true;
}

void auth_tried(struct hop *hop, const char *format, ...)
{
    char text[300], visible[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    str_printf(&hop->tried, "%s%s", hop->tried.length ? ", " : "", text_visible_buf(visible, sizeof visible, text));
}

bool auth_ask(struct hop *hop, enum tunnel_question_kind kind, const char *title, const char *text,
              struct secret **secret, char *typed, size_t size, struct err *err)
{
    const struct tunnel_question question = {kind, title, text};
    bool yes;
    return hop->options->ask(hop->options->asker, &question, &yes, secret, typed, size, err);
}

static int step_none(struct hop *hop, void *unused)
{
    (void)unused;
    return ssh_userauth_none(hop->session, NULL);
}

static bool is_preferred(const struct hop *hop, const char *name)
{
    const char *list = hop->config.preferred;
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return !list;
}

static void name_methods(int bits, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (bits & methods[i].bit)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? ", " : "", methods[i].name);
    if (!*out)
        snprintf(out, size, "a method that is not known here");
}

static bool denied(struct hop *hop, int bits, struct err *err)
{
    char names[128];
    name_methods(bits, names, sizeof names);
    err_set(err, ERR_NEVER_READY, "the SSH server does not let %s in", hop->name);
    err_why(err, "it accepts %s; tried: %s", names,
            hop->tried.length ? str_text(&hop->tried) : "nothing, there was nothing to try");
    return err_hint(err, "check the user's name and the key: ssh -v %s", hop->config.asked);
}

/* One round over the methods that the server names. */
static enum auth_end round_of(struct hop *hop, int bits, struct err *err)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (!(bits & methods[i].bit) || !is_preferred(hop, methods[i].name))
            continue;
        enum auth_end end = methods[i].run(hop, err);
        if (end != AUTH_GO_ON)
            return end;
    }
    return AUTH_GO_ON;
}

/* "none": what the server accepts, or that it wants no proof. */
static enum auth_end ask_methods(struct hop *hop, struct err *err)
{
    int rc;
    if (!auth_call(hop, step_none, NULL, &rc, err))
        return AUTH_STOP;
    enum auth_end end = auth_end_of(hop, rc, err);
    if (end == AUTH_DONE)
        auth_tried(hop, "no proof asked for");
    return end;
}

bool auth_run(struct hop *hop, struct err *err)
{
    /* A key file that is let in at once saves the round trip of asking; an agent's many keys are no such guess. */
    bool guess = is_preferred(hop, "publickey") && !auth_agent_path(hop);
    enum auth_end end = guess ? run_publickey(hop, err) : AUTH_GO_ON;
    int done = guess && end == AUTH_GO_ON ? SSH_AUTH_METHOD_PUBLICKEY : 0;
    if (end == AUTH_GO_ON)
        end = ask_methods(hop, err);
    for (int more = 0; end == AUTH_GO_ON || end == AUTH_MORE; more++) {
        int bits = ssh_userauth_list(hop->session, NULL);
        end = more < MORE_MAX ? round_of(hop, bits & ~done, err) : AUTH_GO_ON;
        done = 0;
        if (end == AUTH_GO_ON)
            return denied(hop, bits, err);
    }
    if (end == AUTH_DONE)
        hop_phase(hop, "authenticate", "%s", str_text(&hop->tried));
    return end == AUTH_DONE;
}
