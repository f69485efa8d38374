/* ssh_server - an SSH server for the ways to log in that sshd has only with PAM: a password and questions. It lets in,
 * and refuses every channel, unless it is rude: then it asks for a channel of its own, and what it says first goes to the standard
 * error that a forwarded port has none of, more than a window holds.
 *
 *   ssh_server PORT HOSTKEY password|questions|rude SECRET-FILE
 * "questions" asks two: a colour with echo (blue) and the secret without. */
#define SSH_SUPPRESS_DEPRECATED   /* its callbacks are ten times as long */
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void answer_questions(ssh_session session, ssh_message m, const char *secret)
{
    const char *prompts[] = {"Colour: ", "Token\033[31m: "};
    char echo[] = {1, 0};
    if (!ssh_message_auth_kbdint_is_response(m)) {
        ssh_message_auth_interactive_request(m, "test", "Two questions", 2, prompts, echo);
        return;
    }
    const char *colour = ssh_userauth_kbdint_getanswer(session, 0), *token = ssh_userauth_kbdint_getanswer(session, 1);
    if (colour && token && strcmp(colour, "blue") == 0 && strcmp(token, secret) == 0)
        ssh_message_auth_reply_success(m, 0);
    else
        ssh_message_reply_default(m);
}

static void be_rude(ssh_session session, ssh_message m)
{
    static const char noise[32768];
    ssh_channel asked = ssh_message_channel_request_open_reply_accept(m), own = ssh_channel_new(session);
    if (!asked || !own || ssh_channel_open_reverse_forward(own, "127.0.0.1", 1, "127.0.0.1", 1) == SSH_OK)
        exit(1);
    for (int i = 0; i < 256; i++)
        if (ssh_channel_write_stderr(asked, noise, sizeof noise) != (int)sizeof noise)
            exit(1);
    ssh_channel_write(asked, "N", 1);    /* to PostgreSQL's question for TLS */
    ssh_channel_send_eof(asked);
    ssh_channel_close(asked);
}

static void serve(ssh_session session, bool questions, bool rude, const char *secret)
{
    int methods = questions ? SSH_AUTH_METHOD_INTERACTIVE : SSH_AUTH_METHOD_PASSWORD;
    if (ssh_handle_key_exchange(session) != SSH_OK)
        return;
    ssh_set_auth_methods(session, methods);
    for (ssh_message m; (m = ssh_message_get(session)); ssh_message_free(m)) {
        bool auth = ssh_message_type(m) == SSH_REQUEST_AUTH;
        int kind = ssh_message_subtype(m);
        if (rude && ssh_message_type(m) == SSH_REQUEST_CHANNEL_OPEN) {
            be_rude(session, m);
            continue;
        }
        if (auth)
            ssh_message_auth_set_methods(m, methods);
        if (auth && questions && kind == SSH_AUTH_METHOD_INTERACTIVE)
            answer_questions(session, m, secret);
        else if (auth && !questions && kind == SSH_AUTH_METHOD_PASSWORD &&
                 strcmp(ssh_message_auth_password(m), secret) == 0)
            ssh_message_auth_reply_success(m, 0);
        else
            ssh_message_reply_default(m);
    }
}

int main(int argc, char **argv)
{
    char secret[256] = "";
    if (argc != 5)
        return 64;
    FILE *f = fopen(argv[4], "r");
    if (!f || !fgets(secret, sizeof secret, f))
        return 66;
    secret[strcspn(secret, "\n")] = '\0';
    signal(SIGCHLD, SIG_IGN);
    ssh_bind bind = ssh_bind_new();
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BINDADDR, "127.0.0.1");
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BINDPORT_STR, argv[1]);
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, argv[2]);
    if (ssh_bind_listen(bind) != SSH_OK) {
        fprintf(stderr, "%s\n", ssh_get_error(bind));
        return 1;
    }
    for (;;) {
        ssh_session session = ssh_new();
        if (ssh_bind_accept(bind, session) == SSH_OK && fork() == 0) {
            serve(session, strcmp(argv[3], "questions") == 0, strcmp(argv[3], "rude") == 0, secret);
            _exit(0);
        }
        ssh_free(session);
    }
}
