/* tunnel_copy - how fast a table comes through: our own tunnel, or wherever a connection string leads.
 *
 *   tunnel_copy MEGABYTES tunnel SSH-TARGET PORT
 *   tunnel_copy MEGABYTES direct CONNINFO
 * Prints milliseconds until connected, of a first query, and MB/s of COPY out and in. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tunnel/tunnel.h"

static void need(PGconn *c, bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s", what, PQerrorMessage(c));
    exit(1);
}

static double rate(int megabytes, int64_t began)
{
    int64_t ms = clock_mono_ms() - began;
    return megabytes * 1000.0 / (double)(ms ? ms : 1);
}

static double copy_out(PGconn *c, int megabytes)
{
    char sql[200], *row;
    snprintf(sql, sizeof sql, "COPY (SELECT repeat('x', 999) FROM generate_series(1, %d)) TO STDOUT", megabytes * 1000);
    int64_t began = clock_mono_ms();
    PGresult *r = PQexec(c, sql);
    need(c, PQresultStatus(r) == PGRES_COPY_OUT, "copy out");
    PQclear(r);
    while (PQgetCopyData(c, &row, 0) > 0)
        PQfreemem(row);
    while ((r = PQgetResult(c)))
        PQclear(r);
    return rate(megabytes, began);
}

static double copy_in(PGconn *c, int megabytes)
{
    char row[1001];
    memset(row, 'y', 999);
    strcpy(row + 999, "\n");
    PQclear(PQexec(c, "CREATE TEMPORARY TABLE sink (line text)"));
    int64_t began = clock_mono_ms();
    PGresult *r = PQexec(c, "COPY sink FROM STDIN");
    need(c, PQresultStatus(r) == PGRES_COPY_IN, "copy in");
    PQclear(r);
    for (int i = 0; i < megabytes * 1000; i++)
        need(c, PQputCopyData(c, row, 1000) == 1, "copy in");
    need(c, PQputCopyEnd(c, NULL) == 1, "copy in");
    while ((r = PQgetResult(c)))
        PQclear(r);
    return rate(megabytes, began);
}

static void measure(PGconn *c, int megabytes, int64_t ssh_ms, int64_t began)
{
    need(c, PQstatus(c) == CONNECTION_OK, "connect");
    int64_t connected = clock_mono_ms();
    PQclear(PQexec(c, "SELECT 1"));
    printf("ssh %5lld ms  connect %5lld ms  query %4lld ms", (long long)ssh_ms, (long long)(connected - began),
           (long long)(clock_mono_ms() - connected));
    printf("  out %6.1f MB/s", copy_out(c, megabytes));
    printf("  in %6.1f MB/s\n", copy_in(c, megabytes));
    PQfinish(c);
}

static int through_tunnel(int megabytes, const char *ssh, const char *port)
{
    const struct tunnel_options options = {
        .ssh = ssh, .cancel_fd = -1, .route = {.kind = TUNNEL_FORWARD, .host = "127.0.0.1", .port = port}};
    struct tunnel *tunnel;
    struct err err = {0};
    int64_t began = clock_mono_ms();
    if (!tunnel_open(&tunnel, &options, &err)) {
        fprintf(stderr, "%s: %s\n", err.message, err.why);
        return 1;
    }
    int64_t open = clock_mono_ms();
    const char *keys[] = {"hostaddr", "port", "user", "dbname", NULL};
    const char *values[] = {tunnel_end(tunnel)->hostaddr, tunnel_end(tunnel)->port, "postgres", "postgres", NULL};
    measure(PQconnectdbParams(keys, values, 0), megabytes, open - began, open);
    tunnel_close(tunnel);
    return 0;
}

int main(int argc, char **argv)
{
    int megabytes = argc > 3 ? atoi(argv[1]) : 0;
    if (argc == 5 && megabytes > 0 && strcmp(argv[2], "tunnel") == 0)
        return through_tunnel(megabytes, argv[3], argv[4]);
    if (argc != 4 || megabytes <= 0 || strcmp(argv[2], "direct") != 0)
        return 64;
    int64_t began = clock_mono_ms();
    measure(PQconnectdb(argv[3]), megabytes, 0, began);
    return 0;
}
