/* listener - where libpq goes in: loopback TCP or a Unix socket in a directory of ours, for this process alone. */
#ifndef SEEDOPS_TUNNEL_LISTENER_H
#define SEEDOPS_TUNNEL_LISTENER_H

#include <stdbool.h>

#include "base/err.h"
#include "tunnel/tunnel.h"

struct listener {
    int fd;
    char address[16], port[8], dir[100], path[108];
    struct tunnel_end end;           /* borrows from here */
};

/* `unix_port` NULL: TCP; else a Unix socket whose name has that port. */
bool listener_open(struct listener *listener, const char *unix_port, struct err *err);
/* The next connection, non-blocking. False with `err`: it was closed, because it came from somewhere else (ERR_REFUSED)
 * or nobody can say from where (ERR_GENERAL). False without (ERR_NONE): nobody was there after all. */
bool listener_accept(struct listener *listener, int *fd, struct err *err);
void listener_stop(struct listener *listener);    /* lets nobody in any more */
void listener_close(struct listener *listener);

#endif
