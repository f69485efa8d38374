/* prune, reset, converge - the rows that go, the plan, then what was done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

enum { TEXT_ROWS = 20, JSON_ROWS = 1000 };   /* listed: of a table on the terminal; in all in the document */

struct listed { char *table, *why, *key, *label; };

struct pruning {
    struct face face;                /* first: events come with it */
    struct listed *rows;
    size_t count, room, most;
    uint64_t seen;
    FILE *file;                      /* --output: every row, as CSV */
};

/* ---- the rows that go ---- */

static void put_csv(FILE *file, const char *text, char end)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
    fputc(end, file);
}

static size_t listed_of(const struct pruning *p, const char *table)
{
    size_t count = 0;
    for (size_t i = p->count; i-- > 0 && strcmp(p->rows[i].table, table) == 0;)
        count++;
    return count;
}

static bool take_row(void *context, const struct removal_row *row, struct err *err)
{
    struct pruning *p = context;
    if (!row)
        return true;
    p->seen++;
    if (p->file) {
        put_csv(p->file, row->table, ',');
        put_csv(p->file, row->key, ',');
        put_csv(p->file, row->label, ',');
        put_csv(p->file, row->why, '\n');
        if (ferror(p->file))
            return err_errno(err, ERR_GENERAL, errno, "cannot write %s", p->face.options->output);
    }
    if (p->count == JSON_ROWS || (!p->face.options->json && listed_of(p, row->table) >= TEXT_ROWS))
        return true;
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 64;
        p->rows = xrealloc(p->rows, p->room * sizeof *p->rows);
    }
    p->rows[p->count++] = (struct listed){xstrdup(row->table), xstrdup(row->why), xstrdup(row->key),
                                          xstrdup(row->label)};
    return true;
}

/* A plan that is made again lists again. */
static void forget_rows(struct pruning *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->rows[i].table);
        free(p->rows[i].why);
        free(p->rows[i].key);
        free(p->rows[i].label);
    }
    p->count = 0;
    p->seen = 0;
}

/* ---- text ---- */

static void add_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static void print_rows(const struct pruning *p, struct str *out)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct listed *row = &p->rows[i];
        str_add(out, "  - ");
        add_visible(out, row->table);
        str_add(out, "  ");
        add_visible(out, row->key);
        str_add(out, row->label[0] ? "  " : "");
        add_visible(out, row->label);
        str_add(out, "   (");
        add_visible(out, row->why);
        str_add(out, ")\n");
    }
    if (p->seen > p->count)
        str_printf(out, "  … and %llu more rows of context tables; --output FILE lists every one\n",
                   (unsigned long long)(p->seen - p->count));
}

static void print_plan(struct pruning *p, const struct input *plan)
{
    struct str out = {0};
    if (plan->title && plan->title[0]) {
        add_visible(&out, plan->title);
        str_add_char(&out, '\n');
    }
    print_rows(p, &out);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fact_step *step = &plan->steps[i];
        str_printf(&out, "%s %-11s ", step->danger ? "!" : " ", step->action);
        struct str count = {0};
        if (step->rows >= 0)
            face_count(&count, step->rows, false);
        str_printf(&out, "%9s  ", str_text(&count));
        str_free(&count);
        add_visible(&out, step->object);
        str_add(&out, "  ");
        add_visible(&out, step->detail);
        str_add_char(&out, '\n');
    }
    if (plan->step_count)
        str_printf(&out, "plan %.16s\n", plan->text);
    fwrite(str_text(&out), 1, out.length, stdout);
    fflush(stdout);
    str_free(&out);
    forget_rows(p);
}

static void print_counts(const struct input *outcome, struct str *out)
{
    for (size_t i = 0; i < outcome->count_count; i++) {
        const struct fact_count *c = &outcome->counts[i];
        str_add(out, "  ");
        add_visible(out, c->table);
        if (c->after < 0)
            str_add(out, "  too large to be counted for a report\n");
        else
            str_printf(out, "  %lld rows before, %lld after\n", (long long)c->before, (long long)c->after);
    }
}

static void print_outcome(const struct command *command, const struct input *outcome, const struct input *plan,
                          bool dry_run)
{
    struct str out = {0};
    print_counts(outcome, &out);
    if (outcome->number2 > 0)
        str_printf(&out, "%s: %lld %s in %lld ms\n%s%s%s", command->name, (long long)outcome->number2,
                   outcome->number2 == 1 ? "row" : "rows", (long long)outcome->number,
                   outcome->text && outcome->text[0] ? "safepoint " : "", outcome->text ? outcome->text : "",
                   outcome->text && outcome->text[0] ? "\n" : "");
    else
        str_add(&out, dry_run && plan->step_count ? "dry run: nothing was changed\n"
                                                  : "nothing to do: no row is there that should not be\n");
    fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&out);
}

/* ---- JSON ---- */

static void json_plan(struct json_out *o, const struct pruning *p, const struct input *plan)
{
    json_key(o, "plan");
    json_object(o);
    json_put_text(o, "digest", plan->text);
    json_put_text(o, "fixtures", plan->expect);
    json_put_text(o, "first", plan->title && plan->title[0] ? plan->title : NULL);
    json_put_int(o, "operational_rows", plan->number2);
    json_put_bool(o, "possible", plan->ok);
    json_key(o, "steps");
    json_array(o);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fact_step *step = &plan->steps[i];
        json_object(o);
        json_put_text(o, "action", step->action);
        json_put_text(o, "object", step->object);
        json_put_text(o, "detail", step->detail);
        json_put_int(o, "rows", step->rows);
        json_put_bool(o, "danger", step->danger);
        json_object_end(o);
    }
    json_array_end(o);
    json_put_int(o, "rows_listed", (int64_t)p->count);
    json_key(o, "rows");
    json_array(o);
    for (size_t i = 0; i < p->count; i++) {
        json_object(o);
        json_put_text(o, "table", p->rows[i].table);
        json_put_text(o, "key", p->rows[i].key);
        json_put_text(o, "label", p->rows[i].label);
        json_put_text(o, "why", p->rows[i].why);
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

static void json_counts(struct json_out *o, const char *key, const struct input *outcome, bool after)
{
    json_key(o, key);
    json_object(o);
    for (size_t i = 0; i < outcome->count_count; i++) {
        int64_t count = after ? outcome->counts[i].after : outcome->counts[i].before;
        if (count < 0)
            json_put_text(o, outcome->counts[i].table, NULL);
        else
            json_put_int(o, outcome->counts[i].table, count);
    }
    json_object_end(o);
}

static void print_json(const struct pruning *p, const struct input *plan, const struct input *outcome)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_plan(&o, p, plan);
    json_put_bool(&o, "applied", outcome->number2 > 0);
    json_counts(&o, "before", outcome, false);
    json_counts(&o, "after", outcome, true);
    json_put_int(&o, "duration_ms", outcome->number);
    json_put_text(&o, "safepoint", outcome->text && outcome->text[0] ? outcome->text : NULL);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

/* ---- the commands ---- */

static void on_event(struct face *face, const struct input *in)
{
    if (in->kind == IN_PLAN && !face->options->json)
        print_plan((struct pruning *)face, in);
    else
        face_print_event(face, in);
}

static bool open_output(struct pruning *p, struct err *err)
{
    const char *path = p->face.options->output;
    if (!path)
        return true;
    p->file = fopen(path, "wxe");
    if (!p->file) {
        err_errno(err, ERR_GENERAL, errno, "cannot write %s", path);
        return errno == EEXIST ? err_hint(err, "it is there already: name another file") : false;
    }
    fputs("table,key,label,why\n", p->file);
    return true;
}

static bool close_output(struct pruning *p, bool ok, struct err *err)
{
    if (p->file && fclose(p->file) != 0 && ok)
        ok = err_errno(err, ERR_GENERAL, errno, "cannot write %s", p->face.options->output);
    return ok;
}

static int run(const struct command *command, struct options *options, enum removal_kind kind)
{
    struct pruning p = {0};
    struct err err = {0};
    bool ok = face_open(&p.face, command, options, &err) && open_output(&p, &err);
    p.face.on_event = on_event;
    p.face.ctx.confirm_operational = options->confirm_operational;
    p.face.ctx.confirm_operational_count = options->confirm_operational_count;
    struct prune_options what = {.kind = kind, .tables = options->operands,
        .table_count = (size_t)options->operand_count, .dry_run = options->dry_run, .scan = options->scan,
        .seen = options->plan_digest, .seen_operational = -1, .safepoint_dir = options->safepoint_dir,
        .row = take_row, .context = &p};
    p.face.ctx.action = options->schema ? "reset --schema" : command->name;
    if (ok && options->schema && options->operand_count)
        ok = err_set(&err, ERR_USAGE, "reset --schema takes no tables: it makes all of them anew");
    ok = ok && (options->schema ? op_wipe : op_prune)(&p.face.session, &what, &err);
    ok = close_output(&p, ok, &err);
    if (ok && options->json)
        print_json(&p, p.face.last[IN_PLAN], p.face.last[IN_OUTCOME]);
    else if (ok)
        print_outcome(command, p.face.last[IN_OUTCOME], p.face.last[IN_PLAN], options->dry_run);
    forget_rows(&p);
    free(p.rows);
    return face_close(&p.face, ok, &err);
}

int cmd_prune(const struct command *command, struct options *options) { return run(command, options, REMOVAL_PRUNE); }
int cmd_reset(const struct command *command, struct options *options) { return run(command, options, REMOVAL_RESET); }

int cmd_converge(const struct command *command, struct options *options)
{
    return run(command, options, REMOVAL_CONVERGE);
}
