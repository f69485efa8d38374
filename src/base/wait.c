/* wait - poll, gone on with after a signal. */
#include "base/wait.h"

#include <errno.h>

#include "base/clock.h"

enum wait_end wait_for(int fd, short events, int cancel_fd, int64_t deadline)
{
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};
    for (;;) {
        int timeout = -1;
        if (deadline >= 0) {
            int64_t left = deadline - clock_mono_ms();
            timeout = left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
        }
        int n = poll(fds, 2, timeout);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return WAIT_IO;       /* a descriptor gone bad: let the reader find out */
        if (n > 0)
            return fds[1].revents ? WAIT_CANCEL : WAIT_IO;
        if (deadline >= 0 && clock_mono_ms() >= deadline)
            return WAIT_TIMEOUT;
    }
}
