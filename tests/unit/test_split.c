/* split: a table of SQL oddities, each with the statements it must give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/split.h"

static bool split(struct sql_file *out, struct arena *arena, const char *sql, struct err *err)
{
    return split_sql(out, arena, "m.sql", sql, strlen(sql), err);
}

/* Each row: SQL, then its statements, NULL-terminated. */
static const struct { const char *sql; const char *want[6]; } statements[] = {
    {"", {NULL}},
    {" \n\t;;; ; -- only a comment\n/* and another */", {NULL}},
    {"select 1", {"select 1"}},
    {"select 1;select 2;", {"select 1", "select 2"}},
    {"select ';';x", {"select ';'", "x"}},
    {"select 'it''s; here';x", {"select 'it''s; here'", "x"}},
    {"select 'back\\';x", {"select 'back\\'", "x"}},
    {"select E'quote\\'; here';x", {"select E'quote\\'; here'", "x"}},
    {"select e'\\\\';x", {"select e'\\\\'", "x"}},
    {"select typE'a\\';x", {"select typE'a\\'", "x"}},
    {"select U&'d\\0061t;';x", {"select U&'d\\0061t;'", "x"}},
    {"select U&\"d;\" from t;x", {"select U&\"d;\" from t", "x"}},
    {"select u & '1;';x", {"select u & '1;'", "x"}},
    {"select B'01', X'1F', N'n;';x", {"select B'01', X'1F', N'n;'", "x"}},
    {"select \"a;\"\"b\";x", {"select \"a;\"\"b\"", "x"}},
    {"select $$a;b$$;x", {"select $$a;b$$", "x"}},
    {"select $t$a;$$;$T$;$t$;x", {"select $t$a;$$;$T$;$t$", "x"}},
    {"select $1;x", {"select $1", "x"}},
    {"select a$b$;c$b$;x", {"select a$b$", "c$b$", "x"}},
    {"select $\xc3\xa9$;$\xc3\xa9$;x", {"select $\xc3\xa9$;$\xc3\xa9$", "x"}},
    {"select /* ; /* ; */ ; */ 1;x", {"select /* ; /* ; */ ; */ 1", "x"}},
    {"select 1 -- ;\n;x", {"select 1", "x"}},
    {"select 1 -- '\n;x", {"select 1", "x"}},
    {"select 1 --\r;x", {"select 1", "x"}},
    {"select 5 - -3; x", {"select 5 - -3", "x"}},
    {"select 5/*;*/--;\n+1;x", {"select 5/*;*/--;\n+1", "x"}},
    {"create rule r as on insert to t do also (insert into a values (1); insert into b values (2));x",
     {"create rule r as on insert to t do also (insert into a values (1); insert into b values (2))", "x"}},
    {"create function f() returns int begin atomic select 1; select case when true then 2 end; end;x",
     {"create function f() returns int begin atomic select 1; select case when true then 2 end; end", "x"}},
    {"create or replace procedure p() begin atomic select 1; end; begin; commit;",
     {"create or replace procedure p() begin atomic select 1; end", "begin", "commit"}},
    {"create function begin(int) returns int as 'select 1' language sql; x",
     {"create function begin(int) returns int as 'select 1' language sql", "x"}},
    {"begin; insert into t values (1); end; x", {"begin", "insert into t values (1)", "end", "x"}},
    {"do $$ begin perform 1; end $$; x", {"do $$ begin perform 1; end $$", "x"}},
    {"select a[1:2], b::text;x", {"select a[1:2], b::text", "x"}},
    {"\xef\xbb\xbfselect 1;x", {"select 1", "x"}},
    {"select 1);x", {"select 1)", "x"}},
    {"select 'a'\n'b;';x", {"select 'a'\n'b;'", "x"}},
    {"select 1e5, 0x1F, 1_000, .5;x", {"select 1e5, 0x1F, 1_000, .5", "x"}},
    {"select 'caf\xc3\xa9 \xf0\x9f\x92\xa7;';x", {"select 'caf\xc3\xa9 \xf0\x9f\x92\xa7;'", "x"}},
};

static void test_statements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct arena arena = {0};
        struct sql_file file;
        struct err err = {0};
        if (!split(&file, &arena, statements[i].sql, &err))
            fail_msg("%s: %s", statements[i].sql, err.message);
        size_t n = 0;
        for (; statements[i].want[n]; n++) {
            if (n >= file.count)
                fail_msg("%s: only %zu statements", statements[i].sql, file.count);
            const struct statement *s = &file.statements[n];
            const char *want = statements[i].want[n];
            if (s->length != strlen(want) || memcmp(s->text, want, s->length) != 0)
                fail_msg("%s: got '%.*s', want '%s'", statements[i].sql, (int)s->length, s->text, want);
            assert_ptr_equal(s->text, statements[i].sql + s->offset);
        }
        if (file.count != n)
            fail_msg("%s: %zu statements, want %zu", statements[i].sql, file.count, n);
        arena_free(&arena);
    }
}

enum { NO_TX = 1, CONC = 2, CONTROL = 4, BEGINS = 8, ENDS = 16 };
static const struct { const char *sql; unsigned flags, risks; const char *index; } kinds[] = {
    {"select 1", 0, 0, NULL},
    {"vacuum", NO_TX, 0, NULL},
    {"VACUUM (ANALYZE) t", NO_TX, 0, NULL},
    {"\"vacuum\"", 0, 0, NULL},
    {"create index concurrently i on t (a)", NO_TX | CONC, 0, "i"},
    {"CREATE UNIQUE INDEX /* x */ CONCURRENTLY IF NOT EXISTS \"I x\" ON t (a)", NO_TX | CONC, 0, "\"I x\""},
    {"create index concurrently on t (a)", NO_TX | CONC, 0, NULL},
    {"create index concurrently \"on\" on t (a)", NO_TX | CONC, 0, "\"on\""},
    {"create index i on concurrently (a)", 0, 0, NULL},
    {"create index \"concurrently\" on t (a)", 0, 0, NULL},
    {"drop index concurrently i", NO_TX, RISK_DROP, NULL},
    {"reindex table concurrently t", NO_TX | CONC, 0, NULL},
    {"reindex (concurrently) table t", NO_TX | CONC, 0, NULL},
    {"reindex table t", 0, 0, NULL},
    {"reindex database d", NO_TX, 0, NULL},
    {"refresh materialized view concurrently v", 0, 0, NULL},
    {"alter table t detach partition p concurrently", NO_TX, 0, NULL},
    {"alter system set a = 1", NO_TX, 0, NULL},
    {"create database d", NO_TX, 0, NULL},
    {"drop database d", NO_TX, RISK_DROP, NULL},
    {"create subscription s connection '' publication p", NO_TX, 0, NULL},
    {"alter subscription s refresh publication", NO_TX, 0, NULL},
    {"discard all", NO_TX, 0, NULL},
    {"discard plans", 0, 0, NULL},
    {"cluster", NO_TX, 0, NULL},
    {"cluster t using i", 0, 0, NULL},
    {"begin", CONTROL | BEGINS, 0, NULL},
    {"start transaction read only", CONTROL | BEGINS, 0, NULL},
    {"commit", CONTROL | ENDS, 0, NULL},
    {"end", CONTROL | ENDS, 0, NULL},
    {"abort", CONTROL | ENDS, 0, NULL},
    {"rollback", CONTROL | ENDS, 0, NULL},
    {"rollback to savepoint s", CONTROL, 0, NULL},
    {"savepoint s", CONTROL, 0, NULL},
    {"release s", CONTROL, 0, NULL},
    {"prepare transaction 'x'", CONTROL | ENDS, 0, NULL},
    {"commit prepared 'x'", NO_TX, 0, NULL},
    {"prepare p as select 1", 0, 0, NULL},
    {"drop table t", 0, RISK_DROP, NULL},
    {"alter table t drop column c", 0, RISK_DROP, NULL},
    {"alter table t drop c, add d int", 0, RISK_DROP, NULL},
    {"alter table t drop constraint k", 0, RISK_DROP, NULL},
    {"alter table t alter c drop not null", 0, 0, NULL},
    {"alter table t alter c drop default", 0, 0, NULL},
    {"alter table t alter column c drop identity if exists", 0, 0, NULL},
    {"alter table t alter c type int", 0, RISK_TYPE, NULL},
    {"alter table t alter column c set data type int using c::int", 0, RISK_TYPE, NULL},
    {"alter table t add column type text", 0, 0, NULL},
    {"alter table t alter column type set not null", 0, 0, NULL},
    {"alter table t alter type set not null", 0, 0, NULL},
    {"alter type e add value 'x'", 0, 0, NULL},
    {"truncate t", 0, RISK_TRUNCATE, NULL},
    {"delete from t", 0, RISK_DELETE, NULL},
    {"with x as (delete from t returning *) insert into u select * from x", 0, RISK_DELETE, NULL},
    {"update t set a = 1", 0, RISK_UPDATE, NULL},
    {"insert into t values (1) on conflict do nothing", 0, 0, NULL},
    {"insert into t values (1) on conflict (a) do update set b = 2", 0, RISK_UPDATE, NULL},
    {"insert into t select * from u for update", 0, 0, NULL},
    {"merge into t using u on true when matched then delete", 0, RISK_DELETE, NULL},
    {"create table t (a int references u on delete cascade on update cascade)", 0, 0, NULL},
    {"create trigger g before delete or update on t execute function f()", 0, 0, NULL},
    {"insert into t values ('drop table t; delete from t')", 0, 0, NULL},
    {"do $$ begin delete from t; end $$", 0, RISK_DELETE, NULL},
    {"do $x$ begin drop table t; truncate u; -- delete from z\n end $x$", 0, RISK_DROP | RISK_TRUNCATE, NULL},
    {"do $$ begin raise notice 'delete from t'; end $$", 0, 0, NULL},
    {"create function f() returns void as $$ delete from t $$ language sql", 0, 0, NULL},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct arena arena = {0};
        struct sql_file file;
        struct err err = {0};
        assert_true(split(&file, &arena, kinds[i].sql, &err));
        assert_int_equal(file.count, 1);
        const struct statement *s = &file.statements[0];
        unsigned flags = (s->no_transaction ? NO_TX : 0) | (s->concurrently ? CONC : 0) |
                         (s->transaction_control ? CONTROL : 0) | (s->begins_block ? BEGINS : 0) |
                         (s->ends_block ? ENDS : 0);
        if (flags != kinds[i].flags || s->risks != kinds[i].risks)
            fail_msg("%s: flags %u want %u, risks %u want %u", kinds[i].sql, flags, kinds[i].flags, s->risks,
                     kinds[i].risks);
        if (kinds[i].index)
            assert_string_equal(s->index_name, kinds[i].index);
        else
            assert_null(s->index_name);
        assert_int_equal(file.transactional, !(flags & (NO_TX | BEGINS | ENDS)));
        arena_free(&arena);
    }
}

static const struct { const char *sql, *message, *at; } refused[] = {
    {"\\c other\nselect 1", "\\c is a command of psql, not SQL", "m.sql:1:1"},
    {"select 1;\n  \\set x 1", "\\set is a command of psql", "m.sql:2:3"},
    {"select 1 \\gexec", "\\gexec is a command", "m.sql:1:10"},
    {"select '\xc3\xa9' \\x\x1b", "\\x\\e is a command", "m.sql:1:12"},
    {"copy t from stdin;\n1\n\\.\n", "\\. is a command of psql", "m.sql:3:1"},
    {"select 1;\ncopy t (a, b) from stdin;\n", "COPY with STDIN", "m.sql:2:1"},
    {"copy t to stdout", "COPY with STDIN or STDOUT", "m.sql:1:1"},
    {"select 'open", "a quoted string that begins here never ends", "m.sql:1:8"},
    {"x;\nselect \"open", "a quoted identifier that begins here", "m.sql:2:8"},
    {"select E'a\\'", "a quoted string", "m.sql:1:8"},
    {"/* a /* b */", "a comment that begins here", "m.sql:1:1"},
    {"select $a$ b $$", "a dollar-quoted string that begins here", "m.sql:1:8"},
    {"select '\xff'", "not valid UTF-8", "m.sql:1:9"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct arena arena = {0};
        struct sql_file file;
        struct err err = {0};
        assert_false(split(&file, &arena, refused[i].sql, &err));
        assert_int_equal(err.class, ERR_MIGRATION);
        if (!strstr(err.message, refused[i].message))
            fail_msg("%s: %s", refused[i].sql, err.message);
        assert_string_equal(err.at, refused[i].at);
        assert_true(err.hint[0]);
        arena_free(&arena);
    }
    struct arena arena = {0};
    struct sql_file file;
    struct err err = {0};
    assert_false(split_sql(&file, &arena, "m.sql", "a\n\0b", 4, &err));
    assert_non_null(strstr(err.message, "NUL"));
    assert_string_equal(err.at, "m.sql:2:1");
    arena_free(&arena);
}

static void test_mark(void **state)
{
    (void)state;
    static const struct { const char *sql; bool mark; } rows[] = {
        {"-- seedops:no-transaction\nselect 1", true},
        {"\xef\xbb\xbf-- a\r\n--seedops:no-transaction \r\nselect 1", true},
        {"select 1; -- seedops:no-transaction", false},
        {"-- about seedops:no-transaction\nselect 1", false},
        {"'-- seedops:no-transaction'", false},
        {"-- seedops:no-transaction", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = {0};
        struct sql_file file;
        struct err err = {0};
        assert_true(split(&file, &arena, rows[i].sql, &err));
        assert_int_equal(file.no_transaction_mark, rows[i].mark);
        assert_int_equal(file.transactional, !rows[i].mark);
        assert_int_equal(file.why_not != NULL, rows[i].mark);
        arena_free(&arena);
    }
}

static void test_lines(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct sql_file file;
    struct err err = {0};
    static const char sql[] = "-- head\n\nselect 1;\r\n/* x\n */ select\n 2; select 3;\nvacuum";
    assert_true(split(&file, &arena, sql, &err));
    assert_int_equal(file.count, 4);
    assert_int_equal(file.statements[0].line, 3);
    assert_int_equal(file.statements[1].line, 5);
    assert_int_equal(file.statements[2].line, 6);
    assert_int_equal(file.statements[3].line, 7);
    assert_string_equal(file.why_not, "line 7: this statement cannot run inside a transaction");
    arena_free(&arena);
}

static void test_place(void **state)
{
    (void)state;
    static const char text[] = "caf\xc3\xa9 x\n\xf0\x9f\x92\xa7 y\n";
    static const struct { unsigned position, line, column; } rows[] = {
        {0, 1, 1}, {1, 1, 1}, {4, 1, 4}, {6, 1, 6}, {7, 1, 7}, {8, 2, 1}, {10, 2, 3}, {12, 3, 1}, {99, 3, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned line, column;
        split_place(text, sizeof text - 1, rows[i].position, &line, &column);
        if (line != rows[i].line || column != rows[i].column)
            fail_msg("position %u: %u:%u, want %u:%u", rows[i].position, line, column, rows[i].line,
                     rows[i].column);
    }
}

static void test_risk_names(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(split_risk_names(RISK_DROP | RISK_TYPE, out, sizeof out), "DROP, type change");
    assert_string_equal(split_risk_names(0, out, sizeof out), "");
    assert_int_equal(strlen(split_risk_names(31, out, 8)), 7);
}

static void test_large(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    static const char row[] = "insert into t values (1, 'x;');\n";
    char *sql = xmalloc(ROWS * (sizeof row - 1) + 1), *p = sql;
    for (int i = 0; i < ROWS; i++, p += sizeof row - 1)
        memcpy(p, row, sizeof row);
    struct arena arena = {0};
    struct sql_file file;
    struct err err = {0};
    assert_true(split(&file, &arena, sql, &err));
    assert_int_equal(file.count, ROWS);
    assert_int_equal(file.statements[ROWS - 1].line, ROWS);
    arena_free(&arena);
    free(sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements), cmocka_unit_test(test_kinds),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_mark),       cmocka_unit_test(test_lines),  cmocka_unit_test(test_place),
        cmocka_unit_test(test_risk_names), cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
