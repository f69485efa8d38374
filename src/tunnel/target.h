/* target - the name of an SSH server as it is written, and the %-tokens that ssh_config knows. Names come from a
 * configuration file that a repository brings along, and some end in a shell: what is no name is refused. */
#ifndef SEEDOPS_TUNNEL_TARGET_H
#define SEEDOPS_TUNNEL_TARGET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct target {
    const char *user, *port;         /* NULL: as the configuration has it */
    const char *host;                /* without brackets */
};

/* user@host:port, host, [v6]:port, ssh://user@host:port. In the arena. */
bool target_parse(struct target *target, struct arena *arena, const char *text, struct err *err);
bool target_is_host(const char *text);
bool target_is_user(const char *text);
bool target_is_port(const char *text);
/* "host" or "[host]:port", as known_hosts has it. */
const char *target_known_name(struct arena *arena, const char *host, const char *port);

struct target_tokens {
    const char *asked, *host, *port, *user;   /* %n %h %p %r */
    const char *alias;                        /* %k */
    const char *home;                         /* %d, and ~ */
};
/* ~, ${NAME} and %-tokens of a path; `command`: of a shell line, where only %-tokens are. NULL with `err`: it has a
 * token that we do not know. */
const char *target_expand(struct arena *arena, const char *text, const struct target_tokens *tokens, bool command,
                          struct err *err);

#endif
