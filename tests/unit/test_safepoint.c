/* A safepoint's file, written and read: what goes in comes out, and a damaged one is never taken for whole. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "event/types.h"
#include "plan/safepoint_format.h"
#include "plan/safepoint_read.h"
#include "scratch.h"

static char home[] = "/tmp/seedops-safepoint-XXXXXX";

static struct db_column columns[] = {
    {.name = "id", .type = {.name = "integer"}, .not_null = true, .identity = true, .identity_always = true},
    {.name = "name \"odd\"", .type = {.name = "text"}},
    {.name = "twice", .type = {.name = "integer"}, .generated = true},
};
static size_t key_columns[] = {0};
static struct db_key keys[] = {{.name = "pk", .primary = true, .columns = key_columns, .count = 1}};
static const struct db_table table = {.oid = 16400, .schema = "public", .name = "Station", .kind = 'r', .details = true,
    .columns = columns, .column_count = 3, .keys = keys, .key_count = 1, .reltuples = 1000, .heap_bytes = 100000,
    .bytes = 200000};

static char *in_home(const char *name) { return file_join(home, name); }

static struct safepoint *begin(const char *dir)
{
    struct safepoint *s;
    struct err err = {0};
    char action[] = "delete", object[] = "Station", detail[] = "1 row";
    struct fact_step steps[] = {{.action = action, .object = object, .detail = detail, .rows = 1}};
    struct safepoint_options options = {.facts = {.action = "prune", .environment = "prod uction/..", .role = "production",
        .system_identifier = "7301", .database = "shop", .database_oid = 5, .plan_digest = "abc", .steps = steps,
        .step_count = 1}, .dir = dir};
    if (!safepoint_create(&s, &options, &err))
        fail_msg("%s: %s", err.message, err.why);
    return s;
}

static void put(struct safepoint *s, const char *text)
{
    struct err err = {0};
    if (!safepoint_rows(s, text, strlen(text), &err))
        fail_msg("%s", err.message);
}

/* Two sections, the second larger than a block and with lines cut anywhere. Gives the path. */
static char *write_one(const char *dir, size_t lines)
{
    struct err err = {0};
    struct safepoint *s = begin(dir);
    assert_true(safepoint_section(s, &(struct safepoint_section){.table = &table}, &err));
    put(s, "1\tRh\xc3\xb4ne\\t\n2\t\\N\n");
    struct safepoint_change change = {.column = 1, .known = true, .after = NULL};
    assert_true(safepoint_section(s, &(struct safepoint_section){.table = &table, .kind = SAFEPOINT_CHANGED,
        .changes = &change, .change_count = 1}, &err));
    for (size_t i = 0; i < lines; i++) {
        char line[64];
        snprintf(line, sizeof line, "%zu\trow %zu of this", i, i * 7919);
        put(s, line);
        put(s, "\n");
    }
    assert_int_equal(safepoint_saved(s), (int64_t)lines + 2);
    char *path = xstrdup(safepoint_path(s));
    assert_int_equal(access(path, F_OK), -1);
    assert_true(safepoint_finish(s, &err));
    safepoint_free(s);
    return path;
}

static int remove_all(void **state)
{
    (void)state;
    return scratch_remove(home);
}

static int make_home(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    return scratch_make(home);
}

static bool verify(const char *path, struct err *err)
{
    struct safepoint_reader *r;
    *err = (struct err){0};
    if (!safepoint_open(&r, path, err))
        return false;
    bool ok = safepoint_verify(r, err);
    safepoint_close(r);
    return ok;
}

static void read_section(struct safepoint_reader *r, struct str *text)
{
    struct err err = {0};
    const char *bytes;
    size_t length;
    str_reset(text);
    do {
        if (!safepoint_text(r, &bytes, &length, &err))
            fail_msg("%s: %s", err.message, err.why);
        if (bytes)
            str_add_bytes(text, bytes, length);
    } while (bytes);
}

static void test_round_trip(void **state)
{
    (void)state;
    char *dir = in_home("round/safepoints"), *path = write_one(dir, 100000);
    struct safepoint_reader *r;
    const struct safepoint_table *t;
    struct err err = {0};
    struct stat st;
    struct str text = {0};
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_true(safepoint_open(&r, path, &err));
    const struct safepoint_info *info = safepoint_info(r);
    assert_string_equal(info->action, "prune");
    assert_string_equal(info->environment, "prod uction/..");
    assert_string_equal(info->plan_digest, "abc");
    assert_int_equal(info->step_count, 1);
    assert_string_equal(info->steps[0].object, "Station");
    assert_int_equal(info->held_count, 2);
    assert_int_equal(info->rows, 100002);
    assert_int_equal(info->held[0].rows, 2);
    assert_string_equal(info->system_identifier, "7301");
    for (int twice = 0; twice < 2; twice++) {
        assert_true(safepoint_next(r, &t, &err));
        assert_string_equal(t->name, "Station");
        assert_int_equal(t->column_count, 2);
        assert_string_equal(t->columns[1].name, "name \"odd\"");
        assert_int_equal(t->generated_count, 1);
        assert_string_equal(t->key[0], "id");
        read_section(r, &text);
        assert_string_equal(str_text(&text), "1\tRh\xc3\xb4ne\\t\n2\t\\N\n");
        assert_true(safepoint_next(r, &t, &err));
        assert_int_equal(t->kind, SAFEPOINT_CHANGED);
        assert_true(t->changes[0].known);
        assert_null(t->changes[0].after);
        if (twice)   /* the first time its rows are passed over */
            read_section(r, &text);
        assert_true(safepoint_next(r, &t, &err));
        assert_null(t);
        assert_true(safepoint_rewind(r, &err));
    }
    assert_non_null(strstr(str_text(&text), "99999\trow 791892081 of this\n"));
    safepoint_close(r);
    str_free(&text);
    free(path);
    free(dir);
}

/* zstd's own tool reads it, where there is one. */
static void test_plain_zstd(void **state)
{
    (void)state;
    char *dir = in_home("plain"), *path = write_one(dir, 3), command[512], line[512];
    if (system("command -v zstd >/dev/null 2>&1") != 0)
        skip();
    snprintf(command, sizeof command, "zstd -dcq < '%s' | tail -n +2 | head -n 3", path);
    FILE *out = popen(command, "r");
    assert_non_null(fgets(line, sizeof line, out));
    assert_non_null(strstr(line, "\"table\":\"Station\""));
    assert_non_null(fgets(line, sizeof line, out));
    assert_string_equal(line, "1\tRh\xc3\xb4ne\\t\n");
    pclose(out);
    free(path);
    free(dir);
}

static void rewrite(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

/* Every byte of the file matters: change any, cut anywhere, add something, and it is refused with a place. */
static void test_damage(void **state)
{
    (void)state;
    char *dir = in_home("damage"), *path = write_one(dir, 20), *copy = in_home("damage/copy"), *bytes;
    size_t length;
    struct err err = {0};
    assert_true(file_read(path, 1 << 20, &bytes, &length, &err));
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= 0x41;
        rewrite(copy, bytes, length);
        bytes[i] ^= 0x41;
        if (verify(copy, &err))
            fail_msg("byte %zu does not matter", i);
        assert_int_equal(err.class, ERR_GENERAL);
        assert_true(err.hint[0] != '\0');
    }
    for (size_t i = 0; i < length; i++) {
        rewrite(copy, bytes, i);
        if (verify(copy, &err))
            fail_msg("cut at byte %zu it reads as whole", i);
    }
    struct str more = {0};
    str_add_bytes(&more, bytes, length);
    str_add_char(&more, 'x');
    rewrite(copy, more.text, more.length);
    assert_false(verify(copy, &err));
    rewrite(copy, bytes, length);
    assert_true(verify(copy, &err));
    str_free(&more);
    free(bytes);
    free(copy);
    free(path);
    free(dir);
}

/* A block moved to another place, with all its own checks right. */
static void test_swapped_blocks(void **state)
{
    (void)state;
    char *dir = in_home("swap"), *path = write_one(dir, 100000), *bytes;
    size_t length;
    struct err err = {0};
    struct block block;
    size_t at = START_BYTES, rows[2], found = 0;
    assert_true(file_read(path, 64 << 20, &bytes, &length, &err));
    while (found < 2) {
        assert_true(format_read_block((unsigned char *)bytes + at, &block));
        if (block.tag == BLOCK_ROWS && block.section == 1)
            rows[found++] = at;
        at += BLOCK_BYTES + block.packed;
    }
    struct str swapped = {0};
    str_add_bytes(&swapped, bytes, rows[0]);
    str_add_bytes(&swapped, bytes + rows[1], at - rows[1]);
    str_add_bytes(&swapped, bytes + rows[0], rows[1] - rows[0]);
    str_add_bytes(&swapped, bytes + at, length - at);
    rewrite(path, swapped.text, swapped.length);
    assert_false(verify(path, &err));
    assert_non_null(strstr(err.why, "belongs elsewhere"));
    str_free(&swapped);
    free(bytes);
    free(path);
    free(dir);
}

static size_t entries(const char *dir)
{
    size_t count = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return count;
}

/* A killed writer's file is never listed, and the next writer removes it; a living writer's stays. */
static void test_abandoned(void **state)
{
    (void)state;
    char *dir = in_home("abandoned");
    struct safepoint_list list;
    struct err err = {0};
    pid_t child = fork();
    if (child == 0) {
        struct safepoint *s;
        struct safepoint_options options = {.facts = {.action = "prune"}, .dir = dir};
        safepoint_create(&s, &options, &err);
        safepoint_section(s, &(struct safepoint_section){.table = &table}, &err);
        safepoint_rows(s, "1\tx\n", 4, &err);
        raise(SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(entries(dir), 1);
    assert_true(safepoint_list(&list, dir, NULL, &err));
    assert_int_equal(list.count, 0);
    safepoint_list_free(&list);
    struct safepoint *one = begin(dir);
    assert_int_equal(entries(dir), 1);
    struct safepoint *two = begin(dir);
    assert_int_equal(entries(dir), 2);
    safepoint_discard(one);
    assert_int_equal(entries(dir), 1);
    assert_true(safepoint_finish(two, &err));
    safepoint_discard(two);
    assert_int_equal(entries(dir), 0);
    safepoint_discard(NULL);
    free(dir);
}

/* The disk is full in the middle: an error, and nothing is left. */
static void test_full_disk(void **state)
{
    (void)state;
    char *dir = in_home("full"), line[1024];
    struct rlimit was, small;
    struct err err = {0};
    struct safepoint *s = begin(dir);
    assert_true(safepoint_section(s, &(struct safepoint_section){.table = &table}, &err));
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = 100000;
    setrlimit(RLIMIT_FSIZE, &small);
    bool ok = true;
    for (int i = 0; ok && i < 20000; i++) {
        int used = snprintf(line, sizeof line, "%d\t", i);
        for (unsigned seed = (unsigned)i * 2654435761u; used < 500; used++, seed = seed * 1103515245u + 12345u)
            line[used] = (char)('!' + (seed >> 16) % 59);   /* hardly compresses; no backslash */
        line[used++] = '\n';
        ok = safepoint_rows(s, line, (size_t)used, &err);
    }
    bool finished = safepoint_finish(s, &(struct err){0});
    setrlimit(RLIMIT_FSIZE, &was);
    assert_false(ok);
    assert_false(finished);
    assert_non_null(strstr(err.message, "cannot write the safepoint"));
    safepoint_discard(s);
    assert_int_equal(entries(dir), 0);
    free(dir);
}

static void test_places(void **state)
{
    (void)state;
    struct safepoint *s;
    struct err err = {0};
    char *dir = in_home("places");
    struct safepoint_options options = {.facts = {.action = "prune"}, .state_dir = dir,
                                        .estimated_bytes = INT64_C(1) << 60};
    assert_false(safepoint_create(&s, &options, &err));
    assert_non_null(strstr(err.message, "too little room"));
    assert_null(s);
    options.estimated_bytes = 0;
    assert_true(safepoint_create(&s, &options, &err));
    assert_non_null(strstr(safepoint_path(s), "/places/safepoints/2"));
    safepoint_discard(s);
    if (access("/dev/shm", W_OK) == 0) {
        options.state_dir = "/dev/shm/seedops-test-safepoint";
        options.lasting = true;
        assert_false(safepoint_create(&s, &options, &err));
        assert_int_equal(err.class, ERR_REFUSED);
        options.dir = options.state_dir;
        assert_true(safepoint_create(&s, &options, &err));
        safepoint_discard(s);
        rmdir("/dev/shm/seedops-test-safepoint/safepoints");
        rmdir("/dev/shm/seedops-test-safepoint");
    }
    free(dir);
}

static void test_find(void **state)
{
    (void)state;
    char *dir = in_home("find"), *path = write_one(dir, 1), *found;
    struct err err = {0};
    found = safepoint_find("last", NULL, dir, NULL, &err);
    assert_string_equal(found, path);
    free(found);
    found = safepoint_find("last", "prod uction/..", dir, NULL, &err);
    assert_string_equal(found, path);
    free(found);
    assert_null(safepoint_find("last", "staging", dir, NULL, &err));
    found = safepoint_find("2", NULL, dir, NULL, &err);
    assert_string_equal(found, path);
    free(found);
    assert_null(safepoint_find("nothing", NULL, dir, NULL, &err));
    assert_int_equal(err.class, ERR_USAGE);
    found = safepoint_find(path, NULL, NULL, NULL, &err);
    assert_string_equal(found, path);
    free(found);
    free(path);
    free(dir);
}

static void test_half_row(void **state)
{
    (void)state;
    char *dir = in_home("half");
    struct err err = {0};
    struct safepoint *s = begin(dir);
    assert_false(safepoint_rows(s, "1\n", 2, &err));
    assert_true(safepoint_section(s, &(struct safepoint_section){.table = &table}, &err));
    put(s, "1\tx");
    assert_false(safepoint_finish(s, &err));
    safepoint_discard(s);
    assert_int_equal(safepoint_estimate(&table, 10), 1001);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_plain_zstd), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_swapped_blocks), cmocka_unit_test(test_abandoned), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_places), cmocka_unit_test(test_find), cmocka_unit_test(test_half_row),
    };
    return cmocka_run_group_tests(tests, make_home, remove_all);
}
