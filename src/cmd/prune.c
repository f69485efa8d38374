/* prune, reset, converge - the rows that go, the plan, then what was done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/written.h"
#include "removal/prune.h"

enum { TEXT_ROWS = 20, JSON_ROWS = 1000 };   /* listed: of a table on the terminal; in all in the document */

struct listed { char *table, *why, *key, *label; bool operational; };

struct pruning {
    struct face face;                /* first: events come with it */
    struct listed *rows;
    size_t count, room;
    uint64_t seen;                   /* of context tables */
    size_t operational;              /* of `rows`: the application's, which are the last ones */
    bool complete;                   /* all rows of a plan came: one more is the first of the next */
    FILE *file;                      /* --output: every row, as CSV */
};

/* ---- the rows that go ---- */

static void put_csv(FILE *file, const struct removal_row *row)
{
    const char *const cells[] = {row->table, row->key, row->label, row->why};
    struct str line = {0};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        str_add(&line, i ? "," : "");
        text_add_csv(&line, cells[i]);
    }
    str_add_char(&line, '\n');
    fwrite(line.text, 1, line.length, file);
    str_free(&line);
}

static size_t listed_of(const struct pruning *p, const char *table)
{
    size_t count = 0;
    for (size_t i = p->count; i-- > 0 && strcmp(p->rows[i].table, table) == 0;)
        count++;
    return count;
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
    p->count = p->operational = 0;
    p->seen = 0;
    p->complete = false;
}

static bool begin_csv(struct pruning *p, struct err *err)
{
    rewind(p->file);
    if (ftruncate(fileno(p->file), 0) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot write %s", p->face.options->output);
    fputs("table,key,label,why\n", p->file);
    return true;
}

static bool list_anew(struct pruning *p, struct err *err)
{
    forget_rows(p);
    return !p->file || begin_csv(p, err);
}

static bool take_row(void *context, const struct removal_row *row, struct err *err)
{
    struct pruning *p = context;
    p->complete |= !row;
    if (!row)
        return true;
    if (p->complete && !list_anew(p, err))
        return false;
    p->seen += !row->operational;
    if (p->file) {
        put_csv(p->file, row);
        if (ferror(p->file))
            return err_errno(err, ERR_GENERAL, errno, "cannot write %s", p->face.options->output);
    }
    size_t alike = row->operational ? p->operational : p->count;
    if (alike == JSON_ROWS || (!p->face.options->json && listed_of(p, row->table) >= TEXT_ROWS))
        return true;
    p->operational += row->operational;
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 64;
        p->rows = xrealloc(p->rows, p->room * sizeof *p->rows);
    }
    p->rows[p->count++] = (struct listed){xstrdup(row->table), xstrdup(row->why), xstrdup(row->key),
                                          xstrdup(row->label), row->operational};
    return true;
}

/* ---- text ---- */

static void add_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static uint64_t operational_going(const struct input *plan)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].danger && plan->steps[i].rows > 0 &&
            (strcmp(plan->steps[i].action, "delete") == 0 || strcmp(plan->steps[i].action, "cascade") == 0))
            rows += (uint64_t)plan->steps[i].rows;
    return rows;
}

static void print_more(uint64_t all, size_t listed, const char *whose, struct str *out)
{
    if (all > listed)
        str_printf(out, "  … and %llu more rows of %s; --output FILE lists every one\n", (unsigned long long)(all - listed),
                   whose);
}

static void print_rows(const struct pruning *p, const struct input *plan, struct str *out)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct listed *row = &p->rows[i];
        str_add(out, row->operational ? "  ! " : "  - ");
        add_visible(out, row->table);
        str_add(out, "  ");
        add_visible(out, row->key);
        str_add(out, row->label[0] ? "  " : "");
        add_visible(out, row->label);
        str_add(out, "   (");
        add_visible(out, row->why);
        str_add(out, ")\n");
    }
    print_more(p->seen, p->count - p->operational, "context tables", out);
    print_more(operational_going(plan), p->operational, "the application's tables", out);
}

static void print_plan(struct pruning *p, const struct input *plan)
{
    struct str out = {0};
    written_add_first(&out, plan);
    print_rows(p, plan, &out);
    written_add_steps(&out, plan);
    written_print_text(&out);
    str_free(&out);
    forget_rows(p);
}

static void print_outcome(const struct command *command, const struct input *outcome, const struct input *plan,
                          bool dry_run)
{
    struct str out = {0};
    written_add_counts(&out, outcome);
    if (outcome->number2 > 0)
        str_printf(&out, "%s: %lld %s in %lld ms\n%s%s%s", command->name, (long long)outcome->number2,
                   outcome->number2 == 1 ? "row" : "rows", (long long)outcome->number,
                   outcome->text && outcome->text[0] ? "safepoint " : "", outcome->text ? outcome->text : "",
                   outcome->text && outcome->text[0] ? "\n" : "");
    else
        str_add(&out, dry_run && plan->step_count ? "dry run: nothing was changed\n"
                                                  : "nothing to do: no row is there that should not be\n");
    written_print_text(&out);
    str_free(&out);
}

/* ---- JSON ---- */

struct more { const struct pruning *pruning; const struct input *plan; };

static void json_more(struct json_out *o, void *context)
{
    const struct more *m = context;
    const struct pruning *p = m->pruning;
    json_put_int(o, "operational_rows", m->plan->number2);
    json_put_bool(o, "possible", m->plan->ok);
    json_put_int(o, "context_rows", (int64_t)p->seen);
    json_put_int(o, "rows_listed", (int64_t)(p->count - p->operational));
    json_put_int(o, "operational_rows_listed", (int64_t)p->operational);
    json_key(o, "rows");
    json_array(o);
    for (size_t i = 0; i < p->count; i++) {
        json_object(o);
        json_put_text(o, "table", p->rows[i].table);
        json_put_text(o, "key", p->rows[i].key);
        json_put_text(o, "label", p->rows[i].label);
        json_put_text(o, "why", p->rows[i].why);
        json_put_bool(o, "operational", p->rows[i].operational);
        json_object_end(o);
    }
    json_array_end(o);
}

static void print_json(const struct pruning *p, const struct input *plan, const struct input *outcome)
{
    struct more more = {p, plan};
    if (p->seen > p->count - p->operational)
        fprintf(stderr, "seedops: %zu of %llu rows of context tables are listed; --output FILE lists every one\n",
                p->count - p->operational, (unsigned long long)p->seen);
    written_print_json(&(struct written){.plan = plan, .outcome = outcome, .applied = outcome->number2 > 0,
                                         .safepoint = outcome->text, .more = json_more, .context = &more});
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
    return begin_csv(p, err);
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
        .row = take_row, .context = &p,
        .operational_most = options->output ? UINT64_MAX : options->json ? JSON_ROWS : TEXT_ROWS};
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
