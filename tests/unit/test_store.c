/* store: what goes in comes out; pages are small, searches find exactly, nothing grows with the rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"
#include "store/store.h"

static struct store *new_store(void)
{
    struct store *s;
    struct err err = {0};
    if (!store_new(&s, &err))
        fail_msg("%s: %s", err.message, err.why);
    return s;
}

static void add(struct store *s, const char *a, const char *b)
{
    const char *cells[] = {a, b};
    assert_true(store_append(s, cells, 2, NULL));
}

static void test_empty(void **state)
{
    (void)state;
    struct store *s = new_store(), *filtered;
    struct store_row *rows;
    size_t got;
    uint64_t row;
    assert_int_equal(store_count(s), 0);
    assert_true(store_page(s, 0, 10, &rows, &got, NULL));
    assert_int_equal(got, 0);
    store_rows_free(rows, got);
    assert_true(store_search(s, "", 0, false, -1, &row, NULL));
    assert_true(row == UINT64_MAX);
    assert_true(store_search(s, "", 0, true, -1, &row, NULL));
    assert_true(row == UINT64_MAX);
    assert_true(store_filter(s, "x", -1, &filtered, NULL));
    assert_int_equal(store_count(filtered), 0);
    store_free(filtered);
    store_free(s);
    store_free(NULL);
}

static void test_page(void **state)
{
    (void)state;
    struct store *s = new_store();
    struct store_row *rows;
    size_t got;
    add(s, "one", NULL);
    add(s, "", "a\nb\x1b\xff");
    assert_true(store_append(s, NULL, 0, NULL));
    for (int i = 3; i < 1000; i++) {
        char text[20];
        snprintf(text, sizeof text, "row %d", i);
        add(s, text, NULL);
    }
    assert_int_equal(store_count(s), 1000);
    assert_true(store_page(s, 0, 4, &rows, &got, NULL));
    assert_int_equal(got, 4);
    assert_int_equal(rows[0].count, 2);
    assert_string_equal(rows[0].cells[0], "one");
    assert_null(rows[0].cells[1]);
    assert_string_equal(rows[1].cells[0], "");
    assert_string_equal(rows[1].cells[1], "a\nb\x1b\xff");
    assert_int_equal(rows[2].count, 0);
    assert_string_equal(rows[3].cells[0], "row 3");
    store_rows_free(rows, got);
    assert_true(store_page(s, 900, 5000, &rows, &got, NULL));
    assert_int_equal(got, 100);
    assert_string_equal(rows[99].cells[0], "row 999");
    store_rows_free(rows, got);
    assert_true(store_page(s, 0, 5000, &rows, &got, NULL));
    assert_int_equal(got, 200);
    store_rows_free(rows, got);
    assert_true(store_page(s, 1000, 1, &rows, &got, NULL) && got == 0);
    store_rows_free(rows, got);
    assert_true(store_page(s, UINT64_MAX, 1, &rows, &got, NULL) && got == 0);
    store_rows_free(rows, got);
    add(s, "late", NULL);   /* appending and paging may take turns */
    assert_true(store_page(s, 1000, 9, &rows, &got, NULL) && got == 1);
    assert_string_equal(rows[0].cells[0], "late");
    store_rows_free(rows, got);
    store_free(s);
}

static char *repeat(const char *unit, size_t times)
{
    size_t length = strlen(unit);
    char *text = malloc(length * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * length, unit, length);
    text[length * times] = '\0';
    return text;
}

static size_t page_size(struct store *s, uint64_t first, size_t want, size_t want_got)
{
    struct store_row *rows;
    size_t got, total = 0;
    assert_true(store_page(s, first, want, &rows, &got, NULL));
    assert_int_equal(got, want_got);
    for (size_t i = 0; i < got; i++)
        for (size_t j = 0; j < rows[i].count; j++)
            total += rows[i].cells[j] ? strlen(rows[i].cells[j]) : 0;
    store_rows_free(rows, got);
    assert_true(total <= STORE_PAGE_BYTES);
    return total;
}

static void test_long_cells(void **state)
{
    (void)state;
    struct store *s = new_store();
    struct store_row *rows;
    size_t got;
    char *text = repeat("é日", 1000 * 1000);   /* 5 MB: many windows long */
    for (int i = 0; i < 200; i++)
        add(s, i % 50 == 0 ? text : "short", i % 50 == 0 ? text : "x");
    assert_true(store_page(s, 0, 2, &rows, &got, NULL));
    assert_string_equal(rows[1].cells[0], "short");
    size_t length = strlen(rows[0].cells[0]);
    assert_true(length > 8000 && length <= 8192);
    assert_true(text_valid(rows[0].cells[0], length, NULL));
    assert_string_equal(rows[0].cells[0] + length - 3, "…");
    store_rows_free(rows, got);
    page_size(s, 0, 200, 200);
    const char *many[STORE_CELLS_MAX];
    for (size_t i = 0; i < STORE_CELLS_MAX; i++)
        many[i] = "forty bytes of text in each of the cells";
    for (int i = 0; i < 10; i++)
        assert_true(store_append(s, many, STORE_CELLS_MAX, NULL));
    assert_true(page_size(s, 200, 1, 1) > 2000 * 15);   /* cut hard, but there */
    page_size(s, 200, 10, 2);                           /* and fewer rows rather than none */
    struct err err = {0};
    assert_false(store_append(s, many, STORE_CELLS_MAX + 1, &err));
    assert_non_null(strstr(err.why, "limit is 2000"));
    assert_int_equal(store_count(s), 210);
    free(text);
    store_free(s);
}

static uint64_t find(struct store *s, const char *needle, uint64_t from, bool backwards)
{
    uint64_t row;
    struct err err = {0};
    if (!store_search(s, needle, from, backwards, -1, &row, &err))
        fail_msg("%s: %s", err.message, err.why);
    return row;
}

static void test_search(void **state)
{
    (void)state;
    struct store *s = new_store();
    add(s, "Porte du Scex", "ab");
    add(s, NULL, "Lavey");
    add(s, "ab", "cd");
    add(s, "RHÔNE", "port");
    assert_int_equal(find(s, "porte", 0, false), 0);
    assert_int_equal(find(s, "PORT", 1, false), 3);
    assert_int_equal(find(s, "PORT", 3, true), 3);
    assert_int_equal(find(s, "PORT", 2, true), 0);
    assert_int_equal(find(s, "port", 99, true), 3);
    assert_true(find(s, "port", 99, false) == UINT64_MAX);
    assert_true(find(s, "lavey", 0, true) == UINT64_MAX);
    assert_int_equal(find(s, "rhÔ", 0, false), 3);
    assert_true(find(s, "abcd", 0, false) == UINT64_MAX);   /* not across cells */
    assert_int_equal(find(s, "", 1, false), 1);
    assert_true(find(s, "nowhere", 0, false) == UINT64_MAX);
    char *longer = repeat("x", 5000);
    uint64_t row;
    struct err err = {0};
    assert_false(store_search(s, longer, 0, false, -1, &row, &err));
    assert_non_null(strstr(err.message, "too long"));
    free(longer);
    store_free(s);
}

/* A needle at every distance from a chunk's end is found, in both directions. */
static void test_search_across_chunks(void **state)
{
    (void)state;
    char *text = repeat("-", 128 * 1024 + 20);
    for (size_t at = 128 * 1024 - 12; at < 128 * 1024 + 12; at++) {
        struct store *s = new_store();
        memcpy(text + at, "Needle", 6);
        add(s, "hay", NULL);
        add(s, text, NULL);
        add(s, "hay", NULL);
        assert_int_equal(find(s, "needle", 0, false), 1);
        assert_int_equal(find(s, "needle", 2, true), 1);
        assert_true(find(s, "needles", 0, false) == UINT64_MAX);
        memcpy(text + at, "------", 6);
        store_free(s);
    }
    free(text);
}

static void test_filter(void **state)
{
    (void)state;
    struct store *s = new_store(), *evens;
    for (int i = 0; i < 20000; i++) {
        char text[20];
        snprintf(text, sizeof text, "#%d", i);
        add(s, i % 2 ? "odd" : "Even", i % 3 ? text : NULL);
    }
    assert_true(store_filter(s, "eve", -1, &evens, NULL));
    assert_int_equal(store_count(evens), 10000);
    struct store_row *rows;
    size_t got;
    assert_true(store_page(evens, 9998, 5, &rows, &got, NULL));
    assert_int_equal(got, 2);
    assert_string_equal(rows[0].cells[1], "#19996");
    assert_null(rows[1].cells[1]);
    store_rows_free(rows, got);
    store_free(evens);
    /* '!' turns it round, as it does for rows in memory; alone it asks nothing */
    assert_true(store_filter(s, "!eve", -1, &evens, NULL));
    assert_int_equal(store_count(evens), 10000);
    assert_true(store_page(evens, 0, 1, &rows, &got, NULL));
    assert_string_equal(rows[0].cells[0], "odd");
    store_rows_free(rows, got);
    store_free(evens);
    assert_true(store_filter(s, "!", -1, &evens, NULL));
    assert_int_equal(store_count(evens), 20000);
    store_free(evens);
    store_free(s);
}

static void test_cancel(void **state)
{
    (void)state;
    struct store *s = new_store(), *out;
    struct err err = {0};
    uint64_t row;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    add(s, "x", "y");
    assert_true(store_search(s, "x", 0, false, ends[0], &row, &err));
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_false(store_search(s, "x", 0, false, ends[0], &row, &err));
    assert_int_equal(err.class, ERR_CANCELLED);
    assert_false(store_filter(s, "x", ends[0], &out, &err));
    assert_null(out);
    close(ends[0]);
    close(ends[1]);
    store_free(s);
}

/* A full disk: an error with advice, and what was kept before is still there to read once room is made. */
static void test_full_disk(void **state)
{
    (void)state;
    struct store *s = new_store();
    struct rlimit old, small;
    struct err err = {0};
    char *text = repeat("x", 100 * 1000);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 150 * 1000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const char *cells[] = {text};
    assert_true(store_append(s, cells, 1, &err));
    assert_false(store_append(s, cells, 1, &err));
    assert_non_null(strstr(err.hint, "TMPDIR"));
    setrlimit(RLIMIT_FSIZE, &old);
    struct store_row *rows;
    size_t got;
    assert_true(store_page(s, 0, 5, &rows, &got, &err));
    assert_int_equal(got, 2);
    store_rows_free(rows, got);
    free(text);
    store_free(s);
}

/* Half a million rows: found at the far end, in memory that does not grow. */
static void test_many_rows(void **state)
{
    (void)state;
    struct store *s = new_store();
    struct rusage before, after;
    for (int i = 0; i < 500000; i++) {
        if (i == 10000)
            getrusage(RUSAGE_SELF, &before);
        add(s, "something to carry along", i == 499999 ? "last" : i == 0 ? "first" : NULL);
    }
    assert_int_equal(find(s, "last", 0, false), 499999);
    assert_int_equal(find(s, "first", 499999, true), 0);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 2048);   /* KiB */
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_rows),   /* first: the peak of the others would hide its own */
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_long_cells),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_across_chunks),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
