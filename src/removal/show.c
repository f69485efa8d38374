/* show - the plan as people see it: what goes, what goes with it, what changes, what is in the way, what else
 * runs. */
#include <stdlib.h>
#include <string.h>

#include "op/lineage.h"
#include "removal/removal.h"

struct steps { struct input *in; struct removal *removal; };

__attribute__((format(printf, 6, 7)))
static void add(struct steps *s, const char *action, const char *object, int64_t rows, bool danger,
                const char *format, ...)
{
    struct input *in = s->in;
    va_list args;
    char *detail;
    va_start(args, format);
    if (vasprintf(&detail, format, args) < 0)
        err_abort("removal: out of memory");
    va_end(args);
    in->steps = xrealloc(in->steps, (in->step_count + 1) * sizeof *in->steps);
    in->steps[in->step_count++] = (struct fact_step){.action = xstrdup(action), .object = xstrdup(object),
                                                     .detail = detail, .rows = rows, .danger = danger};
}

static const char *growing(const struct removal *r, size_t family)
{
    return r->graph.relations[family].context ? "" : "; operational: now this many, and growing";
}

static void show_roots(struct steps *s)
{
    struct removal *r = s->removal;
    for (size_t i = 0; i < r->graph.relation_count; i++) {
        const struct bound *b = removal_bound(r, i);
        if (r->root_rows[i])
            add(s, "delete", removal_name(r, i), (int64_t)r->root_rows[i], !r->graph.relations[i].context, "%s%s%s",
                r->options->kind == REMOVAL_RESET ? "every row; " : "not in ", b ? b->fixture->file : "its fixture",
                growing(r, i));
    }
}

static void show_cascades(struct steps *s)
{
    struct removal *r = s->removal;
    for (size_t i = 0; i < r->graph.relation_count; i++) {
        uint64_t rows = r->planned[i] - r->root_rows[i];
        struct str by = {0};
        if (rows == 0)
            continue;
        for (size_t e = 0; e < r->graph.edge_count; e++)
            if (r->cascade.by[e] && r->graph.relations[r->graph.edges[e].child].family == i)
                str_printf(&by, "%s%s", by.length ? ", " : "", r->graph.edges[e].name);
        add(s, "cascade", removal_name(r, i), (int64_t)rows, !r->graph.relations[i].context, "by %s%s",
            str_text(&by), growing(r, i));
        str_free(&by);
    }
}

/* The first column that would become NULL and may not. */
static const char *null_refused(struct removal *r, size_t e, bool update)
{
    for (size_t i = 0; i < r->graph.edges[e].count; i++) {
        const struct db_column *column = removal_edge_column(r, e, i);
        if (!column || !removal_changes_column(r, e, update, i) ||
            !(column->not_null || column->type.domain_not_null))
            continue;
        struct removal_value value = removal_becomes(r, e, update, i);
        if (value.sql && strcmp(value.sql, "NULL") == 0)
            return column->name;
    }
    return NULL;
}

/* Rows that change, or that cannot. */
static void show_change(struct steps *s, size_t e, bool update, const char *action, int64_t rows)
{
    struct removal *r = s->removal;
    const struct graph_edge *edge = &r->graph.edges[e];
    size_t child = r->graph.relations[edge->child].family;
    const char *refused = rows ? null_refused(r, e, update) : NULL;
    if (refused) {
        r->blocked = true;
        add(s, "blocked", removal_name(r, child), rows, true, "%s would set NULL in %s, which is NOT NULL", edge->name, refused);
    } else if (rows) {
        add(s, action, removal_name(r, child), rows, !r->graph.relations[child].context, "by %s%s%s", edge->name,
            update ? ", ON UPDATE" : "", growing(r, child));
    }
}

static void show_edge(struct steps *s, size_t e)
{
    struct removal *r = s->removal;
    const struct graph_edge *edge = &r->graph.edges[e];
    size_t child = r->graph.relations[edge->child].family;
    const char *name = removal_name(r, child);
    int64_t met = (int64_t)cascade_others(&r->cascade, &r->cascade.met[e]);
    int64_t updated = (int64_t)cascade_others(&r->cascade, &r->cascade.updated[e]);
    int64_t resolved = (int64_t)cascade_count(&r->cascade.met[e]) - met;
    if (cascade_edge_changes(edge))
        show_change(s, e, false, edge->on_delete == 'n' ? "set null" : "set default", met);
    if (met && cascade_edge_blocks(edge))
        add(s, "blocked", name, met, true, "by %s, ON DELETE %s", edge->name, removal_action(edge->on_delete));
    if (resolved && cascade_edge_blocks(edge))
        add(s, "resolved", name, resolved, false, "%s is no obstacle: these rows go too, and first", edge->name);
    if (cascade_edge_follows(edge))
        show_change(s, e, true, "update", updated);
    else if (updated)
        add(s, "blocked", name, updated, true, "by %s, ON UPDATE %s of a key that would change", edge->name,
            removal_action(edge->on_update));
}

static bool changes_rows(const struct removal *r, size_t family)
{
    for (size_t e = 0; e < r->graph.edge_count; e++)
        if (r->graph.relations[r->graph.edges[e].child].family == family &&
            (cascade_others(&r->cascade, &r->cascade.met[e]) || cascade_others(&r->cascade, &r->cascade.updated[e])))
            return true;
    return false;
}

static void show_hooks(struct steps *s)
{
    struct removal *r = s->removal;
    for (size_t i = 0; i < r->graph.hook_count; i++) {
        const struct graph_hook *hook = &r->graph.hooks[i];
        size_t family = r->graph.relations[hook->relation].family;
        if ((hook->on_delete && r->planned[family]) || (hook->on_update && changes_rows(r, family)))
            add(s, hook->rule ? "rule" : "trigger", removal_name(r, family), -1, false, "%s %s", hook->name,
                hook->rule ? "rewrites the statement" : "fires");
    }
}

static void show_parts(struct steps *s)
{
    struct removal *r = s->removal;
    for (size_t i = 0; i < r->graph.relation_count; i++)
        for (size_t p = 0; r->cascade.doomed[i].count > 1 && p < r->cascade.doomed[i].count; p++) {
            const struct cascade_part *part = &r->cascade.doomed[i].parts[p];
            add(s, "part", r->graph.relations[part->relation].name, (int64_t)part->rows.count, false, "of %s",
                removal_name(r, i));
        }
}

static void show_seed(struct steps *s)
{
    struct removal *r = s->removal;
    for (size_t i = 0; i < r->declared.set.count && r->options->kind == REMOVAL_RESET; i++)
        if (r->declared.set.items[i].fixture->row_count)
            add(s, "insert", r->declared.set.items[i].fixture->table, (int64_t)r->declared.set.items[i].fixture->row_count,
                false, "%s", r->declared.set.items[i].fixture->file);
    for (size_t i = 0; r->seeds && i < r->seed.count; i++) {
        const struct table_plan *t = &r->seed.tables[i];
        if (t->insert_rows)
            add(s, "insert", t->bound->fixture->table, (int64_t)t->insert_rows, false, "%s", t->bound->fixture->file);
        if (t->updates.count)
            add(s, "update", t->bound->fixture->table, (int64_t)t->updates.count, false, "%s", t->bound->fixture->file);
    }
    if (r->again && r->seeds)
        add(s, "insert", "declared rows", (int64_t)r->again, false, "that go with others, and are written again");
}

static void add_guard(struct input *in, const struct guard_answer *guard)
{
    in->guard.local = guard->local;
    in->guard.seed_allowed = guard->allowed;
    in->guard.reasons = xcalloc(guard->reason_count + 1, sizeof *in->guard.reasons);
    for (; in->guard.reason_count < guard->reason_count; in->guard.reason_count++)
        in->guard.reasons[in->guard.reason_count].text = xstrdup(guard->reasons[in->guard.reason_count]);
    in->guard.allow_line = xstrdup(guard->allow_line);
}

static int64_t bytes_to_save(struct removal *r)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < r->graph.relation_count; i++)
        if (r->planned[i])
            bytes += safepoint_estimate(r->graph.relations[i].table, (int64_t)r->planned[i]);
    return bytes;
}

struct input *removal_event(struct removal *r)
{
    struct input *in = input_new(IN_PLAN);
    struct steps steps = {.in = in, .removal = r};
    struct str sentence = {0};
    in->name = xstrdup(removal_word(r));
    in->text = xstrdup(r->digest);
    in->number = (int64_t)r->rows + (r->seeds ? (int64_t)(r->seed.rows + r->again) : 0);
    in->number2 = (int64_t)r->operational_rows;
    in->rate = r->rows ? bytes_to_save(r) : 0;
    in->expect = xstrdup(lineage_name(lineage_of(r->session, &sentence)));
    in->title = str_take(&sentence);
    in->columns = xcalloc(r->operational_count + 1, sizeof *in->columns);
    for (; in->column_count < r->operational_count; in->column_count++)
        in->columns[in->column_count].text = xstrdup(r->operational[in->column_count]);
    show_roots(&steps);
    show_cascades(&steps);
    show_parts(&steps);
    for (size_t e = 0; e < r->graph.edge_count; e++)
        show_edge(&steps, e);
    show_hooks(&steps);
    show_seed(&steps);
    in->ok = !r->blocked;
    add_guard(in, &r->guard);
    return in;
}

bool removal_refuse_blocked(struct removal *r, struct err *err)
{
    struct input *in = removal_event(r);
    const struct fact_step *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < in->step_count; i++)
        if (strcmp(in->steps[i].action, "blocked") == 0 && count++ == 0)
            first = &in->steps[i];
    if (first) {
        err_set(err, ERR_CONFLICT, "%lld %s of %s %s in the way", (long long)first->rows,
                first->rows == 1 ? "row" : "rows", first->object, first->rows == 1 ? "is" : "are");
        err_why(err, "%s%s", first->detail, count > 1 ? "; and others, the plan names each" : "");
        err_hint(err, "nothing was deleted; move or remove those rows first");
    }
    input_free(in);
    return !first;
}
