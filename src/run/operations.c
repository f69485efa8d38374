/* operations - the table from effects to operations, and what the console adds: differences and SQL text go
 * into stores. */
#include "run/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "op/ops.h"
#include "plan/safepoint_read.h"
#include "preserve/preserve.h"
#include "removal/prune.h"
#include "restore/restore.h"

enum { STORE_NEWS_MS = 100 };

static const char *text_or_null(const char *text) { return text && *text ? text : NULL; }

/* ---- differences into a store ---- */

static const char *const diff_columns[] = {"what", "key", "column", "fixture", "live", "at", "allowed"};
enum { DIFF_CELLS = sizeof diff_columns / sizeof *diff_columns };

struct diff_sink {
    struct opened *opened;
    uint64_t store, count, told;
    char *name;                  /* diff:TABLE */
    char *key_title;             /* the key's columns, as the key's cells are joined */
    size_t key_count;
    int64_t told_ms;             /* when IN_STORE last went out; 0: never */
    struct str key;
};

static void join(struct str *out, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        str_printf(out, "%s%s", i ? " · " : "", texts[i] ? texts[i] : "NULL");
}

static struct input *store_input(uint64_t store, const char *name, uint64_t count, bool complete)
{
    struct input *in = input_new(IN_STORE);
    in->store = store;
    in->name = xstrdup(name);
    in->number = (int64_t)count;
    in->number2 = complete;
    return in;
}

static struct input *diff_news(struct diff_sink *d, bool complete)
{
    struct input *in = store_input(d->store, d->name, d->count, complete);
    in->columns = xcalloc(DIFF_CELLS, sizeof *in->columns);
    in->column_count = DIFF_CELLS;
    for (size_t i = 0; i < DIFF_CELLS; i++)
        in->columns[i].text = xstrdup(i == 1 ? d->key_title : diff_columns[i]);
    d->told_ms = clock_mono_ms();
    d->told = d->count;
    return in;
}

static void diff_forget(struct diff_sink *d)
{
    free(d->name);
    free(d->key_title);
    d->name = d->key_title = NULL;
}

static bool diff_begin(void *context, const char *table, const char *const *key, size_t key_count,
                       struct err *err)
{
    struct diff_sink *d = context;
    struct str text = {0};
    diff_forget(d);
    str_printf(&text, "diff:%s", table);
    d->name = str_take(&text);
    join(&text, key, key_count);
    d->key_title = str_take(&text);
    d->key_count = key_count;
    d->count = d->told = 0;
    d->told_ms = 0;
    return stores_add(d->opened->shared->stores, d->name, &d->store, err);
}

static bool diff_put(struct diff_sink *d, const char *const cells[], struct err *err)
{
    if (!stores_append(d->opened->shared->stores, d->store, cells, DIFF_CELLS, err))
        return false;
    d->count++;
    return true;
}

/* One line for a whole row: its label where there is one, else how many columns it has. */
static char *row_summary(const struct diff_row *row)
{
    struct str text = {0};
    if (row->kind == DIFF_EXTRA)
        for (size_t i = 0; i < row->cell_count; i++)
            if (row->cells[i].live)
                str_printf(&text, "%s%s", text.length ? " · " : "", row->cells[i].live);
    if (!text.length)
        str_printf(&text, "%zu column%s", row->cell_count, row->cell_count == 1 ? "" : "s");
    return str_take(&text);
}

/* What came is told when more comes, or when nothing has come for a while: `meanwhile`. */
static void diff_tell(void *context)
{
    struct diff_sink *d = context;
    if (d->told != d->count && (!d->told_ms || clock_mono_ms() - d->told_ms >= STORE_NEWS_MS))
        ctx_emit(&d->opened->ctx, diff_news(d, false));
}

static bool diff_row(void *context, const char *table, const struct diff_row *row, struct err *err)
{
    (void)table;
    struct diff_sink *d = context;
    char at[4096] = "";
    if (row->file)
        snprintf(at, sizeof at, "%s:%u", row->file, row->line);
    str_reset(&d->key);
    join(&d->key, row->key, d->key_count);
    bool ok = true;
    if (row->kind == DIFF_CHANGED) {
        for (size_t i = 0; ok && i < row->cell_count; i++) {
            const struct diff_cell *c = &row->cells[i];
            ok = diff_put(d, (const char *const[]){diff_kind_name(row->kind), str_text(&d->key), c->column,
                          c->fixture, c->live, at, row->allowed || c->allowed ? "allowed" : ""}, err);
        }
    } else {
        char *summary = row_summary(row);
        bool missing = row->kind == DIFF_MISSING;
        ok = diff_put(d, (const char *const[]){diff_kind_name(row->kind), str_text(&d->key), "",
                      missing ? summary : NULL, missing ? NULL : summary, at,
                      row->allowed ? "allowed" : ""}, err);
        free(summary);
    }
    if (ok)
        diff_tell(d);
    return ok;
}

static bool diff_end(void *context, const char *table, const struct diff_totals *totals, bool held,
                     struct err *err)
{
    (void)err;
    struct diff_sink *d = context;
    struct input *in = diff_news(d, true);
    in->tables = xcalloc(1, sizeof *in->tables);
    in->table_count = 1;
    in->tables[0] = (struct fact_table){
        .name = xstrdup(table), .held = held, .rows = held ? -1 : (int64_t)totals->live_rows, .min_rows = -1,
        .fixture_rows = (int64_t)totals->fixture_rows, .bytes = -1,
        .missing = held ? -1 : (int64_t)totals->missing, .changed = held ? -1 : (int64_t)totals->changed,
        .extra = held ? -1 : (int64_t)totals->extra,
        .allowed_changed = held ? -1 : (int64_t)totals->allowed_changed,
        .allowed_extra = held ? -1 : (int64_t)totals->allowed_extra,
    };
    ctx_emit(&d->opened->ctx, in);
    return true;
}

static bool run_diff(struct opened *o, const struct effect *e, struct err *err)
{
    struct diff_sink sink = {.opened = o};
    struct diff_report report = {.context = &sink, .begin = diff_begin, .row = diff_row, .end = diff_end,
                                 .meanwhile = diff_tell};
    const char *table = text_or_null(e->name);
    bool identical;
    bool ok = op_diff(&o->session, &table, table ? 1 : 0, e->number == 1, &report, &identical, err);
    if (!ok && sink.told != sink.count)
        ctx_emit(&o->ctx, diff_news(&sink, false));   /* as far as it came */
    diff_forget(&sink);
    str_free(&sink.key);
    return ok;
}

/* ---- a migration's text into a store, a line a row ---- */

static bool store_lines(struct stores *stores, uint64_t store, char *text, struct err *err)
{
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        else if (!*line)
            break;
        size_t length = strlen(line);
        if (length && line[length - 1] == '\r')
            line[length - 1] = '\0';
        if (!stores_append(stores, store, (const char *const[]){line}, 1, err))
            return false;
    }
    return true;
}

static bool run_sql(struct opened *o, const struct effect *e, struct err *err)
{
    struct stores *stores = o->shared->stores;
    char *sql;
    uint64_t store;
    if (!op_migration_sql(&o->session, e->name, &sql, err))
        return false;
    struct str name = {0};
    str_printf(&name, "sql:%s", e->name);
    bool ok = stores_add(stores, str_text(&name), &store, err);
    if (ok && (ok = store_lines(stores, store, sql, err)))
        ctx_emit(&o->ctx, store_input(store, str_text(&name), stores_count(stores, store), true));
    str_free(&name);
    free(sql);
    return ok;
}

/* ---- the others: an effect's fields as an operation's options ---- */

/* Where rows are missing the operator's next question is why: the answer is one pipeline away, scans nothing, and
 * stands in the Overview's sentence. It answers no request: the status was that, and is over. */
static bool run_status(struct opened *o, const struct effect *e, struct err *err)
{
    o->rows_missing = false;
    if (!op_status(&o->session, &(struct status_options){.compare = true, .scan = e->number == 1}, err))
        return false;
    uint64_t request = o->ctx.request;
    struct err unexplained = {0};
    o->ctx.request = 0;
    if (o->rows_missing && !op_diagnose(&o->session, &(struct diagnose_options){.reason = "status"}, &unexplained))
        ctx_log(&o->ctx, "warning", "why rows are missing could not be found out: %s", unexplained.message);
    o->ctx.request = request;
    return true;
}

static bool run_migrations(struct opened *o, const struct effect *e, struct err *err)
{
    (void)e;
    /* that migrations are pending is what the screen shows, not a failure of looking */
    return op_migrate_status(&o->session, err) || err->class == ERR_DIFFERENT;
}

static bool run_migrate(struct opened *o, const struct effect *e, struct err *err)
{
    struct migrate_options options = {.dry_run = e->number == 1, .only = text_or_null(e->name),
                                      .seen = text_or_null(e->seen)};
    return op_migrate(&o->session, &options, err);
}

static bool run_resolve(struct opened *o, const struct effect *e, struct err *err)
{
    return op_migrate_resolve(&o->session, e->name, e->number == 1, err);
}

static bool run_seed(struct opened *o, const struct effect *e, struct err *err)
{
    return op_seed(&o->session, &(struct seed_options){.dry_run = e->number == 1, .seen = text_or_null(e->seen)}, err);
}

static bool run_preserve(struct opened *o, const struct effect *e, struct err *err)
{
    struct preserve_options options = {.dry_run = e->number == 1, .undo = e->number2 == 1,
                                       .seen = text_or_null(e->seen)};
    return op_preserve(&o->session, &options, err);
}

static bool run_restore(struct opened *o, const struct effect *e, struct err *err)
{
    const struct environment *env = o->ctx.environment;
    const char *name = text_or_null(e->name);
    char *path = safepoint_find(name ? name : "last", env->name, NULL, env->state_dir, err);
    struct restore_options options = {.path = path, .dry_run = e->number == 1, .plan_digest = text_or_null(e->seen)};
    bool ok = path && op_restore(&o->session, &options, err);
    free(path);
    return ok;
}

static bool run_verify(struct opened *o, const struct effect *e, struct err *err)
{
    (void)e;
    return op_verify(&o->session, false, err);
}

static bool run_accept(struct opened *o, const struct effect *e, struct err *err)
{
    (void)e;
    return op_accept(&o->session, NULL, NULL, err);
}

static bool run_mark(struct opened *o, const struct effect *e, struct err *err)
{
    (void)e;
    return op_mark(&o->session, false, err);
}

static bool run_diagnose(struct opened *o, const struct effect *e, struct err *err)
{
    return op_diagnose(&o->session, &(struct diagnose_options){.deep = e->number == 1, .reason = ""}, err);
}

static bool run_activity(struct opened *o, const struct effect *e, struct err *err)
{
    (void)e;
    return op_activity(&o->session, err);
}

static bool run_signal_backend(struct opened *o, const struct effect *e, struct err *err)
{
    return op_backend_signal(&o->session, e->number, e->number2 == 1, err);
}

/* ---- prune, reset, converge: the rows that go into a store ---- */

struct removal_sink {
    struct opened *opened;
    uint64_t store, count;
    int64_t told_ms;
};

static struct input *removal_news(struct removal_sink *sink, bool complete)
{
    struct input *in = store_input(sink->store, "plan", sink->count, complete);
    in->columns = xcalloc(REMOVAL_CELLS, sizeof *in->columns);
    for (; in->column_count < REMOVAL_CELLS; in->column_count++)
        in->columns[in->column_count].text = xstrdup(removal_titles[in->column_count]);
    sink->told_ms = clock_mono_ms();
    return in;
}

static bool removal_row(void *context, const struct removal_row *row, struct err *err)
{
    struct removal_sink *sink = context;
    if (!row) {
        ctx_emit(&sink->opened->ctx, removal_news(sink, true));
        return true;
    }
    for (size_t i = 0; i < removal_lines(row); i++) {
        const char *cells[REMOVAL_CELLS];
        removal_cells(row, i, cells);
        if (!stores_append(sink->opened->shared->stores, sink->store, cells, REMOVAL_CELLS, err))
            return false;
        sink->count++;
    }
    if (clock_mono_ms() - sink->told_ms >= STORE_NEWS_MS)
        ctx_emit(&sink->opened->ctx, removal_news(sink, false));
    return true;
}

/* "Alert, Measurement" as it was typed in the dialog, in pieces that borrow from `names`. */
static size_t split_names(char *names, const char **list, size_t most)
{
    size_t count = 0;
    for (char *at = names; at && *at && count < most;) {
        list[count++] = at;
        at = strstr(at, ", ");
        if (at) {
            *at = '\0';
            at += 2;
        }
    }
    return count;
}

static bool plan_removal(struct opened *o, struct prune_options *options, struct err *err)
{
    struct removal_sink sink = {.opened = o};
    if (!stores_add(o->shared->stores, "plan", &sink.store, err))
        return false;
    options->row = removal_row;
    options->operational_most = UINT64_MAX;
    options->context = &sink;
    return op_prune(&o->session, options, err);
}

/* What was seen is the digest and, in a line below, how many rows of the application's there were. */
static bool run_prune(struct opened *o, const struct effect *e, struct err *err)
{
    enum { NAMES_MOST = 64 };
    const char *list[NAMES_MOST];
    char *names = xstrdup(e->name ? e->name : ""), *seen = xstrdup(e->seen ? e->seen : "");
    char *rows = strchr(seen, '\n');
    struct prune_options options = {.kind = (enum removal_kind)e->number2, .dry_run = e->number == 1,
                                    .seen_operational = rows ? strtoll(rows + 1, NULL, 10) : -1};
    if (rows)
        *rows = '\0';
    options.seen = text_or_null(seen);
    o->ctx.confirm_operational = list;
    o->ctx.confirm_operational_count = split_names(names, list, NAMES_MOST);
    bool ok = options.dry_run ? plan_removal(o, &options, err) : op_prune(&o->session, &options, err);
    o->ctx.confirm_operational = NULL;
    o->ctx.confirm_operational_count = 0;
    free(names);
    free(seen);
    return ok;
}

const struct operation *operation_of(enum effect_kind kind)
{
    static const struct operation table[EFFECT_KIND_COUNT] = {
        [EFFECT_OPEN] = {.name = "open", .run = run_status},
        [EFFECT_STATUS] = {.name = "status", .run = run_status},
        [EFFECT_MIGRATIONS] = {.name = "migrations", .run = run_migrations},
        [EFFECT_MIGRATE] = {.name = "migrate", .run = run_migrate, .writes = true},
        [EFFECT_RESOLVE] = {.name = "resolve", .run = run_resolve, .writes = true},
        [EFFECT_SQL] = {.name = "sql", .run = run_sql},
        [EFFECT_DIFF] = {.name = "diff", .run = run_diff},
        [EFFECT_SEED] = {.name = "seed", .run = run_seed, .writes = true},
        [EFFECT_PRUNE] = {.name = "prune", .run = run_prune, .writes = true},
        [EFFECT_PRESERVE] = {.name = "preserve", .run = run_preserve, .writes = true},
        [EFFECT_RESTORE] = {.name = "restore", .run = run_restore, .writes = true},
        [EFFECT_VERIFY] = {.name = "verify", .run = run_verify},
        [EFFECT_ACCEPT] = {.name = "accept", .run = run_accept, .writes = true},
        [EFFECT_MARK] = {.name = "mark", .run = run_mark, .writes = true},
        [EFFECT_DIAGNOSE] = {.name = "diagnose", .run = run_diagnose},
        [EFFECT_ACTIVITY] = {.name = "activity", .run = run_activity, .aside = true},
        [EFFECT_SIGNAL_BACKEND] = {.name = "signal", .run = run_signal_backend, .writes = true,
                                   .aside = true},
    };
    return (unsigned)kind < EFFECT_KIND_COUNT && table[kind].run ? &table[kind] : NULL;
}
