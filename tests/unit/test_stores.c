/* Row sets that grow while they are read; also built with ThreadSanitizer. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "run/stores.h"
#include "run/worker.h"

enum { ROWS = 3000 };

struct writing { struct stores *stores; uint64_t id; };

static void *append(void *argument)
{
    struct writing *w = argument;
    for (int i = 0; i < ROWS; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        if (!stores_append(w->stores, w->id, (const char *const[]){number, NULL}, 2, NULL))
            break;
    }
    return NULL;
}

static void check_page(const struct input *page, uint64_t id, int64_t first)
{
    assert_int_equal(page->kind, IN_PAGE);
    assert_int_equal(page->store, id);
    assert_int_equal(page->number, first);
    for (size_t i = 0; i < page->row_count; i++) {
        assert_int_equal(page->rows[i].cell_count, 2);
        assert_int_equal(atoi(page->rows[i].cells[0].text), first + (int64_t)i);
        assert_null(page->rows[i].cells[1].text);
    }
}

static void test_read_while_it_grows(void **state)
{
    (void)state;
    struct writing w = {.stores = stores_new()};
    struct err err = {0};
    pthread_t thread;
    assert_true(stores_add(w.stores, "diff:Station", &w.id, &err));
    assert_true(thread_start(&thread, append, &w));
    for (uint64_t count = 0; count < ROWS;) {
        count = stores_count(w.stores, w.id);
        uint64_t first = count > 50 ? count - 50 : 0;
        struct input *page = NULL;
        assert_true(stores_page(w.stores, w.id, first, 100, &page, &err));
        check_page(page, w.id, (int64_t)first);
        assert_true(page->row_count >= count - first);
        input_free(page);
    }
    pthread_join(thread, NULL);
    stores_free(w.stores);
}

static void test_dropped_while_it_grows(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct writing w = {.stores = stores_new()};
        struct err err = {0};
        pthread_t thread;
        assert_true(stores_add(w.stores, "x", &w.id, &err));
        assert_true(thread_start(&thread, append, &w));
        while (stores_count(w.stores, w.id) < 10)
            ;
        stores_drop(w.stores, w.id);
        stores_drop(w.stores, w.id);
        pthread_join(thread, NULL);
        struct input *page = NULL;
        assert_false(stores_page(w.stores, w.id, 0, 10, &page, &err));
        assert_int_equal(err.class, ERR_GENERAL);
        stores_free(w.stores);
    }
}

static void test_search_and_filter(void **state)
{
    (void)state;
    struct writing w = {.stores = stores_new()};
    struct err err = {0};
    uint64_t row, filtered;
    char *name;
    assert_true(stores_add(w.stores, "sql:x", &w.id, &err));
    append(&w);
    assert_true(stores_search(w.stores, w.id, "29", 30, false, -1, &row, &err));
    assert_int_equal(row, 129);
    assert_true(stores_search(w.stores, w.id, "nobody", 0, false, -1, &row, &err));
    assert_true(row == UINT64_MAX);
    assert_true(stores_filter(w.stores, w.id, "299", -1, &filtered, &name, &err));
    assert_string_equal(name, "sql:x");
    assert_int_not_equal(filtered, w.id);
    assert_int_equal(stores_count(w.stores, filtered), 13);   /* 299 1299 2299, 2990 to 2999 */
    free(name);
    stores_free(w.stores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_while_it_grows),
        cmocka_unit_test(test_dropped_while_it_grows),
        cmocka_unit_test(test_search_and_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
