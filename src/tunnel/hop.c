/* hop - from a name to an authenticated session. */
#include "tunnel/hop.h"

#include <libssh/server.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "base/text.h"
#include "base/wait.h"
#include "tunnel/carrier.h"

enum { CONNECT_MS = 10000, DEPTH_MAX = 8 };

int64_t hop_deadline(const struct hop *hop) { return clock_mono_ms() + hop->timeout_ms; }

void hop_phase(struct hop *hop, const char *phase, const char *format, ...)
{
    char text[512], visible[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int64_t now = clock_mono_ms();
    if (hop->options->phase)
        hop->options->phase(hop->options->phase_sink, phase, text_visible_buf(visible, sizeof visible, text),
                            now - hop->phase_began);
    hop->phase_began = now;
}

bool hop_connected(struct hop *hop)
{
    return ssh_is_connected(hop->session) && !(ssh_get_status(hop->session) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

bool hop_wait(struct hop *hop, int64_t deadline, const char *doing, struct err *err)
{
    socket_t fd = ssh_get_fd(hop->session);
    short events = POLLIN;
    if (ssh_get_poll_flags(hop->session) & SSH_WRITE_PENDING)
        events |= POLLOUT;
    /* what is never read stays readable: the deadline holds all the same */
    bool late = clock_mono_ms() >= deadline;
    switch (late ? WAIT_TIMEOUT : wait_for(fd, events, hop->options->cancel_fd, deadline)) {
    case WAIT_IO:
        return true;
    case WAIT_CANCEL:
        return err_set(err, ERR_CANCELLED, "cancelled while %s %s", doing, hop->name);
    case WAIT_TIMEOUT:
        break;
    }
    err_set(err, ERR_NOT_READY, "the SSH server %s does not answer", hop->name);
    err_why(err, "it was given %d s", hop->timeout_ms / 1000);
    return err_hint(err, "check the way there: ssh %s", hop->config.asked);
}

bool hop_why(struct hop *hop, struct err *err)
{
    char said[400], visible[512];
    if (hop->proxy && spawn_complaint(hop->proxy, said, sizeof said))
        return err_why(err, "the ProxyCommand said: %s", text_visible_buf(visible, sizeof visible, said));
    struct err jump = {0};
    if (hop->via && carrier_reason(hop->via, &jump))
        return err_why(err, "%s%s%s", jump.message, jump.why[0] ? ": " : "", jump.why);
    const char *words = ssh_get_error(hop->session);
    return words && *words ? err_why(err, "%s", text_visible_buf(visible, sizeof visible, words)) : false;
}

struct setting { enum ssh_options_e option; const char *keyword; size_t offset; };

/* A list that somebody chose is taken as it is. Where nobody did, ssh -G prints what OpenSSH would offer (9 and before,
 * then 10), which puts first what is fast without help from the processor; with it AES-GCM is, on both sides. */
static const char *ciphers_wanted(const char *configured)
{
    static const char *const unchosen[] = {
        "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
    };
    bool chosen = configured != NULL;
    for (size_t i = 0; i < sizeof unchosen / sizeof *unchosen && chosen; i++)
        chosen = strcmp(configured, unchosen[i]) != 0;
    if (chosen || sodium_init() < 0 || !crypto_aead_aes256gcm_is_available())
        return configured;
    return "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr";
}

/* Lists of algorithms as configured; libssh leaves out what it does not know, and refuses a list of which it knows
 * nothing. */
static bool set_algorithms(struct hop *hop, struct err *err)
{
    hop->config.ciphers = ciphers_wanted(hop->config.ciphers);
    static const struct setting settings[] = {
        {SSH_OPTIONS_CIPHERS_C_S, "Ciphers", offsetof(struct resolved, ciphers)},
        {SSH_OPTIONS_CIPHERS_S_C, "Ciphers", offsetof(struct resolved, ciphers)},
        {SSH_OPTIONS_HMAC_C_S, "MACs", offsetof(struct resolved, macs)},
        {SSH_OPTIONS_HMAC_S_C, "MACs", offsetof(struct resolved, macs)},
        {SSH_OPTIONS_KEY_EXCHANGE, "KexAlgorithms", offsetof(struct resolved, kex)},
        {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, "PubkeyAcceptedAlgorithms",
         offsetof(struct resolved, pubkey_algorithms)},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *list = *(const char *const *)((const char *)&hop->config + settings[i].offset);
        if (list && ssh_options_set(hop->session, settings[i].option, list) != SSH_OK) {
            err_set(err, ERR_CONFIG, "%s of ~/.ssh/config leaves nothing that is known here for %s",
                    settings[i].keyword, hop->name);
            return err_hint(err, "add a current algorithm to the list");
        }
    }
    return true;
}

/* Whatever the server asks of us, a channel say, is refused: libssh would keep it for ever. */
static int refuse_request(ssh_session session, ssh_message message, void *data)
{
    (void)session;
    (void)message;
    (void)data;
    return 1;
}

static bool prepare(struct hop *hop, struct err *err)
{
    const struct resolved *c = &hop->config;
    int off = 0, port = atoi(c->port), verbosity = SSH_LOG_NOLOG;
    hop->session = ssh_new();
    if (!hop->session)
        err_abort("out of memory");
    ssh_set_blocking(hop->session, 0);
    ssh_set_message_callback(hop->session, refuse_request, NULL);
    bool ok = ssh_options_set(hop->session, SSH_OPTIONS_PROCESS_CONFIG, &off) == SSH_OK &&
              ssh_options_set(hop->session, SSH_OPTIONS_LOG_VERBOSITY, &verbosity) == SSH_OK &&
              ssh_options_set(hop->session, SSH_OPTIONS_HOST, c->host) == SSH_OK &&
              ssh_options_set(hop->session, SSH_OPTIONS_PORT, &port) == SSH_OK &&
              ssh_options_set(hop->session, SSH_OPTIONS_USER, c->user) == SSH_OK &&
              (!c->compression || ssh_options_set(hop->session, SSH_OPTIONS_COMPRESSION, "yes") == SSH_OK);
    if (!ok) {
        err_set(err, ERR_CONFIG, "cannot prepare an SSH session with %s", hop->name);
        return hop_why(hop, err);
    }
    return set_algorithms(hop, err) && hostkey_prepare(hop, err);
}

/* Banners and key exchange. */
static bool shake_hands(struct hop *hop, struct err *err)
{
    int fd;
    if (!hop_dial(hop, &fd, err))
        return false;
    if (ssh_options_set(hop->session, SSH_OPTIONS_FD, &fd) != SSH_OK) {
        close(fd);
        return err_set(err, ERR_GENERAL, "libssh does not take a socket");
    }
    int64_t deadline = hop_deadline(hop);
    int rc;
    while ((rc = ssh_connect(hop->session)) == SSH_AGAIN)
        if (!hop_wait(hop, deadline, "connecting to", err))
            return hop_why(hop, err), false;
    if (rc == SSH_OK) {
        hop_phase(hop, "connect", "%s, %s", hop->name, ssh_get_serverbanner(hop->session));
        return true;
    }
    if (strstr(ssh_get_error(hop->session), "server host key")) {
        err_set(err, ERR_NEVER_READY, "the SSH server %s has no key of a type that is known of it", hop->name);
        hop_why(hop, err);
        return err_hint(err, "ask who runs it; only if it was set up anew: ssh-keygen -R '%s'", hop->config.known_name);
    }
    err_set(err, ERR_NOT_READY, "no SSH session with %s", hop->name);
    hop_why(hop, err);
    return err_hint(err, "check the way there: ssh %s", hop->config.asked);
}

static bool resolve(struct hop *hop, const char *text, struct err *err)
{
    struct arena arena = {0};
    struct target target;
    bool ok = target_parse(&target, &arena, text, err) &&
              resolve_host(&hop->config, &target, hop->options->cancel_fd, err);
    if (ok) {
        snprintf(hop->name, sizeof hop->name, strchr(hop->config.host, ':') ? "%s@[%s]:%s" : "%s@%s:%s",
                 hop->config.user, hop->config.host, hop->config.port);
        if (hop->options->connect_timeout_ms <= 0 && hop->config.connect_timeout_s > 0)
            hop->timeout_ms = hop->config.connect_timeout_s < 3600 ? hop->config.connect_timeout_s * 1000 : 3600000;
        hop_phase(hop, "resolve", "%s%s%s", hop->name, hop->config.ignored ? "; not honoured without ssh: " : "",
                  hop->config.ignored ? hop->config.ignored : "");
    }
    arena_free(&arena);
    return ok;
}

/* The last of the jump hosts is the one that reaches us; it is reached through those before it. */
static bool open_via(struct hop *hop, const char *jumps, unsigned depth, struct err *err)
{
    const char *list = jumps && *jumps ? jumps : hop->config.jump;
    if (!list)
        return true;
    if (depth == DEPTH_MAX) {
        err_set(err, ERR_CONFIG, "more than %d jump hosts", DEPTH_MAX);
        return err_hint(err, "does a ProxyJump of ~/.ssh/config lead to itself?");
    }
    char *before = xstrdup(list), *comma = strrchr(before, ','), *last = before;
    if (comma) {
        *comma = '\0';
        last = comma + 1;
    }
    struct hop *jump = NULL;
    bool ok = hop_open(&jump, last, comma ? before : NULL, depth + 1, hop->options, err);
    free(before);
    if (!ok)
        return false;
    const struct tunnel_route route = {
        .kind = TUNNEL_FORWARD, .host = hop->config.host, .port = hop->config.port};
    hop->phase_began = clock_mono_ms();   /* the jump host had phases of its own */
    return carrier_start(&hop->via, jump, &route, NULL, err);
}

bool hop_open(struct hop **out, const char *target, const char *jumps, unsigned depth,
              const struct tunnel_options *options, struct err *err)
{
    struct hop *hop = xcalloc(1, sizeof *hop);
    *hop = (struct hop){.options = options, .phase_began = clock_mono_ms(),
                        .timeout_ms = options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_MS};
    bool ok = resolve(hop, target, err) && prepare(hop, err) && open_via(hop, jumps, depth, err) &&
              shake_hands(hop, err) && hostkey_check(hop, err) && auth_run(hop, err);
    if (!ok) {
        hop_free(hop);
        hop = NULL;
    }
    *out = hop;
    return ok;
}

void hop_goodbye(struct hop *hop)
{
    int none = -1;
    if (!hop->session || !ssh_is_connected(hop->session))
        return;
    /* it closes no socket that it was given; one that it was not given, it does */
    (void)ssh_options_set(hop->session, SSH_OPTIONS_FD, &none);
    ssh_disconnect(hop->session);
}

void hop_free(struct hop *hop)
{
    if (!hop)
        return;
    hop_goodbye(hop);
    ssh_free(hop->session);
    carrier_free(hop->via);
    spawn_stop(hop->proxy);
    resolve_free(&hop->config);
    str_free(&hop->tried);
    free(hop);
}
