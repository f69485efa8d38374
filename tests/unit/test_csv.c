/* csv - what COPY ... CSV would read, its mistakes with their places, in bounded memory. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"
#include "fixture/csv.h"

/* A descriptor of a file with these bytes. */
static int file_of(const char *bytes, size_t length)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    return fd;
}

/* All rows as text: values in angle brackets, NULL as -, a newline a row; or "!" and place and message. */
static char *render(const char *bytes, size_t length)
{
    struct str out = {0};
    struct csv *csv = NULL;
    const struct csv_row *row = NULL;
    struct err err;
    int fd = file_of(bytes, length);
    bool ok = csv_open(&csv, fd, -1, "f.csv", &err);
    while (ok && (ok = csv_next(csv, &row, &err)) && row) {
        for (size_t i = 0; i < row->count; i++) {
            if (row->fields[i].text) {
                assert_int_equal(strlen(row->fields[i].text), row->fields[i].length);
                str_printf(&out, "<%s>", row->fields[i].text);
            } else {
                str_add_char(&out, '-');
            }
        }
        str_add_char(&out, '\n');
    }
    if (!ok)
        str_printf(&out, "!%s: %s", err.at, err.message);
    csv_close(csv);
    close(fd);
    return str_take(&out);
}

static void check(const char *bytes, size_t length, const char *want)
{
    char *got = render(bytes, length);
    assert_string_equal(got, want);
    free(got);
}

#define CHECK(bytes, want) check(bytes, sizeof(bytes) - 1, want)

static void test_values(void **state)
{
    (void)state;
    CHECK("a,b\n1,2\n", "<1><2>\n");
    CHECK("a,b\n1,2", "<1><2>\n");
    CHECK("a,b\n,\"\"\n", "-<>\n");
    CHECK("a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", "<x,y><say \"hi\">\n");
    CHECK("a,b\n\"two\nlines\",\"\"\"\"\n3,4\n", "<two\nlines><\">\n<3><4>\n");
    CHECK("a,b\n 1 , 2\n", "< 1 >< 2>\n");
    CHECK("a\n\"\"\n\n", "<>\n-\n");
    CHECK("a,b\n\n1,2\n\n\n", "<1><2>\n");
    CHECK("a,b\n", "");
    CHECK("a,b", "");
    CHECK("a\nRh\xc3\xb4ne\n", "<Rh\xc3\xb4ne>\n");
}

static void test_line_ends_and_bom(void **state)
{
    (void)state;
    CHECK("\xef\xbb\xbf" "a,b\r\n1,2\r\n\"x\r\ny\",\"z\"\r\n", "<1><2>\n<x\r\ny><z>\n");
    CHECK("a,b\r\n1,2\r", "<1><2>\n");
    CHECK("a,b\r1,2\r", "!f.csv:1:4: a carriage return in an unquoted value");
}

static void test_mistakes(void **state)
{
    (void)state;
    CHECK("", "!f.csv:1:1: the CSV file is empty");
    CHECK("\n1\n", "!f.csv:1:1: the header line is empty");
    CHECK("a,,b\n", "!f.csv:1:3: a column without a name in the header line");
    CHECK("a,b,a\n", "!f.csv:1:5: column \"a\" is named twice in the header line");
    CHECK("a,b\n1,2\n3\n", "<1><2>\n!f.csv:3:1: the row has 1 value, the header 2 columns");
    CHECK("a,b\n1,2,3,4\n", "!f.csv:2:5: the row has 4 values, the header 2 columns");
    CHECK("a,b\n1,x\"y\"\n", "!f.csv:2:4: a quote inside an unquoted value");
    CHECK("a,b\n\"1\" ,2\n", "!f.csv:2:4: text after a closing quote");
    CHECK("a,b\n1,2\n3,\"open\n5,6\n", "<1><2>\n!f.csv:3:3: a quoted value is never closed");
    CHECK("a,b\n1,\xff\n", "!f.csv:2:3: byte 0xff is not UTF-8");
    CHECK("a,b\n\"x\ny\xc3\",2\n", "!f.csv:3:2: byte 0xc3 is not UTF-8");
    CHECK("a,b\n1,2\0\n", "!f.csv:2:4: a NUL byte in a CSV file");
    CHECK("\xff\xfe" "a\0,\0b\0\n\0", "!f.csv:1:4: a NUL byte in a CSV file");
}

/* Columns count characters, lines go on inside quotes. */
static void test_places(void **state)
{
    (void)state;
    static const char text[] = "a,b,c\n\xc3\xa9\xc3\xa9,\"\xe2\x82\xac\n\xc3\xa9\",x\n1,2,3\n";
    struct csv *csv;
    const struct csv_row *row;
    struct err err;
    int fd = file_of(text, sizeof text - 1);
    assert_true(csv_open(&csv, fd, -1, "f.csv", &err));
    assert_int_equal(csv_header(csv)->count, 3);
    assert_true(csv_next(csv, &row, &err));
    assert_int_equal(row->line, 2);
    assert_int_equal(row->fields[1].line, 2);
    assert_int_equal(row->fields[1].column, 4);
    assert_int_equal(row->fields[2].line, 3);
    assert_int_equal(row->fields[2].column, 4);
    assert_true(csv_next(csv, &row, &err));
    assert_int_equal(row->line, 4);
    assert_int_equal(row->fields[2].column, 5);
    csv_close(csv);
    close(fd);
}

/* Rows across the buffer's end, and one as long as a row may be. */
static void test_long_rows(void **state)
{
    (void)state;
    struct str text = {0};
    str_add(&text, "a,b\n");
    for (int i = 0; i < 40000; i++)
        str_printf(&text, "%d,\"value \"\"%d\"\"\"\n", i, i);
    size_t before = text.length;
    str_add(&text, "x,");
    while (text.length - before < CSV_ROW_LIMIT)
        str_add(&text, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    text.length = before + CSV_ROW_LIMIT;
    str_add(&text, "\n1,2\n");
    struct csv *csv;
    const struct csv_row *row;
    struct err err;
    int fd = file_of(text.text, text.length), rows = 0;
    size_t longest = 0;
    assert_true(csv_open(&csv, fd, -1, "f.csv", &err));
    for (;; rows++) {
        assert_true(csv_next(csv, &row, &err));
        if (!row)
            break;
        if (row->fields[1].length > longest)
            longest = row->fields[1].length;
    }
    assert_int_equal(rows, 40002);
    assert_int_equal(longest, CSV_ROW_LIMIT - 2);
    csv_close(csv);
    close(fd);
    str_free(&text);
}

/* Writes lines for ever (4 GiB is not enough to fill it), quoted or not, until the reader hangs up. */
static int endless_pipe(bool quoted, pid_t *child)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        static char chunk[65536];
        memset(chunk, 'x', sizeof chunk);
        ssize_t n = write(ends[1], quoted ? "a,b\n1,\"" : "a,b\n1,", quoted ? 7 : 6);
        close(ends[0]);
        for (uint64_t sent = 0; n > 0 && sent < UINT64_C(4) << 30; sent += sizeof chunk)
            n = write(ends[1], chunk, sizeof chunk);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static void test_endless_row(void **state)
{
    (void)state;
    for (int quoted = 0; quoted < 2; quoted++) {
        struct csv *csv;
        const struct csv_row *row;
        struct err err;
        pid_t child;
        int fd = endless_pipe(quoted, &child), copy = file_of("", 0);
        assert_true(csv_open(&csv, fd, copy, "big.csv", &err));
        assert_false(csv_next(csv, &row, &err));
        assert_string_equal(err.message, "a CSV row is longer than 16 MiB");
        assert_string_equal(err.at, "big.csv:2:1");
        /* What was read, and so held or copied, is the limit and not the line. */
        assert_true(lseek(copy, 0, SEEK_END) <= CSV_ROW_LIMIT + 4096);
        csv_close(csv);
        close(fd);
        close(copy);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
}

/* Rows with the places of their values, without the first one if that is "x"; or the mistake. */
static void places(struct str *out, const char *head, const struct str *rows)
{
    struct str bytes = {0};
    struct csv *csv = NULL;
    const struct csv_row *row = NULL;
    struct err err;
    str_add(&bytes, head);
    str_add_bytes(&bytes, rows->text, rows->length);
    int fd = file_of(bytes.text, bytes.length);
    bool ok = csv_open(&csv, fd, -1, "f.csv", &err);
    while (ok && (ok = csv_next(csv, &row, &err)) && row)
        for (size_t i = 0; strcmp(row->fields[0].text ? row->fields[0].text : "", "x") != 0 && i < row->count; i++)
            str_printf(out, "%u:%u:%zu:%s|", row->fields[i].line, row->fields[i].column, row->fields[i].length,
                       row->fields[i].text ? row->fields[i].text : "-");
    if (!ok)
        str_printf(out, "!%s: %s", err.at, err.message);
    csv_close(csv);
    close(fd);
    str_free(&bytes);
}

/* The first row of a file is read the careful way, an ordinary one behind it is not: both read the same. */
static void test_ordinary_rows_are_read_the_same(void **state)
{
    (void)state;
    static const char *const bits[] = {"a", "bc", ",", ",", ",", "\"", "\"", "\"\"", "\n", "\r\n", "\r", "\xc3\xa9",
                                       "\xff", "", "\"q, r\"", "\",\""};
    uint32_t random = 20261121;
    for (int round = 0; round < 8000; round++) {
        struct str rows = {0}, careful = {0}, ordinary = {0};
        for (int n = 1 + round % 14; n > 0; n--) {
            random = random * 1664525u + 1013904223u;
            str_add(&rows, bits[(random >> 16) % (sizeof bits / sizeof *bits)]);
        }
        if (round % 97 == 0)
            str_add_bytes(&rows, "\0,", 2);
        str_add(&rows, "\n");
        places(&careful, "a,b,c\n\n", &rows);
        places(&ordinary, "a,b,c\nx,x,x\n", &rows);
        assert_string_equal(str_text(&careful), str_text(&ordinary));
        str_free(&rows);
        str_free(&careful);
        str_free(&ordinary);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_line_ends_and_bom),
        cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_places),
        cmocka_unit_test(test_long_rows),    cmocka_unit_test(test_endless_row),
        cmocka_unit_test(test_ordinary_rows_are_read_the_same),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
