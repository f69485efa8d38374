/* ledger: checksums against published vectors, the tool chosen by the directory, and states made of rows. */
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
#include "base/hash.h"
#include "ledger/checksum.h"
#include "ledger/tool.h"
#include "scratch.h"

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void test_md5(void **state)
{
    (void)state;
    static const struct { const char *text, *sum;
    } rows[] = {/* RFC 1321, A.5 */
                {"", "d41d8cd98f00b204e9800998ecf8427e"},
                {"a", "0cc175b9c0f1b6a831c399e269772661"},
                {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
                {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                 "d174ab98d277d9f5a5611c2c9f419d9f"},
                {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                 "57edf4a22be3c955ac49da2e2107b67a"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char sum[33];
        hash_md5_hex_of(rows[i].text, strlen(rows[i].text), sum);
        assert_string_equal(sum, rows[i].sum);
    }
}

static void test_prisma_checksum(void **state)
{
    (void)state;
    char sum[CHECKSUM_MAX], crlf[CHECKSUM_MAX], old[CHECKSUM_MAX];
    checksum_prisma("hello", 5, sum);
    assert_string_equal(sum, HELLO);
    assert_true(checksum_prisma_matches(HELLO, "hello", 5));
    assert_false(checksum_prisma_matches(HELLO, "hello ", 6));
    /* noted with either line end, read with the other */
    checksum_prisma("a\nb\n", 4, sum);
    checksum_prisma("a\r\nb\r\n", 6, crlf);
    assert_true(checksum_prisma_matches(sum, "a\r\nb\r\n", 6));
    assert_true(checksum_prisma_matches(crlf, "a\nb\n", 4));
    assert_false(checksum_prisma_matches(crlf, "a\nb", 3));
    assert_false(checksum_prisma_matches("", "a\nb\n", 4));
    /* the old format: each byte without its leading zero */
    size_t used = 0;
    checksum_prisma("hello", 5, sum);
    for (size_t i = 0; i < 64; i += 2) {
        unsigned byte;
        assert_int_equal(sscanf(sum + i, "%2x", &byte), 1);
        used += (size_t)snprintf(old + used, sizeof old - used, "%x", byte);
    }
    assert_true(used < 64);
    assert_true(checksum_prisma_matches(old, "hello", 5));
    assert_false(checksum_prisma_matches(old, "hello\n", 6));
}

static void test_variants(void **state)
{
    (void)state;
    static const char text[] = "\n a\r\nb \r\n";
    static const struct { const char *variant, *same_as; } rows[] = {
        {"sha256", "\n a\r\nb \r\n"}, {"sha256-trimmed", "a\r\nb"}, {"sha256-lf", "\n a\nb \n"},
        {"sha256-lf-trimmed", "a\nb"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char got[CHECKSUM_MAX], want[CHECKSUM_MAX];
        checksum_of(checksum_variant(rows[i].variant), text, sizeof text - 1, got);
        checksum_prisma(rows[i].same_as, strlen(rows[i].same_as), want);
        assert_string_equal(got, want);
    }
    char sum[CHECKSUM_MAX];
    checksum_of(checksum_variant("md5-trimmed"), " a\n", 3, sum);
    assert_string_equal(sum, "0cc175b9c0f1b6a831c399e269772661");
    checksum_of(checksum_variant("sha512"), "abc", 3, sum);
    assert_memory_equal(sum, "ddaf35a193617abacc417349ae204131", 32);
    assert_int_equal(strlen(sum), 128);
    checksum_of(checksum_variant("length"), "abc", 3, sum);
    assert_string_equal(sum, "3");
    assert_int_equal(checksum_variant("sha3"), -1);
    assert_true(checksum_equal("ABCDEF", "abcdef"));
}

/* ---- directories ---- */

static char root[64];

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/test_ledger.XXXXXX");
    return scratch_make(root);
}

static int teardown(void **state)
{
    (void)state;
    return scratch_remove(root);
}

static void put(const char *name, const char *text)
{
    char *path = file_join(root, name), *dir = file_dirname(path);
    struct err err = {0};
    assert_true(file_make_dirs(dir, 0755, &err));
    assert_true(file_write_atomic(path, text, strlen(text), 0644, &err));
    free(dir);
    free(path);
}

static struct ledger *open_dir(const char *tool, const char *checksum, struct err *err)
{
    struct ledger *l = NULL;
    struct ledger_options options = {.dir = root, .tool = tool, .checksum = checksum};
    ledger_open(&l, &options, err);
    return l;
}

static void test_choice(void **state)
{
    (void)state;
    struct err err = {0};
    struct ledger *l = open_dir("auto", NULL, &err);
    assert_string_equal(ledger_tool(l), "numbered");       /* an empty directory */
    ledger_close(l);
    put("10_b.up.sql", "select 10");
    put("9_a.up.sql", "select 9");
    put("0011_c.up.sql", "select 11");
    put("9_a.down.sql", "select -9");
    put("README.md", "");
    l = open_dir("auto", NULL, &err);
    assert_string_equal(ledger_tool(l), "numbered");
    assert_string_equal(ledger_relation(l), "public.schema_migrations");
    assert_int_equal(l->count, 3);
    assert_string_equal(l->files[0].name, "9_a.up.sql");
    assert_string_equal(l->files[2].name, "0011_c.up.sql");
    assert_null(ledger_file(l, "nobody"));
    ledger_close(l);
    put("x.up.sql", "");
    assert_null(open_dir("auto", NULL, &err));
    assert_non_null(strstr(err.message, "x.up.sql has no number"));
}

static void test_choice_prisma(void **state)
{
    (void)state;
    struct err err = {0};
    put("20250101000000_b/migration.sql", "select 2");
    put("00000000000000_init/migration.sql", "hello");
    put("migration_lock.toml", "# do not edit\nprovider = \"postgresql\"\n");
    struct ledger *l = open_dir("auto", NULL, &err);
    assert_string_equal(ledger_tool(l), "prisma");
    assert_int_equal(l->count, 2);
    assert_string_equal(l->files[0].name, "00000000000000_init");
    assert_string_equal(l->files[0].checksum, HELLO);
    ledger_close(l);
    put("20250102000000_c/notes.txt", "");
    assert_null(open_dir("auto", NULL, &err));
    assert_non_null(strstr(err.message, "20250102000000_c has no migration.sql"));
    put("20250102000000_c/migration.sql", "");
    put("migration_lock.toml", "provider = \"mysql\"\n");
    assert_null(open_dir("auto", NULL, &err));
    assert_non_null(strstr(err.message, "are for mysql"));
}

static void test_other_tools(void **state)
{
    static const struct { const char *file, *text, *tool; } rows[] = {
        {"V1__init.sql", "", "Flyway"},
        {"20250101_a.rb", "", "Rails"},
        {"20250101_a.sql", "-- migrate:up\nselect 1", "dbmate"},
        {"00001_a.sql", "-- +goose Up\nselect 1", "goose"},
        {"a.sql", "--liquibase formatted sql\n", "Liquibase"},
        {"sqitch.plan", "", "Sqitch"},
        {"atlas.sum", "", "Atlas"},
        {"meta/_journal.json", "{}", "Drizzle"},
        {"committed/000001.sql", "", "graphile-migrate"},
        {"001.do.a.sql", "", "postgrator"},
        {"env.py", "", "Alembic"},
        {"0001_initial.py", "", "Django"},
        {"20250101_a.js", "", "a JavaScript tool"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        teardown(state);
        setup(state);
        put(rows[i].file, rows[i].text);
        if (open_dir("auto", NULL, &err))
            fail_msg("%s was taken", rows[i].file);
        if (!strstr(err.message, rows[i].tool))
            fail_msg("%s: %s", rows[i].file, err.message);
        assert_int_equal(err.class, ERR_MIGRATION);
    }
    struct err err = {0};
    assert_null(open_dir("flyway", NULL, &err));
    assert_non_null(strstr(err.message, "flyway can be named"));
    assert_null(open_dir("flaiwai", NULL, &err));
    assert_non_null(strstr(err.message, "unknown tool flaiwai"));
    assert_null(open_dir("numbered", "sha3", &err));
    assert_non_null(strstr(err.message, "unknown variant sha3"));
}

/* ---- states ---- */

static void expect_states(const struct ledger *l, const struct ledger_row *rows, size_t count, bool locked,
                          const char *want)
{
    struct ledger_state state = {.locked = locked};
    struct str got = {0};
    ledger_states_of(l, rows, count, &state);
    for (size_t i = 0; i < state.count; i++)
        str_printf(&got, "%s%s=%s", i ? " " : "", state.migrations[i].name,
                   migration_state_name(state.migrations[i].state));
    assert_string_equal(str_text(&got), want);
    str_free(&got);
    ledger_state_free(&state);
}

#define AT "2025-01-01T00:00:00.000Z"

static void test_prisma_states(void **state)
{
    (void)state;
    struct err err = {0};
    put("a/migration.sql", "hello");
    put("c/migration.sql", "c");
    struct ledger *l = open_dir("auto", NULL, &err);
    assert_non_null(l);
    const struct ledger_row done = {.name = "a", .checksum = HELLO, .started_at = AT, .finished_at = AT};
    struct ledger_row changed = done, failed = done, rolled_back = done, gone = done;
    changed.checksum = "0123456789012345678901234567890123456789012345678901234567890123";
    failed.finished_at = NULL;
    rolled_back.finished_at = NULL;
    rolled_back.rolled_back = true;
    gone.name = "b";
    expect_states(l, NULL, 0, false, "a=pending c=pending");
    expect_states(l, &done, 1, false, "a=applied c=pending");
    expect_states(l, &done, 1, true, "a=applied c=pending");
    expect_states(l, &changed, 1, false, "a=modified c=pending");
    expect_states(l, &failed, 1, false, "a=failed c=pending");
    expect_states(l, &failed, 1, true, "a=running c=pending");
    expect_states(l, &rolled_back, 1, false, "a=rolled-back c=pending");
    expect_states(l, &gone, 1, false, "a=pending b=missing-on-disk c=pending");
    /* several rows of one name: the newest that is not rolled back counts */
    expect_states(l, (struct ledger_row[]){rolled_back, done}, 2, false, "a=applied c=pending");
    expect_states(l, (struct ledger_row[]){changed, done}, 2, false, "a=applied c=pending");
    expect_states(l, (struct ledger_row[]){done, changed}, 2, false, "a=modified c=pending");
    expect_states(l, (struct ledger_row[]){done, failed}, 2, false, "a=failed c=pending");
    rolled_back.name = "b";
    expect_states(l, &rolled_back, 1, false, "a=pending c=pending");
    failed.name = "b";
    expect_states(l, &failed, 1, false, "a=pending b=failed c=pending");
    ledger_close(l);
}

static void test_numbered_states(void **state)
{
    (void)state;
    struct err err = {0};
    put("1_a.up.sql", "hello");
    put("2_b.up.sql", " b\n");
    put("10_c.up.sql", "c");
    struct ledger *l = open_dir("auto", NULL, &err);
    assert_non_null(l);
    struct ledger_row a = {.name = "1_a.up.sql", .checksum = HELLO, .finished_at = AT}, b = a, c = a;
    b.name = "2_b.up.sql";
    c.name = "10_c.up.sql";
    char trimmed[CHECKSUM_MAX], sum_c[CHECKSUM_MAX], md5[33];
    checksum_prisma("b", 1, trimmed);
    checksum_prisma("c", 1, sum_c);
    hash_md5_hex_of("hello", 5, md5);
    expect_states(l, NULL, 0, false, "1_a.up.sql=pending 2_b.up.sql=pending 10_c.up.sql=pending");
    expect_states(l, &a, 1, false, "1_a.up.sql=applied 2_b.up.sql=pending 10_c.up.sql=pending");
    b.checksum = trimmed;            /* the variant that fits both is found */
    expect_states(l, (struct ledger_row[]){a, b}, 2, false,
                  "1_a.up.sql=applied 2_b.up.sql=applied 10_c.up.sql=pending");
    a.checksum = md5;
    expect_states(l, &a, 1, false, "1_a.up.sql=applied 2_b.up.sql=pending 10_c.up.sql=pending");
    a.checksum = "other";
    expect_states(l, &a, 1, false, "1_a.up.sql=modified 2_b.up.sql=pending 10_c.up.sql=pending");
    a.checksum = HELLO;
    c.checksum = sum_c;
    expect_states(l, (struct ledger_row[]){a, c}, 2, false,
                  "1_a.up.sql=applied 2_b.up.sql=out-of-order 10_c.up.sql=applied");
    b.name = "3_gone.up.sql";
    expect_states(
        l, (struct ledger_row[]){a, b}, 2, false,
        "1_a.up.sql=applied 2_b.up.sql=out-of-order 3_gone.up.sql=missing-on-disk 10_c.up.sql=pending");
    b.name = "2_b.up.sql";
    b.checksum = "seedops:started";
    expect_states(l, &b, 1, true, "1_a.up.sql=out-of-order 2_b.up.sql=running 10_c.up.sql=pending");
    expect_states(l, &b, 1, false, "1_a.up.sql=out-of-order 2_b.up.sql=failed 10_c.up.sql=pending");
    b.checksum = "seedops:failed: no such table";
    expect_states(l, &b, 1, true, "1_a.up.sql=out-of-order 2_b.up.sql=failed 10_c.up.sql=pending");
    ledger_close(l);
    /* configured: no probing */
    l = open_dir("numbered", "md5", &err);
    expect_states(l, &a, 1, false, "1_a.up.sql=modified 2_b.up.sql=pending 10_c.up.sql=pending");
    ledger_close(l);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < MIGRATION_STATE_COUNT; i++)
        assert_non_null(migration_state_name((enum migration_state)i));
    struct ledger *l;
    struct err err = {0};
    struct ledger_options options = {.dir = root, .tool = "seedops", .table = "ops.my \"log", .schema = "x"};
    assert_true(ledger_open(&l, &options, &err));
    assert_string_equal(ledger_relation(l), "ops.\"my \"\"log\"");
    assert_string_equal(ledger_schema(l), "ops");
    assert_true(ledger_is(l, "ops", "my \"log"));
    assert_false(ledger_is(l, "public", "my \"log"));
    ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_prisma_checksum),
        cmocka_unit_test(test_variants),
        cmocka_unit_test_setup_teardown(test_choice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_choice_prisma, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_tools, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prisma_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbered_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
