/* log: exactly case E4's fields, one line a call, nothing that opens a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

static int ends[2];
static char line[8192];

static const char *take(void)
{
    ssize_t got = read(ends[0], line, sizeof line - 1);
    line[got > 0 ? got : 0] = '\0';
    return line;
}

static void test_levels(void **state)
{
    (void)state;
    enum log_level level;
    assert_true(log_level_parse("debug", &level) && level == LOG_DEBUG_LEVEL);
    assert_true(log_level_parse("WARN", &level) && level == LOG_WARN_LEVEL);
    assert_true(log_level_parse("error", &level) && level == LOG_ERROR_LEVEL);
    assert_true(log_level_parse("", &level) && level == LOG_INFO_LEVEL);
    assert_true(log_level_parse(NULL, &level) && level == LOG_INFO_LEVEL);
    assert_false(log_level_parse("loud", &level));
    struct log log = {.fd = ends[1], .json = true, .least = LOG_WARN_LEVEL};
    log_line(&log, LOG_INFO_LEVEL, NULL, "quiet");
    assert_string_equal(take(), "");
    log_line(&log, LOG_WARN_LEVEL, NULL, "heard");
    assert_non_null(strstr(take(), "heard"));
    log_line(NULL, LOG_ERROR_LEVEL, NULL, "nowhere");
}

static void test_json_fields(void **state)
{
    (void)state;
    struct log log = {.fd = ends[1], .json = true};
    struct err err = {0};
    struct json *root;
    err_set(&err, ERR_MIGRATION, "0007_x.up.sql failed");
    err_why(&err, "relation \"a\" exists");
    err_at(&err, "0007_x.up.sql", 12, 1);
    struct log_fields fields = {.error = &err, .filename = "0007_x.up.sql", .duration_seconds = 1.25,
                                .exit_code = 3, .suggestion = "drop it"};
    log_line(&log, LOG_ERROR_LEVEL, &fields, "migration %d failed", 7);
    take();
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_true(json_parse(&root, line, strlen(line), NULL));
    assert_int_equal(json_count(root), 8);
    assert_int_equal(strlen(json_text_of(json_get(root, "timestamp"))), 24);
    assert_string_equal(json_text_of(json_get(root, "level")), "error");
    assert_string_equal(json_text_of(json_get(root, "message")), "migration 7 failed");
    assert_string_equal(json_text_of(json_get(root, "error")),
                        "0007_x.up.sql failed: relation \"a\" exists (0007_x.up.sql:12:1)");
    assert_int_equal(json_int_of(json_get(root, "exitCode"), -1), 3);
    assert_string_equal(json_text_of(json_get(root, "filename")), "0007_x.up.sql");
    assert_non_null(strstr(line, "\"durationSeconds\":1.25"));
    assert_string_equal(json_text_of(json_get(root, "suggestion")), "drop it");
    json_free(root);
    struct log_fields none = {.exit_code = -1};
    log_line(&log, LOG_INFO_LEVEL, &none, "plain");
    take();
    assert_true(json_parse(&root, line, strlen(line), NULL));
    assert_int_equal(json_count(root), 3);
    json_free(root);
}

static void test_text(void **state)
{
    (void)state;
    struct log log = {.fd = ends[1]};
    struct log_fields fields = {
        .filename = "a.sql", .duration_seconds = 0.5, .exit_code = -1, .suggestion = "wait"};
    log_line(&log, LOG_WARN_LEVEL, &fields, "slow\x1b[31m\nline");
    assert_string_equal(take() + 24, " warn  slow\\e[31m\\nline [a.sql] (0.500 s); wait\n");
}

/* What the message says already is not said again as the reason. */
static void test_reason(void **state)
{
    (void)state;
    struct log log = {.fd = ends[1]};
    struct err err = {0};
    err_set(&err, ERR_GENERAL, "it failed");
    err_why(&err, "no room");
    log_line(&log, LOG_ERROR_LEVEL, &(struct log_fields){.exit_code = -1, .error = &err}, "it failed");
    assert_string_equal(take() + 24, " error it failed: no room\n");
    log_line(&log, LOG_ERROR_LEVEL, &(struct log_fields){.exit_code = -1, .error = &err}, "a is not watched");
    assert_string_equal(take() + 24, " error a is not watched: it failed: no room\n");
}

static void redacts(const char *text, const char *want)
{
    struct log log = {.fd = ends[1]};
    log_line(&log, LOG_INFO_LEVEL, NULL, "%s", text);
    take();
    line[strlen(line) - 1] = '\0';
    assert_string_equal(line + 31, want);
}

static void test_redaction(void **state)
{
    (void)state;
    redacts("at postgresql://u:s3@cret@h:5432/d?x=1 now", "at [REDACTED] now");
    redacts("POSTGRES://h/d", "[REDACTED]");
    redacts("Write it as postgresql://user@host:5432/database.", "Write it as postgresql://user@host:5432/database.");
    redacts("postgresql://user@host:5432/database.internal", "[REDACTED]");
    redacts("url=postgres://u:p@h/d", "url=[REDACTED]");
    redacts("(\"postgresql://u:p@h/d\")", "(\"[REDACTED]\")");
    redacts("proxy http://u:p@h/ and http://h/ stay", "proxy [REDACTED] and http://h/ stay");
    redacts("host=h password=s3cret user=u", "host=h password=[REDACTED] user=u");
    redacts("password = 'it\\'s x' user=u", "password = [REDACTED] user=u");
    redacts("PGPASSWORD=abc psql", "PGPASSWORD=[REDACTED] psql");
    redacts("?sslpassword=abc&x=1", "?sslpassword=[REDACTED]&x=1");
    redacts("password=", "password=[REDACTED]");
    redacts("password='open", "password=[REDACTED]");
    redacts("password authentication failed", "password authentication failed");
    redacts("p://q", "p://q");
    redacts("a://", "a://");
    redacts("://x", "://x");
}

static int open_pipe(void **state)
{
    (void)state;
    return pipe2(ends, O_NONBLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels), cmocka_unit_test(test_json_fields), cmocka_unit_test(test_text),
        cmocka_unit_test(test_reason), cmocka_unit_test(test_redaction),
    };
    return cmocka_run_group_tests(tests, open_pipe, NULL);
}
