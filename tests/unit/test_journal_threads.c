/* journal, from many threads at once: for ThreadSanitizer (configure --enable-tsan), and that nothing is
 * lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/read.h"
#include "journal/write.h"
#include "scratch.h"

enum { THREADS = 4, LINES = 500 };

static char dir[] = "/tmp/test_journal.XXXXXX";
static struct journal *journal;

/* Gives NULL if all went well. */
static void *write_lines(void *number)
{
    for (int i = 0; i < LINES; i++) {
        char *line = malloc(64);
        snprintf(line, 64, "{\"thread\":%d,\"line\":%d}", *(int *)number, i);
        journal_line(journal, line);
        if (i % 100 == 0 && !journal_flush(journal, 30000))
            return number;
        if (journal_state(journal) != JOURNAL_RECORDING || *journal_failure(journal))
            return number;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    const struct journal_header header = {.version = "test"};
    struct journal_reader *reader;
    char path[300], hash[HASH_HEX];
    pthread_t threads[THREADS];
    int numbers[THREADS], next[THREADS] = {0};
    assert_true(journal_open(&journal, dir, &header, NULL, NULL));
    snprintf(path, sizeof path, "%s", journal_path(journal));
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        assert_null(complaint);
    }
    journal_close(journal, hash);

    const char *input;
    size_t length;
    struct journal_summary summary;
    assert_true(journal_read_open(&reader, path, NULL));
    while (journal_read_next(reader, &input, &length, NULL) && input) {
        int thread, number;
        assert_int_equal(sscanf(input, "{\"thread\":%d,\"line\":%d}", &thread, &number), 2);
        assert_int_equal(number, next[thread]++);   /* each thread's lines are in its order */
    }
    journal_read_summary(reader, &summary);
    journal_read_close(reader);
    assert_int_equal(summary.lines, THREADS * LINES);
    assert_int_equal(summary.end, JOURNAL_END_CLOSED);
    assert_string_equal(summary.hash, hash);
}

static int make_dir(void **state)
{
    (void)state;
    return scratch_make(dir);
}

static int remove_dir(void **state)
{
    (void)state;
    return scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
