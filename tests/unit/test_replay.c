/* A recorded session fed again gives the same models and the same screens after every input: straight on, back,
 * and from checkpoints. Roam shows what was recorded by a moment and nothing else. Damaged and hostile journals.
 *
 * With files as arguments: checks those recorded sessions instead, and prints TAP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/model.h"
#include "app/util.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/str.h"
#include "event/codec.h"
#include "journal/format.h"
#include "journal/write.h"
#include "replay/cast.h"
#include "replay/changes.h"
#include "replay/marks.h"
#include "replay/notes.h"
#include "replay/paint.h"
#include "replay/reel.h"
#include "replay/report.h"
#include "replay/roam.h"
#include "replay/search.h"
#include "replay/source.h"
#include "ui.h"
#include "scratch.h"

enum { COLUMNS = 100, ROWS = 26, DIFF_ROWS = 250, SESSION_MOST = 4096 };

/* ---- a session, as the console would live and record it ---- */

static struct {
    struct journal *journal;
    struct model *model;
    struct effects effects;
    struct model *after[SESSION_MOST];       /* the live model after each input */
    uint64_t inputs, stores;
    int64_t offset_ms;
    bool emptied;
    char dir[64], *path;
} live;

static struct model *copy_model(const struct model *m)
{
    struct model *copy = xcalloc(1, sizeof *copy);
    codec_copy(&type_model, copy, m);
    return copy;
}

static void feed(struct input *in)
{
    struct str line = {0};
    in->offset_ms = live.offset_ms += 70;
    in->sequence = ++live.inputs;
    input_encode(in, &line);
    journal_line(live.journal, str_take(&line));
    app_update(live.model, in, &live.effects);
    input_free(in);
    assert_true(live.inputs < SESSION_MOST);
    live.after[live.inputs] = copy_model(live.model);
    if (journal_wants_checkpoint(live.journal)) {
        model_encode(live.model, &line);
        journal_checkpoint_line(live.journal, live.offset_ms, str_take(&line));
    }
}

static struct input *named(enum input_kind kind, const char *name, const char *text)
{
    struct input *in = input_new(kind);
    in->name = xstrdup(name);
    in->text = xstrdup(text);
    return in;
}

static struct input *answer(const struct effect *e, enum input_kind kind)
{
    struct input *in = input_new(kind);
    in->request = e->request;
    in->generation = 1;
    in->store = e->store;
    return in;
}

static void put_table(struct fact_table *t, const char *name, int64_t rows, int64_t missing)
{
    *t = (struct fact_table){.name = xstrdup(name), .class = xstrdup("context"), .rows = rows, .min_rows = -1,
                             .fixture_rows = DIFF_ROWS, .missing = missing, .changed = 0, .extra = 0, .bytes = -1};
}

static void answer_status(const struct effect *e)
{
    struct input *in = answer(e, IN_STATUS);
    in->number = 1;
    in->server.ready = true;
    in->server.environment = xstrdup("local");
    in->server.role = xstrdup("local");
    in->server.target = xstrdup("db on /run/x");
    in->server.database = xstrdup("db");
    in->server.system_identifier = xstrdup("7301");
    in->guard.local = in->guard.seed_allowed = true;
    in->table_count = 2;
    in->tables = xcalloc(2, sizeof *in->tables);
    put_table(&in->tables[0], "Station", live.emptied ? 0 : DIFF_ROWS, live.emptied ? DIFF_ROWS : 0);
    put_table(&in->tables[1], "Sensor", 0, DIFF_ROWS);
    feed(in);
}

static void answer_diff(const struct effect *e)
{
    struct input *in = answer(e, IN_STORE);
    struct str name = {0};
    str_printf(&name, "diff:%s", e->name);
    in->name = str_take(&name);
    in->store = ++live.stores;
    in->number = DIFF_ROWS;
    in->number2 = 1;
    feed(in);
}

static void answer_page(const struct effect *e)
{
    struct input *in = answer(e, IN_PAGE);
    in->number = e->number;
    in->row_count = (size_t)(e->number + e->number2 > DIFF_ROWS ? DIFF_ROWS - e->number : e->number2);
    in->rows = xcalloc(in->row_count, sizeof *in->rows);
    for (size_t i = 0; i < in->row_count; i++) {
        struct fact_row *row = &in->rows[i];
        static const char *const cells[] = {"missing", NULL, "", "", "", "seeds/x.yaml:1", ""};
        row->cell_count = 7;
        row->cells = xcalloc(7, sizeof *row->cells);
        for (int c = 0; c < 7; c++)
            row->cells[c].text = xstrdup(cells[c]);
        struct str key = {0};
        str_printf(&key, "key-%03lld", (long long)(in->number + (int64_t)i));
        free(row->cells[1].text);
        row->cells[1].text = str_take(&key);
    }
    feed(in);
}

static void answer_seed(const struct effect *e)
{
    if (e->number == 1) {
        struct input *plan = answer(e, IN_PLAN);
        plan->name = xstrdup("seed");
        plan->text = xstrdup("3f9c");
        plan->step_count = 1;
        plan->steps = xcalloc(1, sizeof *plan->steps);
        plan->steps[0] = (struct fact_step){.action = xstrdup("insert"), .object = xstrdup("Station"),
                                            .detail = xstrdup(""), .rows = DIFF_ROWS};
        plan->number = DIFF_ROWS;
        feed(plan);
        return;
    }
    live.emptied = false;
    struct input *done = answer(e, IN_OUTCOME);
    done->name = xstrdup("seed");
    done->ok = true;
    done->number2 = DIFF_ROWS;
    done->text = xstrdup("/var/lib/safepoint-1");
    done->count_count = 1;
    done->counts = xcalloc(1, sizeof *done->counts);
    done->counts[0] = (struct fact_count){.table = xstrdup("Station"), .before = 0, .after = DIFF_ROWS};
    feed(done);
}

static void answer_all(void)
{
    while (live.effects.count) {
        struct effects now = live.effects;
        live.effects = (struct effects){0};
        for (size_t i = 0; i < now.count; i++) {
            const struct effect *e = &now.items[i];
            if (e->kind == EFFECT_OPEN || e->kind == EFFECT_STATUS)
                answer_status(e);
            else if (e->kind == EFFECT_DIFF)
                answer_diff(e);
            else if (e->kind == EFFECT_PAGE)
                answer_page(e);
            else if (e->kind == EFFECT_SEED)
                answer_seed(e);
        }
        effects_free(&now);
    }
}

static void key(const char *name)
{
    struct input *in = keymap_key(live.model, name);
    assert_non_null(in);
    feed(in);
    answer_all();
}

static void keys(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        key(names[i]);
}

#define KEYS(...) keys((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void size(int columns, int rows)
{
    struct input *in = input_new(IN_SIZE);
    in->number = columns;
    in->number2 = rows;
    feed(in);
    answer_all();
}

/* Looks at Station's rows, notes something, seeds, and looks again. Sensor's rows are never opened. */
static void live_through(void)
{
    size(COLUMNS, ROWS);
    struct input *clock = input_new(IN_CLOCK);
    clock->number = INT64_C(1776772800000);
    feed(clock);
    live.emptied = true;
    feed(named(IN_START, "local", "console"));
    answer_all();
    feed(named(IN_JOURNAL, "recording", "/x"));
    KEYS("4", "enter", "pgdn", "pgdn", "G", "esc", "3", "down", "1");
    feed(named(IN_NOTE, NULL, "called the hosting company"));
    size(80, 24);
    KEYS("4", "enter", "pgdn", "/", "k", "e", "y", "enter", "esc");
    size(COLUMNS, ROWS);
    KEYS("x", "esc", "?", "s", "e", "e", "esc");
    /* refused: the console is read-only */
    KEYS("1", "x");
    struct input *seed = named(IN_ACTION, "seed", NULL);
    KEYS("esc");
    feed(seed);
    answer_all();
    KEYS("W");
    feed(named(IN_ACTION, "seed", NULL));
    answer_all();
    KEYS("enter", "1");
    for (int i = 0; i < 60; i++)
        KEYS("2", "3", "j", "k");
    live.offset_ms += 700000;                /* write mode ends by itself in between */
    KEYS("1");
}

static int record(void **state)
{
    (void)state;
    struct err err = {0};
    strcpy(live.dir, "/tmp/seedops-test-replay.XXXXXX");
    assert_non_null(mkdtemp(live.dir));
    live.model = model_new();
    const struct journal_header header = {.version = "test", .started_ms = INT64_C(1776772800000), .user = "ops",
        .host = "vps", .environment = "local", .target = "", .system_identifier = "", .command = "console",
        .columns = COLUMNS, .rows = ROWS};
    const struct journal_options options = {.models = true};
    assert_true(journal_open(&live.journal, live.dir, &header, &options, &err));
    live.path = xstrdup(journal_path(live.journal));
    live_through();
    journal_close(live.journal, NULL);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= live.inputs; n++)
        model_free(live.after[n]);
    model_free(live.model);
    effects_free(&live.effects);
    free(live.path);
    return scratch_remove(live.dir);
}

static struct source *opened(void)
{
    struct source *source;
    struct err err = {0};
    bool ok = source_open(&source, live.path, &err);
    if (!ok)
        print_error("%s: %s\n", err.message, err.why);
    assert_true(ok);
    return source;
}

/* ---- the same models, the same screens ---- */

static void draw(const struct model *m, struct str *out)
{
    struct grid g = {0};
    grid_init(&g, m->rows, m->columns);
    view_draw(m, &(struct view_options){0}, &g);
    grid_print_styles(&g, out);
    grid_free(&g);
}

static bool same_screen(const struct model *a, const struct model *b)
{
    struct str x = {0}, y = {0};
    draw(a, &x);
    draw(b, &y);
    bool same = strcmp(str_text(&x), str_text(&y)) == 0;
    str_free(&x);
    str_free(&y);
    return same;
}

static void assert_as_live(const struct reel *reel, uint64_t n)
{
    assert_int_equal(reel_position(reel), n);
    if (n == 0)
        return;
    assert_true(model_equal(reel_model(reel), live.after[n]));
    assert_true(same_screen(reel_model(reel), live.after[n]));
}

static void test_every_line_forwards(void **state)
{
    (void)state;
    struct source *source = opened();
    assert_int_equal(source_timeline(source)->count, live.inputs);
    assert_string_equal(source_problem(source), "");
    struct reel *reel = reel_new(source, 1 << 20);
    for (uint64_t n = 0; n <= live.inputs; n++) {
        reel_go(reel, n);
        assert_as_live(reel, n);
    }
    assert_string_equal(reel_problem(reel), "");
    reel_free(reel);
    source_close(source);
}

static void test_backwards_and_all_over(void **state)
{
    (void)state;
    struct source *source = opened();
    struct reel *reel = reel_new(source, 64 * 1024);      /* so little that rungs are thinned */
    reel_go(reel, live.inputs);
    for (uint64_t n = live.inputs; n > 0; n -= n > 7 ? 7 : n) {
        reel_go(reel, n);
        assert_as_live(reel, n);
    }
    uint64_t place = 1;
    for (int i = 0; i < 50; i++) {
        place = place * UINT64_C(6364136223846793005) + 1;
        reel_go(reel, (place >> 20) % (live.inputs + 1));
        assert_as_live(reel, reel_position(reel));
    }
    reel_free(reel);
    source_close(source);
}

/* A fresh reel begins at the nearest checkpoint: there must be some for this to say anything. */
static void test_from_checkpoints(void **state)
{
    (void)state;
    struct source *source = opened();
    assert_true(source_checkpoint_at(source, live.inputs) > 0);
    for (uint64_t n = live.inputs; n > 40; n -= 37) {
        struct reel *reel = reel_new(source, 0);
        reel_go(reel, n);
        assert_as_live(reel, n);
        reel_free(reel);
    }
    source_close(source);
}

/* ---- the eye at another size ---- */

static void test_other_sizes(void **state)
{
    (void)state;
    static const int sizes[][2] = {{80, 24}, {200, 60}, {120, 40}, {60, 16}, {20, 5}, {1, 1}};
    struct source *source = opened();
    struct roam *roam = roam_new(source);
    struct reel *reel = reel_new(source, 0);
    for (uint64_t n = 1; n <= live.inputs; n++) {
        reel_go(reel, n);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct model *shown = reel_copy(reel);
            struct str screen = {0};
            roam_fit(roam, shown, n, shown->now_ms, sizes[i][0], sizes[i][1]);
            assert_int_equal(shown->columns, sizes[i][0]);
            assert_int_equal(shown->screen, live.after[n]->screen);
            draw(shown, &screen);
            str_free(&screen);
            model_free(shown);
        }
        struct model *same = reel_copy(reel);
        roam_fit(roam, same, n, same->now_ms, same->columns, same->rows);
        assert_true(model_equal(same, live.after[n]));
        model_free(same);
        assert_true(model_equal(reel_model(reel), live.after[n]));
    }
    reel_free(reel);
    roam_free(roam);
    source_close(source);
}

/* ---- roam ---- */

static uint64_t find(struct source *source, enum input_kind kind, const char *name)
{
    for (uint64_t n = 1; n <= source_timeline(source)->count; n++) {
        if (source_kind(source, n) != kind)
            continue;
        struct input *in = source_input(source, n, NULL);
        bool same = text_same(in->name, name);
        input_free(in);
        if (same)
            return n;
    }
    fail();
    return 0;
}

static void roam_key(struct roam *roam, const char *name)
{
    struct input *in = keymap_key(roam_model(roam), name);
    assert_non_null(in);
    assert_true(roam_input(roam, in));
}

static void enter_at(struct roam *roam, struct reel *reel, uint64_t n)
{
    reel_go(reel, n);
    roam_enter(roam, reel_copy(reel), n, COLUMNS, ROWS);
}

static bool shows(const struct roam *roam, const char *text)
{
    struct str screen = {0};
    draw(roam_model(roam), &screen);
    bool found = strstr(str_text(&screen), text) != NULL;
    str_free(&screen);
    return found;
}

/* A table that the operator never opened: what was known of it, and that its rows were not captured. */
static void test_roam_to_what_nobody_opened(void **state)
{
    (void)state;
    struct source *source = opened();
    struct roam *roam = roam_new(source);
    struct reel *reel = reel_new(source, 0);
    enter_at(roam, reel, find(source, IN_OUTCOME, "seed") - 1);
    roam_key(roam, "esc");
    roam_key(roam, "4");
    roam_key(roam, "G");
    roam_key(roam, "enter");
    assert_string_equal(roam_model(roam)->diff.table, "Sensor");
    assert_true(shows(roam, "Sensor against its fixture"));
    assert_true(shows(roam, "250 missing"));
    assert_true(shows(roam, "not captured"));
    assert_int_equal(roam_model(roam)->job_count, reel_model(reel)->job_count);
    roam_key(roam, "2");
    assert_true(shows(roam, "not captured"));
    reel_free(reel);
    roam_free(roam);
    source_close(source);
}

/* Station's rows were opened: there they are, those that were paged in by then and no others. */
static void test_roam_to_recorded_rows(void **state)
{
    (void)state;
    struct source *source = opened();
    struct roam *roam = roam_new(source);
    struct reel *reel = reel_new(source, 0);
    uint64_t store = find(source, IN_STORE, "diff:Station");
    enter_at(roam, reel, store + 1);              /* the first page has just come */
    roam_key(roam, "esc");
    roam_key(roam, "enter");
    assert_true(shows(roam, "key-000"));
    roam_key(roam, "G");
    assert_false(shows(roam, "key-249"));
    assert_true(shows(roam, "not captured"));
    enter_at(roam, reel, find(source, IN_NOTE, NULL));   /* the same place, later: all of it was seen by then */
    assert_string_equal(roam_model(roam)->diff.table, "Station");
    assert_true(shows(roam, "key-249"));
    assert_false(shows(roam, "not captured"));
    roam_key(roam, "f");
    for (const char *p = "key-24"; *p; p++)
        roam_key(roam, (char[]){*p, '\0'});
    roam_key(roam, "enter");
    assert_true(shows(roam, "key-240"));
    assert_false(shows(roam, "key-100"));
    assert_int_equal(roam_model(roam)->diff.rows.count, 10);
    roam_key(roam, "esc");
    roam_key(roam, "g");
    roam_key(roam, "/");
    for (const char *p = "key-243"; *p; p++)
        roam_key(roam, (char[]){*p, '\0'});
    roam_key(roam, "enter");
    assert_int_equal(roam_model(roam)->diff.row_list.selected, 243);
    reel_free(reel);
    roam_free(roam);
    source_close(source);
}

/* No key of the console gets a roam to ask the world for anything; the reel does not notice that anybody roamed. */
static void test_roam_does_nothing(void **state)
{
    (void)state;
    static const char *const all[] = {"W", "x", "enter", "s", "enter", "esc", "4", "enter", "e", "y", "r", "x", "v", "esc",
        "0", "enter", "1", "2", "x", "a", "esc", "6", "7", "ctrl-x", "?", "w", "r", "i", "enter", "esc", ":", "s", "enter"};
    struct source *source = opened();
    struct roam *roam = roam_new(source);
    struct reel *reel = reel_new(source, 0);
    for (uint64_t n = 1; n <= live.inputs; n += 23) {
        enter_at(roam, reel, n);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            struct input *in = keymap_key(roam_model(roam), all[i]);
            if (in && !roam_input(roam, in))
                break;
            assert_false(roam_model(roam)->write_mode && !live.after[n]->write_mode);
        }
        assert_true(model_equal(reel_model(reel), live.after[n]));
        roam_leave(roam);
    }
    reel_free(reel);
    roam_free(roam);
    source_close(source);
}

/* ---- marks, search, changes, notes ---- */

static void take(void *marks, const struct reel_step *step) { marks_take(marks, step); }

static void test_marks_of_a_session(void **state)
{
    (void)state;
    struct marks marks = {0};
    struct source *source = opened();
    struct reel *reel = reel_new(source, 0);
    size_t kinds[MARK_KINDS] = {0};
    reel_watch(reel, take, &marks);
    reel_go(reel, live.inputs);
    for (size_t i = 0; i < marks.count; i++)
        kinds[marks.items[i].kind]++;
    assert_int_equal(kinds[MARK_NOTE], 1);
    assert_int_equal(kinds[MARK_REFUSED], 1);
    assert_int_equal(kinds[MARK_ERROR], 0);
    /* opened, write mode on, seed asked for, seed done, write mode off */
    assert_int_equal(kinds[MARK_ACTION], 5);
    const struct mark *refused = marks_next(&marks, 0, MARK_REFUSED, false);
    assert_non_null(strstr(refused->text, "read-only"));
    marks_free(&marks);
    reel_free(reel);
    source_close(source);
}

static uint64_t search_all(struct source *source, const char *needle, uint64_t from, bool backwards)
{
    struct search search = {0};
    uint64_t found;
    search_start(&search, needle, from, backwards);
    while (!search_work(&search, source, 1000, &found))
        ;
    search_end(&search);
    return found;
}

static void test_search(void **state)
{
    (void)state;
    struct source *source = opened();
    uint64_t first = search_all(source, "KEY-249", 0, false);
    assert_int_equal(source_kind(source, first), IN_PAGE);
    assert_int_equal(search_all(source, "key-249", first + 1, true), first);
    assert_int_equal(search_all(source, "hosting company", live.inputs + 1, true), find(source, IN_NOTE, NULL));
    assert_int_equal(search_all(source, "no such text", 0, false), 0);
    assert_int_equal(search_all(source, "\"kind\"", 0, false), 0);    /* names of members are not content */
    source_close(source);
}

static bool has_line(const struct change_lines *lines, const char *text)
{
    for (size_t i = 0; i < lines->count; i++)
        if (strstr(lines->items[i].text, text))
            return true;
    return false;
}

static void test_changes(void **state)
{
    (void)state;
    struct source *source = opened();
    struct reel *reel = reel_new(source, 0);
    struct change_lines lines;
    uint64_t before = find(source, IN_OUTCOME, "seed") - 1;
    reel_go(reel, before);
    struct model *from = reel_copy(reel);
    reel_go(reel, live.inputs);
    changes_make(&lines, source, from, before, reel_model(reel), live.inputs);
    assert_true(has_line(&lines, "Station   rows 0 \xe2\x86\x92 250   missing 250 \xe2\x86\x92 0"));
    assert_true(has_line(&lines, "write mode: on \xe2\x86\x92 off"));
    assert_false(has_line(&lines, "Sensor"));
    changes_free(&lines);
    changes_make(&lines, source, reel_model(reel), live.inputs, from, before);    /* the other way: the same */
    assert_true(has_line(&lines, "rows 0 \xe2\x86\x92 250"));
    changes_free(&lines);
    /* between two comparisons of Station, neither recorded whole: nothing is claimed to have gone or come */
    struct model *later = from;
    uint64_t note = find(source, IN_NOTE, NULL);
    reel_go(reel, note);
    changes_make(&lines, source, reel_model(reel), note, later, before);
    assert_true(has_line(&lines, "of 250 rows only"));
    assert_false(has_line(&lines, "gone key"));
    changes_free(&lines);
    changes_make(&lines, source, from, before, from, before);
    assert_true(has_line(&lines, "Nothing that was known changed"));
    changes_free(&lines);
    model_free(from);
    reel_free(reel);
    source_close(source);
}

static void test_notes(void **state)
{
    (void)state;
    struct source *source = opened();
    struct marks marks = {0};
    struct err err = {0};
    struct stat st;
    char where[512], *before, *after;
    size_t length;
    assert_true(file_read(live.path, 1 << 24, &before, &length, &err));
    assert_true(notes_write(source, 5, 350, "here \"it\" was fine\n\033[2J", where, &err));
    assert_true(notes_write(source, 3, 210, "and here", where, &err));
    assert_int_equal(stat(where, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    notes_read(source, &marks);
    assert_int_equal(marks.count, 2);
    assert_int_equal(marks.items[0].n, 3);
    assert_string_equal(marks.items[1].text, "here \"it\" was fine\n\033[2J");
    assert_true(marks.items[1].reviewer && marks.items[1].kind == MARK_NOTE);
    assert_true(file_read(live.path, 1 << 24, &after, &length, &err));
    assert_string_equal(before, after);            /* the journal stays as it was */
    free(before);
    free(after);
    marks_free(&marks);
    source_close(source);
}

/* ---- casts and reports ---- */

static bool collect(void *to, const struct str *line)
{
    str_add_bytes(to, line->text, line->length);
    return true;
}

static void test_cast_is_deterministic(void **state)
{
    (void)state;
    for (int version = 2; version <= 3; version++) {
        struct source *source = opened();
        struct str one = {0}, two = {0};
        assert_true(cast_write(source, version, 80, 24, collect, &one));
        assert_true(cast_write(source, version, 80, 24, collect, &two));
        assert_string_equal(str_text(&one), str_text(&two));
        assert_non_null(strstr(str_text(&one), "\"m\", \"note: called the hosting company\"]"));
        for (size_t i = 0; i < one.length; i++)
            assert_true((unsigned char)one.text[i] >= 0x20 || one.text[i] == '\n');
        str_free(&one);
        str_free(&two);
        source_close(source);
    }
}

static void test_reports(void **state)
{
    (void)state;
    struct report report;
    struct err err = {0};
    struct str text = {0};
    char *paths[] = {live.path, live.path};
    assert_true(report_make(&report, paths, 2, true, &err));
    report_markdown(&report, &text);
    assert_non_null(strstr(str_text(&text), "Station | 0 | 250 |"));
    assert_non_null(strstr(str_text(&text), "called the hosting company"));
    assert_non_null(strstr(str_text(&text), "reviewer's note"));
    assert_non_null(strstr(str_text(&text), "hash chain holds"));
    assert_non_null(strstr(str_text(&text), "## Safepoints"));
    assert_non_null(strstr(str_text(&text), "/var/lib/safepoint-1"));
    assert_null(strchr(str_text(&text), '\033'));
    str_reset(&text);
    report_html(&report, &text);
    assert_non_null(strstr(str_text(&text), "<pre class=\"screen\">"));
    assert_null(strchr(str_text(&text), '\033'));
    assert_null(strstr(str_text(&text), "<script"));
    str_reset(&text);
    report_json(&report, &text);
    struct json *json;
    assert_true(json_parse(&json, text.text, text.length - 1, &err));
    assert_int_equal(json_count(json_get(json, "sessions")), 1);   /* the same one twice is one */
    json_free(json);
    report_free(&report);
    str_free(&text);
}

static void test_paint_only_what_differs(void **state)
{
    (void)state;
    struct grid a = {0}, b = {0};
    struct str out = {0};
    grid_init(&a, 4, 20);
    grid_init(&b, 4, 20);
    paint_terminal(&out, &a, &b);
    assert_int_equal(out.length, 0);
    grid_text(&b, 2, 3, 10, STYLE_BAD, "\xe4\xb8\xad" "x\033");
    paint_terminal(&out, &a, &b);
    assert_string_equal(str_text(&out), "\033[3;4H\033[0;1;31m\xe4\xb8\xad\033[3;6Hx\\e\033[0m");
    grid_free(&a);
    grid_free(&b);
    str_free(&out);
}

/* ---- damaged, cut, newer, hostile ---- */

struct made { struct str s; char hash[HASH_HEX]; unsigned n; };

static void put(struct made *m, const char *text)
{
    journal_chain(m->hash, text, strlen(text));
    str_printf(&m->s, "%s,\"hash\":\"%s\"}\n", text, m->hash);
}

static void put_input(struct made *m, const char *in)
{
    struct str line = {0};
    str_printf(&line, "{\"n\":%u,\"in\":%s", ++m->n, in);
    put(m, str_text(&line));
    str_free(&line);
}

static struct source *made_source(struct made *m)
{
    struct source *source;
    struct err err = {0};
    assert_true(source_bytes(&source, "made", m->s.text, m->s.length, &err));
    return source;
}

static const char small_header[] = "{\"journal\":2,\"seedops\":\"9.9\",\"environment\":\"e\",\"columns\":80,\"rows\":24";

static void test_broken_line_is_named(void **state)
{
    (void)state;
    struct made m = {0};
    put(&m, small_header);
    put_input(&m, "{\"sequence\":\"1\",\"kind\":\"size\",\"number\":80,\"number2\":24}");
    put_input(&m, "{\"sequence\":\"2\",\"offset_ms\":5,\"kind\":\"log\",\"name\":\"info\",\"text\":\"here\"}");
    str_add(&m.s, "{\"n\":3,\"in\":nonsense}\n");
    struct source *source = made_source(&m);
    assert_int_equal(source_timeline(source)->count, 2);
    assert_non_null(strstr(source_problem(source), "made:4"));
    source_close(source);
    str_free(&m.s);
}

static void test_cut_line_is_fine(void **state)
{
    (void)state;
    struct made m = {0};
    put(&m, small_header);
    put_input(&m, "{\"sequence\":\"1\",\"kind\":\"size\",\"number\":80,\"number2\":24}");
    str_add(&m.s, "{\"n\":2,\"in\":{\"sequ");
    struct source *source = made_source(&m);
    assert_int_equal(source_timeline(source)->count, 1);
    assert_string_equal(source_problem(source), "");
    assert_int_equal(source_end(source), JOURNAL_END_CUT);
    source_close(source);
    str_free(&m.s);
}

static void test_unknown_kinds_are_counted(void **state)
{
    (void)state;
    struct made m = {0};
    put(&m, small_header);
    put_input(&m, "{\"sequence\":\"1\",\"kind\":\"hologram\",\"name\":\"x\"}");
    put_input(&m, "{\"sequence\":\"2\",\"offset_ms\":5,\"kind\":\"log\",\"name\":\"info\",\"text\":\"here\"}");
    struct source *source = made_source(&m);
    struct reel *reel = reel_new(source, 0);
    reel_go(reel, 2);
    assert_int_equal(source_unknown(source), 1);
    assert_string_equal(reel_problem(reel), "");
    assert_int_equal(reel_model(reel)->log.line_count, 1);
    reel_free(reel);
    source_close(source);
    str_free(&m.s);
}

/* Of the right form, of a wrong content: left out, and named. */
static void test_unreadable_input_is_left_out(void **state)
{
    (void)state;
    struct made m = {0};
    put(&m, small_header);
    put_input(&m, "{\"sequence\":\"1\",\"kind\":\"size\",\"number\":\"eighty\"}");
    put_input(&m, "{\"sequence\":\"2\",\"offset_ms\":5,\"kind\":\"log\",\"name\":\"info\",\"text\":\"here\"}");
    struct source *source = made_source(&m);
    struct reel *reel = reel_new(source, 0);
    reel_go(reel, 2);
    assert_non_null(strstr(reel_problem(reel), "input 1"));
    assert_int_equal(reel_model(reel)->log.line_count, 1);
    reel_free(reel);
    source_close(source);
    str_free(&m.s);
}

static void test_times_never_run_back(void **state)
{
    (void)state;
    struct made m = {0};
    put(&m, small_header);
    put_input(&m, "{\"sequence\":\"1\",\"offset_ms\":900,\"kind\":\"log\",\"name\":\"info\"}");
    put_input(&m, "{\"sequence\":\"2\",\"offset_ms\":-5,\"kind\":\"log\",\"name\":\"info\"}");
    put_input(&m, "{\"sequence\":\"3\",\"offset_ms\":999999999999999999,\"kind\":\"log\",\"name\":\"info\"}");
    struct source *source = made_source(&m);
    const struct timeline *time = source_timeline(source);
    assert_int_equal(timeline_offset(time, 2), 900);
    assert_true(timeline_offset(time, 3) <= INT64_C(1) << 52);
    struct str cast = {0};
    assert_true(cast_write(source, 2, 0, 0, collect, &cast));     /* ends, and in reasonable time */
    str_free(&cast);
    source_close(source);
    str_free(&m.s);
}

static void test_altered_chain(void **state)
{
    (void)state;
    struct made m = {0};
    const struct err *err;
    put(&m, small_header);
    put_input(&m, "{\"sequence\":\"1\",\"kind\":\"log\",\"name\":\"info\",\"text\":\"here\"}");
    put_input(&m, "{\"sequence\":\"2\",\"kind\":\"log\",\"name\":\"info\",\"text\":\"there\"}");
    struct source *source = made_source(&m);
    assert_int_equal(source_check(source, &err), CHAIN_WHOLE);
    source_close(source);
    *strstr(m.s.text, "here") = 'H';
    source = made_source(&m);
    assert_int_equal(source_check(source, &err), CHAIN_BROKEN);
    assert_non_null(strstr(err->at, "made:2"));
    source_close(source);
    str_free(&m.s);
}

/* The first segments were dropped: what is left begins with a checkpoint, and keeps its numbers. */
static void test_beginning_is_gone(void **state)
{
    (void)state;
    struct made m = {0};
    put(&m, "{\"journal\":2,\"session\":\"S\",\"segment\":3,\"dropped\":2,\"before\":77,\"after\":\"\"");
    put(&m, "{\"n\":77,\"checkpoint\":{\"offset_ms\":900,\"segment\":2,\"previous\":-1,\"model\":{\"now_ms\":900,\"columns\":90,"
            "\"rows\":25,\"environment\":\"kept\"}}");
    m.n = 77;
    put_input(&m, "{\"sequence\":\"78\",\"offset_ms\":950,\"kind\":\"log\",\"name\":\"info\",\"text\":\"here\"}");
    struct source *source = made_source(&m);
    struct reel *reel = reel_new(source, 0);
    assert_int_equal(source_before(source), 77);
    assert_int_equal(source_timeline(source)->count, 1);
    assert_string_equal(reel_model(reel)->environment, "kept");
    reel_go(reel, 1);
    assert_string_equal(reel_model(reel)->environment, "kept");
    assert_int_equal(reel_model(reel)->columns, 90);
    assert_int_equal(reel_model(reel)->log.line_count, 1);
    reel_free(reel);
    source_close(source);
    str_free(&m.s);
}

/* ---- recorded sessions, given by name ---- */

static bool check_recorded(const char *path)
{
    struct source *source;
    struct err err = {0};
    if (!source_open(&source, path, &err)) {
        printf("# %s: %s\n", err.message, err.why);
        return false;
    }
    uint64_t count = source_timeline(source)->count;
    struct reel *fed = reel_new(source, 64 << 20);
    bool ok = count > 0 && !*source_problem(source);
    for (uint64_t n = 1; n <= count && ok; n++) {
        struct reel *sought = reel_new(source, 0);
        reel_go(fed, n);
        reel_go(sought, n);
        ok = model_equal(reel_model(fed), reel_model(sought)) && same_screen(reel_model(fed), reel_model(sought)) &&
             !*reel_problem(fed);
        if (!ok)
            printf("# event %llu: %s\n", (unsigned long long)n, reel_problem(fed));
        reel_free(sought);
    }
    for (uint64_t n = count, at; n > 0 && ok && (at = source_checkpoint_at(source, n)) > 0; n = at - 1) {
        uint64_t place;
        struct model *checkpoint = source_checkpoint(source, n, &place);
        reel_go(fed, at);
        ok = checkpoint && model_equal(checkpoint, reel_model(fed));
        if (!ok)
            printf("# the checkpoint after event %llu is another model\n", (unsigned long long)at);
        model_free(checkpoint);
    }
    reel_free(fed);
    source_close(source);
    return ok;
}

static int check_all(int count, char **paths)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        bool ok = check_recorded(paths[i]);
        failed += !ok;
        printf("%sok %d - %s: models and screens are the same after every event\n", ok ? "" : "not ", i + 1, paths[i]);
    }
    printf("1..%d\n", count);
    return failed != 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return check_all(argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_line_forwards), cmocka_unit_test(test_backwards_and_all_over),
        cmocka_unit_test(test_from_checkpoints), cmocka_unit_test(test_other_sizes),
        cmocka_unit_test(test_roam_to_what_nobody_opened), cmocka_unit_test(test_roam_to_recorded_rows),
        cmocka_unit_test(test_roam_does_nothing), cmocka_unit_test(test_marks_of_a_session),
        cmocka_unit_test(test_search), cmocka_unit_test(test_changes), cmocka_unit_test(test_notes),
        cmocka_unit_test(test_cast_is_deterministic), cmocka_unit_test(test_reports),
        cmocka_unit_test(test_paint_only_what_differs), cmocka_unit_test(test_broken_line_is_named),
        cmocka_unit_test(test_cut_line_is_fine), cmocka_unit_test(test_unknown_kinds_are_counted),
        cmocka_unit_test(test_unreadable_input_is_left_out), cmocka_unit_test(test_times_never_run_back),
        cmocka_unit_test(test_altered_chain), cmocka_unit_test(test_beginning_is_gone),
    };
    return cmocka_run_group_tests(tests, record, forget);
}
