/* onrecord, onrecord_values, masked: what of a statement is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "op/masked.h"
#include "op/onrecord.h"
#include "op/onrecord_values.h"

static void test_redact(void **state)
{
    (void)state;
    static const struct { const char *sql, *want; } rows[] = {
        {"CREATE TABLE t (a text DEFAULT 'x')", "CREATE TABLE t (a text DEFAULT 'x')"},
        {"create role r login password 'hun''ter2' valid until 'now'",
         "create role r login password '[REDACTED]' valid until 'now'"},
        {"alter role r encrypted PASSWORD E'a\\'b' ; select 1", "alter role r encrypted PASSWORD E'[REDACTED]' ; select 1"},
        {"alter table t add password text", "alter table t add password text"},
        {"INSERT INTO \"O'Brien\" VALUES ('secret', E'se\\'cret', $1)", "INSERT INTO \"O'Brien\" VALUES ('...', E'...', $1)"},
        {"UPDATE t SET a = 'it''s', b = 'c\\' WHERE d = 'e'", "UPDATE t SET a = '...', b = '...' WHERE d = '...'"},
        {" \n(WITH x AS (SELECT 'y') DELETE FROM t", " \n(WITH x AS (SELECT '...') DELETE FROM t"},
        {"DELETE FROM t WHERE a = 'not closed", "DELETE FROM t WHERE a = '...'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str out = {0};
        onrecord_redact(&out, rows[i].sql);
        assert_string_equal(str_text(&out), rows[i].want);
        str_free(&out);
    }
}

static void test_cut(void **state)
{
    (void)state;
    struct str sql = {0}, out = {0};
    str_add(&sql, "CREATE TABLE ");
    for (int i = 0; i < 40000; i++)
        str_add(&sql, "é");
    onrecord_redact(&out, sql.text);
    assert_true(out.length <= 64 * 1024 + 10);
    assert_string_equal(out.text + out.length - 12, "\xc3\xa9 ... (cut)");
    str_free(&sql);
    str_free(&out);
}

/* What others wrote: no literal, however it is quoted, and nothing where its end cannot be told. */
static void test_masked(void **state)
{
    (void)state;
    static const struct { const char *sql, *want; } rows[] = {
        {"DELETE FROM \"Station\" WHERE code = 'canary'", "DELETE FROM \"Station\" WHERE code = '...'"},
        {"delete from t1 where a$2 = $1 and b = 42.5e-3 or c=-7", "delete from t1 where a$2 = $1 and b = ... or c=-..."},
        {"UPDATE t SET a = 'it''s canary', b = 'x'", "UPDATE t SET a = '...', b = '...'"},
        {"SELECT E'a\\'canary' , e'\\\\', 1", "SELECT E'...' , e'...', ..."},
        {"SELECT 'a\\'canary', 'b'", "SELECT '...'"},
        {"SELECT $$canary$$, $x$ ' canary $x$ FROM t", "SELECT $...$, $...$ FROM t"},
        {"SELECT $x$ canary $y$", "SELECT $...$"},
        {"SELECT U&'canary', B'0101', x'ff', N'canary'", "SELECT U&'...', B'...', x'...', N'...'"},
        {"DELETE /* 'canary' /* in */ it */ FROM t -- canary\nWHERE 'a'", "DELETE FROM t WHERE '...'"},
        {"DELETE FROM t /* canary", "DELETE FROM t ..."},
        {"DELETE FROM t WHERE a = 'not closed canary", "DELETE FROM t WHERE a = '...'"},
        {"DELETE FROM \"O'Brien\" WHERE a = 'canary'", "DELETE FROM ..."},
        {"DELETE FROM \"no end WHERE a = canary", "DELETE FROM ..."},
        {"DELETE FROM \"a\"\"b\" USING  \n\t c", "DELETE FROM \"a\"\"b\" USING c"},
        {"statement: DELETE FROM \"\"Station\"\" WHERE a = 'canary'\",,,\"x\"",
         "statement: DELETE FROM \"\"Station\"\" WHERE a = '...'\",,,\"x..."},
        {"SELECT 0x1F, 1_000, .5, t.c2 FROM t", "SELECT ..., ..., ..., t.c2 FROM t"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *out = masked_copy(rows[i].sql, 1000);
        assert_string_equal(out, rows[i].want);
        assert_null(strstr(out, "canary"));
        free(out);
    }
    char *out = masked_copy("SELECT éé", 9);
    assert_string_equal(out, "SELECT é ...");
    free(out);
}

/* ---- values ---- */

static struct input *told;
static void keep(void *sink, struct input *in)
{
    (void)sink;
    input_free(told);
    told = in;
}

static void tell(struct ctx *ctx, const char *sql, size_t parameters)
{
    onrecord_statement(ctx, &(struct db_statement){.sql = sql, .parameter_count = parameters, .rows = 1});
}

static void test_values(void **state)
{
    (void)state;
    struct ctx ctx = {.emit = keep, .action = "seed"};
    char text[300];
    /* those of the first rows, cut; repeats add to what is not captured */
    for (int repeat = 0; repeat < 2; repeat++) {
        onrecord_values_begin(&ctx, 2, (const char *const[]){"$1 a", "$2 b"});
        for (int i = 0; i < 30; i++) {
            snprintf(text, sizeof text, "%d%0250d", i, 0);
            onrecord_values_row(&ctx, (const char *const[]){text, NULL});
        }
        tell(&ctx, "INSERT INTO t SELECT $1, $2", 2);
    }
    onrecord_flush(&ctx);
    assert_int_equal(told->row_count, 20);
    assert_int_equal(told->rate, 2);
    assert_string_equal(told->columns[1].text, "$2 b");
    assert_null(told->rows[3].cells[1].text);
    assert_memory_equal(told->rows[3].cells[0].text, "30000", 5);
    assert_string_equal(told->rows[3].cells[0].text + 200, " ... (cut)");
    assert_string_equal(told->title, "the values of 40 more rows are not captured");
    /* parameters that nobody named could be anything */
    tell(&ctx, "UPDATE t SET a = $1 WHERE b = $2", 2);
    onrecord_flush(&ctx);
    assert_int_equal(told->row_count, 1);
    assert_string_equal(told->columns[1].text, "$2");
    assert_string_equal(told->rows[0].cells[0].text, "[REDACTED]");
    assert_string_equal(told->rows[0].cells[1].text, "[REDACTED]");
    /* values of a statement that only reads go with it */
    onrecord_values_begin(&ctx, 1, (const char *const[]){"$1 secret"});
    onrecord_values_row(&ctx, (const char *const[]){"canary"});
    tell(&ctx, "SELECT $1", 1);
    tell(&ctx, "DELETE FROM t", 0);
    onrecord_flush(&ctx);
    assert_int_equal(told->row_count, 0);
    /* a SELECT that does something is told */
    tell(&ctx, "SELECT pg_catalog.setval('s', 7)", 0);
    onrecord_flush(&ctx);
    assert_string_equal(told->text, "SELECT pg_catalog.setval('s', 7)");
    onrecord_values_begin(&ctx, 1, (const char *const[]){"$1 left over"});
    onrecord_end(&ctx);
    input_free(told);
    told = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_redact), cmocka_unit_test(test_cut),
                                       cmocka_unit_test(test_masked), cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
