/* auth_typed - what a person has to type: answers to the server's questions, or a password. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tunnel/auth.h"

enum { ROUNDS_MAX = 12, PROMPTS_MAX = 16 };

static bool can_ask(struct hop *hop, bool enabled, const char *what)
{
    if (!enabled)
        return false;
    if (hop->options->ask && !hop->config.batch)
        return true;
    auth_tried(hop, "%s (nobody can be asked)", what);
    return false;
}

static int step_interactive(struct hop *hop, void *unused)
{
    (void)unused;
    return ssh_userauth_kbdint(hop->session, NULL, NULL);
}

/* The server's words are foreign text, and may pretend to be ours: the title says whose they are. */
static bool answer_prompt(struct hop *hop, unsigned index, struct err *err)
{
    char echo = 0, typed[256] = "";
    const char *prompt = ssh_userauth_kbdint_getprompt(hop->session, index, &echo);
    const char *instruction = ssh_userauth_kbdint_getinstruction(hop->session);
    struct str text = {0};
    struct secret *secret = NULL;
    str_printf(&text, "%s asks:\n", hop->name);
    if (index == 0 && instruction && *instruction) {
        text_visible(&text, instruction, strnlen(instruction, 400));
        str_add_char(&text, '\n');
    }
    text_visible(&text, prompt ? prompt : "", prompt ? strnlen(prompt, 400) : 0);
    bool ok = auth_ask(hop, echo ? TUNNEL_ASK_TEXT : TUNNEL_ASK_SECRET, "SSH server's question", text.text,
                       echo ? NULL : &secret, echo ? typed : NULL, echo ? sizeof typed : 0, err);
    if (ok && ssh_userauth_kbdint_setanswer(hop->session, index, echo ? typed : secret_text(secret)) < 0)
        ok = err_set(err, ERR_GENERAL, "the answer cannot be sent");
    secret_free(secret);
    explicit_bzero(typed, sizeof typed);
    str_free(&text);
    return ok;
}

static enum auth_end interactive_once(struct hop *hop, struct err *err)
{
    int rc;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!auth_call(hop, step_interactive, NULL, &rc, err))
            return AUTH_STOP;
        if (rc != SSH_AUTH_INFO)
            return auth_end_of(hop, rc, err);
        int prompts = ssh_userauth_kbdint_getnprompts(hop->session);
        if (prompts > PROMPTS_MAX)
            break;
        for (int i = 0; i < prompts; i++)
            if (!answer_prompt(hop, (unsigned)i, err))
                return AUTH_STOP;
    }
    err_set(err, ERR_NEVER_READY, "the SSH server %s asks without end", hop->name);
    return AUTH_STOP;
}

enum auth_end auth_interactive(struct hop *hop, struct err *err)
{
    enum auth_end end = AUTH_GO_ON;
    if (!can_ask(hop, hop->config.kbdint, "keyboard-interactive"))
        return AUTH_GO_ON;
    for (int tries = 0; end == AUTH_GO_ON && tries < hop->config.password_prompts; tries++)
        end = interactive_once(hop, err);
    auth_tried(hop, end == AUTH_GO_ON ? "keyboard-interactive (not accepted)" : "keyboard-interactive");
    return end;
}

static int step_password(struct hop *hop, void *secret)
{
    return ssh_userauth_password(hop->session, NULL, secret_text(secret));
}

enum auth_end auth_password(struct hop *hop, struct err *err)
{
    enum auth_end end = AUTH_GO_ON;
    if (!can_ask(hop, hop->config.password, "password"))
        return AUTH_GO_ON;
    for (int tries = 0; end == AUTH_GO_ON && tries < hop->config.password_prompts; tries++) {
        struct secret *secret = NULL;
        char text[400];
        int rc;
        snprintf(text, sizeof text, "%sPassword of %s", tries ? "That was not it. " : "", hop->name);
        if (!auth_ask(hop, TUNNEL_ASK_SECRET, "SSH password", text, &secret, NULL, 0, err))
            return AUTH_STOP;
        bool called = auth_call(hop, step_password, secret, &rc, err);
        secret_free(secret);
        if (!called)
            return AUTH_STOP;
        end = auth_end_of(hop, rc, err);
    }
    auth_tried(hop, end == AUTH_GO_ON ? "password (not accepted)" : "password");
    return end;
}
