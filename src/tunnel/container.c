/* container - asks docker and podman on the far side for all their running containers at once. No name of ours gets
 * into the command, so there is nothing to quote. */
#include "tunnel/container.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { OUTPUT_MAX = 16 * 1024 * 1024, COMPLAINT_MAX = 4096 };

/* Whatever the login shell is. Each engine's answer ends with a line "===". */
static const char inspect[] =
    "exec sh -c 'h=; o=; PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/snap/bin; for e in docker podman; do "
    "command -v $e >/dev/null 2>&1 || continue; h=1; i=$($e ps -q) || continue; o=1; "
    "test -z \"$i\" || $e inspect --type container $i || continue; echo; echo ===; done; "
    "test -n \"$h\" || { echo neither docker nor podman is installed there >&2; exit 127; }; test -n \"$o\"'";

struct remote { struct str out, complaint; int status; };

static bool wait_or(struct hop *hop, int rc, int64_t deadline, struct err *err)
{
    if (rc == SSH_AGAIN)
        return hop_wait(hop, deadline, "looking for the container at", err);
    err_set(err, ERR_NOT_READY, "%s does not run commands", hop->name);
    return hop_why(hop, err);
}

static bool start_command(struct hop *hop, ssh_channel channel, const char *line, int64_t deadline, struct err *err)
{
    int rc;
    while ((rc = ssh_channel_open_session(channel)) != SSH_OK)
        if (!wait_or(hop, rc, deadline, err))
            return false;
    while ((rc = ssh_channel_request_exec(channel, line)) != SSH_OK)
        if (!wait_or(hop, rc, deadline, err))
            return false;
    return true;
}

/* What has come of one of the two streams; false: too much. */
static bool take(ssh_channel channel, int is_stderr, struct str *to, size_t limit)
{
    static const int chunk = 32768;
    for (;;) {
        str_reserve(to, (size_t)chunk);
        int got = ssh_channel_read_timeout(channel, to->text + to->length, (uint32_t)chunk, is_stderr, 0);
        if (got <= 0)
            return true;
        to->length += (size_t)got;
        to->text[to->length] = '\0';
        if (to->length > limit) {
            if (!is_stderr)
                return false;
            to->length = 0;
        }
    }
}

/* It wrote all that it will, and how it ended is known, or never will be. Asking is also what reads on after the end of
 * the output, which taking output does not do. */
static bool ended(ssh_channel channel)
{
    int status = ssh_channel_get_exit_status(channel);
    return ssh_channel_is_closed(channel) || (status != -1 && ssh_channel_is_eof(channel));
}

static bool run(struct hop *hop, const char *line, struct remote *r, struct err *err)
{
    ssh_channel channel = ssh_channel_new(hop->session);
    int64_t deadline = hop_deadline(hop);
    bool ok = channel != NULL && start_command(hop, channel, line, deadline, err);
    while (ok) {
        ok = take(channel, 0, &r->out, OUTPUT_MAX) && take(channel, 1, &r->complaint, COMPLAINT_MAX);
        if (!ok)
            err_set(err, ERR_GENERAL, "docker inspect on %s says too much", hop->name);
        if (!ok || ended(channel))
            break;
        if (!hop_connected(hop)) {
            ok = err_set(err, ERR_LOST, "the SSH session with %s was lost", hop->name);
            hop_why(hop, err);
        }
        ok = ok && hop_wait(hop, deadline, "looking for the container at", err);
    }
    r->status = ok ? ssh_channel_get_exit_status(channel) : -1;
    ssh_channel_free(channel);
    return ok;
}

static bool refused(struct hop *hop, const struct remote *r, struct err *err)
{
    char visible[500];
    text_visible_buf(visible, sizeof visible, r->complaint.length ? r->complaint.text : "it did not say why");
    err_set(err, ERR_NOT_READY, "the containers on %s cannot be listed", hop->name);
    char *end = strstr(visible, "\\n");
    if (end)
        *end = '\0';
    err_why(err, "%s", visible);
    return err_hint(err, "may %s use docker there? Else name the database's address: tunnel.forward", hop->config.user);
}

bool container_find(struct hop *hop, const struct tunnel_options *options, struct arena *arena,
                    struct tunnel_route *route, struct err *err)
{
    struct remote r = {0};
    bool ok = run(hop, inspect, &r, err);
    if (ok && r.status != 0)
        ok = refused(hop, &r, err);
    if (ok && !container_choose(str_text(&r.out), r.out.length, options->route.text, options->route.port, arena, route,
                                err))
        ok = err_context(err, "%s", hop->name);
    if (ok)
        hop_phase(hop, "container", "%s is at %s:%s", options->route.text, route->host, route->port);
    str_free(&r.out);
    str_free(&r.complaint);
    return ok;
}
