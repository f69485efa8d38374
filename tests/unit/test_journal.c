/* journal: what is written reads back; a changed byte is found; a bad disk never stops anyone.
 * The linker gives this program's write, fdatasync and openat to the test: its disk hangs and fills on
 * demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "journal/format.h"
#include "journal/read.h"
#include "journal/write.h"
#include "scratch.h"

enum disk { DISK_FINE, DISK_HANGS, DISK_FULL, DISK_FULL_HALFWAY, DISK_DOES_NOT_SYNC };
static enum disk disk;
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_changed = PTHREAD_COND_INITIALIZER;

static void set_disk(enum disk to)
{
    pthread_mutex_lock(&disk_lock);
    disk = to;
    pthread_cond_broadcast(&disk_changed);
    pthread_mutex_unlock(&disk_lock);
}

static enum disk ask_disk(void)
{
    pthread_mutex_lock(&disk_lock);
    while (disk == DISK_HANGS)
        pthread_cond_wait(&disk_changed, &disk_lock);
    enum disk now = disk;
    pthread_mutex_unlock(&disk_lock);
    return now;
}

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_openat(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat(int fd, const char *path, int flags, mode_t mode);

ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    switch (ask_disk()) {
    case DISK_FULL:
        errno = ENOSPC;
        return -1;
    case DISK_FULL_HALFWAY: return __real_write(fd, bytes, length / 2);
    default: return __real_write(fd, bytes, length);
    }
}

int __wrap_fdatasync(int fd)
{
    if (ask_disk() == DISK_FINE)
        return __real_fdatasync(fd);
    errno = EIO;
    return -1;
}

int __wrap_openat(int fd, const char *path, int flags, mode_t mode)
{
    ask_disk();
    return __real_openat(fd, path, flags, mode);
}

static char dir[] = "/tmp/test_journal.XXXXXX";
static const struct journal_header header = {
    .version = "0.1.0",
    .started_ms = 1795237768123,
    .user = "ops",
    .host = "host",
    .environment = "production",
    .target = "ops@db/alpimonitor",
    .command = "seedops production",
    .columns = 80,
    .rows = 24,
};
static char path[300];

static struct journal *open_journal(void)
{
    struct journal *j;
    struct err err = {0};
    if (!journal_open(&j, dir, &header, NULL, &err))
        fail_msg("%s: %s", err.message, err.why);
    snprintf(path, sizeof path, "%s", journal_path(j));
    return j;
}

static void line(struct journal *j, const char *text) { journal_line(j, strdup(text)); }

static void wait_for(const struct journal *j, enum journal_state state)
{
    for (int64_t end = clock_mono_ms() + 30000; journal_state(j) != state && clock_mono_ms() < end;)
        usleep(1000);
    assert_int_equal(journal_state(j), state);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct journal *j = open_journal();
    char hash[HASH_HEX];
    assert_int_equal(journal_state(j), JOURNAL_RECORDING);
    assert_string_equal(journal_failure(j), "");
    line(j, "{\"kind\":\"key\",\"offset\":12,\"text\":\"a\\\"},\\\"hash\\\":\\\"\"}");
    line(j, "{}");
    assert_true(journal_flush(j, 10000));
    for (int i = 0; i < 1000; i++)
        line(j, "{\"kind\":\"progress\",\"text\":\"日本\"}");
    journal_close(j, hash);

    struct journal_reader *r;
    struct err err = {0};
    const char *input;
    size_t length;
    assert_true(journal_read_open(&r, path, &err));
    const struct journal_header *h = journal_read_header(r);
    assert_string_equal(h->environment, "production");
    assert_string_equal(h->system_identifier, "");
    assert_true(h->started_ms == header.started_ms && h->columns == 80 && h->rows == 24);
    assert_true(journal_read_next(r, &input, &length, &err));
    assert_string_equal(input, "{\"kind\":\"key\",\"offset\":12,\"text\":\"a\\\"},\\\"hash\\\":\\\"\"}");
    assert_int_equal(length, strlen(input));
    journal_read_close(r);

    struct journal_summary summary;
    assert_true(journal_verify(path, &summary, &err));
    assert_int_equal(summary.lines, 1002);
    assert_int_equal(summary.end, JOURNAL_END_CLOSED);
    assert_string_equal(summary.hash, hash);
    assert_string_equal(summary.failure, "");
}

static void test_place_and_mode(void **state)
{
    (void)state;
    mode_t old = umask(0);
    struct journal *j = open_journal();
    umask(0777);
    struct journal *other = open_journal();
    umask(old);
    char sessions[64];
    struct stat st;
    snprintf(sessions, sizeof sessions, "%s/sessions", dir);
    assert_int_equal(stat(sessions, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(journal_path(j), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(journal_path(other), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_memory_equal(journal_path(j) + strlen(sessions) + 1, "20261121T", 9);
    assert_string_not_equal(journal_path(j), journal_path(other));
    journal_close(other, NULL);
    journal_close(j, NULL);
    chmod(sessions, 0755);   /* left open by someone: closed again */
    journal_close(open_journal(), NULL);
    assert_int_equal(stat(sessions, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_off(void **state)
{
    (void)state;
    char hash[HASH_HEX];
    assert_int_equal(journal_state(NULL), JOURNAL_OFF);
    line(NULL, "{}");
    assert_true(journal_flush(NULL, 0));
    assert_string_equal(journal_path(NULL), "");
    assert_string_equal(journal_failure(NULL), "");
    journal_close(NULL, hash);
    assert_string_equal(hash, "");
}

static void test_cannot_open(void **state)
{
    (void)state;
    struct journal *j;
    struct err err = {0};
    char hash[HASH_HEX];
    assert_false(journal_open(&j, "", &header, NULL, &err));
    assert_string_equal(err.why, "there is no state directory");
    journal_close(j, NULL);
    assert_false(journal_open(&j, "/dev/null", &header, NULL, &err));
    assert_string_equal(err.message, "this session is not recorded");
    assert_non_null(strstr(err.why, "Not a directory"));
    assert_int_equal(journal_state(j), JOURNAL_FAILED);
    assert_non_null(strstr(journal_failure(j), "Not a directory"));
    line(j, "{}");
    assert_false(journal_flush(j, 10000));
    journal_close(j, hash);
    assert_string_equal(hash, "");
}

static void check_prefix(uint64_t lines, enum journal_end end)
{
    struct journal_summary summary;
    struct err err = {0};
    if (!journal_verify(path, &summary, &err))
        fail_msg("%s: %s: %s", err.at, err.message, err.why);
    assert_int_equal(summary.lines, lines);
    assert_int_equal(summary.end, end);
}

static void test_full_disk(void **state)
{
    (void)state;
    for (int halfway = 0; halfway < 2; halfway++) {
        struct journal *j = open_journal();
        char hash[HASH_HEX];
        line(j, "{\"a\":1}");
        assert_true(journal_flush(j, 10000));
        set_disk(halfway ? DISK_FULL_HALFWAY : DISK_FULL);
        line(j, "{\"a\":2}");
        assert_false(journal_flush(j, 10000));
        wait_for(j, JOURNAL_FAILED);
        assert_string_equal(journal_failure(j), "cannot write the journal: No space left on device");
        set_disk(DISK_FINE);
        line(j, "{\"a\":3}");   /* dropped: a journal with a hole would be worse than none */
        journal_close(j, hash);
        assert_string_equal(hash, "");
        check_prefix(1, JOURNAL_END_OPEN);
    }
}

static void test_failing_sync(void **state)
{
    (void)state;
    struct journal *j = open_journal();
    line(j, "{}");
    assert_true(journal_flush(j, 10000));
    set_disk(DISK_DOES_NOT_SYNC);
    assert_true(journal_flush(j, 10000));   /* nothing new since */
    line(j, "{}");
    assert_false(journal_flush(j, 10000));
    wait_for(j, JOURNAL_FAILED);
    assert_string_equal(journal_failure(j), "cannot bring the journal to the disk: Input/output error");
    set_disk(DISK_FINE);
    journal_close(j, NULL);
    check_prefix(2, JOURNAL_END_OPEN);
}

/* While the disk hangs nobody waits, and it shows; once it answers, nothing is missing. */
static void test_hanging_disk(void **state)
{
    (void)state;
    struct journal *j = open_journal();
    set_disk(DISK_HANGS);
    int64_t start = clock_mono_ms();
    for (int i = 0; i < 1000; i++)
        line(j, "{}");
    assert_true(clock_mono_ms() - start < 1000);
    assert_false(journal_flush(j, 50));
    wait_for(j, JOURNAL_FAILED);
    assert_string_equal(journal_failure(j), "the disk does not answer");
    set_disk(DISK_FINE);
    wait_for(j, JOURNAL_RECORDING);
    assert_true(journal_flush(j, 10000));
    journal_close(j, NULL);
    check_prefix(1000, JOURNAL_END_CLOSED);
}

static void test_hanging_open_and_close(void **state)
{
    (void)state;
    struct journal *j;
    struct err err = {0};
    char hash[HASH_HEX];
    set_disk(DISK_HANGS);
    int64_t start = clock_mono_ms();
    assert_false(journal_open(&j, dir, &header, NULL, &err));
    assert_non_null(strstr(err.why, "does not answer"));
    snprintf(path, sizeof path, "%s", journal_path(j));
    line(j, "{}");
    journal_close(j, hash);
    assert_true(clock_mono_ms() - start < 20000);
    assert_string_equal(hash, "");
    set_disk(DISK_FINE);   /* the thread left behind ends by itself, and still writes what it was given */
    struct journal_summary summary;
    for (int64_t end = clock_mono_ms() + 30000; clock_mono_ms() < end; usleep(1000))
        if (journal_verify(path, &summary, NULL) && summary.end == JOURNAL_END_CLOSED)
            break;
    check_prefix(1, JOURNAL_END_CLOSED);
}

static void test_full_queue(void **state)
{
    (void)state;
    struct journal *j = open_journal();
    enum { SIZE = 8 * 1024 * 1024 };
    set_disk(DISK_HANGS);
    for (int i = 0; i < 12; i++) {
        char *big = malloc(SIZE + 1);
        memset(big, 'x', SIZE);
        memcpy(big, "{\"a\":\"", 6);
        memcpy(big + SIZE - 2, "\"}", 3);
        journal_line(j, big);
    }
    assert_int_equal(journal_state(j), JOURNAL_FAILED);
    assert_string_equal(journal_failure(j), "the disk does not keep up with the journal");
    assert_false(journal_flush(j, 10000));
    set_disk(DISK_FINE);
    journal_close(j, NULL);
    struct journal_summary summary;
    assert_true(journal_verify(path, &summary, NULL));
    assert_true(summary.lines >= 8 && summary.lines <= 9);   /* one was in the thread's hands */
    assert_string_equal(summary.failure, "the disk does not keep up with the journal");
    unlink(path);

    j = open_journal();
    char *huge = malloc(JOURNAL_LINE_MAX + 1);
    memset(huge, 'x', JOURNAL_LINE_MAX);
    huge[JOURNAL_LINE_MAX] = '\0';
    journal_line(j, huge);
    assert_int_equal(journal_state(j), JOURNAL_FAILED);
    journal_close(j, NULL);
    check_prefix(0, JOURNAL_END_CLOSED);
}

/* --- reading what nobody vouches for --- */

static char *bytes;
static size_t bytes_length;

static void small_journal(void)
{
    struct journal *j = open_journal();
    line(j, "{\"kind\":\"key\",\"text\":\"a\"}");
    line(j, "{\"kind\":\"key\",\"text\":\"b\"}");
    line(j, "{\"kind\":\"key\",\"text\":\"c\"}");
    journal_close(j, NULL);
    assert_true(file_read(path, 100000, &bytes, &bytes_length, NULL));
}

/* True if all of it reads; *lines is how many did. */
static bool reads(const char *text, size_t length, uint64_t *lines, enum journal_end *end, struct err *err)
{
    struct journal_reader *r;
    struct journal_summary summary;
    const char *input = "";
    size_t input_length;
    *lines = 0;
    if (!journal_read_bytes(&r, "j", text, length, err))
        return false;
    bool ok = true;
    while (ok && input)
        ok = journal_read_next(r, &input, &input_length, err);
    journal_read_summary(r, &summary);
    *lines = summary.lines;
    *end = summary.end;
    journal_read_close(r);
    return ok;
}

static void test_every_changed_byte_is_found(void **state)
{
    (void)state;
    small_journal();
    uint64_t lines;
    enum journal_end end;
    assert_true(reads(bytes, bytes_length, &lines, &end, NULL));
    assert_int_equal(lines, 3);
    for (size_t i = 0; i < bytes_length; i++) {
        struct err err = {0};
        char old = bytes[i];
        bytes[i] = (char)(old ^ 1);
        bool last_newline = i == bytes_length - 1;   /* then it is a cut line, which is no damage */
        assert_int_equal(reads(bytes, bytes_length, &lines, &end, &err), last_newline);
        unsigned number = 1;
        for (size_t k = 0; k < i; k++)
            number += bytes[k] == '\n';
        char at[20];
        snprintf(at, sizeof at, "j:%u", number);
        if (!last_newline && strcmp(err.at, "j") != 0 && old != '\n')
            assert_string_equal(err.at, at);
        bytes[i] = old;
    }
    free(bytes);
}

/* kill -9 at any byte leaves a journal that reads up to its last whole line. */
static void test_every_cut_reads(void **state)
{
    (void)state;
    small_journal();
    size_t header_length = (size_t)(strchr(bytes, '\n') - bytes) + 1;
    for (size_t length = 0; length < bytes_length; length++) {
        uint64_t lines;
        enum journal_end end;
        char *cut = malloc(length + 1);
        memcpy(cut, bytes, length);
        bool ok = reads(cut, length, &lines, &end, NULL);
        assert_int_equal(ok, length >= header_length);
        if (ok)
            assert_int_equal(end, cut[length - 1] == '\n' ? JOURNAL_END_OPEN : JOURNAL_END_CUT);
        free(cut);
    }
    free(bytes);
}

/* Lines with a right hash but wrong otherwise: someone who knows the format. */
static void forged(const char *const *texts, const char *want_why, const char *want_at)
{
    struct str s = {0};
    char hash[HASH_HEX] = "";
    for (; *texts; texts++) {
        journal_chain(hash, *texts, strlen(*texts));
        str_printf(&s, "%s,\"hash\":\"%s\"}\n", *texts, hash);
    }
    uint64_t lines;
    enum journal_end end;
    struct err err = {0};
    assert_false(reads(s.text, s.length, &lines, &end, &err));
    if (!strstr(err.why, want_why) || strcmp(err.at, want_at) != 0)
        fail_msg("got %s: %s: %s", err.at, err.message, err.why);
    str_free(&s);
}
#define HEAD "{\"journal\":1,\"seedops\":\"x\""
#define FORGED(why, at, ...) forged((const char *const[]){__VA_ARGS__, NULL}, why, at)

static void test_forged(void **state)
{
    (void)state;
    FORGED("format", "j:1", "{\"journal\":0");
    FORGED("format", "j:1", "{\"journal\":\"2\"");
    FORGED("segments", "j:1", HEAD ",\"segment\":0");
    FORGED("segments", "j:1", HEAD ",\"segment\":2,\"dropped\":2");
    FORGED("not an input", "j:2", HEAD, "{\"n\":0,\"later\":{}");
    FORGED("not a checkpoint", "j:2", HEAD, "{\"n\":0,\"checkpoint\":{}");
    FORGED("wrong place", "j:2", HEAD, "{\"n\":0,\"checkpoint\":"
           "{\"offset_ms\":0,\"segment\":1,\"previous\":7,\"model\":{}}");
    FORGED("", "j", "{\"x\":2");
    FORGED("terminal", "j:1", HEAD ",\"columns\":-5");
    FORGED("terminal", "j:1", HEAD ",\"rows\":9000000000");
    FORGED("not JSON", "j:1", HEAD ",\"seedops\":\"twice\"");
    FORGED("not the next", "j:2", HEAD, "{\"n\":2,\"in\":{}");
    FORGED("not the next", "j:2", HEAD, "{\"in\":{}");
    FORGED("not the next", "j:3", HEAD, "{\"n\":1,\"in\":{}", "{\"n\":1,\"in\":{}");
    FORGED("not an input", "j:2", HEAD, "{\"n\":1,\"in\":7");
    FORGED("not an input", "j:2", HEAD, "{\"n\":1,\"in\":{},\"more\":1");
    FORGED("not an input", "j:2", HEAD, "{ \"n\":1,\"in\":{}");
    FORGED("not JSON", "j:2", HEAD, "{\"n\":1,\"in\":{\"a\":\"\xff\"}");
    FORGED("not JSON", "j:2", HEAD, "");
    FORGED("another number", "j:2", HEAD, "{\"n\":1,\"end\":{\"lines\":7}");
    FORGED("after the end", "j:3", HEAD, "{\"n\":1,\"end\":{\"lines\":0}", "{\"n\":1,\"in\":{}");
}

static void test_not_a_journal(void **state)
{
    (void)state;
    struct journal_reader *r;
    struct journal_summary summary;
    struct err err = {0};
    assert_false(journal_read_open(&r, "/nowhere/x.jsonl", &err));
    assert_false(journal_read_open(&r, "/dev/zero", &err));
    assert_string_equal(err.why, "it is not a regular file");
    assert_false(journal_verify("/etc/passwd", &summary, &err));
    assert_string_equal(err.message, "this is not a journal");
    assert_false(journal_read_bytes(&r, "j", "", 0, &err));
    char *huge = malloc(JOURNAL_LINE_MAX + 2);
    memset(huge, 'x', JOURNAL_LINE_MAX + 2);
    assert_false(journal_read_bytes(&r, "j", huge, JOURNAL_LINE_MAX + 2, &err));
    assert_string_equal(err.why, "the line is too long");
    free(huge);
    journal_read_close(NULL);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_place_and_mode),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_cannot_open),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_failing_sync),
        cmocka_unit_test(test_hanging_disk),
        cmocka_unit_test(test_hanging_open_and_close),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_every_changed_byte_is_found),
        cmocka_unit_test(test_every_cut_reads),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_not_a_journal),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
