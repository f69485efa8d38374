/* listener - any local user can knock at a port of loopback, so each connection is looked up: the socket at its other
 * end has to be one of our own process. */
#include "tunnel/listener.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 32 };

static bool open_tcp(struct listener *l, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&address, size) != 0 || listen(l->fd, BACKLOG) != 0 ||
        getsockname(l->fd, (struct sockaddr *)&address, &size) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot listen on 127.0.0.1 for the tunnel");
    snprintf(l->address, sizeof l->address, "127.0.0.1");
    snprintf(l->port, sizeof l->port, "%u", (unsigned)ntohs(address.sin_port));
    l->end = (struct tunnel_end){.hostaddr = l->address, .port = l->port};
    return true;
}

/* Where a directory can be made whose sockets' names stay under the system's limit. */
static bool make_directory(struct listener *l, struct err *err)
{
    const char *const bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        if (!bases[i] || bases[i][0] != '/' || strlen(bases[i]) > 60)
            continue;
        snprintf(l->dir, sizeof l->dir, "%s/seedops-XXXXXX", bases[i]);
        if (mkdtemp(l->dir))
            return true;
    }
    l->dir[0] = '\0';
    return err_errno(err, ERR_GENERAL, errno, "cannot make a directory for the tunnel's socket");
}

static bool open_unix(struct listener *l, const char *port, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!make_directory(l, err))
        return false;
    snprintf(l->port, sizeof l->port, "%s", port);
    snprintf(l->path, sizeof l->path, "%.90s/.s.PGSQL.%s", l->dir, l->port);
    memcpy(address.sun_path, l->path, sizeof l->path);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(l->fd, BACKLOG) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot listen at %s", l->path);
    l->end = (struct tunnel_end){.socket_dir = l->dir, .port = l->port};
    return true;
}

bool listener_open(struct listener *listener, const char *unix_port, struct err *err)
{
    *listener = (struct listener){.fd = -1};
    bool ok = unix_port ? open_unix(listener, unix_port, err) : open_tcp(listener, err);
    if (!ok)
        listener_close(listener);
    return ok;
}

/* Inode and owner of the socket at `from` that is connected to `to`; both as the kernel prints addresses. */
static bool find_socket(const struct sockaddr_in *from, const struct sockaddr_in *to, uintmax_t *inode, uid_t *uid)
{
    FILE *table = fopen("/proc/thread-self/net/tcp", "re");
    char line[512], wanted[64];
    bool found = false;
    snprintf(wanted, sizeof wanted, " %08" PRIX32 ":%04X %08" PRIX32 ":%04X ", from->sin_addr.s_addr,
             (unsigned)ntohs(from->sin_port), to->sin_addr.s_addr, (unsigned)ntohs(to->sin_port));
    while (table && !found && fgets(line, sizeof line, table)) {
        unsigned owner;
        char *at = strstr(line, wanted);
        /* then: st tx:rx tr:when retransmits uid timeout inode */
        found = at && sscanf(at + strlen(wanted), "%*x %*x:%*x %*x:%*x %*x %u %*u %ju", &owner, inode) == 2;
        if (found)
            *uid = owner;
    }
    if (table)
        fclose(table);
    return found;
}

static bool is_open_here(uintmax_t inode)
{
    DIR *fds = opendir("/proc/self/fd");
    bool found = false;
    for (struct dirent *entry; fds && !found && (entry = readdir(fds));) {
        struct stat st;
        found = fstatat(dirfd(fds), entry->d_name, &st, 0) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == inode;
    }
    if (fds)
        closedir(fds);
    return found;
}

static bool is_ours_tcp(int fd, struct err *err)
{
    struct sockaddr_in here = {0}, there = {0};
    socklen_t here_size = sizeof here, there_size = sizeof there;
    uintmax_t inode = 0;
    uid_t uid = 0;
    if (getsockname(fd, (struct sockaddr *)&here, &here_size) != 0 ||
        getpeername(fd, (struct sockaddr *)&there, &there_size) != 0)
        return err_errno(err, ERR_REFUSED, errno, "a connection to the tunnel was gone at once");
    if (!find_socket(&there, &here, &inode, &uid)) {
        err_set(err, ERR_GENERAL, "a connection to the tunnel was refused");
        return err_why(err, "the kernel does not say whose it is (/proc/net/tcp)");
    }
    if (uid != geteuid() || !is_open_here(inode)) {
        err_set(err, ERR_REFUSED, "somebody else knocked at the tunnel and was refused");
        return err_why(err, uid != geteuid() ? "a process of the user with uid %u" : "another process of uid %u",
                       (unsigned)uid);
    }
    return true;
}

static bool is_ours_unix(int fd, struct err *err)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return err_errno(err, ERR_REFUSED, errno, "a connection to the tunnel was refused");
    if (peer.uid != geteuid() || peer.pid != getpid()) {
        err_set(err, ERR_REFUSED, "somebody else knocked at the tunnel and was refused");
        return err_why(err, "process %ld of uid %u", (long)peer.pid, (unsigned)peer.uid);
    }
    return true;
}

bool listener_accept(struct listener *listener, int *fd, struct err *err)
{
    *fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (*fd < 0) {
        err_clear(err);
        return false;
    }
    if (listener->end.socket_dir ? is_ours_unix(*fd, err) : is_ours_tcp(*fd, err))
        return true;
    close(*fd);
    return false;
}

void listener_stop(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

void listener_close(struct listener *listener)
{
    listener_stop(listener);
    if (listener->path[0])
        unlink(listener->path);
    if (listener->dir[0])
        rmdir(listener->dir);
    *listener = (struct listener){.fd = -1};
}
