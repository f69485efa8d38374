/* auth_key - public keys: those of the agent, and those in files. libssh's own loop over them is not used: it writes
 * .pub files beside private keys, and gives up at the first that it cannot read. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tunnel/agent.h"
#include "tunnel/auth.h"

enum { AGENT_LIST_MS = 5000, AGENT_SIGN_MS = 60000, BLOB_MAX = 16 * 1024, WANTED_MAX = 128, PASSPHRASE_TRIES = 3 };

/* ---- public halves ---- */

/* The public half of a key file, from its .pub or (OpenSSH's format) out of the file itself. */
static ssh_key public_of(const char *path)
{
    char pub[1100];
    ssh_key key = NULL;
    snprintf(pub, sizeof pub, "%s.pub", path);
    if (access(pub, R_OK) == 0 && ssh_pki_import_pubkey_file(pub, &key) == SSH_OK)
        return key;
    return access(path, R_OK) == 0 && ssh_pki_import_pubkey_file(path, &key) == SSH_OK ? key : NULL;
}

static ssh_key certificate_in(const char *path)
{
    ssh_key key = NULL;
    return access(path, R_OK) == 0 && ssh_pki_import_cert_file(path, &key) == SSH_OK ? key : NULL;
}

/* A public key or certificate as SSH sends it; NULL: it cannot be had. Gives. */
static unsigned char *blob_of(ssh_key key, size_t *length)
{
    char *base64 = NULL;
    unsigned char *blob = xmalloc(BLOB_MAX);
    bool ok = key && ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK &&
              sodium_base642bin(blob, BLOB_MAX, base64, strlen(base64), NULL, length, NULL,
                                sodium_base64_VARIANT_ORIGINAL) == 0;
    ssh_string_free_char(base64);
    if (ok)
        return blob;
    free(blob);
    return NULL;
}

static void add_blob(struct agent_key *wanted, size_t *count, ssh_key key)
{
    size_t length = 0;
    unsigned char *blob = *count < WANTED_MAX ? blob_of(key, &length) : NULL;
    ssh_key_free(key);
    if (blob)
        wanted[(*count)++] = (struct agent_key){blob, length};
}

/* Where the string at `from` ends; `length` or more: it does not. */
static size_t after_string(const unsigned char *blob, size_t length, size_t from)
{
    if (length < 4 || from > length - 4)
        return length;
    return from + 4 + ((size_t)blob[from] << 24 | (size_t)blob[from + 1] << 16 | (size_t)blob[from + 2] << 8 |
                       blob[from + 3]);
}

/* A key is its type and its numbers; a certificate its type, a nonce, the same numbers, and the rest. libssh compares
 * certificates with certificates only. */
static bool is_certificate_of(ssh_key certificate, ssh_key key)
{
    size_t whole = 0, length = 0;
    unsigned char *c = blob_of(certificate, &whole), *k = blob_of(key, &length);
    bool same = false;
    if (c && k) {
        size_t numbers = after_string(k, length, 0), at = after_string(c, whole, after_string(c, whole, 0));
        same = numbers < length && at < whole && whole - at > length - numbers &&
               memcmp(c + at, k + numbers, length - numbers) == 0;
    }
    free(c);
    free(k);
    return same;
}

/* What the configuration names: certificates before the keys they are for, as ssh offers them. */
static size_t collect_wanted(const struct resolved *c, struct agent_key *wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < c->certificates.count; i++)
        add_blob(wanted, &count, certificate_in(c->certificates.items[i]));
    for (size_t i = 0; i < c->identities.count; i++) {
        char path[1100];
        snprintf(path, sizeof path, "%s-cert.pub", c->identities.items[i]);
        add_blob(wanted, &count, certificate_in(path));
        add_blob(wanted, &count, public_of(c->identities.items[i]));
    }
    return count;
}

/* ---- the agent ---- */

static int step_agent(struct hop *hop, void *unused)
{
    (void)unused;
    return ssh_userauth_agent(hop->session, NULL);
}

const char *auth_agent_path(const struct hop *hop)
{
    const char *path = hop->config.agent;
    if (!path || strcasecmp(path, "SSH_AUTH_SOCK") == 0)
        path = getenv("SSH_AUTH_SOCK");
    return path && *path && strcasecmp(path, "none") != 0 ? path : NULL;
}

enum auth_end auth_agent(struct hop *hop, struct err *err)
{
    const char *path = auth_agent_path(hop);
    if (!path)
        return AUTH_GO_ON;
    struct agent_key wanted[WANTED_MAX];
    struct agent *agent;
    struct err mine = {0};
    int fd, rc = SSH_AUTH_ERROR;
    const struct agent_options options = {
        .path = path, .wanted = wanted, .wanted_count = collect_wanted(&hop->config, wanted),
        .only_wanted = hop->config.identities_only, .list_ms = AGENT_LIST_MS, .sign_ms = AGENT_SIGN_MS,
        .cancel_fd = hop->options->cancel_fd};
    bool ok = agent_start(&agent, &options, &fd, &mine), called = false;
    for (size_t i = 0; i < options.wanted_count; i++)
        free((void *)wanted[i].blob);
    if (!ok) {
        auth_tried(hop, "agent (%s)", mine.why[0] ? mine.why : mine.message);
        return AUTH_GO_ON;
    }
    if (ssh_set_agent_socket(hop->session, fd) == SSH_OK)
        called = auth_call(hop, step_agent, NULL, &rc, err);
    struct str said = {0};
    agent_end(agent, &said);
    auth_tried(hop, "agent (%s)", str_text(&said));
    str_free(&said);
    return called ? auth_end_of(hop, rc, err) : AUTH_STOP;
}

/* ---- key files ---- */

struct unlock { bool asked; const struct secret *passphrase; };

/* libssh asks for the passphrase: so there is one. */
static int on_passphrase(const char *prompt, char *buffer, size_t size, int echo, int verify, void *with)
{
    struct unlock *unlock = with;
    (void)prompt;
    (void)echo;
    (void)verify;
    unlock->asked = true;
    if (!unlock->passphrase || secret_length(unlock->passphrase) >= size)
        return -1;
    memcpy(buffer, secret_text(unlock->passphrase), secret_length(unlock->passphrase) + 1);
    return 0;
}

static ssh_key load(const char *path, struct unlock *unlock)
{
    ssh_key key = NULL;
    return ssh_pki_import_privkey_file(path, NULL, on_passphrase, unlock, &key) == SSH_OK ? key : NULL;
}

static int step_try(struct hop *hop, void *key) { return ssh_userauth_try_publickey(hop->session, NULL, key); }
static int step_key(struct hop *hop, void *key) { return ssh_userauth_publickey(hop->session, NULL, key); }

/* Asks for the passphrase, but only of a key that the server would accept. */
static enum auth_end unlock_key(struct hop *hop, const char *path, ssh_key *key, struct err *err)
{
    ssh_key half = public_of(path);
    int rc = SSH_AUTH_SUCCESS;
    bool called = !half || auth_call(hop, step_try, half, &rc, err);
    ssh_key_free(half);
    if (!called)
        return AUTH_STOP;
    if (rc != SSH_AUTH_SUCCESS) {
        auth_tried(hop, "%s (not accepted)", path);
        return auth_end_of(hop, rc, err);
    }
    if (!hop->options->ask || hop->config.batch) {
        auth_tried(hop, "%s (has a passphrase, and nobody can be asked)", path);
        return AUTH_GO_ON;
    }
    char shown[300], text[400];
    text_visible_buf(shown, sizeof shown, path);
    for (int tries = 0; !*key && tries < PASSPHRASE_TRIES; tries++) {
        struct unlock unlock = {0};
        struct secret *secret = NULL;
        snprintf(text, sizeof text, "%sPassphrase of %s", tries ? "That was not it. " : "", shown);
        if (!auth_ask(hop, TUNNEL_ASK_SECRET, "SSH key", text, &secret, NULL, 0, err))
            return AUTH_STOP;
        unlock.passphrase = secret;
        *key = load(path, &unlock);
        secret_free(secret);
    }
    if (!*key)
        auth_tried(hop, "%s (wrong passphrase)", path);
    return *key ? AUTH_DONE : AUTH_GO_ON;
}

/* The certificate that is for this key, if one is named or lies beside it. */
static ssh_key certificate_for(const struct resolved *c, const char *path, ssh_key key)
{
    char beside[1100];
    snprintf(beside, sizeof beside, "%s-cert.pub", path);
    for (size_t i = 0; i <= c->certificates.count; i++) {
        ssh_key certificate = certificate_in(i < c->certificates.count ? c->certificates.items[i] : beside);
        if (is_certificate_of(certificate, key))
            return certificate;
        ssh_key_free(certificate);
    }
    return NULL;
}

static enum auth_end offer(struct hop *hop, const char *path, ssh_key key, const char *what, struct err *err)
{
    int rc;
    if (!auth_call(hop, step_key, key, &rc, err))
        return AUTH_STOP;
    auth_tried(hop, rc == SSH_AUTH_SUCCESS || rc == SSH_AUTH_PARTIAL ? "%s%s" : "%s%s (not accepted)", path, what);
    return auth_end_of(hop, rc, err);
}

static enum auth_end offer_with_certificate(struct hop *hop, const char *path, ssh_key key, struct err *err)
{
    ssh_key certificate = certificate_for(&hop->config, path, key), both = NULL;
    enum auth_end end = AUTH_GO_ON;
    if (certificate && (both = ssh_key_dup(key)) && ssh_pki_copy_cert_to_privkey(certificate, both) == SSH_OK)
        end = offer(hop, path, both, " with its certificate", err);
    ssh_key_free(both);
    ssh_key_free(certificate);
    return end == AUTH_GO_ON ? offer(hop, path, key, "", err) : end;
}

/* A key that others may read is no secret; ssh does not use one either. */
static bool is_private(struct hop *hop, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT)
            auth_tried(hop, "%s (%s)", path, strerror(errno));
        return false;
    }
    if (st.st_uid == geteuid() && (st.st_mode & 077)) {
        auth_tried(hop, "%s (others may read it: chmod 600)", path);
        return false;
    }
    return S_ISREG(st.st_mode);
}

static enum auth_end try_file(struct hop *hop, const char *path, struct err *err)
{
    if (!is_private(hop, path))
        return AUTH_GO_ON;
    struct unlock unlock = {0};
    ssh_key key = load(path, &unlock);
    enum auth_end end = AUTH_GO_ON;
    if (!key && unlock.asked)
        end = unlock_key(hop, path, &key, err);
    else if (!key)
        auth_tried(hop, "%s (cannot be read as a key)", path);
    if (key)
        end = offer_with_certificate(hop, path, key, err);
    ssh_key_free(key);
    return end;
}

/* After a first refusal the server has said what it accepts. */
static bool takes_keys(const struct hop *hop)
{
    int bits = ssh_userauth_list(hop->session, NULL);
    return bits == 0 || (bits & SSH_AUTH_METHOD_PUBLICKEY);
}

enum auth_end auth_files(struct hop *hop, struct err *err)
{
    enum auth_end end = AUTH_GO_ON;
    for (size_t i = 0; end == AUTH_GO_ON && i < hop->config.identities.count && takes_keys(hop); i++)
        end = try_file(hop, hop->config.identities.items[i], err);
    return end;
}
