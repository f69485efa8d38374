/* replay [MB]: writes a session of that many megabytes (100) as the console would, opens it for a replay, and
 * goes to places all over it. Prints what opening and going took; build without sanitizers to believe it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/model.h"
#include "base/str.h"
#include "event/codec.h"
#include "journal/write.h"
#include "replay/reel.h"
#include "replay/source.h"

enum { TABLES = 20, ROWS = 200000, SEEKS = 200, LADDER = 96 << 20 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct session {
    struct journal *journal;
    struct model *model;
    struct effects effects;
    int64_t offset_ms;
    size_t bytes;
    uint64_t inputs, stores;
};

static void feed(struct session *s, struct input *in)
{
    struct str line = {0};
    in->offset_ms = s->offset_ms += 40;
    in->sequence = ++s->inputs;
    input_encode(in, &line);
    s->bytes += line.length;
    journal_line(s->journal, str_take(&line));
    app_update(s->model, in, &s->effects);
    input_free(in);
    if (journal_wants_checkpoint(s->journal)) {
        model_encode(s->model, &line);
        journal_checkpoint_line(s->journal, s->offset_ms, str_take(&line));
    }
    /* the disk is slower than this loop, and its queue is bounded */
    if (s->inputs % 256 == 0)
        journal_flush(s->journal, 60000);
}

static void act(struct session *s, const char *action)
{
    struct input *in = input_new(IN_ACTION);
    in->name = xstrdup(action);
    feed(s, in);
}

static struct input *answer(const struct effect *e, enum input_kind kind)
{
    struct input *in = input_new(kind);
    in->request = e->request;
    in->generation = 1;
    in->store = e->store;
    return in;
}

static void answer_status(struct session *s, const struct effect *e)
{
    struct input *in = answer(e, IN_STATUS);
    in->number = 1;
    in->server.ready = true;
    in->server.environment = xstrdup("bench");
    in->table_count = TABLES;
    in->tables = xcalloc(TABLES, sizeof *in->tables);
    for (int i = 0; i < TABLES; i++) {
        struct str name = {0};
        str_printf(&name, "table_%02d", i);
        in->tables[i] = (struct fact_table){.name = str_take(&name), .class = xstrdup("context"), .rows = ROWS,
                                            .min_rows = -1, .fixture_rows = ROWS, .missing = 10, .changed = ROWS,
                                            .extra = 0, .bytes = -1};
    }
    feed(s, in);
}

static void answer_diff(struct session *s, const struct effect *e)
{
    struct input *in = answer(e, IN_STORE);
    struct str name = {0};
    str_printf(&name, "diff:%s", e->name);
    in->name = str_take(&name);
    in->store = ++s->stores;
    in->number = ROWS;
    in->number2 = 1;
    feed(s, in);
}

static void answer_page(struct session *s, const struct effect *e)
{
    struct input *in = answer(e, IN_PAGE);
    in->number = e->number;
    in->row_count = (size_t)(e->number + e->number2 > ROWS ? ROWS - e->number : e->number2);
    in->rows = xcalloc(in->row_count, sizeof *in->rows);
    for (size_t i = 0; i < in->row_count; i++) {
        struct fact_row *row = &in->rows[i];
        row->cell_count = 7;
        row->cells = xcalloc(7, sizeof *row->cells);
        for (int c = 0; c < 7; c++) {
            struct str cell = {0};
            str_printf(&cell, c == 0 ? "changed" : "value %d of row %lld, as a person would have written it", c,
                       (long long)(in->number + (int64_t)i));
            row->cells[c].text = str_take(&cell);
        }
    }
    feed(s, in);
}

static void answer_all(struct session *s)
{
    while (s->effects.count) {
        struct effects now = s->effects;
        s->effects = (struct effects){0};
        for (size_t i = 0; i < now.count; i++) {
            const struct effect *e = &now.items[i];
            if (e->kind == EFFECT_OPEN || e->kind == EFFECT_STATUS)
                answer_status(s, e);
            else if (e->kind == EFFECT_DIFF)
                answer_diff(s, e);
            else if (e->kind == EFFECT_PAGE)
                answer_page(s, e);
        }
        effects_free(&now);
    }
}

static void begin(struct session *s)
{
    struct input *size = input_new(IN_SIZE), *start = input_new(IN_START);
    size->number = 120;
    size->number2 = 40;
    feed(s, size);
    start->name = xstrdup("bench");
    feed(s, start);
    answer_all(s);
}

/* Scrolls through one table after the other. Gives the journal's path. */
static char *write_session(const char *dir, size_t megabytes)
{
    struct session s = {.model = model_new()};
    struct err err = {0};
    const struct journal_header header = {.version = "bench", .user = "bench", .host = "bench", .environment = "bench",
                                          .target = "", .system_identifier = "", .command = "console",
                                          .columns = 120, .rows = 40};
    const struct journal_options options = {.models = true};
    if (!journal_open(&s.journal, dir, &header, &options, &err)) {
        fprintf(stderr, "replay: %s: %s\n", err.message, err.why);
        exit(1);
    }
    begin(&s);
    while (s.bytes < megabytes << 20) {
        act(&s, "diff");
        act(&s, "down");
        act(&s, "open");
        answer_all(&s);
        for (int i = 0; i < 200; i++) {
            act(&s, i % 10 == 9 ? "page-up" : "page-down");
            answer_all(&s);
        }
        act(&s, "back");
        answer_all(&s);
    }
    char *path = xstrdup(journal_path(s.journal));
    journal_close(s.journal, NULL);
    model_free(s.model);
    effects_free(&s.effects);
    printf("journal: %llu inputs, %.1f MB\n", (unsigned long long)s.inputs, (double)s.bytes / 1048576);
    return path;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void seek_all_over(struct source *source)
{
    double took[SEEKS];
    uint64_t count = source_timeline(source)->count, place = 12345;
    struct reel *reel = reel_new(source, LADDER);
    for (int i = 0; i < SEEKS; i++) {
        place = place * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double start = now_ms();
        reel_go(reel, (place >> 16) % (count + 1));
        took[i] = now_ms() - start;
    }
    qsort(took, SEEKS, sizeof *took, by_value);
    printf("seek: median %.1f ms, 99 %% %.1f ms, longest %.1f ms\n", took[SEEKS / 2], took[SEEKS * 99 / 100],
           took[SEEKS - 1]);
    reel_free(reel);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/seedops-bench-replay.XXXXXX";
    struct source *source;
    struct err err = {0};
    if (!mkdtemp(dir))
        return 1;
    char *path = write_session(dir, argc > 1 ? (size_t)atoi(argv[1]) : 100);
    double start = now_ms();
    if (!source_open(&source, path, &err)) {
        fprintf(stderr, "replay: %s: %s\n", err.message, err.why);
        return 1;
    }
    struct reel *reel = reel_new(source, 0);
    struct model *first = reel_copy(reel);
    printf("open: %.1f ms\n", now_ms() - start);
    model_free(first);
    reel_free(reel);
    seek_all_over(source);
    source_close(source);
    struct str remove = {0};
    str_printf(&remove, "rm -rf %s", dir);
    free(path);
    int rc = system(str_text(&remove));
    str_free(&remove);
    return rc != 0;
}
