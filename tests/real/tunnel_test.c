/* tunnel_test - drives the tunnel room for tests/real/tunnel.sh: plain lines out.
 *
 *   tunnel_test ssh=TARGET forward=HOST:PORT|socket=PATH|command=LINE|container=NAME [port=N] [db=CONNINFO]
 *               [answer=TEXT ...] [timeout=MS] [cancel_after=MS] [often=N] -- COMMAND ARGUMENT...
 * often=N opens it N times, connects through it if it opens, closes it, and prints what was left behind, whatever COMMAND.
 * Questions are printed and answered by the next answer= (@FILE: its first line). Commands: open; query SQL...; cancel
 * SQL; hold (prints where the tunnel ends, opens the next one as well if there is a "--", waits for the end of its
 * input). */
#include <dirent.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tunnel/tunnel.h"

enum { ANSWERS = 16 };

struct test {
    struct tunnel_options options;
    const char *db, *answers[ANSWERS];
    size_t answer_count, answered;
    char forward[300];
    int cancel_after, cancel_pipe[2], often;
};

static int failed(const char *what, const struct err *err)
{
    printf("%s class=%s\nmessage=%s\nwhy=%s\nhint=%s\nat=%s\n", what, err_class_name(err->class), err->message,
           err->why, err->hint, err->at);
    return 1;
}

static bool on_ask(void *asker, const struct tunnel_question *q, bool *yes, struct secret **secret, char *typed,
                   size_t size, struct err *err)
{
    static const char *const kinds[] = {"yes", "secret", "text"};
    struct test *t = asker;
    printf("question=%s %s: %s\n", kinds[q->kind], q->title, q->text);
    if (t->answered == t->answer_count)
        return err_set(err, ERR_CANCELLED, "nobody answers");
    char line[256] = "";
    const char *answer = t->answers[t->answered++];
    if (*answer == '@') {
        FILE *f = fopen(answer + 1, "r");
        if (!f || !fgets(line, sizeof line, f))
            abort();
        fclose(f);
        line[strcspn(line, "\n")] = '\0';
        answer = line;
    }
    if (q->kind == TUNNEL_ASK_YES)
        *yes = strcmp(answer, "yes") == 0;
    else if (q->kind == TUNNEL_ASK_SECRET)
        *secret = secret_new(answer, strlen(answer));
    else
        snprintf(typed, size, "%s", answer);
    return true;
}

static void on_phase(void *sink, const char *phase, const char *text, int64_t ms)
{
    (void)sink;
    (void)ms;
    printf("phase=%s %s\n", phase, text);
    fflush(stdout);
}

static char **read_options(char **argv, struct test *t)
{
    struct tunnel_options *o = &t->options;
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        char *value = strchr(*argv, '=');
        if (!value)
            abort();
        *value++ = '\0';
        if (strcmp(*argv, "ssh") == 0)
            o->ssh = value;
        else if (strcmp(*argv, "forward") == 0) {
            char *colon = strrchr(value, ':');
            *colon = '\0';
            o->route = (struct tunnel_route){.kind = TUNNEL_FORWARD, .host = value, .port = colon + 1};
        } else if (strcmp(*argv, "socket") == 0)
            o->route = (struct tunnel_route){.kind = TUNNEL_SOCKET, .text = value};
        else if (strcmp(*argv, "command") == 0)
            o->route = (struct tunnel_route){.kind = TUNNEL_COMMAND, .text = value};
        else if (strcmp(*argv, "container") == 0)
            o->route = (struct tunnel_route){.kind = TUNNEL_CONTAINER, .text = value, .port = "5432"};
        else if (strcmp(*argv, "port") == 0)
            o->route.port = value;
        else if (strcmp(*argv, "db") == 0)
            t->db = value;
        else if (strcmp(*argv, "answer") == 0 && t->answer_count < ANSWERS)
            t->answers[t->answer_count++] = value;
        else if (strcmp(*argv, "timeout") == 0)
            o->connect_timeout_ms = atoi(value);
        else if (strcmp(*argv, "often") == 0)
            t->often = atoi(value);
        else if (strcmp(*argv, "cancel_after") == 0)
            t->cancel_after = atoi(value);
        else
            abort();
    }
    return *argv ? argv + 1 : argv;
}

static PGconn *connect_through(struct test *t, struct tunnel *tunnel)
{
    const struct tunnel_end *end = tunnel_end(tunnel);
    const char *keys[] = {"dbname", end->hostaddr ? "hostaddr" : "host", "port", "connect_timeout", NULL};
    const char *values[] = {t->db ? t->db : "user=postgres dbname=postgres",
                            end->hostaddr ? end->hostaddr : end->socket_dir, end->port, "60", NULL};
    return PQconnectdbParams(keys, values, 1);
}

static void print_reason(struct tunnel *tunnel)
{
    struct err reason = {0};
    if (tunnel_reason(tunnel, &reason))
        failed("reason", &reason);
    printf("alive=%d\n", tunnel_alive(tunnel));
}

static int query(struct test *t, struct tunnel *tunnel, char **sql)
{
    PGconn *c = connect_through(t, tunnel);
    int rc = 0;
    if (PQstatus(c) != CONNECTION_OK) {
        printf("libpq=%s\n", PQerrorMessage(c));
        rc = 1;
    }
    printf("tls=%d channel_ms=%s\n", PQsslInUse(c), tunnel_channel_ms(tunnel) >= 0 ? "known" : "none");
    for (; !rc && *sql; sql++) {
        printf("running=%s\n", *sql);
        fflush(stdout);
        PGresult *r = PQexec(c, *sql);
        if (PQresultStatus(r) == PGRES_TUPLES_OK) {
            for (int i = 0; i < PQntuples(r); i++)
                printf("row=%s\n", PQgetvalue(r, i, 0));
        } else if (PQresultStatus(r) != PGRES_COMMAND_OK) {
            printf("libpq=%s\n", PQerrorMessage(c));
            rc = 1;
        }
        PQclear(r);
    }
    print_reason(tunnel);
    PQfinish(c);
    return rc;
}

static void *cancel_query(void *conn)
{
    char text[256];
    PGcancel *cancel = PQgetCancel(conn);
    poll(NULL, 0, 300);
    printf("cancelled=%d\n", PQcancel(cancel, text, sizeof text));
    PQfreeCancel(cancel);
    return NULL;
}

static int cancel(struct test *t, struct tunnel *tunnel, const char *sql)
{
    PGconn *c = connect_through(t, tunnel);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_query, c);
    PGresult *r = PQexec(c, sql);
    pthread_join(thread, NULL);
    printf("sqlstate=%s\n", PQresultErrorField(r, PG_DIAG_SQLSTATE));
    PQclear(r);
    PQfinish(c);
    return 0;
}

static int hold(struct tunnel *tunnel, char **more);

static int command(struct test *t, struct tunnel *tunnel, char **rest)
{
    if (strcmp(rest[0], "open") == 0)
        return 0;
    if (strcmp(rest[0], "query") == 0)
        return query(t, tunnel, rest + 1);
    if (strcmp(rest[0], "cancel") == 0)
        return cancel(t, tunnel, rest[1]);
    if (strcmp(rest[0], "hold") == 0)
        return hold(tunnel, rest + 1);
    return 64;
}

static void *cancel_open(void *test)
{
    struct test *t = test;
    poll(NULL, 0, t->cancel_after);
    if (write(t->cancel_pipe[1], "x", 1) != 1)
        abort();
    return NULL;
}

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

/* What one round leaves (a resolver's socket, say) is no leak; what every round leaves is. */
static int open_often(struct test *t)
{
    int descriptors = 0, threads = 0, opened = 0;
    for (int i = 0; i < t->often; i++) {
        struct tunnel *tunnel;
        struct err err = {0};
        t->answered = 0;
        if (tunnel_open(&tunnel, &t->options, &err)) {
            PQfinish(connect_through(t, tunnel));
            opened++;
        }
        tunnel_close(tunnel);
        if (i == 0) {
            descriptors = entries("/proc/self/fd");
            threads = entries("/proc/self/task");
        }
    }
    printf("opened=%d left: descriptors=%d threads=%d\n", opened, entries("/proc/self/fd") - descriptors,
           entries("/proc/self/task") - threads);
    return 0;
}

static int run(char **argv)
{
    struct test t = {.options = {.ask = on_ask, .phase = on_phase, .cancel_fd = -1}, .cancel_after = -1};
    struct tunnel *tunnel;
    struct err err = {0};
    pthread_t thread;
    char **rest = read_options(argv, &t);
    t.options.asker = &t;
    if (t.cancel_after >= 0) {
        if (pipe(t.cancel_pipe) != 0 || pthread_create(&thread, NULL, cancel_open, &t) != 0)
            abort();
        t.options.cancel_fd = t.cancel_pipe[0];
    }
    if (t.often)
        return open_often(&t);
    bool ok = tunnel_open(&tunnel, &t.options, &err);
    int rc = ok ? command(&t, tunnel, rest) : failed("open", &err);
    int64_t before = clock_mono_ms();
    tunnel_close(tunnel);
    printf("closed=%s\n", clock_mono_ms() - before < 1000 ? "quickly" : "slowly");
    if (t.cancel_after >= 0)
        pthread_join(thread, NULL);
    return rc;
}

static int hold(struct tunnel *tunnel, char **more)
{
    const struct tunnel_end *end = tunnel_end(tunnel);
    printf("end=%s port=%s\n", end->hostaddr ? end->hostaddr : end->socket_dir, end->port);
    fflush(stdout);
    if (*more)
        return run(more + 1);
    while (getchar() != EOF)
        ;
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    return run(argv + 1);
}
