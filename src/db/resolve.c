/* resolve - from libpq's lists of hosts to the addresses to try, in order.
 *
 * Names are resolved once, on a detached thread, so that a silent name server can be waited for with a
 * deadline and a cancel. The addresses found are what the guard judges and what libpq connects to. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/internal.h"
#include "db/sqlstate.h"

enum { HOSTS_MAX = 32, CANDIDATES_MAX = 64 };

struct lookup {
    char *name;
    struct addrinfo *found;
    int failed, errnum;
};
struct lookup_job { struct lookup items[HOSTS_MAX]; size_t count; };

static void lookup_run(void *job)
{
    struct lookup_job *j = job;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    for (size_t i = 0; i < j->count; i++) {
        if (!j->items[i].name)
            continue;
        j->items[i].failed = getaddrinfo(j->items[i].name, NULL, &hints, &j->items[i].found);
        j->items[i].errnum = errno;
    }
}

static void lookup_drop(void *job)
{
    struct lookup_job *j = job;
    for (size_t i = 0; i < j->count; i++) {
        free(j->items[i].name);
        if (j->items[i].found)
            freeaddrinfo(j->items[i].found);
    }
    free(j);
}

/* Item `index` of a comma list, in the arena; NULL when empty or not there. A single port serves all. */
static char *list_item(struct arena *arena, const char *list, size_t index, bool single_for_all)
{
    if (!list || !*list)
        return NULL;
    if (single_for_all && !strchr(list, ','))
        index = 0;
    for (; index > 0; index--) {
        list = strchr(list, ',');
        if (!list)
            return NULL;
        list++;
    }
    size_t length = strcspn(list, ",");
    return length ? arena_strndup(arena, list, length) : NULL;
}

static size_t list_count(const char *list)
{
    size_t count = 1;
    for (; *list; list++)
        count += *list == ',';
    return count;
}

static bool is_loopback(const char *numeric)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, numeric, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, numeric, &v6) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

static bool is_numeric(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void add(struct db_candidates *c, struct arena *arena, const char *host, const char *hostaddr,
                const char *port)
{
    if (c->count == CANDIDATES_MAX)
        return;
    if (c->count % 8 == 0)
        c->items = arena_grow(arena, c->items, c->count, c->count + 8, sizeof *c->items);
    c->items[c->count++] = (struct db_candidate){host, hostaddr, port};
    if (hostaddr && !is_loopback(hostaddr))
        c->all_loopback = false;
}

static void add_found(struct db_candidates *c, struct arena *arena, const struct lookup *lookup,
                      const char *host, const char *port)
{
    for (const struct addrinfo *a = lookup->found; a; a = a->ai_next) {
        char numeric[NI_MAXHOST];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, numeric, sizeof numeric, NULL, 0, NI_NUMERICHOST) == 0)
            add(c, arena, host, arena_strdup(arena, numeric), port);
    }
}

static bool not_resolved(const struct lookup *lookup, struct err *err)
{
    err_set(err, ERR_NOT_READY, "cannot resolve the host name \"%s\"", lookup->name);
    const char *text = lookup->failed == EAI_SYSTEM ? strerror(lookup->errnum) : gai_strerror(lookup->failed);
    sqlstate_sort_connect(err, "", text, lookup->failed);
    return false;
}

static bool wait_for_lookup(struct helper *helper, int cancel_fd, int64_t deadline, struct err *err)
{
    switch (wait_for(helper_fd(helper), POLLIN, cancel_fd, deadline)) {
    case WAIT_IO:
        return helper_finished(helper) ||
               err_set(err, ERR_GENERAL, "cannot watch the thread that resolves the host name");
    case WAIT_CANCEL:
        return err_set(err, ERR_CANCELLED, "cancelled while resolving the host name");
    case WAIT_TIMEOUT:
        break;
    }
    err_set(err, ERR_NOT_READY, "cannot resolve the host name");
    err_why(err, "the name server did not answer in time");
    return err_hint(err, "check the network and /etc/resolv.conf, or use a numeric address");
}

/* Fills the job's names; returns how many need asking. */
static size_t prepare(struct lookup_job *job, struct arena *arena, const char *host, const char *hostaddr)
{
    size_t names = 0;
    const char *list = hostaddr && *hostaddr ? hostaddr : host;
    job->count = list && *list ? list_count(list) : 1;
    if (job->count > HOSTS_MAX)
        job->count = HOSTS_MAX;
    for (size_t i = 0; i < job->count; i++) {
        const char *one = list_item(arena, host, i, false);
        if (list_item(arena, hostaddr, i, false) || !one || one[0] == '/' || one[0] == '@' || is_numeric(one))
            continue;
        job->items[i].name = xstrdup(one);
        names++;
    }
    return names;
}

bool db_resolve(struct db_candidates *candidates, struct arena *arena, const char *host, const char *hostaddr,
                const char *port, int cancel_fd, int64_t deadline, struct err *err)
{
    struct lookup_job *job = xcalloc(1, sizeof *job);
    struct helper *helper = NULL;
    const struct lookup *failed = NULL;
    bool ok = false;

    *candidates = (struct db_candidates){.all_loopback = true};
    if (prepare(job, arena, host, hostaddr) > 0) {
        if (!helper_start(&helper, lookup_run, lookup_drop, job))
            return err_set(err, ERR_GENERAL, "cannot start a thread to resolve the host name");
        if (!wait_for_lookup(helper, cancel_fd, deadline, err))
            goto out;
    }
    for (size_t i = 0; i < job->count; i++) {
        const char *one = list_item(arena, host, i, false);
        const char *address = list_item(arena, hostaddr, i, false);
        const char *its_port = list_item(arena, port, i, true);
        if (job->items[i].failed)
            failed = &job->items[i];
        else if (job->items[i].name)
            add_found(candidates, arena, &job->items[i], one, its_port);
        else
            add(candidates, arena, one, address ? address : one && is_numeric(one) ? one : NULL, its_port);
    }
    ok = candidates->count > 0 || !failed || not_resolved(failed, err);
out:
    if (helper)
        helper_release(helper);
    else
        lookup_drop(job);
    return ok;
}
