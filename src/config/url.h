/* url - database URLs as people have them (case B2): postgres://, postgresql://, or a keyword=value string.
 *
 * Percent-encoding, IPv6, several hosts, Unix sockets, passwords with '@'. Parameters that other clients
 * own (schema, pgbouncer, connection_limit, pool_timeout, sslaccept, ...) are set aside with a note; ones
 * nobody knows are an error naming the nearest. */
#ifndef SEEDOPS_CONFIG_URL_H
#define SEEDOPS_CONFIG_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"

struct url {
    const char **keywords, **values;   /* libpq's, without the password */
    size_t count;
    struct secret *password;           /* NULL: none given; url_free */
    const char *host, *port, *database, *user;   /* first host; "" when not given */
    const char *schema;                /* Prisma's schema=, or NULL */
    bool pooled_hint;                  /* pgbouncer=true, port 6543, or "-pooler." in the host's name */
    const char **notes;                /* one sentence each: what was set aside and why */
    size_t note_count;
};

/* Everything but the password lives in `arena`. Errors never repeat the URL, only the part that is wrong,
 * redacted. */
bool url_parse(struct url *url, struct arena *arena, const char *text, struct err *err);
void url_free(struct url *url);
/* `from`, but another database of the same server. The lists in `arena`; everything else, the password too, is still
 * `from`'s, and `database` is borrowed. */
void url_with_database(struct url *url, const struct url *from, struct arena *arena, const char *database);
/* "user@host:port/database", over a Unix socket "database on /run/x:port as user" (what is not given is left
 * out): what screens, logs and journals show. */
const char *url_redacted(const struct url *url, struct arena *arena);
/* Overwrites the password in `text` (an argv element) with '*'; true if there was one. */
bool url_wipe(char *text);

#endif
