/* proxy - not here yet. */
#include "tunnel/proxy.h"

bool proxy_start(struct proxy **proxy, const char *line, int *fd, struct err *err)
{
    (void)line;
    *proxy = NULL;
    *fd = -1;
    return err_set(err, ERR_CONFIG, "a ProxyCommand is not supported yet");
}

bool proxy_complaint(struct proxy *proxy, char *out, size_t size)
{
    (void)proxy;
    (void)out;
    (void)size;
    return false;
}

void proxy_close(struct proxy *proxy) { (void)proxy; }
