/* route - the ways from the SSH server to the database, and what their failures mean. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tunnel/flow.h"

enum {
    TURN_MS = 8000,                  /* how long a command waits for others to end; libpq waits for 10 s */
    ENDING_MS = 2000, PAUSE_MS = 100 /* what has ended here may count over there for a while yet */
};

static int open_forward(struct flow_hall *hall, struct flow *flow)
{
    (void)hall;
    return ssh_channel_open_forward(flow->channel, flow->route->host, atoi(flow->route->port), "127.0.0.1", 0);
}

static int open_socket(struct flow_hall *hall, struct flow *flow)
{
    (void)hall;
    return ssh_channel_open_forward_unix(flow->channel, flow->route->text, "127.0.0.1", 0);
}

/* ---- commands: sshd has but so many sessions at once (MaxSessions, 10), which no forward counts among ---- */

static bool has_its_turn(struct flow_hall *hall, struct flow *flow)
{
    if (flow->is_command)
        return true;
    int64_t now = clock_mono_ms();
    if (now < flow->again_ms || (hall->commands_most && hall->commands >= hall->commands_most)) {
        flow->again_ms = flow->again_ms ? flow->again_ms : now;
        return false;
    }
    hall->commands++;
    return flow->is_command = true;
}

void route_left(struct flow_hall *hall, struct flow *flow)
{
    if (!flow->is_command)
        return;
    flow->is_command = false;
    hall->command_ended_ms = clock_mono_ms();
    if (--hall->commands == 0)
        hall->commands_most = 0;
}

/* The server has as many as it allows, or is not done with one that has ended: once more later. */
static bool wait_for_turn(struct flow_hall *hall, struct flow *flow)
{
    int64_t now = clock_mono_ms(), ended = hall->command_ended_ms;
    route_left(hall, flow);
    hall->command_ended_ms = ended;
    hall->commands_most = hall->commands;
    if ((!hall->commands && now - ended > ENDING_MS) || now - flow->began_ms > TURN_MS)
        return false;
    ssh_channel_free(flow->channel);
    flow->channel = ssh_channel_new(hall->session);
    if (!flow->channel)
        err_abort("out of memory");
    flow->again_ms = now + PAUSE_MS;
    return true;
}

static int open_command(struct flow_hall *hall, struct flow *flow)
{
    if (flow->state == FLOW_OPENING) {
        if (!has_its_turn(hall, flow))
            return clock_mono_ms() - flow->began_ms > TURN_MS ? SSH_ERROR : SSH_AGAIN;
        int rc = ssh_channel_open_session(flow->channel);
        if (rc == SSH_ERROR && ssh_is_connected(hall->session) && wait_for_turn(hall, flow))
            return SSH_AGAIN;
        if (rc != SSH_OK)
            return rc;
        flow->state = FLOW_ASKING;
    }
    return ssh_channel_request_exec(flow->channel, flow->route->text);
}

static int (*const openers[])(struct flow_hall *, struct flow *) = {
    [TUNNEL_FORWARD] = open_forward, [TUNNEL_SOCKET] = open_socket, [TUNNEL_COMMAND] = open_command,
    [TUNNEL_CONTAINER] = open_forward};

static void name_route(const struct tunnel_route *route, char *out, size_t size)
{
    char where[256];
    const char *text = route->kind == TUNNEL_SOCKET || route->kind == TUNNEL_COMMAND ? route->text : route->host;
    text_visible_buf(where, sizeof where, text);
    if (route->kind == TUNNEL_FORWARD || route->kind == TUNNEL_CONTAINER)
        snprintf(out, size, strchr(where, ':') ? "[%s]:%s" : "%s:%s", where, route->port);
    else
        snprintf(out, size, route->kind == TUNNEL_COMMAND ? "the command \"%s\"" : "the socket %s", where);
}

/* libssh: "Channel opening failure: channel 43 error (2) Connection refused" */
static void explain(struct err *err, const char *words, enum tunnel_kind kind)
{
    const char *code = strstr(words, "error (");
    const char *text = code ? strchr(code, ')') : NULL;
    char visible[300];
    text_visible_buf(visible, sizeof visible, text ? text + 1 + (text[1] == ' ') : words);
    int number = code ? atoi(code + 7) : 0;
    static const char *const reasons[] = {
        [1] = "the SSH server does not allow it", [2] = "nothing accepts connections there",
        [3] = "the SSH server does not know this kind of channel", [4] = "the SSH server has no resources left"};
    if (number >= 1 && number <= 4)
        err_why(err, "%s (it said: %s)", reasons[number], *visible ? visible : "nothing");
    else
        err_why(err, "%s", *visible ? visible : "the SSH server did not say why");
    if (number == 1 || number == 3)
        err->class = ERR_NEVER_READY;
    if (number == 1)
        err_hint(err, "AllowTcpForwarding, AllowStreamLocalForwarding and PermitOpen of its sshd_config decide");
    else if (number == 2 || number == 0)
        err_hint(err, kind == TUNNEL_SOCKET ? "is the database running there, and is this the path of its socket?"
                                            : "does the database run there, and listen on this address and port?");
}

int route_open(struct flow_hall *hall, struct flow *flow)
{
    int rc = openers[flow->route->kind](hall, flow);
    if (rc == SSH_OK || rc == SSH_AGAIN)
        return rc;
    char where[320];
    name_route(flow->route, where, sizeof where);
    if (flow->again_ms && hall->commands) {
        err_set(&flow->failure, ERR_NOT_READY, "%s runs no more commands at once than %u", hall->name, hall->commands);
        err_why(&flow->failure, "%s waited for %d s for one of them to end", where, TURN_MS / 1000);
        err_hint(&flow->failure, "fewer at once (--jobs), a higher MaxSessions in its sshd_config, or forward or socket");
        err_sqlstate(&flow->failure, "53300");   /* as a database server says that it is full */
        return SSH_ERROR;
    }
    err_set(&flow->failure, ERR_NOT_READY, "%s cannot reach %s", hall->name, where);
    explain(&flow->failure, ssh_get_error(hall->session), flow->route->kind);
    return SSH_ERROR;
}

/* The last line that has something in it. */
static void last_line(const char *text, char *out, size_t size)
{
    size_t end = strlen(text);
    while (end > 0 && isspace((unsigned char)text[end - 1]))
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    char line[512];
    snprintf(line, sizeof line, "%.*s", (int)(end - start < 500 ? end - start : 500), text + start);
    text_visible_buf(out, size, line);
}

void route_ended(struct flow_hall *hall, struct flow *flow)
{
    if (flow->route->kind != TUNNEL_COMMAND)
        return;
    int status = ssh_channel_get_exit_status(flow->channel);
    char line[512], where[320];
    last_line(str_text(&flow->complaint), line, sizeof line);
    if (status == 0 || (status < 0 && !line[0] && flow->received))
        return;
    name_route(flow->route, where, sizeof where);
    err_set(&flow->failure, flow->received ? ERR_LOST : ERR_NOT_READY, "%s ended on %s", where, hall->name);
    if (line[0])
        err_why(&flow->failure, "it said: %s", line);
    else if (status >= 0)
        err_why(&flow->failure, "its exit status is %d", status);
    else
        err_why(&flow->failure, "it was ended by a signal");
    if (status == 127 || status == 126)
        flow->failure.class = ERR_NEVER_READY;
    if (status == 127 || status == 126)
        err_hint(&flow->failure, "is the program installed over there, and in the PATH of a shell without a terminal?");
}
