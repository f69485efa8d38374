/* journal - what recording costs the main thread, and what a long journal costs to open, to seek in, to verify.
 *
 *     bench/journal [MIB]       (100) writes a journal of that size into a temporary directory and reads it back */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/app.h"
#include "base/str.h"
#include "event/codec.h"
#include "event/types.h"
#include "journal/file.h"
#include "journal/write.h"

enum { TABLES = 1000, LOG_LINES = 1000, SEEKS = 200 };

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void feed(struct model *m, struct input *in)
{
    struct effects effects = {0};
    app_update(m, in, &effects);
    effects_free(&effects);
    input_free(in);
}

/* A thousand tables and a full Log: about as large as a model gets without pages of rows. */
static struct model *large_model(void)
{
    struct model *m = model_new();
    struct input *in = input_new(IN_STATUS);
    in->number = 1;
    in->tables = xcalloc(TABLES, sizeof *in->tables);
    in->table_count = TABLES;
    for (int i = 0; i < TABLES; i++) {
        char name[40];
        snprintf(name, sizeof name, "a_table_of_some_length_%d", i);
        in->tables[i] = (struct fact_table){.name = xstrdup(name), .class = xstrdup("context"), .rows = i, .min_rows = i,
                                            .fixture_rows = i, .note = xstrdup(""), .at = xstrdup("seeds/x.yaml:1")};
    }
    feed(m, in);
    for (int i = 0; i < LOG_LINES; i++) {
        in = input_new(IN_LOG);
        in->name = xstrdup("info");
        in->text = xstrdup("a line of the Log as long as such lines usually are, give or take a few words");
        feed(m, in);
    }
    return m;
}

static char *input_line(uint64_t n, bool large)
{
    static const char words[] = "Messstelle an der Rhone, Porte du Scex ";
    struct str line = {0};
    struct input *in = input_new(large ? IN_PAGE : IN_LOG);
    in->sequence = n;
    in->offset_ms = (int64_t)n * 20;
    in->name = xstrdup("info");
    in->text = xstrdup(words);
    if (large) {
        in->row_count = 200;
        in->rows = xcalloc(in->row_count, sizeof *in->rows);
        for (size_t i = 0; i < in->row_count; i++) {
            in->rows[i].cells = xcalloc(7, sizeof *in->rows[i].cells);
            in->rows[i].cell_count = 7;
            for (int k = 0; k < 7; k++)
                in->rows[i].cells[k].text = xstrdup(words);
        }
    }
    input_encode(in, &line);
    input_free(in);
    return str_take(&line);
}

struct cost { double sum, most; unsigned long count; };

static void add(struct cost *c, double us)
{
    c->sum += us;
    c->most = us > c->most ? us : c->most;
    c->count++;
}

static void say(const char *what, const struct cost *c)
{
    printf("| %-44s | %9.1f | %9.1f | %7lu |\n", what, c->count ? c->sum / (double)c->count : 0, c->most, c->count);
}

static void record(const char *dir, const struct model *m, int64_t bytes, char *path, size_t size)
{
    struct journal *j;
    struct err err = {0};
    const struct journal_header header = {.version = "bench", .started_ms = 1795237768123};
    const struct journal_options options = {.models = true};
    struct cost lines = {0}, encoding = {0}, checkpoints = {0};
    if (!journal_open(&j, dir, &header, &options, &err))
        exit(1);
    snprintf(path, size, "%s", journal_path(j));
    int64_t written = 0;
    for (uint64_t n = 1; written < bytes; n++) {
        char *line = input_line(n, n % 64 == 0);
        written += (int64_t)strlen(line) + 90;
        double start = now_us();
        journal_line(j, line);
        add(&lines, now_us() - start);
        if (n % 256 == 0)
            journal_flush(j, 60000);   /* a session is slower than this loop */
        if (!journal_wants_checkpoint(j))
            continue;
        struct str model = {0};
        start = now_us();
        model_encode(m, &model);
        add(&encoding, now_us() - start);
        written += (int64_t)model.length;
        start = now_us();
        journal_checkpoint_line(j, (int64_t)n * 20, str_take(&model));
        add(&checkpoints, now_us() - start);
    }
    journal_close(j, NULL);
    say("handing over a line", &lines);
    say("encoding a large model for a checkpoint", &encoding);
    say("handing over a checkpoint", &checkpoints);
}

static bool seek(struct journal_file *f, uint64_t n)
{
    const char *text;
    size_t length;
    uint64_t at;
    struct model *m = NULL;
    struct input *in;
    if (!journal_file_checkpoint(f, n, &at, &text, &length, NULL) || (text && !model_decode(text, length, &m, NULL)))
        return false;
    if (!m)
        m = model_new();
    while (++at <= n) {
        if (!journal_file_input(f, at, &text, &length, NULL) || !input_decode(text, length, &in, NULL))
            return false;
        feed(m, in);
    }
    model_free(m);
    return true;
}

static void read_back(const char *path)
{
    struct journal_file *f;
    struct err err = {0};
    struct cost opening = {0}, seeking = {0}, verifying = {0};
    for (int i = 0; i < 5; i++) {
        double start = now_us();
        if (!journal_file_open(&f, path, &err))
            exit(1);
        add(&opening, now_us() - start);
        if (i < 4)
            journal_file_close(f);
    }
    uint64_t last = journal_file_facts(f)->last, n = 1;
    for (int i = 0; i < SEEKS; i++) {
        n = (n * 48271 + 11) % last + 1;
        double start = now_us();
        if (!seek(f, n))
            exit(1);
        add(&seeking, now_us() - start);
    }
    struct journal_summary summary;
    double start = now_us();
    if (!journal_file_verify(f, NULL, NULL, &summary, &err))
        exit(1);
    add(&verifying, now_us() - start);
    say("opening it", &opening);
    say("seeking: checkpoint, then inputs, to anywhere", &seeking);
    say("verifying its chain", &verifying);
    printf("\n%llu inputs, %zu checkpoints\n", (unsigned long long)last, journal_file_facts(f)->checkpoints);
    journal_file_close(f);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/seedops-bench.XXXXXX", path[300], command[64];
    int64_t mib = argc > 1 ? strtoll(argv[1], NULL, 10) : 100;
    struct model *m = large_model();
    if (!mkdtemp(dir))
        return 1;
    struct str model = {0};
    model_encode(m, &model);
    printf("a journal of %lld MiB, a model of %zu kB\n\n", (long long)mib, model.length / 1000);
    printf("| %-44s | %9s | %9s | %7s |\n|---|---|---|---|\n", "", "mean us", "most us", "times");
    record(dir, m, mib << 20, path, sizeof path);
    read_back(path);
    str_free(&model);
    model_free(m);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
