/* outlet - a pipe, and a thread behind it that waits so that nobody else has to. */
#include "base/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"

enum { ROOM = 1 << 20, CHUNK = 4096 };

struct outlet {
    pthread_t thread;
    int target, in, out, taken;       /* in: written to by others, out: read by the thread */
    atomic_bool carrying;             /* the thread has bytes that the target has not taken */
    atomic_int holders;               /* the owner and the thread: the last one frees */
};

static void let_go(struct outlet *o)
{
    if (atomic_fetch_sub(&o->holders, 1) > 1)
        return;
    close(o->out);
    close(o->taken);
    free(o);
}

static void write_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (n < 0 && errno != EINTR)
            return;          /* a terminal that is gone is noticed by who reads from it */
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
}

static bool waiting(const struct outlet *o)
{
    int bytes = 0;
    return ioctl(o->out, FIONREAD, &bytes) == 0 && bytes > 0;
}

static void *carry(void *argument)
{
    struct outlet *o = argument;
    char bytes[CHUNK];
    for (;;) {
        struct pollfd fd = {.fd = o->out, .events = POLLIN};
        if (poll(&fd, 1, -1) < 0)
            continue;
        atomic_store(&o->carrying, true);      /* before the pipe is empty: never a moment that looks done */
        ssize_t n = read(o->out, bytes, sizeof bytes);
        if (n == 0)
            break;
        if (n > 0)
            write_all(o->target, bytes, (size_t)n);
        atomic_store(&o->carrying, false);
        uint64_t one = 1;
        if (!waiting(o) && write(o->taken, &one, sizeof one) < 0)
            break;
    }
    let_go(o);
    return NULL;
}

struct outlet *outlet_open(int fd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    struct outlet *o = xcalloc(1, sizeof *o);
    o->target = fd;
    o->out = ends[0];
    o->in = ends[1];
    o->taken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&o->holders, 2);
    /* where that is not granted, a pipe of 64 KiB holds any ordinary frame, too */
    fcntl(o->in, F_SETPIPE_SZ, ROOM);
    if (o->taken >= 0 && thread_start(&o->thread, carry, o)) {
        pthread_detach(o->thread);
        return o;
    }
    close(o->in);
    if (o->taken >= 0)
        close(o->taken);
    close(o->out);
    free(o);
    return NULL;
}

int outlet_fd(const struct outlet *o) { return o->in; }
int outlet_taken_fd(const struct outlet *o) { return o->taken; }

bool outlet_behind(struct outlet *o)
{
    uint64_t notice;
    ssize_t ignored = read(o->taken, &notice, sizeof notice);   /* first: a later one must not be lost */
    (void)ignored;
    return waiting(o) || atomic_load(&o->carrying);
}

bool outlet_drain(struct outlet *o, int ms)
{
    for (int64_t end = clock_mono_ms() + ms; outlet_behind(o);) {
        int64_t left = end - clock_mono_ms();
        if (left <= 0)
            return false;
        poll(&(struct pollfd){.fd = o->taken, .events = POLLIN}, 1, (int)left);
    }
    return true;
}

void outlet_close(struct outlet *o)
{
    if (!o)
        return;
    close(o->in);
    let_go(o);
}
