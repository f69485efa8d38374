/* agent - frames are a length of four bytes and a body whose first byte is the type. */
#include "tunnel/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "base/wait.h"

enum {
    FRAME_MAX = 256 * 1024, KEYS_MAX = 512,
    AGENT_FAILURE = 5, AGENT_REQUEST_IDENTITIES = 11, AGENT_IDENTITIES_ANSWER = 12
};

struct agent {
    struct agent_options options;
    struct agent_key *wanted;        /* our copies */
    int ours, theirs;                /* libssh's other end, and the agent */
    int stop_fd;
    pthread_t thread;
    bool timed_out, broken, listed;
    size_t kept;
    int waited_ms;
};

static uint32_t number_at(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_number(struct str *out, uint32_t n)
{
    const unsigned char bytes[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
                                    (unsigned char)n};
    str_add_bytes(out, bytes, sizeof bytes);
}

struct identity { const unsigned char *at; size_t length; const unsigned char *blob; size_t blob_length; bool used; };

/* The string at *at: a length and so many bytes. */
static bool skip_string(const unsigned char **at, const unsigned char *end, size_t *length)
{
    if (end - *at < 4)
        return false;
    *length = number_at(*at);
    *at += 4;
    if ((size_t)(end - *at) < *length)
        return false;
    *at += *length;
    return true;
}

static bool read_identities(const unsigned char *frame, size_t length, struct identity *keys, size_t *count)
{
    const unsigned char *at = frame + 5, *end = frame + length;
    if (length < 5 || frame[0] != AGENT_IDENTITIES_ANSWER)
        return false;
    uint32_t said = number_at(frame + 1);
    for (*count = 0; *count < said && *count < KEYS_MAX; ++*count) {
        struct identity *key = &keys[*count];
        size_t comment;
        key->at = at;
        if (!skip_string(&at, end, &key->blob_length))
            return false;
        key->blob = at - key->blob_length;
        if (!skip_string(&at, end, &comment))
            return false;
        key->length = (size_t)(at - key->at);
        key->used = false;
    }
    return true;
}

static void keep(struct str *body, struct identity *key, size_t *kept)
{
    if (key->used)
        return;
    key->used = true;
    ++*kept;
    str_add_bytes(body, key->at, key->length);
}

bool agent_filter(const unsigned char *frame, size_t length, const struct agent_options *options, struct str *out,
                  size_t *kept)
{
    struct identity *keys = xcalloc(KEYS_MAX, sizeof *keys);
    struct str body = {0};
    size_t count;
    *kept = 0;
    bool ok = read_identities(frame, length, keys, &count);
    if (ok) {
        for (size_t w = 0; w < options->wanted_count; w++)
            for (size_t i = 0; i < count; i++)
                if (keys[i].blob_length == options->wanted[w].length &&
                    memcmp(keys[i].blob, options->wanted[w].blob, keys[i].blob_length) == 0)
                    keep(&body, &keys[i], kept);
        for (size_t i = 0; i < count && !options->only_wanted; i++)
            keep(&body, &keys[i], kept);
        put_number(out, (uint32_t)(5 + body.length));
        str_add_char(out, AGENT_IDENTITIES_ANSWER);
        put_number(out, (uint32_t)*kept);
        if (body.length)
            str_add_bytes(out, body.text, body.length);
    }
    str_free(&body);
    free(keys);
    return ok;
}

/* Reads `size` bytes; false: the deadline, the stop, or the end. */
static bool read_all(struct agent *a, int fd, void *to, size_t size, int64_t deadline)
{
    for (size_t done = 0; done < size;) {
        enum wait_end end = wait_for(fd, POLLIN, a->stop_fd, deadline);
        if (end != WAIT_IO) {
            a->timed_out |= end == WAIT_TIMEOUT;
            return false;
        }
        ssize_t got = read(fd, (char *)to + done, size - done);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_all(struct agent *a, int fd, const void *bytes, size_t size, int64_t deadline)
{
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            done += (size_t)sent;
            continue;
        }
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        enum wait_end end = wait_for(fd, POLLOUT, a->stop_fd, deadline);
        a->timed_out |= end == WAIT_TIMEOUT;
        if (end != WAIT_IO)
            return false;
    }
    return true;
}

/* One frame without its length into `frame`; *length 0: it cannot be had. */
static bool read_frame(struct agent *a, int fd, unsigned char *frame, size_t *length, int64_t deadline)
{
    unsigned char head[4];
    if (!read_all(a, fd, head, sizeof head, deadline))
        return false;
    *length = number_at(head);
    return *length > 0 && *length <= FRAME_MAX && read_all(a, fd, frame, *length, deadline);
}

static bool ask_agent(struct agent *a, unsigned char *frame, size_t *length, struct str *answer)
{
    bool list = frame[0] == AGENT_REQUEST_IDENTITIES;
    a->waited_ms = list ? a->options.list_ms : a->options.sign_ms;
    int64_t deadline = clock_mono_ms() + a->waited_ms;
    struct str request = {0};
    put_number(&request, (uint32_t)*length);
    str_add_bytes(&request, frame, *length);
    bool ok = write_all(a, a->theirs, request.text, request.length, deadline) &&
              read_frame(a, a->theirs, frame, length, deadline);
    str_free(&request);
    if (!ok)
        return false;
    if (list && agent_filter(frame, *length, &a->options, answer, &a->kept)) {
        a->listed = true;
        return true;
    }
    put_number(answer, (uint32_t)*length);
    str_add_bytes(answer, frame, *length);
    return true;
}

static void *body(void *argument)
{
    struct agent *a = argument;
    unsigned char *frame = xmalloc(FRAME_MAX);
    size_t length;
    while (read_frame(a, a->ours, frame, &length, -1)) {
        struct str answer = {0};
        if (a->broken || !ask_agent(a, frame, &length, &answer)) {
            a->broken = true;        /* an answer that comes late would be taken for the next one's */
            str_reset(&answer);
            put_number(&answer, 1);
            str_add_char(&answer, AGENT_FAILURE);
        }
        bool ok = write_all(a, a->ours, answer.text, answer.length, -1);
        str_free(&answer);
        if (!ok)
            break;
    }
    free(frame);
    close(a->ours);                  /* libssh sees an end, whatever it waits for */
    return NULL;
}

static bool connect_to(const char *path, int *fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_GENERAL, "the path of the SSH agent's socket is too long");
    strcpy(address.sun_path, path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0 && connect(*fd, (struct sockaddr *)&address, sizeof address) == 0)
        return true;
    err_errno(err, ERR_GENERAL, errno, "the SSH agent at %s cannot be reached", path);
    if (*fd >= 0)
        close(*fd);
    return false;
}

static void copy_wanted(struct agent *a)
{
    a->wanted = xcalloc(a->options.wanted_count + 1, sizeof *a->wanted);
    for (size_t i = 0; i < a->options.wanted_count; i++) {
        const struct agent_key *key = &a->options.wanted[i];
        void *blob = xmalloc(key->length);
        memcpy(blob, key->blob, key->length);
        a->wanted[i] = (struct agent_key){blob, key->length};
    }
    a->options.wanted = a->wanted;
}

static void free_agent(struct agent *a)
{
    for (size_t i = 0; i < a->options.wanted_count; i++)
        free((void *)a->wanted[i].blob);
    free(a->wanted);
    if (a->stop_fd >= 0)
        close(a->stop_fd);
    close(a->theirs);
    free(a);
}

bool agent_start(struct agent **agent, const struct agent_options *options, int *fd, struct err *err)
{
    int theirs = -1, ends[2];
    *agent = NULL;
    if (!connect_to(options->path, &theirs, err))
        return false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        close(theirs);
        return err_errno(err, ERR_GENERAL, errno, "cannot make a socket for the SSH agent");
    }
    struct agent *a = xcalloc(1, sizeof *a);
    *a = (struct agent){.options = *options, .ours = ends[0], .theirs = theirs,
                        .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    copy_wanted(a);
    if (a->stop_fd < 0 || !thread_start(&a->thread, body, a)) {
        close(ends[0]);
        close(ends[1]);
        free_agent(a);
        return err_set(err, ERR_GENERAL, "no thread is left for the SSH agent");
    }
    *fd = ends[1];
    *agent = a;
    return true;
}

void agent_end(struct agent *a, struct str *said)
{
    (void)eventfd_write(a->stop_fd, 1);
    pthread_join(a->thread, NULL);
    if (a->broken && a->timed_out)
        str_printf(said, "did not answer within %d s", a->waited_ms / 1000);
    else if (a->broken)
        str_add(said, "broke off");
    else if (a->listed)
        str_printf(said, "%zu %s", a->kept, a->kept == 1 ? "key" : "keys");
    else
        str_add(said, "was not asked");
    free_agent(a);
}
