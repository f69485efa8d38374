/* URLs as people have them: what libpq gets, what is set aside, and that nothing secret is ever repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/str.h"
#include "config/url_part.h"

/* "host=h port=1 ... [password]" in the order found, for comparing at a glance. */
static char *parsed(const char *text)
{
    struct arena arena = {0};
    struct url url;
    struct err err = {0};
    struct str out = {0};
    if (!url_parse(&url, &arena, text, &err)) {
        str_printf(&out, "%s | %s | %s", err.message, err.why, err.hint);
    } else {
        for (size_t i = 0; i < url.count; i++)
            str_printf(&out, "%s%s=%s", i ? " " : "", url.keywords[i], url.values[i]);
        if (url.password)
            str_printf(&out, " [%s]", secret_text(url.password));
        url_free(&url);
    }
    arena_free(&arena);
    return str_take(&out);
}

static void is(const char *text, const char *want)
{
    char *got = parsed(text);
    if (strcmp(got, want) != 0)
        fail_msg("%s\n  gives %s\n  wants %s", text, got, want);
    free(got);
}

static void urls_into_keywords(void **state)
{
    (void)state;
    is("postgresql:///alpimonitor", "dbname=alpimonitor");
    is("postgres://h", "host=h");
    is("postgresql://", "");
    is("postgresql://u@h", "user=u host=h");
    is("postgresql://u:p@h:5433/d", "user=u host=h port=5433 dbname=d [p]");
    is("PostgreSQL://h/d", "host=h dbname=d");
    is("postgresql://u:@h/d", "user=u host=h dbname=d");
    is("postgresql://:p@h/d", "host=h dbname=d [p]");
    is("postgresql://h:/d", "host=h dbname=d");
    is("postgresql://h/", "host=h");
    is("postgresql://h?sslmode=require", "host=h sslmode=require");
    is("postgresql://h/?sslmode=require&", "host=h sslmode=require");
    is("postgresql://u%40x:p%3a%2F%25@h%6F/d%20e", "user=u@x host=ho dbname=d e [p:/%]");
    is("postgresql://h/d?user=u&password=p%26q", "host=h dbname=d user=u [p&q]");
    is("postgresql://h/d?sslmode=require&connect_timeout=3&application_name=a&options=-c%20x%3Dy",
       "host=h dbname=d sslmode=require connect_timeout=3 application_name=a options=-c x=y");
    is("postgresql://h/d?sslmode=&sslmode=disable&sslmode=require", "host=h dbname=d sslmode=require");
    is("postgresql:///?service=prod", "service=prod");
    is("postgresql://h/a/b", "host=h dbname=a/b");
    is("postgresql+psycopg2://h/d", "host=h dbname=d");
    is("  postgresql://h/d\r\n", "host=h dbname=d");
    is("postgresql://u:p#q$r'@h/d", "user=u host=h dbname=d [p#q$r']");
}

static void unix_sockets(void **state)
{
    (void)state;
    is("postgresql://postgres@/db?host=/run/postgresql", "user=postgres dbname=db host=/run/postgresql");
    is("postgresql:///db?host=/run/x&port=5433", "dbname=db host=/run/x port=5433");
    is("postgresql://%2Frun%2Fpostgresql/db", "host=/run/postgresql dbname=db");
    is("postgresql://h:1/db?host=/run/x", "host=/run/x port=1 dbname=db");
}

static void ipv6_and_several_hosts(void **state)
{
    (void)state;
    is("postgresql://[::1]/d", "host=::1 dbname=d");
    is("postgresql://u:p@[2001:db8::1]:5433/d", "user=u host=2001:db8::1 port=5433 dbname=d [p]");
    is("postgresql://[fe80::1%25eth0]/d", "host=fe80::1%eth0 dbname=d");
    is("postgresql://a:1,b:2/d", "host=a,b port=1,2 dbname=d");
    is("postgresql://a,b/d", "host=a,b dbname=d");
    is("postgresql://a,[::1]:5433,c/d", "host=a,::1,c port=,5433, dbname=d");
    is("postgresql://a,/d", "host=a, dbname=d");
    is("postgresql://[::1/d", "the URL's IPv6 address at character 14 is malformed | its ']' is missing | "
       "Write it as [::1]:5432.");
    is("postgresql://a,[]/d", "the URL's IPv6 address at character 16 is malformed | there is nothing in the "
       "brackets | Write it as [::1]:5432.");
    is("postgresql://[::1]x/d", "the URL's IPv6 address at character 14 is malformed | only a ':' and a port may "
       "follow the ']' | Write it as [::1]:5432.");
    is("postgresql://u@::1/d", "the URL has a bad port \":1\" | a port is a number from 1 to 65535 | "
       "An IPv6 address stands in brackets: [::1]:5432.");
}

static void raw_at_in_password(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct url url;
    is("postgresql://u:p@ss@h/d", "user=u host=h dbname=d [p@ss]");
    is("postgresql://u:p@s:s@@h:5433/d", "user=u host=h port=5433 dbname=d [p@s:s@]");
    assert_true(url_parse(&url, &arena, "postgresql://u:p@ss@h/d", NULL));
    assert_int_equal(url.note_count, 1);
    assert_string_equal(url.notes[0],
                        "A raw '@' before the last one was taken as part of the password; it should be %40.");
    url_free(&url);
    assert_true(url_parse(&url, &arena, "postgresql://u:p@h/d?user=a@b", NULL));
    assert_int_equal(url.note_count, 0);
    assert_string_equal(url.user, "a@b");
    url_free(&url);
    arena_free(&arena);
}

static void first_host_and_hints(void **state)
{
    (void)state;
    static const struct { const char *text, *host, *port, *database, *user, *schema; bool pooled; } rows[] = {
        {"postgresql://u:p@a:1,b:2/d", "a", "1", "d", "u", NULL, false},
        {"postgresql:///", "", "", "", "", NULL, false},
        {"postgresql://x/d?hostaddr=10.0.0.1", "x", "", "d", "", NULL, false},
        {"postgresql:///d?hostaddr=10.0.0.1", "10.0.0.1", "", "d", "", NULL, false},
        {"postgresql://h:6543/d", "h", "6543", "d", "", NULL, true},
        {"postgresql://h/d?pgbouncer=true&schema=app", "h", "", "d", "", "app", true},
        {"postgresql://h/d?pgbouncer=false", "h", "", "d", "", NULL, false},
        {"postgresql://ep-x-pooler.eu.aws.neon.tech/d", "ep-x-pooler.eu.aws.neon.tech", "", "d", "", NULL, true},
        {"host=h port=6543", "h", "6543", "", "", NULL, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = {0};
        struct url url;
        assert_true(url_parse(&url, &arena, rows[i].text, NULL));
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.port, rows[i].port);
        assert_string_equal(url.database, rows[i].database);
        assert_string_equal(url.user, rows[i].user);
        assert_int_equal(url.pooled_hint, rows[i].pooled);
        if (rows[i].schema)
            assert_string_equal(url.schema, rows[i].schema);
        else
            assert_null(url.schema);
        url_free(&url);
        arena_free(&arena);
    }
}

static void other_clients_parameters(void **state)
{
    (void)state;
    static const char *const names[] = {"schema", "pgbouncer", "connection_limit", "pool_timeout", "sslaccept",
        "socket_timeout", "statement_cache_size", "sslidentity", "supa", "workaround", "uselibpqcompat", "pool"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct arena arena = {0};
        struct url url;
        struct err err = {0};
        char text[120];
        snprintf(text, sizeof text, "postgresql://h/d?%s=hunter2&sslmode=require", names[i]);
        if (!url_parse(&url, &arena, text, &err))
            fail_msg("%s: %s", text, err.message);
        assert_int_equal(url.count, 3);                    /* host, dbname, sslmode: theirs is not sent */
        assert_int_equal(url.note_count, 1);
        assert_non_null(strstr(url.notes[0], names[i]));
        if (strcmp(names[i], "schema") != 0)               /* whatever it holds, a note does not repeat it */
            assert_null(strstr(url.notes[0], "hunter2"));
        url_free(&url);
        arena_free(&arena);
    }
    is("postgresql://h/d?ssl=true", "host=h dbname=d sslmode=require");
    is("postgresql://h/d?ssl=false", "host=h dbname=d");
    is("postgresql://h/d?sslmode=no-verify", "host=h dbname=d sslmode=require");
}

static void unknown_parameters(void **state)
{
    (void)state;
    is("postgresql://h/d?sslmod=require", "the URL has an unknown parameter \"sslmod\" | neither libpq nor a client "
       "that seedops knows of takes it | Did you mean \"sslmode\"?");
    is("postgresql://h/d?SSLMODE=require&x=1", "the URL has an unknown parameter \"SSLMODE\" | neither libpq nor a "
       "client that seedops knows of takes it | Did you mean \"sslmode\"?");
    is("host=h databse=x", "the URL has an unknown parameter \"databse\" | neither libpq nor a client that seedops "
       "knows of takes it | Remove it; the nearest that libpq knows is \"dbname\".");
    is("postgresql://h/d?frobnicate=1", "the URL has an unknown parameter \"frobnicate\" | neither libpq nor a "
       "client that seedops knows of takes it | Remove it; the nearest that libpq knows is \"dbname\".");
    is("postgresql://h/d?conection_limit=1", "the URL has an unknown parameter \"conection_limit\" | neither libpq "
       "nor a client that seedops knows of takes it | Did you mean \"connection_limit\"?");
}

static void ports(void **state)
{
    (void)state;
#define PORT " | a port is a number from 1 to 65535 | PostgreSQL's is usually 5432."
    is("postgresql://u@h:0/d", "the URL has a bad port \"0\"" PORT);
    is("postgresql://h:65536/d", "the URL has a bad port \"65536\"" PORT);
    is("postgresql://h:99999999999999999999/d", "the URL has a bad port \"99999999999999999999\"" PORT);
    is("postgresql://u@h:54x2/d", "the URL has a bad port \"54x2\"" PORT);
    is("postgresql://u@a:1,h:-5/d", "the URL has a bad port \"-5\"" PORT);
    is("postgresql://h/d?port=http", "the URL has a bad port \"http\"" PORT);
    is("host=h port=70000", "the URL has a bad port \"70000\"" PORT);
    is("postgresql://h:65535/d", "host=h port=65535 dbname=d");
    is("postgresql://h:1/d", "host=h port=1 dbname=d");
}

static void percent_encoding(void **state)
{
    (void)state;
#define WRONG " | a '%' must be followed by two hexadecimal digits, and not by 00 | " \
              "A '%' that stands for itself is written %25."
    is("postgresql://u:p%zz@h/d", "the URL's password has a wrong percent-encoding at character 17" WRONG);
    is("postgresql://u%4:p@h/d", "the URL's user has a wrong percent-encoding at character 15" WRONG);
    is("postgresql://u@h/d%", "the URL's database name has a wrong percent-encoding at character 19" WRONG);
    is("postgresql://u@a,h%00/d", "the URL's host has a wrong percent-encoding at character 19" WRONG);
    is("postgresql://u@h/d?sslmode=%f", "the URL's sslmode has a wrong percent-encoding at character 28" WRONG);
}

static void keyword_strings(void **state)
{
    (void)state;
    is("host=h port=5433 dbname=d user=u", "host=h port=5433 dbname=d user=u");
    is(" host = h\tdbname='a b' password='it\\'s \\\\ x' ", "host=h dbname=a b [it's \\ x]");
    is("host=/run/x dbname=''", "host=/run/x");
    is("dbname=a\\ b", "dbname=a b");
    is("service=prod", "service=prod");
    is("host=h password=a@b://c", "host=h [a@b://c]");
    is("host=h options='-c search_path=x'", "host=h options=-c search_path=x");
#define QUOTES "A value with spaces stands in single quotes; a backslash makes the next character plain."
    is("host=h password='oops", "the connection string is malformed at character 8 | a quoted value does not end | "
       QUOTES);
    is("host=h password", "the connection string is malformed at character 8 | a keyword is followed by no '=' | "
       QUOTES);
}

static void not_a_url(void **state)
{
    (void)state;
#define EXAMPLE "Write it as postgresql://user@host:5432/database."
    is("", "the URL is empty |  | " EXAMPLE);
    is(" \n", "the URL is empty |  | " EXAMPLE);
    is("hunter2", "this is neither a database URL nor keyword=value pairs |  | " EXAMPLE);
    is("mysql://u:hunter2@h/d", "the URL is not PostgreSQL's: its scheme is \"mysql\" |  | " EXAMPLE);
    is("file:./dev.db", "the URL is not PostgreSQL's: its scheme is \"file\" |  | " EXAMPLE);
    is("jdbc:postgresql://h/d?user=u", "the URL is a JDBC URL |  | Leave \"jdbc:\" away, and put user and password "
       "before the host.");
    is("prisma://accelerate.prisma-data.net/?api_key=hunter2", "the URL is Prisma Accelerate's, which is not "
       "PostgreSQL's protocol |  | Give the database's own URL, postgresql://...; Prisma calls it directUrl.");
    is("\"postgresql://h/d\"", "the URL begins with a quotation mark |  | Take the quotes away; docker's "
       "--env-file, for one, keeps them.");
    is("postgresql://h\n/d", "the URL has a control character (\\x0A) at character 15 |  | It often comes from a "
       "line break inside a copied or wrapped URL.");
    is("postgresql://h/d?x", "the URL's parameter at character 18 is not name=value |  | In a user name or password "
       "write '/' as %2F, '?' as %3F, '@' as %40, ':' as %3A, '&' as %26, '%' as %25.");
}

/* Whatever is wrong with the rest, the password is in no error, no note and no redacted text. */
static void nothing_secret_is_repeated(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "postgresql://u:hunter2@h:x/d", "postgresql://u:hunter2@h:5432/d%", "postgresql://u:hunter2%@h/d",
        "postgresql://u:hun/hunter2@h/d", "postgresql://u:hun?hunter2@h/d", "postgresql://u:x@y/hunter2@h/d",
        "postgresql://u:x@y?hunter2@h/d", "postgresql://u:x?hunter2=1@h/d", "postgresql://u:x@y?hunter2=1@h/d",
        "postgresql://u:x&hunter2@h?sslmod=1", "postgresql://u:hunter2", "postgresql://u:hunter2/d",
        "postgresql://u:5/hunter2@h/d", "postgresql://u:hunter2@h/d?nope=1", "postgresql://u:hunter2@[::1/d",
        "postgresql://u:hunter2@h/d?password=%", "postgresql://h/d?password=hunter2&x", "hunter2",
        "postgresql://h/d?password=hunter2&sslpassword=hunter2", "postgresql://u:hunter2@h/d?schema=s",
        "password=hunter2 port=x", "password='hunter2", "password=hunter2 hunter2", "password hunter2",
        "mysql://u:hunter2@h", "jdbc:postgresql://h?password=hunter2", "'postgresql://u:hunter2@h/d'",
        "postgresql://u:hunter2\n@h/d", "postgresql://u:hunter2@h/d", "postgresql://hunter2@hunter2:x@h/?",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena arena = {0};
        struct url url;
        struct err err = {0};
        bool user_too = strstr(texts[i], "hunter2@hunter2") != NULL;
        if (!url_parse(&url, &arena, texts[i], &err)) {
            assert_int_equal(err.class, ERR_CONFIG);
            if (strstr(err.message, "hunter2") || strstr(err.why, "hunter2") || strstr(err.hint, "hunter2"))
                fail_msg("%s: %s | %s | %s", texts[i], err.message, err.why, err.hint);
            assert_true(*err.hint);
        } else {
            for (size_t n = 0; n < url.note_count; n++)
                assert_null(strstr(url.notes[n], "hunter2"));
            if (!user_too)
                assert_null(strstr(url_redacted(&url, &arena), "hunter2"));
            for (size_t k = 0; k < url.count; k++)
                assert_true(user_too || strcmp(url.keywords[k], "sslpassword") == 0
                            || !strstr(url.values[k], "hunter2"));
            url_free(&url);
        }
        arena_free(&arena);
    }
}

static void redacted(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } rows[] = {
        {"postgresql://u:p@h:5432/d", "u@h:5432/d"},
        {"postgresql://h", "h"},
        {"postgresql://u:p@a:1,[::1]:2/d", "u@a:1,[::1]:2/d"},
        {"host=a,b port=5433 dbname=d", "a:5433,b:5433/d"},
        {"postgresql:///d?host=/run/x", "d on /run/x"},
        {"postgresql://u@/d?host=/run/x&port=5433", "d on /run/x:5433 as u"},
        {"postgresql:///d", "d on the default host"},
        {"postgresql:///", "the default host"},
        {"service=prod", "service prod"},
        {"service=prod dbname=d user=u", "d on service prod as u"},
        {"postgresql:///d?hostaddr=10.0.0.1", "10.0.0.1/d"},
        {"postgresql://u%1b@h/d%07", "u\\e@h/d\\x07"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = {0};
        struct url url;
        assert_true(url_parse(&url, &arena, rows[i].text, NULL));
        assert_string_equal(url_redacted(&url, &arena), rows[i].want);
        url_free(&url);
        arena_free(&arena);
    }
}

static void wiping(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } rows[] = {
        {"postgresql://u:pw@h/d", "postgresql://u:**@h/d"},
        {"postgresql://u:p@w@h/d", "postgresql://u:***@h/d"},
        {"--url=postgresql://u:pw@h/d", "--url=postgresql://u:**@h/d"},
        {"postgresql://u:p/w@h/d", "postgresql://u:***@h/d"},
        {"postgresql://u:p?w@h/d", "postgresql://u:***@h/d"},
        {"postgresql://h/d?password=pw&sslmode=x", "postgresql://h/d?password=**&sslmode=x"},
        {"postgresql://h/d?p%61ssword=p&sslpassword=q", "postgresql://h/d?p%61ssword=*&sslpassword=*"},
        {"host=h password='p w' user=u", "host=h password=***** user=u"},
        {"--url=host=h password = pw", "--url=host=h password = **"},
        {"password='pw", "password=***"},
        {"postgresql://u@h/d", NULL}, {"postgresql://u:@h/d", NULL}, {"host=h passfile=x", NULL}, {"", NULL},
        {"--url", NULL}, {"production", NULL}, {"postgresql://h/d?password=", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s", rows[i].text);
        assert_int_equal(url_wipe(text), rows[i].want != NULL);
        assert_string_equal(text, rows[i].want ? rows[i].want : rows[i].text);
    }
}

/* What the installed libpq takes, we pass on. */
static void every_keyword_of_libpq(void **state)
{
    (void)state;
    PQconninfoOption *options = PQconndefaults();
    assert_non_null(options);
    for (PQconninfoOption *o = options; o->keyword; o++) {
        bool found = false;
        for (const char *const *k = url_keywords(); *k; k++)
            found |= strcmp(*k, o->keyword) == 0;
        if (!found)
            fail_msg("libpq has a keyword %s", o->keyword);
        if (strchr(o->dispchar, '*'))
            assert_true(url_keyword_secret(o->keyword));
    }
    PQconninfoFree(options);
}

/* Where libpq can read a URL too, we read the same. */
static void as_libpq_reads_it(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "postgresql://u:p@h:5433/d?sslmode=require&application_name=a%20b", "postgresql://[::1]:5433/d",
        "postgresql://a:1,b:2,c/d?target_session_attrs=any", "postgresql:///d?host=/run/x", "postgres://%2Fx/d",
        "host=h password='a b' dbname=x\\ y", "postgresql://u@/d", "postgresql://u%3A:p%40@h", "postgresql://",
        "postgresql://h:/", "postgresql://h?user=u&password=p", "postgresql://a,b:1/d", "postgresql://:p@/d",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        PQconninfoOption *options = PQconninfoParse(texts[i], NULL);
        struct arena arena = {0};
        struct url url;
        assert_non_null(options);
        assert_true(url_parse(&url, &arena, texts[i], NULL));
        for (PQconninfoOption *o = options; o->keyword; o++) {
            const char *ours = strcmp(o->keyword, "password") == 0 ? secret_text(url.password)
                                                                   : url_value(&url, o->keyword);
            const char *theirs = o->val ? o->val : "";
            if (strcmp(ours, theirs) != 0)
                fail_msg("%s: %s is \"%s\", libpq has \"%s\"", texts[i], o->keyword, ours, theirs);
        }
        url_free(&url);
        arena_free(&arena);
        PQconninfoFree(options);
    }
}

static void long_passwords(void **state)
{
    (void)state;
    char text[1200] = "postgresql://u:", *end = text + strlen(text);
    memset(end, 'p', 1023);
    strcpy(end + 1023, "@h/d");
    struct arena arena = {0};
    struct url url;
    struct err err = {0};
    assert_true(url_parse(&url, &arena, text, &err));
    assert_int_equal(secret_length(url.password), 1023);
    url_free(&url);
    memset(end, 'p', 1024);
    strcpy(end + 1024, "@h/d");
    assert_false(url_parse(&url, &arena, text, &err));
    assert_string_equal(err.message, "the password in the URL is longer than 1023 bytes");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_into_keywords),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(ipv6_and_several_hosts),
        cmocka_unit_test(raw_at_in_password),
        cmocka_unit_test(first_host_and_hints),
        cmocka_unit_test(other_clients_parameters),
        cmocka_unit_test(unknown_parameters),
        cmocka_unit_test(ports),
        cmocka_unit_test(percent_encoding),
        cmocka_unit_test(keyword_strings),
        cmocka_unit_test(not_a_url),
        cmocka_unit_test(nothing_secret_is_repeated),
        cmocka_unit_test(redacted),
        cmocka_unit_test(wiping),
        cmocka_unit_test(every_keyword_of_libpq),
        cmocka_unit_test(as_libpq_reads_it),
        cmocka_unit_test(long_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
