/* file: walking around in a journal: by number, by time, by checkpoint, over segments, damaged or not. The
 * journals are made here line by line, so that they may be wrong in any way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "journal/file.h"
#include "journal/format.h"
#include "journal/segments.h"
#include "journal/write.h"
#include "scratch.h"

struct made {
    struct str s;
    char hash[HASH_HEX];
    uint64_t n;
    int segment;
    long checkpoint_at;
};

static void put(struct made *m, const char *text)
{
    journal_chain(m->hash, text, strlen(text));
    str_printf(&m->s, "%s,\"hash\":\"%s\"}\n", text, m->hash);
}

static void put_header(struct made *m, int segment, int format)
{
    char text[400];
    snprintf(text, sizeof text, "{\"journal\":%d,\"session\":\"S\",\"segment\":%d,\"dropped\":0,\"before\":%llu,"
             "\"after\":\"%s\",\"environment\":\"e\"", format, segment, (unsigned long long)m->n, m->hash);
    m->hash[0] = '\0';
    m->segment = segment;
    m->checkpoint_at = -1;
    put(m, text);
}

static void put_input(struct made *m)
{
    char text[200];
    uint64_t n = ++m->n;
    snprintf(text, sizeof text, "{\"n\":%llu,\"in\":{\"sequence\":\"%llu\",\"offset_ms\":%llu,\"kind\":\"text\"}",
             (unsigned long long)n, (unsigned long long)n, (unsigned long long)n * 10);
    put(m, text);
}

static void put_checkpoint(struct made *m)
{
    char text[200];
    long at = (long)m->s.length;
    snprintf(text, sizeof text, "{\"n\":%llu,\"checkpoint\":{\"offset_ms\":%llu,\"segment\":%d,\"previous\":%ld,"
             "\"model\":{\"after\":%llu}}", (unsigned long long)m->n, (unsigned long long)m->n * 10, m->segment,
             m->checkpoint_at, (unsigned long long)m->n);
    put(m, text);
    m->checkpoint_at = at;
}

static void put_end(struct made *m)
{
    char text[100];
    snprintf(text, sizeof text, "{\"n\":%llu,\"end\":{\"lines\":%llu}", (unsigned long long)m->n + 1,
             (unsigned long long)m->n);
    put(m, text);
}

static void put_next(struct made *m)
{
    char text[100];
    snprintf(text, sizeof text, "{\"n\":%llu,\"next\":{\"segment\":%d}", (unsigned long long)m->n, m->segment + 1);
    put(m, text);
}

/* 1000 inputs, a checkpoint after every hundredth. */
static void make(struct made *m)
{
    *m = (struct made){0};
    put_header(m, 1, 2);
    for (int i = 1; i <= 1000; i++) {
        put_input(m);
        if (i % 100 == 0)
            put_checkpoint(m);
    }
    put_end(m);
}

static struct journal_file *open_bytes(const struct str *s)
{
    struct journal_file *f;
    struct err err = {0};
    if (!journal_file_bytes(&f, "j", s->text, s->length, &err))
        fail_msg("%s: %s", err.message, err.why);
    return f;
}

static void check_input(struct journal_file *f, uint64_t n)
{
    const char *input;
    size_t length;
    char want[200];
    struct err err = {0};
    if (!journal_file_input(f, n, &input, &length, &err))
        fail_msg("%llu: %s", (unsigned long long)n, err.message);
    snprintf(want, sizeof want, "{\"sequence\":\"%llu\",\"offset_ms\":%llu,\"kind\":\"text\"}",
             (unsigned long long)n, (unsigned long long)n * 10);
    assert_string_equal(input, want);
    assert_int_equal(length, strlen(want));
}

static void check_checkpoint(struct journal_file *f, uint64_t n, uint64_t want)
{
    const char *model;
    size_t length;
    uint64_t at;
    char text[40];
    assert_true(journal_file_checkpoint(f, n, &at, &model, &length, NULL));
    assert_int_equal(at, want);
    if (!want) {
        assert_null(model);
        return;
    }
    snprintf(text, sizeof text, "{\"after\":%llu}", (unsigned long long)want);
    assert_string_equal(model, text);
    assert_int_equal(length, strlen(text));
}

static void test_walk(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    struct journal_file *f = open_bytes(&m.s);
    const struct journal_facts *facts = journal_file_facts(f);
    assert_int_equal(facts->first, 1);
    assert_int_equal(facts->last, 1000);
    assert_int_equal(facts->duration_ms, 10000);
    assert_int_equal(facts->checkpoints, 10);
    assert_int_equal(facts->end, JOURNAL_END_CLOSED);
    assert_false(facts->damaged || facts->newer);
    assert_string_equal(facts->hash, m.hash);
    assert_string_equal(journal_file_header(f)->environment, "e");
    for (uint64_t n = 1; n <= 1000; n++)
        check_input(f, n);
    for (uint64_t n = 1000; n; n--)
        check_input(f, n);
    for (uint64_t n = 7, i = 0; i < 500; i++, n = (n * 389 + 41) % 1000) {
        check_input(f, n + 1);
        check_checkpoint(f, n, n / 100 * 100);
        check_input(f, n + 1);
        assert_int_equal(journal_file_offset(f, n + 1), (n + 1) * 10);
        assert_int_equal(journal_file_at(f, (int64_t)n * 10), n);
        assert_int_equal(journal_file_at(f, (int64_t)n * 10 + 9), n);
    }
    assert_int_equal(journal_file_at(f, -1), 0);
    assert_int_equal(journal_file_at(f, INT64_MAX), 1000);
    const char *input;
    size_t length;
    assert_false(journal_file_input(f, 0, &input, &length, NULL));
    assert_false(journal_file_input(f, 1001, &input, &length, NULL));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(journal_file_checkpoint_at(f, i), (i + 1) * 100);
    struct journal_summary summary;
    atomic_uint_fast64_t done = 0;
    struct err err = {0};
    assert_true(journal_file_verify(f, NULL, &done, &summary, &err));
    assert_int_equal(done, 1000);
    assert_int_equal(summary.checkpoints, 10);
    assert_string_equal(summary.hash, m.hash);
    atomic_bool cancel = true;
    assert_false(journal_file_verify(f, &cancel, NULL, &summary, &err));
    assert_int_equal(err.class, ERR_CANCELLED);
    journal_file_close(f);
    str_free(&m.s);
}

/* A bad line ends reading there and is named; what is before it can be read. */
static void test_damage(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    char *line = strstr(m.s.text, "{\"n\":500,\"in\"");
    line[5] = '6';
    struct journal_file *f = open_bytes(&m.s);
    const struct journal_facts *facts = journal_file_facts(f);
    assert_true(facts->damaged);
    assert_int_equal(facts->last, 499);
    assert_string_equal(facts->problem.at, "j:505");   /* the header and four checkpoints are lines, too */
    check_input(f, 499);
    struct journal_summary summary;
    struct err err = {0};
    assert_false(journal_file_verify(f, NULL, NULL, &summary, &err));
    assert_string_equal(err.at, "j:505");
    journal_file_close(f);
    line[5] = '5';
    line[60] ^= 1;                                     /* its form is right: only the chain knows */
    f = open_bytes(&m.s);
    assert_false(journal_file_facts(f)->damaged);
    assert_false(journal_file_verify(f, NULL, NULL, &summary, &err));
    assert_string_equal(err.at, "j:505");
    journal_file_close(f);
    line[60] ^= 1;
    for (size_t cut = 1; cut < 700; cut++) {
        struct str s = {.text = m.s.text, .length = m.s.length - cut};
        f = open_bytes(&s);
        facts = journal_file_facts(f);
        assert_false(facts->damaged);
        assert_true(facts->end == (m.s.text[s.length - 1] == '\n' ? JOURNAL_END_OPEN : JOURNAL_END_CUT));
        check_input(f, facts->last);
        journal_file_close(f);
    }
    str_free(&m.s);
}

/* ---- what was done to it is found, and where ---- */

static uint64_t random_state = 0x5eed0b5;

static size_t random_below(size_t below)   /* xorshift: the same on every machine */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % below);
}

static unsigned line_of(const char *text, size_t at)
{
    unsigned line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

static size_t start_of(const char *text, unsigned line)
{
    size_t at = 0;
    while (--line)
        at = (size_t)(strchr(text + at, '\n') - text) + 1;
    return at;
}

enum mutation { FLIP, REMOVE, SWAP, CUT, MUTATIONS };

/* Changes a copy; gives the first line that is not as it was written. */
static unsigned mutate(enum mutation kind, char *text, size_t *length, unsigned lines)
{
    unsigned line = 2 + (unsigned)random_below(lines - 2);   /* neither the header nor the end */
    size_t a = start_of(text, line), b = start_of(text, line + 1), c;
    switch (kind) {
    case FLIP:
        do {
            a = random_below(*length - 1);
        } while (text[a] == '\n');
        c = (size_t)text[a] ^ 1u << random_below(7);
        if (c == '\n')
            c = (size_t)text[a] ^ 1;
        text[a] = (char)c;
        return line_of(text, a);
    case REMOVE:
        memmove(text + a, text + b, *length - b + 1);
        *length -= b - a;
        return line;
    case SWAP: {
        if (line + 1 == lines)
            b = start_of(text, line), a = start_of(text, --line);
        c = start_of(text, line + 2);
        char *pair = malloc(c - a);
        memcpy(pair, text + b, c - b);
        memcpy(pair + (c - b), text + a, b - a);
        memcpy(text + a, pair, c - a);
        free(pair);
        return line;
    }
    default:
        *length = start_of(text, 2) + random_below(*length - start_of(text, 2) - 1);
        text[*length] = '\0';
        return line_of(text, *length);
    }
}

static void test_thousand_mutations(void **state)
{
    (void)state;
    print_message("# seed %llx\n", (unsigned long long)random_state);
    struct made m = {0};
    put_header(&m, 1, 2);
    for (int i = 1; i <= 40; i++) {
        put_input(&m);
        if (i % 9 == 0)
            put_checkpoint(&m);
    }
    put_end(&m);
    unsigned lines = line_of(m.s.text, m.s.length) - 1;
    for (int i = 0; i < 1000; i++) {
        enum mutation kind = (enum mutation)(i % MUTATIONS);
        struct str s = {.text = strdup(m.s.text), .length = m.s.length};
        unsigned want = mutate(kind, s.text, &s.length, lines);
        struct journal_file *f = NULL;
        struct journal_summary summary = {0};
        struct err err = {0};
        bool ok = journal_file_bytes(&f, "j", s.text, s.length, &err) &&
                  journal_file_verify(f, NULL, NULL, &summary, &err);
        char at[20], alone[4] = "j";
        snprintf(at, sizeof at, "j:%u", want);
        if (kind == CUT) {   /* a cut is no damage, but the journal says where it ends, and that it has no end */
            if (!ok || summary.line != want || summary.end == JOURNAL_END_CLOSED)
                fail_msg("mutation %d: cut in line %u, %u said: %s", i, want, summary.line, err.why);
        } else if (ok || (strcmp(err.at, at) != 0 && !(want == 1 && strcmp(err.at, alone) == 0))) {
            fail_msg("mutation %d of kind %d: %s wanted, got %s: %s", i, kind, at, err.at, err.why);
        }
        journal_file_close(f);
        free(s.text);
    }
    str_free(&m.s);
}

static void test_newer(void **state)
{
    (void)state;
    struct made m = {0};
    put_header(&m, 1, JOURNAL_FORMAT + 1);
    put_input(&m);
    put(&m, "{\"n\":1,\"picture\":{\"of\":\"the operator\"}");
    put_input(&m);
    put_end(&m);
    struct journal_file *f = open_bytes(&m.s);
    const struct journal_facts *facts = journal_file_facts(f);
    assert_true(facts->newer);
    assert_false(facts->damaged);
    assert_int_equal(facts->unknown, 1);
    assert_int_equal(facts->last, 2);
    check_input(f, 2);
    struct journal_summary summary;
    assert_true(journal_file_verify(f, NULL, NULL, &summary, NULL));
    assert_int_equal(summary.unknown, 1);
    journal_file_close(f);
    str_free(&m.s);
}

/* ---- segments ---- */

static char dir[] = "/tmp/test_journal_file.XXXXXX";

static void keep(struct made *m, const char *name)
{
    char *path = file_join(dir, name);
    assert_true(file_write_atomic(path, m->s.text, m->s.length, 0600, NULL));
    free(path);
    str_reset(&m->s);
}

static void keep_three(void)
{
    static const char *const names[] = {"S.jsonl", "S.2.jsonl", "S.3.jsonl"};
    struct made m = {0};
    for (int k = 1; k <= 3; k++) {
        put_header(&m, k, 2);
        if (k > 1)
            put_checkpoint(&m);
        for (int i = 0; i < 50; i++)
            put_input(&m);
        if (k < 3)
            put_next(&m);
        else
            put_end(&m);
        keep(&m, names[k - 1]);
    }
    str_free(&m.s);
}

static struct journal_file *open_named(const char *name)
{
    char *path = file_join(dir, name);
    struct journal_file *f;
    struct err err = {0};
    if (!journal_file_open(&f, path, &err))
        fail_msg("%s: %s", err.message, err.why);
    free(path);
    return f;
}

static void test_segments(void **state)
{
    (void)state;
    static const char *const names[] = {"S.jsonl", "S.2.jsonl", "S.3.jsonl"};
    keep_three();
    struct journal_summary summary;
    for (int k = 0; k < 3; k++) {
        struct journal_file *f = open_named(names[k]);
        const struct journal_facts *facts = journal_file_facts(f);
        assert_int_equal(facts->segments, 3);
        assert_int_equal(facts->last, 150);
        assert_int_equal(facts->end, JOURNAL_END_CLOSED);
        for (uint64_t n = 150; n; n--)
            check_input(f, n);
        for (uint64_t n = 1; n <= 150; n++) {
            check_input(f, n);
            check_checkpoint(f, n, (n / 50 > 2 ? 2 : n / 50) * 50);
            assert_int_equal(journal_file_at(f, (int64_t)n * 10 + 5), n);
        }
        assert_true(journal_file_verify(f, NULL, NULL, &summary, NULL));
        assert_int_equal(summary.lines, 150);
        journal_file_close(f);
    }
    char *first = file_join(dir, "S.jsonl"), *second = file_join(dir, "S.2.jsonl");
    unlink(first);   /* the oldest one dropped */
    struct journal_file *f = open_named("S.3.jsonl");
    assert_int_equal(journal_file_facts(f)->first, 51);
    check_checkpoint(f, 60, 50);
    check_input(f, 51);
    assert_true(journal_file_verify(f, NULL, NULL, &summary, NULL));
    journal_file_close(f);
    /* a segment of another session in its place */
    struct made m = {0};
    put_header(&m, 2, 2);
    put_input(&m);
    put_next(&m);
    keep(&m, "S.2.jsonl");
    str_free(&m.s);
    f = open_named("S.2.jsonl");
    struct err err = {0};
    assert_true(journal_file_facts(f)->damaged);
    assert_int_equal(journal_file_facts(f)->last, 1);
    check_input(f, 1);
    assert_false(journal_file_verify(f, NULL, NULL, &summary, &err));
    assert_non_null(strstr(err.at, "S.3.jsonl:1"));
    journal_file_close(f);
    free(first);
    free(second);
}

/* ---- what the writer makes ---- */

static int said;

static void say(void *data, const char *level, const char *text)
{
    (void)data;
    if (strcmp(level, "warning") != 0 || !strstr(text, "over the limit"))
        fail_msg("%s: %s", level, text);
    said++;
}

static struct journal *record(const struct journal_options *options, char *path, size_t size)
{
    struct journal *j;
    struct err err = {0};
    const struct journal_header header = {.version = "0", .started_ms = 1795237768123, .environment = "e"};
    if (!journal_open(&j, dir, &header, options, &err))
        fail_msg("%s: %s", err.message, err.why);
    snprintf(path, size, "%s", journal_path(j));
    return j;
}

/* As the console does it: an input, and a checkpoint when one is wanted. Gives how many checkpoints. */
static int feed(struct journal *j, int inputs, size_t model_size)
{
    int checkpoints = 0;
    for (int n = 1; n <= inputs; n++) {
        char line[300];
        snprintf(line, sizeof line, "{\"sequence\":\"%d\",\"offset_ms\":%d,\"kind\":\"text\",\"text\":\"%0*d\"}", n,
                 n * 10, 200, n);
        journal_line(j, strdup(line));
        if (n % 64 == 0)
            assert_true(journal_flush(j, 30000));   /* so that a full segment shows */
        if (!journal_wants_checkpoint(j))
            continue;
        char *model = malloc(model_size + 40);
        int length = snprintf(model, model_size + 40, "{\"n\":%d,\"text\":\"", n);
        memset(model + length, 'm', model_size);
        memcpy(model + length + model_size, "\"}", 3);
        journal_checkpoint_line(j, n * 10, model);
        checkpoints++;
    }
    return checkpoints;
}

static void test_checkpoints(void **state)
{
    (void)state;
    char path[300];
    struct journal *j = record(&(struct journal_options){.models = true}, path, sizeof path);
    int checkpoints = feed(j, 5000, 20000);
    journal_close(j, NULL);
    assert_true(checkpoints >= 4 && checkpoints <= 9);   /* 1.3 MB of lines, one per 160 kB of them */
    struct journal_file *f;
    assert_true(journal_file_open(&f, path, NULL));
    const struct journal_facts *facts = journal_file_facts(f);
    assert_int_equal(facts->checkpoints, checkpoints);
    assert_int_equal(facts->last, 5000);
    assert_int_equal(facts->duration_ms, 50000);
    assert_string_equal(journal_file_header(f)->environment, "e");
    for (uint64_t n = 5000; n > 0; n -= 100) {
        const char *model;
        uint64_t at;
        size_t length;
        assert_true(journal_file_checkpoint(f, n, &at, &model, &length, NULL));
        assert_true(at <= n);
        assert_int_equal(model ? strtoull(model + 5, NULL, 10) : 0, at);
    }
    struct journal_summary summary;
    struct err err = {0};
    if (!journal_file_verify(f, NULL, NULL, &summary, &err))
        fail_msg("%s: %s", err.at, err.why);
    assert_int_equal(summary.checkpoints, checkpoints);
    journal_file_close(f);
}

/* Segments, each of which can be begun with; with and without a model. */
static void test_rotation(void **state)
{
    (void)state;
    for (int models = 0; models < 2; models++) {
        char path[300];
        struct journal_options options = {.models = models, .limits = {.segment = 100000}, .say = say};
        struct journal *j = record(&options, path, sizeof path);
        if (models)
            feed(j, 3000, 3000);
        else
            for (int n = 1; n <= 3000; n++)
                journal_line(j, strdup("{\"offset_ms\":1,\"kind\":\"text\",\"text\":\"a session without a model\"}"));
        journal_close(j, NULL);
        struct journal_file *f;
        struct journal_summary summary;
        struct err err = {0};
        assert_true(journal_file_open(&f, path, NULL));
        const struct journal_facts *facts = journal_file_facts(f);
        assert_true(facts->segments >= 4);
        assert_int_equal(facts->last, 3000);
        assert_int_equal(facts->end, JOURNAL_END_CLOSED);
        if (!journal_file_verify(f, NULL, NULL, &summary, &err))
            fail_msg("%s: %s", err.at, err.why);
        const char *input;
        size_t length;
        for (uint64_t n = 1; n <= 3000; n++)
            assert_true(journal_file_input(f, n, &input, &length, NULL));
        journal_file_close(f);
        unlink(path);   /* without its first segment it begins with a checkpoint */
        char *second = strdup(path);
        second = realloc(second, strlen(path) + 10);
        strcpy(second + strlen(second) - 6, ".2.jsonl");
        assert_true(journal_file_open(&f, second, NULL));
        uint64_t first = journal_file_facts(f)->first, at;
        const char *model;
        assert_true(first > 1);
        assert_true(journal_file_checkpoint(f, first, &at, &model, &length, NULL));
        assert_int_equal(at, first - 1);
        assert_true(models ? model != NULL : model == NULL);
        assert_true(journal_file_verify(f, NULL, NULL, &summary, NULL));
        journal_file_close(f);
        free(second);
    }
}

static int64_t size_of_all(int *files)
{
    char command[200], line[64];
    snprintf(command, sizeof command, "du -cb %s/sessions/*.jsonl | tail -1; ls %s/sessions/*.jsonl | wc -l", dir, dir);
    FILE *p = popen(command, "r");
    assert_true(p && fgets(line, sizeof line, p));
    int64_t bytes = strtoll(line, NULL, 10);
    assert_true(fgets(line, sizeof line, p) != NULL);
    *files = (int)strtol(line, NULL, 10);
    pclose(p);
    return bytes;
}

static void test_caps(void **state)
{
    (void)state;
    char command[100], path[300], live_path[300];
    snprintf(command, sizeof command, "rm -rf %s/sessions", dir);
    assert_int_equal(system(command), 0);
    struct journal *live = record(NULL, live_path, sizeof live_path);   /* another session, still running */
    for (int n = 0; n < 2000; n++)
        journal_line(live, strdup("{\"kind\":\"text\",\"text\":\"of a session that goes on all the time\"}"));
    assert_true(journal_flush(live, 30000));
    said = 0;
    struct journal_options options = {.models = true, .say = say,
                                      .limits = {.segment = 50000, .session = 200000, .directory = 0}};
    struct journal *j = record(&options, path, sizeof path);
    feed(j, 4000, 3000);
    journal_close(j, NULL);
    int dropped = said, files;
    assert_true(dropped >= 10);
    assert_int_equal(access(path, F_OK), -1);
    int64_t all = size_of_all(&files);
    struct stat st;
    assert_int_equal(stat(live_path, &st), 0);
    assert_true(all - st.st_size < 300000);
    snprintf(command, sizeof command, "%s/sessions", dir);
    /* the last segment says how many went, and all that are left join */
    char last[320];
    for (int k = 2; k < 1000; k++) {
        snprintf(last, sizeof last, "%.*s.%d.jsonl", (int)strlen(path) - 6, path, k);
        if (access(last, F_OK) == 0)
            break;
    }
    struct journal_file *f;
    assert_true(journal_file_open(&f, last, NULL));
    assert_int_equal(journal_file_facts(f)->dropped, dropped);
    assert_int_equal(journal_file_facts(f)->last, 4000);
    journal_file_close(f);
    /* the directory's limit takes whole old sessions, but not one that is being written */
    options.limits.directory = 100000;
    j = record(&options, path, sizeof path);
    journal_close(j, NULL);
    size_of_all(&files);
    assert_int_equal(files, 2);
    assert_int_equal(access(live_path, F_OK), 0);
    assert_int_equal(access(path, F_OK), 0);
    journal_close(live, NULL);
    char *text;
    size_t length;
    char *note = file_join(command, "dropped");
    assert_true(file_read(note, 1000000, &text, &length, NULL));
    int lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, said);
    free(text);
    free(note);
}

static void test_names(void **state)
{
    (void)state;
    size_t length;
    assert_int_equal(segment_of_name("abc.jsonl", &length), 1);
    assert_int_equal(length, 3);
    assert_int_equal(segment_of_name("abc.12.jsonl", &length), 12);
    assert_int_equal(segment_of_name("abc.1.jsonl", &length), 0);
    assert_int_equal(segment_of_name("abc.02.jsonl", &length), 0);
    assert_int_equal(segment_of_name("abc.2.txt", &length), 0);
    assert_int_equal(segment_of_name("abc.2x.jsonl", &length), 0);
    assert_int_equal(segment_of_name(".jsonl", &length), 0);
    assert_int_equal(segment_of_name("abc.99999999999999999999.jsonl", &length), 0);
    char *name = segment_name("abc", 3);
    assert_string_equal(name, "abc.3.jsonl");
    free(name);
}

static void test_not_a_journal(void **state)
{
    (void)state;
    struct journal_file *f;
    struct err err = {0};
    assert_false(journal_file_open(&f, "/nowhere/x.jsonl", &err));
    assert_null(f);
    assert_false(journal_file_open(&f, "/dev/zero", &err));
    assert_string_equal(err.why, "it is not a regular file");
    assert_false(journal_file_open(&f, "/etc/passwd", &err));
    assert_string_equal(err.message, "this is not a journal");
    assert_false(journal_file_bytes(&f, "j", "", 0, &err));
    assert_string_equal(err.at, "j");
    journal_file_close(NULL);
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
        cmocka_unit_test(test_walk),    cmocka_unit_test(test_damage), cmocka_unit_test(test_thousand_mutations), cmocka_unit_test(test_newer),
        cmocka_unit_test(test_segments), cmocka_unit_test(test_names),  cmocka_unit_test(test_not_a_journal),
        cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_rotation), cmocka_unit_test(test_caps),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
