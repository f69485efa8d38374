/* dial - a connected socket: straight, through a ProxyCommand, or through the session of a jump host. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/helper.h"
#include "base/spawn.h"
#include "base/wait.h"
#include "tunnel/carrier.h"
#include "tunnel/hop.h"

enum { SILENT_MS = 45000 };          /* sent and not acknowledged: the kernel gives up */

struct lookup {
    char *host, *port, *bind_address;
    int family;
    struct addrinfo *found, *from;
    int failed, errnum;
};

static void look_up(void *job)
{
    struct lookup *l = job;
    struct addrinfo hints = {.ai_family = l->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    l->failed = getaddrinfo(l->host, l->port, &hints, &l->found);
    l->errnum = errno;
    if (!l->failed && l->bind_address)
        (void)getaddrinfo(l->bind_address, NULL, &hints, &l->from);
}

static void drop(void *job)
{
    struct lookup *l = job;
    if (l->found)
        freeaddrinfo(l->found);
    if (l->from)
        freeaddrinfo(l->from);
    free(l->host);
    free(l->port);
    free(l->bind_address);
    free(l);
}

static int family_of(const char *word)
{
    if (word && strcasecmp(word, "inet") == 0)
        return AF_INET;
    return word && strcasecmp(word, "inet6") == 0 ? AF_INET6 : AF_UNSPEC;
}

static bool wait_for_lookup(struct hop *hop, struct helper *helper, struct lookup *l, int64_t deadline, struct err *err)
{
    switch (wait_for(helper_fd(helper), POLLIN, hop->options->cancel_fd, deadline)) {
    case WAIT_CANCEL:
        return err_set(err, ERR_CANCELLED, "cancelled while resolving %s", hop->config.host);
    case WAIT_TIMEOUT:
        err_set(err, ERR_NOT_READY, "cannot resolve the SSH server's name %s", hop->config.host);
        return err_why(err, "the name server did not answer in time");
    case WAIT_IO:
        break;
    }
    if (!helper_finished(helper))
        return err_set(err, ERR_GENERAL, "cannot watch the thread that resolves the host name");
    if (!l->failed)
        return true;
    err_set(err, ERR_NOT_READY, "cannot resolve the SSH server's name %s", hop->config.host);
    err_why(err, "%s", l->failed == EAI_SYSTEM ? strerror(l->errnum) : gai_strerror(l->failed));
    return err_hint(err, "check the spelling, or give it a HostName in ~/.ssh/config");
}

/* One address; *errnum says why not. */
static int try_address(struct hop *hop, const struct addrinfo *a, const struct addrinfo *from, int64_t deadline,
                       int *errnum, struct err *err)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof *errnum;
    bool ok = fd >= 0 && (!from || bind(fd, from->ai_addr, from->ai_addrlen) == 0);
    *errnum = errno;
    if (ok && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        *errnum = errno;
        ok = errno == EINPROGRESS;
        if (ok) {
            enum wait_end end = wait_for(fd, POLLOUT, hop->options->cancel_fd, deadline);
            *errnum = ETIMEDOUT;
            if (end == WAIT_CANCEL)
                err_set(err, ERR_CANCELLED, "cancelled while connecting to %s", hop->name);
            ok = end == WAIT_IO && getsockopt(fd, SOL_SOCKET, SO_ERROR, errnum, &size) == 0 && *errnum == 0;
        }
    }
    if (ok)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void tune(int fd)
{
    int on = 1;
    unsigned silent = SILENT_MS;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent, sizeof silent);
}

static bool dial_straight(struct hop *hop, int *fd, struct err *err)
{
    struct lookup *l = xcalloc(1, sizeof *l);
    struct helper *helper = NULL;
    int64_t deadline = hop_deadline(hop);
    *l = (struct lookup){.host = xstrdup(hop->config.host), .port = xstrdup(hop->config.port),
                         .bind_address = xstrdup(hop->config.bind_address), .family = family_of(hop->config.family)};
    if (!helper_start(&helper, look_up, drop, l))
        return err_set(err, ERR_GENERAL, "cannot start a thread to resolve the host name");
    bool ok = wait_for_lookup(hop, helper, l, deadline, err);
    int errnum = 0;
    *fd = -1;
    err->class = ok ? ERR_NONE : err->class;
    for (const struct addrinfo *a = ok ? l->found : NULL; a && *fd < 0 && err->class != ERR_CANCELLED; a = a->ai_next)
        *fd = try_address(hop, a, l->from, deadline, &errnum, err);
    if (ok && *fd < 0 && err->class != ERR_CANCELLED) {
        err_errno(err, ERR_NOT_READY, errnum, "cannot reach the SSH server %s", hop->name);
        err_hint(err, "check the way there: ssh %s", hop->config.asked);
    }
    helper_release(helper);
    if (*fd >= 0)
        tune(*fd);
    return *fd >= 0;
}

/* Without a terminal (spawn sees to that) and without askpass: it cannot ask, and its complaints are kept. */
static bool dial_proxy(struct hop *hop, int *fd, struct err *err)
{
    const struct resolved *c = &hop->config;
    const struct target_tokens tokens = {c->asked, c->host, c->port, c->user, c->key_alias, c->home};
    const char *line = target_expand(&hop->config.arena, c->proxy_command, &tokens, true, err);
    if (!line)
        return false;
    line = arena_printf(&hop->config.arena, "SSH_ASKPASS_REQUIRE=never; export SSH_ASKPASS_REQUIRE; exec %s", line);
    return spawn_start(&hop->proxy, line, fd, err);
}

bool hop_dial(struct hop *hop, int *fd, struct err *err)
{
    if (hop->via) {
        *fd = carrier_socket(hop->via);
        return true;
    }
    return hop->config.proxy_command ? dial_proxy(hop, fd, err) : dial_straight(hop, fd, err);
}
