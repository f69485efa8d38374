/* fixture - headers, tags, rows, keys and digests; every mistake in one message with its place. */
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

#include "base/str.h"
#include "fixture/fixture.h"
#include "scratch.h"

static char base[] = "/tmp/seedops-fixture.XXXXXX";
static char seeds[64];

static const char *environment(const char *name)
{
    if (strcmp(name, "ADMIN_EMAIL") == 0)
        return "ops@alpimonitor.ch";
    if (strcmp(name, "ADMIN_PASSWORD") == 0)
        return "correct horse";
    if (strcmp(name, "SHORT") == 0)
        return "seven77";
    if (strcmp(name, "WEAK") == 0)
        return "TestPassword123!";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static struct fixture_options options(void)
{
    return (struct fixture_options){.environment = "local", .base_dir = base, .getenv_fn = environment};
}

static void put_bytes(const char *name, const char *bytes, size_t length)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", seeds, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    fclose(out);
}

static void put(const char *name, const char *text) { put_bytes(name, text, strlen(text)); }

static int empty_seeds(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", seeds, seeds);
    return system(command);
}

static int make_base(void **state)
{
    (void)state;
    if (!mkdtemp(base))
        return -1;
    snprintf(seeds, sizeof seeds, "%s/seeds", base);
    return 0;
}

static int remove_base(void **state)
{
    (void)state;
    return scratch_remove(base);
}

/* "at: message" of every problem, a line each. */
static char *problems_of(const struct fixture_options *o, struct fixture_set *set)
{
    struct err_list list = {0};
    struct str out = {0};
    bool ok = fixture_set_load(set, seeds, o, &list);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].class, ERR_FIXTURE);
        str_printf(&out, "%s: %s\n", list.items[i].at, list.items[i].message);
    }
    assert_int_equal(ok, list.count == 0);
    err_list_free(&list);
    return str_take(&out);
}

static void check_problems(const char *want)
{
    struct fixture_options o = options();
    struct fixture_set set;
    char *got = problems_of(&o, &set);
    assert_string_equal(got, want);
    free(got);
    fixture_set_free(&set);
}

/* One file, one outcome. */
static void check_file(const char *text, const char *want)
{
    put("x.yaml", text);
    check_problems(want);
}

static void load(struct fixture_set *set)
{
    struct fixture_options o = options();
    char *problems = problems_of(&o, set);
    assert_string_equal(problems, "");
    free(problems);
}

static void add_value(struct str *out, const struct fixture_value *v)
{
    static const char *const kinds[] = {"-", "null", "text", "json", "ref", "env", "argon", "sql"};
    str_add(out, kinds[v->kind]);
    if (v->kind == VALUE_REF)
        str_printf(out, "(%s.%s %s=%s)", v->ref->table, v->ref->column ? v->ref->column : "",
                   v->ref->keys[0], v->ref->values[0]);
    else if (v->text && v->kind != VALUE_NULL)
        str_printf(out, "(%s)", v->text);
    str_add_char(out, ' ');
}

/* Rows as text; read twice, since they must be readable again. */
static void check_rows(const struct fixture *f, const char *want)
{
    struct fixture_options o = options();
    for (int pass = 0; pass < 2; pass++) {
        struct fixture_reader *reader;
        const struct fixture_row *row;
        struct str out = {0};
        struct err err;
        uint64_t count = 0;
        assert_true(fixture_open(&reader, f, &o, &err));
        for (;; count++) {
            assert_true(fixture_next(reader, &row, &err));
            if (!row)
                break;
            assert_int_equal(row->number, count);
            for (size_t i = 0; i < f->column_count; i++)
                add_value(&out, &row->values[i]);
            str_printf(&out, "@%u\n", row->line);
        }
        assert_string_equal(str_text(&out), want);
        assert_int_equal(count, f->row_count);
        fixture_close(reader);
        str_free(&out);
    }
}

static void test_whole_header(void **state)
{
    (void)state;
    put("station.yaml", "table: Station\nkey: [ofevCode]\nenvironments: [local, production]\nmode: insert\n"
                        "prune: true\nignore: [createdAt, updatedAt]\nkeep: [note]\n"
                        "defaults: {active: true, note: ~}\n"
                        "rows:\n  - ofevCode: \"2009\"\n    name: Porte du Scex\n  - {ofevCode: 2010, note: x}\n");
    struct fixture_set set;
    load(&set);
    const struct fixture *f = fixture_find(&set, "Station");
    assert_non_null(f);
    assert_string_equal(f->file, "seeds/station.yaml");
    assert_string_equal(f->key[0], "ofevCode");
    assert_int_equal(f->mode, FIXTURE_INSERT);
    assert_true(f->prune && f->order.text && !f->csv && !f->has_secret);
    assert_true(fixture_ignores(f, "updatedAt") && fixture_keeps(f, "note") && !fixture_keeps(f, "name"));
    assert_int_equal(f->row_count, 2);
    assert_string_equal(f->columns[0], "ofevCode");
    assert_string_equal(f->columns[1], "name");
    check_rows(f, "text(2009) text(Porte du Scex) null text(true) @10\n"
                  "text(2010) - text(x) text(true) @12\n");
    fixture_set_free(&set);
}

static void test_tags(void **state)
{
    (void)state;
    put("long.txt", "two\nlines\n");
    put("x.yaml", "table: T\nkey: [id]\nrows:\n"
                  "  - id: 007\n    a: !ref {table: Catchment, slug: rhone, column: code}\n"
                  "    b: !env ADMIN_EMAIL\n    c: !argon2id {env: ADMIN_PASSWORD}\n    d: !file long.txt\n"
                  "    e: !sql now()\n    f: [1, \"1\", 1e3, no, true, ~, {x: 0x1F, y: +.5, z: 01}]\n"
                  "    g: null\n    h: \"null\"\n    i: !argon2id [!env ADMIN_PASSWORD]\n"
                  "    j: !argon2id long enough\n");
    struct fixture_set set;
    load(&set);
    const struct fixture *f = &set.items[0];
    assert_true(f->has_secret);
    check_rows(f, "text(007) ref(Catchment.code slug=rhone) env(ops@alpimonitor.ch) argon(correct horse) "
                  "text(two\nlines\n) sql(now()) "
                  "json([1, \"1\", 1e3, \"no\", true, null, {\"x\": 31, \"y\": 0.5, \"z\": 1}]) null text(null) "
                  "argon(correct horse) argon(long enough) @4\n");
    fixture_set_free(&set);
}

static void test_csv(void **state)
{
    (void)state;
    put("t.csv", "\xef\xbb\xbfid,name,note\r\n2,b,\r\n1,\"a\r\nb\",\"\"\r\n");
    put("x.yaml", "table: T\nkey: [id]\ndefaults: {active: true}\nrows: !csv t.csv\n");
    struct fixture_set set;
    load(&set);
    const struct fixture *f = &set.items[0];
    assert_true(f->csv && !f->order.text);
    assert_string_equal(f->rows_file, "seeds/t.csv");
    check_rows(f, "text(2) text(b) null text(true) @2\ntext(1) text(a\r\nb) text() text(true) @3\n");
    fixture_set_free(&set);
}

/* A pipe gives its bytes once; the rows are still readable as often as wanted. */
static void test_csv_through_a_pipe(void **state)
{
    (void)state;
    char path[128], command[256];
    snprintf(path, sizeof path, "%s/t.csv", seeds);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(command, sizeof command, "printf 'id,n\\n2,x\\n1,y\\n' >%s &", path);
    assert_int_equal(system(command), 0);
    put("x.yaml", "table: T\nkey: [id]\nrows: !csv t.csv\n");
    struct fixture_set set;
    load(&set);
    check_rows(&set.items[0], "text(2) text(x) @2\ntext(1) text(y) @3\n");
    fixture_set_free(&set);
}

/* Keys may follow the rows, and then count like any others. */
static void test_keys_behind_rows(void **state)
{
    (void)state;
    put("x.yaml", "rows:\n  - {id: 2}\n  - {id: 1, x: !env NOT_SET}\ndefaults: {x: 5}\nkey: [id]\ntable: T\n"
                  "environments: [production]\n");
    put("y.yaml", "table: U\nrows:\n  - {id: 1}\n  - {id: 2, x: 3}\ndefaults: {x: 5}\nkey: [id]\n");
    struct fixture_set set;
    load(&set);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.skipped, 1);
    check_rows(&set.items[0], "text(1) text(5) @3\ntext(2) text(3) @4\n");
    fixture_set_free(&set);
}

static void test_header_mistakes(void **state)
{
    (void)state;
    check_file("tabel: T\nrows: []\n", "seeds/x.yaml:1:1: unknown key \"tabel\"\n"
                                       "seeds/x.yaml:1:1: the fixture names no table\n");
    check_file("table: [T]\nrows: []\n", "seeds/x.yaml:1:8: table must be the name of one table\n");
    check_file("table: T\n", "seeds/x.yaml:1:1: the fixture has no rows\n");
    check_file("", "seeds/x.yaml:1:1: the fixture names no table\n");
    check_file("table: T\nkey: id\nrows: []\n", "seeds/x.yaml:2:6: key must be a list of names\n");
    check_file("table: T\nkey: [a, a]\nrows: []\n", "seeds/x.yaml:2:10: \"a\" stands in key twice\n");
    check_file("table: T\nkey: []\nrows: []\n", "seeds/x.yaml:2:6: key is empty\n");
    check_file("table: T\nmode: upsrt\nrows: []\n", "seeds/x.yaml:2:7: mode must be upsert or insert\n");
    check_file("table: T\nprune: yes\nrows: []\n", "seeds/x.yaml:2:8: prune must be true or false\n");
    check_file("table: T\ndefaults: [a]\nrows: []\n",
               "seeds/x.yaml:2:11: defaults must be a mapping of columns to values\n");
    check_file("table: T\nrows: many\n", "seeds/x.yaml:2:7: rows must be a list of rows\n");
    check_file("table: T\nrows:\n", "seeds/x.yaml:2:6: rows must be a list of rows\n");
    check_file("table: T\nkey: [a]\nignore: [a]\nrows: [{a: 1}]\n",
               "seeds/x.yaml:2:6: the key column \"a\" also stands in ignore\n");
    check_file("table: T\ntable: U\nrows: []\n", "seeds/x.yaml:2:1: the key \"table\" is given twice\n");
    check_file("table: T\nrows: !csv nowhere.csv\n", "seeds/x.yaml:2:7: cannot open nowhere.csv\n");
    check_file("table: T\nrows: !csv /etc/passwd\n",
               "seeds/x.yaml:2:7: /etc/passwd lies outside the seeds directory\n");
    put("y.yaml", "table: T\nrows: []\n");
    check_file("table: T\nrows: []\n", "seeds/y.yaml:1:8: table \"T\" has two fixtures\n");
}

static void test_row_mistakes(void **state)
{
    (void)state;
    /* All of them, not only the first. */
    check_file("table: T\nkey: [id]\nrows:\n  - {id: 1, a: !evn X, b: !env NOT_SET}\n  - {id: 2, a: !env EMPTY}\n"
               "  - text\n  - {id: 3, a: !ref {slug: x}, b: !ref {table: U}}\n",
               "seeds/x.yaml:4:16: unknown tag !evn\n"
               "seeds/x.yaml:4:27: the environment variable NOT_SET is not set\n"
               "seeds/x.yaml:5:16: the environment variable EMPTY is empty\n"
               "seeds/x.yaml:6:5: a row is not a mapping of columns to values\n"
               "seeds/x.yaml:7:16: !ref names no table\n"
               "seeds/x.yaml:7:35: !ref names no key\n");
    check_file("table: T\nkey: [id]\nrows:\n  - {id: 1, a: 1, a: 2}\n",
               "seeds/x.yaml:4:19: the key \"a\" is given twice\n");
    check_file("table: T\nrows:\n  - {a: !argon2id {env: SHORT}, b: {c: !env X}}\n  - {a: !file ../../etc/passwd}\n"
               "  - {a: !ref {table: U, x: !ref {table: V, y: 1}}}\n",
               "seeds/x.yaml:3:9: the password for !argon2id has fewer than 8 characters\n"
               "seeds/x.yaml:3:40: !env inside a nested value\n"
               "seeds/x.yaml:4:9: cannot open ../../etc/passwd\n"
               "seeds/x.yaml:5:28: a !ref's values are plain text: no tag may stand inside it\n");
    put_bytes("bad.txt", "a\xff", 2);
    check_file("table: T\nrows:\n  - {a: !file bad.txt}\n", "seeds/x.yaml:3:9: bad.txt is not UTF-8 text\n");
}

static void test_bad_bytes(void **state)
{
    (void)state;
    struct fixture_options o = options();
    struct fixture_set set;
    put("x.yaml", "table: T\nrows:\n  - {id: 1}\n  - {a: \"\xff\"}\n");
    char *got = problems_of(&o, &set);
    assert_non_null(strstr(got, "seeds/x.yaml:4"));
    free(got);
    fixture_set_free(&set);
    put("x.yaml", "table: T\nrows: !csv x.csv\n");
    put("x.csv", "a,b\n1,\xc3\n");
    check_problems("seeds/x.csv:2:3: byte 0xc3 is not UTF-8\n");
}

static void test_keys(void **state)
{
    (void)state;
    check_file("table: T\nkey: [id, n]\nrows:\n  - {id: b, n: 1}\n  - {id: a, n: 1}\n  - {id: b, n: 1}\n"
               "  - {id: a, n: 2}\n  - {id: a, n: 1}\n",
               "seeds/x.yaml:6:5: two rows have the key id = b, n = 1\n"
               "seeds/x.yaml:8:5: two rows have the key id = a, n = 1\n");
    check_file("table: T\nkey: [id]\nrows:\n  - {id: 1}\n  - {id: 1}\n",
               "seeds/x.yaml:5:5: two rows have the key id = 1\n");
    check_file("table: T\nkey: [id]\nrows:\n  - {id: 1}\n  - {id: ~}\n  - {id: [1]}\n",
               "seeds/x.yaml:5:10: the key column \"id\" is null\n"
               "seeds/x.yaml:6:10: the key column \"id\" is not a plain value\n");
    check_file("table: T\nkey: [idd]\nrows:\n  - {id: 1}\n  - {id: 2}\n",
               "seeds/x.yaml:2:6: no row gives the key: the key column \"idd\" has no value\n");
    check_file("table: T\nkey: [email]\nrows:\n  - {email: !env ADMIN_EMAIL}\n  - {email: ops@alpimonitor.ch}\n",
               "seeds/x.yaml:5:5: two rows have the key email = ops@alpimonitor.ch\n");
    put("x.csv", "id,n\n1,x\n,y\n");
    check_file("table: T\nkey: [id]\nrows: !csv x.csv\n", "seeds/x.csv:3:1: the key column \"id\" is null\n");
}

/* A key that fixtures leave to the primary key is checked by whoever knows it. */
static void test_key_found_later(void **state)
{
    (void)state;
    put("x.yaml", "table: T\nrows:\n  - {id: 2}\n  - {id: 10}\n  - {id: 2}\n");
    struct fixture_options o = options();
    struct fixture_set set;
    struct err_list list = {0};
    const char *key[] = {"id"};
    load(&set);
    struct fixture_order order = {true, true};
    assert_false(fixture_check_key(&set.items[0], key, 1, &o, &order, &list));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].at, "seeds/x.yaml:5:5");
    assert_false(order.text || order.numbers);
    err_list_free(&list);
    fixture_set_free(&set);
}

static void test_weak_accounts(void **state)
{
    (void)state;
    put("w.yaml", "table: W\nkey: [id]\ndefaults: {owner: admin@admin.com, of: !ref {table: U, id: 1}}\nrows: [{id: 1}]\n");
    put("x.yaml", "table: U\nkey: [email]\nrows:\n  - email: Admin@Admin.com\n    hash: !argon2id admin123\n"
                  "  - email: z@z.ch\n    hash: !argon2id {env: WEAK}\n    note: password\n");
    check_problems("");
    struct fixture_options o = options();
    struct fixture_set set;
    o.production = true;
    char *got = problems_of(&o, &set);
    assert_string_equal(got, "seeds/w.yaml:3:19: column \"owner\" holds a well-known test account\n"
                             "seeds/x.yaml:4:12: column \"email\" holds a well-known test account\n"
                             "seeds/x.yaml:5:11: column \"hash\" holds a well-known test password\n"
                             "seeds/x.yaml:7:11: column \"hash\" holds a well-known test password\n");
    free(got);
    fixture_set_free(&set);
}

/* A hundred are listed, and then checking stops. */
static void test_many_problems(void **state)
{
    (void)state;
    struct str text = {0};
    str_add(&text, "table: T\nkey: [id]\nrows:\n");
    for (int i = 0; i < 1000; i++)
        str_printf(&text, "  - {id: %d, a: !env NOT_SET, b: !env NOT_SET}\n", i);
    put("x.yaml", str_text(&text));
    struct fixture_options o = options();
    struct fixture_set set;
    struct err_list list = {0};
    assert_false(fixture_set_load(&set, seeds, &o, &list));
    assert_int_equal(list.count, FIXTURE_PROBLEMS + 1);
    assert_string_equal(list.items[FIXTURE_PROBLEMS].message, "checking stopped after 100 problems");
    err_list_free(&list);
    fixture_set_free(&set);
    str_free(&text);
}

static void digest_of(const char *text, char digest[HASH_HEX])
{
    struct fixture_set set;
    put("x.yaml", text);
    load(&set);
    memcpy(digest, set.digest, HASH_HEX);
    fixture_set_free(&set);
}

static void test_digest(void **state)
{
    (void)state;
    char a[HASH_HEX], b[HASH_HEX];
    digest_of("table: T\nkey: [id]\nrows: [{id: 1, x: a}]\n", a);
    digest_of("# a comment\ntable: T\r\nkey: [id]\r\nrows:\r\n  - {id: \"1\", x: a}\r\n", b);
    assert_string_equal(a, b);
    digest_of("table: T\nkey: [id]\nrows: [{id: 1, x: b}]\n", b);
    assert_string_not_equal(a, b);
    digest_of("table: T\nkey: [id]\nrows: [{id: 1, x: ~}]\n", b);
    assert_string_not_equal(a, b);
    digest_of("table: T\nkey: [id]\nprune: true\nrows: [{id: 1, x: a}]\n", b);
    assert_string_not_equal(a, b);
    digest_of("table: T\nkey: [id]\nrows: [{id: 1, x: !sql a}]\n", b);
    assert_string_not_equal(a, b);
    digest_of("table: T\nkey: [id]\ndefaults: {y: 1}\nrows: [{id: 1, x: a}]\n", a);
    digest_of("table: T\nkey: [id]\ndefaults: {y: 2}\nrows: [{id: 1, x: a}]\n", b);
    assert_string_not_equal(a, b);
}

/* Rows of a small file are kept; the same file behind a long comment is read anew each time. */
static void test_kept_as_streamed(void **state)
{
    (void)state;
    static const char text[] = "table: T\nkey: [k]\ndefaults: {late: never, only: x}\nrows:\n"
                               "  - {k: b, j: {a: [1, 2]}}\n"
                               "  - {k: a, n: null, r: !ref {table: P, name: q}}\n"
                               "  - {k: c, late: now, more: 1}\n";
    static const char rows[] = "text(b) json({\"a\": [1, 2]}) - - text(never) - text(x) @%u\n"
                               "text(a) - null ref(P. name=q) text(never) - text(x) @%u\n"
                               "text(c) - - - text(now) text(1) text(x) @%u\n";
    char want[512];
    struct fixture_set small, large;
    struct str padded = {0};
    put("a.yaml", text);
    load(&small);
    assert_non_null(small.items[0].kept);
    snprintf(want, sizeof want, rows, 5u, 6u, 7u);
    check_rows(&small.items[0], want);
    str_add_char(&padded, '#');
    for (int i = 0; i < FIXTURE_KEPT_FILE; i++)
        str_add_char(&padded, 'x');
    str_printf(&padded, "\n%s", text);
    put("a.yaml", str_text(&padded));
    load(&large);
    assert_null(large.items[0].kept);
    assert_string_equal(small.items[0].digest, large.items[0].digest);
    snprintf(want, sizeof want, rows, 6u, 7u, 8u);
    check_rows(&large.items[0], want);
    fixture_set_free(&small);
    fixture_set_free(&large);
    str_free(&padded);
}

/* Secrets are not kept longer than their row. */
static void test_secrets_are_not_kept(void **state)
{
    (void)state;
    struct fixture_set set;
    put("a.yaml", "table: T\nkey: [k]\nrows:\n  - {k: a, e: !env ADMIN_EMAIL}\n");
    load(&set);
    assert_null(set.items[0].kept);
    fixture_set_free(&set);
}

static void test_file_changed(void **state)
{
    (void)state;
    struct fixture_options o = options();
    struct fixture_set set;
    struct fixture_reader *reader;
    struct err err;
    put("x.yaml", "table: T\nrows: [{id: 1}]\n");
    load(&set);
    put("x.yaml", "table: T\nrows: [{id: 1}, {id: 2}]\n");
    assert_false(fixture_open(&reader, &set.items[0], &o, &err));
    assert_string_equal(err.message, "seeds/x.yaml changed while it was in use");
    fixture_set_free(&set);
}

static void check_json(enum value_kind kind, enum value_form form, const char *text, const char *want)
{
    struct arena arena = {0};
    struct fixture_value v = {.kind = kind, .form = form, .text = text, .length = strlen(text)};
    assert_string_equal(fixture_json_text(&v, &arena), want);
    arena_free(&arena);
}

static void test_json_text(void **state)
{
    (void)state;
    check_json(VALUE_TEXT, FORM_PLAIN, "3", "3");
    check_json(VALUE_TEXT, FORM_PLAIN, "007", "7");
    check_json(VALUE_TEXT, FORM_PLAIN, "-0.50", "-0.50");
    check_json(VALUE_TEXT, FORM_PLAIN, "1.", "1.0");
    check_json(VALUE_TEXT, FORM_PLAIN, "0xFFFFFFFFFFFFFFFFFF", "4722366482869645213695");
    check_json(VALUE_TEXT, FORM_PLAIN, "True", "true");
    check_json(VALUE_TEXT, FORM_PLAIN, "yes", "\"yes\"");
    check_json(VALUE_TEXT, FORM_PLAIN, ".inf", "\".inf\"");
    check_json(VALUE_TEXT, FORM_QUOTED, "3", "\"3\"");
    check_json(VALUE_TEXT, FORM_QUOTED, " {\"a\": 1}", " {\"a\": 1}");
    check_json(VALUE_TEXT, FORM_QUOTED, "{a}", "\"{a}\"");
    check_json(VALUE_TEXT, FORM_RAW, "{\"a\":1}", "{\"a\":1}");
}

static void test_array_text(void **state)
{
    (void)state;
    put("x.yaml", "table: T\nrows:\n  - a: [007, \"x \\\"y\\\" \\\\z\", ~, \"NULL\", [1, 2]]\n    b: {x: 1}\n");
    struct fixture_options o = options();
    struct fixture_set set;
    struct fixture_reader *reader;
    const struct fixture_row *row;
    struct arena arena = {0};
    struct err err;
    load(&set);
    assert_true(fixture_open(&reader, &set.items[0], &o, &err));
    assert_true(fixture_next(reader, &row, &err) && row);
    assert_string_equal(fixture_array_text(&row->values[0], &arena, &err),
                        "{\"007\",\"x \\\"y\\\" \\\\z\",NULL,\"NULL\",{\"1\",\"2\"}}");
    assert_null(fixture_array_text(&row->values[1], &arena, &err));
    fixture_close(reader);
    fixture_set_free(&set);
    arena_free(&arena);
}

static void test_argon2id(void **state)
{
    (void)state;
    char hash[128];
    struct err err;
    assert_true(fixture_argon2id_hash("correct horse", hash, &err));
    assert_int_equal(strncmp(hash, "$argon2id$v=19$", 15), 0);
    assert_true(fixture_argon2id_verify(hash, "correct horse"));
    assert_false(fixture_argon2id_verify(hash, "correct house"));
    assert_false(fixture_argon2id_verify("$2b$10$abcdefghijklmnopqrstuv", "correct horse"));
    assert_false(fixture_argon2id_verify("$argon2id$v=19$m=999999999,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "x"));
    assert_false(fixture_argon2id_verify(NULL, "x"));
    assert_false(fixture_argon2id_verify("", "x"));
}

/* What is no file is named, not read. */
static void test_no_files(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/d", seeds);
    assert_int_equal(mkdir(path, 0700), 0);
    check_file("table: T\nrows: !csv d\n", "seeds/d: cannot read seeds/d\n");
    snprintf(path, sizeof path, "%s/out.csv", seeds);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    check_file("table: T\nrows: !csv out.csv\n", "seeds/x.yaml:2:7: out.csv lies outside the seeds directory\n");
    snprintf(path, sizeof path, "%s/pipe.yaml", seeds);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_file("table: T\nrows: []\n", "seeds/pipe.yaml: cannot read seeds/pipe.yaml\n");
}

static void test_byte_order_mark(void **state)
{
    (void)state;
    put("x.yaml", "\xef\xbb\xbf" "table: T\r\nkey: [id]\r\nrows:\r\n  - {id: 1}\r\n");
    struct fixture_set set;
    load(&set);
    check_rows(&set.items[0], "text(1) @4\n");
    fixture_set_free(&set);
}

/* What everybody tries first gets the advice it needs. */
static void test_two_tags(void **state)
{
    (void)state;
    static const char *const rows[] = {"  - id: 1\n    h: !argon2id !env X\n", "  - {id: 1, h: !argon2id !env X}\n"};
    for (int i = 0; i < 2; i++) {
        struct fixture_options o = options();
        struct fixture_set set;
        struct err_list list = {0};
        struct str text = {0};
        str_printf(&text, "table: U\nrows:\n%s", rows[i]);
        put("x.yaml", str_text(&text));
        assert_false(fixture_set_load(&set, seeds, &o, &list));
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].at, i ? "seeds/x.yaml:3:26" : "seeds/x.yaml:4:18");
        assert_non_null(strstr(list.items[0].hint, "!argon2id {env: NAME}"));
        err_list_free(&list);
        fixture_set_free(&set);
        str_free(&text);
    }
}

static void test_no_directory(void **state)
{
    (void)state;
    struct fixture_options o = options();
    struct fixture_set set;
    struct err_list list = {0};
    assert_true(fixture_set_load(&set, NULL, &o, &list));
    assert_int_equal(set.count, 0);
    fixture_set_free(&set);
    assert_false(fixture_set_load(&set, "/nowhere/seeds", &o, &list));
    assert_int_equal(list.count, 1);
    err_list_free(&list);
    fixture_set_free(&set);
}

#define TEST(name) cmocka_unit_test_setup(name, empty_seeds)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_header),   TEST(test_tags),          TEST(test_csv),
        TEST(test_csv_through_a_pipe), TEST(test_keys_behind_rows), TEST(test_header_mistakes),
        TEST(test_row_mistakes),   TEST(test_bad_bytes),     TEST(test_keys),
        TEST(test_key_found_later), TEST(test_weak_accounts), TEST(test_many_problems),
        TEST(test_digest),         TEST(test_kept_as_streamed), TEST(test_secrets_are_not_kept),
        TEST(test_file_changed),   TEST(test_json_text),
        TEST(test_array_text),     TEST(test_argon2id),      TEST(test_no_directory),
        TEST(test_two_tags),       TEST(test_no_files),      TEST(test_byte_order_mark),
    };
    return cmocka_run_group_tests_name("fixture", tests, make_base, remove_base);
}
