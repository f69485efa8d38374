/* A fleet without any server: two hundred members on threads of their own, whose sessions fail at once; who shares what,
 * who speaks when, and that a cancel reaches all. Run under ThreadSanitizer by tools/check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/thread.h"
#include "op/fleet.h"
#include "scratch.h"

enum { MANY = 200 };

static char state_dir[] = "/tmp/seedops-fleet.XXXXXX";

/* One environment that stands for MANY databases on a socket that is not there, and one alone. */
static bool parse(struct settings *s)
{
    struct str text = {0};
    struct err err = {0};
    str_printf(&text, "environments:\n  alone: {url: 'postgresql://u@/x?host=%s'}\n"
                      "  many: {url: 'postgresql://u@/x?host=%s', databases: [d0", state_dir, state_dir);
    for (int i = 1; i < MANY; i++)
        str_printf(&text, ", d%d", i);
    str_add(&text, "]}\n");
    bool ok = settings_parse(s, "seedops.yaml", state_dir, text.text, text.length, NULL, &err);
    if (!ok)
        print_error("%s %s\n", err.message, err.at);
    str_free(&text);
    return ok;
}

struct heard {
    int speaking;                    /* never two at once: deliberately without a lock of its own */
    size_t events, done, foreign;
    size_t works;
};

static void hear(struct fleet_member *member, void *context, struct input *in)
{
    struct heard *h = context;
    assert_int_equal(++h->speaking, 1);
    h->events++;
    h->foreign += !in->environment || strcmp(in->environment, member->environment->name) != 0;
    input_free(in);
    h->speaking--;
}

static void done(struct fleet_member *member, void *context)
{
    struct heard *h = context;
    assert_int_equal(++h->speaking, 1);
    h->done++;
    assert_false(member->ok);
    h->speaking--;
}

static bool work(struct fleet_member *member, void *context, struct err *err)
{
    (void)member, (void)context;
    return err_set(err, ERR_GENERAL, "there was no server to be reached");
}

static struct fleet *open_all(struct settings *s, struct ctx *ctx, struct heard *h, int jobs)
{
    struct selection all;
    struct err err = {0};
    struct fleet *fleet = NULL;
    struct fleet_options options = {.ctx = ctx, .jobs = jobs, .work = work, .hear = hear, .done = done, .context = h};
    settings_select_all(s, &all);
    assert_true(fleet_open(&fleet, &all, &options, &err));
    return fleet;
}

static void every_member_ends_once(void **state)
{
    (void)state;
    struct settings s;
    struct heard h = {0};
    assert_true(parse(&s));
    struct ctx ctx = {.settings = &s, .cancel_fd = -1};
    struct fleet *fleet = open_all(&s, &ctx, &h, 0);
    assert_int_equal(fleet_count(fleet), MANY + 1);
    fleet_run(fleet);
    assert_int_equal(h.done, MANY + 1);
    assert_int_equal(h.foreign, 0);
    assert_int_equal(h.events, 2 * (MANY + 1));      /* connecting, failed */
    for (size_t i = 0; i < fleet_count(fleet); i++)
        assert_int_equal(fleet_member(fleet, i)->err.class, ERR_NOT_READY);
    assert_string_equal(fleet_member(fleet, 0)->environment->name, "alone");
    assert_string_equal(fleet_member(fleet, MANY)->environment->name, "many/d199");
    fleet_free(fleet);
    settings_free(&s);
}

static void a_cancel_reaches_all(void **state)
{
    (void)state;
    struct settings s;
    struct heard h = {0};
    assert_true(parse(&s));
    struct ctx ctx = {.settings = &s, .cancel_fd = eventfd(1, EFD_CLOEXEC)};
    struct fleet *fleet = open_all(&s, &ctx, &h, 3);
    fleet_run(fleet);
    assert_int_equal(h.done, MANY + 1);
    for (size_t i = 0; i < fleet_count(fleet); i++)
        assert_int_equal(fleet_member(fleet, i)->err.class, ERR_CANCELLED);
    close(ctx.cancel_fd);
    fleet_free(fleet);
    settings_free(&s);
}

/* ---- one that lasts ---- */

struct lasting { pthread_mutex_t lock; size_t joined, done, logs, looks; int first, firsts_most; };

/* Three looks; of the first ones no more than four at once. */
static bool look_thrice(struct fleet_member *member, void *context, struct err *err)
{
    struct lasting *l = context;
    bool brief;
    assert_true(fleet_phase(member) >= 0 && fleet_phase(member) < 1);
    for (int i = 0; i < 3; i++) {
        if (!fleet_enter(member, &brief, err))
            return false;
        assert_false(brief);
        pthread_mutex_lock(&l->lock);
        l->looks++;
        l->first += i == 0;
        l->firsts_most = l->first > l->firsts_most ? l->first : l->firsts_most;
        pthread_mutex_unlock(&l->lock);
        ctx_log(&member->ctx, "info", "looked");
        pthread_mutex_lock(&l->lock);
        l->first -= i == 0;
        pthread_mutex_unlock(&l->lock);
        fleet_leave(member);
    }
    return true;
}

static void hear_look(struct fleet_member *member, void *context, struct input *in)
{
    struct lasting *l = context;
    assert_string_equal(in->environment, member->environment->name);
    l->logs++;
    input_free(in);
}

static void look_done(struct fleet_member *member, void *context)
{
    (void)member;
    ((struct lasting *)context)->done++;
}

static void look_joined(struct fleet_member *member, void *context)
{
    (void)member;
    ((struct lasting *)context)->joined++;
}

static void drop(void *sink, struct input *in)
{
    (void)sink;
    input_free(in);
}

/* The one alone, and as many of the others as have a place. */
static void a_fleet_that_lasts(void **state)
{
    (void)state;
    struct settings s;
    struct selection all;
    struct err err = {0};
    struct fleet *fleet;
    struct lasting l = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct fleet_lasting how = {.wake_fd = -1, .joined = look_joined};
    assert_true(parse(&s));
    struct ctx ctx = {.settings = &s, .cancel_fd = -1, .emit = drop};
    struct fleet_options options = {.ctx = &ctx, .jobs = 4, .work = look_thrice, .hear = hear_look, .done = look_done,
                                    .lasting = &how, .context = &l};
    settings_select_all(&s, &all);
    assert_true(fleet_open(&fleet, &all, &options, &err));
    fleet_run(fleet);
    assert_int_equal(fleet_count(fleet), FLEET_JOBS_MOST);
    assert_int_equal(l.joined, FLEET_JOBS_MOST);
    assert_int_equal(l.done, FLEET_JOBS_MOST);
    assert_int_equal(l.looks, 3 * FLEET_JOBS_MOST);
    assert_int_equal(l.logs, 3 * FLEET_JOBS_MOST);
    assert_in_range(l.firsts_most, 1, 4);
    fleet_free(fleet);
    settings_free(&s);
}

/* ---- what they share ---- */

struct maker { int made; bool good; };

static bool make(void *context, struct secret **password, struct err *err)
{
    struct maker *m = context;
    m->made++;
    if (!m->good)
        return err_set(err, ERR_REFUSED, "nobody there to ask");
    *password = secret_new("s3cret", 6);
    return true;
}

struct asking { struct common *common; struct maker *maker; bool ok, same; };

static void *ask_for(void *argument)
{
    struct asking *a = argument;
    struct secret *password = NULL;
    struct err err = {0};
    a->ok = common_password(&a->common->made, make, a->maker, &password, &err);
    a->same = a->ok ? strcmp(secret_text(password), "s3cret") == 0 : err.class == ERR_REFUSED;
    secret_free(password);
    return NULL;
}

static void a_password_is_made_once(void **state)
{
    enum { ASKERS = 32 };
    (void)state;
    for (int good = 0; good < 2; good++) {
        struct common common;
        struct maker maker = {.good = good};
        struct asking askers[ASKERS];
        pthread_t threads[ASKERS];
        common_init(&common, &(struct visits){.lasting = false});
        for (int i = 0; i < ASKERS; i++) {
            askers[i] = (struct asking){&common, &maker, false, false};
            assert_true(thread_start_sized(&threads[i], THREAD_STACK_SMALL, ask_for, &askers[i]));
        }
        for (int i = 0; i < ASKERS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(askers[i].ok, good);
            assert_true(askers[i].same);
        }
        assert_int_equal(maker.made, 1);
        common_free(&common);
    }
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(state_dir))
        return -1;
    setenv("XDG_STATE_HOME", state_dir, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return scratch_remove(state_dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_ends_once), cmocka_unit_test(a_cancel_reaches_all),
        cmocka_unit_test(a_fleet_that_lasts),
        cmocka_unit_test(a_password_is_made_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
