/* prune, reset, converge - the rows that go or change, the plan, then what was done. */
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

enum { TEXT_ROWS = 20, JSON_ROWS = 1000 };   /* listed: of a table on the terminal; in all, of each kind, in the document */

struct column { char *name, *was, *becomes; };
struct listed {
    char *table, *why, *key, *label;
    bool operational;
    struct column *columns;          /* NULL: the row goes */
    size_t column_count;
};

struct pruning {
    struct face face;                /* first: events come with it */
    struct listed *rows;
    size_t count, room;
    uint64_t seen[2], listed[2][2];  /* of context tables: [changes]; of `rows`: [operational][changes] */
    bool complete;                   /* all rows of a plan came: one more is the first of the next */
    FILE *file;                      /* --output: every row, as CSV */
};

/* ---- the rows that go or change ---- */

static void put_csv(FILE *file, const struct removal_row *row)
{
    struct str lines = {0};
    for (size_t i = 0; i < removal_lines(row); i++) {
        const char *cells[REMOVAL_CELLS];
        removal_cells(row, i, cells);
        text_add_csv_line(&lines, cells, REMOVAL_CELLS);
    }
    fwrite(str_text(&lines), 1, lines.length, file);
    str_free(&lines);
}

/* The last ones, while they are alike. */
static size_t listed_of(const struct pruning *p, const struct removal_row *row)
{
    size_t count = 0;
    for (size_t i = p->count; i-- > 0 && strcmp(p->rows[i].table, row->table) == 0 && !p->rows[i].columns == !row->changes;)
        count++;
    return count;
}

static void forget_row(struct listed *row)
{
    for (size_t i = 0; i < row->column_count; i++) {
        free(row->columns[i].name);
        free(row->columns[i].was);
        free(row->columns[i].becomes);
    }
    free(row->columns);
    free(row->table);
    free(row->why);
    free(row->key);
    free(row->label);
}

/* A plan that is made again lists again. */
static void forget_rows(struct pruning *p)
{
    for (size_t i = 0; i < p->count; i++)
        forget_row(&p->rows[i]);
    p->count = 0;
    memset(p->seen, 0, sizeof p->seen);
    memset(p->listed, 0, sizeof p->listed);
    p->complete = false;
}

static bool begin_csv(struct pruning *p, struct err *err)
{
    rewind(p->file);
    if (ftruncate(fileno(p->file), 0) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot write %s", p->face.options->output);
    fputs(removal_csv_head, p->file);
    return true;
}

static bool list_anew(struct pruning *p, struct err *err)
{
    forget_rows(p);
    return !p->file || begin_csv(p, err);
}

static void list_row(struct pruning *p, const struct removal_row *row)
{
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 64;
        p->rows = xrealloc(p->rows, p->room * sizeof *p->rows);
    }
    struct listed *to = &p->rows[p->count++];
    *to = (struct listed){.table = xstrdup(row->table), .why = xstrdup(row->why), .key = xstrdup(row->key),
                          .label = xstrdup(row->label), .operational = row->operational};
    to->columns = row->changes ? xcalloc(row->change_count + 1, sizeof *to->columns) : NULL;
    for (; row->changes && to->column_count < row->change_count; to->column_count++) {
        const struct removal_change *change = &row->changes[to->column_count];
        to->columns[to->column_count] = (struct column){.name = xstrdup(change->column), .becomes = xstrdup(change->becomes),
                                                        .was = change->was ? xstrdup(change->was) : NULL};
    }
    p->listed[row->operational][row->changes != NULL]++;
}

static bool take_row(void *context, const struct removal_row *row, struct err *err)
{
    struct pruning *p = context;
    p->complete |= !row;
    if (!row)
        return true;
    if (p->complete && !list_anew(p, err))
        return false;
    bool changes = row->changes != NULL;
    p->seen[changes] += !row->operational;
    if (p->file) {
        put_csv(p->file, row);
        if (ferror(p->file))
            return err_errno(err, ERR_GENERAL, errno, "cannot write %s", p->face.options->output);
    }
    if (p->listed[row->operational][changes] < JSON_ROWS && (p->face.options->json || listed_of(p, row) < TEXT_ROWS))
        list_row(p, row);
    return true;
}

/* ---- text ---- */

static void add_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static bool is_action(const struct fact_step *step, const char *const *actions)
{
    while (*actions && strcmp(*actions, step->action) != 0)
        actions++;
    return *actions != NULL;
}

/* The application's: its steps are the dangerous ones. */
static uint64_t operational_rows(const struct input *plan, bool changes)
{
    static const char *const going[] = {"delete", "cascade", NULL}, *const changing[] = {"set null", "set default", "update", NULL};
    uint64_t rows = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].danger && plan->steps[i].rows > 0 && is_action(&plan->steps[i], changes ? changing : going))
            rows += (uint64_t)plan->steps[i].rows;
    return rows;
}

static void print_more(const struct pruning *p, const struct input *plan, bool operational, bool changes, struct str *out)
{
    uint64_t all = operational ? operational_rows(plan, changes) : p->seen[changes];
    uint64_t listed = p->listed[operational][changes];
    if (all > listed)
        str_printf(out, "  … and %llu more rows of %s%s; --output FILE lists every one\n", (unsigned long long)(all - listed),
                   operational ? "the application's tables" : "context tables", changes ? " that change" : "");
}

static void print_row(const struct listed *row, struct str *out)
{
    str_add(out, row->operational ? "  ! " : row->columns ? "  ~ " : "  - ");
    add_visible(out, row->table);
    str_add(out, "  ");
    add_visible(out, row->key);
    str_add(out, row->label[0] ? "  " : "");
    add_visible(out, row->label);
    for (size_t i = 0; i < row->column_count; i++) {
        str_add(out, i ? ", " : "  ");
        add_visible(out, row->columns[i].name);
        str_add(out, ": ");
        add_visible(out, row->columns[i].was ? row->columns[i].was : "NULL");
        str_add(out, " → ");
        add_visible(out, row->columns[i].becomes);
    }
    str_add(out, "   (");
    add_visible(out, row->why);
    str_add(out, ")\n");
}

static void print_rows(const struct pruning *p, const struct input *plan, struct str *out)
{
    for (size_t i = 0; i < p->count; i++)
        print_row(&p->rows[i], out);
    for (int operational = 0; operational <= 1; operational++)
        for (int changes = 0; changes <= 1; changes++)
            print_more(p, plan, operational, changes, out);
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

static void json_columns(struct json_out *o, const struct listed *row)
{
    json_key(o, "columns");
    json_array(o);
    for (size_t i = 0; i < row->column_count; i++) {
        json_object(o);
        json_put_text(o, "name", row->columns[i].name);
        json_put_text(o, "was", row->columns[i].was);
        json_put_text(o, "becomes", row->columns[i].becomes);
        json_object_end(o);
    }
    json_array_end(o);
}

static void json_rows(struct json_out *o, const struct pruning *p, bool changes)
{
    json_key(o, changes ? "changes" : "rows");
    json_array(o);
    for (size_t i = 0; i < p->count; i++) {
        const struct listed *row = &p->rows[i];
        if (!row->columns == changes)
            continue;
        json_object(o);
        json_put_text(o, "table", row->table);
        json_put_text(o, "key", row->key);
        json_put_text(o, "label", row->label);
        json_put_text(o, "why", row->why);
        json_put_bool(o, "operational", row->operational);
        if (changes)
            json_columns(o, row);
        json_object_end(o);
    }
    json_array_end(o);
}

static void json_more(struct json_out *o, void *context)
{
    const struct more *m = context;
    const struct pruning *p = m->pruning;
    json_put_int(o, "operational_rows", m->plan->number2);
    json_put_bool(o, "possible", m->plan->ok);
    json_put_int(o, "context_rows", (int64_t)p->seen[false]);
    json_put_int(o, "rows_listed", (int64_t)p->listed[false][false]);
    json_put_int(o, "operational_rows_listed", (int64_t)p->listed[true][false]);
    json_put_int(o, "context_changes", (int64_t)p->seen[true]);
    json_put_int(o, "operational_changes", (int64_t)operational_rows(m->plan, true));
    json_put_int(o, "changes_listed", (int64_t)p->listed[false][true]);
    json_put_int(o, "operational_changes_listed", (int64_t)p->listed[true][true]);
    json_rows(o, p, false);
    json_rows(o, p, true);
}

/* Beside the document: what it leaves out. */
static void say_unlisted(const struct pruning *p, bool changes)
{
    if (p->seen[changes] > p->listed[false][changes])
        fprintf(stderr, "seedops: %llu of %llu rows of context tables%s are listed; --output FILE lists every one\n",
                (unsigned long long)p->listed[false][changes], (unsigned long long)p->seen[changes],
                changes ? " that change" : "");
}

static void print_json(const struct pruning *p, const struct input *plan, const struct input *outcome)
{
    struct more more = {p, plan};
    say_unlisted(p, false);
    say_unlisted(p, true);
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
    bool ok = face_open_patiently(&p.face, command, options, &err) && open_output(&p, &err);
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
