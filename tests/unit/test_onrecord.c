/* onrecord: what of a statement is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "op/onrecord.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_redact), cmocka_unit_test(test_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
