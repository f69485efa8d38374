/* db_test - drives the db room for the tests/real/db_*.sh scripts: one subcommand a question, plain lines out.
 *
 *   db_test [keyword=value ...] [-- COMMAND ARGUMENT...]
 * Words before "--" go to libpq; timeout=MS, password=..., session=1, pooled=1 and cancel_after=MS are ours.
 * A failure prints "class=... sqlstate=..." with message, why and hint, and exits 1. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/conn.h"
#include "db/pipeline.h"

static int cancel_pipe[2] = {-1, -1};
static int cancel_after = -1;
static int64_t cancelled_at;

static int failed(const struct err *err)
{
    printf("class=%s sqlstate=%s\nmessage=%s\nwhy=%s\nhint=%s\n", err_class_name(err->class), err->sqlstate,
           err->message, err->why, err->hint);
    return 1;
}

static void on_notice(void *sink, const char *severity, const char *text)
{
    (void)sink;
    printf("notice=%s %s\n", severity, text);
}

static void *cancel_later(void *unused)
{
    (void)unused;
    poll(NULL, 0, cancel_after);
    cancelled_at = clock_mono_ms();
    if (write(cancel_pipe[1], "x", 1) != 1)
        abort();
    return NULL;
}

static void print_result(const struct db_result *r)
{
    for (size_t row = 0; r && row < db_rows(r); row++)
        for (size_t column = 0; column < db_columns(r); column++)
            printf("%s%s", db_value(r, row, column) ? db_value(r, row, column) : "(null)",
                   column + 1 < db_columns(r) ? "|" : "\n");
}

static int do_facts(struct db *db)
{
    const struct db_facts *f = db_facts(db);
    printf("host=%s\naddress=%s\nport=%s\ndatabase=%s\nuser=%s\nversion=%s\nnum=%d\nunix=%d\ntls=%d\n", f->host,
           f->address, f->port, f->database, f->user, f->server_version, f->server_version_num, f->unix_socket,
           f->tls);
    return 0;
}

/* run SQL...: each by db_run, results printed */
static int do_run(struct db *db, char **sql, int timeout_ms)
{
    for (; *sql; sql++) {
        struct err err = {0};
        struct db_result *r;
        unsigned position;
        if (!db_run(db, *sql, timeout_ms, &r, &position, &err)) {
            if (cancelled_at)
                printf("cancel_ms=%lld\n", (long long)(clock_mono_ms() - cancelled_at));
            printf("position=%u alive=%d\n", position, db_alive(db));
            return failed(&err);
        }
        print_result(r);
        db_result_free(r);
    }
    return 0;
}

/* probes [COUNT] SQL...: all SQLs in one pipeline, COUNT times over */
static int do_probes(struct db *db, char **sql)
{
    size_t times = strtoul(sql[0], NULL, 10), n = 0;
    if (times)
        sql++;
    else
        times = 1;
    while (sql[n])
        n++;
    struct db_probe *probes = calloc(times * n, sizeof *probes);
    for (size_t i = 0; i < times * n; i++)
        probes[i] = (struct db_probe){.name = sql[i % n], .sql = sql[i % n]};
    struct err err = {0};
    uint64_t before = db_round_trips(db);
    int rc = 0;
    if (!db_pipeline(db, probes, times * n, &err)) {
        rc = failed(&err);
    } else {
        size_t good = 0;
        for (size_t i = 0; i < times * n; i++) {
            good += probes[i].ok;
            if (times == 1 && probes[i].ok)
                print_result(probes[i].result);
            else if (times == 1)
                printf("failed: %s\n", db_probe_word(&probes[i]));
        }
        printf("ok=%zu trips=%d\n", good, (int)(db_round_trips(db) - before));
    }
    db_probes_free(probes, times * n);
    free(probes);
    return rc;
}

static int command(struct db *db, char **argv)
{
    if (!argv[0] || strcmp(argv[0], "facts") == 0)
        return do_facts(db);
    if (strcmp(argv[0], "run") == 0)
        return do_run(db, argv + 1, 0);
    if (strcmp(argv[0], "timed") == 0)
        return do_run(db, argv + 2, atoi(argv[1]));
    if (strcmp(argv[0], "probes") == 0)
        return do_probes(db, argv + 1);
    fprintf(stderr, "db_test: unknown command %s\n", argv[0]);
    return 64;
}

/* Takes the words before "--" apart; returns the place behind it. */
static char **read_options(char **argv, struct db_options *o, const char **keywords, const char **values)
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        char *value = strchr(*argv, '=');
        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp(*argv, "timeout") == 0) {
            o->connect_timeout_ms = atoi(value);
        } else if (strcmp(*argv, "password") == 0) {
            o->password = secret_new(value, strlen(value));
        } else if (strcmp(*argv, "session") == 0) {
            o->session_settings = true;
        } else if (strcmp(*argv, "readonly") == 0) {
            o->read_only = true;
        } else if (strcmp(*argv, "cancel_after") == 0) {
            cancel_after = atoi(value);
        } else {
            keywords[o->count] = *argv;
            values[o->count++] = value;
        }
    }
    return *argv ? argv + 1 : argv;
}

int main(int argc, char **argv)
{
    const char *keywords[64], *values[64];
    struct db_options options = {.keywords = keywords, .values = values, .notice = on_notice};
    struct err err = {0};
    struct db *db;
    pthread_t thread;
    (void)argc;
    char **rest = read_options(argv + 1, &options, keywords, values);
    if (pipe(cancel_pipe) != 0)
        return 1;
    options.cancel_fd = cancel_pipe[0];
    if (cancel_after >= 0 && pthread_create(&thread, NULL, cancel_later, NULL) != 0)
        return 1;
    int64_t start = clock_mono_ms();
    int rc;
    if (!db_open(&db, &options, &err)) {
        rc = failed(&err);
        printf("after_ms=%lld\n", (long long)(clock_mono_ms() - start));
    } else {
        rc = command(db, rest);
        db_close(db);
    }
    if (cancel_after >= 0)
        pthread_join(thread, NULL);
    secret_free((struct secret *)options.password);
    return rc;
}
