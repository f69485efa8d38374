/* known_databases: what is written is read again, and what is wrong is named with its line and never read as empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "config/checkout.h"
#include "config/pins.h"

#define FIRST "{\"format\":\"seedops known databases\",\"version\":1}\n"
#define PIN(more) "{\"config\":\"/a/seedops.yaml\",\"environment\":\"production\",\"role\":\"production\"," more "}\n"
#define WHOLE PIN("\"system_identifier\":\"7301\",\"database_oid\":16384,\"database\":\"app\"")

static void fill(struct pin *pin, const char *identifier)
{
    pin->role = "production";
    pin->identity = (struct pin_identity){.database_oid = 4294967295u};
    snprintf(pin->identity.system_identifier, sizeof pin->identity.system_identifier, "%s", identifier);
    snprintf(pin->identity.database, sizeof pin->identity.database, "al\"pi\xc3\xa9\n");
    pin->first_seen_ms = 1;
    pin->last_seen_ms = INT64_MAX;
}

static void written_and_read(void **state)
{
    (void)state;
    struct pins pins = {0}, again;
    struct str text = {0}, twice = {0};
    struct err err = {0};
    struct pin *pin = pins_put(&pins, "/a b/seedops.yaml", "production");
    fill(pin, "18446744073709551615");
    pin->clone_of = "staging";
    pin->mark = "shop (production)";
    for (int i = 0; i < APPLIED_SETS + 3; i++) {
        struct applied_set set = {.dated_ms = i, .applied_ms = i * 2, .by = "ops@host"};
        snprintf(set.digest, sizeof set.digest, "%064x", i);
        pin_add_set(pin, &set);
    }
    fill(pins_put(&pins, "", "app@host"), "");
    assert_ptr_equal(pins_find(&pins, "/a b/seedops.yaml", "production"), pins.items);
    assert_null(pins_find(&pins, "", "production"));       /* another configuration's is another one */
    pins_format(&pins, &text);
    if (!pins_parse(&again, "f", str_text(&text), text.length, &err))
        fail_msg("%s (%s)", err.message, err.at);
    assert_int_equal(again.count, 2);
    pins_format(&again, &twice);
    assert_string_equal(str_text(&text), str_text(&twice));
    assert_int_equal(again.items[0].set_count, APPLIED_SETS);
    assert_int_equal(again.items[0].sets[0].dated_ms, APPLIED_SETS + 2);
    assert_true(pins_remove(&again, "", "app@host"));
    assert_false(pins_remove(&again, "", "app@host"));
    str_free(&text);
    str_free(&twice);
    pins_free(&pins);
    pins_free(&again);
}

static void sets_are_there_once(void **state)
{
    (void)state;
    struct pin pin = {0};
    const char *order = "abcab";
    for (const char *c = order; *c; c++) {
        struct applied_set set = {.digest = {*c}};
        pin_add_set(&pin, &set);
    }
    assert_int_equal(pin.set_count, 3);
    assert_string_equal(pin.sets[0].digest, "b");
    assert_string_equal(pin.sets[1].digest, "a");
    assert_string_equal(pin.sets[2].digest, "c");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct { const char *text; const char *message, *at; } wrong[] = {
        {"", "it is empty", "f:1"},
        {"{}\n", "its first line is not", "f:1"},
        {"\n" FIRST, "its first line is not", "f:1"},
        {FIRST "nonsense\n", "the line is not JSON", "f:2"},
        {FIRST "\n", "the line is not JSON", "f:2"},
        {FIRST "[1]\n", "not a JSON object", "f:2"},
        {FIRST WHOLE "{\"environment\":1}\n", "\"environment\" is not", "f:3"},
        {FIRST "{\"role\":\"local\"}\n", "\"environment\" is missing", "f:2"},
        {FIRST "{\"environment\":\"a\",\"role\":\"god\"}\n", "\"role\" is none of", "f:2"},
        {FIRST "{\"environment\":\"a\"}\n", "\"role\" is none of", "f:2"},
        {FIRST PIN("\"system_identifier\":\"x7\",\"database_oid\":1"), "\"system_identifier\" is not", "f:2"},
        {FIRST PIN("\"system_identifier\":\"111111111111111111111111\",\"database_oid\":1"), "\"system_identifier\" is not", "f:2"},
        {FIRST PIN("\"system_identifier\":\"7\""), "\"database_oid\" is missing", "f:2"},
        {FIRST PIN("\"database_oid\":4294967296"), "\"database_oid\" is not a number", "f:2"},
        {FIRST PIN("\"database_oid\":-1"), "\"database_oid\" is not a number", "f:2"},
        {FIRST PIN("\"database_oid\":1,\"first_seen_ms\":-5"), "\"first_seen_ms\" is not", "f:2"},
        {FIRST PIN("\"database_oid\":1,\"last_seen_ms\":\"now\""), "\"last_seen_ms\" is not", "f:2"},
        {FIRST PIN("\"database_oid\":1,\"fixtures\":{}"), "\"fixtures\" is not a list", "f:2"},
        {FIRST PIN("\"database_oid\":1,\"fixtures\":[1]"), "a fixture set has no digest", "f:2"},
        {FIRST PIN("\"database_oid\":1,\"fixtures\":[{\"digest\":\"XYZ\"}]"), "\"digest\" is not", "f:2"},
        {FIRST PIN("\"database_oid\":1,\"fixtures\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), "too many sets", "f:2"},
        {FIRST WHOLE WHOLE, "there twice", "f:3"},
        {FIRST "{\"environment\":\"a\",\"environment\":\"b\",\"role\":\"local\"}\n", "the line is not JSON", "f:2"},
        {FIRST "{\"environment\":\"a\"", "was cut off", "f:2"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pins pins;
        struct err err = {0};
        assert_false(pins_parse(&pins, "f", wrong[i].text, strlen(wrong[i].text), &err));
        if (!strstr(err.message, wrong[i].message) || strcmp(err.at, wrong[i].at) != 0 || err.class != ERR_CONFIG)
            fail_msg("%s: %s at %s", wrong[i].text, err.message, err.at);
        assert_true(err.hint[0]);
        pins_free(&pins);
    }
}

/* ---- the file ---- */

static char dir[] = "/tmp/seedops-pins.XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) && setenv("XDG_STATE_HOME", dir, 1) == 0 ? 0 : -1;
}

static bool add(struct pins *pins, void *context)
{
    fill(pins_put(pins, "", context), "7");
    return true;
}

static bool look(struct pins *pins, void *context)
{
    *(size_t *)context = pins->count;
    return false;
}

static void changed_on_disk(void **state)
{
    (void)state;
    struct err err = {0};
    struct pins pins;
    struct stat st;
    char path[512], name[2] = "a";
    size_t count = 1;
    assert_true(pins_read(&pins, &err));                   /* no file is an empty one */
    assert_int_equal(pins.count, 0);
    assert_true(pins_change(look, &count, &err));
    assert_int_equal(count, 0);
    assert_true(pins_path(path, sizeof path, &err));
    assert_int_not_equal(stat(path, &st), 0);              /* nothing to write, nothing written */
    for (; name[0] <= 'c'; name[0]++)
        assert_true(pins_change(add, name, &err));
    assert_true(pins_change(look, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(file_write_atomic(path, "x\n", 2, 0600, &err));
    assert_false(pins_change(add, name, &err));            /* a broken one is not written over */
    assert_int_equal(err.class, ERR_CONFIG);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 2);
    unlink(path);
}

/* ---- checkout ---- */

static void put(const char *name, const char *text)
{
    struct err err = {0};
    char *path = file_join(dir, name), *parent = file_dirname(path);
    assert_true(file_make_dirs(parent, 0700, &err));
    assert_true(file_write_atomic(path, text, strlen(text), 0600, &err));
    free(parent);
    free(path);
}

static const char *commit_of(const char *name)
{
    static char commit[HASH_HEX];
    char *path = file_join(dir, name);
    bool found = checkout_commit(path, commit);
    assert_int_equal(found, commit[0] != '\0');
    free(path);
    return commit;
}

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void commits_are_read(void **state)
{
    (void)state;
    put("r/.git/HEAD", "ref: refs/heads/x\n");
    put("r/seeds/t.yaml", "");
    assert_string_equal(commit_of("r/seeds"), "");         /* a branch without a commit */
    put("r/.git/packed-refs", "# pack-refs with: peeled\n" B " refs/heads/xy\n" A " refs/heads/x\n^" B "\n");
    assert_string_equal(commit_of("r/seeds"), A);
    put("r/.git/refs/heads/x", B "\n");
    assert_string_equal(commit_of("r"), B);
    put("r/.git/HEAD", A "\n");
    assert_string_equal(commit_of("r/seeds"), A);
    put("w/.git", "gitdir: ../r/.git/worktrees/w\n");
    put("r/.git/worktrees/w/HEAD", "ref: refs/heads/x\n");
    put("r/.git/worktrees/w/commondir", "../..\n");
    assert_string_equal(commit_of("w"), B);
    static const char *const bad[] = {"", "ref: ", "ref: refs/../../../etc/passwd\n", "ref: /etc/passwd\n", "xyz\n",
                                      A A "\n", "ref: refs/heads/none\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("r/.git/HEAD", bad[i]);
        assert_string_equal(commit_of("r"), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(sets_are_there_once),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(changed_on_disk),
        cmocka_unit_test(commits_are_read),
    };
    return cmocka_run_group_tests(tests, make_dir, NULL);
}
