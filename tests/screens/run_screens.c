/* run_screens - replays screen scripts and compares: inputs in, effects and screens out.
 *
 *     run_screens [FILE...]              every *.script beside this file when none is named
 *     REGENERATE=1 run_screens [FILE...] writes what came out into the scripts; read the diff before
 * committing
 *
 * A script is a journal of inputs with expectations between them, a line each:
 *     # a comment
 *     {"kind":...}            an input, as the journal has it
 *     size 80x24              the terminal's size             clock 2026-04-21T12:15:03Z
 *     key x                   a key, through the keymap        keys W x s enter
 *     type text               each character as a key          paste text
 *     click ROW COLUMN        also double, wheel-up, wheel-down
 *     wait 1500               milliseconds pass
 *     tables 1000             a complete status with that many tables
 *     page FIRST COUNT        the page that was asked for last, filled with made-up differences
 *     include FILE            its lines, here
 *     ascii                   draw without Unicode from here on
 *     effects                 compares the effects since the last time: lines of "> kind name=..."
 *     screen                  compares the screen: lines of "| ..."; `styles` adds a letter a cell
 * After every input the invariants are checked. Prints TAP. */
#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/action.h"
#include "app/human.h"
#include "app/list.h"
#include "app/model.h"
#include "app/request.h"
#include "app/screen.h"
#include "app/update.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"
#include "ui.h"

struct runner {
    const char *file;
    unsigned line;
    struct model *model;
    struct effects effects;
    struct str told;                 /* effects since they were last compared */
    uint64_t asked_request, asked_store;   /* of the last EFFECT_PAGE */
    int64_t now_ms;
    bool ascii, broken;
    struct str journal;              /* the inputs, a line each, without ticks */
    struct str out;                  /* the script as it would be regenerated */
};

static int tests, failures;

static void result(bool ok, const struct runner *r, const char *what)
{
    tests++;
    failures += !ok;
    const char *name = strrchr(r->file, '/');
    printf("%sok %d - %s:%u %s\n", ok ? "" : "not ", tests, name ? name + 1 : r->file, r->line, what);
}

static void broken(struct runner *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void broken(struct runner *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    result(false, r, text);
    r->broken = true;
}

/* ---- what always holds ---- */

static void draw(const struct runner *r, struct grid *g)
{
    grid_init(g, r->model->rows, r->model->columns);
    view_draw(r->model, &(struct view_options){.ascii = r->ascii}, g);
}

static const char *bad_cell(const struct grid *g)
{
    for (int i = 0; i < g->rows * g->columns; i++)
        for (const char *p = g->cells[i].text; *p; p++)
            if ((unsigned char)*p < 0x20 || *p == 0x7f)
                return "a control character reached the grid";
    return NULL;
}

static const char *bad_model(const struct model *m)
{
    const struct list *list = screen_list(m);
    int64_t count = list_count(m);
    if (!model_sane(m))
        return "the model is not sane";
    if (list->selected < 0 || (count > 0 && list->selected >= count) || (count == 0 && list->selected != 0))
        return "the selection is outside the rows";
    if (list->top < 0 || list->top > list->selected)
        return "the selection is above the viewport";
    for (size_t i = 0; i < m->job_count; i++)
        if (m->jobs[i].request == 0 || m->jobs[i].request > m->last_request)
            return "a job has no request of ours";
    const struct rowset *sets[] = {&m->diff.rows, &m->migrations.sql};
    for (size_t i = 0; i < 2; i++)
        if (sets[i]->page_count > PAGES)
            return "more pages than a list may keep";
    for (size_t i = 0; i < m->question_count; i++)
        if (m->modal.kind == MODAL_QUESTION && m->questions[i].id == m->modal.question)
            return "a question is asked twice";
    return NULL;
}

static const char *bad_round(const struct model *m)
{
    struct str once = {0};
    struct model *back = NULL;
    struct err err = {0};
    const char *bad = NULL;
    model_encode(m, &once);
    if (!model_decode(once.text, once.length, &back, &err))
        bad = "the encoded model cannot be decoded";
    else if (!model_equal(m, back))
        bad = "decode(encode(model)) is another model";
    model_free(back);
    str_free(&once);
    return bad;
}

static void invariants(struct runner *r)
{
    struct grid g = {0};
    struct str before = {0}, after = {0};
    model_encode(r->model, &before);
    draw(r, &g);
    model_encode(r->model, &after);
    const char *bad = bad_model(r->model);
    bad = bad ? bad : bad_round(r->model);
    bad = bad ? bad : bad_cell(&g);
    bad = bad ? bad : strcmp(str_text(&before), str_text(&after)) != 0 ? "drawing changed the model" : NULL;
    if (bad)
        broken(r, "%s", bad);
    grid_free(&g);
    str_free(&before);
    str_free(&after);
}

/* ---- inputs ---- */

static const char *const effect_names[EFFECT_KIND_COUNT] = {
    [EFFECT_NONE] = "none", [EFFECT_OPEN] = "open", [EFFECT_CLOSE] = "close",
    [EFFECT_ENVIRONMENTS] = "environments", [EFFECT_STATUS] = "status", [EFFECT_MIGRATIONS] = "migrations",
    [EFFECT_MIGRATE] = "migrate", [EFFECT_RESOLVE] = "resolve", [EFFECT_SQL] = "sql",
    [EFFECT_DIFF] = "diff", [EFFECT_SEED] = "seed", [EFFECT_PRUNE] = "prune", [EFFECT_PRESERVE] = "preserve",
    [EFFECT_DIAGNOSE] = "diagnose", [EFFECT_VERIFY] = "verify", [EFFECT_ACCEPT] = "accept", [EFFECT_MARK] = "mark",
    [EFFECT_RESTORE] = "restore",
    [EFFECT_ACTIVITY] = "activity", [EFFECT_SIGNAL_BACKEND] = "signal-backend", [EFFECT_PAGE] = "page",
    [EFFECT_SEARCH] = "search", [EFFECT_FILTER] = "filter", [EFFECT_STORE_DROP] = "store-drop", [EFFECT_EXPORT] = "export",
    [EFFECT_ANSWER] = "answer", [EFFECT_CANCEL] = "cancel", [EFFECT_NOTE] = "note", [EFFECT_COPY] = "copy",
    [EFFECT_EDITOR] = "editor", [EFFECT_BELL] = "bell", [EFFECT_QUIT] = "quit",
    [EFFECT_SUSPEND] = "suspend", [EFFECT_REPAINT] = "repaint",
};

static void tell(struct runner *r, const struct effect *e)
{
    str_printf(&r->told, "> %s", effect_names[e->kind]);
    if (e->request)
        str_printf(&r->told, " request=%" PRIu64, e->request);
    if (e->store)
        str_printf(&r->told, " store=%" PRIu64, e->store);
    if (!text_is_empty(e->name))
        str_printf(&r->told, " name=%s", e->name);
    if (e->number)
        str_printf(&r->told, " number=%" PRId64, e->number);
    if (e->number2)
        str_printf(&r->told, " number2=%" PRId64, e->number2);
    if (e->ok)
        str_add(&r->told, " ok");
    if (e->write_mode)
        str_add(&r->told, " write-mode");
    if (!text_is_empty(e->text))
        str_printf(&r->told, " text=%s", e->text);
    str_add_char(&r->told, '\n');
}

/* Takes `in`, by way of a line of the journal: what is replayed is what was written. */
static void feed(struct runner *r, struct input *in)
{
    struct str line = {0};
    struct input *back = NULL;
    struct err err = {0};
    if (in->offset_ms > r->now_ms)
        r->now_ms = in->offset_ms;
    in->offset_ms = r->now_ms;
    input_encode(in, &line);
    if (!input_decode(line.text, line.length, &back, &err))
        broken(r, "an input does not come back: %s", err.message);
    else
        app_update(r->model, back, &r->effects);
    if (in->kind != IN_NONE)
        str_printf(&r->journal, "%s\n", str_text(&line));
    for (size_t i = 0; i < r->effects.count; i++) {
        const struct effect *e = &r->effects.items[i];
        tell(r, e);
        if (e->kind == EFFECT_PAGE) {
            r->asked_request = e->request;
            r->asked_store = e->store;
        }
    }
    effects_free(&r->effects);
    input_free(in);
    input_free(back);
    str_free(&line);
    invariants(r);
}

static void feed_key(struct runner *r, const char *key)
{
    struct input *in = keymap_key(r->model, key);
    if (in)
        feed(r, in);
    else
        broken(r, "the key %s means nothing here", key);
}

static void feed_json(struct runner *r, const char *line)
{
    struct input *in;
    struct err err = {0};
    if (input_decode(line, strlen(line), &in, &err))
        feed(r, in);
    else
        broken(r, "%s", err.message);
}

static void feed_typed(struct runner *r, const char *text)
{
    for (size_t length; *text; text += length) {
        char key[8] = "";
        for (length = 1; (text[length] & 0xc0) == 0x80; length++)
            ;
        memcpy(key, text, length < sizeof key ? length : 1);
        feed_key(r, strcmp(key, " ") == 0 ? "space" : key);
    }
}

static void feed_keys(struct runner *r, char *keys)
{
    char *rest = NULL;
    for (char *key = strtok_r(keys, " ", &rest); key; key = strtok_r(NULL, " ", &rest))
        feed_key(r, key);
}

static void feed_mouse(struct runner *r, const char *kind, int row, int column)
{
    struct grid g = {0};
    draw(r, &g);
    struct input *in = keymap_mouse(r->model, &g, kind, row, column);
    grid_free(&g);
    if (in)
        feed(r, in);
}

static struct input *sized(enum input_kind kind, int64_t number, int64_t number2)
{
    struct input *in = input_new(kind);
    in->number = number;
    in->number2 = number2;
    return in;
}

static void feed_tables(struct runner *r, int count)
{
    struct input *in = sized(IN_STATUS, 1, 0);
    in->request = r->model->last_request;
    in->server.ready = true;
    in->guard.local = in->guard.seed_allowed = in->guard.migrate_allowed = true;
    in->tables = xcalloc((size_t)count, sizeof *in->tables);
    in->table_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        struct str name = {0};
        str_printf(&name, "table_%04d", i + 1);
        in->tables[i] = (struct fact_table){
            .name = str_take(&name), .class = xstrdup(i % 4 == 3 ? "operational" : "context"), .rows = i * 37,
            .min_rows = -1, .fixture_rows = i % 4 == 3 ? -1 : i * 37, .bytes = i * 8192,
        };
    }
    feed(r, in);
}

static char *made_up(int64_t row, int cell)
{
    static const char *const columns[] = {"name", "lat", "lon"};
    struct str text = {0};
    switch (cell) {
    case 0: str_add(&text, "changed"); break;
    case 1: str_printf(&text, "%04" PRId64, row / 3); break;
    case 2: str_add(&text, columns[row % 3]); break;
    case 3: str_printf(&text, "declared %" PRId64, row); break;
    case 4: str_printf(&text, "live %" PRId64, row); break;
    default: str_printf(&text, "seeds/station.yaml:%" PRId64, 10 + row / 3); break;
    }
    return str_take(&text);
}

static void feed_page(struct runner *r, int64_t first, int count)
{
    struct input *in = sized(IN_PAGE, first, 0);
    in->store = r->asked_store;
    in->request = r->asked_request;
    in->rows = xcalloc((size_t)count, sizeof *in->rows);
    in->row_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        in->rows[i].cells = xcalloc(6, sizeof *in->rows[i].cells);
        in->rows[i].cell_count = 6;
        for (int cell = 0; cell < 6; cell++)
            in->rows[i].cells[cell].text = made_up(first + i, cell);
    }
    feed(r, in);
}

/* ---- expectations ---- */

static void screen_lines(const struct runner *r, bool styles, struct str *out)
{
    struct grid g = {0};
    struct str plain = {0};
    draw(r, &g);
    if (styles)
        grid_print_styles(&g, &plain);
    else
        grid_print(&g, &plain);
    for (const char *line = str_text(&plain); *line;) {
        size_t length = strcspn(line, "\n");
        str_add(out, length ? "| " : "|");
        str_add_bytes(out, line, length);
        str_add_char(out, '\n');
        line += length + (line[length] == '\n');
    }
    str_free(&plain);
    grid_free(&g);
}

static void show(const char *title, const char *text)
{
    printf("# %s\n", title);
    while (*text) {
        size_t length = strcspn(text, "\n");
        printf("#   %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* Compares the block of lines at *rest that begin with `mark`; moves *rest behind it. */
static void compare(struct runner *r, const char *what, const char *got, char mark, const char **rest)
{
    const char *start = *rest;
    unsigned lines = 0;
    while (**rest == mark) {
        *rest += strcspn(*rest, "\n");
        *rest += **rest == '\n';
        lines++;
    }
    struct str want = {0};
    str_add_bytes(&want, start, (size_t)(*rest - start));
    bool same = strcmp(str_text(&want), got) == 0;
    if (getenv("REGENERATE"))
        same = true;
    result(same, r, what);
    if (!same) {
        show("want", str_text(&want));
        show("got", got);
    }
    str_add(&r->out, got);
    r->line += lines;
    str_free(&want);
}

/* ---- scripts ---- */

static void run_text(struct runner *r, const char *text);

static char *path_beside(const char *file, const char *name)
{
    struct str path = {0};
    const char *slash = strrchr(file, '/');
    str_add_bytes(&path, file, slash ? (size_t)(slash - file) + 1 : 0);
    str_add(&path, name);
    return str_take(&path);
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    struct str text = {0};
    char buffer[8192];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, file)) > 0;)
        str_add_bytes(&text, buffer, n);
    fclose(file);
    return str_take(&text);
}

static void run_include(struct runner *r, const char *name)
{
    char *path = path_beside(r->file, name), *text = read_all(path);
    struct runner saved = *r;
    if (!text) {
        broken(r, "cannot read %s", path);
    } else {
        r->file = path;
        r->line = 0;
        r->out = (struct str){0};
        run_text(r, text);
        str_free(&r->out);
        r->file = saved.file;
        r->line = saved.line;
        r->out = saved.out;
    }
    free(text);
    free(path);
}

static void run_line(struct runner *r, char *line, const char **rest)
{
    int a = 0, b = 0;
    if (*line == '{') {
        feed_json(r, line);
    } else if (sscanf(line, "size %dx%d", &a, &b) == 2) {
        feed(r, sized(IN_SIZE, a, b));
    } else if (strncmp(line, "clock ", 6) == 0) {
        feed(r, sized(IN_CLOCK, human_parse_utc(line + 6), 0));
    } else if (strncmp(line, "keys ", 5) == 0) {
        feed_keys(r, line + 5);
    } else if (strncmp(line, "key ", 4) == 0) {
        feed_key(r, line + 4);
    } else if (strncmp(line, "type ", 5) == 0) {
        feed_typed(r, line + 5);
    } else if (strncmp(line, "paste ", 6) == 0) {
        struct input *in = keymap_paste(r->model, line + 6);
        if (in)
            feed(r, in);
    } else if (sscanf(line, "click %d %d", &a, &b) == 2) {
        feed_mouse(r, "click", a, b);
    } else if (sscanf(line, "double %d %d", &a, &b) == 2) {
        feed_mouse(r, "click", a, b);
        feed_mouse(r, "double", a, b);
    } else if (strncmp(line, "wheel-", 6) == 0) {
        feed_mouse(r, line, 0, 0);
    } else if (sscanf(line, "wait %d", &a) == 1) {
        r->now_ms += a;
        feed(r, input_new(IN_NONE));
    } else if (sscanf(line, "tables %d", &a) == 1) {
        feed_tables(r, a);
    } else if (sscanf(line, "page %d %d", &a, &b) == 2) {
        feed_page(r, a, b);
    } else if (strncmp(line, "include ", 8) == 0) {
        run_include(r, line + 8);
    } else if (strcmp(line, "ascii") == 0) {
        r->ascii = true;
    } else if (strcmp(line, "effects") == 0) {
        compare(r, "effects", str_text(&r->told), '>', rest);
        str_reset(&r->told);
    } else if (strcmp(line, "screen") == 0 || strcmp(line, "styles") == 0) {
        struct str got = {0};
        screen_lines(r, line[1] == 't', &got);
        compare(r, line, str_text(&got), '|', rest);
        str_free(&got);
    } else if (*line && *line != '#') {
        broken(r, "not understood: %s", line);
    }
}

static void run_text(struct runner *r, const char *text)
{
    while (*text && !r->broken) {
        size_t length = strcspn(text, "\n");
        char *line = xstrndup(text, length);
        text += length + (text[length] == '\n');
        r->line++;
        str_add(&r->out, line);
        str_add_char(&r->out, '\n');
        run_line(r, line, &text);
        free(line);
    }
}

static void regenerate(const struct runner *r, const char *path)
{
    FILE *file = r->broken ? NULL : fopen(path, "w");
    if (!file) {
        printf("Bail out! %s cannot be regenerated\n", path);
        exit(1);
    }
    fputs(str_text(&r->out), file);
    fclose(file);
}

/* A replay has no ticks and discards effects; it ends with the same model all the same. */
static bool replays(const struct runner *r)
{
    struct model *again = model_new();
    struct effects effects = {0};
    for (const char *line = str_text(&r->journal); *line;) {
        struct input *in = NULL;
        struct err err = {0};
        size_t length = strcspn(line, "\n");
        if (input_decode(line, length, &in, &err))
            app_update(again, in, &effects);
        input_free(in);
        line += length + 1;
    }
    app_update(again, &(struct input){.offset_ms = r->now_ms}, &effects);
    bool same = model_equal(again, r->model);
    effects_free(&effects);
    model_free(again);
    return same;
}

static void run_script(const char *path)
{
    struct runner r = {.file = path, .model = model_new()};
    char *text = read_all(path);
    if (!text)
        broken(&r, "cannot be read");
    else
        run_text(&r, text);
    if (!r.broken) {
        result(true, &r, "invariants held after every input");
        result(replays(&r), &r, "a replay ends with the same model");
    }
    if (getenv("REGENERATE"))
        regenerate(&r, path);
    model_free(r.model);
    str_free(&r.told);
    str_free(&r.journal);
    str_free(&r.out);
    free(text);
}

static int is_script(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".script") == 0;
}

static void run_directory(const char *directory)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_script, alphasort);
    for (int i = 0; i < count; i++) {
        struct str path = {0};
        str_printf(&path, "%s/%s", directory, entries[i]->d_name);
        run_script(str_text(&path));
        str_free(&path);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        run_directory(SCREENS_DIR);
    for (int i = 1; i < argc; i++)
        run_script(argv[i]);
    printf("1..%d\n", tests);
    return failures || !tests;
}
