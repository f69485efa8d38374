/* proxy - a ProxyCommand: started without a terminal and without a way to ask, its standard error kept. */
#ifndef SEEDOPS_TUNNEL_PROXY_H
#define SEEDOPS_TUNNEL_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct proxy;

/* `line` for a shell, its tokens expanded. Gives the proxy, and a descriptor that is its input and output. */
bool proxy_start(struct proxy **proxy, const char *line, int *fd, struct err *err);
/* The last line it wrote to standard error; false: none. NULL is fine. */
bool proxy_complaint(struct proxy *proxy, char *out, size_t size);
/* Ends it and what it started. NULL is fine. */
void proxy_close(struct proxy *proxy);

#endif
