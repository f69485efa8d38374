/* peer - what this machine itself knows of a connection: both socket ends, the process behind a Unix socket,
 * container networks. Needs /proc and getifaddrs; what cannot be found out stays unknown, never good news. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "db/identity.h"
#include "db/internal.h"

struct address { int family; unsigned char bytes[16]; };   /* IPv4 in IPv6 is read as IPv4 */

static bool address_of(const struct sockaddr *from, struct address *out)
{
    *out = (struct address){.family = from ? from->sa_family : AF_UNSPEC};
    if (out->family == AF_INET) {
        memcpy(out->bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
        return true;
    }
    if (out->family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)from)->sin6_addr;
    bool mapped = IN6_IS_ADDR_V4MAPPED(v6);
    out->family = mapped ? AF_INET : AF_INET6;
    memcpy(out->bytes, mapped ? &v6->s6_addr[12] : v6->s6_addr, mapped ? 4 : 16);
    return true;
}

static bool address_parse(const char *text, struct address *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_of((struct sockaddr *)&v4, out);
    return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 && address_of((struct sockaddr *)&v6, out);
}

static bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static void read_own_end(int fd, struct db_peer *peer)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    struct address address;
    if (getsockname(fd, (struct sockaddr *)&own, &length) != 0 ||
        !address_of((struct sockaddr *)&own, &address))
        return;
    inet_ntop(address.family, address.bytes, peer->own_address, sizeof peer->own_address);
    peer->own_port = ntohs(own.ss_family == AF_INET ? ((struct sockaddr_in *)&own)->sin_port
                                                    : ((struct sockaddr_in6 *)&own)->sin6_port);
}

/* The process that was listening when we connected: a server, or a forwarder. */
static void read_peer_process(int fd, struct db_peer *peer)
{
#ifdef SO_PEERCRED
    struct ucred credentials = {0};
    socklen_t length = sizeof credentials;
    char path[64];
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0 || credentials.pid <= 0)
        return;
    peer->peer_pid = credentials.pid;
    snprintf(path, sizeof path, "/proc/%d/comm", (int)credentials.pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(peer->peer_program, sizeof peer->peer_program, file))
        peer->peer_program[strcspn(peer->peer_program, "\n")] = '\0';
    fclose(file);
#else
    (void)fd;
    (void)peer;
#endif
}

/* Bridges as docker, podman, nerdctl, LXD and Incus name theirs. */
static bool is_container_bridge(const char *name)
{
    static const char *const prefixes[] = {"docker", "br-", "podman", "cni-", "nerdctl",
                                           "lxcbr", "lxdbr", "incusbr"};
    char path[64 + IF_NAMESIZE];
    snprintf(path, sizeof path, "/sys/class/net/%s/bridge", name);
    if (access(path, F_OK) != 0)
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool same_network(const struct address *a, const struct address *b, const struct address *mask)
{
    if (a->family != b->family || a->family != mask->family)
        return false;
    for (size_t i = 0; i < sizeof a->bytes; i++)
        if ((a->bytes[i] & mask->bytes[i]) != (b->bytes[i] & mask->bytes[i]))
            return false;
    return true;
}

static bool on_container_bridge(const struct address *server)
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        struct address own, mask;
        found = address_of(i->ifa_addr, &own) && address_of(i->ifa_netmask, &mask) &&
                is_container_bridge(i->ifa_name) && same_network(server, &own, &mask);
    }
    freeifaddrs(all);
    return found;
}

/* "0100007F" as /proc/net/tcp prints it: 32-bit words in the machine's own order. */
static bool address_from_proc(const char *hex, size_t digits, struct address *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    uint32_t words[4];
    if (digits != 8 && digits != 32)
        return false;
    for (size_t i = 0; i < digits / 8; i++) {
        char word[9] = "";
        memcpy(word, hex + 8 * i, 8);
        words[i] = (uint32_t)strtoul(word, NULL, 16);
    }
    memcpy(digits == 8 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, words, digits / 2);
    return address_of(digits == 8 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, out);
}

static bool is_socket(const char *line, const struct address *own, int own_port, const struct address *other)
{
    char local[33], remote[33];
    unsigned local_port, remote_port;
    struct address a, b;
    int read = sscanf(line, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x", local, &local_port, remote, &remote_port);
    return read == 4 && local_port == (unsigned)own_port && address_from_proc(local, strlen(local), &a) &&
           address_from_proc(remote, strlen(remote), &b) && address_equal(&a, own) && address_equal(&b, other);
}

/* Has this machine a socket from `own`:port to `other`? A container's proxy has one; the far end of a tunnel,
 * on another machine, has not. */
static bool have_socket(const struct address *own, int port, const struct address *other)
{
    static const char *const files[] = {"/proc/self/net/tcp", "/proc/self/net/tcp6"};
    char line[512];
    bool found = false;
    for (size_t i = 0; i < sizeof files / sizeof *files && !found; i++) {
        FILE *file = fopen(files[i], "re");
        while (file && !found && fgets(line, sizeof line, file))
            found = is_socket(line, own, port, other);
        if (file)
            fclose(file);
    }
    return found;
}

void db_peer_read(const struct db *db, const struct db_identity *identity, struct db_peer *peer)
{
    struct address server, client;
    *peer = (struct db_peer){.loopback = db->all_loopback};
    if (!db_alive(db))
        return;
    if (db->facts.unix_socket)
        read_peer_process(PQsocket(db->pg), peer);
    else
        read_own_end(PQsocket(db->pg), peer);
    peer->container_network = address_parse(identity->server_address, &server) &&
                              address_parse(identity->client_address, &client) &&
                              on_container_bridge(&server) &&
                              have_socket(&client, identity->client_port, &server);
}
