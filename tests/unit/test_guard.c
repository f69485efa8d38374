/* The guard's table against SAFETY 2, written down a second time in another form: every class on local and
 * non-local, in both faces, with everything an operator may have given or left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard/decide.h"

static const struct guard_facts local_facts = {
    .environment = "local", .role_local = true, .unix_socket = true, .loopback = GUARD_YES,
    .peer_forwards = GUARD_NO,
};
static const struct guard_facts remote_facts = {
    .environment = "production", .role_production = true, .loopback = GUARD_NO, .sees_our_socket = GUARD_YES,
};

/* SAFETY's table as a person would say it: R nothing, W write mode, N name, A variable, T name or an explicit
 * command, X never. One string a face: local, then non-local. */
static const struct { const char *local_console, *local_command, *remote_console, *remote_command; }
expected[GUARD_CLASS_COUNT] = {
    [GUARD_READ] = {"", "", "", ""},
    [GUARD_SESSION] = {"W", "", "WN", "N"},
    [GUARD_KEEP] = {"W", "", "WN", "N"},
    [GUARD_MIGRATE] = {"W", "", "WN", "T"},
    [GUARD_SEED] = {"W", "", "WA", "A"},
    [GUARD_DESTROY] = {"N", "N", "NA", "NA"},
    [GUARD_WIPE] = {"N", "N", "X", "X"},
};

static bool expect(const char *row, const struct guard_request *r, bool exact_name, bool variable)
{
    for (; *row; row++) {
        if ((*row == 'W' && !r->write_mode) || (*row == 'N' && !exact_name) || (*row == 'A' && !variable)
            || (*row == 'T' && !exact_name && !r->explicit_target) || *row == 'X')
            return false;
    }
    return true;
}

static void check_sentences(const struct guard_answer *a)
{
    assert_true(a->reason_count > 0);
    for (size_t i = 0; i < a->reason_count; i++) {
        size_t length = strlen(a->reasons[i]);
        assert_in_range(length, 20, GUARD_REASON - 2);
        assert_int_equal(a->reasons[i][length - 1], '.');   /* whole: not cut */
        assert_true(a->reasons[i][0] >= 'A' && a->reasons[i][0] <= 'Z');
    }
}

/* What is printed as the allowing line, done: does it allow? */
static void check_allow_line(const struct guard_facts *facts, const struct guard_request *request,
                             const struct guard_answer *refused)
{
    struct guard_facts f = *facts;
    struct guard_request r = *request;
    char confirm[100];
    snprintf(confirm, sizeof confirm, "--confirm %s", f.environment);
    if (strncmp(refused->allow_line, "ALLOW_PROD_SEED=true ", 21) == 0)
        f.allow_prod_seed = "true";
    r.explicit_target = strstr(refused->allow_line, f.environment) != NULL;
    r.typed = strstr(refused->allow_line, confirm) ? f.environment : NULL;
    r.write_mode = true;                      /* W and the name are asked for by the console itself */
    if (r.face == GUARD_CONSOLE)
        r.typed = f.environment;
    struct guard_answer again;
    if (!guard_decide(&f, &r, &again))
        fail_msg("does not allow: %s", refused->allow_line);
}

static void every_row(void **state)
{
    (void)state;
    static const struct { const char *text; bool counts; } variables[] = {
        {NULL, false}, {"", false}, {"0", false}, {"false", false}, {"true", true}, {"1", true}};
    unsigned seen = 0;
    for (int class = 0; class < GUARD_CLASS_COUNT; class++)
    for (int local = 0; local < 2; local++)
    for (int face = GUARD_CONSOLE; face <= GUARD_COMMAND; face++)
    for (int write_mode = 0; write_mode < 2; write_mode++)
    for (int explicit = 0; explicit < 2; explicit++)
    for (size_t v = 0; v < sizeof variables / sizeof *variables; v++)
    for (int t = 0; t < 6; t++) {
        struct guard_facts f = local ? local_facts : remote_facts;
        char trailing[32], upper[32];
        snprintf(trailing, sizeof trailing, "%s ", f.environment);
        snprintf(upper, sizeof upper, "%s", f.environment);
        upper[0] = (char)(upper[0] - 32);
        const char *typed[6] = {NULL, "", f.environment, trailing, upper, "x"};
        f.allow_prod_seed = variables[v].text;
        struct guard_request r = {.class = (enum guard_class)class, .face = (enum guard_face)face,
                                  .action = class == GUARD_DESTROY ? "prune" : NULL,
                                  .write_mode = write_mode, .explicit_target = explicit, .typed = typed[t]};
        bool console = face == GUARD_CONSOLE;
        const char *row = local ? (console ? expected[class].local_console : expected[class].local_command)
            : console ? expected[class].remote_console : expected[class].remote_command;
        bool want = expect(row, &r, t == 2, variables[v].counts);
        struct guard_answer a;
        bool got = guard_decide(&f, &r, &a);
        if (got != want)
            fail_msg("%s, local %d, console %d: W %d, typed \"%s\", explicit %d, ALLOW_PROD_SEED %s: %d",
                     guard_class_name(r.class), local, console, write_mode, typed[t] ? typed[t] : "(nothing)",
                     explicit, variables[v].text ? variables[v].text : "unset", got);
        assert_int_equal(a.allowed, got);
        assert_int_equal(a.local, local);
        bool never = strchr(row, 'X') != NULL;
        assert_int_equal(a.needs_write_mode, strchr(row, 'W') && !write_mode);
        bool name_wanted = strchr(row, 'N') || (strchr(row, 'T') && !explicit);
        assert_int_equal(a.needs_name, name_wanted && !never && t != 2);
        check_sentences(&a);
        if (got || never)
            assert_string_equal(a.allow_line, "");
        else if (*a.allow_line)
            check_allow_line(&f, &r, &a);
        else   /* only what the screen asks for itself is missing, or a class with several commands */
            assert_true((console && (!strchr(row, 'A') || variables[v].counts))
                        || class == GUARD_KEEP || class == GUARD_SESSION);
        seen++;
    }
    assert_int_equal(seen, 7 * 2 * 2 * 2 * 2 * 6 * 6);
}

static void allow_lines(void **state)
{
    (void)state;
    struct guard_facts f = remote_facts;
    struct guard_request r = {.class = GUARD_SEED, .face = GUARD_COMMAND};
    struct guard_answer a;
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "ALLOW_PROD_SEED=true seedops seed production");
    assert_string_equal(a.reasons[0],
                        "ALLOW_PROD_SEED is not set: writing rows to a database that is not local needs it.");
    r.action = "boot";
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "ALLOW_PROD_SEED=true seedops boot production");
    r = (struct guard_request){.class = GUARD_DESTROY, .action = "reset", .face = GUARD_COMMAND};
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "ALLOW_PROD_SEED=true seedops reset production --confirm production");
    f.allow_prod_seed = "yes";
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "seedops reset production --confirm production");
    r = (struct guard_request){.class = GUARD_MIGRATE, .face = GUARD_COMMAND};
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "seedops migrate production");
    r = (struct guard_request){.class = GUARD_SEED, .face = GUARD_CONSOLE, .write_mode = true};
    f.allow_prod_seed = NULL;
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "ALLOW_PROD_SEED=true seedops production");
}

static void allow_line_of_a_url(void **state)
{
    (void)state;
    struct guard_facts f = remote_facts;
    struct guard_request r = {.class = GUARD_MIGRATE, .face = GUARD_COMMAND};
    struct guard_answer a;
    f.environment = "app@db.example.org";
    f.target = "";                      /* DATABASE_URL without seedops.yaml: nothing but its name to give */
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "seedops migrate --confirm app@db.example.org");
    f.target = "--url \"$URL\"";
    r.class = GUARD_SEED;
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "ALLOW_PROD_SEED=true seedops seed --url \"$URL\"");
}

static void hostile_names(void **state)
{
    (void)state;
    struct guard_facts f = remote_facts;
    struct guard_request r = {.class = GUARD_DESTROY, .action = "prune", .face = GUARD_COMMAND};
    struct guard_answer a;
    f.environment = "x; rm -rf '$HOME'@h";
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "ALLOW_PROD_SEED=true seedops prune 'x; rm -rf '\\''$HOME'\\''@h' "
                                      "--confirm 'x; rm -rf '\\''$HOME'\\''@h'");
    f.environment = "pro\033[2Jd";      /* must not reach a terminal, nor be offered for copying */
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "");
    for (size_t i = 0; i < a.reason_count; i++)
        assert_null(strchr(a.reasons[i], '\033'));
    char longer[2000];
    memset(longer, 'n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (size_t length = 250; length < 640; length++) {   /* never a line that was cut */
        f.environment = longer + sizeof longer - 1 - length;
        guard_decide(&f, &r, &a);
        check_sentences(&a);
        size_t whole = strlen("ALLOW_PROD_SEED=true seedops prune  --confirm ") + 2 * length;
        assert_true(*a.allow_line == '\0' || strlen(a.allow_line) == whole);
    }
    f.environment = "";
    r.typed = "";
    assert_false(guard_decide(&f, &r, &a));
    f.environment = NULL;
    assert_false(guard_decide(&f, &r, &a));
}

static void local_means_all_of(void **state)
{
    (void)state;
    unsigned locals = 0;
    for (int bits = 0; bits < 32; bits++)
    for (int loopback = 0; loopback < 3; loopback++)
    for (int sees = 0; sees < 3; sees++)
    for (int container = 0; container < 3; container++)
    for (int forwards = 0; forwards < 3; forwards++) {
        struct guard_facts f = {
            .environment = "e", .tunnel = bits & 1, .unix_socket = bits & 2, .known_non_local = bits & 4,
            .role_local = bits & 8, .role_production = bits & 16, .loopback = (enum guard_tri)loopback,
            .sees_our_socket = (enum guard_tri)sees, .container_here = (enum guard_tri)container,
            .peer_forwards = (enum guard_tri)forwards,
        };
        bool way = f.unix_socket ? f.peer_forwards == GUARD_NO
            : f.loopback == GUARD_YES && (f.sees_our_socket == GUARD_YES || f.container_here == GUARD_YES);
        bool want = way && !f.tunnel && !f.known_non_local && f.role_local;
        struct guard_answer a = {0};
        assert_int_equal(guard_is_local(&f, &a), want);
        assert_int_equal(guard_is_local(&f, NULL), want);
        check_sentences(&a);
        /* a refusal never reads as if it were local, and the other way round */
        for (size_t i = 0; i < a.reason_count; i++)
            assert_int_equal(strncmp(a.reasons[i], "It is local", 11) == 0, want);
        locals += want;
    }
    assert_true(locals > 0);
}

/* What is known of the server or said by the database makes nothing local, and takes it from everything. */
static void identity_takes_local_away(void **state)
{
    (void)state;
    for (int bits = 0; bits < 16; bits++) {
        struct guard_facts f = local_facts;
        struct guard_answer a = {0};
        f.known_non_local = bits & 1;
        f.perhaps_non_local = bits & 2;
        f.mark_non_local = bits & 4;
        f.peer_forwards = bits & 8 ? GUARD_YES : GUARD_NO;
        f.known_as = "production";
        f.marked_as = "shop";
        assert_int_equal(guard_is_local(&f, &a), bits == 0);
        check_sentences(&a);
        f.known_as = f.marked_as = NULL;
        a = (struct guard_answer){0};
        assert_int_equal(guard_is_local(&f, &a), bits == 0);
        check_sentences(&a);
    }
    struct guard_facts f = local_facts;
    struct guard_answer a = {0};
    f.known_non_local = true;
    f.known_as = "production";
    guard_is_local(&f, &a);
    assert_string_equal(a.reasons[0], "It counts as not local: it has the identity of production, so it is that server or a "
                                      "copy of it.");
    f.peer_forwards = GUARD_YES;
    a = (struct guard_answer){0};
    guard_is_local(&f, &a);
    assert_string_equal(a.reasons[0], "It is not local: this server is known as production.");
}

/* Another database than the one that was known: nothing is written, whatever is typed, set or said. */
static void a_changed_identity_stops_everything(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++)
    for (int class = 0; class < GUARD_CLASS_COUNT; class++)
    for (int local = 0; local < 2; local++)
    for (int face = GUARD_CONSOLE; face <= GUARD_COMMAND; face++)
    for (int accepts = 0; accepts < 2; accepts++) {
        struct guard_facts f = local ? local_facts : remote_facts;
        struct guard_request r = {.class = (enum guard_class)class, .face = (enum guard_face)face, .write_mode = true,
                                  .explicit_target = true, .typed = f.environment, .accepts_identity = accepts};
        struct guard_answer a;
        f.allow_prod_seed = "true";
        guard_decide(&f, &r, &a);
        bool before = a.allowed;
        f.identity_changed = kind == 0;
        f.identity_unreadable = kind == 1;
        f.identity_split = kind == 2;
        f.identity_was = "server 1, database app (oid 5)";
        f.identity_is = "server 2, database app (oid 5)";
        f.identity_file = "known_databases";
        bool passes = class == GUARD_READ || (kind == 0 && accepts);
        assert_int_equal(guard_decide(&f, &r, &a), before && passes);
        check_sentences(&a);
        if (passes)
            continue;
        assert_false(a.needs_name);
        assert_false(a.needs_write_mode);
        char line[100];
        snprintf(line, sizeof line, "seedops envs --accept %s", f.environment);
        assert_string_equal(a.allow_line, kind == 0 ? line : "");
        if (kind != 1) {
            assert_non_null(strstr(a.reasons[1], "server 1"));
            assert_non_null(strstr(a.reasons[2], "server 2"));
        }
    }
    struct guard_facts f = remote_facts;
    struct guard_request r = {.class = GUARD_SEED, .face = GUARD_COMMAND};
    struct guard_answer a;
    f.identity_changed = true;
    f.environment = "app@db";
    f.target = "--url \"$URL\"";
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "seedops envs --accept app@db --url \"$URL\"");
    f.environment = "pro\033d";
    guard_decide(&f, &r, &a);
    assert_string_equal(a.allow_line, "");
}

static void nothing_known_is_not_local(void **state)
{
    (void)state;
    struct guard_facts f = {.environment = "e", .role_local = true};
    assert_false(guard_is_local(&f, NULL));
    f.unix_socket = true;
    assert_false(guard_is_local(&f, NULL));
}

static void standby_and_pooler(void **state)
{
    (void)state;
    for (int class = 0; class < GUARD_CLASS_COUNT; class++) {
        struct guard_facts f = local_facts;
        struct guard_request r = {.class = (enum guard_class)class, .face = GUARD_COMMAND, .typed = "local"};
        struct guard_answer a;
        assert_true(guard_decide(&f, &r, &a));
        f.in_recovery = true;
        assert_int_equal(guard_decide(&f, &r, &a), class == GUARD_READ || class == GUARD_SESSION);
        if (!a.allowed)
            assert_string_equal(a.reasons[0], "The server is a standby and takes no writes: use its primary.");
        assert_string_equal(a.allow_line, "");
        f.in_recovery = false;
        f.transaction_pooler = true;
        assert_int_equal(guard_decide(&f, &r, &a), class != GUARD_MIGRATE && class != GUARD_WIPE);
        if (!a.allowed)
            assert_non_null(strstr(a.reasons[0], "transaction pooler"));
    }
}

static void what_counts_as_allowing(void **state)
{
    (void)state;
    static const char *const no[] = {"", "0", "false", "no", "off", "FALSE", "No", "oFf"};
    static const char *const yes[] = {"1", "true", "yes", "on", "false ", " ", "00", "nope", "offf", "f", "n"};
    assert_false(guard_allows_prod_seed(NULL));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(guard_allows_prod_seed(no[i]));
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(guard_allows_prod_seed(yes[i]));
}

static void says_why_a_name_is_wrong(void **state)
{
    (void)state;
    struct guard_facts f = remote_facts;
    struct guard_request r = {.class = GUARD_DESTROY, .face = GUARD_COMMAND, .typed = "production "};
    struct guard_answer a;
    f.allow_prod_seed = "1";
    guard_decide(&f, &r, &a);
    assert_string_equal(a.reasons[0], "What was typed after --confirm goes on after the name, production: "
                                      "it must match exactly, spaces included.");
    f.allow_prod_seed = "";
    guard_decide(&f, &r, &a);
    assert_string_equal(a.reasons[0], "ALLOW_PROD_SEED is set but empty, which counts as not set.");
}

/* Each table of the application's is typed; the environment's name stands for none of them. */
static void operational_tables_are_typed_too(void **state)
{
    (void)state;
    static const char *const tables[] = {"Alert", "Measurement"}, *const one[] = {"Measurement"};
    static const char *const both[] = {"Measurement", "Alert", "Other"};
    struct guard_answer a;
    struct guard_request r = {.class = GUARD_DESTROY, .action = "prune", .face = GUARD_COMMAND, .typed = "local",
                              .operational = tables, .operational_count = 2};
    assert_false(guard_decide(&local_facts, &r, &a));
    assert_true(a.needs_operational);
    assert_false(a.needs_name);
    assert_string_equal(a.allow_line, "seedops prune local --confirm local --confirm-operational Alert "
                                      "--confirm-operational Measurement");
    r.typed_operational = one;
    r.typed_operational_count = 1;
    assert_false(guard_decide(&local_facts, &r, &a));
    assert_non_null(strstr(a.reasons[0], "Alert"));
    r.typed_operational = both;
    r.typed_operational_count = 3;
    assert_true(guard_decide(&local_facts, &r, &a));
    r.typed = NULL;
    assert_false(guard_decide(&local_facts, &r, &a));
    assert_true(a.needs_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(operational_tables_are_typed_too),
        cmocka_unit_test(allow_lines),
        cmocka_unit_test(allow_line_of_a_url),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(local_means_all_of),
        cmocka_unit_test(identity_takes_local_away),
        cmocka_unit_test(a_changed_identity_stops_everything),
        cmocka_unit_test(nothing_known_is_not_local),
        cmocka_unit_test(standby_and_pooler),
        cmocka_unit_test(what_counts_as_allowing),
        cmocka_unit_test(says_why_a_name_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
