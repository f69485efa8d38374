/* db_test - drives the db room for the tests/real/db_*.sh scripts: one subcommand a question, plain lines out.
 *
 *   db_test [keyword=value ...] [-- COMMAND ARGUMENT...]
 * Words before "--" go to libpq; timeout=MS, password=..., session=1, readonly=1, pooled=1 and cancel_after=MS are ours.
 * A failure prints "class=... sqlstate=..." with message, why and hint, and exits 1. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "db/catalog.h"
#include "db/conn.h"
#include "db/copy.h"
#include "db/identity.h"
#include "db/pipeline.h"

static int cancel_pipe[2] = {-1, -1};
static int cancel_after = -1;
static bool hint_pooled;
static _Atomic int64_t cancelled_at;

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

/* reads SQL...: each in a transaction whose end nobody waits for, then whether the connection can be listened to; the last one is
 * left to the closing of the connection */
static int do_reads(struct db *db, char **sql)
{
    for (; *sql; sql++) {
        struct err err = {0};
        struct db_result *r;
        if (!db_run(db, "BEGIN READ ONLY", 0, NULL, NULL, &err) || !db_run(db, *sql, 0, &r, NULL, &err))
            return failed(&err);
        print_result(r);
        db_result_free(r);
        if (!db_end_reading(db, &err) || (sql[1] && strcmp(sql[1], "listen") == 0 && !db_listen(db, &err)))
            return failed(&err);
        sql += sql[1] && strcmp(sql[1], "listen") == 0;
    }
    printf("trips=%d\n", (int)db_round_trips(db));
    return 0;
}

/* probes [COUNT] SQL...: all SQLs in one pipeline, COUNT times over; joined: in one transaction */
static int do_probes(struct db *db, char **sql, bool joined)
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
        probes[i] = (struct db_probe){.name = sql[i % n], .sql = sql[i % n], .joins = joined && i > 0};
    struct err err = {0};
    uint64_t before = db_round_trips(db);
    int rc = 0;
    if (!db_pipeline(db, probes, times * n, &err)) {
        if (cancelled_at)
            printf("cancel_ms=%lld alive=%d\n", (long long)(clock_mono_ms() - cancelled_at), db_alive(db));
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

/* session SQL...: the probes once, "ready", and again for each line on stdin */
static int do_session(struct db *db, char **sql)
{
    char line[64];
    int rc;
    do {
        rc = do_probes(db, sql, false);
        puts("ready");
        fflush(stdout);
    } while (rc == 0 && fgets(line, sizeof line, stdin));
    return rc;
}

static int do_identity(struct db *db)
{
    struct db_identity id;
    struct db_peer peer;
    struct err err = {0};
    uint64_t before = db_round_trips(db);
    if (!db_identity_read(db, hint_pooled, &id, &err))
        return failed(&err);
    db_peer_read(db, &id, &peer);
    printf("system=%s\noid=%u\ndatabase=%s\nuser=%s\nrecovery=%d\nsuperuser=%d\ncreate_role=%d\ncan_create=%d\n",
           id.system_identifier, id.database_oid, id.database, id.user, id.in_recovery, id.superuser, id.create_role,
           id.can_create);
    printf("pooler=%d\nreason=%s\nclient=%s:%d\nseen=%d\nserver=%s:%d\n", id.transaction_pooler, id.pooler_reason,
           id.client_address, id.client_port, id.client_seen, id.server_address, id.server_port);
    printf("own=%s:%d\nloopback=%d\npeer=%s\npeer_pid=%d\ncontainer=%d\n", peer.own_address, peer.own_port,
           peer.loopback, peer.peer_program, peer.peer_pid, peer.container_network);
    printf("own_socket=%d\ntrips=%d\n",
           strcmp(peer.own_address, id.client_address) == 0 && peer.own_port == id.client_port,
           (int)(db_round_trips(db) - before));
    return 0;
}

static void print_columns(const struct db_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct db_column *c = &t->columns[i];
        printf("column %s.%s %s base=%s category=%c kind=%c max=%d num=%d,%d eq=%s%s%s%s%s%s", t->name, c->name,
               c->type.name, c->type.base, c->type.category, c->type.kind, c->type.max_length, c->type.precision,
               c->type.scale, c->type.has_equality ? c->type.equality : "-", c->not_null ? " notnull" : "",
               c->type.domain_not_null ? " domainnotnull" : "", c->generated ? " generated" : "",
               c->identity_always ? " always" : c->identity ? " identity" : "", c->has_default ? " default" : "");
        if (c->default_text)
            printf(" default=%s", c->default_text);
        if (c->sequence)
            printf(" sequence=%s", c->sequence);
        for (size_t l = 0; l < c->type.label_count; l++)
            printf(" label=%s", c->type.labels[l]);
        printf("%s%s%s\n", c->can_select ? "" : " noselect", c->can_insert ? "" : " noinsert",
               c->can_update ? "" : " noupdate");
    }
}

static void print_keys(const struct db_table *t)
{
    for (size_t i = 0; i < t->key_count; i++) {
        printf("key %s.%s%s%s%s", t->name, t->keys[i].name, t->keys[i].primary ? " primary" : "",
               t->keys[i].deferrable ? " deferrable" : "", t->keys[i].nulls_not_distinct ? " nullsnotdistinct" : "");
        for (size_t c = 0; c < t->keys[i].count; c++)
            printf(" %s", t->columns[t->keys[i].columns[c]].name);
        printf("\n");
    }
    for (size_t i = 0; i < t->foreign_key_count; i++) {
        const struct db_foreign_key *k = &t->foreign_keys[i];
        printf("fk %s.%s -> %s.%s delete=%c%s%s", t->name, k->name, k->target_schema, k->target_name, k->on_delete,
               k->deferrable ? " deferrable" : "", k->initially_deferred ? " deferred" : "");
        for (size_t c = 0; c < k->count; c++)
            printf(" %s=%s", t->columns[k->columns[c]].name, k->target_columns[c]);
        printf("\n");
    }
}

static void print_table(const struct db_table *t)
{
    printf("table %s.%s kind=%c path=%d details=%d rights=%d%d%d%d rls=%d triggers=%d bytes=%s heap=%s excess=%s "
           "live=%lld inserted=%lld deleted=%lld reltuples=%.0f\n", t->schema, t->name, t->kind, t->on_path, t->details,
           t->can_select, t->can_insert, t->can_update, t->can_delete, t->row_security, t->has_triggers,
           t->bytes < 0 ? "unknown" : t->bytes ? "some" : "0", t->heap_bytes < 0 ? "unknown" : t->heap_bytes ? "some" : "0",
           t->index_excess < 0 ? "unknown" : t->index_excess ? "some" : "0", (long long)t->live,
           (long long)t->inserted, (long long)t->deleted, t->reltuples);
    print_columns(t);
    print_keys(t);
}

/* catalog [NAME...]: without names everything in detail; "count" as the only name prints numbers alone */
static int do_catalog(struct db *db, char **names)
{
    struct db_catalog catalog;
    struct err err = {0};
    size_t n = 0;
    while (names[n])
        n++;
    uint64_t before = db_round_trips(db);
    int64_t start = clock_mono_ms();
    if (!db_catalog_load(db, &catalog, (const char *const *)names, n, n == 0, &err))
        return failed(&err);
    printf("tables=%zu schema=%s trips=%d ms=%lld\n", catalog.count, catalog.default_schema,
           (int)(db_round_trips(db) - before), (long long)(clock_mono_ms() - start));
    for (size_t i = 0; i < catalog.count; i++)
        if (catalog.tables[i].details)
            print_table(&catalog.tables[i]);
    for (size_t i = 0; i < n; i++) {
        const char *suggestion;
        const struct db_table *t = db_catalog_find(&catalog, names[i], &suggestion);
        printf("find %s: %s%s%s%s\n", names[i], t ? t->schema : "none", t ? "." : "", t ? t->name : "",
               suggestion ? suggestion : "");
    }
    db_catalog_free(&catalog);
    return 0;
}

/* copyout SQL [ABANDON_AFTER [CANCEL_AFTER]]: fields between |; after so many rows, 0: never */
static int do_copy_out(struct db *db, char **argv)
{
    struct err err = {0};
    const char *row;
    size_t length, rows = 0, stop = argv[1] ? strtoul(argv[1], NULL, 10) : 0;
    size_t cancel = argv[1] && argv[2] ? strtoul(argv[2], NULL, 10) : 0;
    if (!db_copy_out_begin(db, argv[0], &err))
        return failed(&err);
    for (;; rows++) {
        if (cancel && rows == cancel && write(cancel_pipe[1], "x", 1) != 1)
            return 1;
        if (stop && rows == stop) {
            printf("abandoned=%d alive=%d\n", db_copy_out_abandon(db, &err), db_alive(db));
            char next[] = "SELECT 'still works'", *statements[] = {next, NULL};
            return do_run(db, statements, 0);
        }
        if (!db_copy_out_row(db, &row, &length, &err)) {
            printf("cancel_ms=%lld alive=%d\n", (long long)(clock_mono_ms() - cancelled_at), db_alive(db));
            return failed(&err);
        }
        if (!row)
            break;
        char *fields[16], *copy = xstrndup(row, length);
        size_t n = db_copy_split(copy, length, fields, 16);
        for (size_t i = 0; rows < 10 && i < n; i++)
            printf("%s%s", fields[i] ? fields[i] : "(null)", i + 1 < n ? "|" : "\n");
        free(copy);
    }
    printf("rows=%zu\n", rows);
    return 0;
}

/* copyin SQL ROWS [FAILURE]: ROWS times "N<tab>text with a tab" */
static int do_copy_in(struct db *db, char **argv)
{
    struct err err = {0};
    int64_t copied = 0;
    size_t rows = strtoul(argv[1], NULL, 10);
    if (!db_copy_in_begin(db, argv[0], &err))
        return failed(&err);
    struct str line = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < rows; i++) {
        str_reset(&line);
        str_printf(&line, "%zu\t", i);
        db_copy_field(&line, i % 2 ? "a\tb\\c\nd" : NULL);
        str_add_char(&line, '\n');
        ok = db_copy_in_put(db, str_text(&line), line.length, &err);
    }
    str_free(&line);
    ok = ok && db_copy_in_end(db, argv[2], &copied, &err);
    if (cancelled_at)
        printf("cancel_ms=%lld alive=%d\n", (long long)(clock_mono_ms() - cancelled_at), db_alive(db));
    printf("copied=%lld\n", (long long)copied);
    return ok ? 0 : failed(&err);
}

static int command(struct db *db, char **argv)
{
    if (!argv[0] || strcmp(argv[0], "facts") == 0)
        return do_facts(db);
    if (strcmp(argv[0], "run") == 0)
        return do_run(db, argv + 1, 0);
    if (strcmp(argv[0], "timed") == 0)
        return do_run(db, argv + 2, atoi(argv[1]));
    if (strcmp(argv[0], "commit") == 0) {
        db_mark_committing(db, true);
        return do_run(db, argv + 1, 0);
    }
    if (strcmp(argv[0], "reads") == 0)
        return do_reads(db, argv + 1);
    if (strcmp(argv[0], "probes") == 0 || strcmp(argv[0], "joined") == 0)
        return do_probes(db, argv + 1, argv[0][0] == 'j');
    if (strcmp(argv[0], "session") == 0)
        return do_session(db, argv + 1);
    if (strcmp(argv[0], "identity") == 0)
        return do_identity(db);
    if (strcmp(argv[0], "catalog") == 0)
        return do_catalog(db, argv + 1);
    if (strcmp(argv[0], "copyout") == 0)
        return do_copy_out(db, argv + 1);
    if (strcmp(argv[0], "copyin") == 0)
        return do_copy_in(db, argv + 1);
    if (strcmp(argv[0], "ahead") == 0) {   /* ahead SQL COMMAND...: it is sent before the command */
        bool sent = db_send_ahead(db, argv[1]);
        int rc = argv[2] ? command(db, argv + 2) : 0;
        printf("sent=%d round_trips=%llu\n", sent, (unsigned long long)db_round_trips(db));
        return rc;
    }
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
        } else if (strcmp(*argv, "pooled") == 0) {
            hint_pooled = true;
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
