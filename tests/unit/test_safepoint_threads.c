/* Blocks that a thread packs: in the order they came in, its failures told, and it ends whenever it is let go. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "plan/safepoint_read.h"

static char dir[] = "/tmp/seedops-pack-XXXXXX";
static struct db_column columns[] = {{.name = "id", .type = {.name = "integer"}, .not_null = true},
                                     {.name = "note", .type = {.name = "text"}}};
static const struct db_table table = {.schema = "public", .name = "m", .kind = 'r', .details = true, .columns = columns,
                                      .column_count = 2};

enum { LINES = 60000 };              /* more than four blocks of text */

static int make_dir(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct safepoint *begin(void)
{
    struct safepoint *s;
    struct err err = {0};
    struct safepoint_options options = {.facts = {.action = "prune", .environment = "local"}, .dir = dir};
    if (!safepoint_create(&s, &options, &err))
        fail_msg("%s: %s", err.message, err.why);
    return s;
}

/* Text that compresses badly, so that packing takes its time. */
static void add_line(int i, struct str *line)
{
    uint32_t seed = (uint32_t)i * 2654435761u;
    str_reset(line);
    str_printf(line, "%d\t", i);
    for (int c = 0; c < 70; c++, seed = seed * 1103515245u + 12345u)
        str_add_char(line, (char)('!' + (seed >> 16) % 59));
    str_add_char(line, '\n');
}

static bool put_section(struct safepoint *s, int lines, struct str *all, struct err *err)
{
    struct str line = {0};
    bool ok = safepoint_section(s, &(struct safepoint_section){.table = &table}, err);
    for (int i = 0; ok && i < lines; i++) {
        add_line(i, &line);
        ok = safepoint_rows(s, line.text, line.length, err);
        if (all)
            str_add_bytes(all, line.text, line.length);
    }
    str_free(&line);
    return ok;
}

static void same_section(struct safepoint_reader *r, const struct str *all)
{
    const struct safepoint_table *t;
    struct err err = {0};
    const char *bytes;
    size_t length, at = 0;
    assert_true(safepoint_next(r, &t, &err));
    assert_non_null(t);
    for (;;) {
        assert_true(safepoint_text(r, &bytes, &length, &err));
        if (!bytes)
            break;
        assert_true(at + length <= all->length);
        assert_memory_equal(bytes, all->text + at, length);
        at += length;
    }
    assert_int_equal(at, all->length);
}

static void test_in_order(void **state)
{
    (void)state;
    static const int lines[] = {3, LINES, 1, LINES / 2};   /* short sections between long ones */
    struct str all[4] = {{0}};
    struct safepoint *s = begin();
    struct safepoint_reader *r;
    struct err err = {0};
    for (size_t i = 0; i < 4; i++)
        assert_true(put_section(s, lines[i], &all[i], &err));
    assert_true(safepoint_finish(s, &err));
    assert_true(safepoint_open(&r, safepoint_path(s), &err));
    for (size_t i = 0; i < 4; i++) {
        same_section(r, &all[i]);
        str_free(&all[i]);
    }
    assert_true(safepoint_verify(r, &err));
    safepoint_close(r);
    safepoint_discard(s);
}

static void test_disk_full_behind(void **state)
{
    (void)state;
    struct safepoint *s = begin();
    struct err err = {0};
    struct rlimit was, small;
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = 1500000;        /* met by the thread, in the second block */
    setrlimit(RLIMIT_FSIZE, &small);
    bool ok = put_section(s, LINES, NULL, &err);
    assert_false(ok && safepoint_finish(s, &err));
    setrlimit(RLIMIT_FSIZE, &was);
    assert_non_null(strstr(err.message, "cannot write the safepoint"));
    assert_int_equal(access(safepoint_path(s), F_OK), -1);
    assert_false(safepoint_finish(s, &(struct err){0}));
    safepoint_discard(s);
}

/* The last block fails, and only the end asks for it. */
static void test_disk_full_at_the_end(void **state)
{
    (void)state;
    struct safepoint *s = begin();
    struct err err = {0};
    struct rlimit was, small;
    assert_true(put_section(s, LINES, NULL, &err));
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_false(safepoint_finish(s, &err));
    setrlimit(RLIMIT_FSIZE, &was);
    assert_non_null(strstr(err.message, "cannot write the safepoint"));
    assert_int_equal(access(safepoint_path(s), F_OK), -1);
    safepoint_discard(s);
}

static void test_let_go_meanwhile(void **state)
{
    (void)state;
    for (int lines = LINES / 4; lines < LINES; lines += 3001) {
        struct safepoint *s = begin();
        struct err err = {0};
        assert_true(put_section(s, lines, NULL, &err));
        safepoint_discard(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order), cmocka_unit_test(test_disk_full_behind),
        cmocka_unit_test(test_disk_full_at_the_end), cmocka_unit_test(test_let_go_meanwhile),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
