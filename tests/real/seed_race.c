/* Two seeds and a writer on the same keys, many times (SAFETY 5 "Seed").
 *
 *   seed_race URL SEEDS ROUNDS      the table race(k, v, n) and the fixture's rows in expected(k, v) are there
 *
 * Each round two threads seed while a third inserts, changes and deletes the same rows. Whatever the others do, a
 * seed ends in one of two ways: every declared row was there when it committed, or a conflict that names a row.
 * Never a duplicate key, a deadlock or a half-written table. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "op/ops.h"

struct seeder {
    const char *url, *seeds;
    pthread_barrier_t *start, *end;
    int rounds;
    atomic_int *failures;
    int fine, conflicts, replans;
};

/* Only that a seed planned again is of interest. */
static void listen(void *sink, struct input *in)
{
    struct seeder *s = sink;
    if (in->kind == IN_LOG && in->text && strstr(in->text, "planning again"))
        s->replans++;
    input_free(in);
}

static bool prepare(const struct seeder *s, struct settings *settings, struct ctx *ctx, struct err *err)
{
    struct settings_options options = {.url = s->url, .seeds = s->seeds};
    if (!settings_load(settings, &options, NULL, err))
        return false;
    *ctx = (struct ctx){.settings = settings, .face = GUARD_COMMAND, .explicit_target = true, .cancel_fd = -1};
    return settings_choose(settings, &options, NULL, &ctx->environment, err);
}

static void *seed_rounds(void *context)
{
    struct seeder *s = context;
    struct settings settings;
    struct ctx ctx;
    struct session session;
    struct err err = {0};
    struct seed_options options = {.scan = true};
    bool open = prepare(s, &settings, &ctx, &err);
    ctx.emit = listen;
    ctx.sink = s;
    open = open && session_open(&session, &ctx, &err);
    if (!open) {
        printf("# cannot start: %s %s\n", err.message, err.why);
        atomic_fetch_add(s->failures, 1);
    }
    for (int i = 0; i < s->rounds; i++) {
        pthread_barrier_wait(s->start);
        if (open && op_seed(&session, &options, &err)) {
            s->fine++;
        } else if (open && err.class == ERR_CONFLICT) {
            s->conflicts++;
        } else if (open) {
            printf("# round %d: %s (%s) %s\n", i, err.message, err.sqlstate, err.why);
            atomic_fetch_add(s->failures, 1);
        }
        pthread_barrier_wait(s->end);
    }
    if (open)
        session_close(&session);
    settings_free(&settings);
    return NULL;
}

/* Without a session: its connections tell of their statements, and outlive it nowhere. */
static struct db *connect_plain(const char *url)
{
    struct err err = {0};
    struct seeder s = {.url = url};
    struct settings settings;
    struct ctx ctx;
    struct db *db = NULL;
    bool ok = prepare(&s, &settings, &ctx, &err);
    if (ok) {
        const struct url *parsed = &ctx.environment->url;
        struct db_options options = {.keywords = (const char *const *)parsed->keywords,
                                     .values = (const char *const *)parsed->values, .count = parsed->count, .cancel_fd = -1};
        ok = db_open(&db, &options, &err);
    }
    if (!ok)
        printf("# writer: %s %s\n", err.message, err.why);
    settings_free(&settings);
    return ok ? db : NULL;
}

struct writer {
    struct db *db;
    pthread_barrier_t *start, *end;
    int rounds;
};

/* A deadlock may choose the writer, which then gives up what it was doing. */
static void write_once(struct db *db, int round)
{
    int k = (int)clock_jitter(12);
    struct err err = {0};
    bool ok = true;
    switch (clock_jitter(4)) {
    case 0:
        ok = db_runf(db, &err, "INSERT INTO race VALUES ('k%02d', 'writer', 1) ON CONFLICT (k) DO NOTHING", k);
        break;
    case 1:
        ok = db_runf(db, &err, "UPDATE race SET v = 'writer' WHERE k = 'k%02d'", k);
        break;
    case 2:
        ok = db_runf(db, &err, "DELETE FROM race WHERE k = 'k%02d'", k);
        break;
    default:
        ok = db_runf(db, &err, "BEGIN; UPDATE race SET n = n + 1 WHERE k >= 'k%02d'; SELECT pg_sleep(0.00%d); COMMIT",
                     k, round % 5);
    }
    if (!ok)
        db_run(db, "ROLLBACK", 0, NULL, NULL, NULL);
}

/* A few transactions a round. */
static void *write_rounds(void *context)
{
    struct writer *w = context;
    for (int i = 0; i < w->rounds; i++) {
        pthread_barrier_wait(w->start);
        for (uint32_t n = clock_jitter(4); n > 0; n--)
            write_once(w->db, i);
        pthread_barrier_wait(w->end);
    }
    return NULL;
}

/* Once nobody writes any more, one seed makes everything right. */
static int settle(const struct seeder *s, struct db *db)
{
    struct settings settings;
    struct ctx ctx;
    struct session session;
    struct err err = {0};
    struct seed_options options = {.scan = true};
    struct db_result *result = NULL;
    int wrong = 1;
    if (prepare(s, &settings, &ctx, &err) && session_open(&session, &ctx, &err)) {
        if (!op_seed(&session, &options, &err))
            printf("# the last seed: %s %s\n", err.message, err.why);
        session_close(&session);
    }
    settings_free(&settings);
    if (db_run(db, "SELECT count(*) FROM expected e LEFT JOIN race r USING (k) WHERE r.v IS DISTINCT FROM e.v", 0,
               &result, NULL, &err))
        wrong = (int)db_int(result, 0, 0, 1);
    db_result_free(result);
    return wrong;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    int rounds = atoi(argv[3]);
    atomic_int failures = 0;
    pthread_barrier_t start, end;
    pthread_barrier_init(&start, NULL, 3);
    pthread_barrier_init(&end, NULL, 3);
    struct seeder one = {.url = argv[1], .seeds = argv[2], .start = &start, .end = &end, .rounds = rounds,
                         .failures = &failures}, two = one;
    struct writer writer = {.db = connect_plain(argv[1]), .start = &start, .end = &end, .rounds = rounds};
    if (!writer.db)
        return 1;
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, seed_rounds, &one);
    pthread_create(&threads[1], NULL, seed_rounds, &two);
    pthread_create(&threads[2], NULL, write_rounds, &writer);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    int fine = one.fine + two.fine, conflicts = one.conflicts + two.conflicts;
    int replans = one.replans + two.replans;
    printf("# %d seeds fine, %d planned again, %d gave up after three conflicts\n", fine, replans, conflicts);
    int wrong = settle(&one, writer.db);
    db_close(writer.db);
    printf("%s 1 - two seeds and a writer, %d times: only success or a named conflict\n",
           failures ? "not ok" : "ok", rounds);
    printf("%s 2 - they met each other, and most of them succeed\n", replans && fine > conflicts ? "ok" : "not ok");
    printf("%s 3 - and one more seed makes every row right\n", wrong ? "not ok" : "ok");
    return failures || wrong || fine <= conflicts || !replans;
}
