/* What needs no server: sorting of errors, COPY's text format, quoting, the pauses of a wait. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "db/copy.h"
#include "db/internal.h"
#include "db/sqlstate.h"

static void sorts_connects(void **state)
{
    static const struct { const char *sqlstate, *text; int number; enum err_class class; const char *why, *hint; } cases[] = {
        {"28P01", "password authentication failed for user \"x\"", 0, ERR_NEVER_READY, "user \"x\"", "password"},
        {"28000", "no pg_hba.conf entry", 0, ERR_NEVER_READY, "pg_hba", "pg_hba.conf"},
        {"3D000", "database \"x\" does not exist", 0, ERR_NEVER_READY, "does not exist", "createdb"},
        {"57P03", "the database system is starting up", 0, ERR_NOT_READY, "starting up", "try again"},
        {"57P03", "the database system is shutting down", 0, ERR_NOT_READY, "shutting down", "try again"},
        {"57P03", "the database system is in recovery mode", 0, ERR_NOT_READY, "recovery", "try again"},
        {"57P01", "terminating connection", 0, ERR_NOT_READY, "terminating", "try again"},
        {"57P04", "database removed", 0, ERR_NEVER_READY, "removed", "name"},
        {"53300", "sorry, too many clients already", 0, ERR_NOT_READY, "too many clients", "max_connections"},
        {"53100", "No space left on device", 0, ERR_NOT_READY, "disk is full", "free disk space"},
        {"53200", "out of memory", 0, ERR_NOT_READY, "out of memory", "memory"},
        {"08006", "broken", 0, ERR_NOT_READY, "broken", "try again"},
        {"42501", "permission denied for database \"x\"", 0, ERR_NEVER_READY, "denied", "GRANT CONNECT"},
        {"XX000", "Tenant or user not found", 0, ERR_NEVER_READY, "paused", "dashboard"},
        {"", "Tenant or user not found", 0, ERR_NEVER_READY, "paused", "dashboard"},
        {"08P01", "unsupported startup parameter: options", 0, ERR_NEVER_READY, "options", "direct URL"},
        {"08P01", "no such database: x", 0, ERR_NEVER_READY, "no such database", "name"},
        {"08P01", "no more connections allowed (max_client_conn)", 0, ERR_NOT_READY, "pooler", "max_client_conn"},
        {"XX000", "MaxClientsInSessionMode: max clients reached", 0, ERR_NOT_READY, "pooler", "pool"},
        {"", "server does not support SSL, but SSL was required", 0, ERR_NEVER_READY, "TLS", "sslmode"},
        {"", "SSL error: certificate verify failed", 0, ERR_NEVER_READY, "not trusted", "sslrootcert"},
        {"", "fe_sendauth: no password supplied", 0, ERR_NEVER_READY, "none was given", "pgpass"},
        {"", "server closed the connection unexpectedly", 0, ERR_NOT_READY, "without a word", "log"},
        {"", "Connection refused", ECONNREFUSED, ERR_NOT_READY, "refused", "running"},
        {"", "No such file or directory", ENOENT, ERR_NOT_READY, "socket", "running"},
        {"", "Connection reset by peer", ECONNRESET, ERR_NOT_READY, "reset", "try again"},
        {"", "Connection timed out", ETIMEDOUT, ERR_NOT_READY, "does not answer", "firewall"},
        {"", "Permission denied", EACCES, ERR_NEVER_READY, "may not", "permissions"},
        {"", "", EAI_AGAIN, ERR_NOT_READY, "now", "try again"},
        {"", "", EAI_NONAME, ERR_NOT_READY, "not known", "spelling"},
        {"99ZZZ", "something new", 0, ERR_NEVER_READY, "something new", "log"},
        {"", "something new", 0, ERR_NEVER_READY, "something new", "log"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        err_set(&err, ERR_GENERAL, "cannot connect");
        sqlstate_sort_connect(&err, cases[i].sqlstate, cases[i].text, cases[i].number);
        if (err.class != cases[i].class || !strstr(err.why, cases[i].why) || !strstr(err.hint, cases[i].hint))
            fail_msg("%s \"%s\": class %s, why \"%s\", hint \"%s\"", cases[i].sqlstate, cases[i].text,
                     err_class_name(err.class), err.why, err.hint);
        assert_string_equal(err.message, "cannot connect");
    }
}

static void wants_a_password(void **state)
{
    (void)state;
    struct err err = {0};
    sqlstate_sort_connect(&err, "", "fe_sendauth: no password supplied", 0);
    assert_string_equal(err.sqlstate, "28P01");
}

static void sorts_queries(void **state)
{
    static const struct { const char *sqlstate, *message; enum err_class class; const char *hint; bool retry; } cases[] = {
        {"40001", "could not serialize", ERR_CONFLICT, "try again", true},
        {"40P01", "deadlock detected", ERR_CONFLICT, "try again", true},
        {"55P03", "lock timeout", ERR_QUERY, "lock", true},
        {"57014", "canceling", ERR_QUERY, "too long", false},
        {"25006", "cannot execute INSERT", ERR_QUERY, "read-only", false},
        {"57P01", "terminating", ERR_LOST, "connect again", false},
        {"08006", "gone", ERR_LOST, "connect again", false},
        {"42P05", "prepared statement exists", ERR_QUERY, "direct URL", false},
        {"23505", "duplicate key", ERR_QUERY, "", false},
        {"42501", "permission denied for table Sta\"tion", ERR_QUERY, "ON TABLE \"Sta\"\"tion\" TO \"app\"", false},
        {"42501", "permission denied for schema public", ERR_QUERY, "GRANT USAGE, CREATE ON SCHEMA \"public\"", false},
        {"42501", "permission denied for sequence s", ERR_QUERY, "ON SEQUENCE \"s\"", false},
        {"42501", "must be owner of table t", ERR_QUERY, "owner", false},
        {"42501", "Zugriff verweigert", ERR_QUERY, "GRANT", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        err_set(&err, ERR_GENERAL, "%s", cases[i].message);
        sqlstate_sort_query_as(&err, cases[i].sqlstate, "app");
        if (err.class != cases[i].class || !strstr(err.hint, cases[i].hint))
            fail_msg("%s: class %s, hint \"%s\"", cases[i].sqlstate, err_class_name(err.class), err.hint);
        assert_string_equal(err.sqlstate, cases[i].sqlstate);
        assert_int_equal(db_retryable(&err), cases[i].retry);
    }
}

static void keeps_the_servers_hint(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, ERR_QUERY, "relation does not exist");
    err_hint(&err, "the server's own");
    sqlstate_sort_query(&err, "42P01");
    assert_string_equal(err.hint, "the server's own");
}

/* "|" between fields, "(null)" for none. */
static void check_split(const char *row, const char *want)
{
    char *copy = xstrdup(row), *fields[8];
    struct str got = {0};
    size_t count = db_copy_split(copy, strlen(row), fields, 8);
    for (size_t i = 0; i < count && i < 8; i++)
        str_printf(&got, "%s%s", i ? "|" : "", fields[i] ? fields[i] : "(null)");
    assert_string_equal(str_text(&got), want);
    str_free(&got);
    free(copy);
}

static void splits_copy_rows(void **state)
{
    (void)state;
    check_split("", "");
    check_split("\n", "");
    check_split("a", "a");
    check_split("a\tb\n", "a|b");
    check_split("\t\t", "||");
    check_split("\\N\tx\t\\N\n", "(null)|x|(null)");
    check_split("\\Nx\t\\\\N", "Nx|\\N");
    check_split("a\\tb\\nc\\\\d\\re\\bf\\fg\\v", "a\tb\nc\\d\re\bf\fg\v");
    check_split("\\101\\x41\\x4\\60z\\8", "AA\x04" "0z8");
    check_split("\\x\t\\xg", "x|xg");
    check_split("end\\", "end\\");
    check_split("end\\\tnext", "end\\|next");
    check_split("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    char row[] = "1\t2\t3", *fields[2] = {0};
    assert_int_equal(db_copy_split(row, strlen(row), fields, 2), 3);
    assert_string_equal(fields[0], "1");
    assert_string_equal(fields[1], "2");
}

static void escapes_copy_fields(void **state)
{
    (void)state;
    struct str out = {0};
    db_copy_field(&out, NULL);
    str_add_char(&out, ' ');
    db_copy_field(&out, "");
    str_add_char(&out, ' ');
    db_copy_field(&out, "a\tb\nc\\d\re\bf\fg\v!");
    str_add_char(&out, ' ');
    db_copy_field(&out, "\\N");
    assert_string_equal(str_text(&out), "\\N  a\\tb\\nc\\\\d\\re\\bf\\fg\\v! \\\\N");
    str_free(&out);
}

static void quotes(void **state)
{
    (void)state;
    struct str out = {0};
    db_quote_relation(&out, "pub\"lic", "Station");
    str_add_char(&out, ' ');
    db_quote_literal(&out, "it's");
    str_add_char(&out, ' ');
    db_quote_literal(&out, NULL);
    db_quote_literal(&out, "a\\b'c");
    assert_string_equal(str_text(&out), "\"pub\"\"lic\".\"Station\" 'it''s' NULL E'a\\\\b''c'");
    str_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_connects),       cmocka_unit_test(wants_a_password),
        cmocka_unit_test(sorts_queries),        cmocka_unit_test(keeps_the_servers_hint),
        cmocka_unit_test(splits_copy_rows),     cmocka_unit_test(escapes_copy_fields),
        cmocka_unit_test(quotes),
    };
    return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
