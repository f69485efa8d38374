/* wait - for a descriptor, with a deadline and a cancel. */
#ifndef SEEDOPS_BASE_WAIT_H
#define SEEDOPS_BASE_WAIT_H

#include <poll.h>
#include <stdint.h>

enum wait_end { WAIT_IO, WAIT_TIMEOUT, WAIT_CANCEL };
/* `events` as poll has them. Monotonic deadline, < 0: none; cancel_fd -1: none. A cancel goes before I/O. */
enum wait_end wait_for(int fd, short events, int cancel_fd, int64_t deadline);

#endif
