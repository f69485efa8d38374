/* carrier - one loop: libssh's packets, the flows, the listener, and the watch over a peer that falls silent. */
#include "tunnel/carrier.h"

#include <errno.h>
#include <libssh/server.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "tunnel/flow.h"

enum {
    FLOWS_MAX = 256,
    TURNS = 32,
    ROUNDS = 16,                     /* of libssh's reader (4 kB each) before the flows have their turn */
    NEWS_MS = 3000,                  /* after that, what one connection failed of is no news about another one */
    IDLE_S = 15, IDLE_COUNT = 3,     /* keepalives while nothing is expected */
    EAGER_MS = 5000, EAGER_COUNT = 3 /* and while something is */
};

/* Who comes in here goes along that route. */
struct door {
    struct listener *listener;       /* NULL: a jump host's one connection */
    struct tunnel_route route;
    char *host, *port, *text;        /* the route's own copies */
};

struct carrier {
    struct hop *hop;
    struct door doors[CARRIER_DOORS];
    atomic_size_t door_count;        /* a door is not touched any more once it counts */
    struct flow_hall hall;
    struct flow *flows;
    size_t flow_count;
    ssh_event event;
    struct ssh_counter_struct received;
    uint64_t heard_bytes, acknowledged;
    int64_t heard_ms, probed_ms;
    int idle_ms, idle_count;
    int wake_fd, own_end;
    pthread_t thread;
    bool started;
    atomic_bool ending, alive;
    pthread_mutex_t mutex;           /* what follows is read from other threads */
    struct err reason;
    int64_t reason_ms, channel_ms;
};

static void say(struct carrier *c, const struct err *reason)
{
    pthread_mutex_lock(&c->mutex);
    c->reason = *reason;
    c->reason_ms = clock_mono_ms();
    pthread_mutex_unlock(&c->mutex);
}

static void add_flow(struct carrier *c, int fd, const struct door *door)
{
    struct flow *flow = flow_new(&c->hall, fd, &door->route);
    flow->asks_first = door->listener != NULL;
    flow->next = c->flows;
    c->flows = flow;
    c->flow_count++;
}

static void let_in(struct carrier *c, const struct door *door)
{
    struct err err = {0};
    int fd;
    while (c->flow_count < FLOWS_MAX && listener_accept(door->listener, &fd, &err)) {
        add_flow(c, fd, door);
    }
    if (err.class == ERR_GENERAL)
        say(c, &err);                /* ERR_REFUSED is a stranger: nothing that our own connection failed of */
}

static bool step_flows(struct carrier *c)
{
    bool moved = false;
    for (struct flow **at = &c->flows; *at;) {
        struct flow *flow = *at;
        enum flow_state before = flow->state;
        moved |= flow_step(&c->hall, flow);
        if (before != FLOW_OPEN && flow->state == FLOW_OPEN) {
            pthread_mutex_lock(&c->mutex);
            c->channel_ms = clock_mono_ms() - flow->began_ms;
            pthread_mutex_unlock(&c->mutex);
        }
        if (flow->state != FLOW_OVER) {
            at = &flow->next;
            continue;
        }
        if (flow->failure.class != ERR_NONE)
            say(c, &flow->failure);  /* before the socket closes: who sees that asks why */
        *at = flow->next;
        c->flow_count--;
        flow_free(&c->hall, flow);
        moved = true;
    }
    return moved;
}

static bool lost(struct carrier *c)
{
    struct err err = {0};
    err_set(&err, ERR_LOST, "the SSH session with %s was lost", c->hop->name);
    hop_why(c->hop, &err);
    err_hint(&err, "connect again; what the database made of a statement under way is not known");
    say(c, &err);
    return false;
}

/* What can be done now, but not for ever: a flood must not keep a new connection (a cancel) or the watch waiting. *busy:
 * there is more. False: the session is gone. */
static bool work(struct carrier *c, bool *busy)
{
    *busy = true;
    for (int turn = 0; turn < TURNS && *busy; turn++) {
        uint64_t before = c->received.in_bytes;
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t bytes = c->received.in_bytes;
            if (ssh_event_dopoll(c->event, 0) == SSH_ERROR)
                return lost(c);
            if (c->received.in_bytes == bytes)
                break;
        }
        *busy = step_flows(c);
        if (!hop_connected(c->hop))
            return lost(c);
        if (atomic_load(&c->ending))
            return false;
        *busy |= c->received.in_bytes != before;
    }
    return true;
}

static bool something_is_expected(const struct carrier *c)
{
    for (const struct flow *flow = c->flows; flow; flow = flow->next)
        if (flow_is_waiting(flow, c->heard_ms))
            return true;
    return false;
}

/* Received bytes decide, whatever they are: a keepalive is answered by any server, if only with a refusal. Returns how
 * long to wait at most, -1 when the peer has been silent for too long. */
static int watch(struct carrier *c)
{
    int64_t now = clock_mono_ms();
    if (c->received.in_bytes != c->heard_bytes) {
        c->heard_bytes = c->received.in_bytes;
        c->heard_ms = c->probed_ms = now;
    }
    bool eager = something_is_expected(c);
    int interval = eager && c->idle_ms > EAGER_MS ? EAGER_MS : c->idle_ms;
    int count = eager && c->idle_ms > EAGER_MS ? EAGER_COUNT : c->idle_count;
    int64_t silent = now - c->heard_ms;
    if (silent >= (int64_t)interval * count) {
        struct err err = {0};
        err_set(&err, ERR_LOST, "the SSH server %s has fallen silent", c->hop->name);
        err_why(&err, "nothing came from it for %d s, and it does not answer when asked", (int)(silent / 1000));
        err_hint(&err, "connect again; what the database made of a statement under way is not known");
        say(c, &err);
        return -1;
    }
    if (now - c->probed_ms >= interval) {
        /* the first call takes the answer to the last one, if there is any; the second asks anew */
        ssh_send_keepalive(c->hop->session);
        ssh_send_keepalive(c->hop->session);
        c->probed_ms = now;
    }
    int64_t next = c->probed_ms + interval < c->heard_ms + (int64_t)interval * count
                       ? c->probed_ms + interval : c->heard_ms + (int64_t)interval * count;
    return next <= now ? 1 : (int)(next - now);
}

/* sshd sends with Nagle's algorithm: the tail of what it has waits for our acknowledgement of what came before, which
 * the kernel delays by up to 40 ms. Whoever is about to sleep acknowledges first. No TCP: no harm. */
static void acknowledge(struct carrier *c)
{
    int on = 1;
    if (c->received.in_bytes == c->acknowledged)
        return;
    (void)setsockopt(ssh_get_fd(c->hop->session), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    c->acknowledged = c->received.in_bytes;
}

static void wait_for_more(struct carrier *c, int timeout_ms)
{
    acknowledge(c);
    struct pollfd fds[FLOWS_MAX + 2 + CARRIER_DOORS];
    nfds_t n = 0;
    short out = ssh_get_poll_flags(c->hop->session) & SSH_WRITE_PENDING ? POLLOUT : 0;
    fds[n++] = (struct pollfd){.fd = ssh_get_fd(c->hop->session), .events = (short)(POLLIN | out)};
    fds[n++] = (struct pollfd){.fd = c->wake_fd, .events = POLLIN};
    size_t doors = atomic_load(&c->door_count);
    bool room = c->flow_count < FLOWS_MAX;
    for (size_t i = 0; i < doors; i++)
        fds[n++] = (struct pollfd){.fd = c->doors[i].listener && room ? c->doors[i].listener->fd : -1, .events = POLLIN};
    for (const struct flow *flow = c->flows; flow; flow = flow->next) {
        short events = flow_events(&c->hall, flow);
        fds[n++] = (struct pollfd){.fd = events ? flow->fd : -1, .events = events};
        if (flow_goes_by_clock(flow) && timeout_ms > 100)
            timeout_ms = 100;
    }
    int ready = poll(fds, n, timeout_ms);
    eventfd_t ignored;
    if (ready > 0 && fds[1].revents)
        (void)eventfd_read(c->wake_fd, &ignored);
    for (size_t i = 0; i < doors && ready > 0; i++)
        if (fds[2 + i].revents)
            let_in(c, &c->doors[i]);
}

static void *body(void *argument)
{
    struct carrier *c = argument;
    c->heard_ms = c->probed_ms = clock_mono_ms();
    bool busy;
    for (int timeout; work(c, &busy) && (timeout = watch(c)) >= 0;)
        wait_for_more(c, busy ? 0 : timeout);
    /* the reason is said, and nobody new is let in, before the sockets close: who sees that asks why */
    atomic_store(&c->alive, false);
    for (size_t i = 0; i < atomic_load(&c->door_count); i++)
        if (c->doors[i].listener)
            listener_stop(c->doors[i].listener);
    while (c->flows) {
        struct flow *next = c->flows->next;
        flow_free(&c->hall, c->flows);
        c->flows = next;
    }
    ssh_event_remove_session(c->event, c->hop->session);
    ssh_event_free(c->event);
    hop_goodbye(c->hop);
    return NULL;
}

/* A jump host's carrier has its one connection from the start. */
static bool make_own_flow(struct carrier *c, struct err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot make a socket for the jump host's session");
    add_flow(c, ends[0], &c->doors[0]);
    c->own_end = ends[1];
    return true;
}

static void add_door(struct carrier *c, const struct tunnel_route *route, struct listener *listener)
{
    size_t count = atomic_load(&c->door_count);
    struct door *door = &c->doors[count];
    *door = (struct door){.listener = listener, .host = xstrdup(route->host), .port = xstrdup(route->port),
                          .text = xstrdup(route->text)};
    door->route =
        (struct tunnel_route){.kind = route->kind, .host = door->host, .port = door->port, .text = door->text};
    atomic_store(&c->door_count, count + 1);
}

bool carrier_add(struct carrier *c, const struct tunnel_route *route, struct listener *listener, struct err *err)
{
    if (atomic_load(&c->door_count) == CARRIER_DOORS)
        return err_set(err, ERR_GENERAL, "a tunnel leads to %d places at most", CARRIER_DOORS);
    if (!carrier_alive(c))
        return err_set(err, ERR_LOST, "the SSH session was lost");
    add_door(c, route, listener);
    (void)eventfd_write(c->wake_fd, 1);
    return true;
}

static bool furnish(struct carrier *c, struct err *err)
{
    char *scratch = mmap(NULL, FLOW_WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (scratch == MAP_FAILED)
        return err_errno(err, ERR_GENERAL, errno, "cannot set up the tunnel");
    c->hall = (struct flow_hall){
        .session = c->hop->session, .name = c->hop->name, .received = &c->received, .scratch = scratch,
        .round_trip_ms = -1};
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->event = ssh_event_new();
    if (c->wake_fd < 0 || !c->event || ssh_event_add_session(c->event, c->hop->session) != SSH_OK)
        return err_set(err, ERR_GENERAL, "cannot set up the tunnel");
    ssh_set_counters(c->hop->session, NULL, &c->received);
    return c->doors[0].listener || make_own_flow(c, err);
}

bool carrier_start(struct carrier **out, struct hop *hop, const struct tunnel_route *route, struct listener *listener,
                   struct err *err)
{
    struct carrier *c = xcalloc(1, sizeof *c);
    hop->options = NULL;             /* borrowed while it was opened */
    *c = (struct carrier){.hop = hop, .wake_fd = -1, .own_end = -1, .channel_ms = -1,
                          .idle_ms = IDLE_S * 1000, .idle_count = IDLE_COUNT};
    const struct resolved *config = &hop->config;
    if (config->alive_interval_s > 0 && config->alive_interval_s < 3600) {
        c->idle_ms = config->alive_interval_s * 1000;
        c->idle_count = config->alive_count > 0 && config->alive_count < 1000 ? config->alive_count : 1;
    }
    pthread_mutex_init(&c->mutex, NULL);
    add_door(c, route, listener);
    atomic_store(&c->alive, true);
    bool ok = furnish(c, err);
    if (ok) {
        c->started = thread_start(&c->thread, body, c);
        ok = c->started || err_set(err, ERR_GENERAL, "no thread is left for the tunnel");
    }
    if (!ok) {
        carrier_free(c);
        c = NULL;
    }
    *out = c;
    return ok;
}

int carrier_socket(struct carrier *c)
{
    int fd = c->own_end;
    c->own_end = -1;
    return fd;
}

bool carrier_alive(const struct carrier *c) { return atomic_load(&c->alive); }

bool carrier_reason(struct carrier *c, struct err *err)
{
    pthread_mutex_lock(&c->mutex);
    bool known = c->reason.class != ERR_NONE && (!carrier_alive(c) || clock_mono_ms() - c->reason_ms < NEWS_MS);
    if (known)
        *err = c->reason;
    pthread_mutex_unlock(&c->mutex);
    return known;
}

int64_t carrier_channel_ms(struct carrier *c)
{
    pthread_mutex_lock(&c->mutex);
    int64_t ms = c->channel_ms;
    pthread_mutex_unlock(&c->mutex);
    return ms;
}

void carrier_free(struct carrier *c)
{
    if (!c)
        return;
    if (c->started) {
        atomic_store(&c->ending, true);
        (void)eventfd_write(c->wake_fd, 1);
        pthread_join(c->thread, NULL);
    }
    if (c->own_end >= 0)
        close(c->own_end);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    hop_free(c->hop);
    if (c->hall.scratch)
        munmap(c->hall.scratch, FLOW_WINDOW);
    for (size_t i = 0; i < CARRIER_DOORS; i++) {
        free(c->doors[i].host);
        free(c->doors[i].port);
        free(c->doors[i].text);
    }
    pthread_mutex_destroy(&c->mutex);
    free(c);
}
