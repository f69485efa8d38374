/* hostkey - strict, and the same whatever StrictHostKeyChecking says: a known key is the one, a changed or revoked one
 * is refused without a way around, and an unknown one wants the word "yes" (or accept-new). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tunnel/hop.h"
#include "tunnel/known.h"

enum { PRINT_SIZE = 128 };

struct algorithm { enum ssh_keytypes_e type; const char *name; };

static const struct algorithm algorithms[] = {
    {SSH_KEYTYPE_ED25519, "ssh-ed25519"},
    {SSH_KEYTYPE_ECDSA_P256, "ecdsa-sha2-nistp256"},
    {SSH_KEYTYPE_ECDSA_P384, "ecdsa-sha2-nistp384"},
    {SSH_KEYTYPE_ECDSA_P521, "ecdsa-sha2-nistp521"},
    {SSH_KEYTYPE_RSA, "rsa-sha2-512"},
    {SSH_KEYTYPE_RSA, "rsa-sha2-256"},
};

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

/* Entries under the very name, or (only if there are none) those under the name without its port. */
static bool counts(const struct known *known, const struct known_entry *entry)
{
    if (entry->mark != KNOWN_PLAIN || !entry->portless)
        return entry->mark == KNOWN_PLAIN;
    for (size_t i = 0; i < known->count; i++)
        if (known->entries[i].mark == KNOWN_PLAIN && !known->entries[i].portless)
            return false;
    return true;
}

static bool is_stored(const struct known *known, enum ssh_keytypes_e type)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->entries[i].mark == KNOWN_PLAIN && !known->entries[i].portless &&
            ssh_key_type(known->entries[i].key) == type)
            return true;
    return false;
}

/* Only types that are stored are asked for, else a server's new key of another type would look like a stranger's. */
bool hostkey_prepare(struct hop *hop, struct err *err)
{
    const char *allowed = hop->config.host_key_algorithms;
    struct known known;
    struct str list = {0};
    bool ok = known_read(&known, &hop->config, err);
    for (int stored = 1; ok && stored >= 0 && !list.length; stored--)
        for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
            if ((!stored || is_stored(&known, algorithms[i].type)) &&
                (!allowed || has_word(allowed, algorithms[i].name)))
                str_printf(&list, "%s%s", list.length ? "," : "", algorithms[i].name);
    if (ok && (!list.length || ssh_options_set(hop->session, SSH_OPTIONS_HOSTKEYS, list.text) != SSH_OK)) {
        ok = err_set(err, ERR_CONFIG, "HostKeyAlgorithms of ~/.ssh/config leaves nothing that is known here for %s",
                     hop->name);
        err_hint(err, "add ssh-ed25519 or another current type");
    }
    str_free(&list);
    known_free(&known);
    return ok;
}

static void print_key(ssh_key key, char out[PRINT_SIZE])
{
    unsigned char *hash = NULL;
    size_t length = 0;
    char *text = NULL;
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) == 0)
        text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
    snprintf(out, PRINT_SIZE, "%s %s", ssh_key_type_to_char(ssh_key_type(key)), text ? text : "without a fingerprint");
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
}

static const struct known_entry *find(const struct known *known, enum known_mark mark, ssh_key key)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct known_entry *e = &known->entries[i];
        if (e->mark == mark && (mark != KNOWN_PLAIN || counts(known, e)) &&
            (!key || ssh_key_cmp(e->key, key, SSH_KEY_CMP_PUBLIC) == 0))
            return e;
    }
    return NULL;
}

static bool refuse_revoked(struct hop *hop, const struct known_entry *entry, const char *print, struct err *err)
{
    err_set(err, ERR_NEVER_READY, "the key of the SSH server %s is revoked", hop->name);
    err_why(err, "it shows %s, which %s:%u marks @revoked", print, entry->file, entry->line);
    err_hint(err, "do not connect; ask who runs the server");
    return err_at(err, entry->file, entry->line, 0);
}

static bool refuse_changed(struct hop *hop, const struct known_entry *entry, const char *print, struct err *err)
{
    char stored[PRINT_SIZE];
    print_key(entry->key, stored);
    err_set(err, ERR_NEVER_READY, "the key of the SSH server %s has changed", hop->name);
    err_why(err, "known since before is %s (%s:%u); it shows %s. Somebody may be in between, or the server was set up "
                 "anew", stored, entry->file, entry->line, print);
    err_hint(err, "ask who runs it; only if the new one is right: ssh-keygen -f %s -R '%s'", entry->file,
             hop->config.known_name);
    return err_at(err, entry->file, entry->line, 0);
}

static bool keep(struct hop *hop, ssh_key key, const char *print, const char *how)
{
    struct err err = {0};
    if (known_store(&hop->config, key, &err))
        hop_phase(hop, "host key", "%s, %s, stored in %s", print, how, hop->config.user_known_hosts.items[0]);
    else
        hop_phase(hop, "host key", "%s, %s, not stored: %s%s%s", print, how, err.message, err.why[0] ? ": " : "",
                  err.why);
    return true;
}

static bool unknown_and_nobody(struct hop *hop, const char *print, bool authority, struct err *err)
{
    err_set(err, ERR_NEVER_READY, "the SSH server %s is not known", hop->name);
    err_why(err, "it shows %s%s", print,
            authority ? "; known_hosts has an authority for it (@cert-authority), and host certificates are not "
                        "supported" : "");
    return err_hint(err, "compare the key with the server's, then connect once with ssh %s", hop->config.asked);
}

static bool ask(struct hop *hop, ssh_key key, const char *print, bool authority, struct err *err)
{
    const struct tunnel_options *o = hop->options;
    bool yes = false;
    const char *strict = hop->config.strict ? hop->config.strict : "ask";
    if (!o->ask || hop->config.batch || strcasecmp(strict, "yes") == 0 || strcasecmp(strict, "true") == 0)
        return unknown_and_nobody(hop, print, authority, err);
    struct str text = {0};
    str_printf(&text, "The server %s (%s) is not known yet.\nIt shows the key %s.\n%sAccept it only if this is the key "
                      "that the server's administrator names. It is then stored in %s.",
               hop->name, hop->config.known_name, print,
               authority ? "known_hosts has an authority for it (@cert-authority); host certificates are not supported "
                           "here.\n" : "",
               hop->config.user_known_hosts.count ? hop->config.user_known_hosts.items[0] : "no file");
    const struct tunnel_question question = {TUNNEL_ASK_YES, "Unknown SSH server", text.text};
    bool ok = o->ask(o->asker, &question, &yes, NULL, NULL, 0, err);
    str_free(&text);
    if (!ok)
        return false;
    if (!yes) {
        err_set(err, ERR_NEVER_READY, "the key of the SSH server %s was not accepted", hop->name);
        return err_why(err, "it shows %s", print);
    }
    return keep(hop, key, print, "accepted by the operator");
}

static bool judge(struct hop *hop, const struct known *known, ssh_key key, struct err *err)
{
    char print[PRINT_SIZE];
    print_key(key, print);
    const struct known_entry *entry = find(known, KNOWN_REVOKED, key);
    if (entry)
        return refuse_revoked(hop, entry, print, err);
    if (!known_not_revoked(&hop->config, key, err))
        return false;
    if ((entry = find(known, KNOWN_PLAIN, key))) {
        hop_phase(hop, "host key", "%s, known (%s:%u)", print, entry->file, entry->line);
        return true;
    }
    if ((entry = find(known, KNOWN_PLAIN, NULL)) && !entry->portless)
        return refuse_changed(hop, entry, print, err);
    if (hop->config.strict && strcasecmp(hop->config.strict, "accept-new") == 0)
        return keep(hop, key, print, "accepted by StrictHostKeyChecking accept-new");
    return ask(hop, key, print, find(known, KNOWN_AUTHORITY, NULL) != NULL, err);
}

bool hostkey_check(struct hop *hop, struct err *err)
{
    ssh_key key = NULL;
    struct known known;
    bool ok = known_read(&known, &hop->config, err);
    if (ok && ssh_get_server_publickey(hop->session, &key) != SSH_OK)
        ok = err_set(err, ERR_GENERAL, "the SSH server %s showed no key", hop->name);
    ok = ok && judge(hop, &known, key, err);
    ssh_key_free(key);
    known_free(&known);
    return ok;
}
