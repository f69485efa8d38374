/* many - the fleet's face. Everything that prints or records happens under the fleet's one-at-a-time. */
#include "cmd/many.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "event/codec.h"
#include "run/light.h"

bool many_select(struct face *face, struct selection *selection, struct err *err)
{
    const struct options *o = face->options;
    *selection = (struct selection){0};
    if (o->settings.url)
        return true;
    return settings_select(&face->settings, o->operands, (size_t)o->operand_count, selection, err);
}

void many_cell(struct many_row *row, size_t cell, char *text)
{
    free(row->cells[cell]);
    row->cells[cell] = text;
}

/* From bad to worst, by exit code: what could not be looked at is worse than what was found. */
int many_worse(enum err_class a, enum err_class b)
{
    static const int order[] = {0, 4, 5, 3, 2, 1, 64, 127, 130};
    int place[2] = {0, 0}, codes[2] = {err_exit_code(a), err_exit_code(b)};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
            if (order[i] == codes[k])
                place[k] = i;
    return place[0] - place[1];
}

/* ---- a row ---- */

static struct many_row *row_of(struct many *many, struct fleet_member *member)
{
    if (member->own)
        return member->own;
    struct many_row *row = xcalloc(1, sizeof *row);
    row->many = many;
    row->member = member;
    light_unlit(&row->light, &many->face->settings, member->environment, "checking");
    return member->own = row;
}

static void forget_events(struct many_row *row)
{
    for (int i = 0; i < IN_KIND_COUNT; i++) {
        input_free(row->last[i]);
        row->last[i] = NULL;
    }
}

static void free_row(struct many_row *row)
{
    if (row->many->class->forget)
        row->many->class->forget(row);
    forget_events(row);
    for (size_t i = 0; i < MANY_CELLS; i++)
        free(row->cells[i]);
    free(row->text);
    str_free(&row->json);
    codec_free(&type_fact_environment, &row->light);
    free(row);
}

/* ---- as they come ---- */

static bool work(struct fleet_member *member, void *context, struct err *err)
{
    const struct many *many = context;
    return many->class->work(member->own, err);
}

/* An environment with journal: off is not recorded, as alone. */
static void hear(struct fleet_member *member, void *context, struct input *in)
{
    struct many *many = context;
    struct many_row *row = member->own;
    if (member->environment->journal)
        face_record(many->face, in);
    if (in->kind != IN_PROGRESS && !(many->class->hear && many->class->hear(row, in)))
        face_print_event(many->face, in);
    input_free(row->last[in->kind]);
    row->last[in->kind] = in;
}

enum mood { WELL, CONCERN, BAD };
static const struct { const char *mark, *color; } moods[] = {
    [WELL] = {"✓", "\033[32m"}, [CONCERN] = {"!", "\033[33m"}, [BAD] = {"✗", "\033[31m"}};

static enum mood mood_of(const struct many_row *row)
{
    if (row->class == ERR_NONE)
        return row->concern ? CONCERN : WELL;
    return row->class == ERR_DIFFERENT ? CONCERN : BAD;
}

/* What could not be done says why in every column's stead. */
static void fail_row(struct many_row *row, const struct err *err)
{
    struct str text = {0};
    row->class = err->class == ERR_NONE ? ERR_GENERAL : err->class;
    for (size_t i = 0; i < MANY_CELLS; i++)
        many_cell(row, i, xstrdup(i ? "" : err_class_name(row->class)));
    str_printf(&text, "%s%s%s", err->message, err->why[0] ? ": " : "", err->why);
    free(row->text);
    row->text = str_take(&text);
    light_error(&row->light, err);
}

static void add_foreign(struct str *out, const char *text)
{
    text_visible(out, text ? text : "", strlen(text ? text : ""));
}

static void say_ended(const struct many *many, const struct many_row *row)
{
    struct str out = {0};
    if (many->face->options->json && !isatty(STDERR_FILENO))
        return;
    str_printf(&out, "%zu/%zu %s ", many->ended, many->count, moods[mood_of(row)].mark);
    add_foreign(&out, row->member->environment->name);
    str_add(&out, row->text && *row->text ? ": " : "");
    add_foreign(&out, row->text);
    fprintf(stderr, "%s\n", str_text(&out));
    str_free(&out);
}

/* For the record, and a replay of it: lines of the Environments screen, which asks for them by its first request. */
static void record_lights(const struct many *many, struct many_row *const *rows, size_t count)
{
    struct input *in = input_new(IN_ENVIRONMENTS);
    in->request = 1;
    in->number = count == many->count;
    in->environments = xcalloc(count, sizeof *in->environments);
    for (size_t i = 0; i < count; i++)
        if (rows[i]->member->environment->journal)
            codec_copy(&type_fact_environment, &in->environments[in->environment_count++], &rows[i]->light);
    if (in->environment_count)
        face_record(many->face, in);
    input_free(in);
}

static void done(struct fleet_member *member, void *context)
{
    struct many *many = context;
    struct many_row *row = member->own;
    many->ended++;
    if (!member->ok)
        fail_row(row, &member->err);
    forget_events(row);
    record_lights(many, &row, 1);
    say_ended(many, row);
}

/* ---- the table at the end ---- */

static int compare(const void *a, const void *b)
{
    const struct many_row *x = *(struct many_row *const *)a, *y = *(struct many_row *const *)b;
    int worse = many_worse(y->class, x->class);
    if (!worse)
        worse = (y->weight > x->weight) - (y->weight < x->weight);
    return worse ? worse : strcmp(x->member->environment->name, y->member->environment->name);
}

static char *visible_copy(const char *text)
{
    struct str out = {0};
    add_foreign(&out, text);
    return str_take(&out);
}

static void add_cell(struct str *out, const char *text, int width)
{
    char *shown = visible_copy(text);
    str_add(out, shown ? shown : "");
    for (int used = text_width(shown ? shown : ""); used < width; used++)
        str_add_char(out, ' ');
    free(shown);
}

static int cell_width(const char *text)
{
    char *shown = visible_copy(text);
    int width = text_width(shown ? shown : "");
    free(shown);
    return width;
}

static void measure(const struct many *many, int *name, int widths[MANY_CELLS])
{
    *name = (int)strlen("environment");
    for (size_t c = 0; c < MANY_CELLS; c++)
        widths[c] = many->class->titles[c] ? cell_width(many->class->titles[c]) : 0;
    for (size_t i = 0; i < many->count; i++) {
        int width = cell_width(many->rows[i]->member->environment->name);
        *name = width > *name ? width : *name;
        for (size_t c = 0; c < MANY_CELLS; c++) {
            width = cell_width(many->rows[i]->cells[c]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
}

static void add_row(const struct many *many, const struct many_row *row, int name, const int widths[MANY_CELLS],
                    struct str *out)
{
    enum mood mood = mood_of(row);
    str_printf(out, "%s%s%s ", many->face->color ? moods[mood].color : "", moods[mood].mark,
               many->face->color ? "\033[0m" : "");
    add_cell(out, row->member->environment->name, name);
    for (size_t c = 0; c < MANY_CELLS; c++)
        if (many->class->titles[c]) {
            str_add(out, "  ");
            add_cell(out, row->cells[c], widths[c]);
        }
    str_add(out, "  ");
    add_foreign(out, row->text);
    while (out->length && out->text[out->length - 1] == ' ')
        out->text[--out->length] = '\0';
    str_add_char(out, '\n');
}

static size_t count_class(const struct many *many, enum err_class class)
{
    size_t count = 0;
    for (size_t i = 0; i < many->count; i++)
        count += many->rows[i]->class == class;
    return count;
}

static void add_sum(const struct many *many, struct str *out)
{
    static const char *const words[ERR_CLASS_COUNT] = {[ERR_GENERAL] = "failed", [ERR_DIFFERENT] = "different",
        [ERR_NOT_READY] = "not ready", [ERR_NEVER_READY] = "not to be opened", [ERR_QUERY] = "failed"};
    str_printf(out, "\n%zu environment%s: %zu %s", many->count, many->count == 1 ? "" : "s",
               count_class(many, ERR_NONE), many->class->well);
    for (int class = ERR_NONE + 1; class < ERR_CLASS_COUNT; class++)
        if (count_class(many, (enum err_class)class))
            str_printf(out, ", %zu %s", count_class(many, (enum err_class)class),
                       words[class] ? words[class] : err_class_name((enum err_class)class));
    str_add_char(out, '\n');
}

static void print_text(const struct many *many)
{
    struct str out = {0};
    int name, widths[MANY_CELLS];
    measure(many, &name, widths);
    str_add(&out, "  ");
    add_cell(&out, "environment", name);
    for (size_t c = 0; c < MANY_CELLS; c++)
        if (many->class->titles[c]) {
            str_add(&out, "  ");
            add_cell(&out, many->class->titles[c], widths[c]);
        }
    while (out.text[out.length - 1] == ' ')
        out.text[--out.length] = '\0';
    str_add_char(&out, '\n');
    for (size_t i = 0; i < many->count; i++)
        add_row(many, many->rows[i], name, widths, &out);
    add_sum(many, &out);
    fwrite(str_text(&out), 1, out.length, stdout);
    fflush(stdout);
    str_free(&out);
}

static void print_json(const struct many *many, enum err_class worst)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_key(&o, "environments");
    json_array(&o);
    for (size_t i = 0; i < many->count; i++) {
        const struct many_row *row = many->rows[i];
        json_object(&o);
        json_put_text(&o, "environment", row->member->environment->name);
        json_put_text(&o, "database", row->member->environment->database);
        json_put_text(&o, "target", row->light.target);
        json_put_int(&o, "exit_code", err_exit_code(row->class));
        json_put_int(&o, "duration_ms", row->member->duration_ms);
        if (row->member->ok)
            json_put_text(&o, "error", NULL);
        else
            face_put_error(&o, &row->member->err);
        json_key(&o, "result");
        json_raw(&o, row->json.length && row->member->ok ? str_text(&row->json) : "null");
        json_object_end(&o);
    }
    json_array_end(&o);
    json_put_int(&o, "exit_code", err_exit_code(worst));
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

/* ---- all of it ---- */

struct environment *many_whole(struct face *face)
{
    struct settings *s = &face->settings;
    struct environment *env = arena_alloc(&s->arena, sizeof *env);
    struct str name = {0};
    for (int i = 0; i < face->options->operand_count; i++)
        str_printf(&name, "%s%s", i ? " " : "", face->options->operands[i]);
    if (!name.length)
        str_add(&name, s->environments[0].name);
    *env = (struct environment){.name = arena_strdup(&s->arena, str_text(&name)), .at = "", .url_source = "",
                                .journal = s->journal, .state_dir = s->state_dir};
    str_free(&name);
    return env;
}

static void record_outcome(struct many *many, enum err_class worst)
{
    struct input *in = input_new(IN_OUTCOME);
    struct err err = {0};
    size_t bad = many->count - count_class(many, ERR_NONE);
    in->name = xstrdup(many->face->command->name);
    in->ok = worst == ERR_NONE;
    if (!in->ok) {
        err_set(&err, worst, "%zu of %zu environments %s something to mend", bad, many->count, bad == 1 ? "has" : "have");
        input_set_error(in, &err);
    }
    ctx_emit(&many->face->ctx, in);
}

static enum err_class worst_of(const struct many *many)
{
    enum err_class worst = ERR_NONE;
    for (size_t i = 0; i < many->count; i++)
        if (many_worse(many->rows[i]->class, worst) > 0)
            worst = many->rows[i]->class;
    return worst;
}

static void run_all(struct many *many)
{
    many->count = fleet_count(many->fleet);
    many->rows = xcalloc(many->count + 1, sizeof *many->rows);
    for (size_t i = 0; i < many->count; i++)
        many->rows[i] = row_of(many, fleet_member(many->fleet, i));
    record_lights(many, many->rows, many->count);
    fleet_run(many->fleet);
    qsort(many->rows, many->count, sizeof *many->rows, compare);
}

static void free_many(struct many *many)
{
    for (size_t i = 0; i < many->count; i++)
        free_row(many->rows[i]);
    free(many->rows);
    fleet_free(many->fleet);
}

int many_run(struct face *face, const struct selection *selection, const struct many_class *class)
{
    struct many many = {.face = face, .class = class};
    struct err err = {0};
    enum err_class worst = ERR_NONE;
    face->many = true;
    face_begin(face, many_whole(face));
    struct fleet_options options = {.ctx = &face->ctx, .jobs = (int)face->options->jobs, .work = work, .hear = hear,
                                    .done = done, .context = &many};
    bool ok = fleet_open(&many.fleet, selection, &options, &err);
    if (ok) {
        run_all(&many);
        worst = worst_of(&many);
        (face->options->json ? (void)print_json(&many, worst) : print_text(&many));
        ok = !class->finish || class->finish(&many, &err);
        record_outcome(&many, ok ? worst : err.class);
    }
    free_many(&many);
    int code = face_close(face, ok, &err);
    return ok ? err_exit_code(worst) : code;
}
