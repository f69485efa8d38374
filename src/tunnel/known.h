/* known - what known_hosts files hold about one server: every file of the lists, markers and hashed names included. */
#ifndef SEEDOPS_TUNNEL_KNOWN_H
#define SEEDOPS_TUNNEL_KNOWN_H

#include <libssh/libssh.h>

#include "tunnel/resolve.h"

enum known_mark { KNOWN_PLAIN, KNOWN_REVOKED, KNOWN_AUTHORITY };

struct known_entry {
    enum known_mark mark;
    const char *file;                /* borrowed from the configuration */
    unsigned line;
    ssh_key key;
    bool portless;                   /* found under the name without its port */
};

struct known {
    struct known_entry *entries;
    size_t count;
};

bool known_read(struct known *known, const struct resolved *config, struct err *err);
void known_free(struct known *known);
/* Whether RevokedHostKeys lists it. False with `err` also when that file cannot be read: then nothing is trusted. */
bool known_not_revoked(const struct resolved *config, ssh_key key, struct err *err);
/* Appends the key to the first of the user's files. */
bool known_store(const struct resolved *config, ssh_key key, struct err *err);

#endif
