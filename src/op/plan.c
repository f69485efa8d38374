/* plan - a diff of every declared table, kept as the rows to write. */
#include "op/plan.h"

#include <stdlib.h>
#include <string.h>

#include "diff/row.h"

/* What all tables together keep of their missing rows before it goes to disk. */
enum { INSERTS_MEMORY = 3 * 1024 * 1024, INSERTS_LEAST = 64 * 1024 };

struct collector {
    struct session *session;
    const struct declared *declared;
    struct precheck **precheck;    /* NULL: none is wanted */
    struct table_plan *table;
    uint64_t found;                /* rows to write, of all tables */
    struct hash_bulk *rows;
    struct str record, hashed;
};

/* The digest is over what people were shown, so a secret is in it only as one. What a missing row holds is the
 * fixtures' digest's business. */
static void hash_row(struct collector *c, const struct bound *bound, const struct diff_row *row)
{
    struct str *h = &c->hashed;
    str_reset(h);
    pack_u32(h, (uint32_t)row->kind);
    for (size_t k = 0; k < bound->key_count; k++)
        pack_text(h, row->key[k]);
    for (size_t i = 0; row->kind == DIFF_CHANGED && i < row->cell_count; i++) {
        pack_text(h, row->cells[i].column);
        pack_text(h, row->cells[i].fixture);
        pack_text(h, row->cells[i].live);
    }
    hash_bulk_add(c->rows, h->text, h->length);
}

static void hash_table(struct collector *c, const struct db_table *table)
{
    str_reset(&c->hashed);
    pack_text(&c->hashed, table->schema);
    pack_text(&c->hashed, table->name);
    hash_bulk_add(c->rows, c->hashed.text, c->hashed.length);
}

static void pack_update(struct str *out, const struct bound *bound, const struct diff_row *row)
{
    row_pack(bound, row->row, out);
    for (size_t k = 0; k < bound->key_count; k++)
        pack_text(out, row->live_key[k]);
    size_t place = out->length;
    uint32_t count = 0;
    pack_u32(out, 0);
    for (size_t i = 0; i < row->cell_count; i++) {
        if (row->cells[i].allowed)
            continue;
        count++;
        pack_u32(out, (uint32_t)row->cells[i].bound_column);
        pack_text(out, row->cells[i].live_raw);
    }
    memcpy(out->text + place, &count, sizeof count);
}

void plan_unpack_update(const struct bound *b, const char *bytes, struct arena *arena, struct plan_update *u)
{
    size_t columns = b->fixture->column_count;
    row_unpack(b, &bytes, arena, &u->row);
    u->key = arena_alloc(arena, b->key_count * sizeof *u->key);
    u->old = arena_alloc(arena, columns * sizeof *u->old);
    u->changed = arena_alloc(arena, columns * sizeof *u->changed);
    for (size_t k = 0; k < b->key_count; k++)
        u->key[k] = unpack_text(&bytes, arena);
    for (uint32_t n = unpack_u32(&bytes); n > 0; n--) {
        uint32_t i = unpack_u32(&bytes);
        u->old[i] = unpack_text(&bytes, arena);
        u->changed[i] = true;
    }
}

static void note_shape(struct table_plan *t, const struct fixture_row *row)
{
    size_t count = t->bound->fixture->column_count;
    bool first = t->inserts.count == 0;
    if (first) {
        t->plain = true;
        t->given = xcalloc(count, sizeof *t->given);
    }
    for (size_t i = 0; i < count; i++) {
        enum value_kind kind = row->values[i].kind;
        if (first)
            t->given[i] = kind != VALUE_ABSENT;
        t->plain &= t->given[i] == (kind != VALUE_ABSENT) && kind != VALUE_REF && kind != VALUE_SQL;
    }
}

static bool collect(void *context, const struct diff_row *row, struct err *err)
{
    struct collector *c = context;
    const struct bound *bound = c->table->bound;
    if (row->kind == DIFF_EXTRA || row->allowed)
        return true;
    if (++c->found == PRECHECK_WORTH_ROWS && c->precheck)
        *c->precheck = precheck_begin(c->session, c->declared);
    hash_row(c, bound, row);
    str_reset(&c->record);
    if (row->kind == DIFF_MISSING) {
        note_shape(c->table, row->row);
        row_pack(bound, row->row, &c->record);
        return spool_add(&c->table->inserts, c->record.text, c->record.length, err);
    }
    pack_update(&c->record, bound, row);
    return spool_add(&c->table->updates, c->record.text, c->record.length, err);
}

static void progress(void *context, uint64_t done, int64_t total)
{
    struct collector *c = context;
    ctx_progress(c->session->ctx, c->table->bound->fixture->table, (int64_t)done, total, false);
}

bool plan_make(struct session *s, const struct declared *d, struct plan *plan, struct precheck **precheck,
               struct err *err)
{
    *plan = (struct plan){.tables = xcalloc(d->set.count, sizeof *plan->tables), .count = d->set.count};
    struct hash hash;
    struct hash_bulk rows;
    struct collector c = {.session = s, .declared = d, .precheck = precheck, .rows = &rows};
    hash_init(&hash);
    hash_bulk_init(&rows);
    hash_add_field(&hash, "seed");
    hash_add_field(&hash, s->ctx->environment->name);
    hash_add_field(&hash, s->identity.system_identifier);
    hash_add_field(&hash, s->fixtures.digest);
    bool ok = true;
    for (size_t i = 0; ok && i < plan->count; i++) {
        c.table = &plan->tables[i];
        c.table->bound = &d->set.items[i];
        size_t share = INSERTS_MEMORY / plan->count;
        c.table->inserts.limit = share > INSERTS_LEAST ? share : INSERTS_LEAST;
        hash_table(&c, c.table->bound->table);
        struct diff_options options = declared_diff_options(s, c.table->bound);
        options.in_transaction = d->in_transaction;
        options.bare = options.no_extra = true;
        options.row = collect;
        options.progress = progress;
        options.context = &c;
        ok = diff_table(s->db, c.table->bound, &options, &c.table->totals, err);
        plan->rows += c.table->inserts.count + c.table->updates.count;
    }
    hash_bulk_end(&rows, &hash);
    hash_hex(&hash, plan->digest);
    str_free(&c.hashed);
    str_free(&c.record);
    if (!ok)
        plan_free(plan);
    return ok;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        spool_free(&plan->tables[i].inserts);
        spool_free(&plan->tables[i].updates);
        free(plan->tables[i].given);
    }
    free(plan->tables);
    *plan = (struct plan){0};
}

static void add_step(struct input *in, const char *action, const struct table_plan *t, uint64_t rows)
{
    if (rows == 0)
        return;
    struct fact_step *step = &in->steps[in->step_count++];
    *step = (struct fact_step){.action = xstrdup(action), .object = xstrdup(t->bound->fixture->table),
                               .detail = xstrdup(t->bound->fixture->file), .rows = (int64_t)rows};
}

static void add_guard(struct input *in, const struct guard_answer *guard)
{
    in->guard.local = guard->local;
    in->guard.seed_allowed = guard->allowed;
    in->guard.reasons = xcalloc(guard->reason_count, sizeof *in->guard.reasons);
    for (; in->guard.reason_count < guard->reason_count; in->guard.reason_count++)
        in->guard.reasons[in->guard.reason_count].text = xstrdup(guard->reasons[in->guard.reason_count]);
    in->guard.allow_line = xstrdup(guard->allow_line);
}

struct input *plan_event(const struct plan *plan, const struct guard_answer *guard)
{
    struct input *in = input_new(IN_PLAN);
    in->name = xstrdup("seed");
    in->text = xstrdup(plan->digest);
    in->number = (int64_t)plan->rows;
    in->steps = xcalloc(plan->count * 2, sizeof *in->steps);
    for (size_t i = 0; i < plan->count; i++) {
        add_step(in, "insert", &plan->tables[i], plan->tables[i].inserts.count);
        add_step(in, "update", &plan->tables[i], plan->tables[i].updates.count);
    }
    add_guard(in, guard);
    return in;
}

struct input *plan_unread_event(const struct declared *d, const char *digest, const struct guard_answer *guard)
{
    struct input *in = input_new(IN_PLAN);
    in->name = xstrdup("seed");
    in->text = xstrdup(digest);
    in->steps = xcalloc(d->set.count, sizeof *in->steps);
    in->step_count = d->set.count;
    for (size_t i = 0; i < d->set.count; i++) {
        const struct fixture *f = d->set.items[i].fixture;
        in->steps[i] = (struct fact_step){.action = xstrdup("insert"), .object = xstrdup(f->table),
            .detail = xstrdup(d->held[i] ? "at most; held: its deleted rows will be lost" : "at most"),
            .rows = (int64_t)f->row_count};
        in->number += (int64_t)f->row_count;
    }
    add_guard(in, guard);
    return in;
}
