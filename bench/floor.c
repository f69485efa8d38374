/* floor - what each job costs when nothing is wasted: the yardstick that bench/run holds seedops against.
 *
 *   floor diff CSV TABLE      merge a sorted CSV (key in column 1) with COPY ... ORDER BY key, count differences
 *   floor seed CSV TABLE      COPY the CSV into an empty table, one transaction
 *   floor apply DIR           each *.sql of DIR not yet noted, in order: one transaction and one round trip each
 *   floor sql SQL...          send each in a round trip of its own, look at nothing
 *   floor counts              count every table of the database: their names in one round trip, one pipeline of counts
 *   floor queries FILE        send recorded pipelines (see record.py): one round trip a group
 *   floor measure OUT CMD...  run CMD; append "wall_ms peak_private_kb peak_rss_kb exit" to OUT
 *   floor frame OUT CMD...    run CMD on a pty of 100x30; append the ms until its first painted screen
 *
 * Connection parameters come from PG* variables. Deliberately without error handling beyond "die". */
#include <libpq-fe.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "floor: %s: %s\n", what, why ? why : "");
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static PGconn *open_db(void)
{
    PGconn *c = PQconnectdb("");
    if (PQstatus(c) != CONNECTION_OK)
        die("connect", PQerrorMessage(c));
    return c;
}

static void run_sql(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_COPY_IN && s != PGRES_COPY_OUT)
        die(sql, PQerrorMessage(c));
    PQclear(r);
}

static char *map_file(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0)
        die("open", path);
    char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    *size = (size_t)st.st_size;
    return bytes;
}

static int compare_keys(const char *a, size_t an, const char *b, size_t bn)
{
    size_t al = (size_t)((const char *)memchr(a, ',', an) - a), bl = (size_t)((const char *)memchr(b, ',', bn) - b);
    int order = memcmp(a, b, al < bl ? al : bl);
    return order ? order : (al > bl) - (al < bl);
}

static int diff(const char *csv, const char *table)
{
    size_t size;
    char *at = map_file(csv, &size), *end = at + size, *live, sql[512];
    at = (char *)memchr(at, '\n', size) + 1;
    PGconn *c = open_db();
    snprintf(sql, sizeof sql, "COPY (SELECT * FROM %s ORDER BY code COLLATE \"C\") TO STDOUT (FORMAT csv)", table);
    run_sql(c, sql);
    long same = 0, changed = 0, missing = 0, extra = 0;
    int n = PQgetCopyData(c, &live, 0);
    while (at < end || n > 0) {
        const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        size_t length = stop ? (size_t)(stop + 1 - at) : 0;
        int order = !stop ? 1 : n <= 0 ? -1 : compare_keys(at, length, live, (size_t)n);
        if (order == 0 && length == (size_t)n && memcmp(at, live, length) == 0)
            same++;
        else
            *(order < 0 ? &missing : order > 0 ? &extra : &changed) += 1;
        if (order <= 0)
            at += length;
        if (order >= 0) {
            PQfreemem(live);
            n = PQgetCopyData(c, &live, 0);
        }
    }
    printf("same %ld changed %ld missing %ld extra %ld\n", same, changed, missing, extra);
    PQfinish(c);
    return 0;
}

static int seed(const char *csv, const char *table)
{
    size_t size;
    char *bytes = map_file(csv, &size), *body = (char *)memchr(bytes, '\n', size) + 1, sql[512];
    PGconn *c = open_db();
    run_sql(c, "BEGIN");
    snprintf(sql, sizeof sql, "COPY %s FROM STDIN (FORMAT csv)", table);
    run_sql(c, sql);
    for (size_t left = size - (size_t)(body - bytes), n; left; left -= n, body += n) {
        n = left < 65536 ? left : 65536;
        if (PQputCopyData(c, body, (int)n) != 1)
            die("copy", PQerrorMessage(c));
    }
    PQputCopyEnd(c, NULL);
    for (PGresult *r; (r = PQgetResult(c)); PQclear(r))
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            die("copy", PQerrorMessage(c));
    run_sql(c, "COMMIT");
    PQfinish(c);
    return 0;
}

static int is_sql(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && strcmp(d->d_name + n - 4, ".sql") == 0;
}

static void apply_one(PGconn *c, const char *dir, const char *name)
{
    char path[4096], *sql;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    char *script = map_file(path, &size);
    if (asprintf(&sql, "BEGIN;%.*s;INSERT INTO ledger (filename, checksum) VALUES ('%s', '%064d');COMMIT", (int)size, script,
                 name, 0) < 0)
        die("memory", name);
    run_sql(c, sql);
    free(sql);
    munmap(script, size);
}

static int apply(const char *dir)
{
    struct dirent **files;
    int count = scandir(dir, &files, is_sql, alphasort), applied = 0, at = 0;
    PGconn *c = open_db();
    run_sql(c, "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS ledger (id serial PRIMARY KEY, filename text "
               "NOT NULL UNIQUE, applied_at timestamp NOT NULL DEFAULT now(), checksum text NOT NULL)");
    PGresult *known = PQexec(c, "SELECT filename FROM ledger ORDER BY filename COLLATE \"C\"");
    for (int i = 0; i < count; i++) {
        while (at < PQntuples(known) && strcmp(PQgetvalue(known, at, 0), files[i]->d_name) < 0)
            at++;
        if (at < PQntuples(known) && strcmp(PQgetvalue(known, at, 0), files[i]->d_name) == 0)
            continue;
        apply_one(c, dir, files[i]->d_name);
        applied++;
    }
    printf("%d files, %d applied\n", count, applied);
    PQfinish(c);
    return 0;
}

static int each_sql(char **statements)
{
    PGconn *c = open_db();
    for (; *statements; statements++)
        run_sql(c, *statements);
    PQfinish(c);
    return 0;
}

static int counts(void)
{
    PGconn *c = open_db();
    PGresult *names = PQexec(c, "SELECT 'SELECT count(*) FROM ' || oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND "
                                "relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)");
    long long rows = 0;
    PQenterPipelineMode(c);
    for (int i = 0; i < PQntuples(names); i++)
        if (!PQsendQueryParams(c, PQgetvalue(names, i, 0), 0, NULL, NULL, NULL, NULL, 0))
            die("send", PQerrorMessage(c));
    PQpipelineSync(c);
    for (bool over = false; !over;) {
        PGresult *r = PQgetResult(c);
        if (PQresultStatus(r) == PGRES_TUPLES_OK)
            rows += atoll(PQgetvalue(r, 0, 0));
        else if (r && PQresultStatus(r) != PGRES_PIPELINE_SYNC)
            die("count", PQerrorMessage(c));
        over = PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        PQclear(r);
    }
    printf("%d tables, %lld rows\n", PQntuples(names), rows);
    PQclear(names);
    PQfinish(c);
    return 0;
}

/* The file: lines "Q<n params>", then the statement and each parameter as "<bytes>\n<text>\n"; "S" is a Sync,
 * "F" ends a round trip. */
static char *take_text(char **at)
{
    size_t length = strtoul(*at, at, 10);
    char *text = ++*at;
    *at += length;
    *(*at)++ = '\0';
    return text;
}

static int queries(const char *file)
{
    size_t size;
    char *bytes = map_file(file, &size), *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    PGconn *c = open_db();
    PQenterPipelineMode(c);
    int sent = 0, trips = 0;
    for (char *at = copy; *at;) {
        char kind = *at++;
        if (kind == 'Q') {
            int count = (int)strtol(at, &at, 10);
            at++;
            char *sql = take_text(&at), *params[16];
            for (int i = 0; i < count; i++)
                params[i] = take_text(&at);
            if (!PQsendQueryParams(c, sql, count, NULL, (const char *const *)params, NULL, NULL, 0))
                die("send", PQerrorMessage(c));
            sent += 1;
        } else if (kind == 'S') {
            PQpipelineSync(c);
            sent += 1;
            at++;
        } else {
            for (int syncs = 0; sent > 0 && syncs < 100000; syncs++) {
                PGresult *r = PQgetResult(c);
                if (!r)
                    continue;
                sent--;
                if (PQresultStatus(r) == PGRES_FATAL_ERROR)
                    die("query", PQresultErrorMessage(r));
                PQclear(r);
            }
            trips++;
            at++;
        }
    }
    printf("%d round trips\n", trips);
    PQfinish(c);
    return 0;
}

static long private_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "RssAnon: %ld kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}

static int measure(const char *out, char **command)
{
    double began = now_ms();
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    long peak = 0;
    int status;
    struct rusage usage;
    /* Sampled every half millisecond: the peak may be missed by as much. */
    while (wait4(pid, &status, WNOHANG, &usage) == 0) {
        long kb = private_kb(pid);
        peak = kb > peak ? kb : peak;
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    FILE *f = fopen(out, "a");
    fprintf(f, "%.3f %ld %ld %d\n", now_ms() - began, peak, usage.ru_maxrss, WEXITSTATUS(status));
    fclose(f);
    return 0;
}

/* A screen is painted when output came and then none for 5 ms. */
static int frame(const char *out, char **command)
{
    struct winsize size = {.ws_row = 30, .ws_col = 100};
    int master;
    double began = now_ms(), last = 0;
    pid_t pid = forkpty(&master, NULL, NULL, &size);
    if (pid == 0) {
        setenv("TERM", "xterm-256color", 1);
        execvp(command[0], command);
        _exit(127);
    }
    char bytes[65536];
    size_t seen = 0;
    for (;;) {
        struct pollfd p = {.fd = master, .events = POLLIN};
        int ready = poll(&p, 1, seen > 500 ? 5 : 5000);
        if (ready <= 0)
            break;
        ssize_t n = read(master, bytes, sizeof bytes);
        if (n <= 0)
            break;
        seen += (size_t)n;
        last = now_ms();
    }
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    FILE *f = fopen(out, "a");
    fprintf(f, "%.3f %zu\n", last - began, seen);
    fclose(f);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "diff") == 0)
        return diff(argv[2], argv[3]);
    if (argc == 4 && (strcmp(argv[1], "seed") == 0))
        return seed(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "apply") == 0)
        return apply(argv[2]);
    if (argc > 2 && strcmp(argv[1], "sql") == 0)
        return each_sql(argv + 2);
    if (argc == 2 && strcmp(argv[1], "counts") == 0)
        return counts();
    if (argc == 3 && strcmp(argv[1], "queries") == 0)
        return queries(argv[2]);
    if (argc > 3 && strcmp(argv[1], "measure") == 0)
        return measure(argv[2], argv + 3);
    if (argc > 3 && strcmp(argv[1], "frame") == 0)
        return frame(argv[2], argv + 3);
    fputs("usage: floor diff|seed CSV TABLE | apply DIR | sql SQL... | queries FILE | measure|frame OUT CMD...\n", stderr);
    return 64;
}
