/* flow - non-blocking on both sides: what one side does not take is left with the other, so that a stalled reader costs
 * a window and nothing more. */
#include "tunnel/flow.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    CHUNK = 256 * 1024,              /* read at once */
    DROP = 512 * 1024,               /* less than libssh's window */
    BULK = 512 * 1024,               /* so much and it is no screen's worth */
    PILE = 1024 * 1024,
    WINDOW_NEAR = 2 * 1024 * 1024,   /* OpenSSH's own */
    WINDOW_PER_MS = 200 * 1024,      /* of the round trip: 200 MB/s */
    REFILLS = 8,                     /* of a window before it is used up */
    COMPLAINT_KEPT = 4096,
    EXIT_MS = 2000                   /* how long a command that has ended may take to say how */
};

struct flow *flow_new(struct flow_hall *hall, int fd, const struct tunnel_route *route)
{
    int on = 1;
    struct flow *flow = xcalloc(1, sizeof *flow);
    *flow = (struct flow){.fd = fd, .route = route, .began_ms = clock_mono_ms(), .channel = ssh_channel_new(hall->session)};
    if (!flow->channel)
        err_abort("out of memory");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return flow;
}

void flow_free(struct flow_hall *hall, struct flow *flow)
{
    char unread[4096];
    route_left(hall, flow);
    /* a socket closed with something unread in it resets, and what was said last would be lost */
    shutdown(flow->fd, SHUT_WR);
    for (int i = 0; i < 64 && recv(flow->fd, unread, sizeof unread, 0) > 0; i++)
        ;
    close(flow->fd);
    ssh_channel_free(flow->channel);
    str_free(&flow->to_local);
    str_free(&flow->to_far);
    str_free(&flow->complaint);
    free(flow);
}

static bool would_block(ssize_t n) { return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR); }

/* Writes what is left of `s`; true: something went. */
static bool drain_to_local(struct flow *flow)
{
    size_t left = flow->to_local.length - flow->to_local_done;
    if (!left)
        return false;
    ssize_t sent = send(flow->fd, flow->to_local.text + flow->to_local_done, left, MSG_NOSIGNAL);
    if (sent < 0) {
        if (!would_block(sent))
            flow->state = FLOW_OVER;
        return flow->state == FLOW_OVER;
    }
    flow->to_local_done += (size_t)sent;
    if (flow->to_local_done == flow->to_local.length) {
        str_free(&flow->to_local);
        flow->to_local_done = 0;
    }
    return sent > 0;
}

static void give_local(struct flow *flow, const char *bytes, size_t length)
{
    ssize_t sent = send(flow->fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && !would_block(sent)) {
        flow->state = FLOW_OVER;
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done < length)
        str_add_bytes(&flow->to_local, bytes + done, length - done);
}

/* Never less than the way back took once: what a window has to hold is the rate times that. */
static void note_round_trip(struct flow_hall *hall, int64_t since_ms)
{
    int64_t ms = clock_mono_ms() - since_ms;
    if (hall->round_trip_ms < 0 || ms < hall->round_trip_ms)
        hall->round_trip_ms = ms;
}

static uint32_t window_wanted(const struct flow_hall *hall)
{
    int64_t held = hall->round_trip_ms * WINDOW_PER_MS;
    return held < WINDOW_NEAR ? WINDOW_NEAR : held < FLOW_WINDOW ? (uint32_t)held : FLOW_WINDOW;
}

/* libssh keeps a window of 1.3 MB, which at a distance is a trickle. Asking a channel for more than its window opens the
 * window that far, so while data keeps coming it is asked for more now and then, and for no more than the distance
 * wants: sshd takes from the database as much as the window has room for, and lets it stall once that lies there.
 *
 * Else it is asked for all it has: what stays in libssh's buffer is moved to its front again and again. */
static uint32_t amount_to_ask(const struct flow_hall *hall, struct flow *flow, int there)
{
    uint32_t wanted = window_wanted(hall);
    if (there > PILE || flow->since_window < (flow->bulk ? wanted / REFILLS : BULK))
        return there < FLOW_WINDOW ? (uint32_t)there : FLOW_WINDOW;
    flow->since_window = 0;
    flow->bulk = true;
    return wanted;
}

/* libssh takes what comes beyond the window as well: a stalled reader must not cost more than was offered. */
static bool is_flooded(struct flow_hall *hall, struct flow *flow)
{
    if (ssh_channel_poll(flow->channel, 0) <= FLOW_WINDOW + PILE)
        return false;
    err_set(&flow->failure, ERR_LOST, "%s sends more than it may", hall->name);
    err_why(&flow->failure, "the channel's window is %d MiB", FLOW_WINDOW / 1024 / 1024);
    flow->state = FLOW_OVER;
    return true;
}

static bool from_far(struct flow_hall *hall, struct flow *flow)
{
    if (flow->to_local.length || flow->far_ended)
        return is_flooded(hall, flow) || drain_to_local(flow);
    int got = ssh_channel_poll(flow->channel, 0);
    if (got > 0)
        got = ssh_channel_read_timeout(flow->channel, hall->scratch, amount_to_ask(hall, flow, got), 0, 0);
    if (got > 0) {
        if (!flow->received && flow->asks_first)
            note_round_trip(hall, flow->asked_ms);
        flow->since_window += (uint64_t)got;
        flow->received += (uint64_t)got;
        give_local(flow, hall->scratch, (size_t)got);
        return true;
    }
    if (got < 0 || ssh_channel_is_eof(flow->channel) || ssh_channel_is_closed(flow->channel)) {
        flow->far_ended = true;
        flow->far_ended_ms = clock_mono_ms();
        return true;
    }
    return false;
}

static bool complaints(struct flow_hall *hall, struct flow *flow)
{
    int got = ssh_channel_read_timeout(flow->channel, hall->scratch, COMPLAINT_KEPT, 1, 0);
    if (got <= 0)
        return false;
    str_add_bytes(&flow->complaint, hall->scratch, (size_t)got);
    if (flow->complaint.length > COMPLAINT_KEPT) {
        size_t excess = flow->complaint.length - COMPLAINT_KEPT;
        memmove(flow->complaint.text, flow->complaint.text + excess, COMPLAINT_KEPT);
        flow->complaint.length = COMPLAINT_KEPT;
        flow->complaint.text[COMPLAINT_KEPT] = '\0';
    }
    return true;
}

/* A forward has no standard error; what a server sends there all the same would use up the window, unread. */
static void drop_second_stream(struct flow_hall *hall, struct flow *flow)
{
    if (hall->received->in_bytes - flow->dropped_at < DROP)
        return;
    flow->dropped_at = hall->received->in_bytes;
    while (ssh_channel_read_timeout(flow->channel, hall->scratch, CHUNK, 1, 0) > 0)
        ;
}

static bool may_read_local(const struct flow_hall *hall, const struct flow *flow)
{
    return flow->state == FLOW_OPEN && !flow->local_ended && !flow->to_far.length && !flow->far_ended &&
           !(ssh_get_poll_flags(hall->session) & SSH_WRITE_PENDING) && ssh_channel_window_size(flow->channel) > 0;
}

/* What the channel does not take at once waits in to_far. */
static bool give_far(struct flow *flow, const char *bytes, size_t length)
{
    int taken = ssh_channel_write(flow->channel, bytes, (uint32_t)length);
    if (taken < 0)
        return false;
    flow->sent_ms = clock_mono_ms();
    if (!flow->asked_ms)
        flow->asked_ms = flow->sent_ms;
    if ((size_t)taken < length)
        str_add_bytes(&flow->to_far, bytes + taken, length - (size_t)taken);
    return true;
}

static bool drain_to_far(struct flow *flow)
{
    size_t left = flow->to_far.length - flow->to_far_done, before = flow->to_far_done;
    if (!left || ssh_channel_window_size(flow->channel) == 0)
        return false;
    int taken = ssh_channel_write(flow->channel, flow->to_far.text + flow->to_far_done, (uint32_t)left);
    if (taken > 0)
        flow->to_far_done += (size_t)taken;
    if (flow->to_far_done == flow->to_far.length) {
        str_free(&flow->to_far);
        flow->to_far_done = 0;
        return true;
    }
    return flow->to_far_done > before;
}

static bool from_local(struct flow_hall *hall, struct flow *flow)
{
    if (flow->to_far.length)
        return drain_to_far(flow);
    if (!may_read_local(hall, flow))
        return false;
    uint32_t room = ssh_channel_window_size(flow->channel);
    ssize_t got = recv(flow->fd, hall->scratch, room < CHUNK ? room : CHUNK, 0);
    if (would_block(got))
        return false;
    if (got <= 0) {
        /* nobody here closes half a connection: what comes from there has no reader any more */
        flow->local_ended = true;
        ssh_channel_send_eof(flow->channel);
        flow->state = FLOW_OVER;
        return true;
    }
    if (!give_far(flow, hall->scratch, (size_t)got))
        flow->far_ended = true;
    return true;
}

/* The far side has said its last byte, and all of them are delivered. */
static bool is_finished(struct flow_hall *hall, struct flow *flow)
{
    if (!flow->far_ended || flow->to_local.length)
        return false;
    bool command = flow->route->kind == TUNNEL_COMMAND;
    if (command && !ssh_channel_is_closed(flow->channel) && clock_mono_ms() - flow->far_ended_ms < EXIT_MS)
        return false;
    while (complaints(hall, flow))
        ;
    route_ended(hall, flow);
    flow->state = FLOW_OVER;
    return true;
}

static bool open_step(struct flow_hall *hall, struct flow *flow)
{
    enum flow_state before = flow->state;
    int rc = route_open(hall, flow);
    if (rc == SSH_OK)
        flow->state = FLOW_OPEN;
    else if (rc != SSH_AGAIN)
        flow->state = FLOW_OVER;
    if (flow->state != before && flow->state != FLOW_OVER)
        note_round_trip(hall, flow->began_ms);
    /* the request is out: without this its answer waits 40 ms for our delayed acknowledgement */
    int on = 1;
    (void)setsockopt(ssh_get_fd(hall->session), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return flow->state != before;
}

bool flow_step(struct flow_hall *hall, struct flow *flow)
{
    if (flow->state == FLOW_OPENING || flow->state == FLOW_ASKING)
        return open_step(hall, flow);
    bool moved = false;
    if (flow->state == FLOW_OPEN && flow->route->kind == TUNNEL_COMMAND)
        moved |= complaints(hall, flow);
    else if (flow->state == FLOW_OPEN)
        drop_second_stream(hall, flow);
    if (flow->state == FLOW_OPEN)
        moved |= from_far(hall, flow);
    if (flow->state == FLOW_OPEN)
        moved |= from_local(hall, flow);
    if (flow->state == FLOW_OPEN)
        moved |= is_finished(hall, flow);
    return moved;
}

short flow_events(const struct flow_hall *hall, const struct flow *flow)
{
    return (short)((may_read_local(hall, flow) ? POLLIN : 0) | (flow->to_local.length ? POLLOUT : 0));
}

bool flow_is_waiting(const struct flow *flow, int64_t heard_ms)
{
    return flow->state == FLOW_OPENING || flow->state == FLOW_ASKING || flow->sent_ms > heard_ms;
}

/* A command's exit, and its turn. */
bool flow_goes_by_clock(const struct flow *flow) { return flow->far_ended || (flow->state == FLOW_OPENING && flow->again_ms); }
