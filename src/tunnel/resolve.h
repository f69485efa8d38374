/* resolve - what ssh_config says of a host, as OpenSSH itself reads it (`ssh -G`): Include, Match, defaults and all. */
#ifndef SEEDOPS_TUNNEL_RESOLVE_H
#define SEEDOPS_TUNNEL_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "tunnel/target.h"

struct resolve_list { const char **items; size_t count; };

struct resolved {
    struct arena arena;              /* all texts below */
    const char *asked;               /* as it was written */
    const char *host, *user, *port;
    const char *known_name;          /* the name that known_hosts has it under */
    const char *key_alias, *jump, *proxy_command, *agent, *bind_address, *family;
    const char *strict, *revoked_keys, *pubkey, *preferred;
    const char *ciphers, *macs, *kex, *host_key_algorithms, *pubkey_algorithms;
    struct resolve_list identities, certificates, user_known_hosts, global_known_hosts;   /* paths, expanded */
    bool identities_only, hash_known_hosts, batch, password, kbdint, compression, fdpass;
    int connect_timeout_s, alive_interval_s, alive_count, password_prompts;
    const char *ignored;             /* keywords that were not honoured, for people; NULL: none */
    const char *home;
};

/* Asks ssh, or libssh's own reader where there is no ssh. resolve_free in any case. */
bool resolve_host(struct resolved *r, const struct target *target, int cancel_fd, struct err *err);
/* The second half: the text that `ssh -G` printed. */
bool resolve_parse(struct resolved *r, const char *text, size_t length, struct err *err);
/* The third: names are checked, defaults set, paths expanded. */
bool resolve_finish(struct resolved *r, struct err *err);
void resolve_free(struct resolved *r);

#endif
