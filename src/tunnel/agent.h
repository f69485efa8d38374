/* agent - a relay between libssh and the SSH agent. libssh waits for an agent without end and offers every key it
 * has; the relay has a deadline, hands on the configured keys first, and no others where IdentitiesOnly says so. */
#ifndef SEEDOPS_TUNNEL_AGENT_H
#define SEEDOPS_TUNNEL_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct agent;

struct agent_key { const void *blob; size_t length; };   /* the public key as SSH sends it */

struct agent_options {
    const char *path;                /* of the agent's socket */
    const struct agent_key *wanted;  /* copied; these first, in this order */
    size_t wanted_count;
    bool only_wanted;
    int list_ms, sign_ms;            /* deadlines of an answer */
    int cancel_fd;
};

/* Connects and starts the relay's thread. *fd is libssh's end: given. */
bool agent_start(struct agent **agent, const struct agent_options *options, int *fd, struct err *err);
/* Ends the thread. Appends what there is to say of it ("2 keys", "did not answer within 5 s"). */
void agent_end(struct agent *agent, struct str *said);
/* The list of keys in an SSH_AGENT_IDENTITIES_ANSWER (the frame without its length), filtered and put in order, as a
 * frame of the same kind; *kept how many. False: it is no such answer. */
bool agent_filter(const unsigned char *frame, size_t length, const struct agent_options *options, struct str *out,
                  size_t *kept);

#endif
