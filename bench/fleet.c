/* fleet - 200 databases, three queries each, two ways, for bench/fleet.sh:
 *
 *   fleet floor COUNT MAX [FILE]   an asynchronous libpq loop, MAX connections at once; FILE (bench/record.py): the statements
 *                                  that our status sent, in one round trip, instead of the three
 *   fleet engine CONFIG JOBS       the same three queries through op/fleet.h, as a command would run them
 *
 * The databases are tenant_001 ...; host and user come from libpq's own variables. */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "op/fleet.h"

static const char three[] = "SELECT current_setting('server_version_num'); SELECT count(*) FROM pg_class;"
                            " SELECT reltuples FROM pg_class WHERE relname = 'pg_type'";

static void die(const char *what, const char *why)
{
    fprintf(stderr, "fleet: %s: %s\n", what, why);
    exit(1);
}

/* ---- the floor ---- */

struct link {
    PGconn *pg;
    PostgresPollingStatusType polling;
    int expected;                    /* results and syncs to come; 0: not asked yet */
};

/* Of record.py: "Q<n>\n", then each text as "<bytes>\n<text>\n"; "S\n" a Sync; "F\n" the end. Gives how many answers come. */
static int send_recorded(PGconn *pg, const char *at)
{
    int expected = 0;
    PQenterPipelineMode(pg);
    while (*at && *at != 'F') {
        if (*at == 'S') {
            PQpipelineSync(pg);
            expected++;
            at += 2;
            continue;
        }
        char *texts[17] = {0};
        int params = (int)strtol(at + 1, (char **)&at, 10);
        at++;
        for (int i = 0; i <= params && i < 17; i++) {
            size_t length = strtoul(at, (char **)&at, 10);
            texts[i] = strndup(at + 1, length);
            at += length + 2;
        }
        if (!PQsendQueryParams(pg, texts[0], params, NULL, (const char *const *)texts + 1, NULL, NULL, 0))
            die("send", PQerrorMessage(pg));
        for (int i = 0; i <= params && i < 17; i++)
            free(texts[i]);
        expected++;
    }
    PQflush(pg);
    return expected;
}

static void start_query(struct link *l, const char *recorded)
{
    PQsetnonblocking(l->pg, recorded != NULL);
    if (recorded)
        l->expected = send_recorded(l->pg, recorded);
    else if (PQsendQuery(l->pg, three))
        l->expected = 3;
    else
        die("send", PQerrorMessage(l->pg));
}

/* True when everything has been read. */
static bool read_answers(struct link *l)
{
    PQconsumeInput(l->pg);
    PQflush(l->pg);
    while (l->expected > 0 && !PQisBusy(l->pg)) {
        PGresult *r = PQgetResult(l->pg);
        if (!r)
            continue;
        if (PQresultStatus(r) == PGRES_FATAL_ERROR)
            die("query", PQresultErrorMessage(r));
        l->expected--;
        PQclear(r);
    }
    return l->expected == 0;
}

static bool advance(struct link *l, const char *recorded)
{
    if (l->expected)
        return read_answers(l);
    l->polling = PQconnectPoll(l->pg);
    if (l->polling == PGRES_POLLING_FAILED)
        die("connect", PQerrorMessage(l->pg));
    if (l->polling == PGRES_POLLING_OK)
        start_query(l, recorded);
    return false;
}

static int run_floor(int count, int max, const char *recorded)
{
    struct link *links = xcalloc((size_t)max, sizeof *links);
    struct pollfd *polls = xcalloc((size_t)max, sizeof *polls);
    for (int next = 1, live = 0; next <= count || live;) {
        for (int i = 0; i < max; i++) {
            struct link *l = &links[i];
            if (!l->pg && next <= count) {
                char conninfo[64];
                snprintf(conninfo, sizeof conninfo, "dbname=tenant_%03d", next++);
                *l = (struct link){.pg = PQconnectStart(conninfo), .polling = PGRES_POLLING_WRITING};
                live++;
            }
            polls[i] = (struct pollfd){.fd = l->pg ? PQsocket(l->pg) : -1,
                .events = l->pg && !l->expected && l->polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN};
        }
        if (poll(polls, (nfds_t)max, -1) < 0)
            die("poll", strerror(errno));
        for (int i = 0; i < max; i++)
            if (links[i].pg && polls[i].revents && advance(&links[i], recorded)) {
                PQfinish(links[i].pg);
                links[i].pg = NULL;
                live--;
            }
    }
    free(links);
    free(polls);
    return 0;
}

/* ---- ours ---- */

static bool work(struct fleet_member *member, void *context, struct err *err)
{
    (void)context;
    return db_run(member->session.db, three, 0, NULL, NULL, err);
}

static void done(struct fleet_member *member, void *context)
{
    if (!member->ok)
        die(member->environment->name, member->err.message);
    ++*(int *)context;
}

static int run_engine(const char *config, int jobs)
{
    struct settings settings;
    struct selection all;
    struct fleet *fleet;
    struct err err = {0};
    int ended = 0;
    if (!settings_load(&settings, &(struct settings_options){.config = config}, NULL, &err))
        die(config, err.message);
    settings_select_all(&settings, &all);
    struct ctx ctx = {.settings = &settings, .cancel_fd = -1};
    struct fleet_options options = {.ctx = &ctx, .jobs = jobs, .work = work, .done = done, .context = &ended};
    if (!fleet_open(&fleet, &all, &options, &err))
        die(config, err.message);
    fleet_run(fleet);
    fleet_free(fleet);
    settings_free(&settings);
    return ended ? 0 : 1;
}

int main(int argc, char **argv)
{
    char *recorded = NULL;
    size_t length;
    struct err err = {0};
    if (argc == 4 && strcmp(argv[1], "engine") == 0)
        return run_engine(argv[2], atoi(argv[3]));
    if (argc < 4 || strcmp(argv[1], "floor") != 0)
        die("usage", "fleet floor COUNT MAX [FILE] | fleet engine CONFIG JOBS");
    if (argc > 4 && !file_read(argv[4], 1 << 24, &recorded, &length, &err))
        die(argv[4], err.message);
    return run_floor(atoi(argv[2]), atoi(argv[3]), recorded);
}
